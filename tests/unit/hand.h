/* SPDX-License-Identifier: Apache-2.0
 *
 * hand.h - checkpoints made by hand, without a worker, for the tests of what
 * comes after a load.
 */
#ifndef TESTS_HAND_H
#define TESTS_HAND_H

#include "checkpoint.h"

/* The input is a memfd with these bytes. */
pfork_checkpoint *hand_new(const void *bytes, size_t length);
uint32_t hand_extent(pfork_checkpoint *c, uint64_t offset, uint64_t length);
uint32_t hand_stream(pfork_checkpoint *c, const void *bytes, size_t length);
/* strides NULL: C order.  Fails the test when it is out of its storage. */
void hand_tensor(pfork_checkpoint *c, const char *name, const char *dtype,
    size_t rank, const uint64_t *shape, const uint64_t *strides,
    uint32_t storage, uint64_t offset);
void hand_alias(pfork_checkpoint *c, const char *name, uint32_t target);
/* What the tensor's bytes must be, the slow way; free() it. */
uint8_t *hand_expected(const pfork_tensor *t, const uint8_t *storage);

#endif
