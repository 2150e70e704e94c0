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

#define ROUNDS 20000
/* Numbers in a list, more than any sender has. */
#define LIST_MAX (RANK_MAX + 2)

static uint8_t ours[FRAME_MESSAGE_MAX];
static uint8_t theirs[2 * FRAME_MESSAGE_MAX];
static uint8_t letters[2 * FRAME_MESSAGE_MAX];
static uint64_t state_of_random = 88172645463325252;

/* xorshift64 (Marsaglia 2003). */
static uint64_t
random_bits(void)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return state_of_random;
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
	}
}

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
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
