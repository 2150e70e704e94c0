/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_share.c - where several workers parse one input: which of them sends the
 * bytes of a stream.  Nobody tells anybody, so all must come to the same
 * answer, from the file alone; the broker refuses what does not fit together.
 * Only time depends on how well it is shared out.
 */
#include "sink_inside.h"

void
sink_share_out(struct job *job)
{
	if (job->sink->shares != NULL)
		job->sink->shares->out = true;
}

bool
sink_is_shared_out(const struct job *job)
{
	return job->sink->shares != NULL && job->sink->shares->out;
}

/* The one that was given least; share 0 before others. */
static uint32_t
least(const struct job *job)
{
	const struct shares *s = job->sink->shares;
	uint32_t found = 0;

	for (uint32_t i = 1; i < job->shares; i++)
		if (s->given[i] < s->given[found])
			found = i;
	return found;
}

/* The first one worth it is given away at once, because only then others are
 * started: they come to it when share 0 has done what it was given before. */
static uint32_t
begin(const struct job *job)
{
	struct shares *s = job->sink->shares;

	for (uint32_t i = 1; i < job->shares; i++)
		s->given[i] = s->given[0];
	s->begun = true;
	return 1;
}

bool
sink_share_is_mine(struct job *job, uint64_t packed)
{
	struct shares *s = job->sink->shares;
	uint32_t whose = 0;

	if (s == NULL)
		return true;
	if (s->out && packed >= SINK_SHARE_MIN)
		whose = s->begun ? least(job) : begin(job);
	s->given[whose] += packed;
	return whose == job->share;
}

/* What a tensor is called and where it lies is said once, by share 0. */
bool
sink_share_says(const struct job *job, enum frame_type type)
{
	return job->share == 0 || type == FRAME_FORMAT ||
	    type == FRAME_STORAGE || type == FRAME_DATA ||
	    type == FRAME_PROGRESS || type == FRAME_DONE ||
	    type == FRAME_FAULT;
}
