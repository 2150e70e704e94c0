/* SPDX-License-Identifier: Apache-2.0
 *
 * test_utf8.c - worker/utf8.c: every code point, every wrong byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "utf8.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *text;
	size_t length;
	size_t good;
	bool python;
	const char *repaired;
} rows[] = {
	{ BYTES(""), 0, true, "" },
	{ BYTES("plain ASCII, over eight bytes"), 29, true,
	    "plain ASCII, over eight bytes" },
	{ BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), 9, true,
	    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ BYTES("\xf4\x8f\xbf\xbf"), 4, true, "\xf4\x8f\xbf\xbf" },
	{ BYTES("12345678\xff"), 8, false, "12345678\xef\xbf\xbd" },
	{ BYTES("1234567\x80z"), 7, false, "1234567\xef\xbf\xbdz" },
	{ BYTES("\xc0\x80"), 0, false, "\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("\xc1\xbf"), 0, false, "\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("a\xe0\x9f\xbf"), 1, false,
	    "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	/* Surrogates: Python's own kind, one U+FFFD each. */
	{ BYTES("\xed\xa0\x80"), 0, true, "\xef\xbf\xbd" },
	{ BYTES("12345678\xed\xbf\xbf!"), 8, true,
	    "12345678\xef\xbf\xbd!" },
	{ BYTES("\xed\xa0\x80\xed\xb0\x80\xff"), 0, false,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("\xed\xa0"), 0, false, "\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("\xed\xa0z"), 0, false, "\xef\xbf\xbd\xef\xbf\xbdz" },
	{ BYTES("\xf0\x8f\xbf\xbf"), 0, false,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("\xf4\x90\x80\x80"), 0, false,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("\xf5"), 0, false, "\xef\xbf\xbd" },
	{ BYTES("ab\xe2\x82"), 2, false, "ab\xef\xbf\xbd\xef\xbf\xbd" },
	{ BYTES("ab\xe2\x28\xa1"), 2, false, "ab\xef\xbf\xbd(\xef\xbf\xbd" },
};

/* On the heap, at an odd address, so that a read past the end is seen. */
static void
test_rows(void **state)
{
	uint8_t out[64];
	bool cut;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t *copy = malloc(rows[i].length + 1);
		size_t length = strlen(rows[i].repaired);

		assert_non_null(copy);
		memcpy(copy + 1, rows[i].text, rows[i].length);
		if (utf8_good(copy + 1, rows[i].length) != rows[i].good)
			fail_msg("row %zu: good", i);
		if (utf8_python(copy + 1, rows[i].length) != rows[i].python)
			fail_msg("row %zu: python", i);
		if (utf8_repair(out, sizeof(out), copy + 1, rows[i].length,
		    &cut) != length || cut ||
		    memcmp(out, rows[i].repaired, length) != 0)
			fail_msg("row %zu: repaired", i);
		free(copy);
	}
}

/* utf8_put and utf8_character agree about every code point there is. */
static void
test_every_code_point(void **state)
{
	uint8_t out[UTF8_ROOM];

	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		size_t size = utf8_put(out, code);

		if (utf8_character(out, size) != (surrogate ? 0 : size) ||
		    !utf8_python(out, size))
			fail_msg("U+%04X", code);
		for (size_t less = 1; less < size; less++)
			if (utf8_character(out, less) != 0)
				fail_msg("U+%04X cut to %zu", code, less);
	}
}

/* Of the 2^24 sequences of three bytes those of one character of three are
 * U+0800 to U+FFFF without the surrogates. */
static void
test_every_three_bytes(void **state)
{
	uint32_t three = 0;
	uint32_t two = 0;

	(void)state;
	for (uint32_t n = 0; n < 1u << 24; n++) {
		uint8_t p[3] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8),
			(uint8_t)n };
		size_t size = utf8_character(p, sizeof(p));

		three += size == 3;
		two += size == 2 && p[2] == 0;
	}
	assert_int_equal(three, 0x10000 - 0x800 - 0x800);
	assert_int_equal(two, 0x800 - 0x80);
}

static void
test_repair_is_cut(void **state)
{
	static const char text[] = "1234567\xe2\x82\xac\xff" "end";
	static const size_t lengths[] = {
		0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 10, 10, 10, 13, 14, 15, 16
	};
	uint8_t out[17];
	bool cut;

	(void)state;
	for (size_t room = 0; room < sizeof(out); room++) {
		out[room] = 0x55;
		assert_int_equal(utf8_repair(out, room, text,
		    sizeof(text) - 1, &cut), lengths[room]);
		assert_int_equal(cut, room < 16);
		assert_int_equal(out[room], 0x55);
	}
}

static void
test_ascii(void **state)
{
	uint8_t text[20];

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_true(utf8_ascii(text, sizeof(text)));
	assert_true(utf8_ascii(NULL, 0));
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = 0x80;
		assert_false(utf8_ascii(text, sizeof(text)));
		assert_true(utf8_ascii(text, i));
		text[i] = 'a';
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_every_three_bytes),
		cmocka_unit_test(test_repair_is_cut),
		cmocka_unit_test(test_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
