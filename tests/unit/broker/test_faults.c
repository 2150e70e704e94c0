/* SPDX-License-Identifier: Apache-2.0
 *
 * test_faults.c - each allocation and system call of a load fails in turn, once
 * or from then on: a typed error, no output, nothing left open, no worker left
 * (and no leak, under ASan).  The linker wraps the calls: mk/broker.mk.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker.h"
#include "keeper.h"
#include "picklefork.h"

/* The call with this number fails; 0: none.  Calls count from 1, those of the
 * keeper's thread too. */
static atomic_ulong fail_at;
static bool sticky;
static atomic_ulong calls;

static bool
fails(void)
{
	unsigned long call = ++calls;

	return fail_at != 0 && (call == fail_at || (sticky && call > fail_at));
}

/* WRAP(type, name, what it returns when it fails, errno, parameters, names) */
#define WRAP(type, name, wrong, number, parameters, names)  \
	type __real_##name parameters;                      \
	type __wrap_##name parameters;                      \
	type __wrap_##name parameters                       \
	{                                                   \
		if (!fails())                               \
			return __real_##name names;         \
		errno = number;                             \
		return wrong;                               \
	}

WRAP(void *, malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(void *, calloc, NULL, ENOMEM, (size_t n, size_t size), (n, size))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *at, size_t n, size_t size),
    (at, n, size))
WRAP(void *, aligned_alloc, NULL, ENOMEM, (size_t align, size_t size),
    (align, size))
WRAP(void *, mmap, MAP_FAILED, ENOMEM, (void *at, size_t size, int prot,
    int flags, int fd, off_t offset), (at, size, prot, flags, fd, offset))
WRAP(int, socketpair, -1, EMFILE, (int domain, int type, int protocol,
    int fds[2]), (domain, type, protocol, fds))
WRAP(int, epoll_create1, -1, EMFILE, (int flags), (flags))
WRAP(int, epoll_ctl, -1, ENOMEM, (int fd, int op, int other,
    struct epoll_event *event), (fd, op, other, event))
WRAP(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
WRAP(int, timerfd_settime, -1, ENOMEM, (int fd, int flags,
    const struct itimerspec *when, struct itimerspec *old),
    (fd, flags, when, old))
WRAP(int, memfd_create, -1, ENFILE, (const char *name, unsigned flags),
    (name, flags))
WRAP(int, fstat, -1, ENOMEM, (int fd, struct stat *st), (fd, st))
WRAP(ssize_t, getrandom, -1, ENOSYS, (void *at, size_t size, unsigned flags),
    (at, size, flags))
WRAP(ssize_t, send, -1, ENOMEM, (int fd, const void *at, size_t size,
    int flags), (fd, at, size, flags))
WRAP(ssize_t, sendfile, -1, EIO, (int to, int from, off_t *at, size_t size),
    (to, from, at, size))
WRAP(ssize_t, write, -1, ENOSPC, (int fd, const void *at, size_t size),
    (fd, at, size))
WRAP(ssize_t, sendmsg, -1, ETOOMANYREFS, (int fd, const struct msghdr *m,
    int flags), (fd, m, flags))
WRAP(int, eventfd, -1, EMFILE, (unsigned value, int flags), (value, flags))
WRAP(int, madvise, -1, EINVAL, (void *at, size_t size, int advice),
    (at, size, advice))
WRAP(int, pthread_create, EAGAIN, EAGAIN, (pthread_t *thread,
    const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
    (thread, attributes, run, argument))
WRAP(int, posix_spawn, EAGAIN, EAGAIN, (pid_t *pid, const char *path,
    const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
    char *const argv[], char *const envp[]),
    (pid, path, actions, attr, argv, envp))

static uint8_t bytes[4096];

static size_t
open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

enum way { MEMORY, PATH, SCAN, PROBE, PARKED, WAYS };

static enum pfork_code
go(enum way way, pfork_broker *b, const char *path, pfork_checkpoint **c,
    pfork_error *err)
{
	pfork_probe_result probe = { .size = sizeof(probe) };

	switch (way) {
	case MEMORY:
		return pfork_load_memory(b, bytes, sizeof(bytes), c, err);
	case PARKED:
		(void)keeper_wait(b->keeper, 1, 50);
		return pfork_load_path(b, path, c, err);
	case PATH:
		return pfork_load_path(b, path, c, err);
	case SCAN:
		return pfork_scan_path(b, path, c, err);
	case PROBE:
	case WAYS:
		break;
	}
	return pfork_probe(b, &probe, err);
}

/* One call fails.  False: the load does not make so many. */
static bool
fail_one(enum way way, const char *worker, const char *path, unsigned long at,
    bool on)
{
	pfork_options o = { .size = sizeof(o), .worker_path = worker,
		.flags = PFORK_MAP_INPUT | (way == PATH ? PFORK_SNAPSHOT : 0),
		.parked_workers = way == PARKED };
	pfork_checkpoint *c = NULL;
	pfork_broker *b = NULL;
	pfork_error err = { 0 };
	enum pfork_code code;
	bool reached;

	calls = 0;
	sticky = on;
	fail_at = at;
	code = pfork_broker_new(&o, &b, &err);
	if (code == PFORK_OK)
		code = go(way, b, path, &c, &err);
	reached = calls >= at;
	fail_at = 0;
	pfork_broker_free(b);
	if (code == PFORK_OK) {
		assert_true((c != NULL) == (way != PROBE));
		pfork_checkpoint_unref(c);
		return reached;
	}
	assert_null(c);
	assert_int_equal(err.code, code);
	/* The probe of a liar, which is no canary, fails in any case. */
	if (code != PFORK_E_SYSTEM && code != PFORK_E_SANDBOX)
		fail_msg("way %d, call %lu: %s", (int)way, at, err.text);
	return reached;
}

static void
test_sweep(void **state)
{
	static const char *const lies[WAYS] = { "honest", "honest", "honest",
		"hello_only", "honest" };
	static char path[] = "/tmp/test-faults-XXXXXX";
	const char *worker = getenv("PFORK_TEST_WORKER");
	const char *slash = worker != NULL ? strrchr(worker, '/') : NULL;
	char program[4096];
	size_t before;
	unsigned long at;
	int fd = mkstemp(path);

	(void)state;
	if (slash == NULL) {
		fail_msg("PFORK_TEST_WORKER is not set");
		return;
	}
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	for (enum way way = MEMORY; way < WAYS; way++) {
		snprintf(program, sizeof(program), "%.*s/liars/liar-%s",
		    (int)(slash - worker), worker, lies[way]);
		for (int on = 0; on < 2; on++) {
			before = open_descriptors();
			for (at = 1; fail_one(way, program, path, at, on != 0);
			    at++) {
				assert_int_equal(open_descriptors(), before);
				assert_int_equal(waitpid(-1, NULL, WNOHANG),
				    -1);
				assert_int_equal(errno, ECHILD);
			}
			/* They were wrapped at all. */
			assert_true(at > 8);
			if (way != PROBE)
				assert_true(at > 20);
		}
	}
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
