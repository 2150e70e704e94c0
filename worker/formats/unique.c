/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.c - see unique.h.  Open addressing; names are compared by their bytes,
 * never by their hashes alone.
 */
#include "unique.h"

#include <string.h>

#include "siphash.h"

#define FIRST_SLOTS 64		/* a power of two */

void
unique_init(struct job *job, struct unique *u)
{
	u->slots = arena_alloc(&job->arena, FIRST_SLOTS, sizeof(*u->slots));
	u->mask = FIRST_SLOTS - 1;
	u->used = 0;
}

/* The slot of the name, or the free one where it belongs. */
static struct unique_name *
find(const struct unique *u, uint64_t hash, const uint8_t *at, uint32_t len)
{
	uint32_t i = (uint32_t)hash & u->mask;
	struct unique_name *slot;

	for (;; i = (i + 1) & u->mask) {
		slot = &u->slots[i];
		if (slot->at == NULL || (slot->hash == hash &&
		    slot->len == len && memcmp(slot->at, at, len) == 0))
			return slot;
	}
}

/* Doubles at half full. */
static void
make_room(struct job *job, struct unique *u)
{
	struct unique bigger = { .used = u->used };
	uint64_t slots = ((uint64_t)u->mask + 1) * 2;
	const struct unique_name *old;

	if (u->used <= u->mask / 2)
		return;
	if (slots > UINT32_MAX)
		die(job, FAULT_LIMIT, WIRE_NO_OFFSET, "too many names");
	bigger.slots = arena_alloc(&job->arena, slots, sizeof(*bigger.slots));
	bigger.mask = (uint32_t)(slots - 1);
	for (uint32_t i = 0; i <= u->mask; i++) {
		old = &u->slots[i];
		if (old->at != NULL)
			*find(&bigger, old->hash, old->at, old->len) = *old;
	}
	*u = bigger;
}

bool
unique_add(struct job *job, struct unique *u, const uint8_t *at, size_t length)
{
	uint64_t hash;
	struct unique_name *slot;

	make_room(job, u);
	hash = siphash(job->seed, at, length);
	slot = find(u, hash, at, (uint32_t)length);
	if (slot->at != NULL)
		return false;
	slot->at = at;
	slot->len = (uint32_t)length;
	slot->hash = hash;
	u->used++;
	return true;
}
