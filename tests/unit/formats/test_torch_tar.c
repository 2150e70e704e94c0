/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_tar.c - torch's tar archives: a whole one, each prefix of it, and
 * what a header may say.  The archives are put together here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"
#include "tar.h"
#include "torch_tar.h"

#define BYTES(text) text, sizeof(text) - 1

struct made {
	uint8_t bytes[16 * 1024];
	size_t length;
};

static void
sum(uint8_t *header)
{
	unsigned total = 0;

	memset(header + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		total += header[i];
	snprintf((char *)header + 148, 8, "%06o", total);
}

static void
add(struct made *t, const char *name, char kind, const void *data,
    size_t length)
{
	uint8_t *header = t->bytes + t->length;

	memset(header, 0, 512);
	memcpy(header, name, strlen(name));
	snprintf((char *)header + 124, 12, "%011o", (unsigned)length);
	header[156] = (uint8_t)kind;
	sum(header);
	memcpy(header + 512, data, length);
	t->length += 512 + (length + 511) / 512 * 512;
	assert_true(t->length + 1024 < sizeof t->bytes);
}

#define STORAGES "\x80\x02K\1." \
	"\x80\x02(K\1X\3\0\0\0cpuctorch\nShortStorage\nt." \
	"\3\0\0\0\0\0\0\0aAbBcC" "\x80\x02]."
#define TENSORS "\x80\x02K\1." "\x80\x02(K\2K\1ctorch\nShortTensor\nt." \
	"\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" \
	"\1\0\0\0\0\0\0\0"
#define OBJECT "\x80\x02}(X\1\0\0\0wP2\nX\1\0\0\0vP2\nu."

static void
make(struct made *t)
{
	memset(t, 0, sizeof *t);
	add(t, "sys_info", '0', BYTES("\x80\x02}."));
	add(t, "pickle", '0', BYTES(OBJECT));
	add(t, "storages", '0', BYTES(STORAGES));
	add(t, "tensors", '0', BYTES(TENSORS));
}

static void
test_whole(void **state)
{
	static struct made t;
	struct harness h;
	const uint8_t *bytes;
	size_t length;

	(void)state;
	make(&t);
	assert_true(harness_run(t.bytes, t.length + 1024, 0, &h));
	assert_string_equal(h.format, "torch-tar");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 1);
	assert_string_equal(h.tensors[0].name, "w");
	assert_int_equal(h.tensors[0].dtype, DTYPE_I16);
	bytes = harness_bytes(&h, &h.tensors[0], &length);
	assert_int_equal(length, 4);
	assert_memory_equal(bytes, "bBcC", 4);
	assert_int_equal(h.alias_count, 1);
	assert_string_equal(h.aliases[0].name, "v");
	harness_free(&h);
}

/* The end is one block of zeros; from there on it is whole. */
static void
test_prefixes(void **state)
{
	static struct made t;
	struct harness h;

	(void)state;
	make(&t);
	for (size_t n = 0; n < t.length + 512; n++) {
		assert_false(harness_run(t.bytes, n, 0, &h));
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		assert_int_equal(h.tensor_count, 0);
		harness_free(&h);
	}
	assert_true(harness_run(t.bytes, t.length + 512, 0, &h));
	harness_free(&h);
}

/* A number cut off anywhere in the tables is seen. */
static void
test_cut_members(void **state)
{
	static struct made t;
	struct harness h;

	(void)state;
	for (unsigned which = 0; which < 3; which++) {
		static const struct {
			const char *bytes;
			size_t length;
		} parts[] = { { BYTES(OBJECT) }, { BYTES(STORAGES) },
			{ BYTES(TENSORS) } };

		for (size_t n = 0; n < parts[which].length; n++) {
			memset(&t, 0, sizeof t);
			add(&t, "pickle", '0', parts[0].bytes,
			    which == 0 ? n : parts[0].length);
			add(&t, "storages", '0', parts[1].bytes,
			    which == 1 ? n : parts[1].length);
			add(&t, "tensors", '0', parts[2].bytes,
			    which == 2 ? n : parts[2].length);
			assert_false(harness_run(t.bytes, t.length + 1024, 0,
			    &h));
			assert_int_equal(h.fault_code, FAULT_FORMAT);
			harness_free(&h);
		}
	}
}

static const struct field {
	size_t at;
	const char *bytes;
	size_t length;
	const char *text;	/* NULL: it may stand */
	bool dangerous;
} fields[] = {
	{ 124, BYTES("00000000004\0"), NULL, false },
	{ 124, BYTES("         4  "), NULL, false },
	{ 124, BYTES("\x80\0\0\0\0\0\0\0\0\0\0\4"), NULL, false },
	{ 124, BYTES("\x81\0\0\0\0\0\0\0\0\0\0\4"), "not a number", false },
	{ 124, BYTES("\x80\0\0\1\0\0\0\0\0\0\0\4"), "not a number", false },
	{ 124, BYTES("\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
	    "past the end", false },
	{ 124, BYTES("77777777777\0"), "past the end", false },
	{ 124, BYTES("00000000008\0"), "not a number", false },
	{ 124, BYTES("\0\0\0\0\0\0\0\0\0\0\0\0"), "not a number", false },
	{ 156, BYTES("\0"), NULL, false },
	{ 156, BYTES("2"), "link", true },
	{ 156, BYTES("5"), "no plain file", true },
	{ 156, BYTES("x"), "PAX", false },
	{ 0, BYTES("../x"), "climbs", true },
	{ 0, BYTES("a/../x"), "climbs", true },
	{ 0, BYTES("a..b/..c"), NULL, false },
	{ 0, BYTES("/x"), "absolute", true },
	{ 0, BYTES("storages"), "twice", true },
	{ 0, BYTES("\0"), "no name", false },
	{ 257, BYTES("ustar\0" "00"), NULL, false },
};

static void
test_fields(void **state)
{
	static struct made t;
	struct harness h;
	size_t header;
	bool good;

	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		make(&t);
		header = t.length;
		add(&t, "more", '0', "N.N.", 4);
		if (fields[i].at == 0)
			memset(t.bytes + header, 0, 100);
		memcpy(t.bytes + header + fields[i].at, fields[i].bytes,
		    fields[i].length);
		sum(t.bytes + header);
		good = harness_run(t.bytes, t.length + 1024, 0, &h);
		if (good != (fields[i].text == NULL) || (!good &&
		    strstr(h.fault_text, fields[i].text) == NULL))
			fail_msg("field %zu: %s", i, h.fault_text);
		if (!good)
			assert_int_equal(h.verdict, fields[i].dangerous ?
			    VERDICT_DANGEROUS : VERDICT_UNDECIDED);
		harness_free(&h);
	}
}

#define HEAD "\x80\x02"
#define STORAGE(key, more) HEAD "(" key "X\3\0\0\0cpuctorch\nShortStorage\nt." \
	"\3\0\0\0\0\0\0\0aAbBcC" more
#define NO_VIEWS HEAD "]."
#define NUMBERS "\1\0\0\0\0\0\0\0" "\2\0\0\0\0\0\0\0" "\1\0\0\0\0\0\0\0" \
	"\1\0\0\0\0\0\0\0"
#define TENSOR(key, root) HEAD "(" key root "ctorch\nShortTensor\nt." NUMBERS
#define ONE_OF(text) HEAD "K\1." text
#define ROOT(id) HEAD "}X\1\0\0\0wP" id "\ns."
#define MINUS_1 "J\xff\xff\xff\xff"
#define BIG "\x8a\x09\0\0\0\0\0\0\0\0\1"

static const struct parts_case {
	const char *name;
	const char *storages;
	size_t storages_length;
	const char *tensors;
	size_t tensors_length;
	const char *root;
	size_t root_length;
	const char *text;	/* of the fault; NULL: it loads */
} parts[] = {
	{ "keys under 0", BYTES(ONE_OF(STORAGE(MINUS_1, NO_VIEWS))),
	    BYTES(ONE_OF(TENSOR("J\xfe\xff\xff\xff", MINUS_1))),
	    BYTES(ROOT("-2")), NULL },
	{ "a view under 0", BYTES(ONE_OF(STORAGE("K\1", HEAD "](("
	    "J\xfd\xff\xff\xffK\1K\0K\3te."))),
	    BYTES(ONE_OF(TENSOR("K\2", "J\xfd\xff\xff\xff"))),
	    BYTES(ROOT("2")), NULL },
	{ "an id of a number", BYTES(ONE_OF(STORAGE("K\1", NO_VIEWS))),
	    BYTES(ONE_OF(TENSOR("K\2", "K\1"))),
	    BYTES(HEAD "}X\1\0\0\0wK\2Qs."), NULL },
	{ "a count of text", BYTES(HEAD "X\1\0\0\0a."), BYTES(TENSORS),
	    BYTES(ROOT("2")), "a count is not a natural number" },
	{ "a count of 2^64", BYTES(HEAD BIG "."), BYTES(TENSORS),
	    BYTES(ROOT("2")), "a count is not a natural number" },
	{ "a count under 0", BYTES(HEAD MINUS_1 "."), BYTES(TENSORS),
	    BYTES(ROOT("2")), "a count is not a natural number" },
	{ "a key of text", BYTES(ONE_OF(STORAGE("X\1\0\0\0a", NO_VIEWS))),
	    BYTES(TENSORS), BYTES(ROOT("2")), "a key is not a number" },
	{ "a key of 2^64", BYTES(ONE_OF(STORAGE(BIG, NO_VIEWS))),
	    BYTES(TENSORS), BYTES(ROOT("2")), "a key is not a number" },
	{ "an entry of two", BYTES(ONE_OF(HEAD "(K\1K\1t.")),
	    BYTES(TENSORS), BYTES(ROOT("2")), "an entry is not of three" },
	{ "an entry of a dict", BYTES(ONE_OF(HEAD "}.")), BYTES(TENSORS),
	    BYTES(ROOT("2")), "an entry is not of three" },
	{ "a storage of no class", BYTES(ONE_OF(HEAD "(K\1NK\1t.")),
	    BYTES(TENSORS), BYTES(ROOT("2")), "of an unknown class" },
	{ "views of a dict", BYTES(ONE_OF(STORAGE("K\1", HEAD "}."))),
	    BYTES(TENSORS), BYTES(ROOT("2")), "the views are not a list" },
	{ "a view of three", BYTES(ONE_OF(STORAGE("K\1", HEAD
	    "](K\1K\1K\1\x87" "e."))), BYTES(TENSORS), BYTES(ROOT("2")),
	    "a view is not of four parts" },
	{ "a view of nothing", BYTES(ONE_OF(STORAGE("K\1", HEAD
	    "]((K\5K\6K\1K\1te."))), BYTES(TENSORS), BYTES(ROOT("2")),
	    "a view of no storage" },
	{ "a view of a view", BYTES(ONE_OF(STORAGE("K\1", HEAD
	    "]((K\5K\1K\1K\1t(K\6K\5K\1K\1te."))), BYTES(TENSORS),
	    BYTES(ROOT("2")), "a view of no storage" },
	{ "a tensor of nothing", BYTES(ONE_OF(STORAGE("K\1", NO_VIEWS))),
	    BYTES(ONE_OF(TENSOR("K\2", "K\7"))), BYTES(ROOT("2")),
	    "a tensor of no storage" },
	{ "a tensor of a tensor", BYTES(ONE_OF(STORAGE("K\1", NO_VIEWS))),
	    BYTES(HEAD "K\2." TENSOR("K\2", "K\1") TENSOR("K\3", "K\2")),
	    BYTES(ROOT("2")), "a tensor of no storage" },
	{ "a key given twice", BYTES(ONE_OF(STORAGE("K\2", NO_VIEWS))),
	    BYTES(ONE_OF(TENSOR("K\2", "K\2"))), BYTES(ROOT("2")),
	    "a key is given twice" },
	{ "an id of a word", BYTES(STORAGES), BYTES(TENSORS),
	    BYTES(ROOT("x")), "a persistent id is not a key" },
	{ "an id of 2^64", BYTES(STORAGES), BYTES(TENSORS),
	    BYTES(HEAD "}X\1\0\0\0w" BIG "Qs."),
	    "a persistent id is not a key" },
	{ "an id of nothing", BYTES(STORAGES), BYTES(TENSORS),
	    BYTES(ROOT("9")), "a persistent id names nothing" },
};

static void
test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		const struct parts_case *p = &parts[i];
		struct made t = { .length = 0 };
		struct harness h;

		add(&t, "sys_info", '0', BYTES("\x80\x02}."));
		add(&t, "pickle", '0', p->root, p->root_length);
		add(&t, "storages", '0', p->storages, p->storages_length);
		add(&t, "tensors", '0', p->tensors, p->tensors_length);
		if (harness_run(t.bytes, t.length + 1024, 0, &h) !=
		    (p->text == NULL))
			fail_msg("%s: %s", p->name, h.done ? "loads"
			    : h.fault_text);
		if (p->text == NULL) {
			assert_int_equal(h.tensor_count, 1);
			assert_string_equal(h.tensors[0].name, "w");
		} else if (h.fault_code != FAULT_FORMAT ||
		    strstr(h.fault_text, p->text) == NULL) {
			fail_msg("%s: %u %s", p->name, h.fault_code,
			    h.fault_text);
		}
		harness_free(&h);
	}
}

/* As strtoll reads it, and nothing else. */
static void
test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t value;
	} rows[] = {
		{ "0", true, 0 }, { "-0", true, 0 }, { "17", true, 17 },
		{ "-17", true, -17 }, { "007", true, 7 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "99999999999999999999", false, 0 },
		{ "000000000000000000000", false, 0 }, { "", false, 0 },
		{ "-", false, 0 }, { "+1", false, 0 }, { "1 ", false, 0 },
		{ "a", false, 0 }, { "1:", false, 0 }, { "--1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t value = 0;

		if (torch_tar_number((const uint8_t *)rows[i].text,
		    strlen(rows[i].text), &value) != rows[i].good ||
		    value != rows[i].value)
			fail_msg("'%s': %lld", rows[i].text,
			    (long long)value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_cut_members),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
