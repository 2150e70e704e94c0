/* SPDX-License-Identifier: Apache-2.0
 *
 * pieces.h - a tensor's bytes, one piece after the other, in bounded memory.
 */
#ifndef CLI_PIECES_H
#define CLI_PIECES_H

#include "picklefork.h"

/* Zeroed before the first use; may be used for many tensors. */
struct pieces {
	const pfork_tensor *tensor;
	uint64_t at;
	size_t piece;
	void *buffer;
	size_t size;
};

void pieces_start(struct pieces *p, const pfork_tensor *t);
/* *length 0: that was all.  *bytes is good until the next call. */
enum pfork_code pieces_next(struct pieces *p, const void **bytes,
    size_t *length, pfork_error *err);
void pieces_free(struct pieces *p);

#endif
