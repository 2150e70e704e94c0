/* SPDX-License-Identifier: Apache-2.0
 *
 * test_check_piece.c - each rule for a box of a tensor in another file, with
 * the last value that passes and the first that does not; and what a session
 * makes of the boxes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define B(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct rules rules = {
	.limits = { .tensors = 4, .names_bytes = 20000,
	    .contiguous_bytes = 10000 },
	.pieces = true,
};

static const uint64_t shape[] = { 8, 3 };
static const uint64_t start[] = { 4, 0 };
static const uint64_t size[] = { 4, 3 };
static const struct wire_bytes path[] = { B("layer"), B("0") };
static const uint8_t kinds[] = { PATH_KEY, PATH_INDEX };

/* Rows 4 to 8 of an 8 x 3 tensor of four bytes. */
static struct wire_piece
lower_half(void)
{
	return (struct wire_piece){
		.name = B("layer.0"), .path = path, .path_count = 2,
		.path_kinds = { kinds, 2 }, .dtype = DTYPE_F32,
		.shape = shape, .rank = 2, .start = start, .start_count = 2,
		.size = size, .size_count = 2, .kind = PIECE_RAW,
		.file = B("w.bin"), .offset = 100, .length = 48
	};
}

static void
expect(const char *name, const struct wire_piece *m, enum pfork_code code)
{
	struct totals t = { .tensors = 1 };
	const struct totals before = t;
	struct geometry g;
	bool more = true;
	struct finding f = check_piece(&rules, &t, NULL, m, &g, &more);

	if (f.code != code)
		fail_msg("%s: %s (%s)", name, pfork_code_name(f.code),
		    f.text != NULL ? f.text : "");
	if (code != PFORK_OK && memcmp(&t, &before, sizeof(t)) != 0)
		fail_msg("%s: the totals changed", name);
	if (code != PFORK_OK)
		return;
	assert_false(more);
	assert_int_equal(t.tensors, 2);
	assert_int_equal(t.pieces, 1);
	assert_int_equal(t.more_boxes, 0);
}

static void
test_files(void **state)
{
	static uint8_t longest[FILE_NAME_MAX + 1];
	static const struct {
		const char *name;
		struct wire_bytes file;
		enum pfork_code code;
	} rows[] = {
		{ "plain", B("model.onnx.data"), PFORK_OK },
		{ "dots", B("..."), PFORK_OK },
		{ "hidden", B(".metadata"), PFORK_OK },
		{ "hidden, one letter", B(".a"), PFORK_OK },
		{ "dot behind a letter", B("a."), PFORK_OK },
		{ "control", B("\x1b[2J"), PFORK_OK },
		{ "utf-8", B("\xc3\xa9"), PFORK_OK },
		{ "empty", B(""), PFORK_E_PROTOCOL },
		{ "here", B("."), PFORK_E_PROTOCOL },
		{ "above", B(".."), PFORK_E_PROTOCOL },
		{ "absolute", B("/etc/passwd"), PFORK_E_PROTOCOL },
		{ "beneath", B("a/b"), PFORK_E_PROTOCOL },
		{ "out and in", B("../a"), PFORK_E_PROTOCOL },
		{ "with a slash at its end", B("a/"), PFORK_E_PROTOCOL },
		{ "NUL", B("a\0"), PFORK_E_PROTOCOL },
		{ "only NUL", B("\0"), PFORK_E_PROTOCOL },
		{ "not UTF-8", B("a\xff"), PFORK_E_PROTOCOL },
	};
	struct wire_piece m = lower_half();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.file = rows[i].file;
		expect(rows[i].name, &m, rows[i].code);
	}
	memset(longest, 'f', sizeof(longest));
	m.file = (struct wire_bytes){ longest, FILE_NAME_MAX };
	expect("longest", &m, PFORK_OK);
	m.file.len++;
	expect("longer", &m, PFORK_E_PROTOCOL);
}

static void
test_boxes(void **state)
{
	static const struct {
		const char *name;
		uint64_t start[2];
		uint64_t size[2];
		enum pfork_code code;
	} rows[] = {
		{ "all", { 0, 0 }, { 8, 3 }, PFORK_OK },
		{ "last element", { 7, 2 }, { 1, 1 }, PFORK_OK },
		{ "nothing, at the end", { 8, 3 }, { 0, 0 }, PFORK_OK },
		{ "one row past", { 5, 0 }, { 4, 3 }, PFORK_E_PROTOCOL },
		{ "one column past", { 0, 1 }, { 8, 3 }, PFORK_E_PROTOCOL },
		{ "starts past", { 9, 0 }, { 0, 3 }, PFORK_E_PROTOCOL },
		{ "larger", { 0, 0 }, { 9, 3 }, PFORK_E_PROTOCOL },
		{ "wraps", { 1, 0 }, { UINT64_MAX, 3 }, PFORK_E_PROTOCOL },
		{ "wraps to 0", { UINT64_MAX, 0 }, { 1, 3 },
		    PFORK_E_PROTOCOL },
		{ "2^63", { UINT64_C(1) << 63, 0 }, { 1, 3 },
		    PFORK_E_PROTOCOL },
	};
	struct wire_piece m = lower_half();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.start = rows[i].start;
		m.size = rows[i].size;
		m.length = m.size[0] * m.size[1] * 4;
		expect(rows[i].name, &m, rows[i].code);
	}
	m = lower_half();
	m.start_count = 1;
	expect("start of another rank", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.size_count = 3;
	expect("size of another rank", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.rank = m.start_count = m.size_count = 0;
	m.length = 4;
	expect("a single number", &m, PFORK_OK);
}

static void
test_places(void **state)
{
	static const struct {
		const char *name;
		uint32_t kind;
		uint64_t offset;
		uint64_t length;
		enum pfork_code code;
	} rows[] = {
		{ "raw", PIECE_RAW, 0, 48, PFORK_OK },
		{ "a byte short", PIECE_RAW, 0, 47, PFORK_E_PROTOCOL },
		{ "a byte long", PIECE_RAW, 0, 49, PFORK_E_PROTOCOL },
		{ "last offset", PIECE_RAW, INT64_MAX - 48, 48, PFORK_OK },
		{ "past it", PIECE_RAW, INT64_MAX - 47, 48,
		    PFORK_E_PROTOCOL },
		{ "wraps", PIECE_RAW, UINT64_MAX - 47, 48, PFORK_E_PROTOCOL },
		{ "archive of any length", PIECE_TORCH, 9, 900, PFORK_OK },
		{ "archive past all", PIECE_TORCH, INT64_MAX, 1,
		    PFORK_E_PROTOCOL },
		{ "longest archive", PIECE_TORCH, 0, INT64_MAX, PFORK_OK },
		{ "longer archive", PIECE_TORCH, 0,
		    (uint64_t)INT64_MAX + 1, PFORK_E_PROTOCOL },
		{ "archive of 2^64 - 1", PIECE_TORCH, 0, UINT64_MAX,
		    PFORK_E_PROTOCOL },
		{ "kind 0", 0, 0, 48, PFORK_E_PROTOCOL },
		{ "kind 3", 3, 0, 48, PFORK_E_PROTOCOL },
	};
	struct wire_piece m = lower_half();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.kind = rows[i].kind;
		m.offset = rows[i].offset;
		m.length = rows[i].length;
		expect(rows[i].name, &m, rows[i].code);
	}
}

static void
test_the_rest(void **state)
{
	static const uint64_t blocks[] = { 2, 32 };
	static const uint64_t huge[] = { UINT64_C(1) << 40,
		UINT64_C(1) << 40 };
	static const uint64_t none[] = { 0, 0 };
	static const uint64_t zeros[RANK_MAX + 1];
	struct rules unasked = rules;
	struct totals t = { 0 };
	struct geometry g;
	struct wire_piece m = lower_half();
	bool more;

	(void)state;
	unasked.pieces = false;
	assert_int_equal(check_piece(&unasked, &t, NULL, &m, &g, &more).code,
	    PFORK_E_PROTOCOL);
	m.name.len = 0;
	expect("no name", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.path_kinds.len = 1;
	expect("path", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.dtype = 0;
	expect("dtype 0", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.shape = m.start = m.size = zeros;
	m.rank = m.start_count = m.size_count = RANK_MAX;
	m.length = 0;
	expect("rank 64", &m, PFORK_OK);
	m.rank = m.start_count = m.size_count = RANK_MAX + 1;
	expect("rank 65", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.shape = huge;
	expect("a shape past 2^64", &m, PFORK_E_PROTOCOL);
	m = lower_half();
	m.dtype = DTYPE_F4;
	m.length = 6;
	expect("half of a tensor of half bytes", &m, PFORK_E_PROTOCOL);
	m.start = none;
	m.size = shape;
	m.length = 12;
	expect("all of one", &m, PFORK_OK);
	m.dtype = dtype_by_name("Q8_0", 4)->code;
	m.shape = m.size = blocks;
	m.length = 68;
	expect("all of one of blocks", &m, PFORK_OK);
}

/* A tensor, as a session has built it from its first box. */
static void
test_further_boxes(void **state)
{
	static const uint64_t other_shape[] = { 8, 4 };
	static const uint64_t taller_shape[] = { 9, 3 };
	static const uint8_t other_kinds[] = { PATH_ATTR, PATH_INDEX };
	static const struct wire_bytes other_path[] = { B("layer"), B("1") };
	static const struct wire_bytes longer_path[] = { B("layers"), B("0") };
	const struct pfork_tensor *open;
	pfork_checkpoint *c = checkpoint_new();
	struct wire_piece m = lower_half();
	struct totals t = { 0 };
	struct geometry g;
	bool more;

	(void)state;
	assert_non_null(c);
	assert_int_equal(check_piece(&rules, &t, NULL, &m, &g, &more).code, 0);
	assert_int_equal(build_piece(c, &m, &g, more), BUILD_OK);
	open = &c->tensors[0];
	assert_int_equal(g.elements, 24);
	assert_int_equal(g.nbytes, 96);
	assert_int_equal(g.span, 96);
	assert_true(g.contiguous);
	assert_null(open->home);
	assert_int_equal(tensor_strides(open)[0], 3);
	assert_int_equal(check_piece(&rules, &t, open, &m, &g, &more).code, 0);
	assert_true(more);
	assert_int_equal(build_piece(c, &m, &g, more), BUILD_OK);
	assert_int_equal(c->tensor_count, 1);
	assert_int_equal(c->piece_count, 2);
	assert_int_equal(c->pieces[1].tensor, 0);
	assert_string_equal(c->pieces[1].file, "w.bin");
	assert_memory_equal(c->pieces[1].start, start, sizeof(start));
	assert_memory_equal(c->pieces[1].size, size, sizeof(size));
	assert_int_equal(c->pieces[1].offset, 100);
	assert_int_equal(c->pieces[1].length, 48);
	assert_int_equal(c->pieces[1].kind, PIECE_RAW);
	assert_int_equal(t.pieces, 2);
	assert_int_equal(t.more_boxes, 1);
	assert_int_equal(t.contiguous, 96);
#define DIFFERS(change)                                                   \
	m = lower_half();                                                 \
	change;                                                           \
	assert_int_equal(check_piece(&rules, &t, open, &m, &g, &more).code, \
	    PFORK_E_PROTOCOL)
	DIFFERS(m.dtype = DTYPE_I32);
	DIFFERS(m.shape = other_shape);
	DIFFERS(m.shape = taller_shape);
	DIFFERS(m.path = other_path);
	DIFFERS(m.path = longer_path);
	DIFFERS(m.path_kinds.at = other_kinds);
	DIFFERS(m.path_count = m.path_kinds.len = 1);
	DIFFERS(m.rank = m.start_count = m.size_count = 1; m.length = 16);
	/* Another name makes another tensor; this one stays as it was. */
	m = lower_half();
	m.name = (struct wire_bytes)B("layer.1");
	assert_int_equal(check_piece(&rules, &t, open, &m, &g, &more).code, 0);
	assert_false(more);
	m = lower_half();
	m.name.len--;
	assert_int_equal(check_piece(&rules, &t, open, &m, &g, &more).code, 0);
	assert_false(more);
	assert_int_equal(build_piece(c, &m, &g, more), BUILD_OK);
	assert_int_equal(c->pieces[2].tensor, 1);
	/* The name of an earlier one that is no longer open. */
	m = lower_half();
	assert_int_equal(build_piece(c, &m, &g, false), BUILD_TAKEN);
	assert_int_equal(c->piece_count, 3);
	pfork_checkpoint_unref(c);
}

static void
test_totals(void **state)
{
	struct rules few = rules;
	struct totals t = { .tensors = 2, .aliases = 1, .more_boxes = 1 };
	struct wire_piece m = lower_half();
	struct geometry g;
	bool more;

	(void)state;
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code,
	    PFORK_E_LIMIT);
	few.limits.tensors = 5;
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code, 0);
	few.limits.tensors = 9;
	few.limits.contiguous_bytes = 191;
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code,
	    PFORK_E_LIMIT);
	few.limits.contiguous_bytes = 192;
	few.limits.names_bytes = t.kept;
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code,
	    PFORK_E_LIMIT);
	few.limits.names_bytes = 2 * t.kept;
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code, 0);
}

/* What a box makes us keep, its tensor apart: its numbers, its file's name, and
 * the structures; a further one is under both limits too. */
static void
test_further_totals(void **state)
{
	const uint64_t box = sizeof(struct piece_entry) + 16 + 5 + 16 +
	    2 * 2 * sizeof(uint64_t);
	const uint64_t tensor = 7 + 16 + 2 * 2 * sizeof(uint64_t) +
	    2 * (sizeof(struct tensor_part) + 16) + 5 + 1;
	pfork_checkpoint *c = checkpoint_new();
	struct rules few = rules;
	struct wire_piece m = lower_half();
	struct totals t = { 0 };
	struct geometry g;
	bool more;

	(void)state;
	assert_non_null(c);
	assert_int_equal(check_piece(&few, &t, NULL, &m, &g, &more).code, 0);
	assert_int_equal(build_piece(c, &m, &g, more), BUILD_OK);
	assert_int_equal(t.kept, box + tensor);
	few.limits.names_bytes = 2 * box + tensor - 1;
	assert_int_equal(check_piece(&few, &t, &c->tensors[0], &m, &g,
	    &more).code, PFORK_E_LIMIT);
	assert_int_equal(t.kept, box + tensor);
	few.limits.names_bytes++;
	few.limits.tensors = 1;
	assert_int_equal(check_piece(&few, &t, &c->tensors[0], &m, &g,
	    &more).code, PFORK_E_LIMIT);
	assert_int_equal(t.more_boxes, 0);
	few.limits.tensors = 2;
	assert_int_equal(check_piece(&few, &t, &c->tensors[0], &m, &g,
	    &more).code, 0);
	assert_int_equal(t.kept, 2 * box + tensor);
	assert_int_equal(t.more_boxes, 1);
	pfork_checkpoint_unref(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_boxes),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_further_boxes),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_further_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
