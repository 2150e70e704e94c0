/* SPDX-License-Identifier: Apache-2.0
 *
 * frama_gcc.h - for Frama-C, which does not know some words of gcc and C17:
 * the same, in plain C.  All uses in what is proved are on uint64_t.  Included
 * before anything else; never compiled into a program.
 */
#ifndef FRAMA_GCC_H
#define FRAMA_GCC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*@ requires \valid(out);
  @ assigns *out;
  @ assigns \result \from a, b; */
static inline bool
frama_add(uint64_t a, uint64_t b, uint64_t *out)
{
	*out = a + b;
	return a > UINT64_MAX - b;
}

/*@ requires \valid(out);
  @ assigns *out;
  @ assigns \result \from a, b; */
static inline bool
frama_mul(uint64_t a, uint64_t b, uint64_t *out)
{
	*out = a * b;
	return a != 0 && b > UINT64_MAX / a;
}

/* The compilers judge these. */
#define _Static_assert(...)
/* Words about fields that none of this touches. */
#undef _Atomic
#define _Atomic(type) type
#define _Alignas(bytes)

#define __builtin_add_overflow(a, b, out) frama_add((a), (b), (out))
#define __builtin_mul_overflow(a, b, out) frama_mul((a), (b), (out))

/* With its type: proofs cannot follow void pointers.  C17, 7.24.5.1.  Eva has a
 * body instead (frama_check.c). */
#ifndef FRAMA_EVA
/*@ requires n > 0 && \valid_read(s + (0 .. n - 1));
  @ assigns \result \from s, indirect: c, indirect: n,
  @     indirect: s[0 .. n - 1];
  @ ensures \result == \null || (\exists integer k; 0 <= k < n &&
  @     \result == s + k); */
#endif
const uint8_t *frama_memchr(const uint8_t *s, int c, size_t n);
#define memchr frama_memchr

#endif
