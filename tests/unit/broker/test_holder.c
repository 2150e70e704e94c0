/* SPDX-License-Identifier: Apache-2.0
 *
 * test_holder.c - namespaces that are made once and lent: when, to whom, and by
 * whose word.  A worker that is lent nothing has the same layers.
 * $PFORK_TEST_WORKER is the real one; holders that lie are scripts around it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/holder_help.h"
#include "holder.h"
#include "host.h"
#include "picklefork.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t
lent(const pfork_broker *b, bool many)
{
	struct lent l;
	unsigned count = 0;

	holder_lend(b, many ? LEND_MANY : LEND_SOON, &l);
	for (unsigned i = 0; i < HELD_COUNT; i++)
		count += l.set >> i & 1;
	assert_int_equal(l.count, count);
	for (unsigned i = 0; i < l.count; i++) {
		assert_true(l.fds[i] >= HELD_FIRST_FD + HELD_COUNT);
		assert_true((fcntl(l.fds[i], F_GETFD) & FD_CLOEXEC) != 0);
	}
	return l.set;
}

/* ------------------------------------------------------------- the word -- */

static void
test_judge(void **state)
{
	static const struct {
		const char *said;
		size_t length;
		uint32_t set;
	} rows[] = {
		{ "H\037", 2, 31 }, { "H\001", 2, 1 }, { "H\020", 2, 16 },
		{ "H\000", 2, 0 }, { "H\040", 2, 0 }, { "H\377", 2, 0 },
		{ "h\037", 2, 0 }, { "P\037", 2, 0 }, { "\037H", 2, 0 },
		{ "H", 1, 0 }, { "", 0, 0 }, { "H\037H", 3, 0 },
		{ "HH\037", 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(holder_judge((const uint8_t *)rows[i].said,
		    rows[i].length), rows[i].set);
}

/* ----------------------------------------------------------------- when -- */

static void
test_after_some(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_of(host_worker());
	pfork_broker *other = broker_of(host_worker());
	uint32_t set;

	(void)state;
	/* A command that loads one file opens nothing. */
	for (unsigned i = 0; i < HOLDER_AFTER; i++)
		assert_int_equal(load(b), usual);
	assert_int_equal(host_descriptors(), before);
	assert_int_equal(load(b), usual);
	set = lent(b, false);
	assert_int_equal(set, can_lend() ? HELD_ALL : set);
	assert_true(loads_as_usual(b, 20));
	assert_int_equal(host_descriptors(),
	    before + (size_t)__builtin_popcount(set));
	/* Another's is another's. */
	assert_int_equal(lent(other, false), 0);
	assert_int_equal(lent(other, true), set);
	assert_true(loads_as_usual(other, 3));
	pfork_broker_free(b);
	assert_true(loads_as_usual(other, 3));
	pfork_broker_free(other);
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

static void
test_nobody(void **state)
{
	const struct pfork_broker b = { .holder = NULL };

	(void)state;
	assert_int_equal(lent(&b, true), 0);
	assert_null(holder_ref(NULL));
	holder_unref(NULL);
}

static atomic_uint refused;

static void *
borrow(void *context)
{
	pfork_broker *b = context;

	for (int i = 0; i < 20; i++) {
		struct lent l;

		holder_lend(b, LEND_MANY, &l);
		if (l.set == 0)
			atomic_fetch_add(&refused, 1);
		if (!loads_as_usual(b, 1))
			atomic_fetch_add(&refused, 1000000);
	}
	return NULL;
}

/* All at once, the first time: one makes it, and nobody waits for that one. */
static void
test_threads(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_of(host_worker());
	pthread_t threads[8];

	(void)state;
	refused = 0;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, borrow, b),
		    0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_true(refused < 1000000);
	if (can_lend()) {
		assert_true(refused < 20 * COUNT(threads));
		assert_int_equal(host_descriptors(), before + HELD_COUNT);
	}
	pfork_broker_free(b);
	assert_int_equal(host_descriptors(), before);
	host_no_children();
}

/* A store outlives its broker, and what it was lent. */
static void
test_store(void **state)
{
	size_t before = host_descriptors();
	pfork_broker *b = broker_of(host_worker());
	pfork_checkpoint *c = NULL;
	pfork_store *s = NULL;
	char directory[] = "/tmp/test-holder-XXXXXX";
	char path[64];
	int fd;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/x", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, host_pickle, sizeof(host_pickle)),
	    sizeof(host_pickle));
	close(fd);
	(void)lent(b, true);
	assert_int_equal(pfork_store_open(b, directory, NULL, &s, NULL),
	    PFORK_OK);
	pfork_broker_free(b);
	assert_int_equal(pfork_store_load(s, "x", &c, NULL), PFORK_OK);
	pfork_checkpoint_unref(c);
	pfork_store_free(s);
	unlink(path);
	rmdir(directory);
	assert_int_equal(host_descriptors(), before);
}

/* ----------------------------------------------------- holders that lie -- */

/* A worker that as a holder does this, and writes a line into PATH.count. */
static void
write_script(char path[32], const char *hold)
{
	int fd;

	snprintf(path, 32, "/tmp/test-holder-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "#!/bin/sh\ncase $1 in hold)\n"
	    "echo >> %s.count\n%s\n;; esac\nexec %s \"$@\"\n", path, hold,
	    host_worker()) > 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

static off_t
remove_script(const char *path)
{
	struct stat st = { .st_size = 0 };
	char count[64];

	snprintf(count, sizeof(count), "%s.count", path);
	(void)stat(count, &st);
	unlink(count);
	unlink(path);
	return st.st_size;
}

/* What it says is not so: it is in our namespaces, or nobody at all. */
static void
test_liars(void **state)
{
	static const char *const lies[] = {
		"printf 'H\\037'; read x",
		"printf 'H\\002'; read x",
		"printf 'H\\040'; read x",
		"printf 'H\\000'; read x",
		"printf 'HH\\037'; read x",
		"printf 'h\\037'; read x",
		"printf 'H'; read x",
		"printf 'H\\037'; exit 0",
		"printf 'H\\037'; kill -9 $$",
		"exit 0",
		"kill -SYS $$",
		"printf 'H\\037'; exec sleep 3",
		"exec sleep 3",
	};
	size_t before = host_descriptors();

	(void)state;
	for (size_t i = 0; i < COUNT(lies); i++) {
		char path[32];
		pfork_broker *b;

		write_script(path, lies[i]);
		b = broker_of(path);
		if (lent(b, true) != 0)
			fail_msg("believed: %s", lies[i]);
		/* It is not asked again at once, and nothing is lost. */
		for (int j = 0; j < 10; j++) {
			assert_int_equal(lent(b, true), 0);
			assert_int_equal(load(b), usual);
		}
		pfork_broker_free(b);
		assert_true(remove_script(path) <= 2);
		assert_int_equal(host_descriptors(), before);
		host_no_children();
	}
}

static uint64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* An event loop does not wait for one that says nothing. */
static void
test_event_loop(void **state)
{
	uint64_t longest = 0;
	pfork_broker *b;
	char path[32];

	(void)state;
	write_script(path, "exec sleep 3");
	b = broker_of(path);
	for (int i = 0; i < HOLDER_AFTER + 3; i++) {
		uint64_t start = now_ms();
		pfork_job *job;
		uint64_t took;

		assert_int_equal(pfork_job_start(b, input, &job, NULL),
		    PFORK_OK);
		took = now_ms() - start;
		longest = took > longest ? took : longest;
		assert_int_equal(pfork_job_finish(job, NULL, NULL),
		    PFORK_E_TIMEOUT);
	}
	pfork_broker_free(b);
	/* It was asked. */
	assert_true(remove_script(path) > 0);
	assert_in_range(longest, 0, 700);
	host_no_children();
}

/* Some of them: the worker makes the rest within what it was lent. */
static void
test_partial(void **state)
{
	static const struct {
		const char *hold;
		uint32_t set;
	} rows[] = {
		{ "exec unshare -U sh -c 'printf \"H\\001\"; read x'", 1 },
		{ "exec unshare -Ui sh -c 'printf \"H\\003\"; read x'", 3 },
		{ "exec unshare -Uu sh -c 'printf \"H\\005\"; read x'", 5 },
		/* It claims one more than it has. */
		{ "exec unshare -Uu sh -c 'printf \"H\\007\"; read x'", 0 },
	};

	(void)state;
	if (!can_lend())
		skip();
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[32];
		pfork_broker *b;

		write_script(path, rows[i].hold);
		b = broker_of(path);
		assert_int_equal(lent(b, true), rows[i].set);
		/* Root's workers cannot enter what root made: another uid. */
		for (int j = 0; j < 5; j++)
			assert_int_equal(load(b), usual);
		pfork_broker_free(b);
		(void)remove_script(path);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_after_some),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_liars),
		cmocka_unit_test(test_event_loop),
		cmocka_unit_test(test_partial),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
