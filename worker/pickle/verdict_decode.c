/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_decode.c - text that stands for bytes: base64, hex digits, and text
 * whose characters are bytes (how protocols before 3 write them).  Pure: from
 * one buffer to another of the same size.
 */
#include "verdict_parts.h"

#include "digit.h"

/* 1 to 64, or 0.  RFC 4648, both alphabets. */
static const uint8_t sextets[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
	19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
	43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63, ['-'] = 63, ['/'] = 64, ['_'] = 64,
};

bool
decode_base64(const uint8_t *at, uint64_t len, uint8_t *out, uint64_t *out_len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	uint64_t made = 0;

	while (len > 0 && (at[len - 1] == '=' || at[len - 1] == '\n'))
		len--;
	for (uint64_t i = 0; i < len; i++) {
		uint32_t six = sextets[at[i]];

		if (six == 0) {
			if (at[i] == '\n' || at[i] == '\r')
				continue;
			return false;
		}
		bits = bits << 6 | (six - 1);
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
