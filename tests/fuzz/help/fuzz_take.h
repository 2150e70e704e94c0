/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_take.h - structures from the fuzzer's bytes.  Past their end all is zero.
 */
#ifndef TESTS_FUZZ_TAKE_H
#define TESTS_FUZZ_TAKE_H

#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct take {
	const uint8_t *at;
	size_t left;
};
uint8_t take_u8(struct take *t);
/* Under `sides`, which is not 0. */
uint32_t take_under(struct take *t, uint32_t sides);
/* A first byte says how it is written: small, an edge of a width, or eight
 * bytes. */
uint64_t take_u64(struct take *t);
/* At most `most` bytes, in place. */
struct wire_bytes take_bytes(struct take *t, size_t most);

#endif
