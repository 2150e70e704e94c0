/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_woven.c - views that overlap themselves, from the input file.  Trusts
 * the geometry, which check_* proved, but not that it is sensible: a few bytes
 * may be viewed a million times, or a million may reach over a sparse file of
 * terabytes.  Must never read more than a pread for each element would cost,
 * nor hold more than GATHER_MOST of the input, or as much as the caller's own
 * buffer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "gather.h"

/*
 * The leading dimensions, as many as is cheapest, are walked a step after the
 * other.  What a step views is swept: the window goes over its span once, and
 * at each place what begins there is taken out of it.
 *
 * Costs are in bytes read, each pread counting for GATHER_HOLE more.  To walk
 * all n elements of e bytes is one of the choices, to sweep the whole span S is
 * another, and a smaller window may be dearer than the best by a seventh.  So
 * whatever the shape and the strides, a view costs at most 8/7 of each of
 *
 *	n * (e + GATHER_HOLE)
 *	4/3 S + looks and copies: n * (S / (3/4 window) + 1) of them
 *
 * A byte of a tensor, then, is never worth more than 9363 bytes read (8/7 of
 * 8193; less than 2 us), and that only if elements are bytes that lie about
 * GATHER_HOLE apart; the dearest found took 0.3 us.  The first line adds up:
 * over parts of a tensor, and over tensors, however many view the same span.
 * All tensors have no more than contiguous_bytes, so 9363 * contiguous_bytes
 * bounds a whole `convert`.
 */

/* To see which steps of a dimension begin in the window takes about 6 ns, and
 * to copy them 50 ns and more. */
#define WOVEN_LOOK 32
#define WOVEN_COPY 256

/* How to read a view. */
struct plan {
	size_t walked;	/* dimensions */
	size_t block;	/* from here on they are never cut by the window */
	uint64_t room;	/* the window */
	uint64_t cost;
};

struct sweep {
	const struct view *view;
	const struct plan *plan;
	const struct source *source;
	uint8_t *bytes;		/* the window */
	uint64_t lo;		/* begins so far from the first element */
	uint64_t hi;		/* what begins here is for the next window */
};

/* Products and sums that stay at the most. */
static uint64_t
times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t
plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* To sweep the dimensions from p->walked on, once. */
static uint64_t
sweep_cost(const struct view *v, const struct plan *p)
{
	uint64_t span = view_span(v, p->walked);
	uint64_t block = view_span(v, p->block);
	uint64_t windows;
	uint64_t looks;
	uint64_t copies;

	if (span <= p->room)
		return plus(span, GATHER_HOLE);
	windows = span / (p->room - block) + 1;
	looks = times(view_steps(v, p->walked, p->block - 1), windows);
	copies = view_steps(v, p->walked, p->block);
	if (looks < copies)
		copies = looks;
	return plus(plus(span, times(windows, block + GATHER_HOLE)),
	    plus(times(looks, WOVEN_LOOK), times(copies, WOVEN_COPY)));
}

/* The cheapest with this window. */
static struct plan
plan_for(const struct view *v, uint64_t room)
{
	struct plan p = { .walked = v->rank, .room = room };
	struct plan best;

	/* So the windows read 4/3 of the span at most. */
	while (view_span(v, p.block) > room / 4)
		p.block++;
	best = p;
	best.cost = UINT64_MAX;
	for (p.walked = 0; p.walked <= v->rank; p.walked++) {
		p.cost = times(view_steps(v, 0, p.walked), sweep_cost(v, &p));
		if (p.cost < best.cost)
			best = p;
	}
	return best;
}

/* The smallest window that costs no more than an eighth more than the best. */
static struct plan
make_plan(const struct view *v)
{
	uint64_t bytes = view_steps(v, 0, v->rank) * v->element;
	const uint64_t rooms[] = { GATHER_WINDOW, GATHER_MOST,
		bytes > GATHER_MOST ? bytes : GATHER_MOST };
	struct plan best = plan_for(v, rooms[2]);
	struct plan p;

	for (size_t i = 0; i < 2; i++) {
		p = plan_for(v, rooms[i]);
		if (p.cost - p.cost / 8 <= best.cost)
			return p;
	}
	return best;
}

/* Blocks `in` apart from `at` on: so many begin before `end`. */
static uint64_t
steps_before(uint64_t at, uint64_t in, uint64_t end)
{
	return at >= end ? 0 : (end - at - 1) / in + 1;
}

/* What of the view begins in the window. */
static void
take(const struct sweep *s, uint8_t *out)
{
	const struct view *v = s->view;
	size_t cut = s->plan->block - 1;
	const struct view_dim *d = &v->dims[cut];
	struct view box = { .rank = v->rank - cut, .element = v->element };
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t from = 0;
	uint64_t to = 0;
	uint64_t first;
	uint64_t end;

	memcpy(box.dims, d, box.rank * sizeof(box.dims[0]));
	do {
		first = steps_before(from, d->in, s->lo);
		end = steps_before(from, d->in, s->hi);
		if (end > d->count)
			end = d->count;
		if (first >= end)
			continue;
		box.dims[0].count = end - first;
		gather_memory(&box, s->bytes + (from + first * d->in - s->lo),
		    out + to + first * d->out);
	} while (view_next(v->dims + s->plan->walked, cut - s->plan->walked,
	    index, &from, &to));
}

/* One step of the dimensions that are walked, `at` in the input. */
static enum pfork_code
sweep(struct sweep *s, uint64_t at, uint8_t *out, pfork_error *err)
{
	uint64_t span = view_span(s->view, s->plan->walked);
	uint64_t room = s->plan->room;
	uint64_t block = view_span(s->view, s->plan->block);
	enum pfork_code code = PFORK_OK;
	struct view whole = { .element = s->view->element };

	if (span <= room) {
		whole.rank = s->view->rank - s->plan->walked;
		memcpy(whole.dims, s->view->dims + s->plan->walked,
		    whole.rank * sizeof(whole.dims[0]));
		code = source_read(s->source, at, s->bytes, span, err);
		if (code == PFORK_OK)
			gather_memory(&whole, s->bytes, out);
		return code;
	}
	for (s->lo = 0; code == PFORK_OK && s->lo + block <= span;
	    s->lo = s->hi) {
		s->hi = s->lo + room - block;
		code = source_read(s->source, at + s->lo, s->bytes,
		    span - s->lo < room ? span - s->lo : room, err);
		if (code == PFORK_OK)
			take(s, out);
	}
	return code;
}

/* A pread for each element, to its place. */
static enum pfork_code
walk(const struct view *v, const struct source *s, uint64_t from, uint8_t *out,
    pfork_error *err)
{
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t to = 0;
	enum pfork_code code;

	do {
		code = source_read(s, from, out + to, v->element, err);
	} while (code == PFORK_OK &&
	    view_next(v->dims, v->rank, index, &from, &to));
	return code;
}

enum pfork_code
gather_woven(const struct view *v, const struct source *source, uint64_t from,
    uint8_t *out, pfork_error *err)
{
	struct plan p = make_plan(v);
	struct sweep s = { .view = v, .plan = &p, .source = source };
	uint64_t span = view_span(v, p.walked);
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t to = 0;
	enum pfork_code code;

	if (p.walked == v->rank)
		return walk(v, source, from, out, err);
	s.bytes = malloc(span < p.room ? span : p.room);
	if (s.bytes == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for a window of the input");
	do {
		code = sweep(&s, from, out + to, err);
	} while (code == PFORK_OK &&
	    view_next(v->dims, p.walked, index, &from, &to));
	free(s.bytes);
	return code;
}
