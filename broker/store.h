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
#include "sha256.h"

struct store_pin {
	char *file;		/* as it will be opened */
	uint8_t sha256[SHA256_BYTES];
};

struct pfork_store {
	struct pfork_broker broker;
	int root;
	struct identity root_id;
	uint32_t flags;
	uint32_t files;
	bool root_is_open;	/* others may write to the directory */
	struct store_pin *pins;	/* sorted by file */
	size_t pin_count;
};

/* What is left of the limits that hold for all files of one load. */
struct store_budget {
	struct pfork_broker broker;	/* its limits shrink */
	uint64_t started;		/* milliseconds */
	uint64_t wall_ms;
	bool contiguous_limited;	/* the caller set that limit */
	uint64_t opened_bytes;		/* of all files so far */
	uint64_t contiguous;		/* of all tensors handed out so far */
	/* What all files together may make us keep beside those: */
	uint64_t storages;
	uint64_t archives;		/* tensors of data files */
};

/* How a file of a set is read. */
enum store_part {
	PART_CHECKPOINT,	/* for itself */
	PART_DISTCP,		/* a data file: archives, end to end */
	PART_RAW		/* tensors stand in it as they are: no worker
				 * reads it, unless the broker may not */
};

/* A set while it is made. */
struct store_set {
	const struct pfork_store *store;
	struct store_budget *budget;
	pfork_checkpoint *c;		/* the index, which becomes the set */
	const char *path;		/* of the index */
	size_t directory;		/* bytes of it, with the last '/' */
	bool scan;
	uint64_t storages;		/* numbers given out */
};

/* store_file.c.  *others_write: group or others may write to the file, or its
 * owner is neither root nor the caller. */
enum pfork_code store_open_file(const struct pfork_store *s, const char *path,
    int *fd, bool *others_write, pfork_error *err);
/* Others may write to a directory on the way to it, root and last included. */
bool store_way_is_open(const struct pfork_store *s, const char *path);
/* The name of one file in one directory: no separator, no "..". */
bool store_name_is_sibling(const char *name, size_t length);
/* Loads one file within the budget, and takes from it.  scan: as
 * pfork_scan_path. */
enum pfork_code store_load_file(const struct pfork_store *s,
    struct store_budget *budget, const char *path, enum store_part how,
    bool scan, pfork_checkpoint **out, bool *others_write, pfork_error *err);
/* Time is left; what is left of it is the broker's. */
enum pfork_code store_spend_time(struct store_budget *budget,
    pfork_error *err);
/* None is: TIMEOUT. */
enum pfork_code store_too_late(const struct store_budget *budget,
    pfork_error *err);
/* The sum of what is handed out, against the limit on contiguous bytes. */
enum pfork_code store_judge_sum(const struct store_budget *budget,
    pfork_error *err);

/* store_pin.c: sorts and copies; ARGS for one that is twice there. */
enum pfork_code store_take_pins(struct pfork_store *s, const pfork_pin *pins,
    size_t count, pfork_error *err);
void store_free_pins(struct pfork_store *s);
/* REFUSED when the bytes of the input are not those that were promised. */
enum pfork_code store_judge_pin(const struct pfork_store *s,
    struct store_budget *budget, const char *path, const struct source *input,
    pfork_error *err);

/* store_set.c: c is a loaded file, found at `path`.  When it names others, it
 * becomes the set.  scan: what is wrong with a file becomes the set's fault. */
enum pfork_code store_make_set(const struct pfork_store *s,
    struct store_budget *budget, const char *path, bool scan,
    pfork_checkpoint *c, pfork_error *err);
/* Loads a sibling of the index, and takes its notes and verdict.  *part belongs
 * to the set; NULL with PFORK_OK: a scan has recorded its fault. */
enum pfork_code store_add_part(struct store_set *set, const char *file,
    enum store_part how, pfork_checkpoint **part, pfork_error *err);
/* "FILE: TEXT" as a note; false: no memory. */
bool store_note(pfork_checkpoint *c, uint64_t notes_max, const char *file,
    const struct note_entry *note);
enum pfork_code store_no_memory(pfork_error *err);

/* store_index.c: the tensors that an "hf-index" names. */
enum pfork_code store_make_index(struct store_set *set, pfork_error *err);
/* store_pieces.c: the tensors whose boxes stand in other files. */
enum pfork_code store_make_pieces(struct store_set *set, pfork_error *err);

#endif
