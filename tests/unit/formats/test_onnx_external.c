/* SPDX-License-Identifier: Apache-2.0
 *
 * test_onnx_external.c - tensors of ONNX models whose elements stand in another
 * file: the box that is sent, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

#define TENSOR_MAX 120

struct made {
	uint8_t bytes[TENSOR_MAX + 6];
	size_t length;
};

static void
put(struct made *m, const void *bytes, size_t length)
{
	assert_true(m->length + length <= sizeof(m->bytes));
	memcpy(m->bytes + m->length, bytes, length);
	m->length += length;
}

/* A model of one graph with one tensor: "a", int16, of two elements. */
static void
begin(struct made *m)
{
	m->length = 0;
	put(m, "\x08\x0a\x3a\0\x2a\0\x08\2\x10\5\x42\1" "a", 13);
}

static void
pair(struct made *m, const char *key, const void *value, size_t length)
{
	uint8_t head[2] = { 0x6a, (uint8_t)(4 + strlen(key) + length) };
	uint8_t inner[2] = { 0x0a, (uint8_t)strlen(key) };
	uint8_t second[2] = { 0x12, (uint8_t)length };

	put(m, head, 2);
	put(m, inner, 2);
	put(m, key, strlen(key));
	put(m, second, 2);
	put(m, value, length);
}

static void
text_pair(struct made *m, const char *key, const char *value)
{
	pair(m, key, value, strlen(value));
}

/* data_location EXTERNAL, and the lengths of what is around. */
static void
end(struct made *m)
{
	put(m, "\x70\1", 2);
	m->bytes[3] = (uint8_t)(m->length - 4);
	m->bytes[5] = (uint8_t)(m->length - 6);
}

static void
make(struct made *m, const char *location, const char *offset,
    const char *length)
{
	begin(m);
	if (location != NULL)
		text_pair(m, "location", location);
	if (offset != NULL)
		text_pair(m, "offset", offset);
	if (length != NULL)
		text_pair(m, "length", length);
	end(m);
}

static void
test_box(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, "w.bin", "4096", "4");
	assert_true(harness_run(m.bytes, m.length, GO_PIECES, &h));
	assert_int_equal(h.piece_count, 1);
	assert_string_equal(h.pieces[0].name, "a");
	assert_string_equal(h.pieces[0].file, "w.bin");
	assert_int_equal(h.pieces[0].kind, PIECE_RAW);
	assert_int_equal(h.pieces[0].dtype, DTYPE_I16);
	assert_int_equal(h.pieces[0].rank, 1);
	assert_int_equal(h.pieces[0].shape[0], 2);
	assert_int_equal(h.pieces[0].start[0], 0);
	assert_int_equal(h.pieces[0].size[0], 2);
	assert_int_equal(h.pieces[0].offset, 4096);
	assert_int_equal(h.pieces[0].length, 4);
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
}

/* What is not said: from the beginning, as much as the shape needs.  Keys that
 * only tell more change nothing. */
static void
test_defaults(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	begin(&m);
	text_pair(&m, "location", "w");
	text_pair(&m, "checksum", "da39a3ee");
	text_pair(&m, "basepath", "/home/x");
	text_pair(&m, "future", "1");
	end(&m);
	assert_true(harness_run(m.bytes, m.length, GO_PIECES, &h));
	assert_int_equal(h.piece_count, 1);
	assert_int_equal(h.pieces[0].offset, 0);
	assert_int_equal(h.pieces[0].length, 4);
	harness_free(&h);
}

/* Nobody opens a file for nothing. */
static void
test_empty(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, "w", "0", "0");
	m.bytes[7] = 0;		/* the dimension */
	assert_true(harness_run(m.bytes, m.length, GO_PIECES, &h));
	assert_int_equal(h.piece_count, 0);
	assert_int_equal(h.tensor_count, 1);
	assert_int_equal(h.tensors[0].shape[0], 0);
	harness_free(&h);
}

static void
test_without_siblings(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, "w.bin", NULL, NULL);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.piece_count, 0);
	assert_non_null(harness_note(&h, NOTE_SKIPPED, "left out: a: "));
	assert_non_null(harness_note(&h, NOTE_RECORD, "w.bin"));
	harness_free(&h);
}

static void
test_deeper(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, "sub/w.bin", NULL, NULL);
	assert_true(harness_run(m.bytes, m.length, GO_PIECES, &h));
	assert_int_equal(h.piece_count, 0);
	assert_non_null(harness_note(&h, NOTE_SKIPPED, "left out: a: "));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
}

static const struct refused {
	const char *location;
	const char *offset;
	const char *length;
	uint32_t verdict;
} refused[] = {
	{ NULL, "0", "4", VERDICT_UNDECIDED },
	{ "", "0", "4", VERDICT_UNDECIDED },
	{ ".", "0", "4", VERDICT_UNDECIDED },
	{ "..", "0", "4", VERDICT_DANGEROUS },
	{ "../w", "0", "4", VERDICT_DANGEROUS },
	{ "a/../w", "0", "4", VERDICT_DANGEROUS },
	{ "..\\w", "0", "4", VERDICT_DANGEROUS },
	{ "/w", "0", "4", VERDICT_DANGEROUS },
	{ "a\\w", "0", "4", VERDICT_UNDECIDED },
	{ "\xff", "0", "4", VERDICT_UNDECIDED },
	{ "w", "0", "3", VERDICT_UNDECIDED },
	{ "w", "0", "5", VERDICT_UNDECIDED },
	{ "w", "0", "0", VERDICT_UNDECIDED },
	{ "w", "", "4", VERDICT_UNDECIDED },
	{ "w", "-1", "4", VERDICT_UNDECIDED },
	{ "w", "+1", "4", VERDICT_UNDECIDED },
	{ "w", " 1", "4", VERDICT_UNDECIDED },
	{ "w", "0x10", "4", VERDICT_UNDECIDED },
	{ "w", "1_0", "4", VERDICT_UNDECIDED },
	{ "w", "9223372036854775804", "4", VERDICT_UNDECIDED },
	{ "w", "9223372036854775808", NULL, VERDICT_UNDECIDED },
	{ "w", "18446744073709551615", "4", VERDICT_UNDECIDED },
	{ "w", "18446744073709551616", "4", VERDICT_UNDECIDED },
	{ "w", "0", "4294967300", VERDICT_UNDECIDED },
	{ "w", "0", "18446744073709551620", VERDICT_UNDECIDED },
};

static void
test_refused(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		make(&m, refused[i].location, refused[i].offset,
		    refused[i].length);
		if (harness_run(m.bytes, m.length, GO_PIECES, &h))
			fail_msg("case %zu: it loads", i);
		if (h.fault_code != FAULT_FORMAT || h.fault_where > m.length ||
		    h.verdict != refused[i].verdict || h.piece_count != 0)
			fail_msg("case %zu: fault %u at %llu, verdict %u: %s",
			    i, h.fault_code, (unsigned long long)h.fault_where,
			    h.verdict, h.fault_text);
		harness_free(&h);
	}
}

static void
expect_format(struct made *m, const char *what)
{
	struct harness h;

	end(m);
	if (harness_run(m->bytes, m->length, GO_PIECES, &h) ||
	    h.fault_code != FAULT_FORMAT)
		fail_msg("%s: %s", what, h.fault_text);
	harness_free(&h);
}

static void
test_twice(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	text_pair(&m, "location", "w");
	text_pair(&m, "location", "v");
	expect_format(&m, "two locations");
	begin(&m);
	text_pair(&m, "location", "w");
	put(&m, "\x4a\4\1\0\2\0", 6);
	expect_format(&m, "raw_data besides");
	begin(&m);
	pair(&m, "location", "w\0x", 3);
	expect_format(&m, "a NUL");
}

static void
test_prefixes(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, "w.bin", "4096", "4");
	for (size_t n = 0; n < m.length; n++) {
		assert_false(harness_run(m.bytes, n, GO_PIECES, &h));
		assert_int_equal(h.piece_count, 0);
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_box),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_without_siblings),
		cmocka_unit_test(test_deeper),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
