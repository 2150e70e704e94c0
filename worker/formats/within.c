/* SPDX-License-Identifier: Apache-2.0
 *
 * within.c - see within.h.  What is in a file that stands in the input is in
 * the input too; what is in a file that was decoded is not.
 */
#include "within.h"

struct within
within_enter(struct job *job, const uint8_t *at, uint64_t len,
    bool in_file, uint64_t where)
{
	struct within was = { job->map, job->size, job->window };

	job->window.where = job_where(job, where);
	job->window.in_file = in_file &&
	    (was.window.depth == 0 || was.window.in_file);
	if (job->window.in_file)
		job->window.base = job_where(job,
		    (uint64_t)(at - job->map));
	job->window.depth++;
	job->map = at;
	job->size = len;
	return was;
}

void
within_leave(struct job *job, const struct within *was)
{
	job->map = was->map;
	job->size = was->size;
	job->window = was->window;
}
