/* SPDX-License-Identifier: Apache-2.0
 *
 * load_job.h - one load under way: a worker, its session, and the clock.  All
 * ends here, once: with a whole checkpoint, or an error and no tensor, and
 * with the worker dead and reaped, or killed and the keeper's to reap.  A load
 * with fillers (shares.h) has jobs for them, each with a worker of its own.
 */
#ifndef BROKER_LOAD_JOB_H
#define BROKER_LOAD_JOB_H

#include "child.h"
#include "session.h"

struct pfork_job {
	struct session session;
	struct child child;
	struct child_end end;	/* valid when `over` */
	struct keeper *keeper;	/* reaps a worker that is done; or NULL */
	pfork_checkpoint *ckpt;
	int epoll;		/* socket and timer; -1: nobody waits by it */
	int timer;
	/* Milliseconds of the monotonic clock. */
	uint64_t started_us;
	uint64_t wall_until;
	uint64_t stall_ms;
	uint64_t moved;		/* when the session last made progress */
	uint64_t leave_until;	/* after the last word; 0: not said yet */
	uint64_t armed;		/* what the timer is set to */
	uint64_t steps;
	uint64_t cpu_seconds;
	double wall_ms;
	enum pfork_refuse refuse_at;
	uint32_t go_flags;	/* beyond those of the rules */
	/* Other workers of the same input, which send a share of its bytes;
	 * settings: by which they are started, NULL where none may be. */
	struct pfork_broker *settings;
	const struct source *input;	/* a filler has that of the first */
	struct pfork_job *fillers[SHARES_MAX - 1];
	uint32_t filler_count;
	bool parked;		/* its worker had waited for it */
	bool over;
	enum pfork_code code;	/* when over */
	pfork_error error;
};

/* Takes the input over, also on failure.  prompt: the caller is an event loop,
 * and waits for nothing but the start of its worker. */
enum pfork_code load_job_begin(const struct pfork_broker *b,
    struct source *input, bool prompt, struct pfork_job **out,
    pfork_error *err);
/* Steps until it is over. */
void load_job_wait(struct pfork_job *job);
/* Or makes the descriptor to wait by.  On failure the job is freed. */
enum pfork_code load_job_offer(struct pfork_job *job, pfork_error *err);
/* To be called first where time has passed since the last call.  In a process
 * that forked its workers are another's children and their sockets another's
 * talk; a host may have closed its descriptors, and have others there: then the
 * job is over, and nothing is killed, used or closed that is not ours. */
void load_job_resume(struct pfork_job *job);
/* Before its end: the workers are killed, and the result is TIMEOUT. */
void load_job_cancel(struct pfork_job *job);
void load_job_free(struct pfork_job *job);

/* The parts, for shares.c as well.  A job with everything but its worker; NULL:
 * errno.  The input is taken only on success. */
struct pfork_job *load_job_new(const struct pfork_broker *b,
    const struct source *input);
/* Its worker: one that waits, or else one of our own. */
enum pfork_code load_job_hire(const struct pfork_broker *b,
    struct pfork_job *job, int input, bool prompt, pfork_error *err);
/* The descriptor to wait by.  False: errno. */
bool load_job_watch(struct pfork_job *job);
/* Nothing of its own worker makes it readable any more. */
void load_job_unwatch(struct pfork_job *job);
/* As pfork_job_step, of its own worker alone. */
void load_job_step(struct pfork_job *job);
/* Its worker is ended, if it is not yet, and this is the result. */
void load_job_fail(struct pfork_job *job, const pfork_error *err);

/* load_result.c.  Ends and frees the job.  scan: a fault is recorded, not
 * returned, and no verdict is refused. */
enum pfork_code load_job_result(struct pfork_job *job, bool scan,
    pfork_checkpoint **ckpt, pfork_error *err);
/* A scan of an input that is itself at fault: a report of that alone. */
enum pfork_code load_empty_report(const pfork_error *why,
    pfork_checkpoint **ckpt, pfork_error *err);
/* Whether a scan records such an error instead of failing with it. */
bool load_job_is_fault(enum pfork_code code);

/* death.c: what it means that the worker left without a last word. */
enum pfork_code death_explain(const struct child_end *end,
    enum session_state state, uint64_t cpu_seconds, pfork_error *err);

#endif
