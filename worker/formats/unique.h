/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.h - names of which a file may hold each only once.  Time is linear
 * whatever the names are: the hash is keyed with the job's random seed.
 */
#ifndef WORKER_UNIQUE_H
#define WORKER_UNIQUE_H

#include "job.h"

struct unique_name {
	const uint8_t *at;
	uint32_t len;
};
#define UNIQUE_A_PAGE (ARENA_PAGE / sizeof(struct unique_name))

struct unique {
	uint64_t *slots;	/* 0: free; else half of the hash, and above it
				 * the name's number plus one */
	uint32_t mask;
	uint32_t used;
	struct unique_name **pages;	/* names by number */
	uint32_t page_capacity;
};

void unique_init(struct job *job, struct unique *u);
/* False when the name is there already.  It must stay where it is, and the
 * length is below 2^32.  Names are numbered as they come, from 0. */
bool unique_add(struct job *job, struct unique *u, const uint8_t *at,
    size_t length);

static inline const struct unique_name *
unique_name(const struct unique *u, uint32_t number)
{
	return &u->pages[number / UNIQUE_A_PAGE][number % UNIQUE_A_PAGE];
}

#endif
