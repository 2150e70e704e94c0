/* SPDX-License-Identifier: Apache-2.0
 *
 * flax_tree.h - the walk of a flax file: where it stands, and what its files
 * share.
 */
#ifndef WORKER_FLAX_TREE_H
#define WORKER_FLAX_TREE_H

#include "flax_array.h"
#include "sink.h"
#include "unique.h"

#define FLAX_CHUNKED "__msgpack_chunked_array__"

struct flax_frame {
	uint64_t left;		/* items or pairs to come */
	uint64_t index;		/* of the next item */
	uint32_t map;		/* number of the map; 0: an array */
	uint8_t digits[20];	/* of the item's index */
};

struct flax_tree {
	struct job *job;
	struct cursor c;
	struct flax_frame *frames;
	struct path_part *parts;	/* one a frame: the key at hand */
	uint64_t depth;
	uint64_t nodes;
	uint32_t maps;
	struct unique keys;
};

uint64_t flax_offset(const struct flax_tree *t, const uint8_t *at);
void flax_bad(const struct flax_tree *t, const uint8_t *at, const char *text)
    __attribute__((noreturn));
/* The next token; *at: where it begins.  Dies when there is none. */
struct mp_token flax_next(struct flax_tree *t, const uint8_t **at);

/* A tensor, or why it is none, under the path at hand. */
void flax_send(struct flax_tree *t, const struct flax_array *a,
    uint32_t storage, uint64_t where);
void flax_leave_out(const struct flax_tree *t, const struct flax_array *a,
    uint64_t where);

/* flax_chunked.c: is the map whose head was just read a chunked array?  Then
 * all of it is read, and sent. */
bool flax_is_chunked(const struct flax_tree *t, const struct mp_token *map);
void flax_chunked(struct flax_tree *t, const struct mp_token *map,
    const uint8_t *at);

#endif
