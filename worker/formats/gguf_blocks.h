/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_blocks.h - blocks of quantised elements in big-endian files, for the
 * types whose blocks are halves and bytes: there it is certain what to turn.
 */
#ifndef WORKER_GGUF_BLOCKS_H
#define WORKER_GGUF_BLOCKS_H

#include "dtype.h"
#include "job.h"

bool gguf_blocks_known(const struct dtype *d);
/* The storage that was announced last: whole blocks of a known type, their
 * halves turned round. */
void gguf_blocks_send(struct job *job, const struct dtype *d,
    const uint8_t *bytes, uint64_t length);

#endif
