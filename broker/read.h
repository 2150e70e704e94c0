/* SPDX-License-Identifier: Apache-2.0
 *
 * read.h - tensor bytes in pieces, for the writers.
 */
#ifndef BROKER_READ_H
#define BROKER_READ_H

#include "checkpoint.h"
#include "gather.h"

/* Bytes that one piece of a tensor should have: large for strided ones, whose
 * every piece may touch the whole storage. */
size_t read_piece(const pfork_tensor *t);
/* pfork_tensor_read_part without the look at whether the input changed. */
enum pfork_code read_part(const pfork_tensor *t, uint64_t first, void *buffer,
    size_t size, pfork_error *err);

/* One view of a storage of `home`. */
enum pfork_code read_view(const pfork_checkpoint *home, uint32_t storage,
    const struct view *v, uint8_t *out, pfork_error *err);
/* Do its bytes stand in an input, which can change? */
bool read_from_input(const pfork_tensor *t);

#endif
