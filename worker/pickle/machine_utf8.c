/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_utf8.c - text as Python has it: UTF-8 judged (RFC 3629; surrogates
 * where Python's "surrogatepass" allows them), and the two kinds of escapes of
 * protocol 0 undone.  Pure functions; the caller gives the room.
 */
#include "machine_inner.h"

#include <string.h>

bool
ascii_only(const uint8_t *at, uint64_t len)
{
	uint64_t bits = 0;
	uint64_t word;

	for (; len >= sizeof word; at += sizeof word, len -= sizeof word) {
		memcpy(&word, at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			return false;
	}
	for (; len > 0; at++, len--)
		bits |= *at;
	return bits < 0x80;
}

/* Length of the sequence at `at`, 0 when it is not one. */
static unsigned
sequence(const uint8_t *at, uint64_t left, bool surrogates)
{
	uint8_t lead = at[0];
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	unsigned len;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	len = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	/* Overlong forms, surrogates, and what lies above U+10FFFF. */
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed && !surrogates)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (unsigned i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool
utf8_valid(const uint8_t *at, uint64_t len, bool surrogates)
{
	while (len > 0) {
		unsigned step;

		if (len >= 8 && ascii_only(at, 8)) {
			at += 8;
			len -= 8;
			continue;
		}
		step = sequence(at, len, surrogates);
		if (step == 0)
			return false;
		at += step;
		len -= step;
	}
	return true;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Exactly `digits` hexadecimal digits. */
static bool
hex_number(const uint8_t *at, size_t left, size_t digits, uint32_t *value)
{
	*value = 0;
	if (left < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int digit = hex_digit(at[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

/* Up to three octal digits; the value is cut to a byte, as CPython does. */
static size_t
octal(const uint8_t *at, size_t left, uint8_t *value)
{
	size_t used = 0;
	unsigned v = 0;

	while (used < 3 && used < left && at[used] >= '0' && at[used] <= '7')
		v = v * 8 + (at[used++] - (unsigned)'0');
	*value = (uint8_t)v;
	return used;
}

static int
simple_escape(uint8_t c)
{
	static const char from[] = "\\'\"abfnrtv";
	static const char to[] = "\\'\"\a\b\f\n\r\t\v";
	const char *found = memchr(from, c, sizeof from - 1);

	return found == NULL ? -1 : (uint8_t)to[found - from];
}

bool
unescape_string(const uint8_t *at, size_t len, uint8_t *out, size_t *made)
{
	const uint8_t *end = at + len;
	uint8_t *to = out;
	uint32_t value;
	int c;

	while (at < end) {
		if (*at != '\\') {
			*to++ = *at++;
			continue;
		}
		if (++at == end)
			return false;
		if (*at == 'x') {
			if (!hex_number(at + 1, (size_t)(end - at) - 1, 2,
			    &value))
				return false;
			*to++ = (uint8_t)value;
			at += 3;
		} else if (*at >= '0' && *at <= '7') {
			at += octal(at, (size_t)(end - at), to++);
		} else if ((c = simple_escape(*at)) >= 0) {
			*to++ = (uint8_t)c;
			at++;
		} else {
			/* Not an escape: the backslash stays. */
			*to++ = '\\';
			*to++ = *at++;
		}
	}
	*made = (size_t)(to - out);
	return true;
}

static uint8_t *
put_utf8(uint8_t *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (uint8_t)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (uint8_t)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (uint8_t)(0xe0 | c >> 12);
		} else {
			*to++ = (uint8_t)(0xf0 | c >> 18);
			*to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (uint8_t)(0x80 | (c & 0x3f));
	return to;
}

/* Bytes are Latin-1; only \uXXXX and \UXXXXXXXX are escapes, and a backslash
 * before anything else takes that with it. */
bool
unescape_unicode(const uint8_t *at, size_t len, uint8_t *out, size_t *made)
{
	const uint8_t *end = at + len;
	uint8_t *to = out;

	while (at < end) {
		uint32_t c = *at++;
		size_t digits;

		if (c != '\\' || at == end) {
			to = put_utf8(to, c);
			continue;
		}
		if (*at != 'u' && *at != 'U') {
			*to++ = '\\';
			to = put_utf8(to, *at++);
			continue;
		}
		digits = *at++ == 'u' ? 4 : 8;
		if (!hex_number(at, (size_t)(end - at), digits, &c) ||
		    c > 0x10ffff)
			return false;
		to = put_utf8(to, c);
		at += digits;
	}
	*made = (size_t)(to - out);
	return true;
}
