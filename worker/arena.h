/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - all the memory that a parser may have.  One region, reserved before
 * the jail closes; it only grows, and nothing is freed but pages that only one
 * table knew.  Running out is the limit `arena_bytes`, reported through the
 * hook, which does not return.
 */
#ifndef WORKER_ARENA_H
#define WORKER_ARENA_H

#include <stddef.h>
#include <stdint.h>

/* Says that the arena is full; does not return. */
typedef __attribute__((noreturn)) void (*arena_full_fn)(void *context);

struct arena {
	uint8_t *base;
	size_t size;
	size_t used;
	void *spare;		/* pages given back, each points to the next */
	size_t spare_end;	/* all of them lie below */
	arena_full_fn full;
	void *context;
};

void arena_init(struct arena *a, void *base, size_t size, arena_full_fn full,
    void *context);
/* count * size bytes, aligned to 16, zeroed (the region is fresh; what
 * arena_rewind gave back is cleared).  Never NULL; the product is checked. */
void *arena_alloc(struct arena *a, uint64_t count, size_t size);
/* Grows an array of `have` items to hold at least `want`, by doubling; in
 * place when it is the last thing allocated.  *capacity is updated. */
void *arena_grow(struct arena *a, void *items, size_t item_size, uint32_t have,
    uint32_t want, uint32_t *capacity);
/* Gives back the end of the last block, of which no more than `keep` bytes were
 * ever written, or the rest is zero again. */
void arena_trim(struct arena *a, const void *block, uint64_t keep);
/* ARENA_PAGE zeroed bytes, of those that were given back if there are any: what
 * tables that grow are made of, so that growing copies and wastes nothing. */
#define ARENA_PAGE 4096
void *arena_page(struct arena *a);
/* Nothing may point into it any more. */
void arena_page_back(struct arena *a, void *page);
/* For scratch space: mark, use, rewind.  Keep nothing allocated since. */
size_t arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, size_t mark);

#endif
