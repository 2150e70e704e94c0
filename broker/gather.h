/* SPDX-License-Identifier: Apache-2.0
 *
 * gather.h - a strided view, copied into C order.  The view was proved to lie
 * inside its storage when the tensor came in; nothing is judged again here.
 */
#ifndef BROKER_GATHER_H
#define BROKER_GATHER_H

#include "checkpoint.h"

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
 * 0 the one element.  The view's dims come sorted, largest input stride first,
 * and merged where neighbours run on. */
void view_of_tensor(struct view *v, const pfork_tensor *t, size_t fixed,
    const uint64_t *index, uint64_t first, uint64_t count);

/* Bytes from the first element viewed to the end of the last one. */
uint64_t view_span(const struct view *v, size_t from_dim);

/* `in` is the view's first element. */
void gather_memory(const struct view *v, const uint8_t *in, uint8_t *out);

/* The storage stands at `base` in the input; reads it in windows. */
enum pfork_code gather_source(const struct view *v, const struct source *s,
    uint64_t base, uint8_t *out, pfork_error *err);

#endif
