/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flax.c - MessagePack trees: what is taken for one, the tokens, the
 * arrays, and where an error is said to be.
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
#include "msgpack_read.h"

#define BYTES(text) text, sizeof(text) - 1
/* {"a": array([1, 2], int16)}, and what stands in its extension. */
#define ARRAY "\xc7\x0f\1\x93\x91\2\xa5" "int16\xc4\4\1\0\2\0"
#define TREE "\x81\xa1" "a" ARRAY

static void
test_tensor(void **state)
{
	struct harness h;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	assert_true(harness_run(BYTES(TREE), 0, &h));
	assert_string_equal(h.format, "flax-msgpack");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 1);
	t = harness_find(&h, "a");
	assert_non_null(t);
	assert_int_equal(t->dtype, DTYPE_I16);
	assert_int_equal(t->rank, 1);
	assert_int_equal(t->shape[0], 2);
	assert_int_equal(h.storages[t->storage].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[t->storage].offset, 17);
	assert_memory_equal(harness_bytes(&h, t, &length), "\1\0\2\0", 4);
	assert_int_equal(length, 4);
	harness_free(&h);
}

/* Cut anywhere, nothing comes out. */
static void
test_prefixes(void **state)
{
	static const char whole[] = "\x83\xa1" "n\x93\1\xcd\1\0\xc0\xa1" "a"
	    ARRAY "\xa1" "c\x83\xb9__msgpack_chunked_array__\xc3\xa5shape\x81"
	    "\xa1" "0\2\xa6" "chunks\x81\xa1" "0" ARRAY;
	struct harness h;

	(void)state;
	assert_true(harness_run(whole, sizeof whole - 1, 0, &h));
	assert_int_equal(h.tensor_count, 2);
	harness_free(&h);
	for (size_t n = 0; n < sizeof whole - 1; n++) {
		if (harness_run(whole, n, GO_SCALARS, &h))
			fail_msg("%zu bytes load", n);
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
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
	{ "trailing", BYTES(TREE "\0"), FAULT_FORMAT, 21 },
	{ "key twice", BYTES("\x82\xa1" "a" ARRAY "\xa1" "a\1"),
	    FAULT_FORMAT, 21 },
	{ "key is nil", BYTES("\x82\xa1" "a" ARRAY "\xc0\1"),
	    FAULT_FORMAT, 21 },
	{ "key is a float", BYTES("\x82\xa1" "a" ARRAY "\xca\0\0\0\0\1"),
	    FAULT_FORMAT, 21 },
	{ "key of 64 bits", BYTES("\x82\xa1" "a" ARRAY
	    "\xcf\x80\0\0\0\0\0\0\0\1"), FAULT_FORMAT, 21 },
	{ "number twice", BYTES("\x83\xa1" "a" ARRAY "\1\1\xd0\1\1"),
	    FAULT_FORMAT, 23 },
	{ "0xc1", BYTES("\x82\xa1" "a" ARRAY "\xa1" "b\xc1"),
	    FAULT_FORMAT, 23 },
	{ "not UTF-8", BYTES("\x82\xa1" "a" ARRAY "\xa1" "b\xa1\xff"),
	    FAULT_FORMAT, 23 },
	{ "a byte short", BYTES("\x81\xa1" "a\xc7\x0e\1\x93\x91\2\xa5"
	    "int16\xc4\3\1\0\2"), FAULT_FORMAT, 15 },
	{ "dimension -1", BYTES("\x82\xa1" "a" ARRAY "\xa1" "b\xc7\x0d\1\x93"
	    "\x91\xff\xa5" "int16\xc4\2\0\0"), FAULT_FORMAT, 28 },
	{ "no pair", BYTES("\x82\xa1" "a" ARRAY "\xa1" "z\xd5\2\x91\0"),
	    FAULT_FORMAT, 25 },
	{ "plain values", BYTES("\x81\xa1" "a\1"), FAULT_UNSUPPORTED, 0 },
	{ "a list", BYTES("\x91" ARRAY), FAULT_UNSUPPORTED, 0 },
	{ "number keys", BYTES("\x81\1" ARRAY), FAULT_UNSUPPORTED, 0 },
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

static void
test_scalars(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES("\x86\xa1" "a" ARRAY "\xa1" "b\xd0\x80"
	    "\xa1" "c\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1" "d\xca\x3f\xc0"
	    "\0\0\xa1" "e\x92\xc2\xc0\xa1" "f\xc7\x0f\3\x93\x90\xa8"
	    "bfloat16\xc4\2\xc0\x3f"), GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 6);
	assert_int_equal(h.scalars[0].i, -128);
	assert_int_equal(h.scalars[1].kind, SCALAR_BIGINT);
	assert_int_equal(h.scalars[1].data_len, 9);
	assert_memory_equal(h.scalars[1].data,
	    "\xff\xff\xff\xff\xff\xff\xff\xff\0", 9);
	assert_true(h.scalars[2].f == 1.5);
	assert_string_equal(h.scalars[3].name, "e.0");
	assert_int_equal(h.scalars[4].kind, SCALAR_NULL);
	assert_true(h.scalars[5].f == 1.5);
	harness_free(&h);
}

/* flax takes numbers for keys; one is not the text of its digits. */
static void
test_number_keys(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES("\x81\xa1" "a\x85\5" ARRAY "\0" ARRAY
	    "\xff" ARRAY "\xd3\x80\0\0\0\0\0\0\0" ARRAY "\xa1" "5" ARRAY),
	    0, &h));
	assert_int_equal(h.tensor_count, 5);
	assert_non_null(harness_find(&h, "a.5"));
	assert_non_null(harness_find(&h, "a.0"));
	assert_non_null(harness_find(&h, "a.-1"));
	assert_non_null(harness_find(&h, "a.-9223372036854775808"));
	assert_non_null(harness_find(&h, "a.5~2"));
	harness_free(&h);
}

/* Each form of each kind, and what is left after it. */
static const struct token_case {
	const char *bytes;
	size_t length;
	enum mp_kind kind;
	int64_t i;
	uint64_t len;
} tokens[] = {
	{ BYTES("\x7f"), MP_INT, 127, 0 },
	{ BYTES("\xff"), MP_INT, -1, 0 },
	{ BYTES("\xe0"), MP_INT, -32, 0 },
	{ BYTES("\x8f"), MP_MAP, 0, 15 },
	{ BYTES("\x9f"), MP_ARRAY, 0, 15 },
	{ BYTES("\xa2xy"), MP_TEXT, 0, 2 },
	{ BYTES("\xc0"), MP_NIL, 0, 0 },
	{ BYTES("\xc2"), MP_BOOL, 0, 0 },
	{ BYTES("\xc3"), MP_BOOL, 1, 0 },
	{ BYTES("\xc4\1x"), MP_BYTES, 0, 1 },
	{ BYTES("\xc5\0\1x"), MP_BYTES, 0, 1 },
	{ BYTES("\xc6\0\0\0\1x"), MP_BYTES, 0, 1 },
	{ BYTES("\xc7\1\5x"), MP_EXT, 0, 1 },
	{ BYTES("\xc8\0\1\5x"), MP_EXT, 0, 1 },
	{ BYTES("\xc9\0\0\0\1\5x"), MP_EXT, 0, 1 },
	{ BYTES("\xca\0\0\0\0"), MP_FLOAT, 0, 0 },
	{ BYTES("\xcb\0\0\0\0\0\0\0\0"), MP_FLOAT, 0, 0 },
	{ BYTES("\xcc\xff"), MP_INT, 255, 0 },
	{ BYTES("\xcd\xff\xff"), MP_INT, 65535, 0 },
	{ BYTES("\xce\xff\xff\xff\xff"), MP_INT, UINT32_MAX, 0 },
	{ BYTES("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"), MP_INT, INT64_MAX,
	    0 },
	{ BYTES("\xcf\x80\0\0\0\0\0\0\0"), MP_BIG, 0, UINT64_C(1) << 63 },
	{ BYTES("\xd0\x80"), MP_INT, -128, 0 },
	{ BYTES("\xd1\x80\0"), MP_INT, -32768, 0 },
	{ BYTES("\xd2\x80\0\0\0"), MP_INT, INT32_MIN, 0 },
	{ BYTES("\xd3\x80\0\0\0\0\0\0\0"), MP_INT, INT64_MIN, 0 },
	{ BYTES("\xd4\5x"), MP_EXT, 0, 1 },
	{ BYTES("\xd8\5" "0123456789abcdef"), MP_EXT, 0, 16 },
	{ BYTES("\xd9\1x"), MP_TEXT, 0, 1 },
	{ BYTES("\xda\0\1x"), MP_TEXT, 0, 1 },
	{ BYTES("\xdb\0\0\0\1x"), MP_TEXT, 0, 1 },
	{ BYTES("\xdc\1\0"), MP_ARRAY, 0, 256 },
	{ BYTES("\xdd\xff\xff\xff\xff"), MP_ARRAY, 0, UINT32_MAX },
	{ BYTES("\xde\1\0"), MP_MAP, 0, 256 },
	{ BYTES("\xdf\xff\xff\xff\xff"), MP_MAP, 0, UINT32_MAX },
};

static void
test_tokens(void **state)
{
	struct mp_token t;
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		const struct token_case *k = &tokens[i];

		c = cursor_over(k->bytes, k->length);
		if (!mp_next(&c, &t) || t.kind != k->kind || t.i != k->i ||
		    t.len != k->len || c.left != 0)
			fail_msg("case %zu", i);
		for (size_t n = 0; n < k->length; n++) {
			c = cursor_over(k->bytes, n);
			assert_false(mp_next(&c, &t));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tensor),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_number_keys),
		cmocka_unit_test(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
