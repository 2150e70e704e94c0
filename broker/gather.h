/* SPDX-License-Identifier: Apache-2.0
 *
 * gather.h - a strided view, copied into C order.  The view was proved to lie
 * inside its storage when the tensor came in; nothing is judged again here.
 */
#ifndef BROKER_GATHER_H
#define BROKER_GATHER_H

#include "checkpoint.h"

/* Fits a second-level cache, and 4 MiB are read in about 1 ms. */
#define GATHER_WINDOW (4 * MIB)
/* Most that is held of the input, for views that overlap themselves: read piece
 * by piece, they would be read over and over. */
#define GATHER_MOST (64 * MIB)
/* A hole larger than this costs more to read (5 GB/s) than a second pread
 * does (about 1 us). */
#define GATHER_HOLE (UINT64_C(8) * KIB)

/* Strides in bytes; `in` in the storage, `out` in the caller's buffer. */
struct view_dim {
	uint64_t count;		/* > 0 */
	uint64_t in;
	uint64_t out;
};
struct view {
	struct view_dim dims[RANK_MAX];
	size_t rank;
	size_t element;		/* bytes: 1, 2, 4, 8 or 16 */
	uint64_t offset;	/* of the first element, in the storage */
};

/* A box of a tensor: the leading `fixed` dimensions at index[], then `count`
 * steps of dimension `fixed` from `first`, then all of the others.  With rank
 * 0, or fixed = rank, the one element. */
struct range {
	size_t fixed;
	uint64_t index[RANK_MAX];
	uint64_t first;
	uint64_t count;
};
/* The next range of elements [*at, *at + *left) in C order, as large as can be;
 * returns its elements (> 0, as *left), and goes on by them. */
uint64_t range_next(const pfork_tensor *t, uint64_t *at, uint64_t *left,
    struct range *r);

/* The view's dims come ordered. */
void view_of_tensor(struct view *v, const pfork_tensor *t,
    const struct range *r);
/* dims stand in C order: sorts them, largest input stride first, and merges
 * neighbours that run on. */
void view_order(struct view *v);
/* One run of bytes on both sides. */
bool view_is_run(const struct view *v);

/* Whether the steps of a dimension are smaller than what the inner ones span:
 * true of every view that reaches a byte twice. */
bool view_overlaps(const struct view *v);

/* Bytes from the first element viewed to the end of the last one. */
uint64_t view_span(const struct view *v, size_t from_dim);

/* Elements of dims [from, to): 1 of none. */
uint64_t view_steps(const struct view *v, size_t from, size_t to);

/* The next index over dims[0..count), like an odometer's; *in and *out go along
 * with it.  False after the last. */
bool view_next(const struct view_dim *dims, size_t count, uint64_t *index,
    uint64_t *in, uint64_t *out);

/* `in` is the view's first element. */
void gather_memory(const struct view *v, const uint8_t *in, uint8_t *out);

/* gather_source.c: the storage stands at `base` in the input; reads it in
 * windows. */
enum pfork_code gather_source(const struct view *v, const struct source *s,
    uint64_t base, uint8_t *out, pfork_error *err);

/* gather_woven.c: the same for a view that overlaps itself, its first element
 * `from` in the input. */
enum pfork_code gather_woven(const struct view *v, const struct source *source,
    uint64_t from, uint8_t *out, pfork_error *err);

#endif
