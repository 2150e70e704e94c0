/* SPDX-License-Identifier: Apache-2.0
 *
 * escapes.c - each attempt that the probe knows, first without the jail (must
 * live, or the attempt proves nothing), then with all of the jail but its filter
 * (what the other layers refuse by themselves stands in a table), then inside
 * (must die of SIGSYS, or SIGSEGV where it is no call, after the jail was entered
 * and before anything came of it).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

#define LIST_MAX 4096
/* Fewer means that the list was not read. */
#define ATTEMPTS_MIN 95
/* "JS" and three digits of errno. */
#define SAID_MAX 5

/* What is refused without the filter: a second wall behind the first.  What is
 * not listed here, the filter alone stands in the way of. */
static const struct rest {
	const char *name;
	int number;
	int other;		/* 0: none */
	bool best_effort;	/* a kernel may lack the layer */
} refused[] = {
	/* RLIMIT_NOFILE 0 */
	{ "open", EMFILE, EACCES, false },
	{ "create", EMFILE, EACCES, false },
	{ "socket-inet", EMFILE, EACCES, false },
	{ "socket-unix", EMFILE, EACCES, false },
	{ "socketpair", EMFILE, 0, false },
	{ "pidfd_open", EMFILE, 0, false },
	{ "memfd_create", EMFILE, 0, false },
	{ "inotify", EMFILE, 0, false },
	{ "dup", EMFILE, 0, false },
	{ "pipe2", EMFILE, 0, false },
	{ "eventfd2", EMFILE, 0, false },
	{ "epoll_create1", EMFILE, 0, false },
	/* RLIMIT_NPROC 0, as no root */
	{ "fork", EAGAIN, 0, false },
	{ "clone3", EAGAIN, 0, false },
	/* RLIMIT_AS, RLIMIT_MEMLOCK 0 */
	{ "mmap-8-gib", ENOMEM, 0, false },
	{ "mlock", EPERM, ENOMEM, false },
	/* no capabilities, no root to return to */
	{ "setresuid", EINVAL, EPERM, false },
	{ "setgroups", EPERM, 0, false },
	{ "chroot", EPERM, 0, false },
	{ "pivot_root", EPERM, 0, false },
	{ "reboot", EPERM, 0, false },
	{ "syslog", EPERM, 0, true },
	{ "fsopen", EPERM, ENOSYS, false },
	{ "fanotify", EPERM, EMFILE, false },
	{ "userfaultfd", EPERM, EMFILE, true },
	/* closed descriptors */
	{ "write-fd2", EBADF, 0, false },
	/* namespaces, Landlock, memory-deny-write-execute */
	{ "unshare", EPERM, 0, true },
	{ "execve", EACCES, 0, true },
	{ "kill", EPERM, 0, true },
	{ "tgkill", EPERM, 0, true },
	{ "mmap-rwx", EACCES, 0, true },
	{ "mprotect-exec", EACCES, 0, true },
};

static size_t rest_seen;
static size_t waiting_seen;

/* What the probe said ('J' tried, 'S' survived) and how it ended. */
static int
probe(const char *program, const char *mode, const char *name,
    char said[SAID_MAX + 1])
{
	const char *const argv[] = { program, mode, name, NULL };
	int input = child_input("0123456789abcdef", 16);
	struct child c;
	int status;

	memset(said, 0, SAID_MAX + 1);
	if (!child_start(&c, argv, input, -1)) {
		close(input);
		return -1;
	}
	(void)child_read(&c, said, SAID_MAX);
	status = child_end(&c);
	close(input);
	return status;
}

static bool
is_fault(const char *name)
{
	return strncmp(name, "fault-", 6) == 0;
}

/* All of the jail but its filter. */
static void
check_rest(const char *program, const char *name)
{
	char said[SAID_MAX + 1];
	int status = probe(program, "rest", name, said);
	int number = atoi(said + (strncmp(said, "JS", 2) == 0 ? 2 : 0));
	size_t i;

	check(said[0] == 'J', "rest", name);
	if (is_fault(name))
		check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
		    "rest", name);
	for (i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		if (strcmp(refused[i].name, name) != 0)
			continue;
		rest_seen++;
		if (refused[i].best_effort && number != refused[i].number)
			skip("rest", name);
		else
			check(number != 0 && (number == refused[i].number ||
			    number == refused[i].other), "rest", name);
	}
}

static void
check_full(const char *program, const char *name)
{
	char said[SAID_MAX + 1];
	int status = probe(program, "full", name, said);
	int signal = is_fault(name) ? SIGSEGV : SIGSYS;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV &&
	    strcmp(name, "int80") == 0)
		return;
	check(strcmp(said, "J") == 0 && WIFSIGNALED(status) &&
	    WTERMSIG(status) == signal, "full", name);
}

/* What parked.def allows by name; the arguments here do no harm. */
static bool
is_for_waiting(const char *name)
{
	return strcmp(name, "recvmsg") == 0 || strcmp(name, "prlimit") == 0 ||
	    strcmp(name, "fstat") == 0;
}

/* Taken over while it waits for its job.  It has read nothing by then, so that
 * nobody could; and it has no input, and no way to any other file. */
static void
check_attempt_waiting(const char *program, const char *name)
{
	char said[SAID_MAX + 1];
	int status = probe(program, "waiting", name, said);
	int signal = is_fault(name) ? SIGSEGV : SIGSYS;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV &&
	    strcmp(name, "int80") == 0)
		return;
	if (is_for_waiting(name)) {
		check(strncmp(said, "JS", 2) == 0, "waiting", name);
		waiting_seen++;
		return;
	}
	check(strcmp(said, "J") == 0 && WIFSIGNALED(status) &&
	    WTERMSIG(status) == signal, "waiting", name);
}

static void
check_attempt(const char *program, const char *name)
{
	char said[SAID_MAX + 1];
	int status = probe(program, "control", name, said);

	if (WIFSIGNALED(status) && strcmp(name, "int80") == 0)
		skip("control", "this kernel has no int 0x80");
	else
		check(said[0] == 'J' && WIFEXITED(status) &&
		    WEXITSTATUS(status) == 0, "control", name);
	check_rest(program, name);
	check_full(program, name);
}

/* Every attempt that the probe knows. */
static void
for_each(const char *program, void (*attempt)(const char *, const char *))
{
	const char *const argv[] = { program, "list", NULL };
	int input = child_input("", 0);
	char list[LIST_MAX];
	unsigned count = 0;
	char *rest = list;
	char *name;
	struct child c;
	size_t got;

	if (!child_start(&c, argv, input, -1)) {
		check(false, "escapes", "start");
		return;
	}
	got = child_read(&c, list, sizeof list - 1);
	list[got] = '\0';
	check(child_end(&c) == 0, "escapes", "list");
	close(input);
	while ((name = strsep(&rest, "\n")) != NULL && *name != '\0') {
		attempt(program, name);
		count++;
	}
	check(count >= ATTEMPTS_MIN, "escapes", "all attempts were made");
	printf("  escapes: %u attempts\n", count);
}

void
check_escapes(const struct programs *p)
{
	char said[SAID_MAX + 1];
	int status;

	/* Without the jail, or the filter, a parked one is like any. */
	for_each(p->probe, child_parked ? check_full : check_attempt);
	status = probe(p->probe, "full", "spin", said);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "escapes",
	    "a spinning process ends");
	check(rest_seen == sizeof refused / sizeof refused[0], "rest",
	    "the table names attempts that there are");
}

void
check_waiting(const struct programs *p)
{
	for_each(p->probe, check_attempt_waiting);
	check(waiting_seen == 3, "waiting",
	    "the list names attempts that there are");
}
