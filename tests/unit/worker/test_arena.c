/* SPDX-License-Identifier: Apache-2.0
 *
 * test_arena.c - the parsers' memory: alignment, zeroes, exact ends, products
 * that overflow, growth in place and elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arena.h"

#define REGION 4096

static _Alignas(16) uint8_t region[REGION];
static jmp_buf full_at;

static void full(void *context) __attribute__((noreturn));

static void
full(void *context)
{
	++*(int *)context;
	longjmp(full_at, 1);
}

static int times_full;

static struct arena
fresh(size_t size)
{
	struct arena a;

	memset(region, 0, sizeof(region));
	times_full = 0;
	arena_init(&a, region, size, full, &times_full);
	return a;
}

static void
test_aligned_and_apart(void **state)
{
	struct arena a = fresh(REGION);
	uint8_t *before = arena_alloc(&a, 1, 1);
	uint8_t *at;

	(void)state;
	for (size_t size = 0; size < 40; size++) {
		at = arena_alloc(&a, 1, size);
		assert_int_equal((uintptr_t)at % 16, 0);
		assert_true(at >= before);
		memset(at, 0xff, size);
		before = at + size;
	}
}

static const struct full_case {
	const char *name;
	uint64_t count;
	size_t size;
	int full;
} full_cases[] = {
	{ "nothing", 0, 16, 0 },
	{ "all but the slack", 1, REGION - 16, 0 },
	{ "one more", 1, REGION - 15, 1 },
	{ "all", 1, REGION, 1 },
	{ "product over", 3, REGION / 2, 1 },
	{ "product wraps to 0", UINT64_C(1) << 60, 16, 1 },
	{ "product wraps to 16", (UINT64_C(1) << 60) + 1, 16, 1 },
	{ "most", UINT64_MAX, 1, 1 },
	{ "most by most", UINT64_MAX, SIZE_MAX, 1 },
};

static void
check_full(const struct full_case *c)
{
	static struct arena a;

	a = fresh(REGION);
	if (setjmp(full_at) == 0)
		(void)arena_alloc(&a, c->count, c->size);
	if (times_full != c->full)
		fail_msg("%s", c->name);
	if (times_full)
		assert_int_equal(a.used, 0);
}

static void
test_full(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(full_cases) / sizeof(*full_cases); i++)
		check_full(&full_cases[i]);
}

static void
test_grow_keeps_items(void **state)
{
	struct arena a = fresh(REGION);
	uint32_t capacity = 0;
	uint32_t *items = NULL;
	uint32_t *first;

	(void)state;
	items = arena_grow(&a, items, sizeof(*items), 0, 1, &capacity);
	assert_int_equal(capacity, 4);
	first = items;
	for (uint32_t i = 0; i < 100; i++) {
		items = arena_grow(&a, items, sizeof(*items), i, i + 1,
		    &capacity);
		items[i] = i;
	}
	assert_ptr_equal(items, first);	/* it was last: in place */
	(void)arena_alloc(&a, 1, 1);
	items = arena_grow(&a, items, sizeof(*items), 100, 200, &capacity);
	assert_ptr_not_equal(items, first);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(items[i], i);
}

static void
test_grow_too_far(void **state)
{
	struct arena a = fresh(REGION);
	uint32_t capacity = 0;

	(void)state;
	if (setjmp(full_at) == 0)
		(void)arena_grow(&a, NULL, 8, 0, UINT32_MAX, &capacity);
	assert_int_equal(times_full, 1);
	assert_int_equal(capacity, 0);
}

static void
test_rewind_clears(void **state)
{
	struct arena a = fresh(REGION);
	size_t mark;
	uint8_t *at;

	(void)state;
	(void)arena_alloc(&a, 1, 8);
	mark = arena_mark(&a);
	memset(arena_alloc(&a, 1, 100), 0xff, 100);
	arena_rewind(&a, mark);
	at = arena_alloc(&a, 1, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(at[i], 0);
}

static void
test_trim(void **state)
{
	struct arena a = fresh(REGION);
	uint8_t *first = arena_alloc(&a, 1, 100);
	uint8_t *next;

	(void)state;
	arena_trim(&a, first, 17);
	next = arena_alloc(&a, 1, 1);
	assert_ptr_equal(next, first + 32);
	/* It never takes more. */
	arena_trim(&a, next, 1000);
	assert_int_equal(a.used, 48);
	arena_trim(&a, next, 0);
	assert_int_equal(a.used, 32);
}

static _Alignas(16) uint8_t pages[5 * ARENA_PAGE];

/* Pages come back zeroed, last one first; a rewind below one forgets all. */
static void
test_pages(void **state)
{
	struct arena a;
	uint8_t *one, *two;
	size_t mark;

	(void)state;
	times_full = 0;
	memset(pages, 0, sizeof(pages));
	arena_init(&a, pages, sizeof(pages), full, &times_full);
	one = arena_page(&a);
	mark = arena_mark(&a);
	two = arena_page(&a);
	memset(one, 0xff, ARENA_PAGE);
	memset(two, 0xff, ARENA_PAGE);
	arena_page_back(&a, one);
	arena_page_back(&a, two);
	assert_ptr_equal(arena_page(&a), two);
	assert_ptr_equal(arena_page(&a), one);
	for (size_t i = 0; i < ARENA_PAGE; i++)
		assert_int_equal(one[i] | two[i], 0);
	assert_int_equal(a.used, 2 * ARENA_PAGE);
	arena_page_back(&a, one);
	arena_rewind(&a, a.used);
	assert_ptr_equal(arena_page(&a), one);
	arena_page_back(&a, one);
	arena_page_back(&a, two);
	arena_rewind(&a, mark);
	assert_ptr_equal(arena_page(&a), two);
	assert_ptr_equal(arena_page(&a), two + ARENA_PAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aligned_and_apart),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_grow_keeps_items),
		cmocka_unit_test(test_grow_too_far),
		cmocka_unit_test(test_rewind_clears),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
