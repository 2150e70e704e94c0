/* SPDX-License-Identifier: Apache-2.0
 *
 * test_forked.c - a host that forks in the middle of things: what its child
 * does with its copies of a job and of a checkpoint neither ends the parent's
 * load nor waits for a thread that is not there.  $PFORK_TEST_WORKER.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "checkpoint.h"
#include "host.h"
#include "load_job.h"
#include "picklefork.h"

/* Kept by one thread at a time. */
#define TENSOR ((size_t)65 << 20)

/* In a child of its own; 0: it went well.  A child that hangs is ended. */
static int
apart(int (*what)(void *), void *argument)
{
	int status = -1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(20);
		_exit(what(argument));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static int
finish(pfork_job *job, size_t before)
{
	pfork_error err;

	if (pfork_job_finish(job, NULL, &err) != PFORK_E_SYSTEM)
		return 1;
	if (strstr(err.text, "forked") == NULL)
		return 2;
	/* Socket, pidfd, epoll, timer, input. */
	return host_descriptors() == before - 5 ? 0 : 3;
}

static int
finish_only(void *argument)
{
	return finish(argument, host_descriptors());
}

/* What the worker says is for the parent. */
static int
step_first(void *argument)
{
	size_t before = host_descriptors();
	pfork_job *job = argument;
	bool done = false;

	for (int i = 0; i < 3; i++) {
		struct pollfd p = { .fd = pfork_job_fd(job),
			.events = POLLIN };

		(void)poll(&p, 1, 1000);
		if (pfork_job_step(job, &done) != PFORK_OK || !done)
			return 10;
	}
	return finish(job, before);
}

static void
test_job(void **state)
{
	static int (*const children[])(void *) = { finish_only, step_first };
	pfork_broker *b = host_broker(&(pfork_options){ 0 });
	int input = host_input();
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	pfork_error err;
	bool done;

	(void)state;
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++) {
		assert_int_equal(pfork_job_start(b, input, &job, &err),
		    PFORK_OK);
		assert_int_equal(apart(children[i], job), 0);
		for (done = false; !done;) {
			struct pollfd p = { .fd = pfork_job_fd(job),
				.events = POLLIN };

			(void)poll(&p, 1, 1000);
			(void)pfork_job_step(job, &done);
		}
		if (pfork_job_finish(job, &c, &err) != PFORK_OK)
			fail_msg("%s", err.text);
		assert_string_equal(pfork_checkpoint_format(c), "pickle");
		pfork_checkpoint_unref(c);
	}
	pfork_broker_free(b);
	close(input);
	host_no_children();
}

/* One of zeros, which take no room. */
static int
large_input(void)
{
	char header[128];
	int fd = memfd_create("input", MFD_CLOEXEC);
	uint64_t length = (uint64_t)snprintf(header, sizeof(header),
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}",
	    TENSOR, TENSOR);

	assert_int_equal(write(fd, &length, sizeof(length)), sizeof(length));
	assert_int_equal(write(fd, header, length), length);
	assert_int_equal(ftruncate(fd, (off_t)(8 + length + TENSOR)), 0);
	return fd;
}

static int
read_in_child(void *argument)
{
	pfork_checkpoint *c = argument;
	const pfork_tensor *t = pfork_checkpoint_at(c, 0);
	const void *data = NULL;
	const void *again = NULL;

	if (pfork_tensor_data(t, &data, NULL) != PFORK_OK ||
	    pfork_tensor_data(t, &again, NULL) != PFORK_OK)
		return 1;
	if (data != again || ((const uint8_t *)data)[TENSOR - 1] != 0)
		return 2;
	pfork_checkpoint_unref(c);
	return 0;
}

/* As if another thread were loading a tensor at that moment. */
static void
test_lock(void **state)
{
	pfork_broker *b = host_broker(&(pfork_options){ 0 });
	int input = large_input();
	pfork_checkpoint *c = NULL;
	const void *data = NULL;
	int status;

	(void)state;
	assert_int_equal(pfork_load_fd(b, input, &c, NULL), PFORK_OK);
	assert_int_equal(pthread_mutex_lock(&c->lock), 0);
	status = apart(read_in_child, c);
	assert_int_equal(pthread_mutex_unlock(&c->lock), 0);
	assert_int_equal(status, 0);
	assert_int_equal(pfork_tensor_data(pfork_checkpoint_at(c, 0), &data,
	    NULL), PFORK_OK);
	assert_non_null(data);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
	close(input);
	host_no_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
