/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_arena.c - lets ASan see inside the parsers' arena, which is one mapping
 * to it.  The linker puts these in the place of arena.c's calls (--wrap), so
 * that the release objects stay as they are: every block gets a red zone behind
 * it, a block that grows always moves, and what was given back is poisoned.
 */
#include "fuzz_arena.h"

#include <string.h>

#define RED_ZONE 32

#if defined(__SANITIZE_ADDRESS__)
#define SEES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEES 1
#endif
#endif

#ifdef SEES
#include <sanitizer/asan_interface.h>
#else
#define __asan_poison_memory_region(at, size) ((void)(at), (void)(size))
#define __asan_unpoison_memory_region(at, size) ((void)(at), (void)(size))
#endif

void *__real_arena_alloc(struct arena *a, uint64_t count, size_t size);
void __real_arena_rewind(struct arena *a, size_t mark);
void *__wrap_arena_alloc(struct arena *a, uint64_t count, size_t size);
void *__wrap_arena_grow(struct arena *a, void *items, size_t item_size,
    uint32_t have, uint32_t want, uint32_t *capacity);
void __wrap_arena_rewind(struct arena *a, size_t mark);
void __real_arena_trim(struct arena *a, const void *block, uint64_t keep);
void __wrap_arena_trim(struct arena *a, const void *block, uint64_t keep);

void *
__wrap_arena_alloc(struct arena *a, uint64_t count, size_t size)
{
	size_t before = a->used;
	uint8_t *block = __real_arena_alloc(a, count, size);

	/* It did not die, so the product fits. */
	__asan_unpoison_memory_region(a->base + before, count * size);
	if (a->size - a->used > 2 * RED_ZONE)
		a->used += RED_ZONE;
	return block;
}

void *
__wrap_arena_grow(struct arena *a, void *items, size_t item_size, uint32_t have,
    uint32_t want, uint32_t *capacity)
{
	uint64_t room = *capacity < 4 ? 4 : *capacity;
	void *bigger;

	if (want <= *capacity)
		return items;
	while (room < want)
		room *= 2;
	if (room > UINT32_MAX)
		room = UINT32_MAX;
	bigger = __wrap_arena_alloc(a, room, item_size);
	if (items != NULL) {
		if (have > 0)
			memcpy(bigger, items, have * item_size);
		__asan_poison_memory_region(items, *capacity * item_size);
	}
	*capacity = (uint32_t)room;
	return bigger;
}

void
__wrap_arena_rewind(struct arena *a, size_t mark)
{
	uint8_t *from = a->base + mark;
	size_t length = a->used - mark;

	__asan_unpoison_memory_region(from, length);
	__real_arena_rewind(a, mark);
	__asan_poison_memory_region(from, length);
}

void
__wrap_arena_trim(struct arena *a, const void *block, uint64_t keep)
{
	size_t before = a->used;

	__real_arena_trim(a, block, keep);
	__asan_poison_memory_region(a->base + a->used, before - a->used);
	if (a->size - a->used > 2 * RED_ZONE)
		a->used += RED_ZONE;
}

/* A page that was given back is never handed out again, so that whoever still
 * points into it is seen. */
void *__wrap_arena_page(struct arena *a);
void __wrap_arena_page_back(struct arena *a, void *page);

void *
__wrap_arena_page(struct arena *a)
{
	return __wrap_arena_alloc(a, 1, ARENA_PAGE);
}

void
__wrap_arena_page_back(struct arena *a, void *page)
{
	(void)a;
	__asan_poison_memory_region(page, ARENA_PAGE);
}

void
fuzz_arena_fresh(struct arena *a, uint8_t *base, size_t size)
{
	if (a->base == NULL)
		__asan_poison_memory_region(base, size);
	else
		__wrap_arena_rewind(a, 0);
	arena_init(a, base, size, NULL, NULL);
}
