/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_memo.c - the memo: index to value.  Writers number from 0, so dense
 * indices lie in pages of 4 KiB; a page exists only below twice the number of
 * entries, so that no index makes a large table.  Outliers go to a hash table
 * keyed by the job's seed.  Where a page exists it is right and the table is
 * not asked.
 */
#include "machine_inner.h"

#define DENSE_FREE (4 * MEMO_PAGE)

static struct memo_slot *
find_slot(const struct machine *m, const struct memo *memo, uint64_t index)
{
	const uint64_t *seed = m->g->job->seed;
	uint64_t mask = memo->slot_count - 1;
	uint64_t hash = (index ^ seed[0]) * (seed[1] | 1);

	hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	hash ^= hash >> 29;
	for (;; hash++) {
		struct memo_slot *slot = &memo->slots[hash & mask];

		if (slot->index == 0 || slot->index == index + 1)
			return slot;
	}
}

static void
grow_slots(struct machine *m)
{
	struct memo *memo = &m->memo;
	struct memo old = *memo;

	if (memo->slots_used * 2 < memo->slot_count)
		return;
	memo->slot_count = old.slot_count == 0 ? 16 : old.slot_count * 2;
	memo->slots = arena_alloc(m->arena, memo->slot_count,
	    sizeof *memo->slots);
	for (uint64_t i = 0; i < old.slot_count; i++)
		if (old.slots[i].index != 0)
			*find_slot(m, memo, old.slots[i].index - 1) =
			    old.slots[i];
}

/* The page of a dense index, made when it is due; NULL for an outlier. */
static vref *
page_of(struct machine *m, uint64_t index)
{
	struct memo *memo = &m->memo;
	uint64_t number = index / MEMO_PAGE;
	vref *page;

	if (number < memo->page_capacity && memo->pages[number] != NULL)
		return memo->pages[number];
	if (index >= 2 * memo->length + DENSE_FREE)
		return NULL;
	memo->pages = arena_grow(m->arena, memo->pages, sizeof *memo->pages,
	    memo->page_capacity, (uint32_t)number + 1, &memo->page_capacity);
	page = arena_page(m->arena);
	memo->pages[number] = page;
	/* What was an outlier until now. */
	for (uint32_t i = 0; memo->slots_used > 0 && i < MEMO_PAGE; i++) {
		const struct memo_slot *slot = find_slot(m, memo,
		    number * MEMO_PAGE + i);

		if (slot->index != 0)
			page[i] = slot->value ^ VREF_MISSING;
	}
	return page;
}

static void
replace(struct machine *m, vref *entry, vref old, vref value)
{
	if (old == VREF_MISSING)
		m->memo.length++;
	else if (old != value)
		machine_odd(m, ODD_MEMO_REPLACED);
	*entry = value;
}

static void
store(struct machine *m, uint64_t index, vref value)
{
	vref *page = page_of(m, index);
	struct memo_slot *slot;

	if (page != NULL) {
		m->memo.page = page;
		m->memo.page_first = index / MEMO_PAGE * MEMO_PAGE;
		m->memo.put_span = m->used_memoize ? 0 : MEMO_PAGE;
		m->memo.memoize_span = m->used_put ? 0 : MEMO_PAGE;
		page += index % MEMO_PAGE;
		replace(m, page, *page ^ VREF_MISSING, value);
		*page ^= VREF_MISSING;
		return;
	}
	grow_slots(m);
	slot = find_slot(m, &m->memo, index);
	if (slot->index == 0) {
		slot->index = index + 1;
		slot->value = VREF_MISSING;
		m->memo.slots_used++;
	}
	replace(m, &slot->value, slot->value, value);
}

bool
machine_put(struct machine *m, uint64_t index)
{
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	if (index > UINT32_MAX)
		return machine_fail(m, "a memo index over 4294967295");
	m->used_put = true;
	m->memo.memoize_span = 0;
	if (m->used_memoize)
		machine_odd(m, ODD_MEMO_MIXED);
	store(m, index, m->top[-1]);
	return true;
}

bool
machine_memoize(struct machine *m)
{
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	m->used_memoize = true;
	m->memo.put_span = 0;
	if (m->used_put)
		machine_odd(m, ODD_MEMO_MIXED);
	store(m, m->memo.length, m->top[-1]);
	return true;
}

void
machine_forget(struct machine *m)
{
	for (uint32_t i = m->memo.page_capacity; i-- > 0;)
		if (m->memo.pages[i] != NULL)
			arena_page_back(m->arena, m->memo.pages[i]);
	m->memo.page_capacity = 0;
}

bool
machine_get(struct machine *m, uint64_t index)
{
	const struct memo *memo = &m->memo;
	uint64_t number = index / MEMO_PAGE;
	vref value = VREF_MISSING;

	if (number < memo->page_capacity && memo->pages[number] != NULL) {
		value = memo->pages[number][index % MEMO_PAGE] ^ VREF_MISSING;
	} else if (memo->slots_used > 0 && index <= UINT32_MAX) {
		const struct memo_slot *slot = find_slot(m, memo, index);

		if (slot->index != 0)
			value = slot->value;
	}
	if (value == VREF_MISSING)
		return machine_fail(m, "nothing was memoized at this index");
	machine_push(m, value);
	return true;
}
