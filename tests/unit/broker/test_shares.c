/* SPDX-License-Identifier: Apache-2.0
 *
 * test_shares.c - the real worker, several times over one archive: the same
 * tensors to the byte in every way of loading, one error where one of them
 * fails, and nobody left behind wherever it ends.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "deflated.h"
#include "host.h"
#include "keeper.h"
#include "load_job.h"

#define LARGE ((size_t)MIB + 1000)
#define MEMBERS 9

static const size_t sizes[MEMBERS] = { 100, LARGE, 3 * LARGE, 5000, LARGE,
	2 * LARGE, 0, LARGE, LARGE };

enum { NPZ, TORCH, BROKEN, ARCHIVES };
static struct deflated archives[ARCHIVES];
static int inputs[ARCHIVES];

static int
make_inputs(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "a%u.npy", i);
		deflated_add_npy(&archives[NPZ], name, sizes[i], i);
	}
	deflated_add_torch(&archives[TORCH], sizes, MEMBERS);
	deflated_add_torch(&archives[BROKEN], sizes, MEMBERS);
	/* In "5", which is the second worker's where there are two. */
	archives[BROKEN].bytes[archives[BROKEN].last - 3 * LARGE] ^= 1;
	for (int i = 0; i < ARCHIVES; i++) {
		deflated_end(&archives[i]);
		inputs[i] = memfd_create("archive", MFD_CLOEXEC);
		assert_int_equal(write(inputs[i], archives[i].bytes,
		    archives[i].length), archives[i].length);
	}
	return 0;
}

static int
free_inputs(void **state)
{
	(void)state;
	for (int i = 0; i < ARCHIVES; i++) {
		close(inputs[i]);
		deflated_free(&archives[i]);
	}
	return 0;
}

static pfork_broker *
broker_of(uint32_t workers)
{
	return host_broker(&(pfork_options){ .inflate_workers = workers });
}

/* Of either archive. */
static void
check_tensors(const pfork_checkpoint *c)
{
	uint8_t *bytes = malloc(4 * LARGE);
	const pfork_tensor *t;
	pfork_error err;

	assert_non_null(bytes);
	assert_int_equal(pfork_checkpoint_count(c), MEMBERS);
	assert_int_equal(pfork_checkpoint_verdict(c), PFORK_CLEAN);
	for (unsigned i = 0; i < MEMBERS; i++) {
		t = pfork_checkpoint_at(c, i);
		assert_int_equal(pfork_tensor_nbytes(t), sizes[i]);
		if (pfork_tensor_read(t, bytes, 4 * LARGE, &err) != PFORK_OK)
			fail_msg("tensor %u: %s", i, err.text);
		for (size_t k = 0; k < sizes[i]; k++)
			if (bytes[k] != (uint8_t)(k * 7 + i))
				fail_msg("tensor %u differs at %zu", i, k);
	}
	free(bytes);
}

static void
nothing_left(size_t before)
{
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

/* ----------------------------------------------------------- every way -- */

static void
test_ways(void **state)
{
	static const pfork_options ways[] = {
		{ .flags = 0 },
		{ .flags = PFORK_SNAPSHOT },
		{ .flags = PFORK_VERIFY | PFORK_SCALARS },
		{ .flags = PFORK_MAP_INPUT },
		{ .delivery = PFORK_DELIVER_STREAM },
	};
	static const uint32_t workers[] = { 1, 2, 4, SHARES_MAX };
	size_t before = host_descriptors();

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (size_t k = 0; k < sizeof(workers) / sizeof(*workers);
		    k++) {
			pfork_options o = ways[i];
			pfork_broker *b;

			o.inflate_workers = workers[k];
			b = host_broker(&o);
			for (int archive = NPZ; archive <= TORCH; archive++) {
				pfork_checkpoint *c = NULL;
				pfork_error err;

				if (pfork_load_fd(b, inputs[archive], &c,
				    &err) != PFORK_OK)
					fail_msg("way %zu, %u workers: %s", i,
					    workers[k], err.text);
				host_no_children();
				check_tensors(c);
				pfork_checkpoint_unref(c);
				assert_int_equal(pfork_scan_fd(b,
				    inputs[archive], &c, &err), PFORK_OK);
				assert_null(pfork_checkpoint_fault(c));
				check_tensors(c);
				pfork_checkpoint_unref(c);
			}
			pfork_broker_free(b);
			nothing_left(before);
		}
}

/* By those that wait, as many as there are. */
static void
test_parked(void **state)
{
	size_t before = host_descriptors();

	(void)state;
	for (uint32_t parked = 1; parked <= 4; parked++) {
		pfork_broker *b = host_broker(&(pfork_options){
		    .inflate_workers = 4, .parked_workers = parked });
		pfork_worker_info info = { .size = sizeof(info) };
		pfork_checkpoint *c = NULL;

		assert_true(keeper_wait(b->keeper, parked, 10000));
		assert_int_equal(pfork_load_fd(b, inputs[NPZ], &c, NULL),
		    PFORK_OK);
		check_tensors(c);
		assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
		assert_true(info.parked);
		pfork_broker_free(b);
		pfork_checkpoint_unref(c);
		nothing_left(before);
	}
}

static void
test_store(void **state)
{
	char directory[] = "/tmp/test-shares-XXXXXX";
	char path[64];
	pfork_broker *b = broker_of(3);
	pfork_store *s = NULL;
	pfork_checkpoint *c = NULL;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/a.npz", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, archives[NPZ].bytes, archives[NPZ].length),
	    archives[NPZ].length);
	close(fd);
	assert_int_equal(pfork_store_open(b, directory, NULL, &s, NULL),
	    PFORK_OK);
	/* A store outlives its broker. */
	pfork_broker_free(b);
	assert_int_equal(pfork_store_load(s, "a.npz", &c, NULL), PFORK_OK);
	pfork_store_free(s);
	check_tensors(c);
	pfork_checkpoint_unref(c);
	unlink(path);
	rmdir(directory);
	host_no_children();
}

static void
test_options(void **state)
{
	pfork_options o = { .size = sizeof(o), .worker_path = host_worker(),
		.inflate_workers = SHARES_MAX + 1 };
	pfork_broker *b = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_broker_new(&o, &b, &err), PFORK_E_ARGS);
	assert_non_null(strstr(err.text, "inflate_workers"));
	/* A caller of before there was such a thing. */
	o.size = offsetof(pfork_options, inflate_workers);
	assert_int_equal(pfork_broker_new(&o, &b, &err), PFORK_OK);
	assert_int_equal(b->inflate_workers, 1);
	pfork_broker_free(b);
}

/* ----------------------------------------------------------- the loop -- */

/* Steps until it is over, or `most` times.  True: over. */
static bool
drive(pfork_job *job, int most)
{
	bool done = false;

	for (int i = 0; i < most && !done; i++) {
		struct pollfd p = { pfork_job_fd(job), POLLIN, 0 };

		assert_int_equal(poll(&p, 1, 20000), 1);
		assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
	}
	return done;
}

static void
test_loop(void **state)
{
	size_t before = host_descriptors();

	(void)state;
	for (uint32_t workers = 1; workers <= 4; workers++)
		for (int early = 0; early < 2; early++) {
			pfork_broker *b = broker_of(workers);
			pfork_checkpoint *c = NULL;
			pfork_job *job = NULL;
			pfork_error err;

			assert_int_equal(pfork_job_start(b, inputs[TORCH],
			    &job, &err), PFORK_OK);
			/* A job outlives its broker. */
			if (early)
				pfork_broker_free(b);
			/* 11 MB, some KB at a time: not a loop that spins. */
			assert_true(drive(job, 20000));
			if (pfork_job_finish(job, &c, &err) != PFORK_OK)
				fail_msg("%s", err.text);
			check_tensors(c);
			pfork_checkpoint_unref(c);
			if (!early)
				pfork_broker_free(b);
			nothing_left(before);
		}
}

/* Let go after each step that there is. */
static void
test_cancel(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_of(3);
	bool over = false;

	(void)state;
	for (int steps = 0; !over; steps += 1 + steps / 4) {
		pfork_checkpoint *c = NULL;
		pfork_job *job = NULL;
		pfork_error err;
		enum pfork_code code;

		assert_int_equal(pfork_job_start(b, inputs[NPZ], &job, &err),
		    PFORK_OK);
		over = drive(job, steps);
		code = pfork_job_finish(job, &c, &err);
		assert_int_equal(code, over ? PFORK_OK : PFORK_E_TIMEOUT);
		assert_true((c != NULL) == over);
		pfork_checkpoint_unref(c);
		host_no_children();
	}
	pfork_broker_free(b);
	nothing_left(before);
}

/* Let go when the first worker has said all, and another has not. */
static void
test_cancel_others(void **state)
{
	pfork_broker *b = host_broker(&(pfork_options){ .inflate_workers = 3,
	    .worker_path = host_liar("share_hangs") });
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_job_start(b, inputs[NPZ], &job, &err), PFORK_OK);
	while (!job->over)
		assert_false(drive(job, 1));
	assert_int_equal(job->code, PFORK_OK);
	assert_int_equal(pfork_job_finish(job, &c, &err), PFORK_E_TIMEOUT);
	assert_null(c);
	pfork_broker_free(b);
	host_no_children();
}

/* With all of them at work, and the first one's timer gone, nothing makes the
 * descriptor readable but they: a liar that is slow to answer. */
static void
test_quiet(void **state)
{
	const pfork_limits limits = { .size = sizeof(limits), .stall_ms = 400 };
	pfork_broker *b = host_broker(&(pfork_options){ .inflate_workers = 3,
	    .limits = &limits, .worker_path = host_liar("share_hangs") });
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_job_start(b, inputs[NPZ], &job, &err), PFORK_OK);
	/* Nor is one that is done waited by. */
	while (job->filler_count == 0 || !job->fillers[0]->over)
		assert_false(drive(job, 1));
	assert_int_equal(job->fillers[0]->epoll, -1);
	assert_int_equal(job->fillers[0]->timer, -1);
	assert_true(drive(job, 60));
	assert_int_equal(pfork_job_finish(job, &c, &err), PFORK_E_TIMEOUT);
	assert_null(c);
	assert_non_null(strstr(err.text, "stall_ms"));
	pfork_broker_free(b);
	host_no_children();
}

/* ------------------------------------------------------------- failures -- */

static void
test_broken(void **state)
{
	size_t before = host_descriptors();

	(void)state;
	for (uint32_t workers = 1; workers <= 5; workers++) {
		pfork_broker *b = broker_of(workers);
		pfork_checkpoint *c = NULL;
		pfork_error err;

		assert_int_equal(pfork_load_fd(b, inputs[BROKEN], &c, &err),
		    PFORK_E_FORMAT);
		assert_null(c);
		assert_non_null(strstr(err.text, "CRC-32"));
		assert_int_equal(pfork_scan_fd(b, inputs[BROKEN], &c, &err),
		    PFORK_OK);
		assert_int_equal(pfork_checkpoint_fault(c)->code,
		    PFORK_E_FORMAT);
		assert_int_equal(pfork_checkpoint_count(c), 0);
		assert_int_equal(pfork_checkpoint_verdict(c),
		    PFORK_UNDECIDED);
		pfork_checkpoint_unref(c);
		pfork_broker_free(b);
		nothing_left(before);
	}
}

/* The sum of all is what counts, however many send it. */
static void
test_limit(void **state)
{
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < MEMBERS; i++)
		sum += sizes[i];
	for (uint32_t workers = 1; workers <= 3; workers++)
		for (uint64_t below = 0; below < 2; below++) {
			pfork_limits limits = { .size = sizeof(limits),
				.streamed_bytes = sum - below };
			pfork_broker *b = host_broker(&(pfork_options){
			    .inflate_workers = workers, .limits = &limits });
			pfork_checkpoint *c = NULL;
			pfork_error err;

			assert_int_equal(pfork_load_fd(b, inputs[TORCH], &c,
			    &err), below ? PFORK_E_LIMIT : PFORK_OK);
			if (!below)
				check_tensors(c);
			pfork_checkpoint_unref(c);
			pfork_broker_free(b);
			host_no_children();
		}
}

/* What they said does not fit together because the file did not stay what it
 * was: that is the file's doing, not the parser's. */
static void
test_changed(void **state)
{
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	pfork_broker *b = broker_of(3);
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_job_start(b, inputs[NPZ], &job, &err), PFORK_OK);
	assert_false(drive(job, 3));
	assert_int_equal(futimens(inputs[NPZ], times), 0);
	assert_true(drive(job, 20000));
	assert_int_equal(pfork_job_finish(job, &c, &err), PFORK_E_CHANGED);
	assert_null(c);
	pfork_broker_free(b);
	host_no_children();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_parked),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_others),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_changed),
	};

	return cmocka_run_group_tests(tests, make_inputs, free_inputs);
}
