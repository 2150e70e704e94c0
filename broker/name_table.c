/* SPDX-License-Identifier: Apache-2.0
 *
 * name_table.c - names of tensors and aliases to numbers: open addressing with
 * linear probing, at most seven eighths full.  The names are hostile, so the
 * hash is keyed (SipHash-1-3, Aumasson and Bernstein) with a seed that the file
 * cannot know: no author of a file can make all names collide.  The worker has
 * a SipHash too; the trusted side takes no code from it.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

#define FIRST_SLOTS ((size_t)64)

struct sip {
	uint64_t a;
	uint64_t b;
	uint64_t c;
	uint64_t d;
};

static inline uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline struct sip
sip_round(struct sip v)
{
	v.a += v.b;
	v.b = rotate(v.b, 13) ^ v.a;
	v.a = rotate(v.a, 32);
	v.c += v.d;
	v.d = rotate(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = rotate(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = rotate(v.b, 17) ^ v.c;
	v.c = rotate(v.c, 32);
	return v;
}

static inline struct sip
sip_word(struct sip v, uint64_t word)
{
	v.d ^= word;
	v = sip_round(v);
	v.a ^= word;
	return v;
}

/* The last 0 to 7 bytes, low byte first; of a longer name the last eight
 * without those that were read. */
static inline uint64_t
last_word(const char *name, size_t length)
{
	size_t rest = length % 8;
	uint64_t word = 0;

	if (rest == 0)
		return 0;
	if (length > 8) {
		memcpy(&word, name + length - 8, 8);
		return word >> (64 - 8 * rest);
	}
	for (size_t i = 0; i < rest; i++)
		word |= (uint64_t)(uint8_t)name[i] << 8 * i;
	return word;
}

static uint32_t
hash(const uint64_t seed[2], const char *name, size_t length)
{
	struct sip v = {
		seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d),
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t done = 0;
	uint64_t word;

	for (; length - done >= 8; done += 8) {
		memcpy(&word, name + done, 8);
		v = sip_word(v, word);
	}
	word = last_word(name, length);
	v = sip_word(v, word | (uint64_t)length << 56);
	v.c ^= 0xff;
	v = sip_round(sip_round(sip_round(v)));
	return (uint32_t)(v.a ^ v.b ^ v.c ^ v.d);
}

/* The slot that holds the name, or the empty one where it belongs.  Ends,
 * because a table is never full. */
static struct name_slot *
slot_of(const struct name_table *t, uint32_t hash, const char *name)
{
	size_t at = hash & t->mask;

	/* Most strangers are told by their hash, without a look at the name. */
	while (t->slots[at].name != NULL && (t->slots[at].hash != hash ||
	    strcmp(t->slots[at].name, name) != 0))
		at = (at + 1) & t->mask;
	return &t->slots[at];
}

static bool
grow(struct name_table *t)
{
	struct name_table wider = *t;
	size_t slots = t->slots == NULL ? FIRST_SLOTS : (t->mask + 1) * 2;
	size_t at;

	/* Of the hash 32 bits are kept; names are numbered in as many. */
	if (slots > UINT32_MAX)
		return false;
	wider.slots = calloc(slots, sizeof(*wider.slots));
	if (wider.slots == NULL)
		return false;
	wider.mask = slots - 1;
	for (size_t i = 0; t->slots != NULL && i <= t->mask; i++) {
		if (t->slots[i].name == NULL)
			continue;
		at = t->slots[i].hash & wider.mask;
		while (wider.slots[at].name != NULL)
			at = (at + 1) & wider.mask;
		wider.slots[at] = t->slots[i];
	}
	free(t->slots);
	*t = wider;
	return true;
}

int
name_table_put(struct name_table *t, const char *name, size_t length,
    uint32_t target)
{
	uint32_t h = hash(t->seed, name, length);
	struct name_slot *slot;

	if (t->slots == NULL || t->used >= (t->mask + 1) / 8 * 7)
		if (!grow(t))
			return -1;
	slot = slot_of(t, h, name);
	if (slot->name != NULL)
		return 0;
	slot->name = name;
	slot->hash = h;
	slot->target = target;
	t->used++;
	return 1;
}

int
name_table_add(struct name_table *t, const char *name, uint32_t target)
{
	return name_table_put(t, name, strlen(name), target);
}

uint32_t
name_table_find(const struct name_table *t, const char *name)
{
	const struct name_slot *slot;

	if (t->slots == NULL)
		return UINT32_MAX;
	slot = slot_of(t, hash(t->seed, name, strlen(name)), name);
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
