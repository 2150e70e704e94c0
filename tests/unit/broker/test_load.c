/* SPDX-License-Identifier: Apache-2.0
 *
 * test_load.c - loads from every kind of source and in every kind of host, with
 * the liar as worker (it locks itself in like the real one, and needs no
 * parser).  $PFORK_TEST_WORKER stands beside liars/.
 */
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
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "load_job.h"
#include "picklefork.h"

#define INPUT_BYTES 4096

static char directory[] = "/tmp/test-load-XXXXXX";
static char input[64];
static uint8_t bytes[INPUT_BYTES];

static void
write_input(void)
{
	int fd = open(input, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 253);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), INPUT_BYTES);
	close(fd);
}

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(input, sizeof(input), "%s/input", directory);
	write_input();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(input);
	return rmdir(directory);
}

static pfork_broker *
broker_with(const char *lie, pfork_options options)
{
	pfork_broker *b = NULL;
	pfork_error err;

	options.size = sizeof(options);
	options.worker_path = host_liar(lie);
	if (pfork_broker_new(&options, &b, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	return b;
}

static void
check_tensors(pfork_checkpoint *c)
{
	uint8_t out[64];

	assert_non_null(c);
	assert_int_equal(pfork_checkpoint_count(c), 2);
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_find(c, "a"), out,
	    sizeof(out), NULL), PFORK_OK);
	assert_memory_equal(out, bytes + 128, 64);
	assert_int_equal(pfork_tensor_read(pfork_checkpoint_find(c, "c"), out,
	    sizeof(out), NULL), PFORK_OK);
	assert_int_equal(out[59], 59);
	pfork_checkpoint_unref(c);
}

/* -------------------------------------------------------------- options -- */

static void
test_options(void **state)
{
	static char long_path[5000];
	pfork_limits limits = { .size = sizeof(limits) };
	const pfork_options plain = { .size = sizeof(plain),
		.worker_path = "/bin/true", .limits = &limits };
	pfork_options o;
	pfork_broker *b = NULL;
	pfork_error err;

	(void)state;
#define BAD(wanted, change)                                               \
	do {                                                             \
		o = plain;                                               \
		memset(&limits, 0, sizeof(limits));                      \
		limits.size = sizeof(limits);                            \
		change;                                                  \
		assert_int_equal(pfork_broker_new(&o, &b, &err), wanted);\
		assert_int_equal(err.code, wanted);                      \
		assert_null(b);                                          \
	} while (0)
	memset(long_path, 'p', sizeof(long_path) - 1);
	assert_int_equal(pfork_broker_new(&plain, NULL, NULL), PFORK_E_ARGS);
	BAD(PFORK_E_ARGS, o.size = 0);
	BAD(PFORK_E_ARGS, o.size = sizeof(o) + 1);
	BAD(PFORK_E_ARGS, o.flags = 0x40);
	BAD(PFORK_E_ARGS, o.flags = PFORK_POPULATE);
	BAD(PFORK_E_ARGS, o.required_layers = PFORK_LAYERS_ALL + 1);
	BAD(PFORK_E_ARGS, o.refuse_at = (enum pfork_refuse)4);
	BAD(PFORK_E_ARGS, o.delivery = (enum pfork_delivery)3);
	BAD(PFORK_E_ARGS, o.worker_uid = UINT32_MAX);
	BAD(PFORK_E_ARGS, o.worker_path = "");
	BAD(PFORK_E_ARGS, o.worker_path = long_path);
	BAD(PFORK_E_ARGS, limits.size = 4);
	BAD(PFORK_E_ARGS, limits.size = sizeof(limits) + 8);
#define X(name, standard, ceiling) \
	BAD(PFORK_E_ARGS, limits.name = (ceiling) + 1);
	LIMITS(X)
#undef X
	BAD(PFORK_E_SANDBOX, o.worker_path = "/no/such/worker");
	BAD(PFORK_E_SANDBOX, o.worker_path = "no-such-worker");
	BAD(PFORK_E_SANDBOX, o.worker_path = "/tmp");
	BAD(PFORK_E_SANDBOX, o.worker_path = "/etc/passwd");
	assert_int_equal(err.errnum, EACCES);
	long_path[0] = '/';
	long_path[300] = '\0';
	BAD(PFORK_E_SANDBOX, o.worker_path = long_path);
	assert_int_equal(err.errnum, ENAMETOOLONG);
	assert_non_null(strstr(err.text, "looked at: File name too long"));
#undef BAD
	/* At the ceilings, and as an older caller with a shorter structure. */
#define X(name, standard, ceiling) limits.name = (ceiling);
	LIMITS(X)
#undef X
	o = plain;
	o.size = offsetof(pfork_options, required_layers);
	o.flags = 0xffff;
	assert_int_equal(pfork_broker_new(&o, &b, &err), PFORK_OK);
	pfork_broker_free(b);
	pfork_broker_free(NULL);
}

static void
test_null(void **state)
{
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	pfork_checkpoint *c = NULL;
	pfork_job *job = NULL;
	uint64_t n;
	bool done;

	(void)state;
	assert_int_equal(pfork_load_path(NULL, input, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_path(b, input, NULL, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_path(b, NULL, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_path(b, "", &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_fd(NULL, 0, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_fd(b, -1, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_fd(b, 9999, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_load_memory(NULL, "", 0, &c, NULL),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_load_memory(b, NULL, 1, &c, NULL),
	    PFORK_E_ARGS);
	assert_int_equal(pfork_scan_path(b, input, NULL, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_scan_path(b, NULL, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_scan_fd(NULL, 0, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_scan_fd(b, -1, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_job_start(b, 0, NULL, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_job_start(b, -1, &job, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_job_step(NULL, &done), PFORK_E_ARGS);
	assert_int_equal(pfork_job_finish(NULL, &c, NULL), PFORK_E_ARGS);
	assert_int_equal(pfork_job_fd(NULL), -1);
	pfork_job_progress(NULL, &n, &n);
	assert_int_equal(pfork_probe(NULL, NULL, NULL), PFORK_E_ARGS);
	assert_null(c);
	pfork_broker_free(b);
}

/* --------------------------------------------------------------- inputs -- */

static void
expect_load(pfork_broker *b, int fd, enum pfork_code code, const char *text)
{
	pfork_checkpoint *c = NULL;
	pfork_error err = { 0 };

	assert_int_equal(pfork_load_fd(b, fd, &c, &err), code);
	assert_null(c);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
}

static void
test_odd_inputs(void **state)
{
	pfork_limits limits = { .size = sizeof(limits),
		.input_bytes = INPUT_BYTES - 1 };
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	pfork_broker *small = broker_with("honest",
	    (pfork_options){ .limits = &limits });
	pfork_checkpoint *c = NULL;
	pfork_error err;
	char path[128];
	int pair[2];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/odd", directory);
	/* A pipe without a writer would block for ever. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pfork_load_path(b, path, &c, &err), PFORK_E_ARGS);
	assert_string_equal(err.text,
	    "the input is a pipe, not a regular file");
	unlink(path);
	assert_int_equal(pfork_load_path(b, path, &c, &err), PFORK_E_SYSTEM);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(pfork_load_path(b, directory, &c, &err),
	    PFORK_E_ARGS);
	assert_non_null(strstr(err.text, "a directory"));
	assert_int_equal(pfork_load_path(b, "/dev/null", &c, &err),
	    PFORK_E_ARGS);
	assert_non_null(strstr(err.text, "a device"));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	expect_load(b, pair[0], PFORK_E_ARGS, "a socket");
	close(pair[0]);
	close(pair[1]);
	fd = open(input, O_PATH);
	expect_load(b, fd, PFORK_E_ARGS, "not open for reading");
	close(fd);
	fd = open(input, O_WRONLY);
	expect_load(b, fd, PFORK_E_ARGS, "not open for reading");
	close(fd);
	/* Empty: no report of a load, but one of a scan. */
	fd = open(path, O_RDWR | O_CREAT, 0600);
	expect_load(b, fd, PFORK_E_FORMAT, "empty");
	assert_int_equal(pfork_load_memory(b, NULL, 0, &c, NULL),
	    PFORK_E_FORMAT);
	assert_int_equal(pfork_scan_fd(b, fd, &c, NULL), PFORK_OK);
	assert_int_equal(pfork_checkpoint_fault(c)->code, PFORK_E_FORMAT);
	assert_int_equal(pfork_checkpoint_verdict(c), PFORK_UNDECIDED);
	pfork_checkpoint_unref(c);
	close(fd);
	unlink(path);
	assert_int_equal(pfork_load_path(small, input, &c, &err),
	    PFORK_E_LIMIT);
	assert_int_equal(pfork_load_memory(small, bytes, INPUT_BYTES, &c,
	    &err), PFORK_E_LIMIT);
	assert_int_equal(pfork_scan_path(small, input, &c, &err), PFORK_OK);
	assert_int_equal(pfork_checkpoint_fault(c)->code, PFORK_E_LIMIT);
	pfork_checkpoint_unref(c);
	pfork_broker_free(small);
	pfork_broker_free(b);
}

static void
test_sources(void **state)
{
	static const pfork_options ways[] = {
		{ .flags = 0 },
		{ .flags = PFORK_SNAPSHOT },
		{ .flags = PFORK_MAP_INPUT },
		{ .flags = PFORK_SNAPSHOT | PFORK_MAP_INPUT | PFORK_VERIFY },
		{ .flags = PFORK_MAP_INPUT | PFORK_POPULATE },
	};
	static const int modes[] = { O_RDONLY, O_RDWR };
	size_t before = host_descriptors();
	pfork_checkpoint *c = NULL;
	pfork_broker *b;
	int fd;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		b = broker_with("honest", ways[i]);
		assert_int_equal(pfork_load_path(b, input, &c, NULL),
		    PFORK_OK);
		check_tensors(c);
		assert_int_equal(pfork_load_memory(b, bytes, sizeof(bytes),
		    &c, NULL), PFORK_OK);
		/* The checkpoint outlives the broker. */
		pfork_broker_free(b);
		check_tensors(c);
		b = broker_with("honest", ways[i]);
		for (size_t m = 0; m < 2; m++) {
			fd = open(input, modes[m]);
			assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
			assert_int_equal(pfork_load_fd(b, fd, &c, NULL),
			    PFORK_OK);
			assert_int_equal(lseek(fd, 0, SEEK_CUR), 77);
			close(fd);
			check_tensors(c);
			fd = open(input, modes[m]);
			assert_int_equal(pfork_scan_fd(b, fd, &c, NULL),
			    PFORK_OK);
			close(fd);
			assert_null(pfork_checkpoint_fault(c));
			check_tensors(c);
		}
		pfork_broker_free(b);
	}
	assert_int_equal(host_descriptors(), before);
}

/* The broker asked for streams; an extent is then a lie. */
static void
test_delivery(void **state)
{
	pfork_broker *b = broker_with("honest",
	    (pfork_options){ .delivery = PFORK_DELIVER_STREAM });
	pfork_checkpoint *c = NULL;

	(void)state;
	assert_int_equal(pfork_load_path(b, input, &c, NULL),
	    PFORK_E_PROTOCOL);
	assert_null(c);
	pfork_broker_free(b);
}

/* A snapshot does not follow the file. */
static void
test_snapshot(void **state)
{
	pfork_broker *b = broker_with("honest",
	    (pfork_options){ .flags = PFORK_SNAPSHOT });
	pfork_checkpoint *c = NULL;

	(void)state;
	assert_int_equal(pfork_load_path(b, input, &c, NULL), PFORK_OK);
	assert_int_equal(truncate(input, 0), 0);
	check_tensors(c);
	write_input();
	pfork_broker_free(b);
}

static void
test_file_size_limit(void **state)
{
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	struct rlimit old;
	struct rlimit low;
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	low = old;
	low.rlim_cur = 100;
	/* Would be SIGXFSZ, in the host. */
	setrlimit(RLIMIT_FSIZE, &low);
	assert_int_equal(pfork_load_memory(b, bytes, sizeof(bytes), &c, &err),
	    PFORK_E_SYSTEM);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(err.errnum, EFBIG);
	pfork_broker_free(b);
}

/* -------------------------------------------------------------- verdicts -- */

static void
test_refuse(void **state)
{
	static const struct {
		const char *lie;
		enum pfork_refuse at;
		enum pfork_code code;
	} rows[] = {
		{ "honest", PFORK_REFUSE_DEFAULT, PFORK_OK },
		{ "honest", PFORK_REFUSE_UNUSUAL, PFORK_E_REFUSED },
		{ "honest_overlap", PFORK_REFUSE_UNUSUAL, PFORK_OK },
		{ "honest_dangerous", PFORK_REFUSE_DEFAULT, PFORK_E_REFUSED },
		{ "honest_dangerous", PFORK_REFUSE_UNUSUAL, PFORK_E_REFUSED },
		{ "honest_dangerous", PFORK_REFUSE_NEVER, PFORK_OK },
	};
	pfork_checkpoint *c;
	pfork_error err;
	pfork_broker *b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b = broker_with(rows[i].lie,
		    (pfork_options){ .refuse_at = rows[i].at });
		c = NULL;
		assert_int_equal(pfork_load_path(b, input, &c, &err),
		    rows[i].code);
		assert_true((c != NULL) == (rows[i].code == PFORK_OK));
		pfork_checkpoint_unref(c);
		/* A scan refuses nothing. */
		assert_int_equal(pfork_scan_path(b, input, &c, NULL),
		    PFORK_OK);
		assert_null(pfork_checkpoint_fault(c));
		pfork_checkpoint_unref(c);
		pfork_broker_free(b);
	}
}

static void
test_worker_info(void **state)
{
	pfork_worker_info info = { .size = sizeof(info) };
	pfork_broker *b = broker_with("honest_status", (pfork_options){ 0 });
	pfork_checkpoint *c = NULL;

	(void)state;
	assert_int_equal(pfork_load_path(b, input, &c, NULL), PFORK_OK);
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
	assert_int_equal(info.layers & PFORK_LAYERS_REQUIRED,
	    PFORK_LAYERS_REQUIRED);
	assert_int_equal(info.exit_status, 1);
	assert_int_equal(info.exit_signal, 0);
	assert_true(info.wall_ms >= 0 && info.wall_ms < 10000);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
}

/* ------------------------------------------------------------------ jobs -- */

static pfork_job *
start_job(pfork_broker *b)
{
	pfork_job *job = NULL;
	pfork_error err;
	int fd = open(input, O_RDONLY);

	if (pfork_job_start(b, fd, &job, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	close(fd);
	return job;
}

static void
run_job(pfork_job *job)
{
	struct pollfd p = { .fd = pfork_job_fd(job), .events = POLLIN };
	bool done = false;

	while (!done) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
	}
	/* Over stays over. */
	assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
	assert_true(done);
}

static void
test_job(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	pfork_job *job = start_job(b);
	pfork_checkpoint *c = NULL;
	uint64_t part = 0;
	uint64_t total = 0;

	(void)state;
	/* The job needs its broker no longer. */
	pfork_broker_free(b);
	run_job(job);
	pfork_job_progress(job, &part, &total);
	assert_int_equal(part, 1);
	assert_int_equal(total, 2);
	pfork_job_progress(job, NULL, NULL);
	assert_int_equal(pfork_job_finish(job, &c, NULL), PFORK_OK);
	check_tensors(c);
	assert_int_equal(host_descriptors(), before);
}

static void
test_job_cancel(void **state)
{
	static const char *const lies[] = { "silence", "spin", "chatter",
		"silence_at_once", "stays" };
	size_t before = host_descriptors();
	struct timespec wait = { 0, 50 * 1000 * 1000 };
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_broker *b;
	pfork_job *job;
	bool done;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		b = broker_with(lies[i], (pfork_options){ 0 });
		job = start_job(b);
		nanosleep(&wait, NULL);
		assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
		assert_false(done);
		assert_int_equal(pfork_job_finish(job, i % 2 ? &c : NULL, &err),
		    PFORK_E_TIMEOUT);
		assert_non_null(strstr(err.text, "cancelled"));
		assert_null(c);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		pfork_broker_free(b);
	}
	/* A result that nobody wants. */
	b = broker_with("honest", (pfork_options){ 0 });
	job = start_job(b);
	run_job(job);
	assert_int_equal(pfork_job_finish(job, NULL, NULL), PFORK_OK);
	pfork_broker_free(b);
	assert_int_equal(host_descriptors(), before);
}

static void
test_job_killed(void **state)
{
	static const int signals[] = { SIGKILL, SIGSEGV, SIGXCPU };
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_broker *b;
	pfork_job *job;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		b = broker_with("silence", (pfork_options){ 0 });
		job = start_job(b);
		assert_int_equal(kill(job->child.pid, signals[i]), 0);
		run_job(job);
		assert_int_equal(pfork_job_finish(job, &c, &err),
		    signals[i] == SIGXCPU ? PFORK_E_TIMEOUT : PFORK_E_WORKER);
		assert_null(c);
		pfork_broker_free(b);
	}
}

/* A stopped worker says nothing, and ends all the same. */
static void
test_job_stopped(void **state)
{
	pfork_limits limits = { .size = sizeof(limits), .stall_ms = 200 };
	pfork_broker *b = broker_with("silence",
	    (pfork_options){ .limits = &limits });
	pfork_job *job = start_job(b);
	pfork_checkpoint *c = NULL;

	(void)state;
	assert_int_equal(kill(job->child.pid, SIGSTOP), 0);
	run_job(job);
	assert_int_equal(pfork_job_finish(job, &c, NULL), PFORK_E_TIMEOUT);
	pfork_broker_free(b);
}

static void
test_changed(void **state)
{
	static const struct timespec times[2] = { { 5, 5 }, { 5, 5 } };
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	pfork_broker *f = broker_with("honest_fault", (pfork_options){ 0 });
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_job *job;

	(void)state;
	for (int i = 0; i < 3; i++) {
		job = start_job(i < 2 ? b : f);
		if (i == 0)
			assert_int_equal(utimensat(AT_FDCWD, input, times, 0),
			    0);
		else
			assert_int_equal(truncate(input, INPUT_BYTES + 1), 0);
		run_job(job);
		assert_int_equal(pfork_job_finish(job, &c, &err),
		    PFORK_E_CHANGED);
		assert_null(c);
		write_input();
	}
	pfork_broker_free(b);
	pfork_broker_free(f);
}

/* ----------------------------------------------------------------- hosts -- */

#define THREADS 8
#define LOADS 20

static void *
load_often(void *broker)
{
	static const uint8_t expected = 128;
	uint8_t out[64];
	pfork_checkpoint *c;
	intptr_t good = 0;

	for (int i = 0; i < LOADS; i++) {
		c = NULL;
		if (pfork_load_path(broker, input, &c, NULL) != PFORK_OK)
			continue;
		if (pfork_tensor_read(pfork_checkpoint_find(c, "a"), out, 64,
		    NULL) == PFORK_OK && out[0] == expected)
			good++;
		pfork_checkpoint_unref(c);
	}
	return (void *)good;
}

static intptr_t
load_in_threads(void)
{
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	pthread_t threads[THREADS];
	intptr_t good = 0;
	void *one;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, load_often, b);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &one);
		good += (intptr_t)one;
	}
	pfork_broker_free(b);
	return good;
}

static void
test_threads(void **state)
{
	size_t before;

	(void)state;
	assert_int_equal(load_in_threads(), THREADS * LOADS);
	before = host_descriptors();
	assert_int_equal(load_in_threads(), THREADS * LOADS);
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

static void *
wait_for_all(void *stop)
{
	struct timespec wait = { 0, 100 * 1000 };

	while (!atomic_load((atomic_bool *)stop))
		if (waitpid(-1, NULL, 0) < 0)
			nanosleep(&wait, NULL);
	return NULL;
}

static void
close_standard(void)
{
	for (int i = 0; i < 3; i++)
		close(i);
}

static void
ignore_children(void)
{
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
}

static void
block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGSEGV, SIG_IGN);
	signal(SIGSYS, SIG_IGN);
}

static void
steal_statuses(void)
{
	static atomic_bool stop;
	pthread_t thief;

	pthread_create(&thief, NULL, wait_for_all, &stop);
	pthread_detach(thief);
}

/* Each in a process of its own; answers with its exit status. */
static void
test_hosts(void **state)
{
	static void (*const hosts[])(void) = { close_standard,
		ignore_children, block_all, steal_statuses };
	int status;
	pid_t pid;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		(void)host_liar("honest");
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			hosts[i]();
			_exit(load_in_threads() == THREADS * LOADS ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("host %zu: %d", i, status);
	}
}

/* KiB of the mapping at `map` that have pages; -1: there is none. */
static long
resident(const void *map)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512];
	char first[32];
	bool inside = false;
	long kib = -1;

	assert_non_null(smaps);
	snprintf(first, sizeof(first), "%lx-", (unsigned long)map);
	while (kib < 0 && fgets(line, sizeof(line), smaps) != NULL) {
		if (strncmp(line, first, strlen(first)) == 0)
			inside = true;
		else if (inside && strncmp(line, "Rss:", 4) == 0)
			kib = strtol(line + 4, NULL, 10);
	}
	fclose(smaps);
	return kib;
}

/* The pages are there before anybody has touched them, when that was asked. */
static void
test_populate(void **state)
{
	static const uint32_t flags[] = { PFORK_MAP_INPUT,
		PFORK_MAP_INPUT | PFORK_POPULATE };
	pfork_checkpoint *c = NULL;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		pfork_broker *b = broker_with("honest",
		    (pfork_options){ .flags = flags[i] });

		assert_int_equal(pfork_load_path(b, input, &c, NULL),
		    PFORK_OK);
		assert_int_equal(resident(c->source.map) > 0, i == 1);
		check_tensors(c);
		pfork_broker_free(b);
	}
}

/* A worker's death is known for what it is, or as unknown; never a success. */
static void
test_host_without_status(void **state)
{
	pfork_checkpoint *c = NULL;
	pfork_error err;
	pfork_broker *b = broker_with("death_segv", (pfork_options){ 0 });

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(pfork_load_path(b, input, &c, &err), PFORK_E_WORKER);
	signal(SIGCHLD, SIG_DFL);
	assert_non_null(strstr(err.text, "the host took its status"));
	pfork_broker_free(b);
}

/* No descriptors to be had: a clear error, nothing left. */
static void
test_few_descriptors(void **state)
{
	pfork_broker *b = broker_with("honest", (pfork_options){ 0 });
	struct rlimit old;
	struct rlimit low;
	pfork_checkpoint *c = NULL;
	pfork_error err;
	enum pfork_code code = PFORK_E_SYSTEM;
	size_t before = host_descriptors();
	rlim_t most = 3;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	for (; most < 64 && code != PFORK_OK; most++) {
		low = old;
		low.rlim_cur = most;
		setrlimit(RLIMIT_NOFILE, &low);
		code = pfork_load_path(b, input, &c, &err);
		setrlimit(RLIMIT_NOFILE, &old);
		/* Nothing is known of the jail, and no layer is missing. */
		if (code != PFORK_OK) {
			assert_int_equal(code, PFORK_E_SYSTEM);
			assert_int_equal(err.errnum, EMFILE);
		}
		assert_int_equal(host_descriptors(),
		    before + (code == PFORK_OK));
	}
	assert_int_equal(code, PFORK_OK);
	assert_true(most > 5);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_odd_inputs),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_populate),
		cmocka_unit_test(test_delivery),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_file_size_limit),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_worker_info),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_job_cancel),
		cmocka_unit_test(test_job_killed),
		cmocka_unit_test(test_job_stopped),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_host_without_status),
		cmocka_unit_test(test_few_descriptors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
