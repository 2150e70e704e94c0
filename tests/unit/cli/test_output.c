/* SPDX-License-Identifier: Apache-2.0
 *
 * test_output.c - output files appear whole or not at all, also when a signal
 * comes in between.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "output.h"

/* mk/faults.mk wraps openat: a file system without nameless files. */
static bool no_nameless;

int __real_openat(int in, const char *name, int flags, mode_t mode);
int __wrap_openat(int in, const char *name, int flags, mode_t mode);
int
__wrap_openat(int in, const char *name, int flags, mode_t mode)
{
	if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat(in, name, flags, mode);
}

static char directory[64];
static char path[96];

static int
set_up(void **state)
{
	no_nameless = *state != NULL;
	strcpy(directory, "/tmp/pfork-output-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/out", directory);
	return 0;
}

static size_t
entries(void)
{
	DIR *d = opendir(directory);
	struct dirent *e;
	size_t count = 0;

	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			count++;
	closedir(d);
	return count;
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static void
test_commit(void **state)
{
	struct output o;
	struct stat st;
	mode_t mask = umask(027);

	(void)state;
	assert_int_equal(output_open(&o, path, false), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(write(o.fd, "abc", 3), 3);
	assert_int_equal(output_commit(&o), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(entries(), 1);
}

/* The disk is asked in large steps, never for what is not written, and never
 * where nothing is synced. */
static void
test_written(void **state)
{
	const uint64_t step = (uint64_t)32 << 20;
	struct output o;

	(void)state;
	assert_int_equal(output_open(&o, path, false), 0);
	output_written(&o, step - 1);
	assert_true(o.sent == 0);
	output_written(&o, step);
	assert_true(o.sent == step);
	output_written(&o, step + 1);
	output_written(&o, UINT64_MAX);
	assert_true(o.sent == step);
	assert_int_equal(output_commit(&o), 0);
	assert_int_equal(output_open(&o, "/dev/null", false), 0);
	output_written(&o, step);
	assert_true(o.sent == 0);
	assert_int_equal(output_commit(&o), 0);
}

static void
test_abandon(void **state)
{
	struct output o;

	(void)state;
	assert_int_equal(output_open(&o, path, false), 0);
	assert_int_equal(entries(), no_nameless);
	output_abandon(&o);
	output_abandon(&o);
	assert_int_equal(entries(), 0);
}

static void
put_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void
expect_file(const char *text)
{
	char got[64] = { 0 };
	int fd = open(path, O_RDONLY);

	assert_true(read(fd, got, sizeof(got) - 1) >= 0);
	close(fd);
	assert_string_equal(got, text);
	assert_int_equal(entries(), 1);
}

static void
test_no_overwrite(void **state)
{
	struct output o;

	(void)state;
	put_file("old");
	assert_int_equal(output_check(path, false), 2);
	assert_int_equal(output_open(&o, path, false), 2);
	expect_file("old");
	unlink(path);
	/* It comes into being while we write. */
	assert_int_equal(output_open(&o, path, false), 0);
	put_file("other");
	assert_int_equal(write(o.fd, "new", 3), 3);
	assert_int_equal(output_commit(&o), 2);
	expect_file("other");
}

static void
test_force_commit(void **state)
{
	struct output o;

	(void)state;
	put_file("old");
	assert_int_equal(output_open(&o, path, true), 0);
	assert_int_equal(write(o.fd, "new", 3), 3);
	assert_int_equal(output_commit(&o), 0);
	expect_file("new");
}

static void
test_bad_places(void **state)
{
	struct output o;
	char nowhere[128];

	(void)state;
	assert_int_equal(output_open(&o, directory, true), 2);
	snprintf(nowhere, sizeof(nowhere), "%s/no/such", directory);
	assert_int_equal(output_open(&o, nowhere, true), 2);
	assert_int_equal(entries(), 0);
}

static void
test_device(void **state)
{
	struct output o;

	(void)state;
	assert_int_equal(output_open(&o, "/dev/null", false), 0);
	assert_null(o.temporary);
	assert_int_equal(output_commit(&o), 0);
	assert_int_equal(access("/dev/null", W_OK), 0);
}

/* What points to a file is refused, also by force. */
static void
test_link(void **state)
{
	struct output o;
	char link[128];
	struct stat st;

	(void)state;
	snprintf(link, sizeof(link), "%s/link", directory);
	put_file("old");
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(output_open(&o, link, false), 2);
	assert_int_equal(output_open(&o, link, true), 2);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(link);
	expect_file("old");
}

/* The temporary file goes when the process does. */
static void
test_signals(void **state)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct output o;
	int status;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pid_t child = fork();

		if (child == 0) {
			/* A shell's background job is born ignoring SIGINT. */
			signal(numbers[i], SIG_DFL);
			if (output_open(&o, path, false) == 0 &&
			    entries() == no_nameless)
				raise(numbers[i]);
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), numbers[i]);
		assert_int_equal(entries(), 0);
	}
}

/* The state says whether the file system has nameless files. */
#define TEST(name)                                                    \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down),     \
	{ #name " (named)", name, set_up, tear_down, directory }

/* Somebody swaps a link to a device for one to a file, all the time. */
static char swapped[2][128];
static atomic_bool swap_on;

static void *
swap(void *unused)
{
	while (atomic_load(&swap_on))
		(void)renameat2(AT_FDCWD, swapped[0], AT_FDCWD, swapped[1],
		    RENAME_EXCHANGE);
	return unused;
}

static void
test_swapped_for_a_file(void **state)
{
	int silent = open("/dev/null", O_WRONLY);
	int saved = dup(2);
	bool kept = true;
	struct output o;
	pthread_t thread;

	(void)state;
	put_file("old");
	snprintf(swapped[0], sizeof(swapped[0]), "%s/a", directory);
	snprintf(swapped[1], sizeof(swapped[1]), "%s/b", directory);
	assert_int_equal(symlink("/dev/null", swapped[0]), 0);
	assert_int_equal(symlink(path, swapped[1]), 0);
	atomic_store(&swap_on, true);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	dup2(silent, 2);
	for (int i = 0; i < 60000 && kept; i++) {
		struct stat st;

		if (output_open(&o, swapped[0], false) != 0)
			continue;
		kept = o.temporary != NULL ||
		    (fstat(o.fd, &st) == 0 && S_ISCHR(st.st_mode));
		output_abandon(&o);
	}
	dup2(saved, 2);
	atomic_store(&swap_on, false);
	pthread_join(thread, NULL);
	close(saved);
	close(silent);
	unlink(swapped[0]);
	unlink(swapped[1]);
	assert_true(kept);
	expect_file("old");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_commit),
		TEST(test_written),
		TEST(test_abandon),
		TEST(test_no_overwrite),
		TEST(test_force_commit),
		TEST(test_bad_places),
		TEST(test_device),
		TEST(test_link),
		TEST(test_signals),
		TEST(test_swapped_for_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
