/* SPDX-License-Identifier: Apache-2.0
 *
 * test_traps.c - F9, a trap that others fell into: PR_SET_PDEATHSIG fires when
 * the thread that spawned ends, not the process.  A load that one thread starts
 * and another finishes must not notice.  $PFORK_TEST_WORKER.
 */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "picklefork.h"

/* PROTO 2, an empty dict, STOP. */
static const uint8_t pickle[] = { 0x80, 2, '}', '.' };

struct start {
	pfork_broker *broker;
	pfork_job *job;
	enum pfork_code code;
	int fd;
};

static void *
start(void *argument)
{
	struct start *s = argument;

	s->code = pfork_job_start(s->broker, s->fd, &s->job, NULL);
	return NULL;
}

static void
test_spawning_thread_ends(void **state)
{
	pfork_options o = { .size = sizeof(o),
		.worker_path = getenv("PFORK_TEST_WORKER") };
	struct start s = { .fd = memfd_create("input", MFD_CLOEXEC) };
	pfork_checkpoint *c = NULL;
	pfork_error err = { 0 };
	bool done = false;
	pthread_t thread;

	(void)state;
	assert_non_null(o.worker_path);
	assert_int_equal(write(s.fd, pickle, sizeof(pickle)), sizeof(pickle));
	assert_int_equal(pfork_broker_new(&o, &s.broker, NULL), PFORK_OK);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, start, &s), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(s.code, PFORK_OK);
		/* Time for a signal to arrive. */
		usleep(2000);
		do {
			struct pollfd p = { .fd = pfork_job_fd(s.job),
				.events = POLLIN };

			(void)poll(&p, 1, 1000);
			(void)pfork_job_step(s.job, &done);
		} while (!done);
		if (pfork_job_finish(s.job, &c, &err) != PFORK_OK)
			fail_msg("%s", err.text);
		pfork_checkpoint_unref(c);
	}
	pfork_broker_free(s.broker);
	close(s.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spawning_thread_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
