/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - see siphash.h.
 */
#include "siphash.h"

#include <string.h>

/* The last 0 to 7 bytes, low byte first. */
static inline uint64_t
rest_of(const uint8_t *p, size_t length)
{
	unsigned rest = length % 8;
	uint64_t word = 0;

	if (rest == 0)
		return 0;
	/* Of a longer text, the last eight without those that were read. */
	if (length > 8) {
		memcpy(&word, p + length - 8, sizeof(word));
		return word >> 8 * (8 - rest);
	}
	for (unsigned i = 0; i < rest; i++)
		word |= (uint64_t)p[i] << 8 * i;
	return word;
}

uint64_t
siphash(const uint64_t key[2], const void *at, size_t length)
{
	struct siphash v = siphash_begin(key);
	const uint8_t *p = at;
	uint64_t word;
	size_t i;

	for (i = 0; length - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		v = siphash_word(v, word);
	}
	return siphash_end(v, rest_of(p, length), length);
}
