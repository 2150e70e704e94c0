/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_numpy.h - what the files that read numpy's words share.
 */
#ifndef WORKER_VOCABULARY_NUMPY_H
#define WORKER_VOCABULARY_NUMPY_H

#include "vocabulary_word.h"

struct npy_dtype {
	const struct dtype *dtype;
	bool swapped;		/* big-endian */
	bool list;		/* its elements stand in a list */
	const char *refused;	/* why it is no tensor's, or NULL */
	bool known;		/* refused, but plain data: strings, dates */
};

/* Where an array's bytes are. */
struct npy_bytes {
	const uint8_t *at;
	uint64_t len;		/* of at[] */
	uint64_t count;		/* bytes that it means */
	bool latin1;		/* at[] is UTF-8, one character a byte */
	vref node;		/* that holds them, or VREF_MISSING */
	bool in_file;
};

/* numpy_array.c: the function that rebuilds arrays, which stands in numpy.core,
 * or in numpy._core since numpy 2. */
bool numpy_is_reconstruct(const struct graph *g, vref v);

/* numpy_dtype.c: sets dtype and swapped from a code ("<f4"); NULL, or why it is
 * no tensor's. */
const char *numpy_code_read(const uint8_t *at, uint64_t len,
    struct npy_dtype *out);
/* Dies on a lie; ->refused when it is no tensor's. */
void numpy_dtype_read(const struct word *w, vref v, struct npy_dtype *out);

/* numpy_bytes.c: false when the bytes are not to be had, which was said. */
bool numpy_bytes_read(const struct word *w, vref v, struct npy_bytes *out);
/* Of a call that makes bytes of a text; false when it is another. */
bool numpy_encoded_read(const struct word *w, const struct value *call,
    struct npy_bytes *out);
/* The same for who only tells of it: dies of nothing, and a text that Python
 * would not encode is none either.  Counting it takes its length from
 * *budget, which is 0 when it was not enough. */
bool numpy_encoded_peek(const struct graph *g, const struct value *call,
    uint64_t *budget, struct npy_bytes *out);
/* At most `room` of them, decoded; returns how many. */
size_t numpy_bytes_copy(const struct npy_bytes *bytes, uint8_t *out,
    size_t room);
void numpy_swap(uint8_t *at, size_t len, unsigned width);
/* The storage that holds them, in the host's byte order. */
uint32_t numpy_storage(const struct word *w, const struct npy_bytes *bytes,
    const struct npy_dtype *d);

/* numpy_scalar.c: the number in at most 8 bytes; false for complex ones and for
 * what has no plain value. */
bool numpy_scalar_value(const struct dtype *d, uint64_t bits,
    struct scalar_out *out);

#endif
