/* SPDX-License-Identifier: Apache-2.0
 *
 * test_joblib.c - arrays in the middle of a pickle, plain and compressed: where
 * their bytes are, each prefix, and the size of what is unpacked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "dtype.h"
#include "harness.h"

#define DTYPE "cnumpy\ndtype\n(X\2\0\0\0i2\x89\x88tR" \
	"(K\3X\1\0\0\0<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
#define BEFORE "\x80\x03}X\1\0\0\0wcjoblib.numpy_pickle\n" \
	"NumpyArrayWrapper\n)\x81}(X\5\0\0\0shapeK\2K\1\x86" \
	"X\5\0\0\0orderX\1\0\0\0FX\5\0\0\0dtype" DTYPE \
	"X\x1b\0\0\0numpy_array_alignment_bytesK\x10ub"
#define PADDING "\2\xff\xff"
#define AFTER "s."
static const char whole[] = BEFORE PADDING "aAbB" AFTER;

static void
test_whole(void **state)
{
	struct harness h;
	const uint8_t *bytes;
	size_t length;

	(void)state;
	assert_true(harness_run(whole, sizeof whole - 1, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 1);
	assert_string_equal(h.tensors[0].name, "w");
	assert_int_equal(h.tensors[0].dtype, DTYPE_I16);
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[0].offset, sizeof(BEFORE PADDING) - 1);
	bytes = harness_bytes(&h, &h.tensors[0], &length);
	assert_int_equal(length, 4);
	assert_memory_equal(bytes, "aAbB", 4);
	harness_free(&h);
}

static void
test_prefixes(void **state)
{
	struct harness h;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof whole; n++) {
		assert_false(harness_run(whole, n, 0, &h));
		assert_int_equal(h.tensor_count, 0);
		harness_free(&h);
	}
}

#define STATED(code, state) "\x80\3cjoblib.numpy_pickle\n" \
	"NumpyArrayWrapper\n)\x81}(X\5\0\0\0shapeK\2\x85" \
	"X\5\0\0\0orderX\1\0\0\0CX\5\0\0\0dtypecnumpy\ndtype\n" \
	"(U\2" code "\x89\x88tR(" state "tbubabcdABCD."
#define STATED_LEN(code, state) STATED(code, state), \
	sizeof(STATED(code, state)) - 1

/* What numpy makes of these has another size, or is objects: the bytes would
 * end elsewhere. */
static void
test_states(void **state)
{
	static const struct {
		const char *at;
		size_t len;
		bool good;
	} cases[] = {
		{ STATED_LEN("V4", "K\3U\1|NNNK\4K\1K\0"), true },
		{ STATED_LEN("f4", "K\3U\1<NNNJ\xff\xff\xff\xffK\1K\0"), true },
		{ STATED_LEN("V4", "K\3U\1|NNNK\2K\1K\0"), false },
		{ STATED_LEN("V4", "K\3U\1|NNNJ\xff\xff\xff\xffK\1K\0"),
		    false },
		{ STATED_LEN("S4", "K\3U\1|NNNK\2K\1K\0"), false },
		{ STATED_LEN("U1", "K\3U\1<NNNK\2K\4K\0"), false },
		{ STATED_LEN("V4", "K\2U\1|NNNK\4K\1K\0"), false },
		{ STATED_LEN("V4", "K\3U\1|NNNK\4K\1"), false },
		{ STATED_LEN("V4", "K\3U\1|NNNK\4K\1N"), false },
		{ STATED_LEN("V4", "NU\1|NNNK\4K\1K\0"), false },
		{ STATED_LEN("f4", "K\3U\1<NNNK\4K\1K\1"), false },
		{ STATED_LEN("O4", "K\3U\1|NNNK\4K\1K\0"), false },
	};
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (harness_run(cases[i].at, cases[i].len, 0, &h) !=
		    cases[i].good || (!cases[i].good &&
		    strstr(h.fault_text, "a dtype of unknown size") == NULL))
			fail_msg("%zu: %s", i, h.fault_text);
		harness_free(&h);
	}
}

static size_t
compress(const void *in, size_t length, bool gzip, uint8_t *out, size_t room)
{
	struct libdeflate_compressor *c;
	size_t made;

	libdeflate_set_memory_allocator(malloc, free);
	c = libdeflate_alloc_compressor(9);
	made = gzip ?
	    libdeflate_gzip_compress(c, in, length, out, room) :
	    libdeflate_zlib_compress(c, in, length, out, room);

	libdeflate_free_compressor(c);
	assert_int_not_equal(made, 0);
	return made;
}

static void
test_compressed(void **state)
{
	uint8_t packed[1024];
	struct harness h;
	const uint8_t *bytes;
	size_t length;
	size_t n;

	(void)state;
	for (int gzip = 0; gzip < 2; gzip++) {
		n = compress(whole, sizeof whole - 1, gzip, packed,
		    sizeof packed);
		assert_true(harness_run(packed, n, 0, &h));
		assert_string_equal(h.format, "joblib");
		assert_int_equal(h.verdict, VERDICT_CLEAN);
		assert_int_equal(h.storages[0].kind, STORAGE_STREAM);
		bytes = harness_bytes(&h, &h.tensors[0], &length);
		assert_int_equal(length, 4);
		assert_memory_equal(bytes, "aAbB", 4);
		harness_free(&h);
		for (size_t k = 0; k < n; k++) {
			assert_false(harness_run(packed, k, 0, &h));
			assert_int_equal(h.tensor_count, 0);
			harness_free(&h);
		}
	}
}

/* 200 MiB in 200 KiB, with an arena of 64 MiB. */
static void
test_bomb(void **state)
{
	size_t length = 200 << 20;
	uint8_t *zeros = calloc(1, length);
	uint8_t *packed = malloc(1 << 20);
	struct harness h;
	size_t n;

	(void)state;
	assert_non_null(zeros);
	assert_non_null(packed);
	n = compress(zeros, length, true, packed, 1 << 20);
	assert_false(harness_run(packed, n, 0, &h));
	assert_int_equal(h.fault_code, FAULT_UNSUPPORTED);
	harness_free(&h);
	/* BINBYTES8 of 200 MiB */
	memcpy(zeros, "\x80\4\x8e\0\0\x80\x0c", 7);
	n = compress(zeros, length, true, packed, 1 << 20);
	assert_false(harness_run(packed, n, 0, &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
	free(zeros);
	free(packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
