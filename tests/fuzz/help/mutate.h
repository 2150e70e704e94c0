/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.h - mutators that know a format.  Each changes data in place (at most
 * max_size bytes of it), and returns the new size; 0 when the change that the
 * seed names cannot be made, and then libFuzzer's own mutation is.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef size_t mutate_fn(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);
mutate_fn mutate_frames, mutate_pickle, mutate_zip, mutate_npy, mutate_gguf,
    mutate_json, mutate_header;
/* By the first bytes. */
mutate_fn mutate_any;
/* The same for what stands in an archive: never an archive again. */
mutate_fn mutate_inner;

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
    unsigned seed);

/* Counts a change of this kind (a constant: "zip: permute") that was made, when
 * size is not 0; returns size.  What was made is printed at the end, so that a
 * mutator that is never reached is seen. */
size_t mutate_made(const char *kind, size_t size);

/* A generator of one mutation's choices. */
struct dice {
	uint64_t state;
};
struct dice dice_of(unsigned seed);
/* Under `sides`, which is not 0. */
size_t dice_roll(struct dice *d, size_t sides);
/* 0, 1, the edges of each width, and near them. */
uint64_t dice_edge(struct dice *d);

/* Bytes that an edit puts somewhere. */
struct snippet {
	const uint8_t *at;
	size_t length;
};
#define SNIPPET(text) { (const uint8_t *)(text), sizeof(text) - 1 }
#define DICE_PICK(table, d) (table)[dice_roll(d, \
	sizeof(table) / sizeof((table)[0]))]

/* Puts `with` in the place of `old` bytes at `at`; the new size, or 0 when it is
 * over max_size. */
size_t splice(uint8_t *data, size_t size, size_t max_size, size_t at,
    size_t old, const uint8_t *with, size_t length);
/* Exchanges [a, b) and [b, c). */
void exchange(uint8_t *data, size_t a, size_t b, size_t c);
/* Little-endian numbers of at most 8 bytes. */
uint64_t get_le(const uint8_t *at, size_t width);
void put_le(uint8_t *at, size_t width, uint64_t value);

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
