/* SPDX-License-Identifier: Apache-2.0
 *
 * test_cursor.c - every read at exactly its length, one byte short, and after a
 * failure: zero, bad for good, and nothing moved.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cursor.h"

static const uint8_t eight[] = {
	0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0xf8
};

static uint64_t
read_number(struct cursor *c, int which)
{
	switch (which) {
	case 0:
		return cursor_u8(c);
	case 1:
		return cursor_u16le(c);
	case 2:
		return cursor_u32le(c);
	case 3:
		return cursor_u64le(c);
	default:
		return cursor_u64be(c);
	}
}

static const struct number_case {
	const char *name;
	size_t length;
	uint64_t value;
} numbers[] = {
	{ "u8", 1, 0x81 },
	{ "u16le", 2, 0x0281 },
	{ "u32le", 4, 0x04030281 },
	{ "u64le", 8, UINT64_C(0xf807060504030281) },
	{ "u64be", 8, UINT64_C(0x81020304050607f8) },
};

static void
test_numbers(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		for (size_t have = 0; have <= 8; have++) {
			struct cursor c = cursor_over(eight, have);
			uint64_t value = read_number(&c, i);
			int fits = have >= numbers[i].length;

			if (value != (fits ? numbers[i].value : 0) ||
			    c.bad == fits)
				fail_msg("%s of %zu", numbers[i].name, have);
			assert_ptr_equal(c.at,
			    eight + (fits ? numbers[i].length : 0));
			assert_int_equal(c.left,
			    have - (fits ? numbers[i].length : 0));
		}
	}
}

static void
test_bad_for_good(void **state)
{
	struct cursor c = cursor_over(eight, 3);
	size_t length = 7;

	(void)state;
	assert_int_equal(cursor_u32le(&c), 0);
	assert_int_equal(cursor_u8(&c), 0);
	assert_null(cursor_bytes(&c, 0));
	assert_null(cursor_line(&c, &length));
	assert_int_equal(length, 0);
	assert_int_equal(c.left, 3);
	assert_true(c.bad);
}

static const struct bytes_case {
	uint64_t length;
	int fits;
} pieces[] = {
	{ 0, 1 }, { 7, 1 }, { 8, 1 }, { 9, 0 },
	{ UINT64_C(1) << 31, 0 }, { UINT64_C(1) << 32, 0 },
	{ UINT64_C(1) << 63, 0 }, { UINT64_MAX, 0 },
};

static void
test_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct cursor c = cursor_over(eight, 8);
		const uint8_t *at = cursor_bytes(&c, pieces[i].length);

		assert_ptr_equal(at, pieces[i].fits ? eight : NULL);
		assert_int_equal(c.bad, !pieces[i].fits);
	}
}

static void
test_lines(void **state)
{
	static const char text[] = "one\n\nthree";
	struct cursor c = cursor_over(text, sizeof(text) - 1);
	size_t length;

	(void)state;
	assert_memory_equal(cursor_line(&c, &length), "one", 3);
	assert_int_equal(length, 3);
	assert_non_null(cursor_line(&c, &length));
	assert_int_equal(length, 0);
	assert_null(cursor_line(&c, &length));	/* no newline: not a line */
	assert_true(c.bad);
	assert_int_equal(length, 0);
}

static void
test_nothing(void **state)
{
	struct cursor c = cursor_over(NULL, 0);
	size_t length;

	(void)state;
	assert_null(cursor_bytes(&c, 1));
	c = cursor_over(NULL, 0);
	assert_null(cursor_line(&c, &length));
	assert_int_equal(cursor_u64le(&c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_bad_for_good),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
