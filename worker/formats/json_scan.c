/* SPDX-License-Identifier: Apache-2.0
 *
 * json_scan.c - see json_scan.h.  Reads each byte once, strings eight bytes at
 * a time: names are most of a header.  A read never passes `end`.
 */
#include "json_scan.h"

#include <string.h>

#include "digit.h"
#include "utf8.h"

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

struct json
json_over(const uint8_t *at, size_t length)
{
	return (struct json){ .at = at, .end = at + length };
}

static bool
fail(struct json *j, const char *wrong)
{
	if (j->wrong == NULL)
		j->wrong = wrong;
	return false;
}

static inline void
blanks(struct json *j)
{
	while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' ||
	    *j->at == '\t' || *j->at == '\r'))
		j->at++;
}

bool
json_take(struct json *j, char c)
{
	if (j->wrong != NULL)
		return false;
	blanks(j);
	if (j->at == j->end || *j->at != (uint8_t)c)
		return false;
	j->at++;
	return true;
}

bool
json_need(struct json *j, char c, const char *wrong)
{
	return json_take(j, c) || fail(j, wrong);
}

/* A bit in each byte of the word that is a quote, a backslash or below 0x20.
 * It may say yes for a byte above one of those, never for a first one. */
static inline uint64_t
special(uint64_t word)
{
	uint64_t quote = word ^ ONES * '"';
	uint64_t slash = word ^ ONES * '\\';

	return (((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) |
	    ((word - ONES * 0x20) & ~word)) & HIGHS;
}

/* To the first of those, or to the end. */
static inline const uint8_t *
find_special(const uint8_t *at, const uint8_t *end)
{
	uint64_t word, found;

	while (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		found = special(word);
		/* The first byte is the lowest: this room is little-endian. */
		if (found != 0)
			return at + (__builtin_ctzll(found) >> 3);
		at += sizeof(word);
	}
	while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
		at++;
	return at;
}

/* The four digits of \uXXXX; -1 when they are not. */
static int32_t
hex_4(const uint8_t *p, const uint8_t *end)
{
	int32_t value = 0;

	if (end - p < 4)
		return -1;
	for (unsigned i = 0; i < 4; i++) {
		unsigned digit = digit_value(p[i]);

		if (digit >= 16)
			return -1;
		value = value * 16 + (int32_t)digit;
	}
	return value;
}

/* The character of the \u escape whose digits begin at *p, which is moved past
 * it; -1 when it is malformed or half of a surrogate pair. */
static int32_t
unicode_escape(const uint8_t **p, const uint8_t *end)
{
	int32_t first = hex_4(*p, end);
	int32_t second;

	if (first < 0 || (first >= 0xdc00 && first < 0xe000))
		return -1;
	*p += 4;
	if (first < 0xd800 || first >= 0xe000)
		return first;
	if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return -1;
	second = hex_4(*p + 2, end);
	if (second < 0xdc00 || second >= 0xe000)
		return -1;
	*p += 6;
	return 0x10000 + (first - 0xd800) * 0x400 + (second - 0xdc00);
}

/* At a backslash. */
static bool
escape(struct json *j)
{
	const uint8_t *p = j->at + 1;

	if (p == j->end)
		return fail(j, "a text without an end");
	if (*p != 'u') {
		if (memchr("\"\\/bfnrt", *p, 8) == NULL)
			return fail(j, "an unknown escape");
		j->at = p + 1;
		return true;
	}
	p++;
	if (unicode_escape(&p, j->end) < 0)
		return fail(j, "an escape that is no character");
	j->at = p;
	return true;
}

bool
json_string(struct json *j, struct json_text *out)
{
	if (!json_need(j, '"', "no text where one must be"))
		return false;
	out->at = j->at;
	out->escaped = false;
	for (;;) {
		j->at = find_special(j->at, j->end);
		if (j->at == j->end)
			return fail(j, "a text without an end");
		if (*j->at == '"')
			break;
		if (*j->at != '\\')
			return fail(j, "a control character in a text");
		out->escaped = true;
		if (!escape(j))
			return false;
	}
	out->len = (size_t)(j->at - out->at);
	j->at++;
	return true;
}

static inline bool
is_digit(const struct json *j)
{
	return j->at < j->end && *j->at >= '0' && *j->at <= '9';
}

bool
json_natural(struct json *j, uint64_t *out)
{
	static const char wrong[] = "no natural number where one must be";
	const uint8_t *first;
	uint64_t value = 0;

	if (j->wrong != NULL)
		return false;
	blanks(j);
	first = j->at;
	for (; is_digit(j); j->at++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value,
		    (uint64_t)(*j->at - '0'), &value))
			return fail(j, "a number of 2^64 or more");
	}
	if (j->at == first || (*first == '0' && j->at - first > 1))
		return fail(j, wrong);
	if (j->at < j->end && (*j->at == '.' || (*j->at | 0x20) == 'e'))
		return fail(j, wrong);
	*out = value;
	return true;
}

static bool
word(struct json *j, const char *text)
{
	size_t length = strlen(text);

	blanks(j);
	if ((size_t)(j->end - j->at) < length ||
	    memcmp(j->at, text, length) != 0)
		return false;
	j->at += length;
	return true;
}

bool
json_null(struct json *j)
{
	return j->wrong == NULL && word(j, "null");
}

static bool
digits(struct json *j)
{
	if (!is_digit(j))
		return fail(j, "a malformed number");
	while (is_digit(j))
		j->at++;
	return true;
}

static bool
number(struct json *j)
{
	if (*j->at == '-')
		j->at++;
	if (j->at < j->end && *j->at == '0')
		j->at++;
	else if (!digits(j))
		return false;
	if (j->at < j->end && *j->at == '.') {
		j->at++;
		if (!digits(j))
			return false;
	}
	if (j->at == j->end || (*j->at | 0x20) != 'e')
		return true;
	j->at++;
	if (j->at < j->end && (*j->at == '+' || *j->at == '-'))
		j->at++;
	return digits(j);
}

static bool
plain_value(struct json *j)
{
	struct json_text text;

	blanks(j);
	if (j->at == j->end)
		return fail(j, "the text ends too early");
	if (*j->at == '"')
		return json_string(j, &text);
	if (*j->at == '-' || is_digit(j))
		return number(j);
	return word(j, "true") || word(j, "false") || word(j, "null") ||
	    fail(j, "no value where one must be");
}

/* What stands before a member's value: the key, in an object. */
static bool
member(struct json *j, bool object)
{
	struct json_text key;

	return !object || (json_string(j, &key) &&
	    json_need(j, ':', "no ':' after a key"));
}

bool
json_skip(struct json *j)
{
	uint64_t objects = 0;	/* one bit a container that is open */
	unsigned depth = 0;
	bool object;

	if (j->wrong != NULL)
		return false;
	do {
		object = json_take(j, '{');
		if (object || json_take(j, '[')) {
			if (depth == JSON_DEPTH)
				return fail(j, "containers nested too deep");
			objects = objects << 1 | object;
			depth++;
			if (!json_take(j, object ? '}' : ']')) {
				if (!member(j, object))
					return false;
				continue;
			}
			objects >>= 1;
			depth--;
		} else if (!plain_value(j)) {
			return false;
		}
		/* A value has ended, and with it perhaps what holds it. */
		while (depth > 0 && !json_take(j, ',')) {
			if (!json_need(j, objects & 1 ? '}' : ']',
			    "neither ',' nor the end of a container"))
				return false;
			objects >>= 1;
			depth--;
		}
		if (depth > 0 && !member(j, objects & 1))
			return false;
	} while (depth > 0);
	return true;
}

bool
json_end(struct json *j)
{
	if (j->wrong != NULL)
		return false;
	blanks(j);
	return j->at == j->end || fail(j, "something after the end");
}

size_t
json_unescape(const struct json_text *text, uint8_t *out)
{
	static const char letters[] = "bfnrt";
	static const char means[] = "\b\f\n\r\t";
	const uint8_t *p = text->at;
	const uint8_t *end = p + text->len;
	const char *letter;
	size_t used = 0;

	while (p < end) {
		if (*p != '\\' || end - p < 2) {
			out[used++] = *p++;
			continue;
		}
		p++;
		if (*p == 'u') {
			p++;
			used += utf8_put(out + used,
			    (uint32_t)unicode_escape(&p, end));
			continue;
		}
		letter = memchr(letters, *p, sizeof(letters) - 1);
		out[used++] = letter == NULL ? *p :
		    (uint8_t)means[letter - letters];
		p++;
	}
	return used;
}
