/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_escape.c - the two kinds of escapes of protocol 0 undone, as
 * CPython's string-escape and raw-unicode-escape do it.  Pure functions over
 * bytes that may lie; the caller gives the room.
 */
#include "machine_inner.h"

#include <string.h>

#include "digit.h"
#include "utf8.h"

/* Exactly `digits` hexadecimal digits. */
static bool
hex_number(const uint8_t *at, size_t left, size_t digits, uint32_t *value)
{
	*value = 0;
	if (left < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		unsigned digit = digit_value(at[i]);

		if (digit >= 16)
			return false;
		*value = *value << 4 | digit;
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
			to += utf8_put(to, c);
			continue;
		}
		if (*at != 'u' && *at != 'U') {
			*to++ = '\\';
			to += utf8_put(to, *at++);
			continue;
		}
		digits = *at++ == 'u' ? 4 : 8;
		if (!hex_number(at, (size_t)(end - at), digits, &c) ||
		    c > 0x10ffff)
			return false;
		to += utf8_put(to, c);
		at += digits;
	}
	*made = (size_t)(to - out);
	return true;
}
