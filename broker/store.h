/* SPDX-License-Identifier: Apache-2.0
 *
 * store.h - a directory that files may be loaded from.  What a file says is
 * never a path here but the name of a sibling; the kernel (openat2) holds every
 * opening beneath the root.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "broker.h"
#include "checkpoint.h"

struct pfork_store {
	struct pfork_broker broker;
	int root;
	uint32_t flags;
	uint32_t files;
	bool root_is_open;	/* others may write to the directory */
};

/* What is left of the limits that hold for all files of one load. */
struct store_budget {
	struct pfork_broker broker;	/* its limits shrink */
	uint64_t started;		/* milliseconds */
	uint64_t wall_ms;
	bool contiguous_limited;	/* the caller set that limit */
};

/* store_file.c.  *others_write: group or others may write to the file, or its
 * owner is neither root nor the caller. */
enum pfork_code store_open_file(const struct pfork_store *s, const char *path,
    int *fd, bool *others_write, pfork_error *err);
/* The name of one file in one directory: no separator, no "..". */
bool store_name_is_sibling(const char *name, size_t length);
/* Loads one file within the budget, and takes from it. */
enum pfork_code store_load_file(const struct pfork_store *s,
    struct store_budget *budget, const char *path, pfork_checkpoint **out,
    bool *others_write, pfork_error *err);

/* store_set.c: c is a loaded index, found at `path`; it becomes the set. */
enum pfork_code store_make_set(const struct pfork_store *s,
    struct store_budget *budget, const char *path, pfork_checkpoint *c,
    pfork_error *err);
/* "FILE: TEXT" as a note; false: no memory. */
bool store_note(pfork_checkpoint *c, uint64_t notes_max, const char *file,
    const struct note_entry *note);

#endif
