/* SPDX-License-Identifier: Apache-2.0
 *
 * sum.c - the sum that stands for a consumer of tensors: every byte is looked
 * at once, as fast as memory gives them.  Both sides of a row run this loop,
 * ours by linking it and Python by ctypes, so that loaders are compared and not
 * loops.
 */
#include "verbs.h"

/* Four words wherever they stand. */
typedef uint64_t words __attribute__((vector_size(32), aligned(1), may_alias));
typedef uint64_t sums __attribute__((vector_size(32)));

/* Four of them, or adding would wait for adding.  AVX2 where there is any, as
 * numpy has it. */
__attribute__((target_clones("default", "avx2")))
uint64_t
sum_words(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	sums a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	uint64_t rest = 0;
	size_t i = 0;

	for (; size - i >= 4 * sizeof(words); i += 4 * sizeof(words)) {
		const words *w = (const words *)(const void *)(p + i);

		a += w[0];
		b += w[1];
		c += w[2];
		d += w[3];
	}
	for (; i < size; i++)
		rest += p[i];
	a += b + c + d;
	return a[0] + a[1] + a[2] + a[3] + rest;
}
