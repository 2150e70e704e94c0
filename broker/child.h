/* SPDX-License-Identifier: Apache-2.0
 *
 * child.h - starts one worker, watches it, and ends it.  Works in any host:
 * with threads, with descriptors 0 to 2 closed, with SIGCHLD ignored, with
 * signals blocked, with a waitpid(-1) of its own.  Uses no signal handler, and
 * kills and waits through a pidfd, never by number.
 */
#ifndef BROKER_CHILD_H
#define BROKER_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker.h"
#include "held.h"
#include "identity.h"

struct child {
	pid_t pid;
	int pidfd;	/* -1: none, or reaped */
	int socket;	/* ours, non-blocking; -1: none */
	uint64_t filters; /* seccomp filters that it is under before its last */
	int status;	/* its /proc/PID/status, kept open; -1: not */
	bool parked;	/* it was started ahead of its job, */
	uint64_t since;	/* then; milliseconds of the monotonic clock */
	/* What the three descriptors are (child_note). */
	bool noted;
	struct identity pidfd_id;
	struct identity socket_id;
	struct identity status_id;
};
#define CHILD_NONE ((struct child){ \
	.pid = -1, .pidfd = -1, .socket = -1, .status = -1 })

/* Namespaces that a worker is given: a set of proto/held.h, and a descriptor
 * for each of it, in its order; above all numbers at which it gets them. */
struct lent {
	uint32_t set;
	unsigned count;
	int fds[HELD_COUNT];
};

/* Who needs it.  LEND_MANY: more will follow, so that they are made at once;
 * LEND_PROMPT: one that must not wait for long (holder.h). */
enum lending { LEND_SOON, LEND_MANY, LEND_PROMPT };

/* How it ended, as far as the host let us see. */
struct child_end {
	bool known;	/* false: someone else took its status */
	int status;	/* exit status, when signal is 0 */
	int signal;
	double cpu_seconds;
	bool killed_by_us;
};

/* The same descriptor or a duplicate that is 3 or more, close-on-exec; closes
 * the given one when it moved.  -1 and errno: closed as well. */
int child_fd_above(int fd);

/* mode: "run" or "canary", and "park" or "park-canary" for one that gets its
 * input later (input -1).  input: stays the caller's. */
enum pfork_code child_spawn(const struct pfork_broker *b, const char *mode,
    enum lending how, int input, struct child *out, pfork_error *err);
/* One that makes namespaces to be lent (holder.h); nobody else asks for it. */
enum pfork_code child_spawn_holder(const struct pfork_broker *b,
    struct child *out, pfork_error *err);
/* Ends it if need be, and reaps it; takes as long as its exit does.  grace_ms:
 * first wait so long for it to leave by itself.  Closes both descriptors.
 * Harmless when there is no child.  Only one that the host no longer may kill
 * can outlive this: it is hung up on, and not waited for. */
void child_finish(struct child *c, int grace_ms, struct child_end *end);

/* For one that outlives the call that started it: from now on none of its
 * descriptors is used or closed without a look at what it is.  False: errno. */
bool child_note(struct child *c);
/* Are they, as far as that was noted?  A pidfd of a kernel before 6.9 cannot be
 * told from another, and is judged by the others of the same child. */
bool child_is_ours(const struct child *c);
/* Closes what we have of it, and no more: for a process that forked from the
 * one whose child it is, and for one whose host has closed some of it. */
void child_let_go(struct child *c);
/* Closes our end of its socket. */
void child_hang_up(struct child *c);
/* child_finish is still to come.  False: we may not. */
bool child_kill(const struct child *c);
/* The same, but hangs up first. */
bool child_put_down(struct child *c);

/* verify.c: is the child, seen from outside, as locked in as it says, and may
 * we kill it?  SANDBOX when it is not, or when that cannot be seen; SYSTEM
 * when it cannot for want of descriptors or memory.  Likewise the next two. */
enum pfork_code child_verify(const struct child *c, pfork_error *err);
/* Keeps the child's /proc/PID/status open for it. */
enum pfork_code child_watch_status(struct child *c, pfork_error *err);
/* The judgement alone, on the text of /proc/PID/status: NULL, or what is wrong.
 * root: whether we are.  filters: those that it is under but its last. */
const char *child_judge_status(const char *text, pid_t parent, bool root,
    uint64_t filters);
/* How many seccomp filters this thread is under; its children inherit them.
 * Errors: SANDBOX, SYSTEM. */
enum pfork_code child_count_filters(uint64_t *filters, pfork_error *err);
/* Also true of one that has left. */
bool child_may_kill(const struct child *c);

#endif
