/* SPDX-License-Identifier: Apache-2.0
 *
 * utf8.c - see utf8.h.  Reads each byte once; ASCII eight at a time, since
 * headers of a hundred megabytes are mostly that.  Trusts nothing.
 */
#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static const uint8_t replacement[3] = { 0xef, 0xbf, 0xbd };	/* U+FFFD */

size_t
utf8_character(const uint8_t *p, size_t left)
{
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t size;

	if (p[0] < 0x80)
		return 1;
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

/* Length of the ASCII that the text begins with. */
static size_t
ascii_run(const uint8_t *at, size_t length)
{
	uint64_t words[4];
	uint64_t word;
	size_t i = 0;

	for (; length - i >= sizeof(words); i += sizeof(words)) {
		memcpy(words, at + i, sizeof(words));
		if (((words[0] | words[1] | words[2] | words[3]) &
		    HIGH_BITS) != 0)
			break;
	}
	while (length - i >= sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		if ((word & HIGH_BITS) != 0)
			break;
		i += sizeof(word);
	}
	while (i < length && at[i] < 0x80)
		i++;
	return i;
}

size_t
utf8_good(const uint8_t *at, size_t length)
{
	size_t size;
	size_t i = 0;

	while (i < length) {
		i += ascii_run(at + i, length - i);
		if (i == length)
			break;
		size = utf8_character(at + i, length - i);
		if (size == 0)
			break;
		i += size;
	}
	return i;
}

static bool
is_surrogate(const uint8_t *p, size_t left)
{
	return left >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf &&
	    (p[2] & 0xc0) == 0x80;
}

bool
utf8_python(const uint8_t *at, size_t length)
{
	size_t i = utf8_good(at, length);

	while (i < length) {
		if (!is_surrogate(at + i, length - i))
			return false;
		i += 3;
		i += utf8_good(at + i, length - i);
	}
	return true;
}

bool
utf8_ascii(const uint8_t *at, size_t length)
{
	return ascii_run(at, length) == length;
}

size_t
utf8_repair(uint8_t *out, size_t room, const void *text, size_t length,
    bool *cut)
{
	const uint8_t *p = text;
	const uint8_t *take;
	size_t written;
	size_t size;
	size_t used;

	*cut = false;
	written = ascii_run(p, room < length ? room : length);
	if (written > 0)
		memcpy(out, p, written);
	for (size_t i = written; i < length; i += used) {
		take = p + i;
		size = used = utf8_character(take, length - i);
		if (size == 0) {
			used = is_surrogate(take, length - i) ? 3 : 1;
			take = replacement;
			size = sizeof(replacement);
		}
		if (size > room - written) {
			*cut = true;
			break;
		}
		memcpy(out + written, take, size);
		written += size;
	}
	return written;
}

size_t
utf8_put(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}
