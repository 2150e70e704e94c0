/* SPDX-License-Identifier: Apache-2.0
 *
 * test_holder_hosts.c - lent namespaces in hosts that fork, have few
 * descriptors, change their uid or their own namespaces, or may make none:
 * loads go on, and their workers have the layers that they would have had.
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/holder_help.h"
#include "holder.h"
#include "host.h"
#include "picklefork.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The set. */
static uint32_t
lent(const pfork_broker *b)
{
	struct lent l;

	holder_lend(b, LEND_MANY, &l);
	return l.set;
}

/* In a process that may be spoiled; 0: it went well. */
static int
apart(void (*what)(void))
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* An assertion in there would run cmocka's tests a second time. */
static void
must(bool ok, int which)
{
	if (!ok)
		_exit(which);
}

static pfork_broker *shared;

static void
use_in_child(void)
{
	size_t before = host_descriptors();

	must(lent(shared) == HELD_ALL, 1);
	must(loads_as_usual(shared, 3), 2);
	pfork_broker_free(shared);
	must(host_descriptors() == before - HELD_COUNT, 3);
}

static void
test_fork(void **state)
{
	(void)state;
	if (!can_lend())
		skip();
	shared = broker_of(host_worker());
	assert_int_equal(lent(shared), HELD_ALL);
	assert_int_equal(apart(use_in_child), 0);
	/* It closed its own. */
	assert_true(loads_as_usual(shared, 3));
	pfork_broker_free(shared);
}

static void
limit_descriptors(rlim_t to)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0, 10);
	limit.rlim_cur = to;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, 11);
}

/* No room for five; every load that could be done is done. */
static void
few_descriptors(void)
{
	pfork_broker *b = broker_of(host_worker());
	size_t before = host_descriptors();

	for (rlim_t n = 24; n >= 12; n--) {
		pfork_checkpoint *c = NULL;
		uint32_t set;

		limit_descriptors(n);
		set = lent(b);
		must(set == 0 || set == HELD_ALL, 1);
		if (n == 24)
			must(pfork_load_fd(b, input, &c, NULL) == PFORK_OK, 2);
		pfork_checkpoint_unref(c);
		limit_descriptors(1024);
		pfork_broker_free(b);
		must(host_descriptors() <= before, 3);
		b = broker_of(host_worker());
	}
	pfork_broker_free(b);
}

/* Lowered so far that a worker cannot have them at their numbers. */
static void
fewer_than_lent(void)
{
	pfork_broker *b = broker_of(host_worker());
	struct child c;
	struct child_end end;

	must(lent(b) == HELD_ALL, 1);
	/* One for the input; the others are for sockets and the pidfd. */
	must(dup2(input, 3) == 3, 2);
	for (int fd = 4; fd < HELD_FIRST_FD + HELD_COUNT; fd++)
		close(fd);
	limit_descriptors(HELD_FIRST_FD + HELD_COUNT);
	must(child_spawn(b, "canary", LEND_SOON, 3, &c, NULL) == PFORK_OK, 3);
	limit_descriptors(1024);
	child_finish(&c, 1000, &end);
	must(end.known, 4);
}

/* They close what they did not open, and have files of their own at some of
 * the numbers: those are not lent, and not closed. */
static void
own_files(unsigned from, unsigned step)
{
	static const struct timespec pause = { 1, 100 * 1000 * 1000 };
	size_t before = host_descriptors();
	pfork_broker *b = broker_of(host_worker());
	struct lent was;
	struct lent is;

	holder_lend(b, LEND_MANY, &was);
	must(was.set == HELD_ALL, 1);
	for (unsigned i = 0; i < was.count; i++)
		if (i >= from)
			must(dup2(input, was.fds[i]) == was.fds[i], 2);
	for (unsigned i = from; i < was.count; i += step)
		close(was.fds[i]);
	holder_lend(b, LEND_MANY, &is);
	must(is.set == 0, 3);
	must(loads_as_usual(b, 3), 4);
	/* In time there are others. */
	nanosleep(&pause, NULL);
	must(lent(b) == HELD_ALL, 5);
	must(loads_as_usual(b, 3), 6);
	pfork_broker_free(b);
	for (unsigned i = from; i < was.count; i++)
		must((fcntl(was.fds[i], F_GETFD) >= 0) ==
		    ((i - from) % step != 0), 7);
	for (unsigned i = from; i < was.count; i++)
		close(was.fds[i]);
	must(host_descriptors() == before, 8);
}

static void
all_are_files(void)
{
	own_files(0, 2);
}

static void
one_is_a_file(void)
{
	own_files(HELD_COUNT - 2, 2);
}

static void
close_standard(void)
{
	pfork_broker *b;

	for (int fd = 0; fd < 3; fd++)
		close(fd);
	b = broker_of(host_worker());
	must(lent(b) == HELD_ALL, 1);
	must(loads_as_usual(b, 3), 2);
	for (int fd = 0; fd < 3; fd++)
		must(fcntl(fd, F_GETFD) == -1, 3);
	pfork_broker_free(b);
}

static void
write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
	    20);
	close(fd);
}

/* Within a user namespace there may be another. */
static void
within(void)
{
	pfork_broker *b = broker_of(host_worker());
	pfork_broker *older = broker_of(host_worker());
	char uids[64];
	char gids[64];

	snprintf(uids, sizeof(uids), "1000 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "1000 %u 1", (unsigned)getegid());
	must(lent(older) == HELD_ALL, 1);
	must(unshare(CLONE_NEWUSER) == 0, 2);
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", uids);
	write_to("/proc/self/gid_map", gids);
	must(lent(b) == HELD_ALL, 3);
	must(loads_as_usual(b, 3), 4);
	/* These were made outside of it, so that they cannot be entered. */
	must(lent(older) == HELD_ALL, 5);
	must(loads_as_usual(older, 3), 6);
	pfork_broker_free(b);
	pfork_broker_free(older);
}

/* What root's holder made is another uid's than this host's from now on. */
static void
drop_root(void)
{
	pfork_broker *b = broker_of(host_worker());

	must(lent(b) == HELD_ALL, 1);
	must(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
	    setresuid(65534, 65534, 65534) == 0, 2);
	/* Where he can reach the program at all. */
	if (access(host_worker(), X_OK) == 0)
		must(loads_as_usual(b, 3), 3);
	pfork_broker_free(b);
	if (access(host_worker(), X_OK) != 0)
		return;
	b = broker_of(host_worker());
	must(lent(b) == HELD_ALL, 4);
	must(loads_as_usual(b, 3), 5);
	pfork_broker_free(b);
}

/* Becomes a process in a user namespace that maps everybody, which only one
 * outside of it may say. */
static void
map_everybody(void)
{
	int pair[2];
	char path[64];
	char byte = 0;
	int status = -1;
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, 1);
	pid = fork();
	if (pid == 0) {
		must(unshare(CLONE_NEWUSER) == 0 &&
		    write(pair[1], &byte, 1) == 1 &&
		    read(pair[1], &byte, 1) == 1, 2);
		close(pair[0]);
		close(pair[1]);
		return;
	}
	must(read(pair[0], &byte, 1) == 1, 3);
	snprintf(path, sizeof(path), "/proc/%ld/uid_map", (long)pid);
	write_to(path, "0 0 65536\n");
	snprintf(path, sizeof(path), "/proc/%ld/gid_map", (long)pid);
	write_to(path, "0 0 65536\n");
	must(write(pair[0], &byte, 1) == 1, 4);
	must(waitpid(pid, &status, 0) == pid, 5);
	_exit(WEXITSTATUS(status) | WTERMSIG(status));
}

/* No user namespace may be made any more: there is nothing to lend, and the
 * worker says what it lacks. */
static void
forbid(bool as_root)
{
	pfork_broker *b;

	map_everybody();
	write_to("/proc/sys/user/max_user_namespaces", "0\n");
	if (!as_root)
		must(setresgid(1000, 1000, 1000) == 0 &&
		    setresuid(1000, 1000, 1000) == 0, 6);
	if (access(host_worker(), X_OK) != 0)
		return;
	b = broker_of(host_worker());
	for (int i = 0; i < 5; i++) {
		must(lent(b) == 0, 7);
		must((load(b) & (NAMESPACES | PFORK_LAYERS_REQUIRED)) ==
		    PFORK_LAYERS_REQUIRED, 8);
	}
	pfork_broker_free(b);
}

static void
forbid_root(void)
{
	forbid(true);
}

static void
forbid_user(void)
{
	forbid(false);
}

static void
test_hosts(void **state)
{
	static const struct {
		const char *name;
		void (*host)(void);
		bool root_only;
	} hosts[] = {
		{ "few descriptors", few_descriptors, false },
		{ "fewer than lent", fewer_than_lent, false },
		{ "0 to 2 closed", close_standard, false },
		{ "files at their numbers", all_are_files, false },
		{ "a file at one number", one_is_a_file, false },
		{ "within a user namespace", within, false },
		{ "root no more", drop_root, true },
		{ "no user namespaces, root", forbid_root, true },
		{ "no user namespaces, user", forbid_user, true },
	};

	(void)state;
	if (!can_lend())
		skip();
	for (size_t i = 0; i < COUNT(hosts); i++) {
		int status;

		if (hosts[i].root_only && geteuid() != 0)
			continue;
		status = apart(hosts[i].host);
		if (status != 0)
			fail_msg("%s: %x", hosts[i].name, (unsigned)status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
