/* SPDX-License-Identifier: Apache-2.0
 *
 * test_faults.c - each allocation and system call of a load fails in turn, once
 * or from then on: a typed error, no output, nothing left open, no worker left
 * (and no leak, under ASan).  The linker wraps the calls: mk/broker.mk.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker.h"
#include "holder.h"
#include "host.h"
#include "keeper.h"
#include "picklefork.h"
#include "sha256.h"

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
WRAP(char *, strdup, NULL, ENOMEM, (const char *text), (text))
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
WRAP(int, madvise, -1, EINVAL, (void *at, size_t size, int advice),
    (at, size, advice))
WRAP(int, pthread_create, EAGAIN, EAGAIN, (pthread_t *thread,
    const pthread_attr_t *attributes, void *(*run)(void *), void *argument),
    (thread, attributes, run, argument))
WRAP(int, posix_spawn, EAGAIN, EAGAIN, (pid_t *pid, const char *path,
    const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr,
    char *const argv[], char *const envp[]),
    (pid, path, actions, attr, argv, envp))

/* As the kernel answers a host that has given up its rights. */
static atomic_bool may_not_kill;

/* What libc has no name for, with five arguments at most. */
long __real_syscall(long number, long a, long b, long c, long d, long e);
long __wrap_syscall(long number, long a, long b, long c, long d, long e);
long
__wrap_syscall(long number, long a, long b, long c, long d, long e)
{
	if (number == SYS_pidfd_send_signal && b == SIGKILL && may_not_kill) {
		errno = EPERM;
		return -1;
	}
	if (number != SYS_openat2 || !fails())
		return __real_syscall(number, a, b, c, d, e);
	errno = EMFILE;
	return -1;
}

static uint8_t bytes[4096];

/* ---------------------------------------------------------------- stores -- */

#define SHARD "\x35\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"U8\"," \
	"\"shape\":[4],\"data_offsets\":[0,4]}}ABCD"
#define INDEX "{\"metadata\":{},\"weight_map\":{" \
	"\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}"

static char root[] = "/tmp/test-faults-XXXXXX";

static const struct set {
	const char *directory;
	const char *file;
	uint32_t flags;		/* of the broker */
	bool pinned;
} sets[] = {
	{ root, "model.safetensors.index.json", 0, false },
	{ root, "model.safetensors.index.json", PFORK_SNAPSHOT, true },
	{ "tests/fixtures/dcp/good-threads", ".metadata", 0, false },
	{ "tests/fixtures/onnx/good-onnx-external-many", "model.onnx", 0,
	    false },
};

static void
put(const char *name, const void *at, size_t length)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_int_equal(fwrite(at, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

static int
make_set(void **state)
{
	char shard[] = SHARD;

	(void)state;
	assert_non_null(mkdtemp(root));
	put("model.safetensors.index.json", INDEX, sizeof(INDEX) - 1);
	put("one.safetensors", shard, sizeof(shard) - 1);
	shard[10] = 'b';
	put("two.safetensors", shard, sizeof(shard) - 1);
	return 0;
}

static int
remove_set(void **state)
{
	static const char *const names[] = { "/model.safetensors.index.json",
		"/one.safetensors", "/two.safetensors", "" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", root, names[i]);
		if (remove(path) != 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------- one file -- */

enum way { MEMORY, PATH, SCAN, PROBE, PARKED, SHARED, SHARED_JOB, WAYS };

/* As an event loop does it; a step that fails says so at the end. */
static enum pfork_code
run_job(pfork_broker *b, const char *path, pfork_checkpoint **c,
    pfork_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	pfork_job *job = NULL;
	enum pfork_code code = pfork_job_start(b, fd, &job, err);
	bool done = code != PFORK_OK;

	close(fd);
	while (!done) {
		struct pollfd p = { pfork_job_fd(job), POLLIN, 0 };

		(void)poll(&p, 1, 10000);
		assert_int_equal(pfork_job_step(job, &done), PFORK_OK);
	}
	return code != PFORK_OK ? code : pfork_job_finish(job, c, err);
}

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
	case SHARED:
		return pfork_load_path(b, path, c, err);
	case SHARED_JOB:
		return run_job(b, path, c, err);
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
		.parked_workers = way == PARKED,
		.inflate_workers = way >= SHARED ? 3 : 0 };
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
		"hello_only", "honest", "share_honest", "share_honest" };
	static char path[] = "/tmp/test-faults-XXXXXX";
	const char *program;
	size_t before;
	unsigned long at;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	for (enum way way = MEMORY; way < WAYS; way++) {
		program = host_liar(lies[way]);
		for (int on = 0; on < 2; on++) {
			before = host_descriptors();
			for (at = 1; fail_one(way, program, path, at, on != 0);
			    at++) {
				assert_int_equal(host_descriptors(), before);
				host_no_children();
			}
			/* They were wrapped at all. */
			assert_true(at > 8);
			if (way != PROBE)
				assert_true(at > 20);
		}
	}
	unlink(path);
}

/* What was loaded is read, with calls that fail too. */
static enum pfork_code
read_all(const pfork_checkpoint *c, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;
	const pfork_tensor *t;
	const void *data;

	for (size_t i = 0; i < pfork_checkpoint_count(c); i++) {
		t = pfork_checkpoint_at(c, i);
		if (pfork_tensor_nbytes(t) > sizeof(bytes))
			continue;
		code = pfork_tensor_read(t, bytes, sizeof(bytes), err);
		if (code == PFORK_OK)
			code = pfork_tensor_data(t, &data, err);
		if (code != PFORK_OK)
			return code;
	}
	return code;
}

static enum pfork_code
load_set(const struct set *set, bool scan, pfork_broker *b,
    pfork_checkpoint **c, pfork_error *err)
{
	struct sha256 hash;
	pfork_pin pin = { .file = set->file };
	pfork_store_options o = { .size = sizeof(o) };
	pfork_store *s = NULL;
	enum pfork_code code;

	if (set->pinned) {
		sha256_start(&hash);
		sha256_add(&hash, INDEX, sizeof(INDEX) - 1);
		sha256_end(&hash, pin.sha256);
		o.pins = &pin;
		o.pin_count = 1;
	}
	code = pfork_store_open(b, set->directory, &o, &s, err);
	if (code != PFORK_OK)
		return code;
	code = scan ? pfork_store_scan(s, set->file, c, err)
	    : pfork_store_load(s, set->file, c, err);
	pfork_store_free(s);
	if (code == PFORK_OK && !scan)
		code = read_all(*c, err);
	if (code == PFORK_OK)
		return code;
	pfork_checkpoint_unref(*c);
	*c = NULL;
	return code;
}

/* Whole, or a report that is never clean: of a file that could not be read
 * (EIO). */
static void
judge_set(const pfork_checkpoint *c, bool scan)
{
	const pfork_error *fault = pfork_checkpoint_fault(c);

	if (fault == NULL) {
		assert_int_equal(pfork_checkpoint_verdict(c), PFORK_CLEAN);
		assert_true(pfork_checkpoint_count(c) > 1);
		return;
	}
	assert_true(scan);
	assert_int_equal(fault->code, PFORK_E_SYSTEM);
	assert_int_equal(fault->errnum, EIO);
	assert_int_equal(pfork_checkpoint_verdict(c), PFORK_UNDECIDED);
	assert_int_equal(pfork_checkpoint_count(c), 0);
}

/* As fail_one. */
static bool
fail_set(const struct set *set, bool scan, unsigned long at, bool on)
{
	pfork_options o = { .size = sizeof(o), .flags = set->flags,
		.worker_path = host_worker() };
	pfork_checkpoint *c = NULL;
	pfork_broker *b = NULL;
	pfork_error err = { 0 };
	enum pfork_code code;
	struct lent lent;
	bool reached;

	calls = 0;
	sticky = on;
	fail_at = at;
	code = pfork_broker_new(&o, &b, &err);
	/* Nothing hangs on it. */
	if (code == PFORK_OK)
		holder_lend(b, LEND_MANY, &lent);
	if (code == PFORK_OK)
		code = load_set(set, scan, b, &c, &err);
	reached = calls >= at;
	fail_at = 0;
	pfork_broker_free(b);
	if (code == PFORK_OK) {
		judge_set(c, scan);
		pfork_checkpoint_unref(c);
		return reached;
	}
	assert_int_equal(err.code, code);
	if (code != PFORK_E_SYSTEM && code != PFORK_E_SANDBOX)
		fail_msg("%s, call %lu: %s", set->file, at, err.text);
	return reached;
}

/* Each call, once and from then on. */
static void
sweep_set(const struct set *set, bool scan)
{
	size_t before = host_descriptors();
	unsigned long at;

	for (int on = 0; on < 2; on++) {
		for (at = 1; fail_set(set, scan, at, on != 0); at++) {
			assert_int_equal(host_descriptors(), before);
			host_no_children();
		}
		assert_true(at > 40);
	}
}

static void
test_sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		sweep_set(&sets[i], false);
		sweep_set(&sets[i], true);
	}
}

/* A good load stays one whose worker, parked before, may not be killed after
 * its last word. */
static void
test_no_rights(void **state)
{
	pfork_options o = { .size = sizeof(o), .parked_workers = 1,
		.worker_path = host_worker() };
	pfork_broker *b = NULL;
	pfork_error err;

	(void)state;
	assert_int_equal(pfork_broker_new(&o, &b, &err), PFORK_OK);
	may_not_kill = true;
	for (int i = 0; i < 50; i++) {
		pfork_checkpoint *c = NULL;

		assert_true(keeper_wait(b->keeper, 1, 10000));
		if (pfork_load_memory(b, host_pickle, sizeof(host_pickle), &c,
		    &err) != PFORK_OK)
			fail_msg("%d: %s", i, err.text);
		pfork_checkpoint_unref(c);
	}
	may_not_kill = false;
	pfork_broker_free(b);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rights),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test_setup_teardown(test_sets, make_set,
		    remove_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
