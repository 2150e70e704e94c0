/* SPDX-License-Identifier: Apache-2.0
 *
 * test_cancel.c - pthread_cancel of a thread that is in the library: every call
 * that reads, waits or writes is made with a cancellation pending, which takes
 * effect at the first of POSIX's cancellation points.  The call comes back
 * whole, the cancellation after it.  $PFORK_TEST_WORKER.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* Read by several threads, and kept by one thread at a time. */
#define TENSOR ((size_t)65 << 20)

/* What the calls make and take; in the order of the table. */
static struct world {
	char directory[32];
	char path[64];
	int fd;
	int out;
	uint8_t *buffer;
	pfork_broker *broker;
	pfork_broker *made;
	pfork_store *store;
	pfork_job *job;
	pfork_checkpoint *ckpt;
	pfork_checkpoint *got;
	pfork_error err;
} w;

/* ----------------------------------------------------------- the calls -- */

static enum pfork_code
broker_new(void)
{
	pfork_options o = { .size = sizeof(o), .worker_path = host_worker(),
		.parked_workers = 1 };

	return pfork_broker_new(&o, &w.made, &w.err);
}

static enum pfork_code
broker_free(void)
{
	pfork_broker_free(w.made);
	return PFORK_OK;
}

static enum pfork_code
load_path(void)
{
	return pfork_load_path(w.broker, w.path, &w.got, &w.err);
}

static enum pfork_code
unref(void)
{
	pfork_checkpoint_unref(w.got);
	w.got = NULL;
	return PFORK_OK;
}

static enum pfork_code
load_fd(void)
{
	return pfork_load_fd(w.broker, w.fd, &w.got, &w.err);
}

static enum pfork_code
load_memory(void)
{
	return pfork_load_memory(w.broker, host_pickle, sizeof(host_pickle),
	    &w.got, &w.err);
}

static enum pfork_code
scan_path(void)
{
	return pfork_scan_path(w.broker, w.path, &w.got, &w.err);
}

static enum pfork_code
scan_fd(void)
{
	return pfork_scan_fd(w.broker, w.fd, &w.got, &w.err);
}

static enum pfork_code
job_start(void)
{
	return pfork_job_start(w.broker, w.fd, &w.job, &w.err);
}

/* To wait by poll would be a cancellation point of our own. */
static enum pfork_code
job_step(void)
{
	enum pfork_code code = PFORK_OK;
	bool done = false;

	while (code == PFORK_OK && !done)
		code = pfork_job_step(w.job, &done);
	return code;
}

static enum pfork_code
job_finish(void)
{
	return pfork_job_finish(w.job, &w.got, &w.err);
}

static enum pfork_code
store_open(void)
{
	return pfork_store_open(w.broker, w.directory, NULL, &w.store, &w.err);
}

static enum pfork_code
store_load(void)
{
	return pfork_store_load(w.store, "w.st", &w.got, &w.err);
}

static enum pfork_code
store_scan(void)
{
	return pfork_store_scan(w.store, "w.st", &w.got, &w.err);
}

static enum pfork_code
store_free(void)
{
	pfork_store_free(w.store);
	return PFORK_OK;
}

static enum pfork_code
tensor_read(void)
{
	return pfork_tensor_read(pfork_checkpoint_at(w.ckpt, 0), w.buffer,
	    TENSOR, &w.err);
}

static enum pfork_code
tensor_read_part(void)
{
	return pfork_tensor_read_part(pfork_checkpoint_at(w.ckpt, 0), 7,
	    w.buffer, 8, &w.err);
}

static enum pfork_code
tensor_data(void)
{
	const void *data;

	return pfork_tensor_data(pfork_checkpoint_at(w.ckpt, 0), &data,
	    &w.err);
}

/* What its deleter would drop is dropped here. */
static enum pfork_code
tensor_dlpack(void)
{
	void *managed = NULL;
	enum pfork_code code = pfork_tensor_dlpack(
	    pfork_checkpoint_at(w.ckpt, 1), &managed, &w.err);

	if (code == PFORK_OK) {
		free(managed);
		pfork_checkpoint_unref(w.ckpt);
	}
	return code;
}

static bool
progress(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	pthread_testcancel();
	return done <= total;
}

static enum pfork_code
save(void)
{
	pfork_save_options o = { .size = sizeof(o), .progress = progress };

	return pfork_save_safetensors(w.ckpt, w.out, &o, &w.err);
}

static void
each(void *context, const char *name, const pfork_tensor *tensor,
    enum pfork_saved saved)
{
	(void)context;
	(void)name;
	(void)tensor;
	(void)saved;
	pthread_testcancel();
}

static enum pfork_code
save_names(void)
{
	return pfork_save_names(w.ckpt, 0, each, NULL, &w.err);
}

static enum pfork_code
probe(void)
{
	pfork_probe_result result = { .size = sizeof(result) };

	return pfork_probe(w.broker, &result, &w.err);
}

/* ------------------------------------------------------------ the test -- */

/* AddressSanitizer of gcc 12 takes the end of a cancelled thread for an overrun
 * of its stack: there none is, and only the calls are looked at. */
#ifdef __SANITIZE_ADDRESS__
#define TAKES_EFFECT 0
#else
#define TAKES_EFFECT 1
#endif

struct call {
	const char *name;
	enum pfork_code (*make)(void);
	int state;	/* the caller's own */
	enum pfork_code code;
	bool returned;
	bool survived;
};

static void *
cancelled(void *argument)
{
	struct call *c = argument;
	int state;

	(void)pthread_setcancelstate(c->state, NULL);
	(void)pthread_cancel(pthread_self());
	c->code = c->make();
	c->returned = true;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state != c->state || !TAKES_EFFECT)
		return NULL;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	c->survived = true;
	return NULL;
}

static void
try(struct call c)
{
	pthread_t thread;
	void *result = NULL;

	assert_int_equal(pthread_create(&thread, NULL, cancelled, &c), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	if (!c.returned)
		fail_msg("%s: cancelled inside", c.name);
	if (c.code != PFORK_OK)
		fail_msg("%s: %s", c.name, w.err.text);
	if (c.survived || (TAKES_EFFECT && result != PTHREAD_CANCELED))
		fail_msg("%s: it took the cancellation away", c.name);
}

static void
test_calls(void **state)
{
	static const struct {
		const char *name;
		enum pfork_code (*make)(void);
		bool gives;	/* a checkpoint */
	} calls[] = {
		{ "broker_new", broker_new, false },
		{ "broker_free", broker_free, false },
		{ "load_path", load_path, true },
		{ "load_fd", load_fd, true },
		{ "load_memory", load_memory, true },
		{ "scan_path", scan_path, true },
		{ "scan_fd", scan_fd, true },
		{ "job_start", job_start, false },
		{ "job_step", job_step, false },
		{ "job_finish", job_finish, true },
		{ "store_open", store_open, false },
		{ "store_load", store_load, true },
		{ "store_scan", store_scan, true },
		{ "store_free", store_free, false },
		{ "tensor_read", tensor_read, false },
		{ "tensor_read_part", tensor_read_part, false },
		{ "tensor_data", tensor_data, false },
		{ "tensor_dlpack", tensor_dlpack, false },
		{ "save", save, false },
		{ "save_names", save_names, false },
		{ "probe", probe, false },
	};
	static const int states[] = { PTHREAD_CANCEL_ENABLE,
		PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE };
	size_t before = 0;

	(void)state;
	for (size_t s = 0; s < COUNT(states); s++) {
		/* From then on the broker has namespaces to lend. */
		if (s == 1)
			before = host_descriptors();
		for (size_t i = 0; i < COUNT(calls); i++) {
			try((struct call){ .name = calls[i].name,
			    .make = calls[i].make, .state = states[s] });
			if (calls[i].gives)
				try((struct call){ .name = "unref",
				    .make = unref, .state = states[s] });
		}
	}
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

/* Two tensors of zeros, which take no room on the disk. */
static int
set_up(void **state)
{
	char header[256];
	uint64_t length;

	(void)state;
	strcpy(w.directory, "/tmp/test-cancel-XXXXXX");
	if (mkdtemp(w.directory) == NULL)
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/w.st", w.directory);
	length = (uint64_t)snprintf(header, sizeof(header),
	    "{\"a\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]},"
	    "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[%zu,%zu]}}",
	    TENSOR, TENSOR, TENSOR, TENSOR + 8);
	w.fd = open(w.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	w.out = memfd_create("out", MFD_CLOEXEC);
	w.buffer = malloc(TENSOR);
	if (w.fd < 0 || w.out < 0 || w.buffer == NULL ||
	    write(w.fd, &length, sizeof(length)) != sizeof(length) ||
	    write(w.fd, header, length) != (ssize_t)length ||
	    ftruncate(w.fd, (off_t)(8 + length + TENSOR + 8)) != 0)
		return -1;
	w.broker = host_broker(&(pfork_options){ 0 });
	return pfork_load_path(w.broker, w.path, &w.ckpt, NULL) != PFORK_OK;
}

static int
tear_down(void **state)
{
	(void)state;
	pfork_checkpoint_unref(w.ckpt);
	pfork_broker_free(w.broker);
	free(w.buffer);
	close(w.fd);
	close(w.out);
	unlink(w.path);
	return rmdir(w.directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
