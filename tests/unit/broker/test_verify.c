/* SPDX-License-Identifier: Apache-2.0
 *
 * test_verify.c - a worker seen from outside (/proc/PID/status), and what its
 * end tells.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "load_job.h"

static const char good[] =
    "Name:\tNoNewPrivs:\t0\n"
    "PPid:\t42\n"
    "Uid:\t65530\t65530\t65530\t65530\n"
    "Gid:\t65530\t65530\t65530\t65530\n"
    "Groups:\t \n"
    "Threads:\t1\n"
    "CapInh:\t0000000000000000\n"
    "CapPrm:\t0000000000000000\n"
    "CapEff:\t0000000000000000\n"
    "CapBnd:\t000001ffffffffff\n"
    "CapAmb:\t0000000000000000\n"
    "NoNewPrivs:\t1\n"
    "Seccomp:\t2\n"
    "Seccomp_filters:\t1\n";

static void
test_status(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		bool user;	/* good enough where we are not root */
	} rows[] = {
		{ "PPid:\t42", "PPid:\t43", false },
		{ "PPid:\t42", "PPid:\t4", false },
		{ "PPid:\t42", "PPid:\t-42", false },
		{ "PPid:\t42", "PPid:\t42 1", false },
		{ "PPid:\t42", "PPid:\t", false },
		{ "PPid:\t42\n", "", false },
		/* A number is on its line, not on the next one. */
		{ "PPid:\t42", "PPid:\t\n42", false },
		{ "CapEff:\t0000000000000000", "CapEff:\t\n0", false },
		/* 1 for strtoull. */
		{ "Threads:\t1", "Threads:\t-18446744073709551615", false },
		/* The first line that says it counts. */
		{ "Seccomp:\t2\n", "Seccomp:\t0\nSeccomp:\t2\n", false },
		{ "Threads:\t1\n", "Threads:\tx\nThreads:\t1\n", false },
		{ "Threads:\t1", "Threads:\t2", false },
		{ "Threads:\t1\n", "", false },
		{ "NoNewPrivs:\t1", "NoNewPrivs:\t0", false },
		{ "NoNewPrivs:\t1\n", "", false },
		{ "Seccomp:\t2", "Seccomp:\t0", false },
		{ "Seccomp:\t2", "Seccomp:\t1", false },
		{ "Seccomp:\t2", "Seccomp:\t20", false },
		{ "Seccomp:\t2\n", "", false },
		{ "Seccomp_filters:\t1", "Seccomp_filters:\t0", false },
		{ "Seccomp_filters:\t1", "Seccomp_filters:\t2", false },
		{ "Seccomp_filters:\t1\n", "", false },
		{ "CapInh:\t0000000000000000", "CapInh:\t0000000000000001",
		    false },
		{ "CapPrm:\t0000000000000000", "CapPrm:\t8000000000000000",
		    false },
		{ "CapEff:\t0000000000000000", "CapEff:\t000001ffffffffff",
		    false },
		{ "CapEff:\t0000000000000000", "CapEff:\tx", false },
		{ "CapEff:\t0000000000000000\n", "", false },
		{ "CapAmb:\t0000000000000000", "CapAmb:\t0000000000000400",
		    false },
		{ "CapAmb:\t0000000000000000\n", "", false },
		{ "Uid:\t65530", "Uid:\t0", true },
		{ "Uid:\t65530\t65530", "Uid:\t65530\t0", true },
		{ "Uid:\t65530\t65530\t65530", "Uid:\t65530\t65530\t0", true },
		{ "Uid:\t65530\t65530\t65530\t65530",
		    "Uid:\t65530\t65530\t65530\t0", true },
		{ "Uid:\t65530\t65530\t65530\t65530",
		    "Uid:\t65530\t65530\t65530", true },
		{ "Uid:\t65530", "Uid:\t65530\t65530", true },
		{ "Gid:\t65530", "Gid:\t0", true },
		{ "Gid:\t65530\t65530\t65530\t65530\n", "", true },
	};
	char text[2048];
	const char *at;

	(void)state;
	assert_null(child_judge_status(good, 42, true, 0));
	assert_null(child_judge_status(good, 42, false, 0));
	assert_non_null(child_judge_status("", 42, false, 0));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* The last one: a process may choose its own name. */
		at = strstr(strstr(good, "PPid"), rows[i].from);
		assert_non_null(at);
		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good),
		    good, rows[i].to, at + strlen(rows[i].from));
		if (child_judge_status(text, 42, true, 0) == NULL)
			fail_msg("root: %s", rows[i].to);
		if ((child_judge_status(text, 42, false, 0) == NULL) !=
		    rows[i].user)
			fail_msg("user: %s", rows[i].to);
	}
}

/* Under filters of the host's own there must be exactly one more. */
static void
test_host_filters(void **state)
{
	char text[2048];

	(void)state;
	for (unsigned had = 0; had < 4; had++) {
		snprintf(text, sizeof(text), "%.*sSeccomp_filters:\t%u\n",
		    (int)(strstr(good, "Seccomp_filters") - good), good, had);
		for (unsigned host = 0; host < 4; host++)
			assert_true((child_judge_status(text, 42, true, host) ==
			    NULL) == (had == host + 1));
	}
}

static void
test_ourselves(void **state)
{
	struct child c = CHILD_NONE;
	uint64_t filters = UINT64_MAX;
	pfork_error err;

	(void)state;
	assert_int_equal(child_count_filters(&filters, &err), PFORK_OK);
	assert_true(filters < 64);
	/* Init is nobody's child of ours; and a number that nobody has. */
	c.pid = 1;
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_non_null(strstr(err.text, "not our child"));
	assert_int_equal(err.errnum, 0);
	c.pid = -5;
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_non_null(strstr(err.text, "cannot be verified"));
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(child_verify(&c, NULL), PFORK_E_SANDBOX);
	assert_int_equal(child_watch_status(&c, NULL), PFORK_E_SANDBOX);
	/* Our own, kept open: its first line names this program. */
	c.pid = getpid();
	assert_int_equal(child_watch_status(&c, NULL), PFORK_OK);
	assert_int_equal(fcntl(c.status, F_GETFD), FD_CLOEXEC);
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_non_null(strstr(err.text, "not our child"));
	close(c.status);
}

/* A file with the status of a worker whose host we are, `length` bytes long. */
static int
status_file(const char *from, const char *to, size_t length)
{
	static char text[65536];
	const char *at = strstr(strstr(good, "PPid"), from);
	int fd = memfd_create("status", MFD_CLOEXEC);
	size_t used;

	assert_non_null(at);
	assert_true(fd >= 0);
	used = (size_t)snprintf(text, sizeof(text), "PPid:\t%d\n%.*s%s%s",
	    (int)getpid(), (int)(at - good), good, to, at + strlen(from));
	memset(text + used, ' ', sizeof(text) - used);
	used = length > 0 ? length : used;
	assert_int_equal(write(fd, text, used), used);
	return fd;
}

static void
test_status_file(void **state)
{
	static const struct {
		const char *from;
		const char *to;
		size_t length;
		const char *why;	/* NULL: it is good */
		int errnum;
	} rows[] = {
		{ "Threads", "Threads", 0, NULL, 0 },
		{ "Threads:\t1", "Threads:\t2", 0, "one thread", 0 },
		/* All of it is read, or nothing of it is believed. */
		{ "Threads", "Threads", 65534, NULL, 0 },
		{ "Threads", "Threads", 65535, "cannot be verified", EFBIG },
		{ "Threads", "Threads", 65536, "cannot be verified", EFBIG },
	};
	struct child c = CHILD_NONE;
	pfork_error err;

	(void)state;
	c.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	assert_true(c.pidfd >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c.status = status_file(rows[i].from, rows[i].to,
		    rows[i].length);
		memset(&err, 0, sizeof(err));
		if (child_verify(&c, &err) !=
		    (rows[i].why == NULL ? PFORK_OK : PFORK_E_SANDBOX))
			fail_msg("row %zu: %s", i, err.text);
		if (rows[i].why != NULL)
			assert_non_null(strstr(err.text, rows[i].why));
		assert_int_equal(err.errnum, rows[i].errnum);
		close(c.status);
	}
	/* One more filter than before; what nobody can read; nobody to kill. */
	c.status = status_file("Threads", "Threads", 0);
	c.filters = 1;
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_non_null(strstr(err.text, "its own seccomp filter"));
	close(c.pidfd);
	c.filters = 0;
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_non_null(strstr(err.text, "may not kill"));
	close(c.status);
	assert_int_equal(child_verify(&c, &err), PFORK_E_SANDBOX);
	assert_int_equal(err.errnum, EBADF);
}

/* Signals go to whom the descriptor says, who may have left. */
static void
test_may_kill(void **state)
{
	struct child c = CHILD_NONE;

	(void)state;
	assert_false(child_may_kill(&c));
	c.pid = fork();
	if (c.pid == 0)
		_exit(0);
	assert_true(c.pid > 0);
	c.pidfd = (int)syscall(SYS_pidfd_open, c.pid, 0);
	assert_true(child_may_kill(&c));
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	assert_true(child_may_kill(&c));
	close(c.pidfd);
}

static void
test_death(void **state)
{
	static const struct {
		struct child_end end;
		enum session_state in;
		enum pfork_code code;
		const char *text;
	} rows[] = {
		{ { true, 0, 0, 0, true }, LISTENING, PFORK_E_WORKER,
		    "hung up" },
		{ { false, 0, 0, 0, false }, LISTENING, PFORK_E_WORKER,
		    "the host took" },
		{ { true, 0, 0, 0, false }, LISTENING, PFORK_E_WORKER,
		    "status 0" },
		{ { true, 5, 0, 0, false }, RECEIVING, PFORK_E_WORKER,
		    "status 5 and without an answer inside a stream" },
		{ { true, 3, 0, 0, false }, WAIT_HELLO, PFORK_E_SANDBOX,
		    "lock itself in" },
		{ { true, 3, 0, 0, false }, LISTENING, PFORK_E_WORKER,
		    "status 3" },
		{ { true, 7, 0, 0, false }, WAIT_HELLO, PFORK_E_SYSTEM,
		    "arena_bytes" },
		{ { true, 64, 0, 0, false }, WAIT_HELLO, PFORK_E_SANDBOX,
		    "different versions" },
		{ { true, 0, SIGSEGV, 0, false }, LISTENING, PFORK_E_WORKER,
		    "SIGSEGV" },
		{ { true, 0, SIGSYS, 0, false }, LISTENING, PFORK_E_WORKER,
		    "its own jail" },
		{ { true, 0, SIGSYS, 0, false }, WAIT_HELLO, PFORK_E_SANDBOX,
		    "outside the worker" },
		{ { true, 0, SIGXCPU, 2, false }, LISTENING, PFORK_E_TIMEOUT,
		    "cpu_seconds of 10" },
		{ { true, 0, SIGKILL, 11, false }, LISTENING, PFORK_E_TIMEOUT,
		    "cpu_seconds" },
		{ { true, 0, SIGKILL, 3, false }, LISTENING, PFORK_E_WORKER,
		    "SIGKILL" },
		{ { true, 0, 1000, 0, false }, LISTENING, PFORK_E_WORKER,
		    "SIG?" },
	};
	pfork_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (death_explain(&rows[i].end, rows[i].in, 10, &err) !=
		    rows[i].code || strstr(err.text, rows[i].text) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		assert_int_equal(err.code, rows[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_host_filters),
		cmocka_unit_test(test_ourselves),
		cmocka_unit_test(test_status_file),
		cmocka_unit_test(test_may_kill),
		cmocka_unit_test(test_death),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
