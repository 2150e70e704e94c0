/* SPDX-License-Identifier: Apache-2.0
 *
 * test_inflate.c - exactly the declared bytes out of exactly the given ones, or
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "inflate.h"

/* zlib, level 9, raw: "deflated " six times. */
static const char packed[] = "\x4b\x49\x4d\xcb\x49\x2c\x49\x4d\x51\x48\x21"
    "\x85\x01\x00";
#define PACKED (sizeof packed - 1)
/* An empty last block, fixed Huffman; a stored block of "abc". */
static const char nothing[] = "\x03\0";
static const char stored[] = "\1\3\0\xfc\xff" "abc";

static const struct inflate_case {
	const char *name;
	const char *bytes;
	size_t length;
	uint64_t size;
	uint32_t code;		/* 0: must succeed */
	uint64_t where;
} cases[] = {
	{ "good", packed, PACKED, 54, 0, 0 },
	{ "empty", nothing, 2, 0, 0, 0 },
	{ "stored block", stored, 8, 3, 0, 0 },
	{ "one byte more than there is", packed, PACKED, 55, FAULT_FORMAT,
	    1000 },
	{ "one byte less", packed, PACKED, 53, FAULT_FORMAT, 1000 },
	{ "no bytes declared", packed, PACKED, 0, FAULT_FORMAT, 1000 },
	{ "input left over", stored, 9, 3, FAULT_FORMAT, 1008 },
	{ "no input", packed, 0, 0, FAULT_FORMAT, 1000 },
	{ "no input, one byte", packed, 0, 1, FAULT_FORMAT, 1000 },
	{ "invalid block", "\7", 1, 1, FAULT_FORMAT, 1000 },
	{ "at deflate's ratio", packed, PACKED, PACKED * 1032, FAULT_FORMAT,
	    1000 },
	{ "beyond deflate's ratio", packed, PACKED, UINT64_C(1) << 63,
	    FAULT_FORMAT, 1000 },
	{ "all ones", packed, PACKED, UINT64_MAX, FAULT_FORMAT, 1000 },
};

static struct job_fault
inflate(const void *bytes, size_t length, uint64_t size, const char *expected)
{
	struct harness h;
	struct job *job = harness_job(bytes, length, 0, &h);
	struct job_fault fault = { 0 };
	const uint8_t *out;

	if (setjmp(job->stop) == 0) {
		out = inflate_raw(job, job->map, length, size, 1000);
		for (uint64_t i = 0; expected != NULL && i < size; i++)
			assert_int_equal(out[i],
			    expected[i % strlen(expected)]);
	} else {
		fault = job->fault;
	}
	harness_free(&h);
	return fault;
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct inflate_case *c = &cases[i];
		struct job_fault fault = inflate(c->bytes, c->length, c->size,
		    c->code != 0 ? NULL : c->size == 3 ? "abc" : "deflated ");

		if (fault.code != c->code ||
		    (c->code != 0 && fault.where != c->where))
			fail_msg("%s: code %u at %llu: %s", c->name, fault.code,
			    (unsigned long long)fault.where, fault.text);
	}
}

static void
test_prefixes(void **state)
{
	(void)state;
	for (size_t n = 0; n < PACKED; n++)
		assert_int_equal(inflate(packed, n, 54, NULL).code,
		    FAULT_FORMAT);
}

/* 64 MiB of arena, and 1 GiB is within the ratio of 2 MiB. */
static void
test_arena_limit(void **state)
{
	size_t length = 2 << 20;
	uint8_t *zeroes = calloc(1, length);

	(void)state;
	assert_non_null(zeroes);
	assert_int_equal(inflate(zeroes, length, 1 << 30, NULL).code,
	    FAULT_LIMIT);
	free(zeroes);
}

static void
test_crc32(void **state)
{
	(void)state;
	assert_int_equal(inflate_crc32((const uint8_t *)"123456789", 9),
	    0xcbf43926);
	assert_int_equal(inflate_crc32((const uint8_t *)"", 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_arena_limit),
		cmocka_unit_test(test_crc32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
