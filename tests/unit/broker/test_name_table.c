/* SPDX-License-Identifier: Apache-2.0
 *
 * test_name_table.c - the keyed table of names, and the pool beneath it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint.h"
#include "siphash.h"

#define NAMES 20000u

static void
test_table(void **state)
{
	struct name_table table = { .seed = { 1, 2 } };
	struct pool pool = { 0 };
	char name[32];
	int length;

	(void)state;
	assert_int_equal(name_table_find(&table, "a"), UINT32_MAX);
	for (uint32_t i = 0; i < NAMES; i++) {
		length = snprintf(name, sizeof(name), "layer.%u", i);
		assert_int_equal(1, name_table_add(&table,
		    pool_text(&pool, (uint8_t *)name, (size_t)length), i));
	}
	assert_int_equal(table.used, NAMES);
	assert_true(table.used <= (table.mask + 1) / 4 * 3);
	for (uint32_t i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "layer.%u", i);
		assert_int_equal(name_table_find(&table, name), i);
		assert_int_equal(name_table_add(&table, name, 7), 0);
	}
	assert_int_equal(table.used, NAMES);
	assert_int_equal(name_table_find(&table, "layer."), UINT32_MAX);
	assert_int_equal(name_table_find(&table, ""), UINT32_MAX);
	name_table_free(&table);
	assert_int_equal(name_table_find(&table, "layer.1"), UINT32_MAX);
	name_table_free(&table);
	pool_free(&pool);
}

/* Another seed, another order: the hash depends on the key. */
static void
test_seed(void **state)
{
	struct name_table one = { .seed = { 1, 2 } };
	struct name_table two = { .seed = { 1, 3 } };
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g",
		"a name that is longer than one word of the hash" };
	size_t moved = 0;

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(name_table_add(&one, names[i], i), 1);
		assert_int_equal(name_table_add(&two, names[i], i), 1);
	}
	for (size_t i = 0; i <= one.mask; i++)
		moved += one.slots[i].name != two.slots[i].name;
	assert_true(moved > 4);
	name_table_free(&one);
	name_table_free(&two);
}

/* A slip in a round would find every name all the same, and be no SipHash-1-3:
 * the worker's, which is held against CPython's, must say the same. */
static void
test_hash(void **state)
{
	char name[48];
	struct name_slot *slot;

	(void)state;
	for (size_t length = 0; length < sizeof(name); length++) {
		struct name_table t = { .seed = { length,
		    UINT64_C(0xf0e1d2c3b4a59687) << length % 8 } };

		for (size_t i = 0; i < length; i++)
			name[i] = (char)(1 + (i * 151 + length) % 255);
		name[length] = '\0';
		assert_int_equal(name_table_put(&t, name, length, 9), 1);
		slot = t.slots;
		while (slot->name == NULL)
			slot++;
		assert_int_equal(slot->hash,
		    (uint32_t)siphash(t.seed, name, length));
		assert_int_equal(slot - t.slots, slot->hash & t.mask);
		assert_int_equal(name_table_find(&t, name), 9);
		name_table_free(&t);
	}
}

/* Two names of one hash, under this seed, are two names. */
static void
test_same_hash(void **state)
{
	static const char *const names[] = { "layer.41108", "layer.285163" };
	struct name_table t = { .seed = { 1, 2 } };

	(void)state;
	assert_int_equal((uint32_t)siphash(t.seed, names[0], 11),
	    (uint32_t)siphash(t.seed, names[1], 12));
	assert_int_equal(name_table_add(&t, names[0], 0), 1);
	assert_int_equal(name_table_find(&t, names[1]), UINT32_MAX);
	assert_int_equal(name_table_add(&t, names[1], 1), 1);
	assert_int_equal(name_table_find(&t, names[0]), 0);
	assert_int_equal(name_table_find(&t, names[1]), 1);
	name_table_free(&t);
}

/* Always a free slot, or a search for what is not there would never end; and
 * not many more than are needed. */
static void
test_room(void **state)
{
	struct name_table t = { .seed = { 1, 2 } };
	static char names[1000][8];
	size_t slots;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		slots = t.slots == NULL ? 0 : t.mask + 1;
		snprintf(names[i], sizeof(names[i]), "%u", i);
		assert_int_equal(name_table_add(&t, names[i], i), 1);
		assert_int_equal(t.used, i + 1);
		/* Wider by one step, as soon as seven eighths are full. */
		assert_int_equal(t.mask + 1, slots == 0 ? 64 :
		    i < slots / 8 * 7 ? slots : 2 * slots);
	}
	name_table_free(&t);
	assert_int_equal(t.mask, 0);
	assert_int_equal(t.used, 0);
}

static void
test_pool(void **state)
{
	struct pool pool = { 0 };
	uint8_t *earlier = NULL;
	uint8_t *at;

	(void)state;
	for (size_t size = 1; size < 200000; size = size * 2 + 1) {
		at = pool_alloc(&pool, size);
		assert_non_null(at);
		assert_int_equal((uintptr_t)at % 8, 0);
		memset(at, 0x55, size);
		assert_true(at != earlier);
		earlier = at;
	}
	assert_null(pool_alloc(&pool, SIZE_MAX));
	assert_null(pool_alloc(&pool, SIZE_MAX - 64));
	assert_null(pool_text(&pool, (const uint8_t *)"", SIZE_MAX));
	assert_string_equal(pool_text(&pool, NULL, 0), "");
	assert_string_equal(pool_text(&pool, (const uint8_t *)"abc", 2), "ab");
	pool_free(&pool);
	assert_null(pool.head);
	pool_free(&pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
