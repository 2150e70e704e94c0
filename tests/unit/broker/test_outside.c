/* SPDX-License-Identifier: Apache-2.0
 *
 * test_outside.c - hosts that are themselves locked in: under a filter that
 * answers for the kernel, and without the right to kill what they start.  Both
 * are a thread's own, so each test is a thread that gives them up.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

static const uint8_t bytes[4096] = { 1 };

static pfork_broker *
broker_with(const char *lie)
{
	const pfork_limits limits = { .size = sizeof(limits), .stall_ms = 300,
		.cpu_seconds = 1 };
	const pfork_options options = { .size = sizeof(options),
		.worker_path = host_liar(lie), .limits = &limits };
	pfork_broker *b = NULL;

	assert_int_equal(pfork_broker_new(&options, &b, NULL), PFORK_OK);
	return b;
}

struct host {
	bool (*give_up)(void);
	pfork_broker *broker;
	pfork_job *job;		/* to be finished, instead of a load */
	bool gave_up;
	enum pfork_code code;
	pfork_error err;
	double ms;
};

static void *
host(void *context)
{
	struct host *h = context;
	pfork_checkpoint *ckpt = NULL;
	struct timespec a;
	struct timespec b;

	h->gave_up = h->give_up();
	if (!h->gave_up)
		return NULL;
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (h->job != NULL)
		h->code = pfork_job_finish(h->job, NULL, &h->err);
	else
		h->code = pfork_load_memory(h->broker, bytes, sizeof(bytes),
		    &ckpt, &h->err);
	clock_gettime(CLOCK_MONOTONIC, &b);
	pfork_checkpoint_unref(ckpt);
	h->ms = (double)(b.tv_sec - a.tv_sec) * 1e3 +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	return NULL;
}

static void
run(struct host *h)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, host, h), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(h->gave_up);
}

static void
expect(struct host *h, enum pfork_code code, const char *text)
{
	if (h->code != code ||
	    (text != NULL && strstr(h->err.text, text) == NULL))
		fail_msg("%s: %s", pfork_code_name(h->code), h->err.text);
	/* No limit on time was dodged. */
	assert_true(h->ms < 5000);
}

/* ---------------------------------------------------------- the filters -- */

/* Answers 0 to a call and does nothing. */
static bool
lie_about(unsigned call)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &program) == 0;
}

static bool
lie_about_nothing(void)
{
	return lie_about(~0u) && lie_about(~0u);
}

static bool
lie_about_seccomp(void)
{
	return lie_about(~0u) && lie_about(SYS_seccomp);
}

static void
test_filter_outside(void **state)
{
	struct host h = { .give_up = lie_about_nothing };

	(void)state;
	h.broker = broker_with("honest");
	run(&h);
	expect(&h, PFORK_OK, NULL);
	pfork_broker_free(h.broker);
}

/* The worker is told that its filter is in force, and "Seccomp: 2" is true. */
static void
test_filter_that_lies(void **state)
{
	struct host h = { .give_up = lie_about_seccomp };

	(void)state;
	h.broker = broker_with("honest");
	run(&h);
	expect(&h, PFORK_E_SANDBOX, "its own seccomp filter");
	pfork_broker_free(h.broker);
}

/* ---------------------------------------------------------- no CAP_KILL -- */

static bool
drop_kill(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];

	if (syscall(SYS_capget, &head, caps) != 0)
		return false;
	caps[0].effective &= ~(1u << CAP_KILL);
	return syscall(SYS_capset, &head, caps) == 0;
}

/* An ordinary user may always kill what runs as himself. */
static void
only_as_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("only root can give up the right to kill\n");
	skip();
}

/* A worker that could not be ended is not told to go. */
static void
test_cannot_kill(void **state)
{
	struct host h = { .give_up = drop_kill };

	(void)state;
	only_as_root();
	h.broker = broker_with("honest");
	run(&h);
	expect(&h, PFORK_E_SANDBOX, "may not kill");
	host_no_children();
	pfork_broker_free(h.broker);
}

/* The doctor says so too, and goes on to name the layers. */
static bool
probe_without_kill(void)
{
	const pfork_options options = { .size = sizeof(options),
		.worker_path = host_worker() };
	pfork_probe_result r = { .size = sizeof(r) };
	pfork_broker *b = NULL;
	pfork_error err = { 0 };
	bool fine = drop_kill() &&
	    pfork_broker_new(&options, &b, NULL) == PFORK_OK &&
	    pfork_probe(b, &r, &err) == PFORK_E_SANDBOX &&
	    strstr(err.text, "may not be killed") != NULL &&
	    r.canary_killed && r.layer_count > 7;

	pfork_broker_free(b);
	return fine;
}

static void
test_cannot_kill_a_canary(void **state)
{
	struct host h = { .give_up = probe_without_kill };

	(void)state;
	only_as_root();
	h.broker = broker_with("honest");
	run(&h);
	pfork_broker_free(h.broker);
}

/* It is silent before its Hello, and reads: hanging up ends it. */
static void
test_cannot_kill_the_silent(void **state)
{
	struct host h = { .give_up = drop_kill };

	(void)state;
	only_as_root();
	h.broker = broker_with("silence_at_once");
	run(&h);
	expect(&h, PFORK_E_TIMEOUT, "stall_ms");
	host_no_children();
	pfork_broker_free(h.broker);
}

/* The host gives the right up while a worker works for ever. */
static void
test_cannot_kill_any_more(void **state)
{
	struct host h = { .give_up = drop_kill };
	struct timespec wait = { 0, 100 * 1000 * 1000 };
	FILE *file;
	bool done = false;

	(void)state;
	only_as_root();
	file = tmpfile();
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
	assert_int_equal(fflush(file), 0);
	h.broker = broker_with("spin");
	assert_int_equal(pfork_job_start(h.broker, fileno(file), &h.job, NULL),
	    PFORK_OK);
	for (int i = 0; i < 2 && !done; i++) {
		nanosleep(&wait, NULL);
		assert_int_equal(pfork_job_step(h.job, &done), PFORK_OK);
	}
	run(&h);
	expect(&h, PFORK_E_TIMEOUT, "cancelled");
	/* Its CPU limit ends it, without us. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
	fclose(file);
	pfork_broker_free(h.broker);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter_outside),
		cmocka_unit_test(test_filter_that_lies),
		cmocka_unit_test(test_cannot_kill),
		cmocka_unit_test(test_cannot_kill_a_canary),
		cmocka_unit_test(test_cannot_kill_the_silent),
		cmocka_unit_test(test_cannot_kill_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
