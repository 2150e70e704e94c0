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

/* Top-level modules of the standard library, sorted.  Generated. */
extern const char *const names_stdlib[];
extern const size_t names_stdlib_count;

/* A name that honest checkpoints hold.  "a.*" as module is a and all below it;
 * a last '*' in `name` stands for the rest of an identifier. */
struct honest_name {
	const char *module;
	const char *name;
	enum verdict referred;
	enum verdict called;
};
extern const struct honest_name names_honest[];
extern const size_t names_honest_count;

/* Packages outside the standard library whose business is to run code, to
 * install it or to talk to the network: dangerous even when only named. */
extern const char *const names_runners[];
extern const size_t names_runners_count;

/* Attributes that reach a module or the machinery of a class through something
 * harmless: "os" in "pathlib.os.system", "__globals__". */
extern const char *const names_bridges[];
extern const size_t names_bridges_count;

/* Attributes that change what an object does, when a BUILD writes them. */
extern const char *const names_hooks[];
extern const size_t names_hooks_count;

/* Functions that call (or make an instance of) one of their arguments. */
struct caller_name {
	const char *module;
	const char *name;
	unsigned argument;
};
extern const struct caller_name names_callers[];
extern const size_t names_callers_count;

#endif
