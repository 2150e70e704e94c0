/* SPDX-License-Identifier: Apache-2.0
 *
 * unique.h - names of which a file may hold each only once.  Time is linear
 * whatever the names are: the hash is keyed with the job's random seed.
 */
#ifndef WORKER_UNIQUE_H
#define WORKER_UNIQUE_H

#include "job.h"

struct unique {
	struct unique_name {
		const uint8_t *at;	/* NULL: free */
		uint64_t hash;
		uint32_t len;
	} *slots;
	uint32_t mask;
	uint32_t used;
};

void unique_init(struct job *job, struct unique *u);
/* False when the name is there already.  It must stay where it is; at is not
 * NULL, and the length is below 2^32. */
bool unique_add(struct job *job, struct unique *u, const uint8_t *at,
    size_t length);

#endif
