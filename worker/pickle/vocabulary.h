/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary.h - the torch and numpy words that mean tensors: given a node,
 * says what it describes, after judging every number in it.  The walk calls it.
 */
#ifndef WORKER_VOCABULARY_H
#define WORKER_VOCABULARY_H

#include "sink.h"
#include "walk.h"

enum meaning {
	MEANS_NOTHING,	/* walk into it as a container or object */
	MEANS_TENSOR,	/* one or more tensors were emitted, or left out by
			 * name; do not walk into it */
	MEANS_SAME_AS,	/* inner stands for it (a Parameter's tensor, a
			 * torch.Size's tuple): walk that in its place */
	MEANS_PLAIN	/* plain data without tensors (device, dtype) */
};

/* One tensor that was sent: the number that sink_tensor gave, and what stood
 * after its name. */
struct sent {
	const char *suffix;
	uint32_t tensor;
};

struct meant {
	enum meaning meaning;
	vref inner;
	vref also;	/* a state, or items, that may hold further tensors: to
			 * be walked under the same path; or VREF_MISSING */
	uint32_t first;	/* in home->words->sent: what was emitted, so that */
	uint32_t count;	/* the walk can send aliases */
};

/* Room for one walk in a window of the job, kept for the next one there: some
 * files have thousands (a pickle of each value, a file in each tensor). */
struct walk_room {
	struct path_part *parts;
	struct frame *stack;
	uint64_t deepest;
	size_t above;
};
#define WALK_ROOMS 4

/* What is remembered of one file: storages declared, tensors sent. */
struct vocabulary {
	struct storage_seen **seen;	/* by id, in pages */
	uint32_t seen_capacity;		/* of the list of pages */
	uint32_t seen_pages;
	struct sent *sent;
	uint32_t sent_count;		/* that a record may still name */
	uint64_t sent_ever;
	uint32_t sent_capacity;
	/* Storages made from nodes of the pickle: node->mark - 1 says which. */
	struct {
		uint64_t bytes;
		uint32_t id;
	} *made;
	uint32_t made_count;
	uint32_t made_capacity;
	/* Bytes that held a storage's file (wrapped.c): open addressing. */
	struct wrapped_seen *wrapped;
	uint32_t wrapped_count;
	uint32_t wrapped_capacity;	/* a power of two */
	/* Views of legacy storages (torch_storage.c): open addressing. */
	struct view_seen *views;
	uint32_t view_count;
	uint32_t view_capacity;		/* a power of two */
	uint8_t *chunk;			/* for copies; made when needed */
	struct walk_room rooms[WALK_ROOMS];	/* by the window's depth */
	uint32_t rooms_made;
};

/* Makes home->words when there is none yet. */
void vocabulary_start(struct storage_home *home);
/* Looks at the CALL (or PERSID) node v, reached under path. */
struct meant vocabulary_read(struct graph *g, vref v, const struct path *path,
    struct storage_home *home);
/* Does the vocabulary know this global (referred to, or called)?  Used by the
 * verdict: CLEAN, UNUSUAL (module classes), or UNDECIDED for "not mine". */
enum verdict vocabulary_knows(const char *module, size_t module_len,
    const char *name, size_t name_len, bool called);

#endif
