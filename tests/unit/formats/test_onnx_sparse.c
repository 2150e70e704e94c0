/* SPDX-License-Identifier: Apache-2.0
 *
 * test_onnx_sparse.c - sparse tensors of ONNX: their parts, each number that is
 * none, and the byte where that is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

#define AT(text) (sizeof(text) - 1)
/* A float, "s"; an int64; both of one element. */
#define VALUES "\x0a\x0d\x08\1\x10\1\x42\1s\x4a\4\0\0\x80\x3f"
#define INDICES "\x12\x0e\x08\1\x10\7\x4a\x08\3\0\0\0\0\0\0\0"
#define PARTS VALUES INDICES			/* 31 bytes */
#define MODEL(graph_len, sparse_len, sparse) \
	"\x08\x0a\x3a" graph_len "\x7a" sparse_len sparse
#define BYTES(text) text, sizeof(text) - 1

static void
test_good(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		uint64_t dims[2];
		size_t rank;
	} rows[] = {
		{ BYTES(MODEL("\x23", "\x21", PARTS "\x18\5")), { 5 }, 1 },
		{ BYTES(MODEL("\x25", "\x23", PARTS "\x18\5\x18\6")), { 5, 6 },
		    2 },
		{ BYTES(MODEL("\x26", "\x24", PARTS "\x1a\3\5\x80\1")),
		    { 5, 128 }, 2 },
		{ BYTES(MODEL("\x21", "\x1f", PARTS)), { 0 }, 0 },
		{ BYTES(MODEL("\x23", "\x21", PARTS "\x20\1")), { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct harness_tensor *t;
		struct harness h;
		size_t length;

		if (!harness_run(rows[i].bytes, rows[i].length, 0, &h))
			fail_msg("%d: %s at %d", (int)i, h.fault_text,
			    (int)h.fault_where);
		assert_int_equal(h.tensor_count, 3);
		t = harness_find(&h, "s.values");
		assert_int_equal(t->dtype, DTYPE_F32);
		assert_memory_equal(harness_bytes(&h, t, &length),
		    "\0\0\x80\x3f", 4);
		t = harness_find(&h, "s.indices");
		assert_int_equal(t->dtype, DTYPE_I64);
		t = harness_find(&h, "s.size");
		assert_int_equal(t->rank, 1);
		assert_int_equal(t->shape[0], rows[i].rank);
		assert_memory_equal(harness_bytes(&h, t, &length),
		    rows[i].dims, 8 * rows[i].rank);
		assert_int_equal(length, 8 * rows[i].rank);
		harness_free(&h);
	}
}

#define BAD(graph_len, sparse_len, before, after) \
	BYTES(MODEL(graph_len, sparse_len, before after)), \
	AT(MODEL(graph_len, sparse_len, before))
#define MINUS_1 "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	uint64_t where;
	const char *text;
} faults[] = {
	{ "a negative dimension", BAD("\x2c", "\x2a", PARTS "\x18", MINUS_1),
	    "a negative dimension" },
	{ "a negative dimension, packed", BAD("\x2d", "\x2b", PARTS "\x1a"
	    "\x0a", MINUS_1), "a negative dimension" },
	{ "dims cut short", BAD("\x24", "\x22", PARTS "\x1a\1", "\x80"),
	    "dims are cut short" },
	{ "dims of 32 bits", BAD("\x26", "\x24", PARTS "\x1d", "\5\0\0\0"),
	    "" },
	{ "no values", BAD("\x12", "\x10", "", INDICES),
	    "without values or indices" },
	{ "no indices", BAD("\x11", "\x0f", "", VALUES),
	    "without values or indices" },
	{ "values twice", BAD("\x30", "\x2e", PARTS "\x0a\x0d",
	    "\x08\1\x10\1\x42\1s\x4a\4\0\0\x80\x3f"),
	    "a tensor's field is there twice" },
	{ "values of a number", BAD("\x23", "\x21", PARTS "\x08", "\1"), "" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct harness h;

		if (harness_run(faults[i].bytes, faults[i].length, 0, &h))
			fail_msg("%s: loads", faults[i].name);
		if (h.fault_code != FAULT_FORMAT ||
		    strstr(h.fault_text, faults[i].text) == NULL)
			fail_msg("%s: %u %s", faults[i].name, h.fault_code,
			    h.fault_text);
		if (h.fault_where != faults[i].where)
			fail_msg("%s: at %d, not %d: %s", faults[i].name,
			    (int)h.fault_where, (int)faults[i].where,
			    h.fault_text);
		harness_free(&h);
	}
}

/* 64 dimensions are taken, 65 are not. */
static void
test_rank(void **state)
{
	(void)state;
	for (uint8_t rank = 64; rank <= 65; rank++) {
		static const char begin[] = MODEL("\x64", "\x62", PARTS "\x1a");
		char bytes[256];
		struct harness h;

		memcpy(bytes, begin, AT(begin));
		bytes[3] = (char)(35 + rank);
		bytes[5] = (char)(33 + rank);
		bytes[AT(begin)] = (char)rank;
		memset(bytes + AT(begin) + 1, 1, rank);
		assert_int_equal(harness_run(bytes, AT(begin) + 1 + rank, 0,
		    &h), rank == 64);
		if (rank == 65) {
			assert_int_equal(h.fault_where, AT(begin) + 1);
			assert_non_null(strstr(h.fault_text, "over 64"));
		}
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
