/* SPDX-License-Identifier: Apache-2.0
 *
 * test_json.c - the JSON writer: commas, numbers, and strings that are not what
 * they should be.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"

static char *text;
static size_t size;

static struct json
begin(void)
{
	struct json j = { open_memstream(&text, &size), false };

	assert_non_null(j.out);
	return j;
}

static void
expect(struct json *j, const char *want)
{
	fclose(j->out);
	assert_string_equal(text, want);
	free(text);
}

static void
test_commas(void **state)
{
	struct json j = begin();

	(void)state;
	json_object(&j, NULL);
	json_array(&j, "a");
	json_array_end(&j);
	json_array(&j, "b");
	json_u64(&j, NULL, 0);
	json_object(&j, NULL);
	json_object_end(&j);
	json_null(&j, NULL);
	json_array_end(&j);
	json_bool(&j, "c", true);
	json_bool(&j, "d", false);
	json_raw(&j, "e", "12");
	json_object_end(&j);
	json_newline(&j);
	json_object(&j, NULL);
	json_object_end(&j);
	expect(&j, "{\"a\":[],\"b\":[0,{},null],\"c\":true,\"d\":false,"
		   "\"e\":12}\n{}");
}

static void
test_numbers(void **state)
{
	struct json j = begin();

	(void)state;
	json_array(&j, NULL);
	json_u64(&j, NULL, UINT64_MAX);
	json_u64(&j, NULL, 10);
	json_i64(&j, NULL, INT64_MIN);
	json_double(&j, NULL, 1.0);
	json_double(&j, NULL, 0.1);
	json_double(&j, NULL, -1e300);
	json_double(&j, NULL, (double)NAN);
	json_double(&j, NULL, (double)INFINITY);
	json_hex(&j, NULL, "\x00\xff\x1a", 3);
	json_array_end(&j);
	expect(&j, "[18446744073709551615,10,-9223372036854775808,1.0,"
		   "0.1,-1e+300,null,null,"
		   "\"00ff1a\"]");
}

static const struct {
	const char *name;
	const char *in;
	size_t length;
	const char *out;
} strings[] = {
	{ "plain", "abc", 3, "\"abc\"" },
	{ "empty", "", 0, "\"\"" },
	{ "quotes", "a\"b\\c", 5, "\"a\\\"b\\\\c\"" },
	{ "short escapes", "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
	{ "NUL inside", "a\0b", 3, "\"a\\u0000b\"" },
	{ "escape", "\x1b[0m", 4, "\"\\u001b[0m\"" },
	{ "delete", "\x7f", 1, "\"\\u007f\"" },
	{ "UTF-8", "\xc3\xa9", 2, "\"\xc3\xa9\"" },
	{ "not UTF-8", "a\xff", 2, "\"a\\ufffd\"" },
	{ "cut", "\xe2\x80", 2, "\"\\ufffd\\ufffd\"" },
	{ "surrogate", "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "override", "\xe2\x80\xae", 3, "\"\\u202e\"" },
	{ "tag", "\xf3\xa0\x81\x81", 4, "\"\\udb40\\udc41\"" },
	{ "slash", "a/b", 3, "\"a/b\"" },
};

static void
test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct json j = begin();

		print_message("%s\n", strings[i].name);
		json_text(&j, NULL, strings[i].in, strings[i].length);
		expect(&j, strings[i].out);
	}
}

/* Keys are escaped, too. */
static void
test_keys(void **state)
{
	struct json j = begin();

	(void)state;
	json_object(&j, NULL);
	json_string(&j, "a\"", "b");
	json_object_end(&j);
	expect(&j, "{\"a\\\"\":\"b\"}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commas),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
