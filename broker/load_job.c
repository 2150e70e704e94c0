/* SPDX-License-Identifier: Apache-2.0
 *
 * load_job.c - runs one worker from spawn to reap without blocking for long.
 * Trusts the clock and the kernel; what the worker says is the session's to
 * judge.  Must never leave a worker, a descriptor or half a checkpoint behind.
 */
#include "load_job.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cancel.h"
#include "error.h"
#include "input.h"
#include "keeper.h"
#include "monotonic.h"
#include "shares.h"

/* Reads of one step: some 10 MB, a few milliseconds. */
#define READS_A_STEP 48
/* After its last word a worker has only to exit. */
#define LEAVE_MS 1000
/* After it hung up it is in the middle of its exit. */
#define EXIT_MS 100

/* The clock is looked at this often at least. */
#define LOOK_MS 60000

/* ---------------------------------------------------------------- ends -- */

/* The worker is ended whatever it is doing; grace_ms is for one that leaves. */
static void
job_over(struct pfork_job *job, int grace_ms)
{
	/* EPOLL forgets a socket that is closed. */
	child_finish(&job->child, grace_ms, &job->end);
	job->wall_ms = (double)(monotonic_us() - job->started_us) / 1000;
	job->over = true;
}

static void
over_with_session(struct pfork_job *job, int grace_ms)
{
	job_over(job, grace_ms);
	job->code = job->session.error.code;
	job->error = job->session.error;
}

static void
over_with_timeout(struct pfork_job *job, const char *what, uint64_t ms)
{
	job_over(job, 0);
	job->code = error_set(&job->error, PFORK_E_TIMEOUT, 0, PFORK_NO_OFFSET,
	    "%s of %llu ms passed %s", what, (unsigned long long)ms,
	    session_state_name(job->session.state));
}

static void
over_with_system(struct pfork_job *job, const char *what, int errnum)
{
	if (!job->over)
		job_over(job, 0);
	job->code = error_set(&job->error, PFORK_E_SYSTEM, errnum,
	    PFORK_NO_OFFSET, "%s: %s", what, error_errno(errnum));
}

static bool
said_last_word(const struct pfork_job *job)
{
	return job->session.state == SAID_DONE ||
	    job->session.state == SAID_FAULT;
}

/* Nothing that it could say or do after its last word would be used: whoever
 * has a keeper does not wait for its death, which takes as long as a small load
 * (docs/PROTOCOL.md, "The end"). */
static bool
leave_to_keeper(struct pfork_job *job)
{
	if (!said_last_word(job) || job->keeper == NULL ||
	    !keeper_bury(job->keeper, &job->child))
		return false;
	job->wall_ms = (double)(monotonic_us() - job->started_us) / 1000;
	job->over = true;
	return true;
}

/* The talk is over: the stream ended, or the time to leave after the last word
 * did, or the worker was left to the keeper. */
static void
over_with_last_word(struct pfork_job *job)
{
	enum session_state state = job->session.state;

	if (!job->over)
		job_over(job, EXIT_MS);
	if (session_eof(&job->session)) {
		job->code = PFORK_OK;
		return;
	}
	job->code = job->session.error.code;
	job->error = job->session.error;
	if (state != SAID_FAULT)
		job->code = death_explain(&job->end, state, job->cpu_seconds,
		    &job->error);
}

void
load_job_fail(struct pfork_job *job, const pfork_error *err)
{
	if (!job->over)
		job_over(job, 0);
	job->code = err->code;
	job->error = *err;
}

void
load_job_cancel(struct pfork_job *job)
{
	if (!job->over)
		job_over(job, 0);
	job->code = error_set(&job->error, PFORK_E_TIMEOUT, 0, PFORK_NO_OFFSET,
	    "the load was cancelled");
}

/* ------------------------------------------------------------ the clock -- */

static uint64_t
next_deadline(const struct pfork_job *job)
{
	uint64_t next = job->wall_until;

	if (job->moved + job->stall_ms < next)
		next = job->moved + job->stall_ms;
	if (job->leave_until != 0)
		next = job->leave_until;
	return next;
}

/* False: the clock cannot be set, which leaves the load without a limit. */
static bool
arm(struct pfork_job *job)
{
	struct itimerspec when = { 0 };

	/* Without a timer it is load_job_wait that wakes up in time. */
	job->armed = next_deadline(job);
	if (job->timer < 0)
		return true;
	when.it_value.tv_sec = (time_t)(job->armed / 1000);
	when.it_value.tv_nsec = (long)(job->armed % 1000) * 1000000;
	return timerfd_settime(job->timer, TFD_TIMER_ABSTIME, &when,
	    NULL) == 0;
}

static void
look_at_clock(struct pfork_job *job)
{
	uint64_t now = monotonic_ms();

	if (job->session.steps != job->steps) {
		job->steps = job->session.steps;
		job->moved = now;
	}
	if (job->leave_until == 0 && said_last_word(job)) {
		job->leave_until = now + LEAVE_MS;
		job->armed = 0;
	}
	if (job->leave_until != 0 && now >= job->leave_until)
		over_with_last_word(job);
	else if (job->leave_until == 0 && now >= job->wall_until)
		over_with_timeout(job, "the limit wall_ms",
		    job->wall_until - job->started_us / 1000);
	else if (job->leave_until == 0 && now >= job->moved + job->stall_ms)
		over_with_timeout(job, "no progress: the limit stall_ms",
		    job->stall_ms);
	else if (now >= job->armed && !arm(job))
		over_with_system(job, "setting a timer", errno);
}

/* ------------------------------------------------------------- the talk -- */

static bool
send_go(struct pfork_job *job)
{
	struct wire_go go = { 0 };
	size_t length;
	ssize_t sent;
	/* Packing wants room for the largest message; the stack of a host's
	 * thread may be smaller than that. */
	uint8_t *frame = malloc(FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX);

	if (frame == NULL) {
		over_with_system(job, "memory for Go", ENOMEM);
		return false;
	}
	go.limits = job->session.rules.limits;
	go.shares = job->session.rules.shares;
	go.share = job->session.rules.share;
	if (job->session.rules.deliver_stream)
		go.flags |= GO_DELIVER_STREAM;
	if (job->session.rules.scalars)
		go.flags |= GO_SCALARS;
	go.flags |= job->go_flags;
	if ((job->ckpt->flags & PFORK_VERIFY) != 0)
		go.flags |= GO_VERIFY;
	if ((job->ckpt->flags & PFORK_LENIENT) != 0)
		go.flags |= GO_LENIENT;
	length = wire_go_pack(&go, frame + FRAME_HEAD_BYTES);
	frame_head_write(frame, FRAME_GO, (uint32_t)length);
	length += FRAME_HEAD_BYTES;
	do {
		sent = send(job->child.socket, frame, length, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	free(frame);
	/* It hung up: reading on will tell how. */
	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
		return true;
	/* The first 100 bytes into an empty buffer: all or nothing. */
	if (sent != (ssize_t)length) {
		over_with_system(job, "writing to the worker",
		    sent < 0 ? errno : EIO);
		return false;
	}
	return true;
}

/* Hello was good.  Look from outside, then let it begin.  Before Hello it has
 * asked for the size of its input, and will speak of that one: had the file
 * grown since we asked, an honest worker would break the protocol. */
static bool
answer_hello(struct pfork_job *job)
{
	pfork_error err;
	enum pfork_code code = child_verify(&job->child, &err);

	if (code == PFORK_OK)
		code = source_unchanged(job->input, &err);
	if (code != PFORK_OK) {
		job_over(job, 0);
		job->code = code;
		job->error = err;
		return false;
	}
	if (!send_go(job))
		return false;
	session_go(&job->session);
	return true;
}

/* One read.  False: nothing more for now, or it is over. */
static bool
read_once(struct pfork_job *job)
{
	size_t room;
	void *at = session_want(&job->session, &room);
	ssize_t got;

	do {
		got = recv(job->child.socket, at, room, 0);
	} while (got < 0 && errno == EINTR);
	/* ECONNRESET: it left without having read Go. */
	if (got == 0 || (got < 0 && errno == ECONNRESET)) {
		(void)leave_to_keeper(job);
		over_with_last_word(job);
		return false;
	}
	if (got < 0 && errno == EAGAIN) {
		if (leave_to_keeper(job))
			over_with_last_word(job);
		return false;
	}
	if (got < 0) {
		over_with_system(job, "reading from the worker", errno);
		return false;
	}
	if (!session_got(&job->session, (size_t)got)) {
		/* One that could not jail itself leaves by itself. */
		over_with_session(job, EXIT_MS *
		    (job->session.error.code == PFORK_E_SANDBOX));
		return false;
	}
	return job->session.state != WAIT_GO || answer_hello(job);
}

void
load_job_step(struct pfork_job *job)
{
	for (int i = 0; !job->over && i < READS_A_STEP; i++) {
		if (!read_once(job))
			break;
		if (job->settings != NULL)
			shares_begin(job);
	}
	if (!job->over)
		look_at_clock(job);
}

/* Its worker is neither killed nor waited for. */
static void
let_go(struct pfork_job *job, const char *why)
{
	child_let_go(&job->child);
	job->over = true;
	job->code = error_set(&job->error, PFORK_E_SYSTEM, 0, PFORK_NO_OFFSET,
	    "%s", why);
}

/* Has the host closed what is waited by?  The epoll instance and the timer
 * cannot be told from others; they are judged by the rest. */
static bool
has_lost(const struct pfork_job *job)
{
	const struct source *s = &job->ckpt->source;

	return !child_is_ours(&job->child) ||
	    (s->fd >= 0 && !source_is_ours(s));
}

static void
forget(struct pfork_job *job)
{
	job->epoll = -1;
	job->timer = -1;
	if (!source_is_ours(&job->ckpt->source))
		job->ckpt->source.fd = -1;
}

void
load_job_resume(struct pfork_job *job)
{
	const char *why = NULL;
	bool lost = has_lost(job);

	for (uint32_t i = 0; i < job->filler_count; i++)
		lost = lost || has_lost(job->fillers[i]);
	if (lost)
		why = "the descriptors of the load have been closed";
	else if (!shares_over(job) && !checkpoint_is_here(job->ckpt))
		why = "this process forked from the one that began the load";
	if (why == NULL)
		return;
	for (uint32_t i = 0; i < job->filler_count; i++) {
		let_go(job->fillers[i], why);
		if (lost)
			forget(job->fillers[i]);
	}
	let_go(job, why);
	if (lost)
		forget(job);
}

/* True: it is over. */
static bool
step_all(struct pfork_job *job)
{
	load_job_step(job);
	shares_step(job);
	return shares_over(job);
}

enum pfork_code
pfork_job_step(pfork_job *job, bool *done)
{
	CANCEL_WAITS;

	if (job == NULL || done == NULL)
		return PFORK_E_ARGS;
	load_job_resume(job);
	*done = step_all(job);
	return PFORK_OK;
}

/* Milliseconds until it is time to look at the clock. */
static int
time_left(const struct pfork_job *job)
{
	uint64_t now = monotonic_ms();
	uint64_t next = next_deadline(job);

	if (next <= now)
		return 0;
	return next - now < LOOK_MS ? (int)(next - now) : LOOK_MS;
}

static void
add_wait(const struct pfork_job *job, struct pollfd *p, nfds_t *count, int *ms)
{
	int left;

	if (job->over)
		return;
	p[*count] = (struct pollfd){ job->child.socket, POLLIN, 0 };
	++*count;
	left = time_left(job);
	if (left < *ms)
		*ms = left;
}

void
load_job_wait(struct pfork_job *job)
{
	do {
		struct pollfd p[SHARES_MAX];
		nfds_t count = 0;
		int ms = LOOK_MS;

		add_wait(job, p, &count, &ms);
		for (uint32_t i = 0; i < job->filler_count; i++)
			add_wait(job->fillers[i], p, &count, &ms);
		if (poll(p, count, ms) < 0 && errno != EINTR)
			over_with_system(job, "waiting for the worker", errno);
	} while (!step_all(job));
}

int
pfork_job_fd(const pfork_job *job)
{
	return job != NULL ? job->epoll : -1;
}

void
pfork_job_progress(const pfork_job *job, uint64_t *done, uint64_t *total)
{
	if (job == NULL)
		return;
	if (done != NULL)
		*done = job->session.progress_done;
	if (total != NULL)
		*total = job->session.progress_total;
}

/* --------------------------------------------------------------- begin -- */

void
load_job_free(struct pfork_job *job)
{
	struct child_end end;

	shares_free(job);
	child_finish(&job->child, 0, &end);
	session_free(&job->session);
	keeper_unref(job->keeper);
	pfork_checkpoint_unref(job->ckpt);
	if (job->timer >= 0)
		close(job->timer);
	if (job->epoll >= 0)
		close(job->epoll);
	free(job);
}

static bool
watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool
load_job_watch(struct pfork_job *job)
{
	if (!child_note(&job->child))
		return false;
	job->epoll = child_fd_above(epoll_create1(EPOLL_CLOEXEC));
	if (job->epoll < 0)
		return false;
	job->timer = child_fd_above(timerfd_create(CLOCK_MONOTONIC,
	    TFD_CLOEXEC | TFD_NONBLOCK));
	return job->timer >= 0 && watch(job->epoll, job->timer) &&
	    watch(job->epoll, job->child.socket) && arm(job);
}

void
load_job_unwatch(struct pfork_job *job)
{
	if (job->timer >= 0)
		close(job->timer);
	job->timer = -1;
}
