/* SPDX-License-Identifier: Apache-2.0
 *
 * test_wire.c - each message there and back; and the decoder against bytes that
 * are not the one encoding of a message: cut, extended, repeated, reordered,
 * overlong, of the wrong type, and bombs against its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"
#include "wire_inside.h"

static struct wire_arena arena;
static uint8_t *packed;

static int
set_up(void **state)
{
	(void)state;
	arena.size = (size_t)WIRE_ARENA_BYTES;
	arena.at = malloc(arena.size);
	packed = malloc(FRAME_MESSAGE_MAX);
	return arena.at == NULL || packed == NULL;
}

static int
tear_down(void **state)
{
	(void)state;
	free(arena.at);
	free(packed);
	return 0;
}

static struct wire_bytes
text(const char *s)
{
	return (struct wire_bytes){ (const uint8_t *)s, strlen(s) };
}

static void
assert_text(struct wire_bytes got, const char *expected)
{
	assert_int_equal(got.len, strlen(expected));
	assert_memory_equal(got.at, expected, got.len);
}

/* Every prefix, and every extension by one byte, must be refused. */
#define CHECK_EXACT(name, length)                                         \
	do {                                                              \
		struct wire_##name other;                                 \
		for (size_t cut = 0; cut < (length); cut++)               \
			assert_false(wire_##name##_unpack(&arena, packed, \
			    cut, &other));                                \
		for (unsigned byte = 0; byte < 256; byte++) {             \
			packed[length] = (uint8_t)byte;                   \
			assert_false(wire_##name##_unpack(&arena, packed, \
			    (length) + 1, &other));                       \
		}                                                         \
	} while (0)

static void
test_hello(void **state)
{
	static const uint32_t layers[] = { 0, 1, 15 };
	static const uint32_t missing[] = { 7 };
	static const uint32_t reasons[] = { 38 };
	struct wire_hello m = {
		.version = 1, .layers = layers, .layer_count = 3,
		.missing = missing, .missing_count = 1,
		.reasons = reasons, .reason_count = 1
	};
	struct wire_hello got;
	size_t length = wire_hello_pack(&m, packed);

	(void)state;
	assert_true(wire_hello_unpack(&arena, packed, length, &got));
	assert_int_equal(got.version, 1);
	assert_int_equal(got.layer_count, 3);
	assert_memory_equal(got.layers, layers, sizeof(layers));
	assert_int_equal(got.missing_count, 1);
	assert_int_equal(got.missing[0], 7);
	assert_int_equal(got.reason_count, 1);
	assert_int_equal(got.reasons[0], 38);
}

static void
test_go(void **state)
{
	struct wire_go m = { .flags = 5, .shares = 16, .share = 15 };
	struct wire_go got;
	size_t length;

	(void)state;
	m.limits.streamed_bytes = 1;
	m.limits.contiguous_bytes = UINT64_MAX;
	m.limits.tensors = 3;
	m.limits.nodes = 4;
	m.limits.nesting = 5;
	m.limits.notes = 6;
	m.limits.names_bytes = 7;
	m.limits.cpu_seconds = 99;	/* does not travel */
	length = wire_go_pack(&m, packed);
	assert_true(wire_go_unpack(&arena, packed, length, &got));
	m.limits.cpu_seconds = 0;
	assert_memory_equal(&got.limits, &m.limits, sizeof(m.limits));
	assert_int_equal(got.flags, 5);
	assert_int_equal(got.shares, 16);
	assert_int_equal(got.share, 15);
	CHECK_EXACT(go, length);
}

static void
test_storage_and_format(void **state)
{
	struct wire_storage m = {
		.id = 9, .kind = 1, .length = UINT64_C(1) << 40, .offset = 0
	};
	struct wire_storage got;
	struct wire_format format = { text("torch-zip") };
	size_t length;

	(void)state;
	length = wire_storage_pack(&m, packed);
	assert_true(wire_storage_unpack(&arena, packed, length, &got));
	assert_int_equal(got.id, 9);
	assert_int_equal(got.length, m.length);
	assert_int_equal(got.offset, 0);
	m.offset = WIRE_NO_OFFSET;
	length = wire_storage_pack(&m, packed);
	assert_true(wire_storage_unpack(&arena, packed, length, &got));
	assert_true(got.offset == WIRE_NO_OFFSET);
	length = wire_format_pack(&format, packed);
	assert_true(wire_format_unpack(&arena, packed, length, &format));
	assert_text(format.name, "torch-zip");
	CHECK_EXACT(format, length);
}

static struct wire_tensor
small_tensor(void)
{
	static struct wire_bytes path[2];
	static const uint8_t kinds[] = { PATH_KEY, PATH_INDEX };
	static const uint64_t shape[] = { 2, UINT64_C(1) << 48 };
	static const uint64_t strides[] = { 0, UINT64_MAX };

	path[0] = text("encoder");
	path[1] = text("");
	return (struct wire_tensor){
		.name = text("encoder."), .path = path, .path_count = 2,
		.path_kinds = { kinds, 2 }, .dtype = 10, .shape = shape,
		.rank = 2, .strides = strides, .stride_count = 2,
		.storage = 300, .offset = 128
	};
}

static void
test_tensor(void **state)
{
	struct wire_tensor m = small_tensor();
	struct wire_tensor got;
	size_t length = wire_tensor_pack(&m, packed);

	(void)state;
	assert_true(wire_tensor_unpack(&arena, packed, length, &got));
	assert_text(got.name, "encoder.");
	assert_int_equal(got.path_count, 2);
	assert_text(got.path[0], "encoder");
	assert_int_equal(got.path[1].len, 0);
	assert_int_equal(got.path_kinds.len, 2);
	assert_int_equal(got.path_kinds.at[1], PATH_INDEX);
	assert_int_equal(got.dtype, 10);
	assert_int_equal(got.rank, 2);
	assert_memory_equal(got.shape, m.shape, 16);
	assert_int_equal(got.stride_count, 2);
	assert_memory_equal(got.strides, m.strides, 16);
	assert_int_equal(got.storage, 300);
	assert_int_equal(got.offset, 128);
	CHECK_EXACT(tensor, length);
}

static void
test_piece(void **state)
{
	static const uint8_t kinds[] = { PATH_KEY };
	static const uint64_t shape[] = { 8, 3 };
	static const uint64_t start[] = { 4, 0 };
	static const uint64_t size[] = { 4, 3 };
	struct wire_bytes path[] = { text("w") };
	struct wire_piece m = {
		.name = text("w"), .path = path, .path_count = 1,
		.path_kinds = { kinds, 1 }, .dtype = 10, .shape = shape,
		.rank = 2, .start = start, .start_count = 2, .size = size,
		.size_count = 2, .kind = PIECE_TORCH,
		.file = text("__0_0.distcp"), .offset = 1 << 20, .length = 900
	};
	struct wire_piece got;
	size_t length = wire_piece_pack(&m, packed);
	uint8_t *at;

	(void)state;
	assert_true(wire_piece_unpack(&arena, packed, length, &got));
	assert_text(got.name, "w");
	assert_int_equal(got.path_count, 1);
	assert_text(got.path[0], "w");
	assert_int_equal(got.path_kinds.at[0], PATH_KEY);
	assert_int_equal(got.dtype, 10);
	assert_int_equal(got.rank, 2);
	assert_memory_equal(got.shape, shape, sizeof(shape));
	assert_int_equal(got.start_count, 2);
	assert_memory_equal(got.start, start, sizeof(start));
	assert_int_equal(got.size_count, 2);
	assert_memory_equal(got.size, size, sizeof(size));
	assert_int_equal(got.kind, PIECE_TORCH);
	assert_text(got.file, "__0_0.distcp");
	assert_int_equal(got.offset, 1 << 20);
	assert_int_equal(got.length, 900);
	CHECK_EXACT(piece, length);
	/* A packed list comes once: not { 8 }, { 3 } for { 8, 3 }. */
	at = memchr(packed, 5 << 3 | 2, length);
	assert_non_null(at);
	assert_memory_equal(at, "\x2a\2\x8\3", 4);
	memmove(at + 6, at + 4, length - (size_t)(at + 4 - packed));
	memcpy(at, "\x2a\1\x8\x2a\1\3", 6);
	assert_false(wire_piece_unpack(&arena, packed, length + 2, &got));
	memcpy(at, "\x2a\4\x8\3\x8\3", 6);
	assert_true(wire_piece_unpack(&arena, packed, length + 2, &got));
	m.path_count = PATH_PARTS_MAX + 1;
	assert_int_equal(wire_piece_pack(&m, packed), 0);
}

static void
test_alias_and_note(void **state)
{
	struct wire_alias alias = { text("b"), 7 };
	struct wire_note note = { NOTE_CALL, 3, text("os.system"), 12 };
	size_t length = wire_alias_pack(&alias, packed);

	(void)state;
	assert_true(wire_alias_unpack(&arena, packed, length, &alias));
	assert_text(alias.name, "b");
	assert_int_equal(alias.target, 7);
	CHECK_EXACT(alias, length);
	alias.target = UINT32_MAX;
	length = wire_alias_pack(&alias, packed);
	assert_true(wire_alias_unpack(&arena, packed, length, &alias));
	assert_int_equal(alias.target, UINT32_MAX);
	packed[length - 1]++;	/* its fifth byte: 2^32 more */
	assert_false(wire_alias_unpack(&arena, packed, length, &alias));
	length = wire_note_pack(&note, packed);
	assert_true(wire_note_unpack(&arena, packed, length, &note));
	assert_int_equal(note.kind, NOTE_CALL);
	assert_int_equal(note.level, 3);
	assert_text(note.text, "os.system");
	assert_int_equal(note.where, 12);
}

static void
test_scalars(void **state)
{
	static const double minus_zero = -0.0;
	struct wire_scalar m = { .name = text("n") };
	struct wire_scalar got;
	size_t length;

	(void)state;
	for (m.kind = SCALAR_NULL; m.kind <= SCALAR_BYTES; m.kind++) {
		m.i = INT64_MIN;
		m.f = minus_zero;
		m.data = text("abc");
		m.full_length = 5000;
		length = wire_scalar_pack(&m, packed);
		assert_true(wire_scalar_unpack(&arena, packed, length, &got));
		assert_int_equal(got.kind, m.kind);
		assert_true(got.i == (m.kind == SCALAR_BOOL ||
		    m.kind == SCALAR_INT ? INT64_MIN : 0));
		assert_int_equal(memcmp(&got.f, &minus_zero, 8) == 0,
		    m.kind == SCALAR_FLOAT);
		assert_int_equal(got.data.len,
		    m.kind == SCALAR_BIGINT || m.kind >= SCALAR_TEXT ? 3 : 0);
		assert_int_equal(got.full_length,
		    got.data.len == 0 ? 0 : 5000);
		CHECK_EXACT(scalar, length);
	}
	m.kind = SCALAR_INT;
	length = wire_scalar_pack(&m, packed);
	packed[4] = SCALAR_FLOAT;	/* its `i` does not belong there */
	assert_false(wire_scalar_unpack(&arena, packed, length, &got));
}

static void
test_progress_and_ends(void **state)
{
	struct wire_progress p = { 1, UINT64_MAX };
	struct wire_done d = { 1, 2, 3, 4, 5, 3, 6 };
	struct wire_done d2;
	struct wire_fault f = { 1, text("bad"), WIRE_NO_OFFSET, 0 };
	size_t length = wire_progress_pack(&p, packed);

	(void)state;
	assert_true(wire_progress_unpack(&arena, packed, length, &p));
	assert_true(p.done == 1 && p.total == UINT64_MAX);
	CHECK_EXACT(progress, length);
	length = wire_done_pack(&d, packed);
	assert_true(wire_done_unpack(&arena, packed, length, &d2));
	assert_true(d2.tensors == 1 && d2.aliases == 2 && d2.storages == 3 &&
	    d2.notes == 4 && d2.notes_dropped == 5 && d2.verdict == 3);
	assert_int_equal(d2.pieces, 6);
	/* None is said by saying nothing. */
	packed[length - 1] = 0;
	assert_false(wire_done_unpack(&arena, packed, length, &d2));
	d.pieces = 0;
	assert_int_equal(wire_done_pack(&d, packed), length - 2);
	assert_true(wire_done_unpack(&arena, packed, length - 2, &d2));
	assert_int_equal(d2.pieces, 0);
	CHECK_EXACT(done, length - 2);
	length = wire_fault_pack(&f, packed);
	assert_true(wire_fault_unpack(&arena, packed, length, &f));
	assert_text(f.text, "bad");
	assert_true(f.where == WIRE_NO_OFFSET);
	CHECK_EXACT(fault, length);
}

/* Not the one encoding of a storage, a note or a tensor. */
#define BYTES(...) .bytes = (const uint8_t[]){ __VA_ARGS__ }, \
	.length = sizeof((const uint8_t[]){ __VA_ARGS__ })
static const struct raw_case {
	const char *name;
	const uint8_t *bytes;
	size_t length;
	bool good;
} storages[] = {
	{ "good", BYTES(8, 1, 16, 2, 24, 3), true },
	{ "good with offset", BYTES(8, 1, 16, 1, 24, 3, 32, 0), true },
	{ "id missing", BYTES(16, 2, 24, 3), false },
	{ "id twice", BYTES(8, 9, 8, 1, 16, 2, 24, 3), false },
	{ "same id twice", BYTES(8, 1, 8, 1, 16, 2, 24, 3), false },
	{ "out of order", BYTES(16, 2, 8, 1, 24, 3), false },
	{ "number in too many bytes", BYTES(8, 0x81, 0, 16, 2, 24, 3), false },
	{ "tag in too many bytes", BYTES(0x88, 0, 1, 16, 2, 24, 3), false },
	{ "id over 32 bits",
	    BYTES(8, 0x81, 0x80, 0x80, 0x80, 0x10, 16, 2, 24, 3), false },
	{ "length over 64 bits", BYTES(8, 1, 16, 2, 24, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), false },
	{ "unknown field", BYTES(8, 1, 16, 2, 24, 3, 40, 0), false },
	{ "unknown bytes", BYTES(8, 1, 16, 2, 24, 3, 42, 1, 0), false },
	{ "id as bytes", BYTES(10, 1, 1, 16, 2, 24, 3), false },
	{ "id as fixed32", BYTES(13, 1, 0, 0, 0, 16, 2, 24, 3), false },
	{ "group", BYTES(11, 12, 8, 1, 16, 2, 24, 3), false },
	{ "field 0", BYTES(0, 1, 8, 1, 16, 2, 24, 3), false },
	{ "offset that says absent", BYTES(8, 1, 16, 1, 24, 3, 32, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), false },
};

/* A rank 0 tensor, and what may not stand where its shape would. */
#define BEFORE 10, 1, 'x', 26, 0, 32, 10
#define AFTER 56, 0, 64, 0
static const struct raw_case tensors[] = {
	{ "good", BYTES(BEFORE, AFTER), true },
	{ "good shape", BYTES(BEFORE, 42, 3, 1, 0x80, 1, AFTER), true },
	{ "empty shape", BYTES(BEFORE, 42, 0, AFTER), false },
	{ "shape in two runs", BYTES(BEFORE, 42, 1, 1, 42, 1, 1, AFTER),
	    false },
	{ "dimension in too many bytes", BYTES(BEFORE, 42, 2, 0x81, 0, AFTER),
	    false },
	{ "dimension past its run", BYTES(BEFORE, 42, 1, 0x81, 50, 1, 1, AFTER),
	    false },
	{ "shape's length in too many bytes",
	    BYTES(BEFORE, 42, 0x81, 0, 1, AFTER), false },
	{ "path in two places", BYTES(10, 1, 'x', 18, 0, 26, 0, 18, 0, 32, 10,
	    AFTER), false },
};

/* A name, a kind, and fields that belong to it, or do not. */
static const struct raw_case scalars[] = {
	{ "null", BYTES(10, 0, 16, SCALAR_NULL), true },
	{ "int", BYTES(10, 0, 16, SCALAR_INT, 24, 2), true },
	{ "int without its value", BYTES(10, 0, 16, SCALAR_INT), false },
	{ "int with a float", BYTES(10, 0, 16, SCALAR_INT, 24, 2, 33, 0, 0, 0,
	    0, 0, 0, 0, 0), false },
	{ "int with bytes", BYTES(10, 0, 16, SCALAR_INT, 24, 2, 42, 0), false },
	{ "int with a length", BYTES(10, 0, 16, SCALAR_INT, 24, 2, 48, 0),
	    false },
	{ "float", BYTES(10, 0, 16, SCALAR_FLOAT, 33, 0, 0, 0, 0, 0, 0, 0, 0),
	    true },
	{ "float without its value", BYTES(10, 0, 16, SCALAR_FLOAT), false },
	{ "text", BYTES(10, 0, 16, SCALAR_TEXT, 42, 0, 48, 0), true },
	{ "text without bytes", BYTES(10, 0, 16, SCALAR_TEXT, 48, 0), false },
	{ "text without a length", BYTES(10, 0, 16, SCALAR_TEXT, 42, 0),
	    false },
	{ "text with a number", BYTES(10, 0, 16, SCALAR_TEXT, 24, 2, 42, 0, 48,
	    0), false },
	{ "unknown kind with bytes", BYTES(10, 0, 16, 99, 42, 0, 48, 0),
	    false },
};

#define ABSENT 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1
static const struct raw_case notes[] = {
	{ "no offset", BYTES(8, 1, 16, 1, 26, 0), true },
	{ "offset", BYTES(8, 1, 16, 1, 26, 0, 32, 0), true },
	{ "offset that says absent", BYTES(8, 1, 16, 1, 26, 0, 32, ABSENT),
	    false },
};
static const struct raw_case faults[] = {
	{ "no offset", BYTES(8, 1, 18, 0, 32, 0), true },
	{ "offset", BYTES(8, 1, 18, 0, 24, 0, 32, 0), true },
	{ "offset that says absent", BYTES(8, 1, 18, 0, 24, ABSENT, 32, 0),
	    false },
};

#define CHECK_ROWS(type, rows)                                            \
	for (size_t i = 0; i < sizeof(rows) / sizeof(*(rows)); i++) {     \
		struct wire_##type got;                                   \
		if (wire_##type##_unpack(&arena, (rows)[i].bytes,         \
		    (rows)[i].length, &got) != (rows)[i].good)            \
			fail_msg("%s", (rows)[i].name);                   \
	}

static void
test_optional_fields(void **state)
{
	(void)state;
	CHECK_ROWS(scalar, scalars)
	CHECK_ROWS(note, notes)
	CHECK_ROWS(fault, faults)
}

static void
test_one_encoding(void **state)
{
	struct wire_storage m;
	struct wire_tensor t;

	(void)state;
	for (size_t i = 0; i < sizeof(tensors) / sizeof(*tensors); i++)
		if (wire_tensor_unpack(&arena, tensors[i].bytes,
		    tensors[i].length, &t) != tensors[i].good)
			fail_msg("%s", tensors[i].name);
	for (size_t i = 0; i < sizeof(storages) / sizeof(*storages); i++)
		if (wire_storage_unpack(&arena, storages[i].bytes,
		    storages[i].length, &m) != storages[i].good)
			fail_msg("%s", storages[i].name);
}

/* A good tensor, then one more piece: everything that decodes, but is not what
 * we pack. */
static const struct raw_case pieces[] = {
	{ "shape unpacked", BYTES(40, 2), false },
	{ "shape again", BYTES(42, 1, 2), false },
	{ "empty shape", BYTES(42, 0), false },
	{ "path after its place", BYTES(18, 1, 'x'), false },
	{ "offset again", BYTES(64, 0x80, 1), false },
	{ "length past the end", BYTES(10, 5, 'x'), false },
	{ "length of 2^31", BYTES(10, 0x80, 0x80, 0x80, 0x80, 8, 'x'), false },
	{ "length of 2^64 - 1", BYTES(10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 1, 'x'), false },
};

static void
test_merged(void **state)
{
	struct wire_tensor m = small_tensor();
	size_t length = wire_tensor_pack(&m, packed);

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		memcpy(packed + length, pieces[i].bytes, pieces[i].length);
		if (wire_tensor_unpack(&arena, packed,
		    length + pieces[i].length, &m))
			fail_msg("%s", pieces[i].name);
	}
}

/* The whole frame one kind of field: it fits the arena, or fails cleanly. */
static void
test_bombs(void **state)
{
	static const uint8_t tags[] = {
		18 /* path */, 26 /* kinds */, 42 /* shape */, 122 /* none */
	};
	struct wire_tensor m = small_tensor();
	struct wire_arena small = { .at = arena.at, .size = 1000 };
	size_t length = wire_tensor_pack(&m, packed);

	(void)state;
	assert_true(wire_tensor_unpack(&arena, packed, length, &m));
	for (small.size = 0; small.size < 1500; small.size++)
		(void)wire_tensor_unpack(&small, packed, length, &m);
	assert_true(wire_tensor_unpack(&small, packed, length, &m));
	for (size_t i = 0; i < sizeof(tags); i++) {
		for (size_t at = 0; at < FRAME_MESSAGE_MAX; at += 2) {
			packed[at] = tags[i];
			packed[at + 1] = 0;
		}
		assert_false(wire_tensor_unpack(&arena, packed,
		    FRAME_MESSAGE_MAX, &m));
		assert_true(arena.used <= arena.size);
	}
	memset(packed, 0xff, FRAME_MESSAGE_MAX);
	assert_false(wire_tensor_unpack(&arena, packed, FRAME_MESSAGE_MAX,
	    &m));
	assert_false(wire_tensor_unpack(&arena, packed, FRAME_MESSAGE_MAX + 1,
	    &m));
}

/* 32,000 empty parts are a valid message: it must fit the arena. */
static void
test_many_parts(void **state)
{
	struct wire_tensor m = small_tensor();
	size_t head;
	size_t length;
	static uint8_t tail[200];
	size_t tail_len;

	(void)state;
	m.path_count = 0;
	length = wire_tensor_pack(&m, packed);
	head = 2 + m.name.len;
	tail_len = length - head;
	memcpy(tail, packed + head, tail_len);
	for (length = head; length + 2 + tail_len <= FRAME_MESSAGE_MAX;
	    length += 2) {
		packed[length] = 18;
		packed[length + 1] = 0;
	}
	memcpy(packed + length, tail, tail_len);
	assert_true(wire_tensor_unpack(&arena, packed, length + tail_len, &m));
	assert_int_equal(m.path_count, (length - head) / 2);
}

static void
test_too_large_to_pack(void **state)
{
	static uint8_t much[FRAME_MESSAGE_MAX];
	struct wire_note n = { 1, 1, { much, FRAME_MESSAGE_MAX - 8 }, 0 };
	struct wire_tensor t = small_tensor();

	(void)state;
	n.where = WIRE_NO_OFFSET;	/* 2 + 2 + 4 bytes beside the text */
	assert_int_equal(wire_note_pack(&n, packed), FRAME_MESSAGE_MAX);
	assert_true(wire_note_unpack(&arena, packed, FRAME_MESSAGE_MAX, &n));
	assert_int_equal(n.text.len, FRAME_MESSAGE_MAX - 8);
	n.text.len++;
	assert_int_equal(wire_note_pack(&n, packed), 0);
	t.path_count = PATH_PARTS_MAX + 1;
	assert_int_equal(wire_tensor_pack(&t, packed), 0);
}

/* Room ends before the next aligned byte, at it, and behind it. */
static void
test_full_arena(void **state)
{
	_Alignas(16) uint8_t bytes[32];
	static const struct {
		size_t size, used, want, given;
	} rows[] = {
		{ 20, 17, 0, 0 }, { 20, 17, 1, 0 }, { 32, 17, 0, 1 },
		{ 32, 16, 16, 1 }, { 32, 16, 17, 0 }, { 32, 32, 0, 1 },
		{ 32, 0, SIZE_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_arena a = { bytes, rows[i].size, rows[i].used };
		void *at = wire_bump(&a, rows[i].want);

		assert_int_equal(at != NULL, rows[i].given);
		assert_int_equal(a.used, rows[i].given ?
		    (rows[i].used + 15) / 16 * 16 + rows[i].want :
		    rows[i].used);
	}
}

/* Every size of the arena, for what is read by descriptors: each list begins at
 * an address for any type, and all lie inside the arena, or none is given. */
static void
test_small_arenas(void **state)
{
	static const uint32_t layers[] = { 1, 2, 3 };
	static const uint64_t box[] = { 1 };
	const struct wire_bytes path[] = { text("a"), text("b") };
	const struct wire_hello hello = { .version = 1, .layers = layers,
		.layer_count = 3, .missing = layers, .missing_count = 1,
		.reasons = layers, .reason_count = 1 };
	const struct wire_piece piece = { .name = text("a"), .path = path,
		.path_count = 2, .path_kinds = text("xx"), .dtype = 1,
		.shape = box, .rank = 1, .start = box, .start_count = 1,
		.size = box, .size_count = 1, .kind = PIECE_RAW,
		.file = text("f"), .length = 1 };
	_Alignas(16) uint8_t bytes[160];
	uint8_t *other = packed + FRAME_MESSAGE_MAX / 2;
	size_t hello_length = wire_hello_pack(&hello, packed);
	size_t length = wire_piece_pack(&piece, other);
	struct wire_hello h;
	struct wire_piece p;

	(void)state;
	for (size_t size = 0; size < 128; size++) {
		struct wire_arena a = { bytes, size, 0 };

		memset(bytes, 0x5a, sizeof(bytes));
		assert_int_equal(wire_hello_unpack(&a, packed, hello_length,
		    &h), size >= 16 + 16 + 4);
		assert_true(a.used <= size);
		assert_int_equal(wire_piece_unpack(&a, other, length, &p),
		    size >= 32 + 16 + 16 + 16 + 32);
		assert_true(a.used <= size);
		for (size_t i = size; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0x5a);
	}
	assert_ptr_equal(h.missing, bytes + 16);
	assert_ptr_equal(h.reasons, bytes + 32);
	assert_ptr_equal(p.shape, bytes + 32);
	assert_ptr_equal(p.start, bytes + 48);
	assert_ptr_equal(p.size, bytes + 64);
	assert_ptr_equal(p.path, bytes + 80);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_storage_and_format),
		cmocka_unit_test(test_tensor),
		cmocka_unit_test(test_piece),
		cmocka_unit_test(test_alias_and_note),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_progress_and_ends),
		cmocka_unit_test(test_one_encoding),
		cmocka_unit_test(test_optional_fields),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_many_parts),
		cmocka_unit_test(test_too_large_to_pack),
		cmocka_unit_test(test_full_arena),
		cmocka_unit_test(test_small_arenas),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
