/* SPDX-License-Identifier: Apache-2.0
 *
 * test_npy.c - .npy headers against what numpy.lib.format writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "npy.h"

static const struct {
	const char *dtype;
	size_t rank;
	uint64_t shape[3];
	const char *dict;
} rows[] = {
	{ "F32", 0, { 0 },
	    "{'descr': '<f4', 'fortran_order': False, 'shape': (), }" },
	{ "BOOL", 1, { 3 },
	    "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }" },
	{ "C128", 2, { 0, 5 },
	    "{'descr': '<c16', 'fortran_order': False, 'shape': (0, 5), }" },
	{ "I64", 3, { 1, 2, 281474976710656 },
	    "{'descr': '<i8', 'fortran_order': False, "
	    "'shape': (1, 2, 281474976710656), }" },
};

static void
test_headers(void **state)
{
	char out[NPY_HEADER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = npy_header(out, rows[i].dtype, rows[i].shape,
		    rows[i].rank);
		size_t dict = strlen(rows[i].dict);

		assert_int_equal(length % 64, 0);
		assert_memory_equal(out, "\x93NUMPY\x01\x00", 8);
		assert_int_equal((uint8_t)out[8] | (uint8_t)out[9] << 8,
		    length - 10);
		assert_memory_equal(out + 10, rows[i].dict, dict);
		for (size_t k = 10 + dict; k < length - 1; k++)
			assert_int_equal(out[k], ' ');
		assert_int_equal(out[length - 1], '\n');
	}
}

static void
test_longest(void **state)
{
	char out[NPY_HEADER_MAX];
	uint64_t shape[65];
	size_t length;

	(void)state;
	for (size_t i = 0; i < 65; i++)
		shape[i] = UINT64_MAX;
	length = npy_header(out, "F32", shape, 64);
	assert_true(length > 64 * 20 && length <= sizeof(out));
	assert_int_equal(npy_header(out, "F32", shape, 65), 0);
}

static void
test_lacking(void **state)
{
	static const char *const names[] = { "BF16", "F8_E4M3", "C32", "F4",
		"QU4X2", "BITS8", "" };
	char out[NPY_HEADER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_null(npy_descr(names[i]));
		assert_int_equal(npy_header(out, names[i], NULL, 0), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_lacking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
