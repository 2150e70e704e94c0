/* SPDX-License-Identifier: Apache-2.0
 *
 * swap.h - big-endian elements on their way out: tensors are little-endian.
 */
#ifndef WORKER_SWAP_H
#define WORKER_SWAP_H

#include "job.h"

/* Sends the bytes of the storage that was announced last with each element of
 * `width` bytes (1, 2, 4, 8 or 16) turned round. */
void swap_send(struct job *job, const uint8_t *bytes, uint64_t length,
    unsigned width);

#endif
