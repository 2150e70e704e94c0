/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dlpack.c - the export against the layout of the specification, written
 * down here a second time, as byte offsets on a 64-bit machine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hand.h"

/* dlpack.h 1.0, DLManagedTensorVersioned: where each field starts. */
enum {
	AT_MAJOR = 0,
	AT_MINOR = 4,
	AT_CONTEXT = 8,
	AT_DELETER = 16,
	AT_FLAGS = 24,
	AT_DATA = 32,
	AT_DEVICE = 40,
	AT_NDIM = 48,
	AT_CODE = 52,
	AT_BITS = 53,
	AT_LANES = 54,
	AT_SHAPE = 56,
	AT_STRIDES = 64,
	AT_BYTE_OFFSET = 72
};

static uint64_t
field(const void *export, size_t at, size_t size)
{
	uint64_t number = 0;

	memcpy(&number, (const uint8_t *)export + at, size);
	return number;
}

static void
release(void *export)
{
	void (*deleter)(void *);

	memcpy(&deleter, (uint8_t *)export + AT_DELETER, sizeof(deleter));
	deleter(export);
}

static const struct {
	const char *dtype;
	int code;		/* -1: UNSUPPORTED */
	unsigned bits;
} rows[] = {
	{ "BOOL", 6, 8 }, { "U8", 1, 8 }, { "I8", 0, 8 }, { "I16", 0, 16 },
	{ "U16", 1, 16 }, { "F16", 2, 16 }, { "BF16", 4, 16 },
	{ "I32", 0, 32 }, { "U32", 1, 32 }, { "F32", 2, 32 },
	{ "F64", 2, 64 }, { "I64", 0, 64 }, { "U64", 1, 64 },
	{ "C32", 5, 32 }, { "C64", 5, 64 }, { "C128", 5, 128 },
	{ "F8_E5M2", -1, 0 }, { "F8_E4M3", -1, 0 }, { "F8_E8M0", -1, 0 },
	{ "F4X2", -1, 0 }, { "F4", -1, 0 }, { "QU4X2", -1, 0 },
	{ "BITS8", -1, 0 },
};

static void
test_types(void **state)
{
	static const uint8_t bytes[256] = { 1, 2, 3 };
	static const uint64_t shape[] = { 2, 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
		void *export = NULL;
		pfork_error err;
		enum pfork_code code;

		print_message("%s\n", rows[i].dtype);
		hand_tensor(c, "t", rows[i].dtype, 2, shape, NULL,
		    hand_extent(c, 0, sizeof(bytes)), 0);
		code = pfork_tensor_dlpack(pfork_checkpoint_at(c, 0), &export,
		    &err);
		if (rows[i].code < 0) {
			assert_int_equal(code, PFORK_E_UNSUPPORTED);
			assert_null(export);
		} else {
			assert_int_equal(code, PFORK_OK);
			assert_int_equal(field(export, AT_CODE, 1),
			    rows[i].code);
			assert_int_equal(field(export, AT_BITS, 1),
			    rows[i].bits);
			release(export);
		}
		pfork_checkpoint_unref(c);
	}
}

static void
test_layout(void **state)
{
	static const uint8_t bytes[24] = { 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 };
	static const uint8_t want[12] = { 0, 0, 3, 3, 1, 1, 4, 4, 2, 2, 5, 5 };
	static const uint64_t shape[] = { 3, 2 };
	static const uint64_t strides[] = { 1, 3 };
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	const int64_t *numbers;
	void *export;

	(void)state;
	hand_tensor(c, "t", "I16", 2, shape, strides,
	    hand_extent(c, 0, sizeof(bytes)), 0);
	assert_int_equal(pfork_tensor_dlpack(pfork_checkpoint_at(c, 0),
	    &export, NULL), PFORK_OK);
	/* It holds the checkpoint by itself. */
	pfork_checkpoint_unref(c);
	assert_int_equal(field(export, AT_MAJOR, 4), 1);
	assert_int_equal(field(export, AT_MINOR, 4), 0);
	assert_int_equal(field(export, AT_FLAGS, 8), 1);
	assert_int_equal(field(export, AT_DEVICE, 4), 1);
	assert_int_equal(field(export, AT_DEVICE + 4, 4), 0);
	assert_int_equal(field(export, AT_NDIM, 4), 2);
	assert_int_equal(field(export, AT_LANES, 2), 1);
	assert_int_equal(field(export, AT_BYTE_OFFSET, 8), 0);
	memcpy(&numbers, (uint8_t *)export + AT_SHAPE, sizeof(numbers));
	assert_int_equal(numbers[0], 3);
	assert_int_equal(numbers[1], 2);
	memcpy(&numbers, (uint8_t *)export + AT_STRIDES, sizeof(numbers));
	assert_int_equal(numbers[0], 2);
	assert_int_equal(numbers[1], 1);
	assert_memory_equal((const void *)(uintptr_t)field(export, AT_DATA, 8),
	    want, sizeof(want));
	release(export);
}

static void
test_empty_and_scalar(void **state)
{
	static const uint8_t bytes[8] = { 7 };
	static const uint64_t empty[] = { 0, 3 };
	pfork_checkpoint *c = hand_new(bytes, sizeof(bytes));
	void *export;

	(void)state;
	hand_tensor(c, "e", "F32", 2, empty, NULL, hand_extent(c, 0, 8), 0);
	hand_tensor(c, "s", "I64", 0, NULL, NULL, hand_extent(c, 0, 8), 0);
	assert_int_equal(pfork_tensor_dlpack(pfork_checkpoint_at(c, 0),
	    &export, NULL), PFORK_OK);
	assert_int_equal(field(export, AT_DATA, 8), 0);
	release(export);
	assert_int_equal(pfork_tensor_dlpack(pfork_checkpoint_at(c, 1),
	    &export, NULL), PFORK_OK);
	assert_int_equal(field(export, AT_NDIM, 4), 0);
	assert_int_not_equal(field(export, AT_DATA, 8), 0);
	release(export);
	assert_int_equal(pfork_tensor_dlpack(NULL, &export, NULL),
	    PFORK_E_ARGS);
	pfork_checkpoint_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_empty_and_scalar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
