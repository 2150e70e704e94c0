/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_json.c - JSON headers (safetensors, indexes): token by token, numbers
 * become edges, texts become others from a table, members and elements are
 * repeated, dropped and exchanged.  A length word before the header is mended,
 * or deliberately is not.
 */
#include <stdio.h>
#include <string.h>

#include "mutate.h"

#define TOKENS 4096

struct token {
	size_t at;
	size_t length;
	uint8_t first;		/* '"', a digit (or '-'), or itself */
};

struct json_text {
	uint8_t *bytes;
	size_t size;
	size_t max;
	size_t from;		/* 8 behind a length word, else 0 */
	size_t to;
	size_t count;
	struct token tokens[TOKENS];
};

static const struct snippet texts[] = {
	SNIPPET("\"F32\""), SNIPPET("\"F64\""), SNIPPET("\"BF16\""),
	SNIPPET("\"BOOL\""), SNIPPET("\"U8\""), SNIPPET("\"I64\""),
	SNIPPET("\"F8_E4M3\""), SNIPPET("\"F4\""), SNIPPET("\"F6_E2M3\""),
	SNIPPET("\"C64\""), SNIPPET("\"X9\""), SNIPPET("\"dtype\""),
	SNIPPET("\"shape\""), SNIPPET("\"data_offsets\""),
	SNIPPET("\"__metadata__\""), SNIPPET("\"metadata\""),
	SNIPPET("\"weight_map\""), SNIPPET("\"total_size\""), SNIPPET("\"\""),
	SNIPPET("\"a\""), SNIPPET("\"\\u0061\""), SNIPPET("\"\\u0000\""),
	SNIPPET("\"\\ud83d\\ude00\""), SNIPPET("\"\\ud800\""),
	SNIPPET("\"\\udc00\\ud800\""), SNIPPET("\"\\n\\\"\\\\\\/\""),
	SNIPPET("\"\xc3\xa9\""), SNIPPET("\"\xff\""), SNIPPET("\"\x01\""),
	SNIPPET("\"../x\""), SNIPPET("\"a/b\""), SNIPPET("\"a\\\\b\""),
	SNIPPET("\"..\""), SNIPPET("\"d\\u0074ype\""),
	SNIPPET("\"shap\\u0065\""), SNIPPET("\"\\x\""),
};
static const struct snippet values[] = {
	SNIPPET("null"), SNIPPET("true"), SNIPPET("false"), SNIPPET("[]"),
	SNIPPET("{}"), SNIPPET("[0,0]"), SNIPPET("[1]"), SNIPPET("-1"),
	SNIPPET("-0"), SNIPPET("1e3"), SNIPPET("1.0"), SNIPPET("01"),
	SNIPPET("0x1"), SNIPPET("nul"), SNIPPET("[[[[[[[["), SNIPPET(","),
	SNIPPET(":"), SNIPPET("\""), SNIPPET("]"), SNIPPET("}"), SNIPPET("{"),
	SNIPPET(" \t\r\n"), SNIPPET("\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
	    "\"data_offsets\":[0,1]},"),
	SNIPPET("\"__metadata__\":{\"format\":\"pt\"},"),
	SNIPPET("\"weight_map\":{\"a\":\"b\"},"),
};

static bool
plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' ||
	    c == '+' || c == '.' || c == 'E';
}

static size_t
token_length(const struct json_text *j, size_t at)
{
	size_t end = at + 1;

	if (j->bytes[at] == '"') {
		while (end < j->to && j->bytes[end] != '"')
			end += j->bytes[end] == '\\' && end + 1 < j->to ? 2 : 1;
		return (end < j->to ? end + 1 : j->to) - at;
	}
	if (plain(j->bytes[at]))
		while (end < j->to && plain(j->bytes[end]))
			end++;
	return end - at;
}

static bool
json_read(struct json_text *j)
{
	uint64_t length;
	size_t at;

	j->to = j->size;
	if (j->bytes[0] != '{') {
		length = get_le(j->bytes, 8);
		j->from = 8;
		if (length < j->size - 8)
			j->to = (size_t)length + 8;
	}
	for (at = j->from; at < j->to && j->count < TOKENS;) {
		struct token *t = &j->tokens[j->count++];

		t->at = at;
		t->first = j->bytes[at];
		t->length = token_length(j, at);
		at += t->length;
	}
	return j->count > 1;
}

static size_t
put(struct json_text *j, size_t at, size_t old, struct snippet s)
{
	return splice(j->bytes, j->size, j->max, at, old, s.at, s.length);
}

/* The token that is, or follows, this one and begins with c ('0': a number). */
static const struct token *
next_like(const struct json_text *j, size_t i, uint8_t c)
{
	for (; i < j->count; i++) {
		uint8_t first = j->tokens[i].first;

		if (first == c || (c == '0' && first >= '0' && first <= '9'))
			return &j->tokens[i];
	}
	return NULL;
}

static size_t
set_number(struct json_text *j, struct dice *d)
{
	const struct token *t = next_like(j, dice_roll(d, j->count), '0');
	struct snippet s;
	char text[24];

	if (t == NULL)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)
	    (dice_roll(d, 2) == 0 ? dice_roll(d, 9) : dice_edge(d)));
	s = (struct snippet){ (const uint8_t *)text, strlen(text) };
	return put(j, t->at, t->length, s);
}

/* A value or member with what it holds: to its comma, at its own depth. */
static size_t
part_end(const struct json_text *j, size_t i)
{
	int depth = 0;

	for (; i < j->count; i++) {
		uint8_t c = j->tokens[i].first;

		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		if (depth < 0 || (depth == 0 && c == ','))
			break;
	}
	return i;
}

static size_t
edit_part(struct json_text *j, struct dice *d)
{
	static uint8_t copy[4096];
	size_t i = dice_roll(d, j->count - 1) + 1;
	size_t end = part_end(j, i);
	size_t second;
	size_t at = j->tokens[i].at;
	size_t length;

	if (end == j->count || j->tokens[end].first != ',')
		return 0;
	length = j->tokens[end].at + 1 - at;
	switch (dice_roll(d, 3)) {
	case 0:
		return mutate_made("json: drop", splice(j->bytes, j->size,
		    j->max, at, length, NULL, 0));
	case 1:
		if (length > sizeof(copy))
			return 0;
		memcpy(copy, j->bytes + at, length);
		return mutate_made("json: repeat", splice(j->bytes, j->size,
		    j->max, at, 0, copy, length));
	default:
		second = part_end(j, end + 1);
		if (second == j->count || j->tokens[second].first != ',')
			return 0;
		exchange(j->bytes, at, at + length, j->tokens[second].at + 1);
		return mutate_made("json: exchange", j->size);
	}
}

static size_t
edit(struct json_text *j, struct dice *d)
{
	size_t i = dice_roll(d, j->count);
	const struct token *t;
	struct snippet s = DICE_PICK(values, d);

	switch (dice_roll(d, 8)) {
	case 0:
	case 1:
	case 2:
		return mutate_made("json: number", set_number(j, d));
	case 3:
		t = next_like(j, i, '"');
		s = DICE_PICK(texts, d);
		return t == NULL ? 0 : mutate_made("json: text", put(j, t->at,
		    t->length, s));
	case 4:
		return mutate_made("json: insert", put(j, j->tokens[i].at, 0,
		    s));
	case 5:
		return mutate_made("json: value", put(j, j->tokens[i].at,
		    j->tokens[i].length, s));
	default:
		return edit_part(j, d);
	}
}

/* What the length word says, after the header changed. */
static void
mend(struct json_text *j, size_t size, struct dice *d)
{
	uint64_t length = get_le(j->bytes, 8) + size - j->size;

	if (dice_roll(d, 8) == 0) {
		length = dice_roll(d, 2) == 0 ? dice_edge(d)
		    : length + dice_roll(d, 5) - 2;
		(void)mutate_made("json: length broken", size);
	}
	put_le(j->bytes, 8, length);
}

size_t
mutate_json(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct json_text j;
	struct dice d = dice_of(seed);
	size_t fresh;

	j.bytes = data;
	j.size = size;
	j.max = max_size;
	j.from = 0;
	j.count = 0;
	if (size < 10 || !json_read(&j))
		return 0;
	fresh = edit(&j, &d);
	if (fresh > 0 && j.from == 8)
		mend(&j, fresh, &d);
	return fresh;
}
