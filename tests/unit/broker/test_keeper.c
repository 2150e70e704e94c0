/* SPDX-License-Identifier: Apache-2.0
 *
 * test_keeper.c - workers that are parked ahead of their loads: that they are
 * used, replaced and never used twice, by threads, in a host that forks, and
 * that nobody is left behind.  $PFORK_TEST_WORKER is the real one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker.h"
#include "host.h"
#include "keeper.h"
#include "load_job.h"
#include "picklefork.h"

#define WAIT_MS 10000
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static int input = -1;

static int
set_up(void **state)
{
	(void)state;
	input = host_input();
	return input < 0 ? -1 : 0;
}

static pfork_broker *
broker_of(const char *worker, uint32_t parked, uint64_t stall_ms)
{
	pfork_limits limits = { .size = sizeof(limits), .stall_ms = stall_ms };
	pfork_options o = { .size = sizeof(o), .worker_path = worker,
		.limits = &limits, .parked_workers = parked };

	return host_broker(&o);
}

static pfork_broker *
broker_with(uint32_t parked)
{
	return broker_of(host_worker(), parked, 0);
}

/* Loads; was it by a parked worker? */
static bool
load(pfork_broker *b)
{
	pfork_worker_info info = { .size = sizeof(info) };
	pfork_checkpoint *c = NULL;
	pfork_error err;

	if (pfork_load_fd(b, input, &c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	assert_string_equal(pfork_checkpoint_format(c), "pickle");
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
	assert_int_equal(info.layers & PFORK_LAYERS_REQUIRED,
	    PFORK_LAYERS_REQUIRED);
	/* One that the keeper reaps has no status yet. */
	if (info.exit_status != 0 || b->keeper == NULL)
		assert_int_equal(info.exit_status, b->keeper != NULL ? -1 : 0);
	pfork_checkpoint_unref(c);
	return info.parked;
}

static void
wait_for(const pfork_broker *b, uint32_t count)
{
	if (!keeper_wait(b->keeper, count, WAIT_MS))
		fail_msg("no %u workers in time", count);
}

static void
test_hit(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_with(3);

	(void)state;
	for (int i = 0; i < 50; i++) {
		wait_for(b, 1);
		assert_true(load(b));
	}
	wait_for(b, 3);
	pfork_broker_free(b);
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

static struct child
a_child(const pfork_broker *b)
{
	pfork_error err;
	struct child c;

	if (child_spawn(b, "run", LEND_SOON, input, &c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	return c;
}

/* Whatever it does, it is killed; and no more than wait may be dying at once,
 * each with memory of its own: all of these are handed over sooner than one of
 * them has died. */
static void
test_bury(void **state)
{
	pfork_broker *b = broker_with(1);
	struct child_end end;
	struct child c[8];
	struct pollfd p = { .events = POLLIN };
	unsigned taken = 0;

	(void)state;
	wait_for(b, 1);
	for (size_t i = 0; i < COUNT(c); i++)
		c[i] = a_child(b);
	p.fd = fcntl(c[0].pidfd, F_DUPFD_CLOEXEC, 3);
	for (size_t i = 0; i < COUNT(c); i++) {
		bool gone = keeper_bury(b->keeper, &c[i]);

		assert_true(gone || i > 0);
		assert_true((c[i].pidfd < 0) == gone);
		taken += gone;
	}
	assert_in_range(taken, 1, COUNT(c) - 1);
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	close(p.fd);
	for (size_t i = 0; i < COUNT(c); i++)
		child_finish(&c[i], 0, &end);
	pfork_broker_free(b);
	host_no_children();
}

static void
test_options(void **state)
{
	pfork_options o = { .size = sizeof(o),
		.worker_path = host_worker(),
		.parked_workers = KEEPER_MOST + 1 };
	pfork_broker *b = NULL;

	(void)state;
	assert_int_equal(pfork_broker_new(&o, &b, NULL), PFORK_E_ARGS);
	assert_null(b);
	/* An older caller's structure ends before the field. */
	o.size = offsetof(pfork_options, parked_workers);
	assert_int_equal(pfork_broker_new(&o, &b, NULL), PFORK_OK);
	assert_null(b->keeper);
	assert_false(load(b));
	pfork_broker_free(b);
	/* As many as there may be, and at once no more. */
	b = broker_with(KEEPER_MOST);
	wait_for(b, KEEPER_MOST);
	assert_true(load(b));
	pfork_broker_free(b);
	host_no_children();
}

/* Faster than workers can be parked: those that find none start one. */
static void
test_exhaustion(void **state)
{
	pfork_broker *b = broker_with(1);
	unsigned cold = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		cold += !load(b);
	assert_true(cold > 0);
	wait_for(b, 1);
	assert_true(load(b));
	pfork_broker_free(b);
	host_no_children();
}

static void *
load_often(void *b)
{
	static _Thread_local uintptr_t hits;

	for (int i = 0; i < 25; i++)
		hits += load(b);
	return (void *)hits;
}

static void
test_threads(void **state)
{
	pthread_t threads[8];
	size_t before = host_descriptors();
	pfork_broker *b = broker_with(4);
	uintptr_t hits = 0;
	void *result;

	(void)state;
	wait_for(b, 4);
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_often,
		    b), 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		hits += (uintptr_t)result;
	}
	assert_true(hits >= 4);
	pfork_broker_free(b);
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

static unsigned long newest_killed;

/* One that is being reaped may be gone. */
static unsigned
kill_one(unsigned long pid, int signal)
{
	newest_killed = pid;
	if (kill((pid_t)pid, signal) == 0)
		return 1;
	assert_int_equal(errno, ESRCH);
	return 0;
}

/* Every one of them, as if the kernel were short of memory: at_least so many,
 * which wait. */
static void
kill_all_children(int signal, unsigned at_least)
{
	char path[64];
	unsigned long pid;
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *task;
	unsigned killed = 0;

	assert_non_null(dir);
	while ((task = readdir(dir)) != NULL) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/children",
		    task->d_name);
		f = task->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f == NULL)
			continue;
		while (fscanf(f, "%lu", &pid) == 1)
			killed += kill_one(pid, signal);
		fclose(f);
	}
	closedir(dir);
	assert_true(killed >= at_least);
}

static void
test_killed_ones_are_replaced(void **state)
{
	static const struct timespec pause = { 0, 200 * 1000 * 1000 };
	pfork_broker *b = broker_with(3);

	(void)state;
	for (int i = 0; i < 5; i++) {
		wait_for(b, 3);
		kill_all_children(SIGKILL, 3);
		nanosleep(&pause, NULL);
		wait_for(b, 3);
		for (int j = 0; j < 3; j++)
			assert_true(load(b));
	}
	pfork_broker_free(b);
	host_no_children();
}

/* A host that kills each as soon as it waits keeps us from nothing else. */
static void
test_frail(void **state)
{
	static const struct timespec moment = { 0, 1000 * 1000 };
	pfork_broker *b = broker_with(1);
	struct timespec start;
	struct timespec now;
	unsigned long before;
	unsigned killed = 0;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (keeper_wait(b->keeper, 1, 20)) {
			before = newest_killed;
			kill_all_children(SIGKILL, 0);
			killed += newest_killed != before;
			nanosleep(&moment, NULL);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 2);
	/* One at once, and after 0.1, 0.3, 0.7 and 1.5 s. */
	assert_in_range(killed, 1, 6);
	wait_for(b, 1);
	assert_true(load(b));
	pfork_broker_free(b);
	host_no_children();
}

/* It has the job and does nothing: the load's own deadline holds. */
static void
test_stopped(void **state)
{
	pfork_broker *b = broker_of(host_worker(), 1, 300);
	pfork_checkpoint *c = NULL;

	(void)state;
	wait_for(b, 1);
	kill_all_children(SIGSTOP, 1);
	assert_int_equal(pfork_load_fd(b, input, &c, NULL), PFORK_E_TIMEOUT);
	assert_null(c);
	wait_for(b, 1);
	assert_true(load(b));
	/* One that is stopped ends with the broker too. */
	wait_for(b, 1);
	kill_all_children(SIGSTOP, 1);
	pfork_broker_free(b);
	host_no_children();
}

/* What cannot be parked: loads say why, as without; the end is prompt. */
static void
test_unparkable(void **state)
{
	struct timespec start;
	struct timespec end;
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_broker *b = broker_of("/bin/true", 2, 0);
	enum pfork_code code;

	(void)state;
	assert_false(keeper_wait(b->keeper, 1, 1000));
	code = pfork_load_fd(b, input, &c, &err);
	assert_int_equal(code, PFORK_E_WORKER);
	clock_gettime(CLOCK_MONOTONIC, &start);
	pfork_broker_free(b);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 3);
	host_no_children();
}

static uint64_t
processor_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
limit_descriptors(rlim_t most)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = most != 0 ? most : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The host allows itself fewer descriptors than wait, and poll refuses: the
 * thread rests all the same, and sees the dead; two are too few to start one. */
static void
test_few_descriptors(void **state)
{
	static const struct timespec while_idle = { 0, 500 * 1000 * 1000 };
	static const struct timespec moment = { 0, 20 * 1000 * 1000 };
	int free_ones[] = { dup(0), dup(0) };
	pfork_broker *b = broker_with(32);
	struct rlimit before;
	uint64_t used;
	int tries = 0;

	(void)state;
	wait_for(b, 32);
	for (size_t i = 0; i < COUNT(free_ones); i++)
		close(free_ones[i]);
	assert_in_range(free_ones[1], 2, 30);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit_descriptors((rlim_t)free_ones[1] + 1);
	used = processor_ms();
	nanosleep(&while_idle, NULL);
	used = processor_ms() - used;
	kill_all_children(SIGKILL, 32);
	while (waitid(P_ALL, 0, NULL, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    tries++ < WAIT_MS / 20)
		nanosleep(&moment, NULL);
	host_no_children();
	limit_descriptors(before.rlim_cur);
	assert_in_range(used, 0, 100);
	wait_for(b, 32);
	assert_true(load(b));
	pfork_broker_free(b);
	host_no_children();
}

/* ---------------------------------------------------------------- fork -- */

/* AddressSanitizer's allocator is not made whole in a process that forks: were
 * the thread in it, the child would wait for that for ever.  There the thread
 * must rest, which allocates nothing. */
#ifdef __SANITIZE_ADDRESS__
#define AT_ANY_MOMENT 0
#else
#define AT_ANY_MOMENT 1
#endif

/* The child has neither the thread nor the workers, and does not touch them. */
static void
test_fork(void **state)
{
	pfork_broker *b = broker_with(2);
	int status;
	pid_t pid;

	(void)state;
	wait_for(b, 2);
	for (int i = 0; i < 20; i++) {
		/* At any moment, not only while the thread rests. */
		if (i % 2 == 0)
			(void)load(b);
		if (!AT_ANY_MOMENT)
			wait_for(b, 2);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			size_t before = host_descriptors();
			bool parked = load(b);

			pfork_broker_free(b);
			_exit(parked || host_descriptors() >= before);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	wait_for(b, 2);
	assert_true(load(b));
	assert_true(load(b));
	pfork_broker_free(b);
	host_no_children();
}

/* The host dies without a word: the workers that wait see it and leave. */
static void
test_host_dies(void **state)
{
	int pair[2];
	int status;
	char byte;
	pid_t pid;

	(void)state;
	/* Orphans come to us. */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1ul, 0ul, 0ul, 0ul), 0);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pfork_broker *b = broker_with(4);

		wait_for(b, 4);
		(void)!write(pair[1], "x", 1);
		pause();
	}
	assert_int_equal(read(pair[0], &byte, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Each by itself, as one whose broker has hung up. */
	for (int i = 0; i < 4; i++) {
		assert_true(waitpid(-1, &status, 0) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
	}
	host_no_children();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0ul, 0ul, 0ul, 0ul);
	close(pair[0]);
	close(pair[1]);
}

/* -------------------------------------------------------- what outlives -- */

static void
test_job_outlives_broker(void **state)
{
	pfork_broker *b = broker_with(1);
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	bool done = false;

	(void)state;
	wait_for(b, 1);
	assert_int_equal(pfork_job_start(b, input, &job, NULL), PFORK_OK);
	assert_true(job->parked);
	pfork_broker_free(b);
	while (!done) {
		struct pollfd p = { .fd = pfork_job_fd(job), .events = POLLIN };

		(void)poll(&p, 1, 1000);
		assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
	}
	assert_int_equal(pfork_job_finish(job, &c, NULL), PFORK_OK);
	pfork_checkpoint_unref(c);
	host_no_children();
}

static void
test_store(void **state)
{
	char directory[] = "/tmp/test-keeper-XXXXXX";
	pfork_broker *b = broker_with(1);
	pfork_worker_info info = { .size = sizeof(info) };
	pfork_store *store = NULL;
	pfork_checkpoint *c = NULL;
	char path[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/x.pkl", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, host_pickle, sizeof(host_pickle)),
	    sizeof(host_pickle));
	close(fd);
	assert_int_equal(pfork_store_open(b, directory, NULL, &store, NULL),
	    PFORK_OK);
	wait_for(b, 1);
	assert_int_equal(pfork_store_load(store, "x.pkl", &c, NULL), PFORK_OK);
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
	assert_true(info.parked);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
	/* Without the broker nobody is parked; the store goes on. */
	assert_int_equal(pfork_store_load(store, "x.pkl", &c, NULL), PFORK_OK);
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
	assert_false(info.parked);
	pfork_checkpoint_unref(c);
	pfork_store_free(store);
	unlink(path);
	rmdir(directory);
	host_no_children();
}

static void
test_cancel(void **state)
{
	pfork_broker *b = broker_with(1);
	pfork_job *job = NULL;

	(void)state;
	wait_for(b, 1);
	assert_int_equal(pfork_job_start(b, input, &job, NULL), PFORK_OK);
	assert_true(job->parked);
	assert_int_equal(pfork_job_finish(job, NULL, NULL), PFORK_E_TIMEOUT);
	pfork_broker_free(b);
	host_no_children();
}

/* ---------------------------------------------------------------- hosts -- */

static void
ignore_children(void)
{
	signal(SIGCHLD, SIG_IGN);
}

static void
close_standard(void)
{
	for (int i = 0; i < 3; i++)
		close(i);
}

static void *
wait_for_all(void *unused)
{
	struct timespec wait = { 0, 100 * 1000 };

	(void)unused;
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			nanosleep(&wait, NULL);
	return NULL;
}

static void
steal_statuses(void)
{
	pthread_t thief;

	pthread_create(&thief, NULL, wait_for_all, NULL);
	pthread_detach(thief);
}

static void
test_hosts(void **state)
{
	static void (*const hosts[])(void) = { ignore_children,
		close_standard, steal_statuses };
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < COUNT(hosts); i++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			pfork_broker *b;
			unsigned hits = 0;

			hosts[i]();
			b = broker_with(2);
			for (int j = 0; j < 20; j++) {
				(void)keeper_wait(b->keeper, 1, WAIT_MS);
				hits += load(b);
			}
			pfork_broker_free(b);
			_exit(hits == 20 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("host %zu: %d", i, status);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hit),
		cmocka_unit_test(test_bury),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_killed_ones_are_replaced),
		cmocka_unit_test(test_frail),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_unparkable),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_host_dies),
		cmocka_unit_test(test_job_outlives_broker),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
