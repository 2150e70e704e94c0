/* SPDX-License-Identifier: Apache-2.0
 *
 * assembled.h - a tensor that is made of boxes, each a view of a storage of its
 * own, often in files of their own.  The boxes are proved to be disjoint and to
 * cover the tensor before anybody reads from it.
 */
#ifndef BROKER_ASSEMBLED_H
#define BROKER_ASSEMBLED_H

#include "checkpoint.h"
#include "gather.h"

/* Numbers: rank of the tensor each, in elements. */
struct tensor_box {
	const uint64_t *start;		/* in the tensor */
	const uint64_t *size;		/* no 0 */
	const uint64_t *strides;	/* in the storage */
	const pfork_checkpoint *home;	/* the storage's, and the input's */
	uint32_t storage;
	uint64_t offset;		/* bytes into the storage */
};

/* Lives in the pool of the tensor's owner. */
struct assembly {
	struct tensor_box *boxes;	/* by start[split] */
	uint64_t *reach;		/* the highest end in `split` so far */
	size_t count;
	size_t split;			/* the first dimension that is cut */
};

enum assembled {
	ASSEMBLED_OK,
	ASSEMBLED_HOLE,
	ASSEMBLED_OVERLAP,
	ASSEMBLED_TOO_HARD,	/* cut so wildly that the proof would cost too
				 * much */
	ASSEMBLED_TOO_LATE,	/* the deadline has passed */
	ASSEMBLED_NO_MEMORY
};

/* What is left for the proofs of all tensors of a load. */
struct assembled_budget {
	uint64_t places;	/* boxes to be looked at, each time one is */
	uint64_t until;		/* milliseconds of the monotonic clock */
};

/* Enough for `boxes` boxes of any number of tensors, when each of these is a
 * grid, even or not, cut in 16 dimensions at most; and for a few others. */
struct assembled_budget assembled_budget(size_t boxes, uint64_t until);

/* Are the boxes disjoint, and do they cover the shape exactly?  Every box lies
 * inside of it.  Pure, but for its own memory and the clock, which is looked at
 * before each dimension.  O(n log n) in time for a grid; takes from the
 * budget. */
enum assembled assembled_judge(const uint64_t *shape, size_t rank,
    const struct tensor_box *boxes, size_t count,
    struct assembled_budget *budget);

/* Sorts the boxes, which assembled_judge has found good. */
bool assembled_make(struct assembly *a, struct pool *pool, size_t rank,
    struct tensor_box *boxes, size_t count, const uint64_t *shape);

/* The elements of a range of the tensor, contiguous in C order. */
enum pfork_code assembled_read(const pfork_tensor *t, const struct range *r,
    uint8_t *out, pfork_error *err);

#endif
