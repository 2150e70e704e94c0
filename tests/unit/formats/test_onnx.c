/* SPDX-License-Identifier: Apache-2.0
 *
 * test_onnx.c - ONNX models: what is taken for one, where the elements are, and
 * where an error is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "formats.h"
#include "harness.h"
#include "protobuf_read.h"

#define BYTES(text) text, sizeof(text) - 1
/* A model of one graph, whose initializer has this many bytes. */
#define MODEL(graph_len, tensor_len, tensor) \
	"\x08\x0a\x3a" graph_len "\x2a" tensor_len tensor
#define I16_A "\x08\2\x10\5\x42\1" "a"		/* [2], int16, "a": 7 bytes */

static void
test_raw(void **state)
{
	struct harness h;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	assert_true(harness_run(BYTES(MODEL("\x0f", "\x0d", I16_A
	    "\x4a\4\1\0\2\0")), 0, &h));
	assert_string_equal(h.format, "onnx");
	t = harness_find(&h, "a");
	assert_non_null(t);
	assert_int_equal(t->dtype, DTYPE_I16);
	assert_int_equal(h.storages[t->storage].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[t->storage].offset, 15);
	assert_memory_equal(harness_bytes(&h, t, &length), "\1\0\2\0", 4);
	assert_int_equal(length, 4);
	harness_free(&h);
}

/* -1 needs ten bytes. */
static void
test_varints(void **state)
{
	struct harness h;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	assert_true(harness_run(BYTES(MODEL("\x16", "\x14", I16_A
	    "\x2a\x0b\5\xff\xff\xff\xff\xff\xff\xff\xff\xff\1")), 0, &h));
	t = harness_find(&h, "a");
	assert_non_null(t);
	assert_int_equal(h.storages[t->storage].kind, STORAGE_STREAM);
	assert_memory_equal(harness_bytes(&h, t, &length), "\5\0\xff\xff", 4);
	harness_free(&h);
}

/* One packed run of floats is what a tensor wants. */
static void
test_floats(void **state)
{
	struct harness h;
	const struct harness_tensor *t;

	(void)state;
	assert_true(harness_run(BYTES(MODEL("\x0f", "\x0d", "\x08\1\x10\1"
	    "\x42\1" "a\x22\4\0\0\x80\x3f")), 0, &h));
	t = harness_find(&h, "a");
	assert_int_equal(h.storages[t->storage].kind, STORAGE_EXTENT);
	harness_free(&h);
	/* Not packed: a float alone. */
	assert_true(harness_run(BYTES(MODEL("\x0e", "\x0c", "\x08\1\x10\1"
	    "\x42\1" "a\x25\0\0\x80\x3f")), 0, &h));
	t = harness_find(&h, "a");
	assert_int_equal(h.storages[t->storage].kind, STORAGE_STREAM);
	harness_free(&h);
}

static void
test_prefixes(void **state)
{
	static const char whole[] = MODEL("\x0f", "\x0d", I16_A
	    "\x4a\4\1\0\2\0");
	struct harness h;

	(void)state;
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		if (harness_run(whole, n, GO_SCALARS, &h))
			fail_msg("%zu bytes load", n);
		assert_int_equal(h.tensor_count, 0);
		harness_free(&h);
	}
	/* The same inside: the tensor's bytes end early, its lengths fit. */
	for (size_t n = 1; n < 13; n++) {
		char cut[32] = MODEL("\0", "\0", "");

		cut[3] = (char)(n + 2);
		cut[5] = (char)n;
		memcpy(cut + 6, whole + 6, n);
		if (harness_run(cut, 6 + n, 0, &h) && h.tensor_count != 0)
			fail_msg("a tensor of %zu bytes", n);
		harness_free(&h);
	}
}

static const struct fault_case {
	const char *name;
	const char *bytes;
	size_t length;
	uint32_t code;
	uint64_t where;
} faults[] = {
	{ "a byte short", BYTES(MODEL("\x0e", "\x0c", I16_A "\x4a\3\1\0\2")),
	    FAULT_FORMAT, 15 },
	{ "no data", BYTES(MODEL("\x09", "\7", I16_A)), FAULT_FORMAT, 6 },
	{ "raw_data twice", BYTES(MODEL("\x15", "\x13", I16_A
	    "\x4a\4\1\0\2\0\x4a\4\1\0\2\0")), FAULT_FORMAT, 21 },
	{ "group", BYTES(MODEL("\x11", "\x0f", I16_A "\x4a\4\1\0\2\0\x1b\x1c")),
	    FAULT_FORMAT, 19 },
	{ "int16 of 65536", BYTES(MODEL("\x0f", "\x0d", I16_A
	    "\x2a\4\x80\x80\4\0")), FAULT_FORMAT, 15 },
	{ "dimension -1", BYTES(MODEL("\x10", "\x0e", "\x08\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff\1\x10\5\0")), FAULT_FORMAT, 7 },
	{ "ir_version 0", BYTES("\x08\0\x3a\0"), FAULT_UNSUPPORTED, 0 },
	{ "empty graph", BYTES("\x08\1\x3a\0"), FAULT_UNSUPPORTED, 0 },
	{ "two fields too many", BYTES(MODEL("\x09", "\7", I16_A) "\xff\1"),
	    FAULT_UNSUPPORTED, 0 },
};

static void
test_faults(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		const struct fault_case *f = &faults[i];

		if (harness_run(f->bytes, f->length, 0, &h))
			fail_msg("%s: loads", f->name);
		if (h.fault_code != f->code || h.fault_where != f->where)
			fail_msg("%s: %u at %llu: %s", f->name, h.fault_code,
			    (unsigned long long)h.fault_where, h.fault_text);
		harness_free(&h);
	}
}

static const struct varint_case {
	const char *bytes;
	size_t length;
	bool good;
	uint64_t value;
} varints[] = {
	{ BYTES("\0"), true, 0 },
	{ BYTES("\x80\0"), true, 0 },
	{ BYTES("\xac\2"), true, 300 },
	{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), true, UINT64_MAX },
	{ BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"), false, 0 },
	{ BYTES("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0"), false, 0 },
	{ BYTES(""), false, 0 },
	{ BYTES("\x80"), false, 0 },
};

static void
test_varint_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof varints / sizeof *varints; i++) {
		struct cursor c = cursor_over(varints[i].bytes,
		    varints[i].length);
		uint64_t value = pb_varint(&c);

		if (value != varints[i].value || c.bad == varints[i].good)
			fail_msg("case %zu", i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_varints),
		cmocka_unit_test(test_floats),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_varint_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
