/* SPDX-License-Identifier: Apache-2.0
 *
 * load_begin.c - makes a job: what will be believed of its worker, and the
 * worker, one that waits or one of our own.  Says nothing to it yet.  Must
 * never leave a descriptor or a worker behind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "holder.h"
#include "input.h"
#include "keeper.h"
#include "load_job.h"
#include "monotonic.h"

#define CONTIGUOUS_CEILING (64 * TIB)

static void
set_rules(struct rules *r, const struct pfork_broker *b, uint64_t size)
{
	memset(r, 0, sizeof(*r));
	r->limits = b->limits;
	/* What stands in other files has nothing to do with this one's size:
	 * the store judges the sum when it knows all of them. */
	if (r->limits.contiguous_bytes == 0)
		r->limits.contiguous_bytes =
		    (b->go_flags & GO_PIECES) != 0 ? CONTIGUOUS_CEILING :
						     8 * size + GIB;
	r->required_layers = b->required_layers;
	r->input_size = size;
	r->deliver_stream = b->delivery == PFORK_DELIVER_STREAM;
	r->scalars = (b->flags & PFORK_SCALARS) != 0;
	r->pieces = (b->go_flags & GO_PIECES) != 0;
	r->shares = b->inflate_workers;
}

struct pfork_job *
load_job_new(const struct pfork_broker *b, const struct source *input)
{
	struct pfork_job *job = calloc(1, sizeof(*job));
	struct rules rules;

	if (job == NULL)
		return NULL;
	job->child = CHILD_NONE;
	job->epoll = -1;
	job->timer = -1;
	job->ckpt = checkpoint_new();
	set_rules(&rules, b, input->size);
	if (job->ckpt == NULL ||
	    !session_init(&job->session, &rules, job->ckpt)) {
		errno = ENOMEM;
		goto fail;
	}
	job->ckpt->source = *input;
	job->input = &job->ckpt->source;
	job->ckpt->flags = b->flags;
	job->refuse_at = b->refuse_at;
	job->go_flags = b->go_flags;
	job->cpu_seconds = b->limits.cpu_seconds;
	job->keeper = keeper_ref(b->keeper);
	return job;
fail:
	load_job_free(job);
	return NULL;
}

enum pfork_code
load_job_hire(const struct pfork_broker *b, struct pfork_job *job, int input,
    bool prompt, pfork_error *err)
{
	if (job->keeper != NULL &&
	    keeper_employ(job->keeper, input, &job->child)) {
		job->parked = true;
		return PFORK_OK;
	}
	return child_spawn(b, "run", prompt ? LEND_PROMPT : LEND_SOON, input,
	    &job->child, err);
}

/* What others are started by: a job may outlive its broker.  They check nothing
 * that the first one does, nor say anything but bytes. */
static bool
keep_settings(struct pfork_job *job, const struct pfork_broker *b)
{
	if (b->inflate_workers == 1)
		return true;
	job->settings = malloc(sizeof(*job->settings));
	if (job->settings == NULL)
		return false;
	*job->settings = *b;
	job->settings->flags &= ~(PFORK_VERIFY | PFORK_SCALARS);
	(void)keeper_ref(job->settings->keeper);
	(void)holder_ref(job->settings->holder);
	return true;
}

static enum pfork_code
cannot_prepare(int errnum, pfork_error *err)
{
	return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "preparing a load: %s", error_errno(errnum));
}

enum pfork_code
load_job_begin(const struct pfork_broker *b, struct source *input,
    bool prompt, struct pfork_job **out, pfork_error *err)
{
	struct pfork_job *job = load_job_new(b, input);
	enum pfork_code code;

	if (job == NULL) {
		input_close(input);
		return cannot_prepare(ENOMEM, err);
	}
	if (!keep_settings(job, b)) {
		load_job_free(job);
		return cannot_prepare(ENOMEM, err);
	}
	job->started_us = monotonic_us();
	job->moved = job->started_us / 1000;
	job->wall_until = job->started_us / 1000 + b->limits.wall_ms;
	job->stall_ms = b->limits.stall_ms;
	code = load_job_hire(b, job, input->fd, prompt, err);
	if (code != PFORK_OK)
		load_job_free(job);
	else
		*out = job;
	return code;
}

enum pfork_code
load_job_offer(struct pfork_job *job, pfork_error *err)
{
	enum pfork_code code;

	if (load_job_watch(job))
		return PFORK_OK;
	code = cannot_prepare(errno, err);
	load_job_free(job);
	return code;
}
