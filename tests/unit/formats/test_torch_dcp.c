/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_dcp.c - .metadata of a distributed checkpoint: which boxes come
 * out of what torch wrote, and where an error is said to be.
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

#define FIXTURES "tests/fixtures/dcp/"
#define FILE_MAX (64 * 1024)

static uint8_t bytes[FILE_MAX];

static size_t
read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	size_t length;

	assert_non_null(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	assert_true(length > 0 && length < sizeof(bytes));
	return length;
}

/* ------------------------------------------------------- what torch wrote */

static void
expect_piece(const struct harness_piece *p, const char *name, uint64_t row,
    uint64_t column, uint64_t rows, uint64_t columns, const char *file)
{
	assert_string_equal(p->name, name);
	assert_string_equal(p->file, file);
	assert_int_equal(p->kind, PIECE_TORCH);
	assert_int_equal(p->dtype, DTYPE_F32);
	assert_int_equal(p->rank, 2);
	assert_int_equal(p->shape[0], 7);
	assert_int_equal(p->shape[1], 5);
	assert_int_equal(p->start[0], row);
	assert_int_equal(p->start[1], column);
	assert_int_equal(p->size[0], rows);
	assert_int_equal(p->size[1], columns);
}

static void
test_ranks(void **state)
{
	size_t length = read_file(FIXTURES "good-ranks/.metadata");
	const struct harness_piece *p;
	struct harness h;
	size_t at = 0;

	(void)state;
	assert_true(harness_run(bytes, length, GO_PIECES, &h));
	assert_string_equal(h.format, "torch-dcp");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_null(harness_note(&h, NOTE_RECORD, "not opened"));
	assert_int_equal(h.tensor_count, 0);
	assert_int_equal(h.totals.tensors, 9);
	/* 4 + 3 + 4 + 3 + 4 + 2 + 1 + 1 + 1: a box of no column, a rank of no
	 * row are none. */
	assert_int_equal(h.piece_count, 23);
	while (at < h.piece_count && strcmp(h.pieces[at].name, "grid") != 0)
		at++;
	assert_true(at + 4 <= h.piece_count);
	p = &h.pieces[at];
	expect_piece(&p[0], "grid", 0, 0, 4, 3, "__0_0.distcp");
	expect_piece(&p[1], "grid", 0, 3, 4, 2, "__1_0.distcp");
	expect_piece(&p[2], "grid", 4, 0, 3, 3, "__2_0.distcp");
	expect_piece(&p[3], "grid", 4, 3, 3, 2, "__3_0.distcp");
	assert_int_equal(p[0].offset, 3154);
	assert_int_equal(p[0].length, 1577);
	assert_non_null(harness_note(&h, NOTE_OPAQUE, "data file: step"));
	harness_free(&h);
}

/* The value is in a file of its own: nobody judges its pickle. */
static void
test_unopened(void **state)
{
	size_t length = read_file(FIXTURES "good-files/.metadata");
	const struct harness_note *n;
	struct harness h;

	(void)state;
	assert_true(harness_run(bytes, length, GO_PIECES, &h));
	assert_int_equal(h.piece_count, 2);
	n = harness_note(&h, NOTE_RECORD, "not opened; scan it: __0_2.distcp");
	assert_non_null(n);
	assert_int_equal(n->level, VERDICT_UNUSUAL);
	harness_free(&h);
	/* A broker that takes scalars is told, and opens it. */
	assert_true(harness_run(bytes, length, GO_PIECES | GO_SCALARS, &h));
	assert_null(harness_note(&h, NOTE_RECORD, "not opened"));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
}

static void
test_without_siblings(void **state)
{
	size_t length = read_file(FIXTURES "good-plain/.metadata");
	struct harness h;

	(void)state;
	assert_false(harness_run(bytes, length, 0, &h));
	assert_string_equal(h.format, "torch-dcp");
	assert_int_equal(h.fault_code, FAULT_UNSUPPORTED);
	assert_non_null(strstr(h.fault_text, "open the directory"));
	harness_free(&h);
}

static void
test_prefixes(void **state)
{
	size_t length = read_file(FIXTURES "good-plain/.metadata");
	struct harness h;

	(void)state;
	for (size_t n = 0; n < length; n++) {
		if (harness_run(bytes, n, GO_PIECES, &h))
			fail_msg("%zu bytes load", n);
		assert_int_equal(h.piece_count, 0);
		harness_free(&h);
	}
}

/* Whatever a byte becomes, each box that is sent lies in its tensor (the
 * harness reads it as the broker does). */
static void
test_changed(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x2e, 0x7f, 0x80, 0xff };
	size_t length = read_file(FIXTURES "good-older/.metadata");
	unsigned loaded = 0;
	struct harness h;
	uint8_t was;

	(void)state;
	for (size_t i = 0; i < length; i++)
		for (size_t k = 0; k < sizeof(values); k++) {
			was = bytes[i];
			bytes[i] = values[k];
			loaded += harness_run(bytes, length, GO_PIECES, &h);
			for (size_t p = 0; p < h.piece_count; p++)
				assert_true(h.pieces[p].size[0] <=
				    h.pieces[p].shape[0]);
			harness_free(&h);
			bytes[i] = was;
		}
	assert_true(loaded > 100 && loaded < length * sizeof(values) / 2);
}

/* -------------------------------------------------------------- by hand */

#define TEXT(length, text) "X" length "\0\0\0" text
#define MODULE "ctorch.distributed.checkpoint.metadata\n"
#define OBJECT(class, state) MODULE class "\n)\x81" state "b"
#define SIZE(numbers) "ctorch\nSize\n(" numbers "t\x85R"
#define FOUR "K\4"
#define PROPERTIES(dtype) OBJECT("TensorProperties", "(ctorch\n" dtype "\n" \
	"ctorch.serialization\n_get_layout\n" TEXT("\x0d", "torch.strided") \
	"\x85R\x89N\x89t")
#define CHUNK(start, size) OBJECT("ChunkStorageMetadata", "}(" \
	TEXT("\7", "offsets") SIZE(start) TEXT("\5", "sizes") SIZE(size) "u")
#define TENSOR(dtype, size, chunks) OBJECT("TensorStorageMetadata", "}(" \
	TEXT("\x0a", "properties") PROPERTIES(dtype) TEXT("\4", "size") \
	SIZE(size) TEXT("\6", "chunks") "](" chunks "eu")
#define INDEX(start) OBJECT("MetadataIndex", "}(" TEXT("\3", "fqn") \
	TEXT("\1", "w") TEXT("\6", "offset") SIZE(start) "u")
#define STORED(file, offset, length) \
	"ctorch.distributed.checkpoint.filesystem\n_StorageInfo\n)\x81}(" \
	TEXT("\x0d", "relative_path") file TEXT("\6", "offset") offset \
	TEXT("\6", "length") length "ub"
#define FILE_F TEXT("\1", "f")
#define HEAD "\x80\2" MODULE "Metadata\n)\x81}(" \
	TEXT("\x13", "state_dict_metadata") "}("
#define WHOLE(tensors, stored) HEAD tensors "u" TEXT("\x0c", "storage_data") \
	"}(" stored "uub."
#define ONE(tensor, stored) WHOLE(TEXT("\1", "w") tensor, stored)
#define PLACE(start) INDEX(start) STORED(FILE_F, "K\0", "K\x64")
/* Up to where the first value of state_dict_metadata begins. */
#define FIRST (sizeof(HEAD TEXT("\1", "w")) - 1)
#define BYTES(text) text, sizeof(text) - 1

static void
test_by_hand(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES(ONE(TENSOR("float32", FOUR,
	    CHUNK("K\0", "K\1") CHUNK("K\1", "K\3")), PLACE("K\0")
	    PLACE("K\1"))), GO_PIECES, &h));
	assert_string_equal(h.format, "torch-dcp");
	assert_int_equal(h.piece_count, 2);
	assert_int_equal(h.pieces[1].start[0], 1);
	assert_int_equal(h.pieces[1].size[0], 3);
	assert_int_equal(h.pieces[1].length, 100);
	assert_string_equal(h.pieces[1].file, "f");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
}

#define GOOD_TENSOR TENSOR("float32", FOUR, CHUNK("K\0", FOUR))
#define OF_SIZE(n) ONE(TENSOR("float32", n, CHUNK("K\0", FOUR)), PLACE("K\0"))
#define OF_CHUNK(start, size) ONE(TENSOR("float32", FOUR, \
	CHUNK(start, size)), PLACE("K\0"))
#define OF_PLACE(offset, length) ONE(GOOD_TENSOR, INDEX("K\0") \
	STORED(FILE_F, offset, length))
#define OF_FILE(length, name) ONE(GOOD_TENSOR, INDEX("K\0") \
	STORED(TEXT(length, name), "K\0", "K\1"))
#define N_2E31 "\x8a\5\0\0\0\x80\0"
#define N_2E32 "\x8a\5\0\0\0\0\1"
#define N_2E63_1 "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
#define N_2E63 "\x8a\x09\0\0\0\0\0\0\0\x80\0"
#define N_2E64_1 "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0"
#define EACH(name, of) \
	{ name " of -1", BYTES(of("J\xff\xff\xff\xff")), FAULT_FORMAT }, \
	{ name " of 2^31", BYTES(of(N_2E31)), FAULT_FORMAT }, \
	{ name " of 2^32", BYTES(of(N_2E32)), FAULT_FORMAT }, \
	{ name " of 2^63 - 1", BYTES(of(N_2E63_1)), FAULT_FORMAT }, \
	{ name " of 2^63", BYTES(of(N_2E63)), FAULT_FORMAT }, \
	{ name " of 2^64 - 1", BYTES(of(N_2E64_1)), FAULT_FORMAT }, \
	{ name " of True", BYTES(of("\x88")), FAULT_FORMAT }, \
	{ name " of text", BYTES(of(TEXT("\1", "4"))), FAULT_FORMAT }
#define OF_START(n) OF_CHUNK(n, FOUR)
#define OF_BOX(n) OF_CHUNK("K\0", n)
#define OF_OFFSET(n) ONE(GOOD_TENSOR, INDEX("K\0") STORED(FILE_F, n, n))

static const struct fault_case {
	const char *name;
	const char *bytes;
	size_t length;
	uint32_t code;
} faults[] = {
	EACH("a size", OF_SIZE),
	EACH("a chunk's offset", OF_START),
	EACH("a chunk's size", OF_BOX),
	{ "a place of -1", BYTES(OF_PLACE("J\xff\xff\xff\xff", "K\1")),
	    FAULT_FORMAT },
	{ "an end of 2^63", BYTES(OF_PLACE(N_2E63_1, "K\1")), FAULT_FORMAT },
	{ "a place of 2^63", BYTES(OF_PLACE(N_2E63, "K\1")), FAULT_FORMAT },
	{ "a length of 2^64 - 1", BYTES(OF_PLACE("K\0", N_2E64_1)),
	    FAULT_FORMAT },
	{ "a length of True", BYTES(OF_PLACE("K\0", "\x88")), FAULT_FORMAT },
	{ "an empty name", BYTES(OF_FILE("\0", "")), FAULT_FORMAT },
	{ "the parent", BYTES(OF_FILE("\2", "..")), FAULT_FORMAT },
	{ "a path", BYTES(OF_FILE("\3", "a/b")), FAULT_FORMAT },
	{ "a backslash", BYTES(OF_FILE("\3", "a\\b")), FAULT_FORMAT },
	{ "a NUL", BYTES(OF_FILE("\3", "a\0b")), FAULT_FORMAT },
	{ "no chunk", BYTES(ONE(TENSOR("float32", FOUR, ""), PLACE("K\0"))),
	    FAULT_FORMAT },
	{ "a hole", BYTES(ONE(TENSOR("float32", FOUR, CHUNK("K\0", "K\3")),
	    PLACE("K\0"))), FAULT_FORMAT },
	{ "too much", BYTES(ONE(TENSOR("float32", FOUR, CHUNK("K\0", FOUR)
	    CHUNK("K\3", "K\1")), PLACE("K\0") PLACE("K\3"))), FAULT_FORMAT },
	{ "a chunk twice", BYTES(ONE(TENSOR("float32", FOUR,
	    CHUNK("K\0", "K\2") CHUNK("K\0", "K\2")), PLACE("K\0"))),
	    FAULT_FORMAT },
	{ "a place twice", BYTES(ONE(GOOD_TENSOR, PLACE("K\0") PLACE("K\0"))),
	    FAULT_FORMAT },
	{ "no place", BYTES(ONE(GOOD_TENSOR, PLACE("K\1"))), FAULT_FORMAT },
	{ "another rank", BYTES(OF_CHUNK("K\0K\0", FOUR)), FAULT_FORMAT },
	{ "a name twice", BYTES(WHOLE(TEXT("\1", "w") GOOD_TENSOR
	    TEXT("\1", "w") GOOD_TENSOR, PLACE("K\0"))), FAULT_FORMAT },
	{ "a name of bytes", BYTES(WHOLE("C\1w" GOOD_TENSOR, PLACE("K\0"))),
	    FAULT_FORMAT },
	{ "not an object", BYTES(ONE("K\1", PLACE("K\0"))), FAULT_FORMAT },
	{ "another object", BYTES(ONE(CHUNK("K\0", FOUR), PLACE("K\0"))),
	    FAULT_FORMAT },
	{ "no class at all", BYTES("\x80\2" MODULE "Metadata\n."),
	    FAULT_FORMAT },
	{ "no attribute", BYTES("\x80\2" MODULE "Metadata\n)\x81."),
	    FAULT_FORMAT },
	{ "another root", BYTES("\x80\2" MODULE "Metadata\n0K\1."),
	    FAULT_FORMAT },
};

static void
test_faults(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault_case *f = &faults[i];

		if (harness_run(f->bytes, f->length, GO_PIECES, &h))
			fail_msg("%s: it loads", f->name);
		if (h.fault_code != f->code || h.fault_where > f->length ||
		    h.piece_count > 1)
			fail_msg("%s: fault %u at %llu, %zu boxes (%s)",
			    f->name, h.fault_code,
			    (unsigned long long)h.fault_where, h.piece_count,
			    h.fault_text);
		assert_string_equal(h.format, "torch-dcp");
		harness_free(&h);
	}
}

/* The fault stands at the object that lies. */
static void
test_where(void **state)
{
	struct harness h;

	(void)state;
	assert_false(harness_run(BYTES(ONE(CHUNK("K\0", FOUR), PLACE("K\0"))),
	    GO_PIECES, &h));
	assert_int_equal(h.fault_where, FIRST +
	    sizeof(MODULE "ChunkStorageMetadata\n)") - 1);
	harness_free(&h);
}

static void
test_left_out(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES(ONE(TENSOR("quint8", FOUR,
	    CHUNK("K\0", FOUR)), PLACE("K\0"))), GO_PIECES, &h));
	assert_int_equal(h.piece_count, 0);
	assert_non_null(harness_note(&h, NOTE_SKIPPED, "left out: w: "));
	assert_null(harness_note(&h, NOTE_RECORD, "data that no tensor has"));
	harness_free(&h);
	assert_true(harness_run(BYTES(WHOLE("", PLACE("K\0"))), GO_PIECES,
	    &h));
	assert_non_null(harness_note(&h, NOTE_RECORD,
	    "data that no tensor has: w"));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	harness_free(&h);
}

/* Places of these letters, each in the file of its capital. */
static size_t
put_places(uint8_t *out, const char *letters)
{
	static const char head[] = HEAD "u" TEXT("\x0c", "storage_data") "}(";
	static const char index[] = PLACE("K\0");
	size_t used = sizeof(head) - 1;
	size_t length = sizeof(index) - 1;

	memcpy(out, head, used);
	for (const char *at = letters; *at != '\0'; at++) {
		uint8_t *place = out + used;

		memcpy(place, index, length);
		for (size_t i = 0; i + 6 <= length; i++) {
			if (memcmp(place + i, TEXT("\1", "w"), 6) == 0)
				place[i + 5] = (uint8_t)*at;
			if (memcmp(place + i, FILE_F, 6) == 0)
				place[i + 5] = (uint8_t)(*at - 'a' + 'A');
		}
		used += length;
	}
	memcpy(out + used, "uub.", 4);
	return used + 4;
}

/* What is said is said in the file's order: not in that of a table whose seed
 * is another one in each worker. */
static void
test_order(void **state)
{
	/* No f: put_places would take it for the file. */
	static const char letters[] = "qzmbxakguhdrwecn";
	const size_t count = sizeof(letters) - 1;
	struct harness h;
	size_t seen = 0;

	(void)state;
	assert_true(harness_run(bytes, put_places(bytes, letters), GO_PIECES,
	    &h));
	for (size_t i = 0; i < h.note_count; i++) {
		const char *text = h.notes[i].text;
		char letter = letters[seen % count];
		bool rest = seen < count;

		if (h.notes[i].kind != NOTE_RECORD)
			continue;
		assert_non_null(strstr(text, rest ? "no tensor has: " :
		    "not opened; scan it: "));
		if (text[strlen(text) - 1] != (rest ? letter :
		    (char)(letter - 'a' + 'A')))
			fail_msg("%zu: %s, not of %c", seen, text, letter);
		seen++;
	}
	assert_int_equal(seen, 2 * count);
	harness_free(&h);
}

/* Python 3.11.0 to 3.11.3 pickled members of enums as getattr(Class, NAME). */
static void
test_enum(void **state)
{
#define MEMBER(name) "cbuiltins\ngetattr\n" MODULE "_MEM_FORMAT_ENCODING\n" \
	TEXT("\x17", name) "\x86R"
#define MEMBERS(name) HEAD "u" TEXT("\x0c", "storage_data") "}" \
	TEXT("\x0c", "planner_data") MEMBER(name) "ub."
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES(MEMBERS("TORCH_CONTIGUOUS_FORMAT")),
	    GO_PIECES, &h));
	assert_int_not_equal(h.verdict, VERDICT_DANGEROUS);
	harness_free(&h);
	assert_true(harness_run(BYTES(MEMBERS("__class__.__base__.__su")),
	    GO_PIECES, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	harness_free(&h);
}

/* Only what leads out is an attack. */
static void
test_escape(void **state)
{
	struct harness h;

	(void)state;
	assert_false(harness_run(BYTES(OF_FILE("\4", "../f")), GO_PIECES, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	harness_free(&h);
	assert_false(harness_run(BYTES(OF_FILE("\2", "/f")), GO_PIECES, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	harness_free(&h);
	assert_false(harness_run(BYTES(OF_FILE("\3", "a/f")), GO_PIECES, &h));
	assert_int_equal(h.verdict, VERDICT_UNDECIDED);
	harness_free(&h);
}

static void
test_dangerous(void **state)
{
	struct harness h;

	(void)state;
	assert_true(harness_run(BYTES(HEAD "u" TEXT("\x0c", "storage_data")
	    "}" TEXT("\x0c", "planner_data") "cos\nsystem\n" TEXT("\4", "true")
	    "\x85Rub."), GO_PIECES, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, NOTE_CALL, "os.system"));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks),
		cmocka_unit_test(test_unopened),
		cmocka_unit_test(test_without_siblings),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_enum),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_dangerous),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
