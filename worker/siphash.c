/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - see siphash.h.
 */
#include "siphash.h"

#include <string.h>

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
	word = 0;
	if (i < length)
		memcpy(&word, p + i, length - i);
	return siphash_end(v, word, length);
}
