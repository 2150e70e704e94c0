/* SPDX-License-Identifier: Apache-2.0
 *
 * build.h - puts what the worker said, once check.h has judged it, into a
 * checkpoint.  The only allocations that a worker can cause are made here, and
 * each is for something that the running totals have already paid for.
 */
#ifndef BROKER_BUILD_H
#define BROKER_BUILD_H

#include "check.h"
#include "checkpoint.h"
#include "wire.h"

/* Streamed storages of at least this many bytes are mapped, smaller ones come
 * from the heap: a page for each of a million scalars would be 4 GiB. */
#define STORAGE_MAP_MIN ((uint64_t)64 * 1024)

enum build { BUILD_OK, BUILD_TAKEN, BUILD_NO_MEMORY };

/* Appends; the checkpoint is unchanged unless BUILD_OK.  TAKEN: the name is
 * that of an earlier tensor or alias. */
enum build build_storage(pfork_checkpoint *c, const struct wire_storage *m);
enum build build_tensor(pfork_checkpoint *c, const struct wire_tensor *m,
    const struct geometry *g);
/* more: a further box of the newest tensor. */
enum build build_piece(pfork_checkpoint *c, const struct wire_piece *m,
    const struct geometry *g, bool more);
enum build build_alias(pfork_checkpoint *c, const struct wire_alias *m);
enum build build_note(pfork_checkpoint *c, const struct wire_note *m);
/* A note of our own about the newest alias. */
enum build build_alias_note(pfork_checkpoint *c);
enum build build_scalar(pfork_checkpoint *c, const struct wire_scalar *m);

#endif
