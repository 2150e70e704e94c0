/* SPDX-License-Identifier: Apache-2.0
 *
 * xxh32.c - see xxh32.h.  Four sums side by side over 16 bytes at a time.
 * Source: xxHash, doc/xxhash_spec.md (0.1.1), "XXH32 Algorithm Description".
 */
#include "xxh32.h"

#define P1 UINT32_C(0x9e3779b1)
#define P2 UINT32_C(0x85ebca77)
#define P3 UINT32_C(0xc2b2ae3d)
#define P4 UINT32_C(0x27d4eb2f)
#define P5 UINT32_C(0x165667b1)

static uint32_t
turned(uint32_t x, unsigned by)
{
	return x << by | x >> (32 - by);
}

static uint32_t
word(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	    (uint32_t)at[3] << 24;
}

static uint32_t
lanes(const uint8_t **at, uint64_t *left)
{
	uint32_t sum[4] = { P1 + P2, P2, 0, 0 - P1 };

	for (; *left >= 16; *left -= 16)
		for (unsigned i = 0; i < 4; i++, *at += 4)
			sum[i] = turned(sum[i] + word(*at) * P2, 13) * P1;
	return turned(sum[0], 1) + turned(sum[1], 7) + turned(sum[2], 12) +
	    turned(sum[3], 18);
}

uint32_t
xxh32(const uint8_t *at, uint64_t length)
{
	uint64_t left = length;
	uint32_t h = left >= 16 ? lanes(&at, &left) : P5;

	h += (uint32_t)length;
	for (; left >= 4; left -= 4, at += 4)
		h = turned(h + word(at) * P3, 17) * P4;
	for (; left > 0; left--, at++)
		h = turned(h + *at * P5, 11) * P1;
	h = (h ^ h >> 15) * P2;
	h = (h ^ h >> 13) * P3;
	return h ^ h >> 16;
}
