/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pack.c - the messages that we pack ourselves, over random values and at
 * the edge of a frame: the bytes are those of protobuf-c's packing.  The seed is
 * fixed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "picklefork.pb-c.h"
#include "wire.h"
#include "xorshift.h"

#define ROUNDS 20000
/* Numbers in a list, more than any sender has. */
#define LIST_MAX (RANK_MAX + 2)

static uint8_t ours[FRAME_MESSAGE_MAX];
static uint8_t theirs[2 * FRAME_MESSAGE_MAX];
static uint8_t letters[2 * FRAME_MESSAGE_MAX];
static uint64_t state_of_random = 88172645463325252;

static uint64_t
random_bits(void)
{
	return xorshift(&state_of_random);
}

/* Of every length in bytes. */
static uint64_t
number(void)
{
	return random_bits() >> random_bits() % 64;
}

static uint32_t
number_32(void)
{
	return (uint32_t)(random_bits() >> (32 + random_bits() % 32));
}

static struct wire_bytes
bytes(void)
{
	return (struct wire_bytes){ letters, random_bits() % 300 };
}

static ProtobufCBinaryData
lend(struct wire_bytes from)
{
	return (ProtobufCBinaryData){ from.len, (uint8_t *)(uintptr_t)from.at };
}

static void
assert_same(const ProtobufCMessage *message, size_t length)
{
	size_t size = protobuf_c_message_get_packed_size(message);

	assert_true(size <= sizeof(theirs));
	if (size > FRAME_MESSAGE_MAX) {
		assert_int_equal(length, 0);
		return;
	}
	assert_int_equal(length, size);
	assert_int_equal(protobuf_c_message_pack(message, theirs), size);
	assert_memory_equal(ours, theirs, size);
}

static void
check_storage(const struct wire_storage *s)
{
	Pf__Storage m = PF__STORAGE__INIT;

	m.id = s->id;
	m.kind = s->kind;
	m.length = s->length;
	m.has_offset = s->offset != WIRE_NO_OFFSET;
	m.offset = s->offset;
	assert_same(&m.base, wire_storage_pack(s, ours));
}

static void
check_alias(const struct wire_alias *a)
{
	Pf__Alias m = PF__ALIAS__INIT;

	m.name = lend(a->name);
	m.target = a->target;
	assert_same(&m.base, wire_alias_pack(a, ours));
}

static void
check_note(const struct wire_note *n)
{
	Pf__Note m = PF__NOTE__INIT;

	m.kind = n->kind;
	m.level = n->level;
	m.text = lend(n->text);
	m.has_where = n->where != WIRE_NO_OFFSET;
	m.where = n->where;
	assert_same(&m.base, wire_note_pack(n, ours));
}

static void
check_tensor(const struct wire_tensor *t)
{
	ProtobufCBinaryData path[PATH_PARTS_MAX];
	Pf__Tensor m = PF__TENSOR__INIT;

	for (size_t i = 0; i < t->path_count; i++)
		path[i] = lend(t->path[i]);
	m.name = lend(t->name);
	m.n_path = t->path_count;
	m.path = path;
	m.path_kinds = lend(t->path_kinds);
	m.dtype = t->dtype;
	m.n_shape = t->rank;
	m.shape = (uint64_t *)(uintptr_t)t->shape;
	m.n_strides = t->stride_count;
	m.strides = (uint64_t *)(uintptr_t)t->strides;
	m.storage = t->storage;
	m.offset = t->offset;
	assert_same(&m.base, wire_tensor_pack(t, ours));
}

static void
check_hello(const struct wire_hello *h)
{
	Pf__Hello m = PF__HELLO__INIT;

	m.version = h->version;
	m.n_layers = h->layer_count;
	m.layers = (uint32_t *)(uintptr_t)h->layers;
	m.n_missing = h->missing_count;
	m.missing = (uint32_t *)(uintptr_t)h->missing;
	m.n_reasons = h->reason_count;
	m.reasons = (uint32_t *)(uintptr_t)h->reasons;
	assert_same(&m.base, wire_hello_pack(h, ours));
}

/* All of it, here and back. */
static void
check_go(const struct wire_go *g)
{
	static uint8_t memory[1];
	struct wire_arena arena = { memory, sizeof(memory), 0 };
	struct wire_go back;
	Pf__Go m = PF__GO__INIT;
	size_t length;

	m.streamed_bytes = g->limits.streamed_bytes;
	m.contiguous_bytes = g->limits.contiguous_bytes;
	m.tensors = g->limits.tensors;
	m.nodes = g->limits.nodes;
	m.nesting = g->limits.nesting;
	m.notes = g->limits.notes;
	m.names_bytes = g->limits.names_bytes;
	m.flags = g->flags;
	m.shares = g->shares;
	m.share = g->share;
	length = wire_go_pack(g, ours);
	assert_same(&m.base, length);
	assert_true(wire_go_unpack(&arena, ours, length, &back));
	assert_memory_equal(&back.limits, &g->limits, sizeof(back.limits));
	assert_int_equal(back.flags, g->flags);
	assert_int_equal(back.shares, g->shares);
	assert_int_equal(back.share, g->share);
}

static void
check_format(const struct wire_format *f)
{
	Pf__Format m = PF__FORMAT__INIT;

	m.name = lend(f->name);
	assert_same(&m.base, wire_format_pack(f, ours));
}

static void
check_scalar(const struct wire_scalar *s)
{
	Pf__Scalar m = PF__SCALAR__INIT;
	bool data = s->kind == SCALAR_BIGINT || s->kind == SCALAR_TEXT ||
	    s->kind == SCALAR_BYTES;

	m.name = lend(s->name);
	m.kind = s->kind;
	m.has_i = s->kind == SCALAR_BOOL || s->kind == SCALAR_INT;
	m.i = s->i;
	m.has_f = s->kind == SCALAR_FLOAT;
	m.f = s->f;
	m.has_data = data;
	m.data = lend(s->data);
	m.has_full_length = data;
	m.full_length = s->full_length;
	assert_same(&m.base, wire_scalar_pack(s, ours));
}

static void
check_progress(const struct wire_progress *p)
{
	Pf__Progress m = PF__PROGRESS__INIT;

	m.done = p->done;
	m.total = p->total;
	assert_same(&m.base, wire_progress_pack(p, ours));
}

static void
check_done(const struct wire_done *d)
{
	Pf__Done m = PF__DONE__INIT;

	m.tensors = d->tensors;
	m.aliases = d->aliases;
	m.storages = d->storages;
	m.notes = d->notes;
	m.notes_dropped = d->notes_dropped;
	m.verdict = d->verdict;
	m.has_pieces = d->pieces != 0;
	m.pieces = d->pieces;
	assert_same(&m.base, wire_done_pack(d, ours));
}

static void
check_fault(const struct wire_fault *f)
{
	Pf__Fault m = PF__FAULT__INIT;

	m.code = f->code;
	m.text = lend(f->text);
	m.has_where = f->where != WIRE_NO_OFFSET;
	m.where = f->where;
	m.verdict = f->verdict;
	assert_same(&m.base, wire_fault_pack(f, ours));
}

static void
check_piece(const struct wire_piece *p)
{
	ProtobufCBinaryData path[PATH_PARTS_MAX];
	Pf__Piece m = PF__PIECE__INIT;

	if (p->path_count > PATH_PARTS_MAX) {
		assert_int_equal(wire_piece_pack(p, ours), 0);
		return;
	}
	for (size_t i = 0; i < p->path_count; i++)
		path[i] = lend(p->path[i]);
	m.name = lend(p->name);
	m.n_path = p->path_count;
	m.path = path;
	m.path_kinds = lend(p->path_kinds);
	m.dtype = p->dtype;
	m.n_shape = p->rank;
	m.shape = (uint64_t *)(uintptr_t)p->shape;
	m.n_start = p->start_count;
	m.start = (uint64_t *)(uintptr_t)p->start;
	m.n_size = p->size_count;
	m.size = (uint64_t *)(uintptr_t)p->size;
	m.kind = p->kind;
	m.file = lend(p->file);
	m.offset = p->offset;
	m.length = p->length;
	assert_same(&m.base, wire_piece_pack(p, ours));
}

/* Those that stand once in a session, or seldom. */
static void
check_others(uint64_t lists[2][LIST_MAX], const struct wire_bytes *path)
{
	uint32_t numbers[LIST_MAX];
	struct limits limits = { 0 };
	uint64_t absent = random_bits() % 4 == 0 ? 0 : UINT64_MAX;
	uint64_t f = random_bits();
	struct wire_scalar scalar = { .name = bytes(),
		.kind = random_bits() % 16 == 0 ? number_32() :
		(uint32_t)(random_bits() % 9), .i = (int64_t)number(),
		.data = bytes(), .full_length = number() };

	memcpy(&scalar.f, &f, sizeof(f));
	if (f & 1)
		scalar.i = ~scalar.i;
	check_scalar(&scalar);
	for (size_t i = 0; i < LIST_MAX; i++)
		numbers[i] = number_32();
	check_hello(&(struct wire_hello){ number_32(), numbers,
	    random_bits() % LIST_MAX, numbers + 1,
	    random_bits() % (LIST_MAX - 1), numbers,
	    random_bits() % LIST_MAX });
	limits.streamed_bytes = number();
	limits.contiguous_bytes = number();
	limits.tensors = number();
	limits.nodes = number();
	limits.nesting = number();
	limits.notes = number();
	limits.names_bytes = number();
	check_go(&(struct wire_go){ limits, number_32(), number_32(),
	    number_32() });
	check_format(&(struct wire_format){ bytes() });
	check_progress(&(struct wire_progress){ number(), number() });
	check_done(&(struct wire_done){ number(), number(), number(),
	    number(), number(), number_32(), number() & absent });
	check_fault(&(struct wire_fault){ number_32(), bytes(),
	    absent == 0 ? WIRE_NO_OFFSET : number(), number_32() });
	check_piece(&(struct wire_piece){ .name = bytes(), .path = path,
	    .path_count = random_bits() % (absent == 0 ?
	    PATH_PARTS_MAX + 2 : 4), .path_kinds = bytes(),
	    .dtype = number_32(), .shape = lists[0],
	    .rank = random_bits() % LIST_MAX, .start = lists[1],
	    .start_count = random_bits() % LIST_MAX, .size = lists[0],
	    .size_count = random_bits() % LIST_MAX, .kind = number_32(),
	    .file = bytes(), .offset = number(), .length = number() });
}

static void
test_random(void **state)
{
	struct wire_bytes path[PATH_PARTS_MAX];
	uint64_t lists[2][LIST_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (uint8_t)random_bits();
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool absent = random_bits() % 4 == 0;

		for (size_t i = 0; i < LIST_MAX; i++) {
			lists[0][i] = number();
			lists[1][i] = number();
		}
		for (size_t i = 0; i < PATH_PARTS_MAX; i++)
			path[i] = bytes();
		check_storage(&(struct wire_storage){ number_32(), number_32(),
		    number(), absent ? WIRE_NO_OFFSET : number() });
		check_alias(&(struct wire_alias){ bytes(), number_32() });
		check_note(&(struct wire_note){ number_32(), number_32(),
		    bytes(), absent ? WIRE_NO_OFFSET : number() });
		check_tensor(&(struct wire_tensor){
			.name = bytes(), .path = path,
			.path_count = random_bits() % (round % 16 == 0 ?
			PATH_PARTS_MAX + 1 : 4), .path_kinds = bytes(),
			.dtype = number_32(), .shape = lists[0],
			.rank = random_bits() % (LIST_MAX + 1),
			.strides = lists[1],
			.stride_count = random_bits() % (LIST_MAX + 1),
			.storage = number_32(), .offset = number()
		});
		check_others(lists, path);
	}
}

static const uint32_t many[FRAME_MESSAGE_MAX];

/* Some bytes under and over what a frame holds. */
static void
test_edge(void **state)
{
	static const uint64_t list[] = { 0, UINT64_MAX };
	struct wire_bytes text = { letters, 0 };

	(void)state;
	for (text.len = FRAME_MESSAGE_MAX - 60;
	    text.len < FRAME_MESSAGE_MAX + 2; text.len++) {
		check_alias(&(struct wire_alias){ text, 300 });
		check_note(&(struct wire_note){ 1, 2, text, 3 });
		check_note(&(struct wire_note){ 1, 2, text, WIRE_NO_OFFSET });
		check_tensor(&(struct wire_tensor){ .name = text,
		    .shape = list, .rank = 2, .strides = list,
		    .stride_count = 2 });
		check_tensor(&(struct wire_tensor){ .path = &text,
		    .path_count = 1 });
		check_format(&(struct wire_format){ text });
		check_fault(&(struct wire_fault){ 1, text, 300, 2 });
		check_fault(&(struct wire_fault){ 1, text, WIRE_NO_OFFSET,
		    300 });
		for (uint32_t kind = 0; kind <= SCALAR_BYTES + 1; kind++) {
			check_scalar(&(struct wire_scalar){ text, kind, -300,
			    1.5, { letters, 3 }, 300 });
			check_scalar(&(struct wire_scalar){ { letters, 3 },
			    kind, 1, 0, text, 3 });
		}
		check_piece(&(struct wire_piece){ .name = text,
		    .shape = list, .rank = 2, .size = list, .size_count = 1 });
		check_piece(&(struct wire_piece){ .file = text,
		    .start = list, .start_count = 2 });
		check_hello(&(struct wire_hello){ 1, many,
		    text.len - 300, many, 300, many, 0 });
		check_hello(&(struct wire_hello){ 1, many, 20, many, 20, many,
		    text.len - 42 });
	}
}

/* Every other encoding of a Go: each byte cut off, added or changed. */
static void
test_go_alone(void **state)
{
	static uint8_t packed[FRAME_MESSAGE_MAX];
	static uint8_t memory[1];
	struct wire_arena arena = { memory, sizeof(memory), 0 };
	struct wire_go go = { .limits = { .tensors = 300 }, .flags = 1,
		.shares = 2, .share = 77 };
	struct wire_go got;
	size_t length = wire_go_pack(&go, packed);

	(void)state;
	for (size_t i = 0; i < length; i++)
		assert_false(wire_go_unpack(&arena, packed, i, &got));
	assert_false(wire_go_unpack(&arena, packed, length + 1, &got));
	for (size_t i = 0; i < length; i++) {
		uint8_t was = packed[i];

		for (unsigned byte = 0; byte < 256; byte++) {
			packed[i] = (uint8_t)byte;
			/* A number may be another one, in as many bytes. */
			if (wire_go_unpack(&arena, packed, length, &got))
				assert_int_equal(wire_go_pack(&got, ours),
				    length);
			if (wire_go_unpack(&arena, packed, length, &got))
				assert_memory_equal(ours, packed, length);
		}
		packed[i] = was;
	}
	/* 77 in two bytes, and 2^32. */
	packed[length - 1] |= 0x80;
	packed[length] = 0;
	assert_false(wire_go_unpack(&arena, packed, length + 1, &got));
	memcpy(packed + length - 1, "\x80\x80\x80\x80\x0f", 5);
	assert_true(wire_go_unpack(&arena, packed, length + 4, &got));
	packed[length + 3] = 0x10;
	assert_false(wire_go_unpack(&arena, packed, length + 4, &got));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edge),
		cmocka_unit_test(test_go_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
