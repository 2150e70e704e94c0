/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.h - all the memory that a parser may have.  One region, reserved before
 * the jail closes; it only grows, nothing is freed.  Running out is the limit
 * `arena_bytes`, reported through the hook, which does not return.
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
/* For scratch space: mark, use, rewind.  Keep nothing allocated since. */
size_t arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, size_t mark);

#endif
