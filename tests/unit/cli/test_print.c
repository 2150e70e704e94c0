/* SPDX-License-Identifier: Apache-2.0
 *
 * test_print.c - foreign text for people, sizes and shapes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "print.h"

static const struct {
	const char *name;
	const char *in;
	const char *out;
	size_t columns;
} texts[] = {
	{ "empty", "", "", 0 },
	{ "plain", "encoder.0.weight", "encoder.0.weight", 16 },
	{ "accents", "h\xc3\xa9", "h\xc3\xa9", 2 },
	{ "combining", "e\xcc\x81", "e\xcc\x81", 1 },
	{ "wide", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", 4 },
	{ "colour", "\x1b[31mred", "\\x1b[31mred", 11 },
	{ "title", "\x1b]0;x\x07", "\\x1b]0;x\\x07", 12 },
	{ "newline", "a\nb\rc\td", "a\\x0ab\\x0dc\\x09d", 16 },
	{ "delete", "\x7f", "\\x7f", 4 },
	{ "backslash", "\\x1b", "\\\\x1b", 5 },
	{ "C1 control", "\xc2\x9b" "31m", "\\u{9b}31m", 9 },
	{ "override", "a\xe2\x80\xae" "b", "a\\u{202e}b", 10 },
	{ "isolate", "\xe2\x81\xa6", "\\u{2066}", 8 },
	{ "zero width", "\xe2\x80\x8b", "\\u{200b}", 8 },
	{ "byte order mark", "\xef\xbb\xbf", "\\u{feff}", 8 },
	{ "line separator", "\xe2\x80\xa8", "\\u{2028}", 8 },
	{ "tag", "\xf3\xa0\x81\x81", "\\u{e0041}", 9 },
	{ "soft hyphen", "\xc2\xad", "\\u{ad}", 6 },
	{ "not UTF-8", "\xff\xfe", "\\xff\\xfe", 8 },
	{ "cut", "\xe2\x80", "\\xe2\\x80", 8 },
	{ "overlong", "\xc0\xaf", "\\xc0\\xaf", 8 },
	{ "overlong three", "\xe0\x80\xaf", "\\xe0\\x80\\xaf", 12 },
	{ "surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80", 12 },
	{ "over the end", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", 16 },
	{ "emoji", "\xf0\x9f\xa5\x92", "\xf0\x9f\xa5\x92", 2 },
};

static void
test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *got = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&got, &size);
		size_t columns = print_text(out, texts[i].in,
		    strlen(texts[i].in));

		fclose(out);
		print_message("%s\n", texts[i].name);
		assert_string_equal(got, texts[i].out);
		assert_int_equal(columns, texts[i].columns);
		free(got);
		got = print_escape(texts[i].in);
		assert_string_equal(got, texts[i].out);
		free(got);
	}
}

/* Whatever comes in, no byte under 0x20, no 0x7f and no bare C1 goes out. */
static void
test_every_two_bytes(void **state)
{
	char in[3] = { 0 };
	char *got;

	(void)state;
	for (unsigned n = 0x0101; n < 0x10000; n++) {
		in[0] = (char)(n & 0xff);
		in[1] = (char)(n >> 8);
		if (in[0] == 0 || in[1] == 0)
			continue;
		got = print_escape(in);
		for (const char *at = got; *at != '\0'; at++) {
			assert_true((uint8_t)*at >= 0x20);
			assert_true(*at != 0x7f);
			/* U+0080 to U+009f. */
			assert_false((uint8_t)at[0] == 0xc2 &&
			    (uint8_t)at[1] < 0xa0);
		}
		free(got);
	}
}

/* Unicode 15's Cf, Zl and Zp. */
static void
test_every_format_character(void **state)
{
	static const uint32_t ranges[][2] = { { 0xad, 0xad }, { 0x600, 0x605 },
		{ 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
		{ 0x890, 0x891 }, { 0x8e2, 0x8e2 }, { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x2064 },
		{ 0x2066, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
		{ 0x110bd, 0x110bd }, { 0x110cd, 0x110cd },
		{ 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, { 0xe0001, 0xe0001 },
		{ 0xe0020, 0xe007f } };

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		for (uint32_t c = ranges[i][0]; c <= ranges[i][1]; c++)
			if (!utf8_is_deceptive(c))
				fail_msg("U+%04X", (unsigned)c);
	assert_false(utf8_is_deceptive('a'));
	assert_false(utf8_is_deceptive(0x4e00));
}

static void
test_sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = { { 0, "0 B" }, { 1, "1 B" }, { 1023, "1023 B" },
		{ 1024, "1.0 KiB" }, { 1536, "1.5 KiB" },
		{ 1048524, "1023.9 KiB" }, { 1048575, "1.0 MiB" },
		{ 1048576, "1.0 MiB" }, { UINT64_C(3) << 30, "3.0 GiB" },
		{ UINT64_MAX, "16.0 EiB" } };
	char out[PRINT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_size(out, rows[i].bytes);
		assert_string_equal(out, rows[i].text);
	}
}

static void
test_quoted(void **state)
{
	static const char in[] = "a\"b\\\x1b\xc3\xa9";
	char *got = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&got, &size);

	(void)state;
	print_quoted(out, in, sizeof(in) - 1);
	fclose(out);
	assert_string_equal(got, "\"a\\\"b\\\\\\x1b\xc3\xa9\"");
	free(got);
}

static void
test_doubles(void **state)
{
	static const struct {
		double number;
		const char *text;
	} rows[] = { { 0.1, "0.1" }, { 0.1 + 0.2, "0.30000000000000004" },
		{ 1e300, "1e+300" }, { -0.0, "-0" }, { 3.0, "3" },
		{ 5e-324, "4.94065645841247e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 9007199254740993.0, "9007199254740992" },
		{ (double)INFINITY, "inf" }, { -(double)INFINITY, "-inf" },
		{ (double)NAN, "nan" }, { -(double)NAN, "nan" } };
	char out[PRINT_DOUBLE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_double(out, rows[i].number);
		assert_string_equal(out, rows[i].text);
	}
}

static void
test_shapes(void **state)
{
	static const uint64_t shape[] = { 2, 30, UINT64_MAX };
	char out[64];
	uint64_t many[64];
	char all[64 * 22 + 3];

	(void)state;
	assert_int_equal(print_shape(out, sizeof(out), shape, 0), 2);
	assert_string_equal(out, "[]");
	assert_int_equal(print_shape(out, sizeof(out), shape, 3), 29);
	assert_string_equal(out, "[2, 30, 18446744073709551615]");
	/* As ls uses it: the length alone, and the longest of all. */
	assert_int_equal(print_shape(NULL, 0, shape, 3), 29);
	for (size_t i = 0; i < 64; i++)
		many[i] = UINT64_MAX;
	assert_int_equal(print_shape(all, sizeof(all), many, 64),
	    2 + 64 * 20 + 63 * 2);
	assert_int_equal(strlen(all), 2 + 64 * 20 + 63 * 2);
}

static void
test_no_color(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	setenv("TERM", "xterm", 1);
	assert_false(print_colours(file));
	setenv("NO_COLOR", "1", 1);
	assert_false(print_colours(stdout));
	fclose(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_every_two_bytes),
		cmocka_unit_test(test_every_format_character),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_no_color),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
