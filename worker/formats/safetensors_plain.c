/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_plain.c - see safetensors_plain.h.  Compares words instead of
 * asking for token after token.  It may refuse anything; what it takes must be
 * what json_scan.c would have read there (tests hold the two together).  A read
 * never passes `end`.
 */
#include "safetensors_plain.h"

#include <string.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)
#define ZEROS (ONES * '0')
/* Of which the value stays below 2^64. */
#define DIGITS_MAX 19

static inline uint64_t
load8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* Past the text, or NULL when it is not there.  Always in line, for lengths
 * that the compiler knows. */
static inline __attribute__((always_inline)) const uint8_t *
past(const uint8_t *p, const uint8_t *end, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(end - p) < length || memcmp(p, text, length) != 0)
		return NULL;
	return p + length;
}

/* The number of eight digits, the first one lowest; each byte is its value.
 * Pairs, then fours, then all. */
static inline uint64_t
eight_digits(uint64_t x)
{
	x = (x * 10 + (x >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x * 100 + (x >> 16)) & UINT64_C(0x0000ffff0000ffff);
	return (x * 10000 + (x >> 32)) & UINT32_MAX;
}

/* Digits one by one, after `count` of them. */
static const uint8_t *
more_digits(const uint8_t *p, const uint8_t *end, unsigned count, uint64_t *out)
{
	for (; p < end && (uint8_t)(*p - '0') < 10; p++) {
		if (++count > DIGITS_MAX)
			return NULL;
		*out = *out * 10 + (uint64_t)(*p - '0');
	}
	return p;
}

/* Past a natural number, or NULL.  What must follow it is no digit, dot or
 * 'e', which the caller sees to. */
static inline const uint8_t *
past_number(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
	uint64_t word, other;
	unsigned count;

	if (end - p < 8) {
		*out = 0;
		if (p == end || (*p == '0' && end - p > 1 &&
		    (uint8_t)(p[1] - '0') < 10))
			return NULL;
		return (uint8_t)(*p - '0') < 10 ?
		    more_digits(p, end, 0, out) : NULL;
	}
	word = load8(p) ^ ZEROS;
	/* The high bit of each byte over 9; of the first such one for sure. */
	other = (((word & ~HIGHS) + ONES * (0x80 - 10)) | word) & HIGHS;
	if (other == 0) {
		*out = eight_digits(word);
		return *p == '0' ? NULL : more_digits(p + 8, end, 8, out);
	}
	count = (unsigned)__builtin_ctzll(other) / 8;
	if (count == 0 || (count > 1 && *p == '0'))
		return NULL;
	/* Zeros stand before the first digit. */
	*out = eight_digits(word << 8 * (8 - count));
	return p + count;
}

static inline const uint8_t *
past_dtype(const uint8_t *p, const uint8_t *end, struct plain_entry *e)
{
	uint64_t word, quote;

	if (end - p < 8)
		return NULL;
	word = load8(p);
	quote = word ^ ONES * '"';
	quote = (quote - ONES) & ~quote & HIGHS;
	if (quote == 0)
		return NULL;
	e->dtype = p;
	e->dtype_len = (unsigned)__builtin_ctzll(quote) / 8;
	if (e->dtype_len == 0)
		return NULL;
	e->dtype_word = word & (UINT64_MAX >> 8 * (8 - e->dtype_len));
	/* A backslash or a control character is for others to judge. */
	for (uint32_t i = 0; i < e->dtype_len; i++)
		if (p[i] < '0' || p[i] > '_' || p[i] == '\\')
			return NULL;
	return p + e->dtype_len;
}

/* Both brackets included. */
static inline const uint8_t *
past_shape(const uint8_t *p, const uint8_t *end, struct plain_entry *e)
{
	e->rank = 0;
	if (p < end && *p == ']')
		return p + 1;
	for (;; p++) {
		if (e->rank == RANK_MAX)
			return NULL;
		p = past_number(p, end, &e->shape[e->rank]);
		if (p == NULL || p == end)
			return NULL;
		e->rank++;
		if (*p != ',')
			return *p == ']' ? p + 1 : NULL;
	}
}

static inline const uint8_t *
past_offsets(const uint8_t *p, const uint8_t *end, struct plain_entry *e)
{
	p = past_number(p, end, &e->begin);
	if (p == NULL || p == end || *p != ',')
		return NULL;
	p = past_number(p + 1, end, &e->end);
	return p == NULL ? NULL : past(p, end, "]}");
}

bool
safetensors_plain(struct json *j, struct plain_entry *e)
{
	const uint8_t *end = j->end, *p = past(j->at, end, "\"");

	if (p == NULL)
		return false;
	e->name.at = p;
	e->name.escaped = false;
	p = json_special(p, end);
	e->name.len = (size_t)(p - e->name.at);
	p = past(p, end, "\":{\"dtype\":\"");
	if (p != NULL)
		p = past_dtype(p, end, e);
	if (p != NULL)
		p = past(p, end, "\",\"shape\":[");
	if (p != NULL)
		p = past_shape(p, end, e);
	if (p != NULL)
		p = past(p, end, ",\"data_offsets\":[");
	if (p != NULL)
		p = past_offsets(p, end, e);
	if (p == NULL)
		return false;
	j->at = p;
	return true;
}
