/* SPDX-License-Identifier: Apache-2.0
 *
 * within.h - a file in the bytes of another: the job looks at those bytes
 * alone for as long as it takes.  The parser of the file inside need not know
 * (job.h, struct job_window).
 */
#ifndef WORKER_WITHIN_H
#define WORKER_WITHIN_H

#include "job.h"

/* What the job looked at before. */
struct within {
	const uint8_t *map;
	uint64_t size;
	struct job_window window;
};

/* in_file: at[] stands in job->map; otherwise `where` is the offset there that
 * all of it is said to be at. */
struct within within_enter(struct job *job, const uint8_t *at,
    uint64_t len, bool in_file, uint64_t where);
void within_leave(struct job *job, const struct within *was);

#endif
