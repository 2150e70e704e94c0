/* SPDX-License-Identifier: Apache-2.0
 *
 * test_descriptors.c - what a descriptor may be: another file by the same
 * number in another thread's table, one that refuses most reads, a file that
 * has grown when the worker looks at it, one that cannot be mapped.  With the
 * real worker, $PFORK_TEST_WORKER.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
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

#include "host.h"
#include "picklefork.h"

#define HEADER 256
/* For a copy by as many threads as there are processors. */
#define LARGE ((uint64_t)64 << 20)
/* Each of their slices has some. */
#define STEP ((uint64_t)4 << 20)
/* In both tables; the library takes the lowest that is free. */
#define NUMBERS 40

/* A safetensors file of one tensor, "a", of holes, with `mark` every STEP. */
static bool
write_marked(int fd, uint64_t size, uint8_t mark)
{
	char header[HEADER + 1];
	uint64_t length = HEADER - 8;
	bool ok;
	int n;

	n = snprintf(header, sizeof(header), "{\"a\":{\"dtype\":\"U8\","
	    "\"shape\":[%llu],\"data_offsets\":[0,%llu]}}",
	    (unsigned long long)(size - HEADER),
	    (unsigned long long)(size - HEADER));
	memset(header + n, ' ', sizeof(header) - (size_t)n);
	ok = pwrite(fd, &length, 8, 0) == 8 &&
	    pwrite(fd, header, length, 8) == (ssize_t)length &&
	    ftruncate(fd, (off_t)size) == 0;
	for (uint64_t at = HEADER; at < size; at += STEP)
		ok = ok && pwrite(fd, &mark, 1, (off_t)at) == 1;
	return ok;
}

static int
marked(uint64_t size, uint8_t mark)
{
	int fd = memfd_create("marked", MFD_CLOEXEC);

	return fd >= 0 && write_marked(fd, size, mark) ? fd : -1;
}

/* ------------------------------------------------- a table of one's own -- */

struct own {
	pfork_broker *broker;
	pfork_broker *snapshot;
	const char *wrong;
};

/* Takes the checkpoint. */
static const char *
wrong_with(enum pfork_code code, pfork_checkpoint *c, uint64_t size)
{
	const char *wrong = NULL;
	uint8_t seen;

	if (code != PFORK_OK)
		return "the load failed";
	if (pfork_tensor_nbytes(pfork_checkpoint_at(c, 0)) != size - HEADER)
		wrong = "another file was loaded";
	for (uint64_t at = 0; wrong == NULL && at < size - HEADER; at += STEP)
		if (pfork_tensor_read_part(pfork_checkpoint_at(c, 0), at,
		    &seen, 1, NULL) != PFORK_OK || seen != 'o')
			wrong = "the bytes are not the file's";
	pfork_checkpoint_unref(c);
	return wrong;
}

static const char *
load_three_ways(const struct own *own)
{
	uint8_t bytes[2 * HEADER];
	pfork_checkpoint *c = NULL;
	const char *wrong;
	enum pfork_code code;
	int small = marked(sizeof(bytes), 'o');
	int large = marked(LARGE, 'o');

	if (small < 0 || large < 0 ||
	    pread(small, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return "making the inputs";
	code = pfork_load_memory(own->broker, bytes, sizeof(bytes), &c, NULL);
	wrong = wrong_with(code, c, sizeof(bytes));
	if (wrong != NULL)
		return wrong;
	/* Open for writing: the same file is opened again. */
	code = pfork_load_fd(own->broker, small, &c, NULL);
	wrong = wrong_with(code, c, sizeof(bytes));
	if (wrong != NULL)
		return wrong;
	code = pfork_load_fd(own->snapshot, large, &c, NULL);
	return wrong_with(code, c, LARGE);
}

/* Nothing is asserted beside the main thread. */
static void *
load_apart(void *argument)
{
	struct own *own = argument;

	if (unshare(CLONE_FILES) != 0 || close_range(3, ~0U, 0) != 0)
		own->wrong = "no table of its own";
	else
		own->wrong = load_three_ways(own);
	return NULL;
}

static void
test_own_table(void **state)
{
	pfork_options o = { .flags = PFORK_SNAPSHOT };
	struct own own = { .snapshot = host_broker(&o) };
	int other = marked(HEADER + 16, 'x');
	struct stat before;
	struct stat after;
	pthread_t thread;
	uint8_t seen;
	int fds[NUMBERS];

	(void)state;
	o.flags = 0;
	own.broker = host_broker(&o);
	assert_true(other >= 0);
	assert_int_equal(fstat(other, &before), 0);
	for (size_t i = 0; i < NUMBERS; i++)
		assert_true((fds[i] = dup(other)) >= 0);
	assert_int_equal(pthread_create(&thread, NULL, load_apart, &own), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (size_t i = 0; i < NUMBERS; i++)
		assert_int_equal(close(fds[i]), 0);
	if (own.wrong != NULL)
		fail_msg("%s", own.wrong);
	/* Nor was the other one written to. */
	assert_int_equal(fstat(other, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
	assert_int_equal(after.st_blocks, before.st_blocks);
	assert_int_equal(pread(other, &seen, 1, HEADER), 1);
	assert_int_equal(seen, 'x');
	assert_int_equal(close(other), 0);
	pfork_broker_free(own.broker);
	pfork_broker_free(own.snapshot);
}

/* ------------------------------------------------------ odd descriptors -- */

static char path[] = "/tmp/test-descriptors-XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd >= 0 && write_marked(fd, 5000, 'o') && close(fd) == 0 ? 0 :
									  1;
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

/* Its reads must begin and end at sectors, which a tensor does not. */
static void
test_direct(void **state)
{
	pfork_options o = { .flags = 0 };
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	pfork_checkpoint *c = NULL;
	pfork_broker *b;
	pfork_error err;

	(void)state;
	if (fd < 0 && errno == EINVAL)
		skip();
	assert_true(fd >= 0);
	for (int i = 0; i < 2; i++) {
		b = host_broker(&o);
		if (pfork_load_fd(b, fd, &c, &err) != PFORK_OK)
			fail_msg("%s", err.text);
		assert_null(wrong_with(PFORK_OK, c, 5000));
		pfork_broker_free(b);
		o.flags = PFORK_SNAPSHOT;
	}
	assert_int_equal(close(fd), 0);
}

/* Its end comes before the worker looks at it: a good file then, of tensors that
 * the broker's size of it does not hold. */
static void
test_grown(void **state)
{
	char program[sizeof(path) + 8];
	pfork_options o = { .worker_path = program };
	pfork_checkpoint *c = NULL;
	pfork_broker *b;
	pfork_error err;
	FILE *script;

	(void)state;
	snprintf(program, sizeof(program), "%s.sh", path);
	script = fopen(program, "we");
	assert_non_null(script);
	fprintf(script, "#!/bin/sh\nhead -c 1000 /dev/zero >>%s\n"
	    "exec %s \"$@\"\n", path, host_worker());
	assert_int_equal(fchmod(fileno(script), 0755), 0);
	assert_int_equal(fclose(script), 0);
	b = host_broker(&o);
	assert_int_equal(truncate(path, 4000), 0);
	assert_int_equal(pfork_load_path(b, path, &c, &err), PFORK_E_CHANGED);
	assert_string_equal(err.text, "the input has another size since it "
	    "was loaded");
	assert_null(c);
	pfork_broker_free(b);
	assert_int_equal(unlink(program), 0);
}

/* A regular file by its type and size. */
static void
test_unmappable(void **state)
{
	static const char odd[] = "/sys/kernel/warn_count";
	pfork_options o = { .flags = 0 };
	pfork_broker *b = host_broker(&o);
	pfork_checkpoint *c = NULL;
	pfork_error err;

	(void)state;
	if (access(odd, R_OK) != 0)
		skip();
	assert_int_equal(pfork_load_path(b, odd, &c, &err), PFORK_E_SYSTEM);
	assert_int_equal(err.errnum, ENODEV);
	assert_non_null(strstr(err.text, "could not map the input"));
	assert_null(c);
	pfork_broker_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_table),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_grown),
		cmocka_unit_test(test_unmappable),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
