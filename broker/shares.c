/* SPDX-License-Identifier: Apache-2.0
 *
 * shares.c - see shares.h.  A filler is a job as any other, with a session and
 * a checkpoint that is thrown away; it is believed no more than the first
 * worker is.  Must never leave one of them behind, nor let a load succeed with
 * a storage whose bytes nobody sent.
 */
#include "shares.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "error.h"
#include "holder.h"
#include "keeper.h"
#include "monotonic.h"

/* Its deadline is that of the load. */
static void
take_share(const struct pfork_job *job, struct pfork_job *filler,
    uint32_t share)
{
	filler->session.rules.share = share;
	filler->session.held = job->session.held;
	filler->started_us = job->started_us;
	filler->moved = monotonic_ms();
	filler->wall_until = job->wall_until;
	filler->stall_ms = job->stall_ms;
}

/* Who waits for the load waits for the filler with it. */
static bool
watch(const struct pfork_job *job, struct pfork_job *filler)
{
	struct epoll_event event = { .events = EPOLLIN };

	return job->epoll < 0 || (load_job_watch(filler) &&
	    epoll_ctl(job->epoll, EPOLL_CTL_ADD, filler->epoll, &event) == 0);
}

static enum pfork_code
begin_one(struct pfork_job *job, uint32_t share, pfork_error *err)
{
	/* The descriptor is the load's: lent, and not kept. */
	struct source input = { .fd = -1, .size = job->ckpt->source.size };
	struct pfork_job *filler = load_job_new(job->settings, &input);
	enum pfork_code code;

	if (filler == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for another worker");
	filler->input = &job->ckpt->source;
	job->fillers[job->filler_count++] = filler;
	take_share(job, filler, share);
	code = load_job_hire(job->settings, filler, job->ckpt->source.fd,
	    job->epoll >= 0, err);
	if (code == PFORK_OK && !watch(job, filler))
		code = error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "preparing another worker: %s", error_errno(errno));
	return code;
}

void
shares_begin(struct pfork_job *job)
{
	enum pfork_code code = PFORK_OK;
	pfork_error err;

	if (job->over || job->filler_count > 0 ||
	    job->session.totals.elsewhere == 0)
		return;
	for (uint32_t i = 1; i < job->session.rules.shares &&
	    code == PFORK_OK; i++)
		code = begin_one(job, i, &err);
	if (code != PFORK_OK)
		load_job_fail(job, &err);
}

/* What it has to say stays; its descriptors go. */
static void
end_one(struct pfork_job *filler)
{
	load_job_unwatch(filler);
	if (filler->epoll >= 0)
		close(filler->epoll);
	filler->epoll = -1;
}

static void
step_one(struct pfork_job *job, struct pfork_job *filler)
{
	if (filler->over)
		return;
	load_job_step(filler);
	if (!filler->over)
		return;
	end_one(filler);
	if (filler->code == PFORK_OK)
		return;
	if (filler->ckpt->verdict == PFORK_DANGEROUS)
		job->ckpt->verdict = PFORK_DANGEROUS;
	load_job_fail(job, &filler->error);
}

void
shares_step(struct pfork_job *job)
{
	for (uint32_t i = 0; i < job->filler_count &&
	    (!job->over || job->code == PFORK_OK); i++)
		step_one(job, job->fillers[i]);
	if (!job->over || job->filler_count == 0)
		return;
	/* Its deadlines are met. */
	load_job_unwatch(job);
	if (job->code != PFORK_OK)
		shares_free(job);
}

bool
shares_over(const struct pfork_job *job)
{
	bool over = job->over;

	for (uint32_t i = 0; i < job->filler_count; i++)
		over = over && job->fillers[i]->over;
	return over;
}

/* Those of the one filler that has them, which check_shares has found. */
static void
take_bytes(const struct pfork_job *job, size_t i)
{
	for (uint32_t k = 0; k < job->filler_count; k++) {
		struct storage *from = &job->fillers[k]->ckpt->storages[i];

		if (from->elsewhere)
			continue;
		job->ckpt->storages[i] = *from;
		from->bytes = NULL;
	}
}

/* Of the file's verdicts the worst one stands. */
static void
take_all(struct pfork_job *job)
{
	pfork_checkpoint *c = job->ckpt;

	for (size_t i = 0; i < c->storage_count; i++)
		if (c->storages[i].elsewhere)
			take_bytes(job, i);
	for (uint32_t k = 0; k < job->filler_count; k++) {
		const struct pfork_job *filler = job->fillers[k];

		if (filler->ckpt->verdict > c->verdict)
			c->verdict = filler->ckpt->verdict;
		if (filler->wall_ms > job->wall_ms)
			job->wall_ms = filler->wall_ms;
	}
}

void
shares_join(struct pfork_job *job)
{
	struct share first = { job->ckpt->storages, job->ckpt->storage_count };
	struct share others[SHARES_MAX];
	struct finding f;
	pfork_error err;

	if (job->session.totals.elsewhere == 0)
		return;
	for (uint32_t i = 0; i < job->filler_count; i++) {
		others[i].storages = job->fillers[i]->ckpt->storages;
		others[i].count = job->fillers[i]->ckpt->storage_count;
	}
	f = check_shares(&first, others, job->filler_count);
	if (f.code == PFORK_OK) {
		take_all(job);
		return;
	}
	(void)error_set(&err, f.code, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: %s", f.text);
	load_job_fail(job, &err);
}

void
shares_free(struct pfork_job *job)
{
	for (uint32_t i = 0; i < job->filler_count; i++)
		load_job_free(job->fillers[i]);
	job->filler_count = 0;
	if (job->settings == NULL)
		return;
	keeper_unref(job->settings->keeper);
	holder_unref(job->settings->holder);
	free(job->settings);
	job->settings = NULL;
}
