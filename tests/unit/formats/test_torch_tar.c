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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_cut_members),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
