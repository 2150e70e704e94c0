/* SPDX-License-Identifier: Apache-2.0
 *
 * child.c - see child.h.  The worker gets two descriptors, those of what it is
 * lent, an empty environment and six arguments of ours, and can read nothing
 * else of the host's.  What the kernel hands on all the same is no more than
 * the host's own share: cgroup, nice value, processors, oom_score_adj, limits.
 * Not its real-time priority, nor its personality.  fork() is never used: it
 * would copy the host's secrets and is unsafe with threads.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "holder.h"

/* The worker writes 64 KiB at a time: several fit, so that it and the broker
 * work at the same time. */
#define SOCKET_BUFFER (512 * 1024)

/* One that waits for a job longer than this leaves: should we be gone, and a
 * process that forked from us still hold our end, it is no orphan for ever.
 * The keeper replaces it long before, so that no load meets one that leaves. */
#define PARKED_SECONDS 3600

/* For a worker that we may not kill: once we have hung up, every call that its
 * jail allows ends it or fails, and it only has to be scheduled. */
#define HUNG_UP_MS 1000

/* From the kernel's linux/wait.h; an old libc lacks it. */
#define WAIT_BY_PIDFD ((idtype_t)3)

struct arguments {
	char uid[32];
	char cpu[32];
	char arena[48];
	char net[8];
	char lent[8];
};

/* What a worker finds open. */
struct given {
	int input;
	int socket;
	struct lent lent;
};

static enum pfork_code
failed(pfork_error *err, const char *what, int errnum)
{
	return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "starting the worker: %s: %s", what, error_errno(errnum));
}

int
child_fd_above(int fd)
{
	int moved;
	int saved;

	if (fd < 0 || fd > 2)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	saved = errno;
	close(fd);
	errno = saved;
	return moved;
}

/* ends[0] is ours, ends[1] the worker's. */
static enum pfork_code
open_socket(int ends[2], pfork_error *err)
{
	static const struct timeval patience = { .tv_sec = PARKED_SECONDS };
	int size = SOCKET_BUFFER;
	int flags;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return failed(err, "socketpair", errno);
	ends[0] = child_fd_above(ends[0]);
	ends[1] = child_fd_above(ends[1]);
	if (ends[0] < 0 || ends[1] < 0)
		return failed(err, "moving a socket", errno);
	flags = fcntl(ends[0], F_GETFL);
	if (flags < 0 || fcntl(ends[0], F_SETFL, flags | O_NONBLOCK) != 0)
		return failed(err, "fcntl", errno);
	/* Less is granted where the system says so; that only costs time. */
	(void)setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	/* No call but the wait for a job, or for Go, can last so long. */
	if (setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) != 0)
		return failed(err, "setsockopt", errno);
	return PFORK_OK;
}

static void
close_both(int ends[2])
{
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
}

/* The contract with worker/main.c. */
static void
write_arguments(struct arguments *a, const struct pfork_broker *b,
    const struct lent *lent)
{
	snprintf(a->uid, sizeof(a->uid), "uid=%u", b->worker_uid);
	snprintf(a->cpu, sizeof(a->cpu), "cpu=%llu",
	    (unsigned long long)b->limits.cpu_seconds);
	snprintf(a->arena, sizeof(a->arena), "arena=%llu",
	    (unsigned long long)b->limits.arena_bytes);
	snprintf(a->net, sizeof(a->net), "net=%d",
	    (b->required_layers & PFORK_LAYER_NET_NS) != 0);
	snprintf(a->lent, sizeof(a->lent), "lent=%u", lent->set);
}

/* One of a real-time host would be one itself, and could keep us from the
 * processor until long after wall_ms.  Below SCHED_OTHER (BATCH, IDLE) it stays
 * where the host is; SCHED_DEADLINE may start nobody.  Where we cannot ask, it
 * is told all the same, or not started. */
static int
prepare_schedule(posix_spawnattr_t *attr, short *flags)
{
	const struct sched_param plain = { 0 };
	int policy = sched_getscheduler(0);
	int rc;

	if (policy >= 0 && policy != SCHED_FIFO && policy != SCHED_RR)
		return 0;
	*flags |= POSIX_SPAWN_SETSCHEDULER;
	rc = posix_spawnattr_setschedpolicy(attr, SCHED_OTHER);
	return rc != 0 ? rc : posix_spawnattr_setschedparam(attr, &plain);
}

/* No signal of the host's is ignored or blocked in the worker. */
static int
prepare_attributes(posix_spawnattr_t *attr)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = prepare_schedule(attr, &flags);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, flags);
	return rc;
}

/* All descriptors are 3 or more, and those that are lent above all of the new
 * numbers, so none overwrites another. */
static int
prepare_actions(posix_spawn_file_actions_t *actions, const struct given *g)
{
	int next = HELD_FIRST_FD;
	int rc = posix_spawn_file_actions_adddup2(actions, g->input, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, g->socket, 1);
	for (unsigned i = 0; rc == 0 && i < g->lent.count; i++)
		rc = posix_spawn_file_actions_adddup2(actions, g->lent.fds[i],
		    next++);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions, next);
	return rc;
}

static int
spawn_prepared(const char *path, char *const argv[], const struct given *g,
    pid_t *pid)
{
	char *const no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return rc;
	}
	rc = prepare_attributes(&attr);
	if (rc == 0)
		rc = prepare_actions(&actions, g);
	if (rc == 0)
		rc = posix_spawn(pid, path, &actions, &attr, argv,
		    no_environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Without a pidfd we could only kill by number, which may be another's by then:
 * that is done here alone, where the child is waiting for us and cannot have
 * gone. */
static enum pfork_code
watch(struct child *c, pfork_error *err)
{
	int saved;

	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd >= 0) {
		c->pidfd = child_fd_above(c->pidfd);
		if (c->pidfd >= 0)
			return PFORK_OK;
	}
	saved = errno;
	/* It left at once: the socket will say the rest. */
	if (saved == ESRCH)
		return PFORK_OK;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return failed(err, saved == ENOSYS ?
	    "pidfd_open (Linux 5.3 is needed)" : "pidfd_open", saved);
}

/* 0 or an errno. */
static int
spawn(const struct pfork_broker *b, const char *mode, struct given *g,
    pid_t *pid)
{
	char name[] = "picklefork-worker";
	char verb[16];
	struct arguments a;
	char *argv[] = { name, verb, a.uid, a.cpu, a.arena, a.net, a.lent,
		NULL };
	int rc;

	snprintf(verb, sizeof(verb), "%s", mode);
	write_arguments(&a, b, &g->lent);
	rc = spawn_prepared(b->worker_path, argv, g, pid);
	/* The host has lowered RLIMIT_NOFILE since they were opened. */
	if (rc == EBADF && g->lent.count > 0) {
		g->lent = (struct lent){ 0 };
		write_arguments(&a, b, &g->lent);
		rc = spawn_prepared(b->worker_path, argv, g, pid);
	}
	return rc;
}

/* The personality goes through exec, and that of a debugger or of `setarch -R`
 * has addresses that are not random, or a page at 0.  It is this thread's own;
 * *had is for give_personality_back.  An operator who has locked it
 * (LockPersonality=) has chosen it, so no answer is one. */
static enum pfork_code
take_plain_personality(int *had, pfork_error *err)
{
	*had = personality(0xffffffff);
	if (*had == -1)
		*had = PER_LINUX;
	if (*had == PER_LINUX || personality(PER_LINUX) != -1)
		return PFORK_OK;
	return error_set(err, PFORK_E_SANDBOX, errno, PFORK_NO_OFFSET,
	    "the worker would have this process's personality(2), 0x%x, "
	    "which weakens it and cannot be changed: %s; nothing was parsed",
	    (unsigned)*had, error_errno(errno));
}

/* Fails under a filter that lets nobody choose it: then the thread is like any
 * other. */
static void
give_personality_back(int had)
{
	if (had != PER_LINUX)
		(void)personality((unsigned long)had);
}

static enum pfork_code
spawn_given(const struct pfork_broker *b, const char *mode, struct given *g,
    struct child *out, pfork_error *err)
{
	struct child c = CHILD_NONE;
	int ends[2] = { -1, -1 };
	enum pfork_code code;
	int had;
	int rc;

	code = child_count_filters(&c.filters, err);
	if (code == PFORK_OK)
		code = open_socket(ends, err);
	if (code == PFORK_OK)
		code = take_plain_personality(&had, err);
	if (code != PFORK_OK)
		goto out;
	g->socket = ends[1];
	/* One that is to wait gets its socket twice; it closes the first. */
	if (g->input < 0)
		g->input = ends[1];
	rc = spawn(b, mode, g, &c.pid);
	give_personality_back(had);
	if (rc != 0) {
		code = failed(err, b->worker_path, rc);
		goto out;
	}
	code = watch(&c, err);
	if (code != PFORK_OK)
		goto out;
	c.socket = ends[0];
	ends[0] = -1;
	*out = c;
out:
	close_both(ends);
	return code;
}

enum pfork_code
child_spawn(const struct pfork_broker *b, const char *mode,
    enum lending how, int input, struct child *out, pfork_error *err)
{
	struct given g = { .input = input };

	holder_lend(b, how, &g.lent);
	return spawn_given(b, mode, &g, out, err);
}

enum pfork_code
child_spawn_holder(const struct pfork_broker *b, struct child *out,
    pfork_error *err)
{
	struct given g = { .input = -1 };

	return spawn_given(b, "hold", &g, out, err);
}

/* ----------------------------------------------------------------- end -- */

static bool
left_by_itself(int pidfd, int grace_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct timespec now;
	int64_t until = -1;
	int64_t left = grace_ms;
	int rc;

	do {
		rc = poll(&p, 1, (int)left);
		if (rc >= 0 || errno != EINTR)
			return rc > 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (until < 0)
			until = now.tv_sec * 1000 + now.tv_nsec / 1000000 +
			    grace_ms;
		left = until - (now.tv_sec * 1000 + now.tv_nsec / 1000000);
	} while (left > 0);
	return false;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* ECHILD: the host ignores SIGCHLD, or its waitpid(-1) was faster. */
static void
reap(int pidfd, struct child_end *end)
{
	struct rusage usage;
	siginfo_t info;
	long rc;

	memset(&info, 0, sizeof(info));
	memset(&usage, 0, sizeof(usage));
	do {
		rc = syscall(SYS_waitid, WAIT_BY_PIDFD, pidfd, &info, WEXITED,
		    &usage);
	} while (rc != 0 && errno == EINTR);
	if (rc != 0)
		return;
	end->known = true;
	if (info.si_code == CLD_EXITED)
		end->status = info.si_status;
	else
		end->signal = info.si_status;
	end->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool
child_note(struct child *c)
{
	c->noted = (c->pidfd < 0 || identity_note(c->pidfd, &c->pidfd_id)) &&
	    (c->socket < 0 || identity_note(c->socket, &c->socket_id)) &&
	    (c->status < 0 || identity_note(c->status, &c->status_id));
	return c->noted;
}

static bool
is_ours(const struct child *c, int fd, const struct identity *id)
{
	return fd < 0 || !c->noted || identity_is(fd, id);
}

bool
child_is_ours(const struct child *c)
{
	return is_ours(c, c->socket, &c->socket_id) &&
	    is_ours(c, c->pidfd, &c->pidfd_id) &&
	    is_ours(c, c->status, &c->status_id);
}

void
child_hang_up(struct child *c)
{
	if (c->socket >= 0 && is_ours(c, c->socket, &c->socket_id))
		close(c->socket);
	c->socket = -1;
}

bool
child_kill(const struct child *c)
{
	if (!child_is_ours(c))
		return false;
	return syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0) ==
	    0 || errno == ESRCH;
}

bool
child_put_down(struct child *c)
{
	bool ours = child_is_ours(c);

	child_hang_up(c);
	return ours && child_kill(c);
}

/* False: the kernel does not let us (a host that has changed its uid, or given
 * up CAP_KILL, since child_verify), and it goes on working.  RLIMIT_CPU ends it
 * one day; to wait for that here could take for ever. */
static bool
is_put_down(struct child *c)
{
	return child_put_down(c) || left_by_itself(c->pidfd, HUNG_UP_MS);
}

void
child_let_go(struct child *c)
{
	child_hang_up(c);
	if (c->pidfd >= 0 && is_ours(c, c->pidfd, &c->pidfd_id))
		close(c->pidfd);
	if (c->status >= 0 && is_ours(c, c->status, &c->status_id))
		close(c->status);
	*c = CHILD_NONE;
}

void
child_finish(struct child *c, int grace_ms, struct child_end *end)
{
	memset(end, 0, sizeof(*end));
	if (c->pidfd >= 0 && child_is_ours(c)) {
		end->killed_by_us = !left_by_itself(c->pidfd, grace_ms);
		if (!end->killed_by_us || is_put_down(c))
			reap(c->pidfd, end);
	}
	child_let_go(c);
}
