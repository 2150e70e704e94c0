/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_decode.c - text that stands for bytes: base64, hex digits, and text
 * whose characters are bytes (how protocols before 3 write them).  Pure: from
 * one buffer to another of the same size.
 */
#include "verdict_parts.h"

#include "digit.h"

/* 0 to 63, or -1.  RFC 4648, both alphabets. */
static int
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

bool
decode_base64(const uint8_t *at, uint64_t len, uint8_t *out, uint64_t *out_len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	uint64_t made = 0;

	while (len > 0 && (at[len - 1] == '=' || at[len - 1] == '\n'))
		len--;
	for (uint64_t i = 0; i < len; i++) {
		int six;

		if (at[i] == '\n' || at[i] == '\r')
			continue;
		six = sextet(at[i]);
		if (six < 0)
			return false;
		bits = bits << 6 | (uint32_t)six;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[made++] = (uint8_t)(bits >> have);
		}
	}
	*out_len = made;
	return made > 0;
}

bool
decode_hex(const uint8_t *at, uint64_t len, uint8_t *out, uint64_t *out_len)
{
	if (len == 0 || len % 2 != 0)
		return false;
	for (uint64_t i = 0; i < len; i += 2) {
		unsigned high = digit_value(at[i]);
		unsigned low = digit_value(at[i + 1]);

		if (high >= 16 || low >= 16)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	*out_len = len / 2;
	return true;
}

bool
decode_latin1(const uint8_t *at, uint64_t len, uint8_t *out, uint64_t *out_len)
{
	uint64_t made = 0;

	for (uint64_t i = 0; i < len; i++) {
		if (at[i] < 0x80) {
			out[made++] = at[i];
		} else if ((at[i] == 0xc2 || at[i] == 0xc3) && i + 1 < len) {
			out[made++] = (uint8_t)((at[i] & 3) << 6 |
			    (at[i + 1] & 0x3f));
			i++;
		} else {
			return false;
		}
	}
	*out_len = made;
	return true;
}
