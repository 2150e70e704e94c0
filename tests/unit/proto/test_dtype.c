/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dtype.c - the table agrees with itself, and the arithmetic of shapes
 * neither overflows nor forgets a rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "limits.h"

#define P(n) (UINT64_C(1) << (n))

static void
test_table(void **state)
{
	unsigned count = 0;

	(void)state;
	for (uint32_t code = 0; code < 1000; code++) {
		const struct dtype *d = dtype_by_code(code);

		if (d == NULL)
			continue;
		count++;
		assert_int_equal(d->code, code);
		assert_ptr_equal(dtype_by_name(d->name, strlen(d->name)), d);
		if (d->torch[0] != '\0')
			assert_ptr_equal(dtype_by_torch(d->torch,
			    strlen(d->torch)), d);
		assert_true(d->bits > 0 && d->block > 0);
		assert_null(dtype_by_name(d->name, strlen(d->name) - 1));
	}
	/* Ours, and ggml's types of blocks. */
	assert_int_equal(count, DTYPE_U2 + 27);
	assert_null(dtype_by_code(DTYPE_GGML));
	assert_null(dtype_by_code(DTYPE_NONE));
	assert_null(dtype_by_code(UINT32_MAX));
	assert_null(dtype_by_name("", 0));
	assert_null(dtype_by_torch("", 0));	/* many have no such name */
	assert_null(dtype_by_torch("float32\0", 8));
	assert_null(dtype_by_torch("F32", 3));
}

static void
test_element_bytes(void **state)
{
	(void)state;
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_BOOL)), 1);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_C128)), 16);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_C32)), 4);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_F4)), 0);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_F6_E2M3)), 0);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_QU2X4)), 0);
	assert_int_equal(dtype_element_bytes(dtype_by_code(DTYPE_F4X2)), 1);
}

static const struct shape_case {
	const char *name;
	uint32_t dtype;
	size_t rank;
	uint64_t shape[4];
	uint64_t strides[4];
	uint64_t bytes;		/* UINT64_MAX: refused */
	uint64_t span;		/* likewise */
	bool contiguous;
} shapes[] = {
	{ "rank 0", DTYPE_F32, 0, { 0 }, { 0 }, 4, 4, true },
	{ "plain", DTYPE_F32, 2, { 2, 3 }, { 3, 1 }, 24, 24, true },
	{ "transposed", DTYPE_F32, 2, { 2, 3 }, { 1, 2 }, 24, 24, false },
	{ "padded rows", DTYPE_I16, 2, { 2, 3 }, { 10, 1 }, 12, 26, false },
	{ "stride 0", DTYPE_F64, 1, { 1000 }, { 0 }, 8000, 8, false },
	{ "ones may have any stride", DTYPE_U8, 3, { 1, 4, 1 },
	    { 99, 1, 99 }, 4, 4, true },
	{ "empty", DTYPE_F32, 2, { 0, 5 }, { 77, 77 }, 0, 0, true },
	{ "empty, and a dimension too large", DTYPE_F32, 2,
	    { 0, P(48) + 1 }, { 1, 1 }, UINT64_MAX, UINT64_MAX, true },
	{ "empty, and a product too large", DTYPE_F32, 3,
	    { P(40), P(40), 0 }, { 1, 1, 1 }, UINT64_MAX, UINT64_MAX, true },
	{ "largest dimension", DTYPE_U8, 1, { P(48) }, { 1 }, P(48), P(48),
	    true },
	{ "empty, its strides would be negative", DTYPE_U8, 3,
	    { 0, P(40), P(23) }, { 1, 1, 1 }, UINT64_MAX, UINT64_MAX, true },
	{ "empty, its strides would fit", DTYPE_U8, 3, { 0, P(40), P(22) },
	    { 1, 1, 1 }, 0, 0, true },
	{ "one larger", DTYPE_U8, 1, { P(48) + 1 }, { 1 }, UINT64_MAX,
	    UINT64_MAX, true },
	{ "product wraps", DTYPE_U8, 2, { P(32), P(32) }, { P(32), 1 },
	    UINT64_MAX, UINT64_MAX, false },
	{ "bits wrap", DTYPE_F32, 2, { P(31), P(30) }, { P(30), 1 },
	    UINT64_MAX, P(63), true },
	{ "stride wraps", DTYPE_U8, 1, { 3 }, { P(63) }, 3, UINT64_MAX,
	    false },
	{ "sum of strides wraps", DTYPE_U8, 2, { 2, 2 },
	    { P(63), P(63) }, 4, UINT64_MAX, false },
	{ "last plus one wraps", DTYPE_U8, 1, { 2 }, { UINT64_MAX }, 2,
	    UINT64_MAX, false },
	{ "bytes of the last wrap", DTYPE_F64, 1, { 2 }, { P(61) }, 16,
	    UINT64_MAX, false },
	{ "half bytes", DTYPE_F4, 1, { 3 }, { 1 }, 2, 2, true },
	{ "quarter bytes", DTYPE_QU2X4, 2, { 3, 3 }, { 3, 1 }, 3, 3, true },
	{ "six bits", DTYPE_F6_E3M2, 1, { 4 }, { 1 }, 3, 3, true },
	{ "blocks", DTYPE_GGML + 2, 2, { 3, 64 }, { 64, 1 }, 108, 108, true },
	{ "half a block", DTYPE_GGML + 2, 2, { 64, 16 }, { 16, 1 },
	    UINT64_MAX, UINT64_MAX, true },
	{ "blocks with strides", DTYPE_GGML + 2, 2, { 64, 32 }, { 1, 64 },
	    64 * 18, UINT64_MAX, false },
	{ "a block of rank 0", DTYPE_GGML + 2, 0, { 0 }, { 0 }, UINT64_MAX,
	    UINT64_MAX, true },
	{ "sub-byte with strides", DTYPE_F4, 2, { 2, 2 }, { 1, 2 }, 2,
	    UINT64_MAX, false },
};

static void
test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		const struct shape_case *s = &shapes[i];
		const struct dtype *d = dtype_by_code(s->dtype);
		uint64_t bytes = UINT64_MAX;
		uint64_t span = UINT64_MAX;

		if (shape_bytes(d, s->shape, s->rank, &bytes) !=
		    (s->bytes != UINT64_MAX) || bytes != s->bytes)
			fail_msg("%s: bytes", s->name);
		if (shape_span(d, s->shape, s->strides, s->rank, &span) !=
		    (s->span != UINT64_MAX) || span != s->span)
			fail_msg("%s: span", s->name);
		if (shape_is_contiguous(s->shape, s->strides, s->rank) !=
		    s->contiguous)
			fail_msg("%s: contiguous", s->name);
	}
}

static void
test_rank(void **state)
{
	/* Two factors of 2^63 - 1; and 2^63. */
	static const uint64_t most[] = { 60247241209, 153092023 };
	static const uint64_t more[] = { P(32), P(31) };
	uint64_t shape[RANK_MAX + 1];
	uint64_t strides[RANK_MAX + 1];
	uint64_t count = 7;

	(void)state;
	assert_true(shape_count(most, 2, &count));
	assert_int_equal(count, INT64_MAX);
	assert_false(shape_count(more, 2, &count));
	for (size_t i = 0; i <= RANK_MAX; i++)
		shape[i] = 1;
	assert_true(shape_count(shape, RANK_MAX, &count));
	assert_int_equal(count, 1);
	assert_false(shape_count(shape, RANK_MAX + 1, &count));
	assert_true(shape_strides(shape, RANK_MAX, strides));
	assert_false(shape_strides(shape, RANK_MAX + 1, strides));
}

static void
test_strides(void **state)
{
	static const uint64_t plain[] = { 2, 3, 4 };
	static const uint64_t empty[] = { 2, 0, 4 };
	static const uint64_t large[] = { 1, P(48), P(48) };
	uint64_t out[3];

	(void)state;
	assert_true(shape_strides(plain, 3, out));
	assert_int_equal(out[0], 12);
	assert_int_equal(out[1], 4);
	assert_int_equal(out[2], 1);
	assert_true(shape_strides(empty, 3, out));	/* as torch does */
	assert_int_equal(out[0], 4);
	assert_int_equal(out[1], 4);
	assert_false(shape_strides(large, 3, out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_element_bytes),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_rank),
		cmocka_unit_test(test_strides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
