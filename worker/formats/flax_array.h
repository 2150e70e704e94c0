/* SPDX-License-Identifier: Apache-2.0
 *
 * flax_array.h - flax's array inside MessagePack: an extension of type 1 (or 3,
 * a numpy scalar) whose payload is [shape, dtype's name, bytes].
 */
#ifndef WORKER_FLAX_ARRAY_H
#define WORKER_FLAX_ARRAY_H

#include "dtype.h"
#include "job.h"
#include "msgpack_read.h"

enum flax_ext {
	FLAX_NDARRAY = 1,
	FLAX_COMPLEX = 2,	/* [real, imaginary] */
	FLAX_SCALAR = 3
};

struct flax_array {
	const struct dtype *dtype;	/* NULL: see left_out */
	const char *left_out;		/* why it is no tensor, or NULL */
	uint64_t shape[RANK_MAX];
	size_t rank;
	const uint8_t *at;
	uint64_t len;
};

/* A look at the payload's beginning; does not die. */
bool flax_array_is(const struct mp_token *ext);
/* Dies when the payload is not what flax writes. */
void flax_array_read(struct job *job, const struct mp_token *ext,
    struct flax_array *out);
/* numpy's name of a dtype that is a tensor's here, or NULL. */
const struct dtype *flax_dtype(const uint8_t *name, uint64_t length);

#endif
