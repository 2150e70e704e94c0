/* SPDX-License-Identifier: Apache-2.0
 *
 * name_table.c - names of tensors and aliases to numbers: open addressing with
 * linear probing, at most three quarters full.  The names are hostile, so the
 * hash is keyed (SipHash-1-3, Aumasson and Bernstein) with a seed that the file
 * cannot know: no author of a file can make all names collide.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

#define FIRST_SLOTS ((size_t)64)

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static uint64_t
hash(const uint64_t seed[2], const char *name)
{
	uint64_t v[4] = {
		seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d),
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t length = strlen(name);
	size_t done = 0;
	uint64_t word;

	for (; length - done >= 8; done += 8) {
		memcpy(&word, name + done, 8);
		sip_word(v, word);
	}
	word = 0;
	memcpy(&word, name + done, length - done);
	sip_word(v, word | (uint64_t)length << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds the name, or the empty one where it belongs.  Ends,
 * because a table is never full. */
static struct name_slot *
slot_of(const struct name_table *t, const char *name)
{
	size_t at = (size_t)hash(t->seed, name) & t->mask;

	while (t->slots[at].name != NULL &&
	    strcmp(t->slots[at].name, name) != 0)
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

static bool
grow(struct name_table *t)
{
	struct name_table wider = *t;
	size_t slots = t->slots == NULL ? FIRST_SLOTS : (t->mask + 1) * 2;

	wider.slots = calloc(slots, sizeof(*wider.slots));
	if (wider.slots == NULL)
		return false;
	wider.mask = slots - 1;
	for (size_t i = 0; t->slots != NULL && i <= t->mask; i++)
		if (t->slots[i].name != NULL)
			*slot_of(&wider, t->slots[i].name) = t->slots[i];
	free(t->slots);
	*t = wider;
	return true;
}

int
name_table_add(struct name_table *t, const char *name, uint32_t target)
{
	struct name_slot *slot;

	if (t->slots == NULL || t->used >= (t->mask + 1) / 4 * 3)
		if (!grow(t))
			return -1;
	slot = slot_of(t, name);
	if (slot->name != NULL)
		return 0;
	slot->name = name;
	slot->target = target;
	t->used++;
	return 1;
}

uint32_t
name_table_find(const struct name_table *t, const char *name)
{
	const struct name_slot *slot;

	if (t->slots == NULL)
		return UINT32_MAX;
	slot = slot_of(t, name);
	return slot->name == NULL ? UINT32_MAX : slot->target;
}

void
name_table_free(struct name_table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->mask = 0;
	t->used = 0;
}
