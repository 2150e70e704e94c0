/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json_scan.c - the scanner takes what RFC 8259 allows and nothing else, says
 * where it stopped, and never reads past the end (the text ends at a page that
 * cannot be read, in the harness, and ASan watches besides).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_scan.h"

#define BYTES(text) text, sizeof(text) - 1

/* at: where scanning stopped. */
static const struct skip_case {
	const char *text;
	size_t length;
	bool good;
	size_t at;
} skips[] = {
	{ BYTES("0"), true, 1 },
	{ BYTES("-0.5e+10"), true, 8 },
	{ BYTES("1E5"), true, 3 },
	{ BYTES(" \t\r\n true "), true, 10 },
	{ BYTES("null"), true, 4 },
	{ BYTES("false"), true, 5 },
	{ BYTES("\"\""), true, 2 },
	{ BYTES("[]"), true, 2 },
	{ BYTES("{}"), true, 2 },
	{ BYTES("[ ]"), true, 3 },
	{ BYTES("[1,[2,{\"a\":[]},3],{}]"), true, 21 },
	{ BYTES("{\"a\":1,\"b\":{\"c\":null}}"), true, 22 },
	{ BYTES("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\""), true,
	    36 },
	{ BYTES(""), false, 0 },
	{ BYTES("01"), false, 1 },
	{ BYTES("-"), false, 1 },
	{ BYTES("+1"), false, 0 },
	{ BYTES("1."), false, 2 },
	{ BYTES(".5"), false, 0 },
	{ BYTES("1e"), false, 2 },
	{ BYTES("1e+"), false, 3 },
	{ BYTES("NaN"), false, 0 },
	{ BYTES("Infinity"), false, 0 },
	{ BYTES("nul"), false, 0 },
	{ BYTES("truee"), false, 4 },
	{ BYTES("'a'"), false, 0 },
	{ BYTES("\""), false, 1 },
	{ BYTES("\"a"), false, 2 },
	{ BYTES("\"abcdefghijklmnop"), false, 17 },
	{ BYTES("\"a\nb\""), false, 2 },
	{ BYTES("\"abcdefgh\0b\""), false, 9 },
	{ BYTES("\"\\"), false, 1 },
	{ BYTES("\"\\x\""), false, 1 },
	{ BYTES("\"\\u12"), false, 1 },
	{ BYTES("\"\\u12g4\""), false, 1 },
	{ BYTES("\"\\ud800\""), false, 1 },
	{ BYTES("\"\\ud800x\\udc00\""), false, 1 },
	{ BYTES("\"\\ud800\\ud800\""), false, 1 },
	{ BYTES("\"\\udc00\""), false, 1 },
	{ BYTES("["), false, 1 },
	{ BYTES("[1"), false, 2 },
	{ BYTES("[1,"), false, 3 },
	{ BYTES("[1,]"), false, 3 },
	{ BYTES("[,1]"), false, 1 },
	{ BYTES("[1 2]"), false, 3 },
	{ BYTES("[1}"), false, 2 },
	{ BYTES("{\"a\":1]"), false, 6 },
	{ BYTES("{"), false, 1 },
	{ BYTES("{1:2}"), false, 1 },
	{ BYTES("{\"a\"}"), false, 4 },
	{ BYTES("{\"a\":}"), false, 5 },
	{ BYTES("{\"a\":1,}"), false, 7 },
	{ BYTES("{\"a\":1"), false, 6 },
	{ BYTES("1 2"), false, 2 },
	{ BYTES("[]]"), false, 2 },
	{ BYTES("{}\0"), false, 2 },
	{ BYTES("// no\n1"), false, 0 },
};

static void
test_skip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(skips) / sizeof(*skips); i++) {
		const struct skip_case *c = &skips[i];
		/* Exactly as long as the text, so that ASan sees one byte. */
		uint8_t *copy = malloc(c->length + 1);
		struct json j = json_over(copy + 1, c->length);
		bool good;

		assert_non_null(copy);
		memcpy(copy + 1, c->text, c->length);
		good = json_skip(&j) && json_end(&j);
		if (good != c->good || (j.wrong == NULL) != good ||
		    (size_t)(j.at - copy - 1) != c->at)
			fail_msg("%s: %d at %td: %s", c->text, good,
			    j.at - copy - 1, j.wrong == NULL ? "" : j.wrong);
		/* Once wrong, always wrong. */
		if (!good) {
			assert_false(json_skip(&j));
			assert_false(json_end(&j));
			assert_false(json_take(&j, '['));
		}
		free(copy);
	}
}

static void
test_depth(void **state)
{
	char text[4 * JSON_DEPTH];
	struct json j;

	(void)state;
	for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		j = json_over((uint8_t *)text, 2 * depth);
		assert_int_equal(json_skip(&j), depth == JSON_DEPTH);
	}
	/* Objects and arrays keep their own ends at the greatest depth. */
	for (size_t i = 0; i < JSON_DEPTH / 2; i++)
		memcpy(text + 5 * i, "{\"\":[", 5);
	for (size_t i = 0; i < JSON_DEPTH / 2; i++)
		memcpy(text + 5 * (JSON_DEPTH / 2) + 2 * i, "]}", 2);
	j = json_over((uint8_t *)text, 7 * (JSON_DEPTH / 2));
	assert_true(json_skip(&j) && json_end(&j));
}

static const struct natural_case {
	const char *text;
	bool good;
	uint64_t value;
} naturals[] = {
	{ "0", true, 0 },
	{ " 7", true, 7 },
	{ "18446744073709551615", true, UINT64_MAX },
	{ "18446744073709551616", false, 0 },
	{ "99999999999999999999999", false, 0 },
	{ "00", false, 0 },
	{ "01", false, 0 },
	{ "-0", false, 0 },
	{ "-1", false, 0 },
	{ "+1", false, 0 },
	{ "1.0", false, 0 },
	{ "1e3", false, 0 },
	{ "1E3", false, 0 },
	{ "", false, 0 },
	{ "true", false, 0 },
	{ "\"1\"", false, 0 },
};

static void
test_natural(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(naturals) / sizeof(*naturals); i++) {
		const struct natural_case *c = &naturals[i];
		struct json j = json_over((const uint8_t *)c->text,
		    strlen(c->text));
		uint64_t value = 0;

		if (json_natural(&j, &value) != c->good || value != c->value)
			fail_msg("%s", c->text);
	}
}

static void
test_unescape(void **state)
{
	static const char raw[] = "\"a\\u0041\\n\\/\\\\\\\"\\u00e9\\u20ac"
	    "\\ud83d\\ude00\\u0000z\"";
	static const char want[] = "aA\n/\\\"\xc3\xa9\xe2\x82\xac"
	    "\xf0\x9f\x98\x80\0z";
	struct json j = json_over((const uint8_t *)raw, sizeof(raw) - 1);
	struct json_text text;
	uint8_t out[sizeof(raw)];
	size_t length;

	(void)state;
	assert_true(json_string(&j, &text));
	assert_true(text.escaped);
	length = json_unescape(&text, out);
	assert_true(length <= text.len);
	assert_int_equal(length, sizeof(want) - 1);
	assert_memory_equal(out, want, length);
	j = json_over((const uint8_t *)"\"plain\xc3\xa9 text, long\"", 20);
	assert_true(json_string(&j, &text));
	assert_false(text.escaped);
	assert_int_equal(text.len, 18);
}

/* A text ends, or is wrong, at the same byte wherever its blocks begin and
 * whatever stands before and after. */
static void
test_every_byte(void **state)
{
	enum { LONGEST = 40 };
	uint8_t text[LONGEST + 3];
	struct json_text got;
	struct json j;
	bool good;

	(void)state;
	for (size_t at = 1; at <= LONGEST; at++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			memset(text, at % 2 ? 0xbf : '!', sizeof(text));
			text[0] = text[LONGEST + 2] = '"';
			text[at] = (uint8_t)byte;
			j = json_over(text, sizeof(text));
			good = json_string(&j, &got);
			if (byte == '"')
				assert_true(good && got.len == at - 1);
			else if (byte < 0x20 || byte == '\\')
				assert_true(!good && j.at == text + at);
			else
				assert_true(good && got.len == LONGEST + 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_natural),
		cmocka_unit_test(test_unescape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
