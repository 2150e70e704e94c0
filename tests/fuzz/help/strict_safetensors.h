/* SPDX-License-Identifier: Apache-2.0
 *
 * strict_safetensors.h - reads a safetensors file that we wrote, believes
 * nothing, and compares it with the checkpoint that it was made from.
 */
#ifndef TESTS_FUZZ_STRICT_SAFETENSORS_H
#define TESTS_FUZZ_STRICT_SAFETENSORS_H

#include "checkpoint.h"

/* input: what extents are of.  Traps on any difference. */
void strict_safetensors(const pfork_checkpoint *c, const uint8_t *input,
    const uint8_t *bytes, size_t size, uint32_t flags);

#endif
