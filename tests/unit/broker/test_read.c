/* SPDX-License-Identifier: Apache-2.0
 *
 * test_read.c - tensor bytes against a slow reference, for every kind of view
 * and every backing; and what happens when the input changes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hand.h"
#include "read.h"
#include "xorshift.h"

/* Larger than six windows of the reader. */
#define BIG (26 * MIB)
#define SMALL 4096

static uint8_t *pattern;

static int
make_pattern(void **state)
{
	uint64_t x = 88172645463325252u;

	(void)state;
	pattern = malloc(BIG);
	assert_non_null(pattern);
	for (size_t i = 0; i + 8 <= BIG; i += 8) {
		(void)xorshift(&x);
		memcpy(pattern + i, &x, 8);
	}
	return 0;
}

static int
free_pattern(void **state)
{
	(void)state;
	free(pattern);
	return 0;
}

struct view_row {
	const char *name;
	const char *dtype;
	size_t rank;
	uint64_t shape[6];
	uint64_t strides[6];	/* in elements */
	uint64_t offset;	/* in bytes */
};

static const struct view_row small_rows[] = {
	{ "rank 0", "F32", 0, { 0 }, { 0 }, 12 },
	{ "vector", "F32", 1, { 100 }, { 1 }, 4 },
	{ "odd bytes", "U8", 1, { 77 }, { 1 }, 3 },
	{ "one element", "F64", 1, { 1 }, { 9999999 }, 8 },
	{ "empty", "F32", 2, { 0, 5 }, { 5, 1 }, 0 },
	{ "empty, wild strides", "F32", 2, { 5, 0 }, { 1u << 30, 7 }, 0 },
	{ "every second", "I16", 1, { 50 }, { 2 }, 2 },
	{ "transposed", "F32", 2, { 7, 11 }, { 1, 7 }, 0 },
	{ "transposed with gaps", "BF16", 2, { 33, 35 }, { 1, 40 }, 2 },
	{ "tiles", "U8", 2, { 33, 65 }, { 1, 33 }, 0 },
	{ "permuted", "F32", 3, { 4, 5, 6 }, { 6, 24, 1 }, 0 },
	{ "channels last", "F32", 4, { 5, 3, 3, 3 }, { 27, 1, 9, 3 }, 0 },
	{ "real conv", "F16", 4, { 28, 3, 2, 3 }, { 1, 28, 84, 252 }, 0 },
	{ "broadcast", "F32", 2, { 9, 4 }, { 0, 1 }, 16 },
	{ "all broadcast", "I64", 3, { 3, 4, 5 }, { 0, 0, 0 }, 8 },
	{ "broadcast inside", "U8", 2, { 9, 4 }, { 1, 0 }, 1 },
	{ "overlapping", "F32", 2, { 20, 8 }, { 1, 1 }, 0 },
	{ "overlapping steps", "I32", 3, { 6, 5, 4 }, { 3, 2, 1 }, 4 },
	{ "ones between", "F32", 5, { 1, 3, 1, 4, 1 }, { 7, 1, 9, 3, 2 }, 0 },
	{ "16-byte elements", "C128", 2, { 5, 6 }, { 1, 5 }, 0 },
	{ "8-byte elements", "C64", 2, { 5, 6 }, { 1, 5 }, 8 },
	{ "four bits", "F4", 2, { 3, 6 }, { 6, 1 }, 5 },
	{ "slice of rows", "F32", 2, { 5, 3 }, { 100, 1 }, 40 },
	{ "six dimensions", "U16", 6, { 2, 3, 2, 3, 2, 3 },
	    { 1, 2, 6, 12, 36, 72 }, 0 },
};

static const struct view_row big_rows[] = {
	{ "contiguous", "F32", 1, { 6 * MIB }, { 1 }, 4 },
	{ "transposed", "F32", 2, { 2500, 2500 }, { 1, 2500 }, 4 },
	{ "transposed, wide", "F32", 2, { 7, 800000 }, { 1, 7 }, 0 },
	{ "transposed, tall", "F32", 2, { 800000, 7 }, { 1, 800000 }, 0 },
	{ "column", "F32", 1, { 1000 }, { 6000 }, 8 },
	{ "near column", "F32", 1, { 60000 }, { 100 }, 8 },
	{ "far elements", "U8", 2, { 3, 2 }, { 9000000, 5000000 }, 1 },
	{ "far rows", "F32", 2, { 5, 300 }, { 1200000, 1 }, 0 },
	{ "far rows of columns", "F32", 3, { 4, 30, 9 },
	    { 1300000, 3, 40000 }, 0 },
	{ "overlapping, far", "U8", 3, { 3, 3, 3000000 },
	    { 5000000, 5000000, 1 }, 0 },
	{ "permuted", "U16", 3, { 100, 200, 300 }, { 1, 30000, 100 }, 0 },
	{ "woven", "U8", 6, { 8, 8, 8, 8, 470, 2 },
	    { 9001, 9002, 9003, 9004, 9000, 12000000 }, 1 },
	{ "far columns", "F32", 2, { 1300, 1500 }, { 1, 3400 }, 0 },
	{ "far columns of planes", "U16", 3, { 700, 3, 120 },
	    { 1, 2400000, 12000 }, 2 },
	{ "far columns, by threads", "U8", 2, { 9000, 1900 },
	    { 1, 13700 }, 3 },
	{ "planes turned, by threads", "F32", 3, { 100, 3, 20000 },
	    { 1, 2000100, 100 }, 0 },
	{ "slices just over a hole", "U8", 2, { 1500, 100 }, { 9000, 1 }, 7 },
};

enum backing { EXTENT, STREAM, MAPPED };

static pfork_checkpoint *
one_tensor(const struct view_row *row, size_t size, enum backing backing)
{
	pfork_checkpoint *c = hand_new(pattern, size);
	uint32_t storage;

	if (backing == STREAM)
		storage = hand_stream(c, pattern + 5, size - 5);
	else
		storage = hand_extent(c, 5, size - 5);
	if (backing == MAPPED) {
		c->source.map = mmap(NULL, size, PROT_READ, MAP_PRIVATE,
		    c->source.fd, 0);
		assert_ptr_not_equal(c->source.map, MAP_FAILED);
	}
	hand_tensor(c, "t", row->dtype, row->rank, row->shape, row->strides,
	    storage, row->offset);
	return c;
}

static void
check_whole(const pfork_tensor *t, const uint8_t *want)
{
	uint8_t *got = malloc(t->nbytes + 16);
	const void *data;
	pfork_error err;

	assert_non_null(got);
	memset(got, 0xa5, t->nbytes + 16);
	assert_int_equal(pfork_tensor_read(t, got, t->nbytes + 16, &err), 0);
	assert_memory_equal(got, want, t->nbytes);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(got[t->nbytes + i], 0xa5);
	assert_int_equal(pfork_tensor_data(t, &data, &err), 0);
	assert_non_null(data);
	assert_memory_equal(data, want, t->nbytes);
	free(got);
}

static void
check_parts(const pfork_tensor *t, const uint8_t *want, uint64_t step)
{
	uint8_t *got = malloc(t->nbytes + 1);
	uint64_t element = dtype_element_bytes(t->dtype);
	uint64_t size;

	assert_non_null(got);
	if (element == 0)
		element = 1;
	for (uint64_t at = 0; at < t->nbytes; at += size) {
		size = step * element;
		if (size > t->nbytes - at)
			size = t->nbytes - at;
		assert_int_equal(pfork_tensor_read_part(t, at, got + at,
		    size, NULL), 0);
	}
	assert_memory_equal(got, want, t->nbytes);
	free(got);
}

static void
check_rows(const struct view_row *rows, size_t count, size_t size,
    const uint64_t *steps, size_t step_count)
{
	for (size_t i = 0; i < count; i++) {
		for (int backing = EXTENT; backing <= MAPPED; backing++) {
			pfork_checkpoint *c =
			    one_tensor(&rows[i], size, (enum backing)backing);
			const pfork_tensor *t = pfork_checkpoint_at(c, 0);
			uint8_t *want = hand_expected(t, pattern + 5);

			print_message("%s, backing %d\n", rows[i].name,
			    backing);
			check_whole(t, want);
			for (size_t s = 0; s < step_count; s++)
				check_parts(t, want, steps[s]);
			free(want);
			pfork_checkpoint_unref(c);
		}
	}
}

static void
test_small_views(void **state)
{
	static const uint64_t steps[] = { 1, 2, 5, 7, 24, 64 };

	(void)state;
	check_rows(small_rows, sizeof(small_rows) / sizeof(small_rows[0]),
	    SMALL, steps, sizeof(steps) / sizeof(steps[0]));
}

static void
test_views_over_windows(void **state)
{
	static const uint64_t steps[] = { 999983 };

	(void)state;
	check_rows(big_rows, sizeof(big_rows) / sizeof(big_rows[0]), BIG,
	    steps, 1);
}

static uint64_t
read_calls(void)
{
	char line[64];
	unsigned long long calls = 0;
	FILE *f = fopen("/proc/thread-self/io", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "syscr: %llu", &calls);
	fclose(f);
	assert_true(calls > 0);
	return calls;
}

/* Views of few bytes that reach each one often: not a read for each. */
static void
test_woven_views(void **state)
{
	static const struct view_row rows[] = {
		{ "woven", "U8", 6, { 8, 8, 8, 8, 470, 2 },
		    { 9001, 9002, 9003, 9004, 9000, 12000000 }, 1 },
		{ "woven, over the largest window", "U8", 3, { 3, 40, 2400 },
		    { 1, 30001, 30000 }, 0 },
		{ "two that reach far", "U8", 2, { 300, 3000 },
		    { 14001, 14000 }, 0 },
	};
	size_t length = 80 * MIB;
	uint8_t *big = calloc(1, length);
	uint8_t *got = malloc(4 * MIB);
	uint8_t *want;
	uint64_t before;

	(void)state;
	assert_non_null(big);
	assert_non_null(got);
	for (size_t i = 0; i + BIG <= length; i += BIG)
		memcpy(big + i, pattern, BIG);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pfork_checkpoint *c = hand_new(big, length);
		const pfork_tensor *t;

		hand_tensor(c, "t", rows[i].dtype, rows[i].rank,
		    rows[i].shape, rows[i].strides,
		    hand_extent(c, 5, length - 5), rows[i].offset);
		t = pfork_checkpoint_at(c, 0);
		want = hand_expected(t, big + 5);
		before = read_calls();
		assert_int_equal(pfork_tensor_read(t, got, 4 * MIB, NULL), 0);
		assert_true(read_calls() - before < 100);
		assert_memory_equal(got, want, t->nbytes);
		free(want);
		pfork_checkpoint_unref(c);
	}
	free(big);
	free(got);
}

/* A view of a small file may be huge: what a copy of it holds is bounded. */
static void
test_pieces_are_bounded(void **state)
{
	static const struct view_row row = { "t", "U8", 2,
		{ (uint64_t)1 << 23, 4000 }, { 0, 1 }, 0 };
	pfork_checkpoint *c = one_tensor(&row, SMALL, EXTENT);

	(void)state;
	assert_true(read_piece(pfork_checkpoint_at(c, 0)) == 256 * MIB);
	pfork_checkpoint_unref(c);
}

/* A tensor that several threads read, at an odd place. */
static void
test_parallel(void **state)
{
	size_t length = 150 * MIB;
	uint8_t *big = malloc(length);
	uint8_t *got = malloc(length);
	const uint64_t shape[] = { length - 7 };
	pfork_checkpoint *c;
	const void *data;

	(void)state;
	assert_non_null(big);
	assert_non_null(got);
	for (size_t i = 0; i < length; i += MIB)
		memcpy(big + i, pattern + (i / MIB) * 8, MIB);
	c = hand_new(big, length);
	hand_tensor(c, "t", "U8", 1, shape, NULL,
	    hand_extent(c, 0, length), 7);
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_at(c, 0), got,
	    length, NULL), 0);
	assert_memory_equal(got, big + 7, length - 7);
	assert_int_equal(pfork_tensor_data(pfork_checkpoint_at(c, 0), &data,
	    NULL), 0);
	assert_memory_equal(data, big + 7, length - 7);
	/* One slice of several meets the new end of the file. */
	assert_int_equal(ftruncate(c->source.fd, 140 * MIB), 0);
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_at(c, 0), got,
	    length, NULL), PFORK_E_CHANGED);
	pfork_checkpoint_unref(c);
	free(big);
	free(got);
}

static void
test_data_is_kept(void **state)
{
	static const struct view_row row = { "t", "F32", 2, { 7, 11 },
		{ 1, 7 }, 0 };
	static const struct view_row straight = { "t", "F32", 1, { 32 },
		{ 1 }, 64 };
	pfork_checkpoint *c = one_tensor(&row, SMALL, EXTENT);
	const pfork_tensor *t = pfork_checkpoint_at(c, 0);
	const void *a;
	const void *b;

	(void)state;
	assert_int_equal(pfork_tensor_data(t, &a, NULL), 0);
	assert_int_equal(pfork_tensor_data(t, &b, NULL), 0);
	assert_ptr_equal(a, b);
	assert_int_equal((uintptr_t)a % 64, 0);
	pfork_checkpoint_unref(c);

	c = one_tensor(&straight, SMALL, STREAM);
	t = pfork_checkpoint_at(c, 0);
	assert_int_equal(pfork_tensor_data(t, &a, NULL), 0);
	assert_ptr_equal(a, c->storages[0].bytes + 64);
	pfork_checkpoint_unref(c);

	c = one_tensor(&straight, SMALL, MAPPED);
	t = pfork_checkpoint_at(c, 0);
	assert_int_equal(pfork_tensor_data(t, &a, NULL), 0);
	assert_ptr_equal(a, c->source.map + 5 + 64);
	pfork_checkpoint_unref(c);
}

/* The promise of 64 holds for streamed views at odd offsets too. */
static void
test_data_alignment(void **state)
{
	static const struct view_row row = { "t", "U8", 1, { 32 }, { 1 }, 3 };
	pfork_checkpoint *c = one_tensor(&row, SMALL, STREAM);
	const void *a;

	(void)state;
	assert_int_equal(pfork_tensor_data(pfork_checkpoint_at(c, 0), &a,
	    NULL), 0);
	assert_int_equal((uintptr_t)a % 64, 0);
	assert_memory_equal(a, pattern + 5 + 3, 32);
	pfork_checkpoint_unref(c);
}

static void *
load_from_thread(void *context)
{
	const void *data = NULL;

	pfork_tensor_data(context, &data, NULL);
	return (void *)(uintptr_t)data;
}

static void
test_data_from_threads(void **state)
{
	static const struct view_row row = { "t", "F32", 1, { 900 }, { 1 }, 0 };
	pthread_t threads[8];
	void *first = NULL;
	void *data;

	(void)state;
	for (int round = 0; round < 50; round++) {
		pfork_checkpoint *c = one_tensor(&row, SMALL, EXTENT);
		pfork_tensor *t = &c->tensors[0];

		for (size_t i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&threads[i], NULL,
			    load_from_thread, t), 0);
		for (size_t i = 0; i < 8; i++) {
			assert_int_equal(pthread_join(threads[i], &data), 0);
			assert_non_null(data);
			if (i == 0)
				first = data;
			assert_ptr_equal(data, first);
		}
		pfork_checkpoint_unref(c);
	}
}

static void
test_arguments(void **state)
{
	static const struct view_row row = { "t", "F32", 2, { 4, 4 }, { 1, 4 },
		0 };
	pfork_checkpoint *c = one_tensor(&row, SMALL, EXTENT);
	const pfork_tensor *t = pfork_checkpoint_at(c, 0);
	uint8_t out[64] = { 0 };
	uint8_t zero[64] = { 0 };
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_tensor_read(t, out, 63, &err), PFORK_E_ARGS);
	assert_int_equal(err.code, PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read(t, NULL, 64, &err), PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read(NULL, out, 64, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read_part(t, 60, out, 8, &err),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read_part(t, UINT64_MAX, out, 4, &err),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read_part(t, 2, out, 4, &err),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_tensor_read_part(t, 4, out, 3, &err),
	    PFORK_E_ARGS);
	assert_memory_equal(out, zero, sizeof(out));
	assert_int_equal(pfork_tensor_read_part(t, 64, NULL, 0, &err),
	    PFORK_OK);
	assert_int_equal(pfork_tensor_read(t, out, 64, NULL), PFORK_OK);
	pfork_checkpoint_unref(c);
}

static void
test_changed(void **state)
{
	static const struct view_row rows[] = {
		{ "straight", "F32", 1, { 900 }, { 1 }, 0 },
		{ "strided", "F32", 2, { 30, 30 }, { 1, 30 }, 0 },
	};
	static uint8_t out[3600];
	pfork_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pfork_checkpoint *c = one_tensor(&rows[i], SMALL, EXTENT);
		const pfork_tensor *t = pfork_checkpoint_at(c, 0);
		const struct timespec later[2] = { { 5, 6 }, { 7, 8 } };

		assert_int_equal(pfork_tensor_read(t, out, 3600, &err), 0);
		assert_int_equal(futimens(c->source.fd, later), 0);
		assert_int_equal(pfork_tensor_read(t, out, 3600, &err),
		    PFORK_E_CHANGED);
		assert_int_equal(ftruncate(c->source.fd, 100), 0);
		assert_int_equal(pfork_tensor_read(t, out, 3600, &err),
		    PFORK_E_CHANGED);
		if (i == 0)
			assert_int_equal(err.offset, 100);
		pfork_checkpoint_unref(c);
	}
}

/* Reading fails for good when the descriptor does. */
static void
test_system(void **state)
{
	static const struct view_row row = { "t", "F32", 1, { 9 }, { 1 }, 0 };
	pfork_checkpoint *c = one_tensor(&row, SMALL, EXTENT);
	uint8_t out[36];
	const void *data = out;
	pfork_error err;

	(void)state;
	close(c->source.fd);
	c->source.fd = -1;
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_at(c, 0), out, 36,
	    &err), PFORK_E_SYSTEM);
	assert_int_equal(err.errnum, EBADF);
	assert_int_equal(pfork_tensor_data(pfork_checkpoint_at(c, 0), &data,
	    &err), PFORK_E_SYSTEM);
	assert_ptr_equal(data, out);
	pfork_checkpoint_unref(c);
}

static void
test_accessors(void **state)
{
	static const uint64_t shape[] = { 2, 3 };
	pfork_checkpoint *c = hand_new(pattern, SMALL);
	pfork_worker_info info = { .size = sizeof(info) };
	enum pfork_path_kind kind;
	const pfork_tensor *t;
	pfork_alias alias;
	uint64_t at;
	size_t length;

	(void)state;
	hand_tensor(c, "a.b", "F32", 2, shape, NULL, hand_extent(c, 8, 24), 0);
	hand_alias(c, "b", 0);
	t = pfork_checkpoint_find(c, "b");
	assert_ptr_equal(t, pfork_checkpoint_find(c, "a.b"));
	assert_ptr_equal(t, pfork_checkpoint_at(c, 0));
	assert_null(pfork_checkpoint_at(c, 1));
	assert_null(pfork_checkpoint_find(c, "c"));
	assert_null(pfork_checkpoint_find(c, NULL));
	assert_string_equal(pfork_tensor_path(t, 0, &kind, &length), "a.b");
	assert_int_equal(length, 3);
	assert_null(pfork_tensor_path(t, 1, NULL, NULL));
	assert_true(pfork_checkpoint_alias(c, 0, &alias));
	assert_false(pfork_checkpoint_alias(c, 1, &alias));
	assert_ptr_equal(alias.target, t);
	assert_true(pfork_tensor_extent(t, &at, NULL));
	assert_int_equal(at, 8);
	assert_int_equal(pfork_tensor_block_bits(t), 32);
	assert_null(pfork_checkpoint_fault(c));
	c->worker.layers = 0x7f;
	assert_int_equal(pfork_checkpoint_worker(c, &info), 0);
	assert_int_equal(info.layers, 0x7f);
	assert_int_equal(info.size, sizeof(info));
	info.size = 0;
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_E_ARGS);
	assert_ptr_equal(pfork_checkpoint_ref(c), c);
	pfork_checkpoint_unref(c);
	assert_int_equal(pfork_checkpoint_count(c), 1);
	pfork_checkpoint_unref(c);
	pfork_checkpoint_unref(NULL);
	assert_null(pfork_checkpoint_ref(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_views),
		cmocka_unit_test(test_views_over_windows),
		cmocka_unit_test(test_woven_views),
		cmocka_unit_test(test_pieces_are_bounded),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_data_is_kept),
		cmocka_unit_test(test_data_alignment),
		cmocka_unit_test(test_data_from_threads),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_system),
		cmocka_unit_test(test_accessors),
	};

	return cmocka_run_group_tests(tests, make_pattern, free_pattern);
}
