/* SPDX-License-Identifier: Apache-2.0
 *
 * json_scan.c - see json_scan.h.  Reads each byte once, strings sixteen or
 * eight bytes at a time: names are most of a header.  A read never passes
 * `end`.
 */
#include "json_scan.h"

#include <string.h>

#include "digit.h"
#include "utf8.h"

/* JSON_SCAN_PLAIN: what other machines do, for the tests of this one. */
#if defined(__SSE2__) && !defined(JSON_SCAN_PLAIN)
#include <emmintrin.h>
#define BLOCK 16
#else
#define BLOCK 8
#endif

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

struct json
json_over(const uint8_t *at, size_t length)
{
	return (struct json){ .at = at, .end = at + length };
}

/* With nothing left, every call fails from now on. */
static bool
fail(struct json *j, const char *wrong)
{
	if (j->wrong == NULL)
		j->wrong = wrong;
	j->end = j->at;
	return false;
}

static const uint8_t *
fail_at(struct json *j, const uint8_t *at, const char *wrong)
{
	j->at = at;
	(void)fail(j, wrong);
	return NULL;
}

static inline const uint8_t *
past_blanks(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p <= ' ' && (*p == ' ' || *p == '\n' ||
	    *p == '\t' || *p == '\r'))
		p++;
	return p;
}

void
json_blanks(struct json *j)
{
	j->at = past_blanks(j->at, j->end);
}

bool
json_need(struct json *j, char c, const char *wrong)
{
	return json_take(j, c) || fail(j, wrong);
}

#if BLOCK == 16
/* A bit for each byte that is a quote, a backslash or below 0x20. */
static inline uint32_t
special(const uint8_t *at)
{
	__m128i bytes = _mm_loadu_si128((const __m128i_u *)(const void *)at);
	__m128i found = _mm_or_si128(
	    _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
	    _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
	    _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes));

	return (uint32_t)_mm_movemask_epi8(found);
}
#define FIRST(found) (unsigned)__builtin_ctz(found)
#else
/* A bit in each byte of the word that is one of those.  It may say yes for a
 * byte above one of them, never for a first one. */
static inline uint64_t
special(const uint8_t *at)
{
	uint64_t word, quote, slash;

	memcpy(&word, at, sizeof(word));
	quote = word ^ ONES * '"';
	slash = word ^ ONES * '\\';
	return (((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) |
	    ((word - ONES * 0x20) & ~word)) & HIGHS;
}
/* The first byte is the lowest: this room is little-endian. */
#define FIRST(found) (unsigned)(__builtin_ctzll(found) >> 3)
#endif

/* To the first of those, or to the end. */
static inline const uint8_t *
find_special(const uint8_t *at, const uint8_t *end)
{
	for (; end - at >= BLOCK; at += BLOCK) {
		__typeof__(special(at)) found = special(at);

		if (found != 0)
			return at + FIRST(found);
	}
	while (at < end && *at != '"' && *at != '\\' && *at >= 0x20)
		at++;
	return at;
}

const uint8_t *
json_special(const uint8_t *at, const uint8_t *end)
{
	return find_special(at, end);
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

/* Past the escape whose backslash is at p, or NULL. */
static const uint8_t *
past_escape(struct json *j, const uint8_t *p)
{
	const uint8_t *slash = p++;

	if (p == j->end)
		return fail_at(j, slash, "a text without an end");
	if (*p != 'u') {
		if (memchr("\"\\/bfnrt", *p, 8) == NULL)
			return fail_at(j, slash, "an unknown escape");
		return p + 1;
	}
	p++;
	if (unicode_escape(&p, j->end) < 0)
		return fail_at(j, slash, "an escape that is no character");
	return p;
}

/* The quote that ends the text of which p is the first byte, or NULL. */
static inline const uint8_t *
text_end(struct json *j, const uint8_t *p, bool *escaped)
{
	const uint8_t *end = j->end;

	*escaped = false;
	for (;;) {
		p = find_special(p, end);
		if (p == end)
			return fail_at(j, p, "a text without an end");
		if (*p == '"')
			return p;
		if (*p != '\\')
			return fail_at(j, p, "a control character in a text");
		*escaped = true;
		p = past_escape(j, p);
		if (p == NULL)
			return NULL;
	}
}

bool
json_string(struct json *j, struct json_text *out)
{
	const uint8_t *end;

	if (!json_need(j, '"', "no text where one must be"))
		return false;
	out->at = j->at;
	end = text_end(j, j->at, &out->escaped);
	if (end == NULL)
		return false;
	out->len = (size_t)(end - out->at);
	j->at = end + 1;
	return true;
}

/* Digits that can stand for no number of 2^64 or more. */
#define SAFE_DIGITS 19

static inline bool
is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') < 10;
}

/* The digits from p on; NULL: 2^64 or more. */
static inline const uint8_t *
take_digits(struct json *j, const uint8_t *p, uint64_t *out)
{
	const uint8_t *end = j->end;
	const uint8_t *safe = end - p < SAFE_DIGITS ? end : p + SAFE_DIGITS;
	uint64_t value = 0;

	for (; p < safe && is_digit(*p); p++)
		value = value * 10 + (uint64_t)(*p - '0');
	if (p == safe)
		for (; p < end && is_digit(*p); p++)
			if (__builtin_mul_overflow(value, UINT64_C(10),
			    &value) || __builtin_add_overflow(value,
			    (uint64_t)(*p - '0'), &value))
				return fail_at(j, p, "a number of 2^64 or "
				    "more");
	*out = value;
	return p;
}

bool
json_natural(struct json *j, uint64_t *out)
{
	static const char wrong[] = "no natural number where one must be";
	const uint8_t *first = past_blanks(j->at, j->end);
	uint64_t value;
	const uint8_t *p = take_digits(j, first, &value);

	if (p == NULL)
		return false;
	j->at = p;
	if (p == first || (*first == '0' && p - first > 1))
		return fail(j, wrong);
	if (p < j->end && (*p == '.' || (*p | 0x20) == 'e'))
		return fail(j, wrong);
	*out = value;
	return true;
}

/* Past the word, or NULL when it is not there. */
static const uint8_t *
past_word(const struct json *j, const uint8_t *p, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(j->end - p) < length || memcmp(p, text, length) != 0)
		return NULL;
	return p + length;
}

bool
json_null(struct json *j)
{
	const uint8_t *p;

	json_blanks(j);
	p = past_word(j, j->at, "null");
	if (p == NULL)
		return false;
	j->at = p;
	return true;
}

/* Past one digit or more, or NULL. */
static inline const uint8_t *
past_digits(struct json *j, const uint8_t *p)
{
	if (p == j->end || !is_digit(*p))
		return fail_at(j, p, "a malformed number");
	while (p < j->end && is_digit(*p))
		p++;
	return p;
}

/* What may follow a number's whole part. */
static const uint8_t *
past_fraction(struct json *j, const uint8_t *p)
{
	if (*p == '.') {
		p = past_digits(j, p + 1);
		if (p == NULL)
			return NULL;
	}
	if (p == j->end || (*p | 0x20) != 'e')
		return p;
	p++;
	if (p < j->end && (*p == '+' || *p == '-'))
		p++;
	return past_digits(j, p);
}

static inline const uint8_t *
past_number(struct json *j, const uint8_t *p)
{
	if (*p == '-')
		p++;
	if (p < j->end && *p == '0')
		p++;
	else
		p = past_digits(j, p);
	if (p == NULL || p == j->end)
		return p;
	return *p == '.' || (*p | 0x20) == 'e' ? past_fraction(j, p) : p;
}

/* Any value but an array or object, which begins at p. */
static inline const uint8_t *
past_plain(struct json *j, const uint8_t *p)
{
	static const char *const words[] = { "true", "false", "null" };
	const uint8_t *past;
	bool escaped;

	if (p == j->end)
		return fail_at(j, p, "the text ends too early");
	if (*p == '"') {
		p = text_end(j, p + 1, &escaped);
		return p == NULL ? NULL : p + 1;
	}
	if (*p == '-' || is_digit(*p))
		return past_number(j, p);
	for (unsigned i = 0; i < 3; i++) {
		past = past_word(j, p, words[i]);
		if (past != NULL)
			return past;
	}
	return fail_at(j, p, "no value where one must be");
}

/* What stands before a member's value: the key, in an object. */
static inline const uint8_t *
past_key(struct json *j, const uint8_t *p, bool object)
{
	bool escaped;

	if (!object)
		return p;
	p = past_blanks(p, j->end);
	if (p == j->end || *p != '"')
		return fail_at(j, p, "no text where one must be");
	p = text_end(j, p + 1, &escaped);
	if (p == NULL)
		return NULL;
	p = past_blanks(p + 1, j->end);
	if (p == j->end || *p != ':')
		return fail_at(j, p, "no ':' after a key");
	return p + 1;
}

/* The containers that are open. */
struct open {
	uint64_t objects;	/* one bit each */
	unsigned depth;
};

/* Past the bracket at p, and past the one that ends it if it is empty. */
static inline const uint8_t *
past_bracket(struct json *j, const uint8_t *p, struct open *open, bool *empty)
{
	bool object = *p++ == '{';

	if (open->depth == JSON_DEPTH)
		return fail_at(j, p, "containers nested too deep");
	p = past_blanks(p, j->end);
	*empty = p < j->end && *p == (object ? '}' : ']');
	if (*empty)
		return p + 1;
	open->objects = open->objects << 1 | object;
	open->depth++;
	return past_key(j, p, object);
}

/* A value has ended, and with it perhaps what holds it: to the next one. */
static inline const uint8_t *
past_ends(struct json *j, const uint8_t *p, struct open *open)
{
	while (open->depth > 0) {
		p = past_blanks(p, j->end);
		if (p < j->end && *p == ',')
			return past_key(j, p + 1, open->objects & 1);
		if (p == j->end || *p != (open->objects & 1 ? '}' : ']'))
			return fail_at(j, p, "neither ',' nor the end of a "
			    "container");
		p++;
		open->objects >>= 1;
		open->depth--;
	}
	return p;
}

/* The position stays in a register: each token waits for the one before. */
bool
json_skip(struct json *j)
{
	struct open open = { 0, 0 };
	const uint8_t *p = j->at;
	bool empty;

	do {
		p = past_blanks(p, j->end);
		if (p < j->end && (*p == '{' || *p == '[')) {
			p = past_bracket(j, p, &open, &empty);
			if (p != NULL && empty)
				p = past_ends(j, p, &open);
		} else {
			p = past_plain(j, p);
			if (p != NULL)
				p = past_ends(j, p, &open);
		}
		if (p == NULL)
			return false;
	} while (open.depth > 0);
	j->at = p;
	return true;
}

bool
json_end(struct json *j)
{
	if (j->wrong != NULL)
		return false;
	json_blanks(j);
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
