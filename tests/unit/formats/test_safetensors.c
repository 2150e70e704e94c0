/* SPDX-License-Identifier: Apache-2.0
 *
 * test_safetensors.c - each rule of the header by the code and the offset that
 * its breach gives; every prefix of a good file; what is sent of a good one.
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

struct made {
	uint8_t bytes[8192];
	size_t length;
};

static void
make(struct made *m, const char *header, size_t length, size_t data)
{
	uint64_t n = length;

	assert_true(length + data + 8 <= sizeof(m->bytes));
	for (unsigned i = 0; i < 8; i++)
		m->bytes[i] = (uint8_t)(n >> 8 * i);
	memcpy(m->bytes + 8, header, length);
	for (size_t i = 0; i < data; i++)
		m->bytes[8 + length + i] = (uint8_t)(i + 1);
	m->length = 8 + length + data;
}

#define T(dtype, shape, begin, end) "{\"dtype\":\"" dtype "\",\"shape\":[" \
	shape "],\"data_offsets\":[" #begin "," #end "]}"

/* code 0: it loads, with so many tensors. */
static const struct header_case {
	const char *header;
	size_t data;
	uint32_t code;
	uint64_t where;		/* or how many tensors */
} headers[] = {
	{ "{}", 0, 0, 0 },
	{ "{}   \n\t\r ", 0, 0, 0 },
	{ "{ \"a\" : " T("F32", "2", 0, 8) " }", 8, 0, 1 },
	{ "{\"a\":" T("F32", "", 0, 4) "}", 4, 0, 1 },
	{ "{\"a\":" T("F32", "0,7", 0, 0) "}", 0, 0, 1 },
	{ "{\"a\":" T("F32", "0", 0, 0) ",\"b\":" T("U8", "1", 0, 1)
	    ",\"c\":" T("I64", "3,0", 1, 1) "}", 1, 0, 3 },
	/* Any order. */
	{ "{\"c\":" T("U8", "3", 3, 6) ",\"a\":" T("U8", "1", 0, 1) ",\"b\":"
	    T("U8", "2", 1, 3) "}", 6, 0, 3 },
	/* The empty one's bytes end where the other one's do. */
	{ "{\"c\":" T("I64", "3,0", 1, 1) ",\"a\":" T("U8", "1", 0, 1) "}", 1,
	    0, 2 },
	{ "{\"a\":{\"data_offsets\":[0,1],\"shape\":[1],\"dtype\":\"U8\"}}", 1,
	    0, 1 },
	{ "{\"__metadata__\":{},\"a\":" T("U8", "1", 0, 1) "}", 1, 0, 1 },
	{ "{\"__metadata__\":null}", 0, 0, 0 },
	{ "{\"a\":" T("F4", "2", 0, 1) "}", 1, 0, 1 },
	{ "{\"a\":" T("F6_E2M3", "4", 0, 3) "}", 3, 0, 1 },
	{ "{\"a\":" T("C64", "1", 0, 8) "}", 8, 0, 1 },
	/* The zero is first, so the reference lets the rest be. */
	{ "{\"a\":" T("U8", "0,4294967296,4294967296", 0, 0) "}", 0, 0, 0 },
	{ "{\"a\":" T("U8", "0,9223372036854775808", 0, 0) "}", 0, 0, 0 },
	/* Left out by name. */
	{ "{\"a\":" T("F3", "1", 0, 9) ",\"b\":" T("U8", "1", 9, 10) "}", 10,
	    0, 1 },
	{ "{\"a\":" T("C128", "1", 0, 16) "}", 16, 0, 0 },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],"
	    "\"more\":[{}]}}", 1, 0, 1 },
	/* JSON. */
	{ "{\"a\"", 0, FAULT_FORMAT, 12 },
	{ "{\"a\":}", 0, FAULT_FORMAT, 13 },
	{ "{}x", 0, FAULT_FORMAT, 10 },
	{ "{ }{}", 0, FAULT_FORMAT, 11 },
	{ "{\"a\":" T("U8", "1", 0, 1) ",}", 1, FAULT_FORMAT, 61 },
	{ "{\"a\":[]}", 0, FAULT_FORMAT, 13 },
	{ "{\"a\":[\"U8\",[1],[0,1]]}", 1, FAULT_FORMAT, 13 },
	{ "{\"a\":{}}", 0, FAULT_FORMAT, 14 },
	{ "{\"\xff\":1}", 0, FAULT_FORMAT, 10 },
	{ "{\"\xed\xa0\x80\":1}", 0, FAULT_FORMAT, 10 },
	{ "{\"\\ud800\":1}", 0, FAULT_FORMAT, 10 },
	{ "{\"a\":{\"dtype\":{\"U8\":null},\"shape\":[],\"data_offsets\":[0,1]}"
	    "}", 1, FAULT_FORMAT, 22 },
	/* Names. */
	{ "{\"a\":" T("U8", "1", 0, 1) ",\"a\":" T("U8", "1", 1, 2) "}", 2,
	    FAULT_FORMAT, 62 },
	{ "{\"a\":" T("U8", "1", 0, 1) ",\"\\u0061\":" T("U8", "1", 1, 2) "}",
	    2, FAULT_FORMAT, 62 },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"shape\":[1],\"data_offsets"
	    "\":[0,1]}}", 1, FAULT_FORMAT, 10 },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", 0, FAULT_FORMAT, 10 },
	{ "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, FAULT_FORMAT,
	    10 },
	{ "{\"a\":{\"shape\":[],\"data_offsets\":[0,1]}}", 1, FAULT_FORMAT,
	    10 },
	/* Metadata. */
	{ "{\"__metadata__\":{\"a\":1}}", 0, FAULT_FORMAT, 29 },
	{ "{\"__metadata__\":{\"a\":null}}", 0, FAULT_FORMAT, 29 },
	{ "{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0, FAULT_FORMAT, 29 },
	{ "{\"__metadata__\":[]}", 0, FAULT_FORMAT, 24 },
	{ "{\"__metadata__\":{\"a\":\"\",\"\\u0061\":\"\"}}", 0, FAULT_FORMAT,
	    33 },
	{ "{\"__metadata__\":{},\"__metadata__\":{}}", 0, FAULT_FORMAT, 28 },
	{ "{\"__meta\\u0064ata__\":{\"a\":1}}", 0, FAULT_FORMAT, 34 },
	/* Numbers. */
	{ "{\"a\":" T("U8", "-1", 0, 1) "}", 1, FAULT_FORMAT, 36 },
	{ "{\"a\":" T("U8", "1.0", 0, 1) "}", 1, FAULT_FORMAT, 37 },
	{ "{\"a\":" T("U8", "1e0", 0, 1) "}", 1, FAULT_FORMAT, 37 },
	{ "{\"a\":" T("U8", "01", 0, 1) "}", 1, FAULT_FORMAT, 38 },
	{ "{\"a\":" T("U8", "-0", 0, 0) "}", 0, FAULT_FORMAT, 36 },
	{ "{\"a\":" T("U8", "true", 0, 1) "}", 1, FAULT_FORMAT, 36 },
	{ "{\"a\":" T("U8", "18446744073709551616", 0, 1) "}", 1,
	    FAULT_FORMAT, 55 },
	{ "{\"a\":" T("U8", "4294967296,4294967296", 0, 0) "}", 0,
	    FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "9223372036854775808,2,0", 0, 0) "}", 0,
	    FAULT_FORMAT, 10 },
	{ "{\"a\":" T("F32", "4611686018427387904", 0, 0) "}", 0,
	    FAULT_FORMAT, 10 },
	{ "{\"a\":" T("F4", "3", 0, 2) "}", 2, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("F4", "3", 0, 1) "}", 1, FAULT_FORMAT, 10 },
	/* Offsets. */
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1,
	    FAULT_FORMAT, 56 },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}",
	    1, FAULT_FORMAT, 58 },
	{ "{\"a\":" T("U8", "1", 1, 0) "}", 1, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "2", 0, 1) "}", 1, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "1", 0, 2) "}", 2, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "1", 1, 2) "}", 2, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "1", 0, 1) "}", 0, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "1", 0, 1) "}", 2, FAULT_FORMAT, 62 },
	{ "{}", 1, FAULT_FORMAT, 10 },
	{ "{\"a\":" T("U8", "2", 0, 2) ",\"b\":" T("U8", "2", 1, 3) "}", 3,
	    FAULT_FORMAT, 62 },
	{ "{\"a\":" T("U8", "1", 0, 1) ",\"b\":" T("U8", "1", 2, 3) "}", 3,
	    FAULT_FORMAT, 62 },
	{ "{\"a\":" T("U8", "1", 0, 1) ",\"b\":" T("U8", "1", 0, 1) "}", 1,
	    FAULT_FORMAT, 62 },
	{ "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":"
	    "[18446744073709551615,18446744073709551615]}}", 1, FAULT_FORMAT,
	    10 },
};

static void
test_headers(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		const struct header_case *c = &headers[i];

		make(&m, c->header, strlen(c->header), c->data);
		(void)harness_run(m.bytes, m.length, 0, &h);
		assert_string_equal(h.format, "safetensors");
		if (h.fault_code != c->code)
			fail_msg("%s: code %u (%s)", c->header, h.fault_code,
			    h.fault_text);
		if (c->code != 0 && h.fault_where != c->where)
			fail_msg("%s: at %ju (%s)", c->header,
			    (uintmax_t)h.fault_where, h.fault_text);
		if (c->code == 0 && h.tensor_count != c->where)
			fail_msg("%s: %zu tensors", c->header,
			    h.tensor_count);
		harness_free(&h);
	}
}

static const char good[] = "{\"__metadata__\":{\"format\":\"pt\",\"k\\n\":"
    "\"v\\u00e9\"},\"b.c\":" T("BF16", "2", 12, 16) ",\"a\\tb\":"
    T("F32", "3", 0, 12) ",\"s\":" T("I8", "", 16, 17) "}";

static void
test_good(void **state)
{
	struct harness h;
	struct made m;
	const struct harness_tensor *t;
	size_t length;

	(void)state;
	make(&m, good, sizeof(good) - 1, 17);
	assert_true(harness_run(m.bytes, m.length, GO_SCALARS, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.note_count, 1);
	assert_non_null(harness_note(&h, NOTE_METADATA,
	    "text in __metadata__"));
	assert_int_equal(h.tensor_count, 3);
	/* In the order of the data, all in one extent. */
	assert_int_equal(h.storage_count, 1);
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[0].offset, m.length - 17);
	assert_string_equal(h.tensors[0].name, "a\tb");
	t = harness_find(&h, "b.c");
	assert_non_null(t);
	assert_int_equal(t->dtype, DTYPE_BF16);
	assert_int_equal(t->path_count, 1);
	assert_int_equal(t->path_kinds[0], PATH_KEY);
	assert_memory_equal(harness_bytes(&h, t, &length), "\15\16\17\20", 4);
	t = harness_find(&h, "s");
	assert_int_equal(t->rank, 0);
	assert_memory_equal(harness_bytes(&h, t, &length), "\21", 1);
	assert_int_equal(h.scalar_count, 2);
	assert_string_equal(h.scalars[0].name, "__metadata__.format");
	assert_int_equal(h.scalars[0].kind, SCALAR_TEXT);
	assert_string_equal((char *)h.scalars[0].data, "pt");
	assert_string_equal(h.scalars[1].name, "__metadata__.k\n");
	assert_string_equal((char *)h.scalars[1].data, "v\xc3\xa9");
	harness_free(&h);
}

static void
test_every_prefix(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	make(&m, good, sizeof(good) - 1, 17);
	for (size_t length = 0; length < m.length; length++) {
		assert_false(harness_run(m.bytes, length, 0, &h));
		assert_true(h.fault_code == FAULT_FORMAT ||
		    h.fault_code == FAULT_UNSUPPORTED);
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		if (length >= 10)
			assert_int_equal(h.fault_code, FAULT_FORMAT);
		harness_free(&h);
	}
	/* And one byte too many. */
	assert_false(harness_run(m.bytes, m.length + 1, 0, &h));
	assert_int_equal(h.fault_where, m.length);
	harness_free(&h);
}

static const struct length_case {
	uint64_t length;
	uint32_t code;
} lengths[] = {
	{ 0, FAULT_UNSUPPORTED },
	{ 1, FAULT_UNSUPPORTED },
	{ 3, FAULT_FORMAT },
	{ 100000000, FAULT_FORMAT },
	{ 100000001, FAULT_FORMAT },
	{ UINT64_C(1) << 31, FAULT_FORMAT },
	{ UINT64_C(1) << 32, FAULT_FORMAT },
	{ UINT64_C(1) << 63, FAULT_UNSUPPORTED },
	{ UINT64_MAX, FAULT_UNSUPPORTED },
};

static void
test_lengths(void **state)
{
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		make(&m, "{}", 2, 0);
		for (unsigned k = 0; k < 8; k++)
			m.bytes[k] = (uint8_t)(lengths[i].length >> 8 * k);
		assert_false(harness_run(m.bytes, m.length, 0, &h));
		if (h.fault_code != lengths[i].code)
			fail_msg("length %ju: %s",
			    (uintmax_t)lengths[i].length, h.fault_text);
		harness_free(&h);
	}
}

/* Many names, in reverse: the sort and the table of names grow. */
static void
test_many(void **state)
{
	static uint8_t bytes[1 << 20];
	enum { COUNT = 3000 };
	size_t at = 8;
	struct harness h;
	char text[128];

	(void)state;
	bytes[at++] = '{';
	for (unsigned i = 0; i < COUNT; i++) {
		unsigned place = (i * 7919u) % COUNT;
		int length = snprintf(text, sizeof(text), "%s\"t%u\":{\"dtype\":"
		    "\"U8\",\"shape\":[1],\"data_offsets\":[%u,%u]}",
		    i == 0 ? "" : ",", place, place, place + 1);

		memcpy(bytes + at, text, (size_t)length);
		at += (size_t)length;
	}
	bytes[at++] = '}';
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((at - 8) >> 8 * i);
	assert_true(harness_run(bytes, at + COUNT, 0, &h));
	assert_int_equal(h.tensor_count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "t%u", i);
		assert_string_equal(h.tensors[i].name, text);
		assert_int_equal(h.tensors[i].offset, i);
	}
	harness_free(&h);
}

/* What a file has beside its tensors is told, and each that is left out. */
static void
test_notes(void **state)
{
#define META(text) "{\"__metadata__\":{" text "},\"a\":" T("U8", "1", 0, 1) "}"
	static const struct {
		const char *header;
		size_t data;
		enum note_kind kind;	/* 0: no note at all */
		const char *text;
	} rows[] = {
		{ META("\"format\":\"pt\""), 1, 0, NULL },
		{ META(""), 1, 0, NULL },
		{ META("\"author\":\"x\""), 1, NOTE_METADATA,
		    "text in __metadata__" },
		{ META("\"format2\":\"x\""), 1, NOTE_METADATA,
		    "text in __metadata__" },
		{ META("\"format\":\"pt\",\"b\":\"\""), 1, NOTE_METADATA,
		    "text in __metadata__" },
		{ "{\"a\":" T("F3", "1", 0, 9) "}", 9, NOTE_SKIPPED, "a" },
		{ "{\"a\":" T("U8", "0,9223372036854775808", 0, 0) "}", 0,
		    NOTE_SKIPPED, "a" },
	};
	struct harness h;
	struct made m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		make(&m, rows[i].header, strlen(rows[i].header), rows[i].data);
		assert_true(harness_run(m.bytes, m.length, 0, &h));
		if (h.note_count != (rows[i].kind != 0) ||
		    (rows[i].kind != 0 && (h.notes[0].kind != rows[i].kind ||
		    strstr(h.notes[0].text, rows[i].text) == NULL)))
			fail_msg("%s: %zu notes: %s", rows[i].header,
			    h.note_count, h.note_count > 0 ? h.notes[0].text :
			    "");
		harness_free(&h);
	}
#undef META
}

/* Bytes after the last tensor: refused, or named; never in the storage. */
static void
test_lenient(void **state)
{
	static const char header[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],"
	    "\"data_offsets\":[0,2]}}";
	static const char evil[] = "\x80\2cos\nsystem\nX\1\0\0\0x\x85R.";
	size_t end = 8 + sizeof(header) - 1 + 2;
	struct harness h;
	struct made m;

	(void)state;
	make(&m, header, sizeof(header) - 1, 2 + 3);
	assert_false(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	assert_int_equal(h.fault_where, end);
	harness_free(&h);
	assert_true(harness_run(m.bytes, m.length, GO_LENIENT, &h));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	assert_int_equal(h.tensor_count, 1);
	assert_int_equal(h.storages[0].length, 2);
	assert_int_equal(harness_note(&h, NOTE_RECORD, "bytes after")->where,
	    end);
	harness_free(&h);
	/* To the byte, there is nothing to be lenient about. */
	assert_true(harness_run(m.bytes, end, GO_LENIENT, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
	assert_false(harness_run(m.bytes, end - 1, GO_LENIENT, &h));
	harness_free(&h);
	make(&m, header, sizeof(header) - 1, 2 + sizeof(evil) - 1);
	memcpy(m.bytes + end, evil, sizeof(evil) - 1);
	assert_true(harness_run(m.bytes, m.length, GO_LENIENT, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, 0, "os.system"));
	harness_free(&h);
}

/* "X", a length, a place in the header: the beginning of a pickle by chance is
 * no polyglot; one that names a global is. */
static void
test_chance_pickle(void **state)
{
	struct harness h;
	struct made m;
	static char header[0x0758];
	static const char again[] = "{\"__NNNNNNNN\":" T("U8", "1", 0, 1) "}";
	static const char middle[] = "\":" T("U8", "1", 0, 1) ",\n\"";
	static const char tail[] = "\":" T("U8", "2", 1, 3) "}\n";
	static char lines[0x0558];
	/* E1 85 85 is one letter, of which the text takes the first byte. */
	static const char letter[] = "{\"aaaaaaaaaa\xe1\x85\x85\":"
	    T("U8", "1", 0, 1) "}";
	static char wide[0x1058];
	static const char entry[] = "{\"a.b\":" T("U8", "1", 0, 1) "}";

	(void)state;
	memset(header, ' ', sizeof(header));
	memcpy(header, entry, sizeof(entry) - 1);
	make(&m, header, sizeof(header), 1);
	/* 'X', seven bytes of text, '.' */
	memcpy(m.bytes + 10, "ab.", 3);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
	/* Opcodes that name nothing, in a name and in the middle of a letter. */
	memcpy(header, again, sizeof(again) - 1);
	make(&m, header, sizeof(header), 1);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
	memset(wide, ' ', sizeof(wide));
	memcpy(wide, letter, sizeof(letter) - 1);
	make(&m, wide, sizeof(wide), 1);
	assert_int_equal(m.bytes[21], 0x85);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
	/* 'X', five bytes, 'N' often, 'c' with two lines, and in the data a
	 * call of it. */
	memset(lines, 'N', sizeof(lines));
	memcpy(lines, "{\"", 2);
	lines[600] = 'c';
	memcpy(lines + 700, middle, sizeof(middle) - 1);
	memcpy(lines + sizeof(lines) - (sizeof(tail) - 1), tail,
	    sizeof(tail) - 1);
	make(&m, lines, sizeof(lines), 3);
	memcpy(m.bytes + 8 + sizeof(lines), ")R.", 3);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, NOTE_POLYGLOT, "pickle"));
	harness_free(&h);
}

/* A header padded to 128 bytes and so many times 256 begins as PROTO does. */
static void
test_proto_length(void **state)
{
	struct harness h;
	struct made m;
	static char header[0x580];
	static const char entry[] = "{\"w\":" T("U8", "1", 0, 1) "}";

	(void)state;
	memset(header, ' ', sizeof(header));
	memcpy(header, entry, sizeof(entry) - 1);
	for (size_t length = 0x80; length <= sizeof(header); length += 0x100) {
		make(&m, header, length, 1);
		assert_true(harness_run(m.bytes, m.length, 0, &h));
		assert_int_equal(h.verdict, VERDICT_CLEAN);
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_chance_pickle),
		cmocka_unit_test(test_proto_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
