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
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
