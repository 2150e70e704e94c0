/* SPDX-License-Identifier: Apache-2.0
 *
 * test_wire_read.c - the two messages that are read by hand beside the reader
 * that goes by descriptors (canonical.c): over random messages with a byte
 * changed, added or taken away, both take the same ones and see the same in
 * them, also where the arena is too small.  The seed is fixed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "canonical.h"
#include "picklefork.pb-c.h"
#include "wire.h"
#include "xorshift.h"

#define ROUNDS 200000

static uint8_t payload[FRAME_MESSAGE_MAX + 1];
static uint64_t memory[2][4096];
static uint64_t state_of_random = 88172645463325252;
static unsigned taken;
static unsigned refused;

static uint64_t
random_bits(void)
{
	return xorshift(&state_of_random);
}

static uint64_t
number(void)
{
	return random_bits() >> random_bits() % 64;
}

static struct wire_bytes
bytes(void)
{
	static const uint8_t letters[] = "layer.weight\x12\x01x\x2a\x32\x38";

	return (struct wire_bytes){ letters, random_bits() % sizeof(letters) };
}

static size_t
random_tensor(void)
{
	struct wire_bytes path[4];
	uint64_t lists[2][5];
	struct wire_tensor t = { .name = bytes(), .path = path,
		.path_count = random_bits() % 5, .path_kinds = bytes(),
		.dtype = (uint32_t)number(), .shape = lists[0],
		.rank = random_bits() % 6, .strides = lists[1],
		.stride_count = random_bits() % 6,
		.storage = (uint32_t)number(), .offset = number() };

	for (unsigned i = 0; i < 4; i++)
		path[i] = bytes();
	for (unsigned i = 0; i < 5; i++) {
		lists[0][i] = number();
		lists[1][i] = number();
	}
	return wire_tensor_pack(&t, payload);
}

static size_t
random_storage(void)
{
	struct wire_storage s = { .id = (uint32_t)number(),
		.kind = (uint32_t)number(), .length = number(),
		.offset = random_bits() % 2 == 0 ? WIRE_NO_OFFSET : number() };

	return wire_storage_pack(&s, payload);
}

/* Leaves it, or changes it in one place. */
static size_t
change(size_t length)
{
	size_t at = random_bits() % length;

	switch (random_bits() % 8) {
	case 0:
		payload[at] = (uint8_t)random_bits();
		break;
	case 1:
		payload[at] ^= (uint8_t)(1u << random_bits() % 8);
		break;
	case 2:
		memmove(payload + at + 1, payload + at, length - at);
		return length + 1;
	case 3:
		memmove(payload + at, payload + at + 1, length - at - 1);
		return length - 1;
	case 4:
		return at;
	case 5:
		memset(payload + at, 0xff, length - at < 10 ? length - at : 10);
		break;
	default:
		break;
	}
	return length;
}

static void
same_list(const uint64_t *ours, size_t count, const uint64_t *theirs,
    size_t their_count)
{
	assert_int_equal(count, their_count);
	if (count > 0)
		assert_memory_equal(ours, theirs, count * sizeof(*ours));
}

static void
same_bytes(struct wire_bytes ours, ProtobufCBinaryData theirs)
{
	assert_ptr_equal(ours.at, theirs.data);
	assert_int_equal(ours.len, theirs.len);
}

static struct wire_arena
arena_of(unsigned which, size_t size)
{
	return (struct wire_arena){ (uint8_t *)memory[which], size, 7 };
}

static void
count(bool took)
{
	taken += took;
	refused += !took;
}

static void
try_tensor(size_t length)
{
	struct wire_arena ours = arena_of(0, sizeof(memory[0]));
	struct wire_arena theirs = arena_of(1, sizeof(memory[1]));
	struct wire_tensor t;
	Pf__Tensor m;
	bool took = wire_tensor_unpack(&ours, payload, length, &t);

	theirs.used = 0;
	assert_int_equal(took, length > 0 && canonical_read(
	    &pf__tensor__descriptor, &theirs, payload, length, &m));
	count(took);
	if (!took)
		return;
	same_bytes(t.name, m.name);
	assert_int_equal(t.path_count, m.n_path);
	for (size_t i = 0; i < t.path_count; i++)
		same_bytes(t.path[i], m.path[i]);
	same_bytes(t.path_kinds, m.path_kinds);
	assert_int_equal(t.dtype, m.dtype);
	same_list(t.shape, t.rank, m.shape, m.n_shape);
	same_list(t.strides, t.stride_count, m.strides, m.n_strides);
	assert_int_equal(t.storage, m.storage);
	assert_int_equal(t.offset, m.offset);
}

static void
try_storage(size_t length)
{
	struct wire_arena ours = arena_of(0, 1);
	struct wire_arena theirs = arena_of(1, 1);
	struct wire_storage s;
	Pf__Storage m;
	bool took = wire_storage_unpack(&ours, payload, length, &s);
	bool good;

	theirs.used = 0;
	memset(&m, 0x5a, sizeof(m));
	good = length > 0 && canonical_read(&pf__storage__descriptor, &theirs,
	    payload, length, &m);
	if (good && m.has_offset && m.offset == WIRE_NO_OFFSET)
		good = false;
	assert_int_equal(took, good);
	count(took);
	if (!took)
		return;
	assert_int_equal(s.id, m.id);
	assert_int_equal(s.kind, m.kind);
	assert_int_equal(s.length, m.length);
	assert_int_equal(s.offset, m.has_offset ? m.offset : WIRE_NO_OFFSET);
}

static void
test_tensors(void **state)
{
	(void)state;
	taken = refused = 0;
	for (unsigned i = 0; i < ROUNDS; i++)
		try_tensor(change(random_tensor()));
	assert_true(taken > ROUNDS / 4 && refused > ROUNDS / 4);
}

static void
test_storages(void **state)
{
	(void)state;
	taken = refused = 0;
	for (unsigned i = 0; i < ROUNDS; i++)
		try_storage(change(random_storage()));
	assert_true(taken > ROUNDS / 4 && refused > ROUNDS / 4);
}

/* Every size of the arena: what is read lies inside it, or is refused. */
static void
test_small_arena(void **state)
{
	static const uint64_t three[3] = { 3, 1, 1 };
	static const struct wire_bytes path[2] = { { payload, 0 },
		{ payload, 0 } };
	struct wire_tensor t = { .path = path, .path_count = 2, .shape = three,
		.strides = three };
	struct wire_tensor got;
	size_t length, list, wanted;

	(void)state;
	for (size_t i = 0; i <= 3 * 160; i++) {
		struct wire_arena arena = { (uint8_t *)memory[0], i / 3, 0 };

		t.rank = t.stride_count = 1 + i % 3;
		length = wire_tensor_pack(&t, payload);
		list = t.rank * sizeof(three[0]);
		/* The second list begins at a multiple of 16. */
		wanted = sizeof(path) + (list + 15) / 16 * 16 + list;
		memset(memory[0], 0x5a, 256);
		assert_int_equal(wire_tensor_unpack(&arena, payload, length,
		    &got), arena.size >= wanted);
		assert_true(arena.used <= arena.size);
		for (size_t at = arena.size; at < 256; at++)
			assert_int_equal(arena.at[at], 0x5a);
	}
}

/* The largest number of 32 bits, and the one after it; no dimension at all. */
static void
test_edges(void **state)
{
	const struct wire_tensor t = { .dtype = UINT32_MAX,
		.storage = UINT32_MAX, .offset = UINT64_MAX };
	const struct wire_storage s = { .id = UINT32_MAX, .kind = UINT32_MAX,
		.length = UINT64_MAX };
	struct wire_arena arena = arena_of(0, sizeof(memory[0]));
	struct wire_tensor got = { .shape = memory[1], .strides = memory[1] };
	struct wire_storage storage;
	size_t length = wire_tensor_pack(&t, payload);

	(void)state;
	assert_true(wire_tensor_unpack(&arena, payload, length, &got));
	assert_int_equal(got.dtype, UINT32_MAX);
	assert_int_equal(got.storage, UINT32_MAX);
	assert_true(got.offset == UINT64_MAX);
	assert_null(got.shape);
	assert_null(got.strides);
	/* No name, no kinds; a tag and five bytes of the dtype. */
	payload[9]++;
	assert_false(wire_tensor_unpack(&arena, payload, length, &got));
	length = wire_storage_pack(&s, payload);
	assert_true(wire_storage_unpack(&arena, payload, length, &storage));
	assert_int_equal(storage.id, UINT32_MAX);
	assert_int_equal(storage.kind, UINT32_MAX);
	payload[5]++;
	assert_false(wire_storage_unpack(&arena, payload, length, &storage));
}

/* A name whose length leads back to before the message, where there is what
 * would make it whole: path_kinds that end where the dtype begins. */
static void
test_length_backwards(void **state)
{
	static const uint8_t bytes[] = {
		0x1a, 11,	/* before the message */
		/* the name, of 2^64 - 13 bytes */
		0x0a, 0xf3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
		0x20, 1, 0x38, 0, 0x40, 0
	};
	struct wire_arena arena = arena_of(0, sizeof(memory[0]));
	struct wire_tensor t;

	(void)state;
	assert_false(wire_tensor_unpack(&arena, bytes + 2, sizeof(bytes) - 2,
	    &t));
}

static void
test_too_long(void **state)
{
	struct wire_arena arena = arena_of(0, sizeof(memory[0]));
	struct wire_tensor t;
	struct wire_storage s;

	(void)state;
	assert_false(wire_tensor_unpack(&arena, payload, 0, &t));
	assert_false(wire_storage_unpack(&arena, payload, 0, &s));
	/* A tensor of one name that fills the frame, and one byte more. */
	for (size_t more = 0; more < 2; more++) {
		size_t length = FRAME_MESSAGE_MAX + more;
		size_t name = length - 4 - 8;

		payload[0] = 0x0a;
		payload[1] = (uint8_t)(name | 0x80);
		payload[2] = (uint8_t)(name >> 7 | 0x80);
		payload[3] = (uint8_t)(name >> 14);
		memcpy(payload + 4 + name, "\x1a\0\x20\1\x38\0\x40\0", 8);
		assert_int_equal(wire_tensor_unpack(&arena, payload, length,
		    &t), more == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_storages),
		cmocka_unit_test(test_small_arena),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_length_backwards),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
