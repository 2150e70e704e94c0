/* SPDX-License-Identifier: Apache-2.0
 *
 * xorshift.h - Marsaglia's xorshift64 (2003): the same numbers everywhere, for
 * tests of random input that can be run again.
 */
#ifndef TESTS_XORSHIFT_H
#define TESTS_XORSHIFT_H

#include <stdint.h>

/* *state is not 0. */
static inline uint64_t
xorshift(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
