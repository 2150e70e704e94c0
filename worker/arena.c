/* SPDX-License-Identifier: Apache-2.0
 *
 * arena.c - see arena.h.  Makes no system call; every size is checked before
 * the pointer moves.
 */
#include "arena.h"

#include <string.h>

#define ALIGNMENT 16

void
arena_init(struct arena *a, void *base, size_t size, arena_full_fn full,
    void *context)
{
	a->base = base;
	a->size = size;
	a->used = 0;
	a->spare = NULL;
	a->spare_end = 0;
	a->full = full;
	a->context = context;
}

void *
arena_alloc(struct arena *a, uint64_t count, size_t size)
{
	uint64_t bytes;
	void *block;

	if (__builtin_mul_overflow(count, (uint64_t)size, &bytes) ||
	    bytes > a->size - a->used || a->size - a->used - bytes < ALIGNMENT)
		a->full(a->context);
	block = a->base + a->used;
	bytes = (bytes + ALIGNMENT - 1) & ~(uint64_t)(ALIGNMENT - 1);
	a->used += (size_t)bytes;
	return block;
}

void *
arena_grow(struct arena *a, void *items, size_t item_size, uint32_t have,
    uint32_t want, uint32_t *capacity)
{
	uint64_t room = *capacity < 4 ? 4 : *capacity;
	uint8_t *end = a->base + a->used;
	size_t old = (*capacity * item_size + ALIGNMENT - 1) &
	    ~(size_t)(ALIGNMENT - 1);
	void *bigger;

	if (want <= *capacity)
		return items;
	while (room < want)
		room *= 2;
	if (room > UINT32_MAX)
		room = UINT32_MAX;
	if (items != NULL && (uint8_t *)items + old == end) {
		/* The last block: hand back its bytes and take more. */
		a->used -= old;
		bigger = arena_alloc(a, room, item_size);
	} else {
		bigger = arena_alloc(a, room, item_size);
		if (items != NULL && have > 0)
			memcpy(bigger, items, have * item_size);
	}
	*capacity = (uint32_t)room;
	return bigger;
}

void
arena_trim(struct arena *a, const void *block, uint64_t keep)
{
	size_t begin = (size_t)((const uint8_t *)block - a->base);
	size_t end = (begin + (size_t)keep + ALIGNMENT - 1) &
	    ~(size_t)(ALIGNMENT - 1);

	if (end < a->used)
		a->used = end;
}

void *
arena_page(struct arena *a)
{
	void *page = a->spare;

	if (page == NULL)
		return arena_alloc(a, 1, ARENA_PAGE);
	memcpy(&a->spare, page, sizeof(a->spare));
	memset(page, 0, ARENA_PAGE);
	return page;
}

void
arena_page_back(struct arena *a, void *page)
{
	size_t end = (size_t)((uint8_t *)page - a->base) + ARENA_PAGE;

	memcpy(page, &a->spare, sizeof(a->spare));
	a->spare = page;
	if (end > a->spare_end)
		a->spare_end = end;
}

size_t
arena_mark(const struct arena *a)
{
	return a->used;
}

void
arena_rewind(struct arena *a, size_t mark)
{
	memset(a->base + mark, 0, a->used - mark);
	a->used = mark;
	/* Some of the spare ones are gone; which is not worth a search. */
	if (a->spare_end > mark) {
		a->spare = NULL;
		a->spare_end = 0;
	}
}
