/* SPDX-License-Identifier: Apache-2.0
 *
 * held.h - the namespaces that a broker has made once, by a worker that holds
 * them until the broker does, and lends to its workers: what the holder says,
 * and how a worker is given them.
 */
#ifndef PROTO_HELD_H
#define PROTO_HELD_H

#include <stdint.h>

/* Bits of a set; entered in this order, for the first makes the others
 * possible. */
enum held {
	HELD_USER,
	HELD_IPC,
	HELD_UTS,
	HELD_CGROUP,
	HELD_MOUNT,
	HELD_COUNT
};
#define HELD_ALL ((1u << HELD_COUNT) - 1)

/* A worker's argument "lent=" is the set that it is given; their descriptors
 * follow one another from here, without a gap. */
#define HELD_FIRST_FD 2

static inline unsigned
held_count(uint32_t set)
{
	unsigned count = 0;

	for (; set != 0; set >>= 1)
		count += set & 1;
	return count;
}

/* The holder's only words: this byte, and one with the set that it is in. */
#define HELD_SAYS 'H'

#endif
