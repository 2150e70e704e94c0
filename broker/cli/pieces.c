/* SPDX-License-Identifier: Apache-2.0
 *
 * pieces.c - a tensor's bytes in pieces: 1 MiB, which stays in the cache, for
 * straight tensors; more for strided ones, where each piece may have to look at
 * the whole storage.
 */
#include "pieces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STRAIGHT_PIECE (UINT64_C(1) << 20)
#define STRIDED_PIECE (UINT64_C(64) << 20)

void
pieces_start(struct pieces *p, const pfork_tensor *t)
{
	uint64_t nbytes = pfork_tensor_nbytes(t);
	uint64_t piece = STRAIGHT_PIECE;

	/* Both are multiples of every element's size. */
	if (!pfork_tensor_is_contiguous(t)) {
		piece = nbytes / 16 & ~(STRAIGHT_PIECE - 1);
		if (piece < STRIDED_PIECE)
			piece = STRIDED_PIECE;
	}
	p->tensor = t;
	p->at = 0;
	p->piece = (size_t)(piece < nbytes ? piece : nbytes);
}

enum pfork_code
pieces_next(struct pieces *p, const void **bytes, size_t *length,
    pfork_error *err)
{
	uint64_t left = pfork_tensor_nbytes(p->tensor) - p->at;
	size_t n = left < p->piece ? (size_t)left : p->piece;
	enum pfork_code code;

	if (p->size < n) {
		free(p->buffer);
		p->buffer = malloc(n);
		p->size = p->buffer == NULL ? 0 : n;
	}
	if (n > 0 && p->buffer == NULL) {
		err->code = PFORK_E_SYSTEM;
		err->errnum = ENOMEM;
		err->offset = PFORK_NO_OFFSET;
		snprintf(err->text, sizeof(err->text), "no memory");
		return PFORK_E_SYSTEM;
	}
	code = pfork_tensor_read_part(p->tensor, p->at, p->buffer, n, err);
	if (code != PFORK_OK)
		return code;
	*bytes = p->buffer;
	*length = n;
	p->at += n;
	return PFORK_OK;
}

void
pieces_free(struct pieces *p)
{
	free(p->buffer);
}
