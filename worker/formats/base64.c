/* SPDX-License-Identifier: Apache-2.0
 *
 * base64.c - see base64.h.
 */
#include "base64.h"

#define NONE 64

static unsigned
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - (unsigned)'A';
	if (c >= 'a' && c <= 'z')
		return c - (unsigned)'a' + 26;
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : NONE;
}

/* Of the last group: how many characters are no padding. */
static size_t
before_padding(const uint8_t *at, size_t length)
{
	if (length >= 2 && at[length - 1] == '=' && at[length - 2] == '=')
		return length - 2;
	return length >= 1 && at[length - 1] == '=' ? length - 1 : length;
}

bool
base64_decode(const uint8_t *at, size_t length, uint8_t *out, size_t *made,
    size_t *wrong)
{
	size_t end = before_padding(at, length);
	uint32_t bits = 0;
	unsigned six;

	*made = 0;
	for (size_t i = 0; i < end; i++) {
		six = sextet(at[i]);
		*wrong = i;
		if (six == NONE)
			return false;
		bits = bits << 6 | six;
		if (i % 4 == 0)
			continue;
		/* 2, 4 or 6 bits of this one begin the next byte. */
		out[(*made)++] = (uint8_t)(bits >> (6 - i % 4 * 2));
	}
	*wrong = length;
	if (length % 4 != 0)
		return false;
	*wrong = end - (end > 0);
	return end == length || (bits & (end % 4 == 2 ? 15 : 3)) == 0;
}
