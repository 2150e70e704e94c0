/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.c - see unique.h.  Open addressing; names are compared by their bytes,
 * never by their hashes alone.  Slots are small, because each name touches one
 * of them at random; the names lie in pages, so that growing copies none.
 */
#include "unique.h"

#include <string.h>

#include "siphash.h"

#define FIRST_SLOTS 64		/* a power of two */

void
unique_init(struct job *job, struct unique *u)
{
	*u = (struct unique){
		.slots = arena_alloc(&job->arena, FIRST_SLOTS,
		    sizeof(*u->slots)),
		.mask = FIRST_SLOTS - 1,
	};
}

/* Doubles at seven eighths full: a cache line has eight slots. */
static void
make_slots(struct job *job, struct unique *u)
{
	uint64_t *old = u->slots;
	uint64_t slots = ((uint64_t)u->mask + 1) * 2;
	uint32_t mask = (uint32_t)(slots - 1), at;

	/* The number is half of a slot, and 0 is none. */
	if (slots > UINT32_MAX)
		die(job, FAULT_LIMIT, WIRE_NO_OFFSET, "too many names");
	u->slots = arena_alloc(&job->arena, slots, sizeof(*u->slots));
	for (uint32_t i = 0; i <= u->mask; i++) {
		if (old[i] == 0)
			continue;
		at = (uint32_t)old[i] & mask;
		while (u->slots[at] != 0)
			at = (at + 1) & mask;
		u->slots[at] = old[i];
	}
	u->mask = mask;
}

/* The slot of the name, or the free one where it belongs. */
static inline uint64_t *
find(const struct unique *u, uint32_t hash, const uint8_t *at, uint32_t len)
{
	const struct unique_name *name;
	uint32_t i = hash & u->mask;
	uint64_t slot;

	for (;; i = (i + 1) & u->mask) {
		slot = u->slots[i];
		if (slot == 0)
			return &u->slots[i];
		if ((uint32_t)slot != hash)
			continue;
		name = unique_name(u, (uint32_t)(slot >> 32) - 1);
		if (name->len == len && memcmp(name->at, at, len) == 0)
			return &u->slots[i];
	}
}

/* Where the next name is kept. */
static struct unique_name *
next_name(struct job *job, struct unique *u)
{
	uint32_t page = u->used / UNIQUE_A_PAGE;

	if (u->used % UNIQUE_A_PAGE == 0) {
		u->pages = arena_grow(&job->arena, u->pages,
		    sizeof(struct unique_name *), /* NOLINT: pointers */
		    page, page + 1, &u->page_capacity);
		u->pages[page] = arena_page(&job->arena);
	}
	return &u->pages[page][u->used % UNIQUE_A_PAGE];
}

bool
unique_add(struct job *job, struct unique *u, const uint8_t *at, size_t length)
{
	uint32_t hash = (uint32_t)siphash(job->seed, at, length);
	uint64_t *slot;

	if (u->used >= u->mask / 8 * 7)
		make_slots(job, u);
	slot = find(u, hash, at, (uint32_t)length);
	if (*slot != 0)
		return false;
	*next_name(job, u) = (struct unique_name){ at, (uint32_t)length };
	*slot = (uint64_t)++u->used << 32 | hash;
	return true;
}
