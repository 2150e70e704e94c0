/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.h - work on long runs of bytes by several threads, which live no
 * longer than the call that made them.
 */
#ifndef BROKER_THREADS_H
#define BROKER_THREADS_H

#include <stddef.h>
#include <stdint.h>

/* More gain nothing: four copy as fast as memory is. */
#define THREADS_MAX 4
/* Slices begin at a multiple of this: a huge page. */
#define THREADS_SLICE ((uint64_t)2 << 20)

/* How many are worth it for so many bytes: 1 to THREADS_MAX, and no more than
 * this thread has processors. */
size_t threads_for(uint64_t bytes);
/* The i-th of `count` slices of `bytes`: where it begins; the last one ends at
 * `bytes`, slices may be empty. */
uint64_t threads_slice(uint64_t bytes, size_t count, size_t i);

/* run(items + i * size) for each i under count, of which the first is run here.
 * Where a thread cannot be had its item is run here too: slower, not less. */
void threads_run(void (*run)(void *item), void *items, size_t size,
    size_t count);

#endif
