/* SPDX-License-Identifier: Apache-2.0
 *
 * load_result.c - what a job that has ended comes to: a checkpoint, an error,
 * or for a scan a checkpoint with a fault.  What the worker said has been
 * judged before; here the input and the verdict are.
 */
#include <errno.h>
#include <string.h>

#include "error.h"
#include "input.h"
#include "shares.h"

bool
load_job_is_fault(enum pfork_code code)
{
	return code == PFORK_E_FORMAT || code == PFORK_E_UNSUPPORTED ||
	    code == PFORK_E_LIMIT || code == PFORK_E_TIMEOUT ||
	    code == PFORK_E_CHANGED || code == PFORK_E_WORKER ||
	    code == PFORK_E_PROTOCOL;
}

enum pfork_code
load_empty_report(const pfork_error *why, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	pfork_checkpoint *c = checkpoint_new();

	if (c == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory");
	c->has_fault = true;
	c->fault = *why;
	*ckpt = c;
	return PFORK_OK;
}

/* A file that changed under the parser explains whatever went wrong, except
 * that a missing jail stays one, and a broken protocol: since answer_hello the
 * worker's size of the file is ours, so no honest worker breaks it, and whoever
 * has taken one over and writes to the file too could hide behind CHANGED. */
static void
compare_input(struct pfork_job *job)
{
	pfork_error err;
	enum pfork_code code;

	if (job->code == PFORK_E_PROTOCOL || job->code == PFORK_E_SANDBOX)
		return;
	code = source_unchanged(&job->ckpt->source, &err);
	/* What cannot be compared is no success either. */
	if (code == PFORK_E_CHANGED ||
	    (code != PFORK_OK && job->code == PFORK_OK)) {
		job->code = code;
		job->error = err;
	}
}

static void
tell_worker(struct pfork_job *job)
{
	pfork_worker_info *w = &job->ckpt->worker;

	w->size = sizeof(*w);
	w->layers = job->session.layers;
	w->missing = job->session.missing;
	w->wall_ms = job->wall_ms;
	w->exit_status = job->end.known ? job->end.status : -1;
	w->exit_signal = job->end.signal;
	w->parked = job->parked;
}

static bool
is_refused(enum pfork_refuse at, enum pfork_verdict verdict)
{
	if (at == PFORK_REFUSE_UNUSUAL)
		return verdict != PFORK_CLEAN;
	return at == PFORK_REFUSE_DANGEROUS && verdict == PFORK_DANGEROUS;
}

/* Names the first note that made the verdict what it is. */
static enum pfork_code
refuse(const pfork_checkpoint *c, pfork_error *err)
{
	for (size_t i = 0; i < c->note_count; i++)
		if (c->notes[i].level == c->verdict &&
		    c->verdict != PFORK_CLEAN)
			return error_about(err, PFORK_E_REFUSED, 0,
			    c->notes[i].where,
			    c->verdict == PFORK_DANGEROUS
			    ? "the file is dangerous" : "the file is unusual",
			    c->notes[i].text, strlen(c->notes[i].text));
	return error_set(err, PFORK_E_REFUSED, 0, PFORK_NO_OFFSET,
	    "the file is %s", pfork_verdict_name(c->verdict));
}

static void
record_fault(struct pfork_job *job)
{
	pfork_checkpoint *c = job->ckpt;

	checkpoint_drop_tensors(c);
	input_close(&c->source);
	c->has_fault = true;
	c->fault = job->error;
	if (job->session.totals.level == VERDICT_DANGEROUS)
		c->verdict = PFORK_DANGEROUS;
	if (c->verdict != PFORK_DANGEROUS)
		c->verdict = PFORK_UNDECIDED;
}

/* Judges the end of the job as a whole. */
static enum pfork_code
conclude(struct pfork_job *job, bool scan, pfork_error *err)
{
	if (!shares_over(job))
		load_job_cancel(job);
	else
		compare_input(job);
	if (job->code == PFORK_OK)
		shares_join(job);
	tell_worker(job);
	if (job->code == PFORK_OK && !scan &&
	    is_refused(job->refuse_at, job->ckpt->verdict))
		return refuse(job->ckpt, err);
	if (job->code == PFORK_OK)
		return input_map(job->ckpt, job->wall_until, err);
	if (scan && load_job_is_fault(job->code)) {
		record_fault(job);
		return PFORK_OK;
	}
	if (err != NULL)
		*err = job->error;
	return job->code;
}

enum pfork_code
load_job_result(struct pfork_job *job, bool scan, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	enum pfork_code code = conclude(job, scan, err);

	if (code == PFORK_OK && ckpt != NULL) {
		*ckpt = job->ckpt;
		job->ckpt = NULL;
	}
	load_job_free(job);
	return code;
}
