/* SPDX-License-Identifier: Apache-2.0
 *
 * test_npy.c - headers of arrays by the code and offset that each breach gives,
 * every prefix of a good file, byte order and Fortran order, objects.
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

#define START 10	/* of the text, in version 1.0 */

struct made {
	uint8_t bytes[8192];
	size_t length;
};

static void
make(struct made *m, const char *text, size_t data)
{
	size_t length = strlen(text);

	assert_true(length + data + START <= sizeof(m->bytes));
	memcpy(m->bytes, "\x93NUMPY\1\0", 8);
	m->bytes[8] = (uint8_t)length;
	m->bytes[9] = (uint8_t)(length >> 8);
	memcpy(m->bytes + START, text, length);
	for (size_t i = 0; i < data; i++)
		m->bytes[START + length + i] = (uint8_t)(i + 1);
	m->length = START + length + data;
}

#define H(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order \
	", 'shape': " shape ", }  \n"

/* code 0: `where` tensors. */
static const struct header_case {
	const char *text;
	size_t data;
	uint32_t code;
	uint64_t where;
} headers[] = {
	{ H("'<f4'", "False", "(2,)"), 8, 0, 1 },
	{ H("'|u1'", "False", "()"), 1, 0, 1 },
	{ H("'<f8'", "True", "(0, 3)"), 0, 0, 1 },
	{ H("'<f8'", "True", "(1, 2, 1)"), 16, 0, 1 },
	{ H("'<i2'", "False", "(2L, 3L)"), 12, 0, 1 },
	{ H("'<i2'", "False", "(00,\f2\r\n, 0L)"), 0, 0, 1 },
	{ "{\"shape\":(1,),\"descr\":\"|b1\",\"fortran_order\":False}", 1, 0,
	    1 },
	{ H("'|V2'", "False", "(3,)"), 6, 0, 1 },
	{ H("'<f1'", "False", "(3,)"), 3, 0, 1 },
	/* Left out. */
	{ H("'<U5'", "False", "(2,)"), 40, 0, 0 },
	{ H("'|S5'", "False", "(2,)"), 10, 0, 0 },
	{ H("'|V5'", "False", "(2,)"), 10, 0, 0 },
	{ H("'|V0'", "False", "(2,)"), 0, 0, 0 },
	{ H("'<f16'", "False", "(2,)"), 32, 0, 0 },
	{ H("'<M8[ns]'", "False", "(2,)"), 16, 0, 0 },
	{ H("'<m8[25us]'", "False", "(2,)"), 16, 0, 0 },
	{ H("[('a', '<f4'), (('t', \"b'\"), [('c', '>i2', (2, 3))])]",
	    "False", "(2,)"), 32, 0, 0 },
	{ H("('<f4', (2, 2))", "False", "(2,)"), 32, 0, 0 },
	/* The dict. */
	{ "", 0, FAULT_FORMAT, START },
	{ "None", 0, FAULT_FORMAT, START },
	{ "{}", 0, FAULT_FORMAT, START + 2 },
	{ "{'descr': '<f4', 'fortran_order': False}", 0, FAULT_FORMAT,
	    START + 40 },
	{ "{'descr': '<f4', 'descr': '<f4'", 0, FAULT_FORMAT, START + 24 },
	{ "{'descr': '<f4', 'more': 1", 0, FAULT_FORMAT, START + 23 },
	{ "{'descr': '<f4' 'shape': ()", 0, FAULT_FORMAT, START + 16 },
	{ H("'<f4'", "False", "()") "x", 4, FAULT_FORMAT, START + 58 },
	{ "{'descr': '<f4", 0, FAULT_FORMAT, START + 14 },
	{ "{'descr': '<f4\\'", 0, FAULT_FORMAT, START + 16 },
	{ "{'descr': '<f\n4', 'shape'", 0, FAULT_FORMAT, START + 13 },
	{ "{'descr': '<f4', 'fortran_orden': False}", 0, FAULT_FORMAT,
	    START + 32 },
	{ "{'descr': '<f4', 'shapx': ()}", 0, FAULT_FORMAT, START + 24 },
	{ "{'descs': '<f4'}", 0, FAULT_FORMAT, START + 8 },
	{ "{'descr': __import__('os').system('true')", 0, FAULT_FORMAT,
	    START + 10 },
	{ "{'descr': [__import__('os')]", 0, FAULT_FORMAT, START + 11 },
	{ "{'descr': [('a', '<f4')", 0, FAULT_FORMAT, START + 23 },
	{ "{'descr': [('a', '<f4'])", 0, FAULT_FORMAT, START + 22 },
	{ H("7", "False", "()"), 4, FAULT_FORMAT, START + 10 },
	/* To Python one name, "a','f4'), (", of a field that is an object. */
	{ H("[('''a','f4'), (''', \"O\"), (''','f4'), ('z''', \"f4\")]",
	    "False", "()"), 4, FAULT_FORMAT, START + 14 },
	{ H("'<f4'", "0", "()"), 4, FAULT_FORMAT, START + 34 },
	{ H("'<f4'", "None", "()"), 4, FAULT_FORMAT, START + 34 },
	/* The shape. */
	{ H("'<f4'", "False", "(3)"), 12, FAULT_FORMAT, START + 53 },
	{ H("'<f4'", "False", "3"), 12, FAULT_FORMAT, START + 50 },
	{ H("'<f4'", "False", "[3]"), 12, FAULT_FORMAT, START + 50 },
	{ H("'<f4'", "False", "'3'"), 12, FAULT_FORMAT, START + 50 },
	{ H("'<f4'", "False", "(-1,)"), 12, FAULT_FORMAT, START + 51 },
	{ H("'<f4'", "False", "(True,)"), 12, FAULT_FORMAT, START + 51 },
	{ H("'<f4'", "False", "(1.0,)"), 12, FAULT_FORMAT, START + 52 },
	{ H("'<f4'", "False", "(2**70,)"), 12, FAULT_FORMAT, START + 52 },
	{ H("'<f4'", "False", "(3, 03)"), 36, FAULT_FORMAT, START + 56 },
	{ H("'<f4'", "False", "(1_0,)"), 40, FAULT_FORMAT, START + 52 },
	{ H("'<f4'", "False", "(0x1,)"), 4, FAULT_FORMAT, START + 52 },
	{ H("'<f4'", "False", "(1,)#"), 4, FAULT_FORMAT, START + 54 },
	{ H("'<f4'", "False", "(1 2)"), 12, FAULT_FORMAT, START + 53 },
	{ H("'<f4'", "False", "(,)"), 12, FAULT_FORMAT, START + 51 },
	{ H("'<f4'", "False", "(18446744073709551616,)"), 12, FAULT_FORMAT,
	    START + 70 },
	{ H("'<f4'", "False", "(18446744073709551615,)"), 12, FAULT_FORMAT,
	    START + 79 },
	{ H("'<f4'", "False", "(4294967296, 4294967296)"), 12, FAULT_FORMAT,
	    START + 80 },
	{ H("'<f8'", "False", "(2147483648, 1073741824)"), 12, FAULT_FORMAT,
	    START + 80 },
	{ H("'<f4'", "False", "(3,)"), 11, FAULT_FORMAT, START + 60 },
};

static void
test_headers(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		const struct header_case *c = &headers[i];

		make(&m, c->text, c->data);
		(void)harness_run(m.bytes, m.length, 0, &h);
		assert_string_equal(h.format, "npy");
		if (h.fault_code != c->code)
			fail_msg("%s: code %u (%s)", c->text, h.fault_code,
			    h.fault_text);
		if (c->code != 0 && h.fault_where != c->where)
			fail_msg("%s: at %ju (%s)", c->text,
			    (uintmax_t)h.fault_where - START, h.fault_text);
		if (c->code == 0 && (h.tensor_count != c->where ||
		    h.verdict != VERDICT_CLEAN ||
		    (c->where == 0 && harness_note(&h, NOTE_SKIPPED,
		    "left out: tensor: ") == NULL)))
			fail_msg("%s: %zu tensors", c->text, h.tensor_count);
		harness_free(&h);
	}
}

static void
test_orders(void **state)
{
	struct harness h;
	struct made m;
	size_t length;

	(void)state;
	make(&m, H("'<i2'", "True", "(2, 3)"), 12);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_string_equal(h.tensors[0].name, "tensor");
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.tensors[0].strides[0], 1);
	assert_int_equal(h.tensors[0].strides[1], 2);
	assert_memory_equal(harness_bytes(&h, &h.tensors[0], &length),
	    "\1\2\5\6\11\12\3\4\7\10\13\14", 12);
	harness_free(&h);
	make(&m, H("'<i2'", "False", "(2, 3)"), 12);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.tensors[0].strides[0], 3);
	assert_int_equal(h.tensors[0].strides[1], 1);
	assert_memory_equal(harness_bytes(&h, &h.tensors[0], &length),
	    "\1\2\3\4\5\6\7\10\11\12\13\14", 12);
	harness_free(&h);
	make(&m, H("'>c8'", "False", "(1,)"), 8);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.storages[0].kind, STORAGE_STREAM);
	assert_int_equal(h.tensors[0].dtype, DTYPE_C64);
	assert_memory_equal(harness_bytes(&h, &h.tensors[0], &length),
	    "\4\3\2\1\10\7\6\5", 8);
	harness_free(&h);
}

static void
test_every_prefix(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, H("'<f4'", "False", "(2, 3)"), 24);
	for (size_t length = 0; length < m.length; length++) {
		assert_false(harness_run(m.bytes, length, 0, &h));
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		assert_int_equal(h.fault_code, length == 0 || length >= 6 ?
		    FAULT_FORMAT : FAULT_UNSUPPORTED);
		harness_free(&h);
	}
	/* numpy stops at the end of the array. */
	assert_true(harness_run(m.bytes, m.length + 1, 0, &h));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	assert_non_null(harness_note(&h, NOTE_RECORD, "bytes after"));
	harness_free(&h);
}

static void
test_versions(void **state)
{
	static const uint8_t version[][3] = { { 0, 0, FAULT_UNSUPPORTED },
		{ 1, 1, FAULT_UNSUPPORTED }, { 4, 0, FAULT_UNSUPPORTED },
		{ 255, 255, FAULT_UNSUPPORTED }, { 2, 0, FAULT_FORMAT },
		{ 3, 0, FAULT_FORMAT } };
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(version) / sizeof(*version); i++) {
		make(&m, H("'<f4'", "False", "()"), 4);
		memcpy(m.bytes + 6, version[i], 2);
		assert_false(harness_run(m.bytes, m.length, 0, &h));
		assert_int_equal(h.fault_code, version[i][2]);
		harness_free(&h);
	}
	/* A claim of 4 GiB, and of 1 MiB that is there. */
	make(&m, "", 0);
	memcpy(m.bytes + 6, "\2\0\xff\xff\xff\xff", 6);
	assert_false(harness_run(m.bytes, 12, 0, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	harness_free(&h);
}

#define EVIL "\x80\2cos\nsystem\n(X\4\0\0\0truetR."

static void
run_with(const char *text, const char *tail, size_t length, struct harness *h)
{
	struct made m;

	make(&m, text, 0);
	memcpy(m.bytes + m.length, tail, length);
	(void)harness_run(m.bytes, m.length + length, 0, h);
}

static void
test_objects(void **state)
{
	struct harness h;

	(void)state;
	run_with(H("'|O'", "False", "(1,)"), EVIL, sizeof(EVIL) - 1, &h);
	assert_true(h.done);
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, 0, "os.system"));
	harness_free(&h);
	/* After an honest array. */
	run_with(H("'<f4'", "False", "(0,)"), EVIL, sizeof(EVIL) - 1, &h);
	assert_true(h.done);
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_int_equal(h.tensor_count, 1);
	harness_free(&h);
	/* No whole pickle; a storage record that cannot be here. */
	run_with(H("'|O'", "False", "(1,)"), "\x80\2", 2, &h);
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	harness_free(&h);
}

/* All of which numpy takes for objects, or may one day. */
static const char *const object_types[] = {
	"'O'", "'|O'", "'>O'", "'O4'", "'|O8'", "'object'", "'object_'",
	"'f4,O'", "'(2,)O'", "'2O'", "'O8,'", "'T'", "'\\x4f'", "''",
	"'float64'", "'M8[O],O'", "'|S5,O'", "'xV2'", "'xf1'",
	"'<m8{ns]'", "'<m8[n$]'", "'<m8[ns'",
	"[('a', '|O')]", "[('a', 'O8')]", "[('a', 'object')]",
	"[('a', '\\x4f')]", "[('a', '\\117')]", "[('a', '' '|' 'O')]",
	"[('a', 'f4,O')]", "[('a', 'T')]", "[('', '|O')]",
	"[('a', '<f4'), ('b', '|O')]", "[('a', '|O', (2, 3))]",
	"[('a', '<f4'), ('b', [('c', '<f4'), ('d', '|O')])]",
	"[('a', ('|O', (2,)))]", "[(('title', 'a'), '|O')]",
	"[(('O', 'O'), '<f4'), ('O', '|O')]",
	"('|O', (2,))", "(('|O', (2,)), (2,))", "([('a', '|O')], (2,))",
	"['aO']", "[['a', 'O']]", "[('a', ['bO'])]", "['' 'aO']",
	"[(('a', 'O'))]", "[((('a', 'O')))]", "([('a', 'f4')])", "('O')",
	"[('a', '<f4'), (('a', 'O'))]", "[(\"a'\", \"O\")]",
};
static const char *const plain_types[] = {
	"[('O', '<f4')]", "[('O', '|V4')]", "[('|O', '<f4')]",
	"[(('O', 'a'), '<f4')]", "[(('a', 'O'), '<f4')]",
	"[('object', '|S4'), ('f4,O', '<U1', (1,))]",
	"[('a', [('O', '<f2'), ('\\x4f', '<M8[ns]')]), ('', '|V4')]",
	"[('O', ('<f4', (2,)))]", "('<f4', (2,))", "('|V4', (2,))", "[]",
};
/* Protocols 0, 1 and 2. */
static const struct {
	const char *at;
	size_t len;
} pickles[] = {
	{ "cos\nsystem\n(S'true'\ntR.", 23 },
	{ "cos\nsystem\n(U\4truetR.", 21 },
	{ EVIL, sizeof(EVIL) - 1 },
};

static void
test_types(void **state)
{
	char text[256];
	struct harness h;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(object_types) / sizeof(*object_types); i++) {
		(void)snprintf(text, sizeof(text), H("%s", "False", "(1,)"),
		    object_types[i]);
		for (k = 0; k < sizeof(pickles) / sizeof(*pickles); k++) {
			run_with(text, pickles[k].at, pickles[k].len, &h);
			if (!h.done || h.verdict != VERDICT_DANGEROUS ||
			    harness_note(&h, 0, "os.system") == NULL)
				fail_msg("%s, %zu: verdict %d (%s)", text, k,
				    (int)h.verdict, h.fault_text);
			harness_free(&h);
		}
		/* What is no pickle is not clean. */
		run_with(text, "\0\0\0\0\0\0\0", 8, &h);
		assert_int_equal(h.fault_code, FAULT_FORMAT);
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		harness_free(&h);
	}
	for (i = 0; i < sizeof(plain_types) / sizeof(*plain_types); i++) {
		(void)snprintf(text, sizeof(text), H("%s", "False", "(1,)"),
		    plain_types[i]);
		run_with(text, "\0\0\0\0\0\0\0", 8, &h);
		if (!h.done || h.verdict != VERDICT_CLEAN)
			fail_msg("%s: verdict %d (%s)", text, (int)h.verdict,
			    h.fault_text);
		harness_free(&h);
	}
}

/* In the longer headers of versions 2 and 3 too. */
static void
test_types_of_versions(void **state)
{
	static const char text[] = H("[('a', '|O')]", "False", "(1,)");
	uint8_t bytes[256] = "\x93NUMPY\1\0\0\0\0\0";
	size_t length = sizeof(text) - 1;
	struct harness h;

	(void)state;
	bytes[8] = (uint8_t)length;
	memcpy(bytes + 12, text, length);
	memcpy(bytes + 12 + length, pickles[0].at, pickles[0].len);
	for (bytes[6] = 2; bytes[6] < 4; bytes[6]++) {
		assert_true(harness_run(bytes, 12 + length + pickles[0].len,
		    0, &h));
		assert_int_equal(h.verdict, VERDICT_DANGEROUS);
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_types_of_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
