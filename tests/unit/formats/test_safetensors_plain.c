/* SPDX-License-Identifier: Apache-2.0
 *
 * test_safetensors_plain.c - entries in the reference's own letters: what is
 * taken at once and what is left to the scanner, and that both ways give the
 * same frames and the same faults, over every change of one letter.  For the
 * second way safetensors.c is compiled here once more, without the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "safetensors_plain.h"

static bool
never(struct json *j, struct plain_entry *e)
{
	(void)j;
	(void)e;
	return false;
}

bool slow_is(struct job *job);
void slow_parse(struct job *job);
void safetensors_parse(struct job *job);
#define safetensors_is slow_is
#define safetensors_parse slow_parse
#define safetensors_plain never
#include "../../../worker/formats/safetensors.c"
#undef safetensors_parse
#undef safetensors_plain

#define ENTRY(dtype, shape, offsets) "\"n\":{\"dtype\":\"" dtype \
	"\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

static const struct plain_case {
	const char *text;
	bool taken;
	uint32_t rank;
	uint64_t first;		/* of the shape */
	uint64_t begin;
	uint64_t end;
} cases[] = {
	{ ENTRY("F32", "", "0,4"), true, 0, 0, 0, 4 },
	{ ENTRY("F32", "7", "0,28"), true, 1, 7, 0, 28 },
	{ ENTRY("F8_E4M3", "1234567", "12345678,123456789"), true, 1, 1234567,
	    12345678, 123456789 },
	{ ENTRY("B", "9,8,7,6", "9999999999999999999,1000000000000000000"),
	    true, 4, 9, UINT64_C(9999999999999999999),
	    UINT64_C(1000000000000000000) },
	{ ENTRY("U8", "0,0", "0,0"), true, 2, 0, 0, 0 },
	/* 2^64 and up to 19 digits below it are for the scanner. */
	{ ENTRY("U8", "1", "0,18446744073709551615"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1", "0,18446744073709551616"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "01", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "00000001", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1,", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", ",1", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "-1", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1.0", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1e0", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1 ", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1", "0"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1", "0,1,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U8", "1", "0,1 "), false, 0, 0, 0, 0 },
	{ ENTRY("", "1", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("F8_E8M0F", "1", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U\\u38", "1", "0,1"), false, 0, 0, 0, 0 },
	{ ENTRY("U\n8", "1", "0,1"), false, 0, 0, 0, 0 },
	{ " " ENTRY("U8", "1", "0,1"), false, 0, 0, 0, 0 },
	{ "\"a\\n\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}",
	    false, 0, 0, 0, 0 },
};

static void
try_case(const struct plain_case *c)
{
	struct plain_entry e;
	size_t length = strlen(c->text);
	uint8_t *text = malloc(length + 1);
	struct json j;

	/* With a byte behind it, without one, and cut short everywhere. */
	assert_non_null(text);
	memcpy(text, c->text, length);
	text[length] = '}';
	for (size_t n = 0; n <= length + 1; n++) {
		uint8_t *exact = malloc(n + 1);	/* asan sees its end */

		assert_non_null(exact);
		memcpy(exact, text, n);
		exact = realloc(exact, n > 0 ? n : 1);
		assert_non_null(exact);
		j = json_over(exact, n);
		if (safetensors_plain(&j, &e) != (c->taken && n >= length))
			fail_msg("%s: %zu bytes of it", c->text, n);
		assert_ptr_equal(j.at, exact + (c->taken && n >= length ?
		    length : 0));
		free(exact);
	}
	free(text);
	if (!c->taken)
		return;
	assert_int_equal(e.name.len, 1);
	assert_int_equal(e.rank, c->rank);
	assert_true(c->rank == 0 || e.shape[0] == c->first);
	assert_true(e.begin == c->begin && e.end == c->end);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		try_case(&cases[i]);
}

/* Every number of digits, and each digit. */
static void
test_numbers(void **state)
{
	struct plain_entry e;
	char text[128];
	uint64_t n = 0;
	struct json j;

	(void)state;
	for (unsigned digits = 1; digits <= 19; digits++) {
		n = n * 10 + digits % 10;
		for (unsigned i = 0; i < 2; i++) {
			uint64_t want = i == 0 ? n : n / 10 * 10 + 9;

			snprintf(text, sizeof(text), ENTRY("U8", "%llu",
			    "0,%llu"), (unsigned long long)want,
			    (unsigned long long)want);
			j = json_over((const uint8_t *)text, strlen(text));
			assert_true(safetensors_plain(&j, &e));
			assert_true(e.shape[0] == want && e.end == want);
		}
	}
}

static void
test_rank(void **state)
{
	struct plain_entry e;
	char text[512] = "\"n\":{\"dtype\":\"U8\",\"shape\":[1";
	struct json j;

	(void)state;
	for (unsigned i = 1; i < 65; i++)
		strcat(text, ",1");
	strcat(text, "],\"data_offsets\":[0,1]}");
	j = json_over((const uint8_t *)text, strlen(text));
	assert_false(safetensors_plain(&j, &e));
	memmove(strstr(text, "[1,"), "[  ", 3);
	memmove(strchr(text, '[') + 1, strchr(text, '[') + 3,
	    strlen(strchr(text, '[') + 3) + 1);
	j = json_over((const uint8_t *)text, strlen(text));
	assert_true(safetensors_plain(&j, &e));
	assert_int_equal(e.rank, 64);
}

/* ---------------------------------------------------- one way, the other -- */

static void
run(void (*parse)(struct job *job), const void *bytes, size_t length,
    struct harness *h)
{
	struct job *job = harness_job(bytes, length, GO_SCALARS, h);

	if (setjmp(job->stop) == 0)
		parse(job);
	sink_flush(job);
}

static unsigned faults;
static unsigned goods;

static void
same_both_ways(const uint8_t *bytes, size_t length)
{
	struct harness fast, slow;

	run(safetensors_parse, bytes, length, &fast);
	run(slow_parse, bytes, length, &slow);
	if (fast.sent_len != slow.sent_len ||
	    (fast.sent_len > 0 &&
	    memcmp(fast.sent, slow.sent, fast.sent_len) != 0) ||
	    fast.job.fault.code != slow.job.fault.code ||
	    fast.job.fault.where != slow.job.fault.where ||
	    strcmp(fast.job.fault.text, slow.job.fault.text) != 0)
		fail_msg("%.*s: '%s' and '%s'", (int)(length - 8),
		    (const char *)bytes + 8, fast.job.fault.text,
		    slow.job.fault.text);
	if (slow.job.fault.code != 0)
		faults++;
	else
		goods++;
	harness_free(&fast);
	harness_free(&slow);
}

static const char header[] = "{" ENTRY("U8", "3", "0,3")
    ",\"__metadata__\":{\"k\":\"v\"}"
    ",\"\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[3,11]}"
    ",\"a.b\":{\"dtype\":\"F9\",\"shape\":[],\"data_offsets\":[11,12]}"
    ",\"c\":{\"dtype\":\"F8_E5M2FNUZ\",\"shape\":[1],"
    "\"data_offsets\":[12,13]}}";
#define DATA 13

static void
test_both_ways(void **state)
{
	static const char letters[] = "\"\\{}[]:, 0129-.eaUF\n\x7f";
	uint8_t bytes[8 + sizeof(header) + DATA] = { 0 };
	size_t length = sizeof(header) - 1;

	(void)state;
	bytes[0] = (uint8_t)length;
	bytes[1] = (uint8_t)(length >> 8);
	memcpy(bytes + 8, header, length);
	same_both_ways(bytes, 8 + length + DATA);
	assert_int_equal(goods, 1);
	for (size_t i = 0; i < length; i++) {
		for (const char *c = letters; *c != '\0'; c++) {
			bytes[8 + i] = (uint8_t)*c;
			same_both_ways(bytes, 8 + length + DATA);
		}
		bytes[8 + i] = (uint8_t)header[i];
	}
	assert_true(faults > 1000 && goods > 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_rank),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
