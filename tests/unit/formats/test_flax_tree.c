/* SPDX-License-Identifier: Apache-2.0
 *
 * test_flax_tree.c - flax's extensions (arrays, numpy's scalars, complex
 * numbers) and its arrays in chunks: each part as what it must not be, and the
 * byte at which that is said.
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
#include "limits.h"

#define BYTES(text) text, sizeof(text) - 1
#define AT(text) (sizeof(text) - 1)
#define ARRAY "\xc7\x0f\1\x93\x91\2\xa5" "int16\xc4\4\1\0\2\0"
/* "a" is an array, "c" what follows. */
#define BEGIN "\x82\xa1" "a" ARRAY "\xa1" "c"
/* The error stands where `before` ends. */
#define BAD(before, after) BEGIN before after, AT(BEGIN before after), \
	AT(BEGIN before)
#define EXT(length, type) "\xc7" length type
#define CHUNKED "\x83\xb9__msgpack_chunked_array__"
#define SHAPE2 CHUNKED "\xc3\xa5shape\x81\xa1" "0\2"
#define CHUNKS "\xa6" "chunks"
#define ONE_CHUNK CHUNKS "\x81\xa1" "0" ARRAY
/* Two dimensions. */
#define TABLE "\xc7\x10\1\x93\x92\1\2\xa5" "int16\xc4\4\1\0\2\0"
#define BYTE_ARRAY "\xc7\x0c\1\x93\x91\2\xa4" "int8\xc4\2\1\2"
#define STRANGE "\xc7\x0c\1\x93\x91\2\xa4" "what\xc4\2\1\2"

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	uint64_t where;
	const char *text;
} faults[] = {
	/* Arrays. */
	{ "an array of two", BAD(EXT("\2", "\1"), "\x92\xc0"),
	    "not three values" },
	{ "an array of nothing", BAD(EXT("\0", "\1"), ""),
	    "not three values" },
	{ "an array that is a map", BAD(EXT("\2", "\1"), "\x83\xc0"),
	    "not three values" },
	{ "a shape that is a number", BAD(EXT("\2", "\1") "\x93", "\2"),
	    "without a shape" },
	{ "no shape", BAD(EXT("\1", "\1") "\x93", ""), "without a shape" },
	{ "a dimension that is text", BAD(EXT("\4", "\1") "\x93\x91",
	    "\xa1" "x"), "a dimension that is none" },
	{ "no dimension", BAD(EXT("\2", "\1") "\x93\x91", ""),
	    "a dimension that is none" },
	{ "a dtype that is a number", BAD(EXT("\4", "\1") "\x93\x91\2",
	    "\1"), "without a dtype" },
	{ "no dtype", BAD(EXT("\3", "\1") "\x93\x91\2", ""),
	    "without a dtype" },
	{ "data that are a number", BAD(EXT("\x0a", "\1") "\x93\x91\2\xa5"
	    "int16", "\1"), "without bytes" },
	{ "no data", BAD(EXT("\x09", "\1") "\x93\x91\2\xa5" "int16", ""),
	    "without bytes" },
	{ "more data", BAD(EXT("\x10", "\1") "\x93\x91\2\xa5" "int16\xc4\4"
	    "\1\0\2\0", "x"), "bytes after an array" },
	{ "a shape that wraps", BAD(EXT("\x1c", "\1"),
	    "\x93\x92\xcf\0\0\0\1\0\0\0\0\xcf\0\0\0\1\0\0\0\0\xa5" "int16"
	    "\xc4\0"), "shape overflows" },
	/* Complex numbers. */
	{ "a complex number of one", BAD(EXT("\2", "\2"), "\x91\1"),
	    "is not two" },
	{ "a complex number of nothing", BAD(EXT("\0", "\2"), ""),
	    "is not two" },
	{ "a complex number that is a map", BAD(EXT("\1", "\2"), "\x82"),
	    "is not two" },
	{ "a complex number of text", BAD(EXT("\4", "\2"),
	    "\x92\1\xa1" "x"), "is not two" },
	{ "a complex number without an end", BAD(EXT("\2", "\2"), "\x92\1"),
	    "is not two" },
	{ "a complex number and more", BAD(EXT("\4", "\2") "\x92\1\2", "\3"),
	    "bytes after a complex number" },
	/* Chunks. */
	{ "chunks without a shape", BAD("", "\x82" "\xb9"
	    "__msgpack_chunked_array__\xc3\xa6" "chunks\x80"),
	    "not three values" },
	{ "chunks that deny it", BAD(CHUNKED, "\xc2\xa5shape\x80"),
	    "denies it" },
	{ "chunks of a number", BAD(CHUNKED, "\1\xa5shape\x80"),
	    "denies it" },
	{ "another key", BAD(CHUNKED "\xc3", "\xa5shopa\x80"),
	    "key is not as written" },
	{ "a shape that is a list", BAD(CHUNKED "\xc3\xa5shape", "\x91\1"),
	    "part is no map" },
	{ "65 dimensions", BAD(CHUNKED "\xc3\xa5shape\xde\0\x41", "\xa1" "0"),
	    "over 64 dimensions" },
	{ "a key that is a number", BAD(CHUNKED "\xc3\xa5shape\x81", "\0\2"),
	    "key is no number" },
	{ "a key that is empty", BAD(CHUNKED "\xc3\xa5shape\x81", "\xa0\2"),
	    "key is no number" },
	{ "a key of 20 digits", BAD(CHUNKED "\xc3\xa5shape\x81",
	    "\xb4" "11111111111111111111\2"), "key is no number" },
	{ "a key with a zero before it", BAD(CHUNKED "\xc3\xa5shape\x81",
	    "\xa2" "00\2"), "key is no number" },
	{ "a key of a letter", BAD(CHUNKED "\xc3\xa5shape\x81",
	    "\xa1" "a\2"), "key is no number" },
	{ "a key of a sign", BAD(CHUNKED "\xc3\xa5shape\x81",
	    "\xa2" "1-\2"), "key is no number" },
	{ "a key out of order", BAD(CHUNKED "\xc3\xa5shape\x81",
	    "\xa1" "1\2"), "not in order" },
	{ "a dimension of text", BAD(CHUNKED "\xc3\xa5shape\x81\xa1" "0",
	    "\xa1" "2"), "a dimension that is none" },
	{ "a dimension of -1", BAD(CHUNKED "\xc3\xa5shape\x81\xa1" "0",
	    "\xff"), "a dimension that is none" },
	{ "no chunks", BAD(SHAPE2 CHUNKS "\x80", ""), "are not there" },
	{ "2^32 chunks", BAD(SHAPE2 CHUNKS "\xdf\xff\xff\xff\xff",
	    "\xa1" "0"), "are not there" },
	{ "a chunk of nil", BAD(SHAPE2 CHUNKS "\x81\xa1" "0", "\xc0"),
	    "a chunk is no array" },
	{ "a chunk of another extension", BAD(SHAPE2 CHUNKS "\x81\xa1" "0",
	    "\xd4\2\1"), "a chunk is no array" },
	{ "a chunk of two dimensions", BAD(SHAPE2 CHUNKS "\x81\xa1" "0",
	    TABLE), "a chunk is not flat" },
	{ "chunks of two dtypes", BAD(SHAPE2 CHUNKS "\x82\xa1" "0" ARRAY
	    "\xa1" "1", BYTE_ARRAY), "chunks of different dtypes" },
	{ "chunks that are too few", BAD("", CHUNKED "\xc3\xa5shape\x81\xa1"
	    "0\3" ONE_CHUNK), "do not fit the shape" },
	{ "chunks of a shape that wraps", BAD("", CHUNKED "\xc3\xa5shape\x82"
	    "\xa1" "0\xcf\0\0\0\1\0\0\0\0\xa1" "1\xcf\0\0\0\1\0\0\0\0"
	    ONE_CHUNK), "do not fit the shape" },
};

static void
test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct harness h;

		if (harness_run(faults[i].bytes, faults[i].length, GO_SCALARS,
		    &h))
			fail_msg("%s: loads", faults[i].name);
		if (h.fault_code != FAULT_FORMAT ||
		    strstr(h.fault_text, faults[i].text) == NULL)
			fail_msg("%s: %u %s", faults[i].name, h.fault_code,
			    h.fault_text);
		if (h.fault_where != faults[i].where)
			fail_msg("%s: at %d, not %d", faults[i].name,
			    (int)h.fault_where, (int)faults[i].where);
		harness_free(&h);
	}
}

/* What is not ours is left out by name; "a" comes out. */
static void
test_left_out(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *why;
	} rows[] = {
		{ BYTES(BEGIN STRANGE), "left out: c: its dtype" },
		{ BYTES(BEGIN "\xc7\x0e\1\x93\x91\2\xa6" "object\xc4\2\1\2"),
		    "left out: c: its dtype" },
		{ BYTES(BEGIN "\xc7\x2d\1\x93\x91\2\xd9\x21"
		    "012345678901234567890123456789012" "\xc4\2\1\2xxx"),
		    NULL },
		{ BYTES(BEGIN SHAPE2 CHUNKS "\x81\xa1" "0" STRANGE),
		    "left out: c: its dtype" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct harness h;

		if (rows[i].why == NULL) { /* a name of 33, and bytes after */
			assert_false(harness_run(rows[i].bytes,
			    rows[i].length, 0, &h));
			assert_int_equal(h.fault_code, FAULT_FORMAT);
			harness_free(&h);
			continue;
		}
		if (!harness_run(rows[i].bytes, rows[i].length, 0, &h))
			fail_msg("%d: %s", (int)i, h.fault_text);
		assert_int_equal(h.tensor_count, 1);
		assert_non_null(harness_find(&h, "a"));
		assert_non_null(harness_note(&h, NOTE_SKIPPED, rows[i].why));
		assert_int_equal(h.verdict, VERDICT_CLEAN);
		harness_free(&h);
	}
}

static void
test_chunks(void **state)
{
	static const char two[] = BEGIN CHUNKED "\xc3\xa5shape\x82\xa1" "0\2"
	    "\xa1" "1\2" CHUNKS "\x83\xa1" "0" ARRAY "\xa1" "1"
	    "\xc7\x0b\1\x93\x91\0\xa5" "int16\xc4\0\xa1" "2" ARRAY;
	struct harness h;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	if (!harness_run(BYTES(two), 0, &h))
		fail_msg("%s at %d", h.fault_text, (int)h.fault_where);
	t = harness_find(&h, "c");
	assert_int_equal(t->rank, 2);
	assert_int_equal(h.storages[t->storage].kind, STORAGE_STREAM);
	assert_memory_equal(harness_bytes(&h, t, &length),
	    "\1\0\2\0\1\0\2\0", 8);
	assert_int_equal(length, 8);
	harness_free(&h);
	assert_true(harness_run(BYTES(BEGIN SHAPE2 ONE_CHUNK), 0, &h));
	t = harness_find(&h, "c");
	assert_int_equal(h.storages[t->storage].kind, STORAGE_EXTENT);
	assert_memory_equal(harness_bytes(&h, t, &length), "\1\0\2\0", 4);
	harness_free(&h);
}

/* A complex number is two values. */
static void
test_complex(void **state)
{
	static const char complex[] = BEGIN "\xc7\x0b\2\x92\1\xcb\xbf\xf8\0\0\0"
	    "\0\0\0";
	struct harness h;

	(void)state;
	if (!harness_run(BYTES(complex), GO_SCALARS, &h))
		fail_msg("%s at %d", h.fault_text, (int)h.fault_where);
	assert_int_equal(h.scalar_count, 2);
	assert_string_equal(h.scalars[0].name, "c.real");
	assert_true(h.scalars[0].f == 1);
	assert_string_equal(h.scalars[1].name, "c.imag");
	assert_true(h.scalars[1].f == -1.5);
	harness_free(&h);
}

/* Numbers that are no scalar of ours are not sent, and are no error. */
static void
test_silent(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t sent;
	} rows[] = {
		{ BYTES(BEGIN "\xc7\x0c\3\x93\x90\xa5" "int16\xc4\2\1\0"), 1 },
		{ BYTES(BEGIN "\xc7\x16\3\x93\x90\xa9" "complex64\xc4\x08"
		    "\0\0\0\0\0\0\0\0"), 0 },
		{ BYTES(BEGIN "\xc7\x1f\3\x93\x90\xaa" "complex128\xc4\x10"
		    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), 0 },
		{ BYTES(BEGIN "\xc7\x0b\3\x93\x90\xa4" "what\xc4\2\1\0"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct harness h;

		if (!harness_run(rows[i].bytes, rows[i].length, GO_SCALARS,
		    &h))
			fail_msg("%d: %s at %d", (int)i, h.fault_text,
			    (int)h.fault_where);
		assert_int_equal(h.scalar_count, rows[i].sent);
		assert_int_equal(h.tensor_count, 1);
		harness_free(&h);
	}
}

static void
test_limits(void **state)
{
	static const char deep[] = BEGIN "\x91\x91\x91\1";
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	limits.nodes = 8;
	assert_false(harness_run_limits(BYTES(BEGIN "\x98\1\2\3\4\5\6\7\x08"),
	    0, &limits, &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	assert_non_null(strstr(h.fault_text, "nodes"));
	harness_free(&h);
	limits = harness_limits();
	for (limits.nesting = 3; limits.nesting <= 4; limits.nesting++) {
		assert_int_equal(harness_run_limits(BYTES(deep), 0, &limits,
		    &h), limits.nesting == 4);
		if (!h.done) {
			assert_int_equal(h.fault_code, FAULT_LIMIT);
			assert_int_equal(h.fault_where, AT(deep) - 2);
		}
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_complex),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
