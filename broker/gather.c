/* SPDX-License-Identifier: Apache-2.0
 *
 * gather.c - copies strided views from memory into C order.  Trusts the
 * geometry, which check_* proved.
 */
#include "gather.h"

#include <string.h>

/* A tile of 32 x 32 elements touches 32 cache lines on either side. */
#define TILE 32

/* ------------------------------------------------------------- shaping -- */

static void
sort_dims(struct view *v)
{
	struct view_dim d;
	size_t j;

	for (size_t i = 1; i < v->rank; i++) {
		d = v->dims[i];
		for (j = i; j > 0 && v->dims[j - 1].in < d.in; j--)
			v->dims[j] = v->dims[j - 1];
		v->dims[j] = d;
	}
}

/* Two dimensions are one when the outer steps exactly over the inner, on both
 * sides. */
static void
merge_dims(struct view *v)
{
	size_t kept = 0;
	struct view_dim *last;

	for (size_t i = 0; i < v->rank; i++) {
		const struct view_dim d = v->dims[i];

		last = kept > 0 ? &v->dims[kept - 1] : NULL;
		if (last != NULL && last->in == d.in * d.count &&
		    last->out == d.out * d.count) {
			last->count *= d.count;
			last->in = d.in;
			last->out = d.out;
		} else {
			v->dims[kept++] = d;
		}
	}
	v->rank = kept;
}

void
view_order(struct view *v)
{
	sort_dims(v);
	merge_dims(v);
}

bool
view_is_run(const struct view *v)
{
	return v->rank == 0 || (v->rank == 1 &&
	    v->dims[0].in == v->element && v->dims[0].out == v->element);
}

uint64_t
range_next(const pfork_tensor *t, uint64_t *at, uint64_t *left,
    struct range *r)
{
	uint64_t inner = pfork_tensor_elements(t);
	uint64_t rest = *at;
	uint64_t steps;
	size_t d;

	r->first = 0;
	r->count = 1;
	for (d = 0; d < t->rank; d++) {
		inner /= t->shape[d];
		/* *left > 0: there are elements, so inner >= 1. */
		/* cppcheck-suppress zerodivcond */
		r->index[d] = rest / inner;
		rest -= r->index[d] * inner;
		if (rest == 0 && *left >= inner) {
			steps = t->shape[d] - r->index[d];
			r->first = r->index[d];
			r->count = *left / inner < steps ? *left / inner :
							   steps;
			break;
		}
	}
	r->fixed = d;
	*at += r->count * inner;
	*left -= r->count * inner;
	return r->count * inner;
}

void
view_of_tensor(struct view *v, const pfork_tensor *t, const struct range *r)
{
	size_t element = dtype_element_bytes(t->dtype);
	const uint64_t *strides = tensor_strides(t);
	uint64_t out = element;
	uint64_t n;

	v->rank = 0;
	v->element = element;
	v->offset = t->offset;
	for (size_t i = 0; i < r->fixed; i++)
		v->offset += r->index[i] * strides[i] * element;
	if (r->fixed < t->rank)
		v->offset += r->first * strides[r->fixed] * element;
	for (size_t i = t->rank; i-- > r->fixed;) {
		n = i == r->fixed ? r->count : t->shape[i];
		if (n != 1) {
			v->dims[v->rank].count = n;
			v->dims[v->rank].in = strides[i] * element;
			v->dims[v->rank].out = out;
			v->rank++;
		}
		out *= n;
	}
	/* Innermost first until here; the sort is stable, so turn them first
	 * for equal strides to keep C order. */
	for (size_t i = 0; i < v->rank / 2; i++) {
		struct view_dim d = v->dims[i];

		v->dims[i] = v->dims[v->rank - 1 - i];
		v->dims[v->rank - 1 - i] = d;
	}
	view_order(v);
}

uint64_t
view_span(const struct view *v, size_t from_dim)
{
	uint64_t last = 0;

	for (size_t i = from_dim; i < v->rank; i++)
		last += (v->dims[i].count - 1) * v->dims[i].in;
	return last + v->element;
}

uint64_t
view_steps(const struct view *v, size_t from, size_t to)
{
	uint64_t steps = 1;

	for (size_t i = from; i < to; i++)
		steps *= v->dims[i].count;
	return steps;
}

bool
view_overlaps(const struct view *v)
{
	for (size_t i = 0; i < v->rank; i++)
		if (v->dims[i].in < view_span(v, i + 1))
			return true;
	return false;
}

/* --------------------------------------------------------- from memory -- */

/* One tile, every element from its place to its place. */
static inline __attribute__((always_inline)) void
copy_tile(const struct view_dim *a, const struct view_dim *b,
    const uint8_t *in, uint8_t *out, size_t element)
{
	for (uint64_t i = 0; i < a->count; i++)
		for (uint64_t j = 0; j < b->count; j++)
			__builtin_memcpy(out + i * a->out + j * b->out,
			    in + i * a->in + j * b->in, element);
}

/* One tile of a transposition: `a` runs on in the output, `b` in the input.
 * Through a small buffer, so that each cache line on either side is touched
 * once: with strides that are powers of two all lines of a tile fall into the
 * same cache set, and would be thrown out between two elements. */
static inline __attribute__((always_inline)) void
turn_tile(const struct view_dim *a, const struct view_dim *b,
    const uint8_t *in, uint8_t *out, uint8_t *buffer, size_t element)
{
	for (uint64_t i = 0; i < a->count; i++)
		for (uint64_t j = 0; j < b->count; j++)
			__builtin_memcpy(buffer + (j * TILE + i) * element,
			    in + i * a->in + j * element, element);
	for (uint64_t j = 0; j < b->count; j++)
		__builtin_memcpy(out + j * b->out, buffer + j * TILE * element,
		    a->count * element);
}

/* Two dimensions in tiles, turned or not.  Inlined once for each element size,
 * so that the copy of an element is one load and one store; memcpy itself would
 * be a call with a check of its length. */
static inline __attribute__((always_inline)) void
turn_plane(const struct view_dim *a, const struct view_dim *b,
    const uint8_t *in, uint8_t *out, size_t element)
{
	_Alignas(64) uint8_t buffer[TILE * TILE * 16];
	struct view_dim ta = *a;
	struct view_dim tb = *b;

	for (uint64_t i = 0; i < a->count; i += TILE) {
		ta.count = i + TILE < a->count ? TILE : a->count - i;
		for (uint64_t j = 0; j < b->count; j += TILE) {
			tb.count = j + TILE < b->count ? TILE : b->count - j;
			turn_tile(&ta, &tb, in + i * a->in + j * b->in,
			    out + i * a->out + j * b->out, buffer, element);
		}
	}
}

/* Has no buffer: the compiler clears it, which takes longer than to copy a few
 * elements does, and a woven view is copied by few. */
static inline __attribute__((always_inline)) void
copy_plane(const struct view_dim *a, const struct view_dim *b,
    const uint8_t *in, uint8_t *out, size_t element)
{
	struct view_dim ta = *a;
	struct view_dim tb = *b;

	if (a->out == element && b->in == element) {
		turn_plane(a, b, in, out, element);
		return;
	}
	for (uint64_t i = 0; i < a->count; i += TILE) {
		ta.count = i + TILE < a->count ? TILE : a->count - i;
		for (uint64_t j = 0; j < b->count; j += TILE) {
			tb.count = j + TILE < b->count ? TILE : b->count - j;
			copy_tile(&ta, &tb, in + i * a->in + j * b->in,
			    out + i * a->out + j * b->out, element);
		}
	}
}

static void
plane(const struct view_dim *a, const struct view_dim *b, const uint8_t *in,
    uint8_t *out, size_t element)
{
	if (b->in == element && b->out == element) {
		for (uint64_t i = 0; i < a->count; i++)
			memcpy(out + i * a->out, in + i * a->in,
			    b->count * element);
		return;
	}
	switch (element) {
	case 1:
		copy_plane(a, b, in, out, 1);
		break;
	case 2:
		copy_plane(a, b, in, out, 2);
		break;
	case 4:
		copy_plane(a, b, in, out, 4);
		break;
	case 8:
		copy_plane(a, b, in, out, 8);
		break;
	default:
		copy_plane(a, b, in, out, 16);
		break;
	}
}

bool
view_next(const struct view_dim *dims, size_t count, uint64_t *index,
    uint64_t *in, uint64_t *out)
{
	for (size_t i = count; i-- > 0;) {
		if (++index[i] < dims[i].count) {
			*in += dims[i].in;
			*out += dims[i].out;
			return true;
		}
		index[i] = 0;
		*in -= dims[i].in * (dims[i].count - 1);
		*out -= dims[i].out * (dims[i].count - 1);
	}
	return false;
}

/* The dimension with the smallest output stride goes next to the last one,
 * so that a tile is compact on both sides. */
static void
bring_out_close(struct view *v)
{
	size_t best = v->rank - 2;
	struct view_dim d;

	for (size_t i = 0; i + 1 < v->rank; i++)
		if (v->dims[i].out < v->dims[best].out)
			best = i;
	d = v->dims[best];
	memmove(&v->dims[best], &v->dims[best + 1],
	    (v->rank - 2 - best) * sizeof(d));
	v->dims[v->rank - 2] = d;
}

void
gather_memory(const struct view *view, const uint8_t *in, uint8_t *out)
{
	static const struct view_dim one = { 1, 0, 0 };
	struct view v = *view;
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t from = 0;
	uint64_t to = 0;

	if (v.rank == 0) {
		memcpy(out, in, v.element);
		return;
	}
	if (v.rank == 1) {
		plane(&one, &v.dims[0], in, out, v.element);
		return;
	}
	bring_out_close(&v);
	do {
		plane(&v.dims[v.rank - 2], &v.dims[v.rank - 1], in + from,
		    out + to, v.element);
	} while (view_next(v.dims, v.rank - 2, index, &from, &to));
}
