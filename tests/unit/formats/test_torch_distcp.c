/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_distcp.c - a data file of a distributed checkpoint: its archives,
 * where their tensors are in the file, and that nothing stands between them.
 * good-older/__0_0.distcp holds a value, then a tensor of 2 x 3 floats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

#define VALUE 1261	/* bytes of the first archive */
#define TENSOR 1577
#define BOTH (VALUE + TENSOR)
#define MANY 400

static uint8_t file[BOTH];
static uint8_t room[MANY * TENSOR];

static int
read_fixture(void **state)
{
	FILE *in = fopen("tests/fixtures/dcp/good-older/__0_0.distcp", "rb");
	size_t length;

	(void)state;
	if (in == NULL)
		return -1;
	length = fread(file, 1, sizeof(file), in);
	(void)fclose(in);
	return length == sizeof(file) ? 0 : -1;
}

static void
test_two(void **state)
{
	static const uint32_t flags[] = { 0, GO_DISTCP,
		GO_DISTCP | GO_DELIVER_STREAM, GO_DISTCP | GO_VERIFY };
	static const float numbers[] = { 0, 1, 2, 3, 4, 5 };
	const struct harness_tensor *t;
	struct harness h;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		assert_true(harness_run(file, BOTH, flags[i], &h));
		assert_string_equal(h.format, "torch-distcp");
		assert_int_equal(h.verdict, VERDICT_CLEAN);
		/* The broker is told where the value is, by an empty one. */
		assert_int_equal(h.tensor_count, flags[i] == 0 ? 1 : 2);
		t = harness_find(&h, "0+1261");
		assert_true((t != NULL) == (flags[i] != 0));
		if (t != NULL) {
			assert_int_equal(t->rank, 1);
			assert_int_equal(t->shape[0], 0);
		}
		t = harness_find(&h, "1261+1577");
		assert_non_null(t);
		assert_int_equal(t->dtype, DTYPE_F32);
		assert_int_equal(t->rank, 2);
		assert_memory_equal(harness_bytes(&h, t, &length), numbers,
		    sizeof(numbers));
		assert_int_equal(length, sizeof(numbers));
		if ((flags[i] & GO_DELIVER_STREAM) == 0) {
			assert_int_equal(h.storages[t->storage].kind,
			    STORAGE_EXTENT);
			assert_true(h.storages[t->storage].offset > VALUE);
		}
		assert_non_null(harness_note(&h, NOTE_RECORD,
		    "an archive that holds no tensor: 0+1261"));
		assert_true((harness_note(&h, NOTE_RECORD, ".metadata") !=
		    NULL) == (flags[i] == 0));
		harness_free(&h);
	}
}

/* Alone it is a zip; told so, it is a file of one. */
static void
test_one(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(file + VALUE, TENSOR, 0, &h));
	assert_string_equal(h.format, "torch-zip");
	assert_non_null(harness_find(&h, "tensor"));
	harness_free(&h);
	assert_true(harness_run(file + VALUE, TENSOR, GO_DISTCP, &h));
	assert_string_equal(h.format, "torch-distcp");
	assert_non_null(harness_find(&h, "0+1577"));
	harness_free(&h);
}

static void
test_prefixes(void **state)
{
	struct harness h;

	(void)state;
	for (size_t n = 0; n < BOTH; n++) {
		if (harness_run(file, n, GO_DISTCP, &h) && n != VALUE)
			fail_msg("%zu bytes load", n);
		assert_int_equal(h.tensor_count, n == VALUE ? 1 : 0);
		harness_free(&h);
		/* Not told so, it is a zip with bytes behind it. */
		(void)harness_run(file, n, 0, &h);
		assert_string_not_equal(h.format, "torch-distcp");
		harness_free(&h);
	}
}

/* Each archive's memory is given back, or 64 MiB were too little; and what all
 * of them name is said once. */
static void
test_many(void **state)
{
	struct harness h;
	char name[48];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(room + i * TENSOR, file + VALUE, TENSOR);
	assert_true(harness_run(room, sizeof(room), GO_DISTCP, &h));
	assert_int_equal(h.tensor_count, MANY);
	for (size_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "%zu+1577", i * TENSOR);
		assert_string_equal(h.tensors[i].name, name);
	}
	assert_true(h.note_count <= 4);
	assert_true(h.job.arena.used < 8 * MIB);
	harness_free(&h);
}

static void
test_limit(void **state)
{
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	limits.tensors = 1;
	assert_false(harness_run_limits(file, BOTH, GO_DISTCP, &limits, &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
}

/* -------------------------------------------------------------- no archive */

static void
expect_fault(size_t length, const char *what)
{
	struct harness h;

	if (harness_run(room, length, GO_DISTCP, &h))
		fail_msg("%s: it loads", what);
	if (h.fault_code != FAULT_FORMAT || h.fault_where > length)
		fail_msg("%s: fault %u at %llu (%s)", what, h.fault_code,
		    (unsigned long long)h.fault_where, h.fault_text);
	harness_free(&h);
}

static void
test_between(void **state)
{
	(void)state;
	memcpy(room, file, BOTH);
	room[BOTH] = 0;
	expect_fault(BOTH + 1, "a byte behind");
	memcpy(room, file, VALUE);
	room[VALUE] = 'P';
	memcpy(room + VALUE + 1, file + VALUE, TENSOR);
	expect_fault(BOTH + 1, "a byte between");
	room[0] = 'P';
	memcpy(room + 1, file, BOTH);
	expect_fault(BOTH + 1, "a byte before");
	memcpy(room, file + 1, BOTH - 1);
	expect_fault(BOTH - 1, "no first byte");
	memcpy(room, "GGUF", 4);
	expect_fault(BOTH, "another magic");
}

/* The places of the last archive's directory, in its zip64 end record. */
static void
test_directory(void **state)
{
	static const uint64_t numbers[] = { 0, 1, UINT64_C(1) << 31,
		UINT64_C(1) << 32, UINT64_C(1) << 63, UINT64_MAX,
		UINT64_MAX - 97 };
	const size_t end64 = BOTH - 98;

	(void)state;
	for (size_t at = 40; at <= 48; at += 8)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]);
		    i++) {
			memcpy(room, file, BOTH);
			memcpy(room + end64 + at, &numbers[i], 8);
			expect_fault(BOTH, "a directory elsewhere");
		}
}

/* Any byte changed: every tensor that comes out lies in its storage. */
static void
test_changed(void **state)
{
	struct harness h;
	size_t length;

	(void)state;
	for (size_t i = 0; i < BOTH; i++) {
		memcpy(room, file, BOTH);
		room[i] ^= (uint8_t)(1 + i % 255);
		(void)harness_run(room, BOTH, i % 2 ? GO_DISTCP : 0, &h);
		for (size_t k = 0; k < h.tensor_count; k++)
			(void)harness_bytes(&h, &h.tensors[k], &length);
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, read_fixture, NULL);
}
