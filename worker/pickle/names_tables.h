/* SPDX-License-Identifier: Apache-2.0
 *
 * names_tables.h - the lists of names behind the verdict.  Allow-lists, but for
 * names_stdlib (a closed set, all of it suspect) and names_runners.  Tables
 * alone; the rules are in verdict_name.c.
 */
#ifndef WORKER_NAMES_TABLES_H
#define WORKER_NAMES_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "wire.h"

/* Texts stand in their tables, zero-terminated, and no table holds a pointer:
 * those are relocated, and so their pages copied, whenever a worker starts. */
#define NAMES_ROOM 28
#define NAMES_MODULE_ROOM 32

/* Top-level modules of the standard library, sorted.  Generated. */
extern const char names_stdlib[][NAMES_ROOM];
extern const size_t names_stdlib_count;

/* Functions that only compute, sorted.  Generated. */
#define NAMES_OP_ROOM 32
extern const char names_torch_ops[][NAMES_OP_ROOM];
extern const size_t names_torch_ops_count;
extern const char names_numpy_ops[][NAMES_OP_ROOM];
extern const size_t names_numpy_ops_count;
/* verdict_name.c. */
bool names_is_torch_op(const char *at, size_t len);

/* A name that honest checkpoints hold.  "a.*" as module is a and all below it;
 * a last '*' in `name` stands for the rest of an identifier. */
struct honest_name {
	char module[NAMES_MODULE_ROOM];
	char name[NAMES_ROOM];
	enum verdict referred;
	enum verdict called;
};
extern const struct honest_name names_honest[];
extern const size_t names_honest_count;

/* Packages outside the standard library whose business is to run code, to
 * install it or to talk to the network: dangerous even when only named. */
extern const char names_runners[][NAMES_ROOM];
extern const size_t names_runners_count;

/* Attributes that reach a module or the machinery of a class through something
 * harmless: "os" in "pathlib.os.system", "__globals__". */
extern const char names_bridges[][NAMES_ROOM];
extern const size_t names_bridges_count;

/* Attributes that change what an object does, when a BUILD writes them. */
extern const char names_hooks[][NAMES_ROOM];
extern const size_t names_hooks_count;

/* Functions that call (or make an instance of) one of their arguments. */
struct caller_name {
	char module[NAMES_MODULE_ROOM];
	char name[NAMES_ROOM];
	unsigned argument;
};
extern const struct caller_name names_callers[];
extern const size_t names_callers_count;

#endif
