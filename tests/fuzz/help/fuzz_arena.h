/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_arena.h - an arena that is used again for each input.
 */
#ifndef TESTS_FUZZ_ARENA_H
#define TESTS_FUZZ_ARENA_H

#include "arena.h"

/* Empty, zeroed and, under ASan, poisoned.  *a is zero or what the last call
 * made of it. */
void fuzz_arena_fresh(struct arena *a, uint8_t *base, size_t size);

#endif
