/* SPDX-License-Identifier: Apache-2.0
 *
 * gather_source.c - strided views through windows of the input file.  Trusts
 * the geometry, which check_* proved.  Must never hold more than GATHER_WINDOW
 * of the input.  Views that overlap themselves are left to gather_woven.c; of
 * all others each byte is read once, and no more than the span of the view.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "gather.h"

struct window {
	const struct source *source;
	uint8_t *bytes;
};

static enum pfork_code
gather_window(struct window *w, const struct view *v, uint64_t at, uint8_t *out,
    pfork_error *err)
{
	enum pfork_code code;

	code = source_read(w->source, at, w->bytes, view_span(v, 0), err);
	if (code == PFORK_OK)
		gather_memory(v, w->bytes, out);
	return code;
}

/* How many steps of each dimension at once, so that what they span fits the
 * room: those that reach furthest are cut first. */
static void
cut_to_fit(const struct view *v, uint64_t room, uint64_t *steps)
{
	uint64_t left = view_span(v, 0);

	for (size_t i = 0; i < v->rank; i++)
		steps[i] = v->dims[i].count;
	/* What does not fit reaches on in a dimension that is not cut yet. */
	while (left > room) {
		uint64_t most = 0;
		size_t d = 0;

		for (size_t i = 0; i < v->rank; i++) {
			uint64_t reach = (steps[i] - 1) * v->dims[i].in;

			if (steps[i] == v->dims[i].count && reach > most) {
				most = reach;
				d = i;
			}
		}
		left -= most;
		steps[d] = left < room ? (room - left) / v->dims[d].in + 1 : 1;
		left += (steps[d] - 1) * v->dims[d].in;
	}
}

/* A box after the other, none of which spans more than the room. */
static enum pfork_code
gather_boxes(struct window *w, const struct view *v, uint64_t room, uint64_t at,
    uint8_t *out, pfork_error *err)
{
	uint64_t steps[RANK_MAX];
	uint64_t index[RANK_MAX] = { 0 };
	enum pfork_code code;
	struct view box = *v;
	uint64_t from;
	uint64_t to;
	size_t i;

	cut_to_fit(v, room, steps);
	do {
		from = at;
		to = 0;
		for (i = 0; i < v->rank; i++) {
			const struct view_dim *d = &v->dims[i];

			from += index[i] * d->in;
			to += index[i] * d->out;
			box.dims[i].count = d->count - index[i] < steps[i] ?
			    d->count - index[i] : steps[i];
		}
		code = gather_window(w, &box, from, out + to, err);
		for (i = v->rank; i-- > 0; index[i] = 0)
			if ((index[i] += steps[i]) < v->dims[i].count)
				break;
	} while (code == PFORK_OK && i < v->rank);
	return code;
}

/* Between two steps in the window: no two begin in the same set of a cache. */
static uint64_t
pitch_of(uint64_t span)
{
	return (span + 63) / 64 * 64 + 64;
}

/* The steps of `outer` side by side in the window, as many as fit, so that they
 * are turned in tiles: alone, each would be scattered over the whole output,
 * an element to a cache line. */
static enum pfork_code
gather_packed(struct window *w, const struct view *step,
    const struct view_dim *outer, uint64_t room, uint64_t at, uint8_t *out,
    pfork_error *err)
{
	uint64_t span = view_span(step, 0);
	struct view packed = { .rank = step->rank + 1,
	    .element = step->element };
	enum pfork_code code = PFORK_OK;
	uint64_t n = room / pitch_of(span);

	memcpy(packed.dims + 1, step->dims,
	    step->rank * sizeof(step->dims[0]));
	for (uint64_t done = 0; code == PFORK_OK && done < outer->count;
	    done += n) {
		if (n > outer->count - done)
			n = outer->count - done;
		for (uint64_t i = 0; code == PFORK_OK && i < n; i++)
			code = source_read(w->source,
			    at + (done + i) * outer->in,
			    w->bytes + i * pitch_of(span), span, err);
		packed.dims[0].count = n;
		packed.dims[0].in = pitch_of(span);
		packed.dims[0].out = outer->out;
		if (code == PFORK_OK)
			gather_memory(&packed, w->bytes,
			    out + done * outer->out);
	}
	return code;
}

/* How many leading dimensions are walked step by step, with a read each: those
 * with holes between their steps, as long as all of those reads cost less than
 * to read whatever lies between the first and the last of them. */
static size_t
walked_dims(const struct view *v)
{
	size_t dense = v->rank;

	while (dense > 0 &&
	    v->dims[dense - 1].in <= view_span(v, dense) + GATHER_HOLE)
		dense--;
	for (size_t i = 0; i < dense; i++)
		if (view_span(v, i) / GATHER_HOLE < view_steps(v, i, dense))
			return i;
	return dense;
}

enum pfork_code
gather_source(const struct view *v, const struct source *s, uint64_t base,
    uint8_t *out, pfork_error *err)
{
	struct window w = { s, NULL };
	struct view rest = { .rank = 0, .element = v->element };
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t from = base + v->offset;
	uint64_t to = 0;
	size_t walked = walked_dims(v);
	uint64_t room = view_span(v, 0);
	bool pack;
	enum pfork_code code;

	if (view_overlaps(v))
		return gather_woven(v, s, from, out, err);
	rest.rank = v->rank - walked;
	memcpy(rest.dims, v->dims + walked, rest.rank * sizeof(rest.dims[0]));
	if (room > GATHER_WINDOW)
		room = GATHER_WINDOW;
	w.bytes = malloc(room);
	if (w.bytes == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for a window of the input");
	pack = walked > 0 && room / pitch_of(view_span(&rest, 0)) > 1;
	if (pack)
		walked--;
	do {
		code = pack ? gather_packed(&w, &rest, &v->dims[walked], room,
				  from, out + to, err) :
			      gather_boxes(&w, &rest, room, from, out + to,
				  err);
	} while (code == PFORK_OK &&
	    view_next(v->dims, walked, index, &from, &to));
	free(w.bytes);
	return code;
}
