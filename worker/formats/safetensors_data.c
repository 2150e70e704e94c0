/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_data.c - the data behind the header: each byte belongs to exactly
 * one tensor (safetensors 0.8, Metadata::validate).  It becomes one extent; not
 * a byte of it is touched.
 */
#include "safetensors_parts.h"
#include "safetensors_rest.h"
#include "sink.h"

static const char *const reasons[] = {
	[UNKNOWN_DTYPE] = "its dtype is not known",
	[TOO_MANY_DIMENSIONS] = "it has more than 64 dimensions",
	[TOO_LARGE] = "its dimensions are too large",
};

void
safetensors_bad(const struct entries *all, uint32_t number, const char *text)
{
	const struct unique_name *name = unique_name(&all->names, number);

	die_about(all->job, FAULT_FORMAT, entry_numbered(all, number)->where,
	    text, name->at, name->len);
}

static bool
in_order(const struct entries *all, uint32_t first, uint32_t second)
{
	const struct entry *a = entry_numbered(all, first);
	const struct entry *b = entry_numbered(all, second);

	return a->begin < b->begin ||
	    (a->begin == b->begin && a->end <= b->end);
}

/* Runs [left, middle) and [middle, right) of `from`, merged into `to`. */
static void
merge(const struct entries *all, const uint32_t *from, uint32_t *to,
    uint32_t left, uint32_t middle, uint32_t right)
{
	uint32_t a = left, b = middle;

	for (uint32_t i = left; i < right; i++) {
		if (a < middle && (b == right || in_order(all, from[a],
		    from[b])))
			to[i] = from[a++];
		else
			to[i] = from[b++];
	}
}

/* By data_offsets; writers have them sorted already.  Merge sort from the
 * bottom: no recursion, n log n whatever the order is. */
static void
sort_entries(struct entries *all)
{
	uint64_t width, left, middle, right, n = all->count;
	uint32_t *from, *to, *swap;
	bool sorted = true;

	for (uint32_t i = 1; i < all->count && sorted; i++)
		sorted = in_order(all, i - 1, i);
	if (sorted)
		return;
	from = arena_alloc(&all->job->arena, n, sizeof(*from));
	to = arena_alloc(&all->job->arena, n, sizeof(*to));
	for (uint32_t i = 0; i < all->count; i++)
		from[i] = i;
	for (width = 1; width < n; width *= 2) {
		for (left = 0; left < n; left += 2 * width) {
			middle = left + width < n ? left + width : n;
			right = middle + width < n ? middle + width : n;
			merge(all, from, to, (uint32_t)left, (uint32_t)middle,
			    (uint32_t)right);
		}
		swap = from;
		from = to;
		to = swap;
	}
	all->order = from;
}

static inline uint32_t
number_at(const struct entries *all, uint32_t i)
{
	return all->order == NULL ? i : all->order[i];
}

/* Returns the end of the tensors' data. */
static uint64_t
judge_tiling(const struct entries *all, uint64_t data)
{
	const struct entry *e;
	uint64_t at = 0, length = all->job->size - data;
	uint32_t number;

	for (uint32_t i = 0; i < all->count; i++) {
		number = number_at(all, i);
		e = entry_numbered(all, number);
		if (e->begin != at)
			safetensors_bad(all, number, e->begin > at ?
			    "safetensors: a hole before a tensor's data" :
			    "safetensors: two tensors overlap");
		if (e->end > length)
			safetensors_bad(all, number, "safetensors: the file "
			    "ends before a tensor's data does");
		at = e->end;
	}
	if (at != length)
		safetensors_rest(all->job, data + at);
	return data + at;
}

static void
send_entry(const struct entries *all, uint32_t number, struct tensor_out *out)
{
	const struct unique_name *name = unique_name(&all->names, number);
	const struct entry *e = entry_numbered(all, number);
	struct path_part part = { .at = name->at, .len = name->len,
		.kind = PATH_KEY };
	uint64_t strides[RANK_MAX] __attribute__((uninitialized));

	out->path.parts = &part;
	if (e->left_out != TAKEN) {
		sink_skip(all->job, &out->path, VERDICT_CLEAN, e->where,
		    reasons[e->left_out]);
		return;
	}
	out->where = e->where;
	out->own_name = all->plain_names && name->len <= TENSOR_NAME_MAX;
	out->dtype = e->dtype;
	out->rank = e->rank;
	out->shape = e->shape;
	out->strides = strides;
	out->offset = e->begin;
	if (!shape_strides(e->shape, e->rank, strides))
		die(all->job, FAULT_INTERNAL, e->where,
		    "safetensors: strides overflow");
	sink_tensor(all->job, out);
}

void
safetensors_data(struct entries *all, uint64_t data)
{
	struct tensor_out out = { .path = { .count = 1 } };
	uint64_t end;

	sort_entries(all);
	end = judge_tiling(all, data);
	if (all->count == 0)
		return;
	out.storage = sink_extent(all->job, data, end - data);
	for (uint32_t i = 0; i < all->count; i++)
		send_entry(all, number_at(all, i), &out);
}
