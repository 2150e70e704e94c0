/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c - see utf8.h.  Reads each byte once; ASCII eight at a time, since
 * headers of a hundred megabytes are mostly that.  Trusts nothing.
 */
#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* Bytes of the character at p, whose first byte is 0x80 or more; 0 when it is
 * none. */
static size_t
character(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t size;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (left < size || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

size_t
utf8_good(const uint8_t *at, size_t length)
{
	uint64_t word;
	size_t size;
	size_t i = 0;

	while (i < length) {
		while (length - i >= sizeof(word)) {
			memcpy(&word, at + i, sizeof(word));
			if ((word & HIGH_BITS) != 0)
				break;
			i += sizeof(word);
		}
		while (i < length && at[i] < 0x80)
			i++;
		if (i == length)
			break;
		size = character(at + i, length - i);
		if (size == 0)
			break;
		i += size;
	}
	return i;
}
