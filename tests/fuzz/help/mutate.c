/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.c - what the mutators share.
 */
#include "mutate.h"

#include <string.h>

struct dice
dice_of(unsigned seed)
{
	struct dice d = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };

	return d;
}

/* Marsaglia's xorshift64. */
size_t
dice_roll(struct dice *d, size_t sides)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (size_t)(d->state >> 11) % sides;
}

uint64_t
dice_edge(struct dice *d)
{
	static const unsigned bits[] = { 0, 1, 7, 8, 15, 16, 24, 31, 32, 48, 53,
		63 };
	uint64_t edge = UINT64_C(1) <<
	    bits[dice_roll(d, sizeof(bits) / sizeof(bits[0]))];

	switch (dice_roll(d, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - dice_roll(d, 3);
	case 2:
		return dice_roll(d, 300);
	default:
		return edge + dice_roll(d, 3) - 1;
	}
}

size_t
splice(uint8_t *data, size_t size, size_t max_size, size_t at, size_t old,
    const uint8_t *with, size_t length)
{
	if (size - old + length > max_size)
		return 0;
	memmove(data + at + length, data + at + old, size - at - old);
	if (length > 0)
		memcpy(data + at, with, length);
	return size - old + length;
}
