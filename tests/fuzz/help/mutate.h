/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.h - mutators that know a format.  Each changes data in place (at most
 * max_size bytes of it), and returns the new size; 0 when the change that the
 * seed names cannot be made, and then libFuzzer's own mutation is.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

typedef size_t mutate_fn(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);
mutate_fn mutate_frames, mutate_pickle, mutate_zip, mutate_header;
/* By the first bytes. */
mutate_fn mutate_any;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);

/* A generator of one mutation's choices. */
struct dice {
	uint64_t state;
};
struct dice dice_of(unsigned seed);
/* Under `sides`, which is not 0. */
size_t dice_roll(struct dice *d, size_t sides);
/* 0, 1, the edges of each width, and near them. */
uint64_t dice_edge(struct dice *d);

/* Puts `with` in the place of `old` bytes at `at`; the new size, or 0 when it is
 * over max_size. */
size_t splice(uint8_t *data, size_t size, size_t max_size, size_t at,
    size_t old, const uint8_t *with, size_t length);

/* One mutation in three is libFuzzer's. */
#define FUZZ_MUTATOR(mutate)                                               \
	size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,         \
	    size_t max_size, unsigned seed)                                \
	{                                                                  \
		size_t changed = 0;                                        \
									   \
		if (seed % 3 != 0)                                         \
			changed = mutate(data, size, max_size, seed / 3);  \
		return changed > 0 ? changed                               \
		    : LLVMFuzzerMutate(data, size, max_size);              \
	}

#endif
