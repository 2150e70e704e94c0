/* SPDX-License-Identifier: Apache-2.0
 *
 * test_out_tree.c - outputs beneath one directory: where they appear while
 * somebody swaps the directories for links, and which directories stay.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
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

#include "out_tree.h"

/* mk/faults.mk wraps openat: a file system without nameless files. */
static bool no_nameless;

int __real_openat(int directory, const char *name, int flags, mode_t mode);
int __wrap_openat(int directory, const char *name, int flags, mode_t mode);
int
__wrap_openat(int directory, const char *name, int flags, mode_t mode)
{
	if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return __real_openat(directory, name, flags, mode);
}

static char top[64];
static struct out_tree tree;

/* The state says whether the file system has nameless files. */
static int
set_up(void **state)
{
	no_nameless = *state != NULL;
	strcpy(top, "/tmp/pfork-out-tree-XXXXXX");
	if (mkdtemp(top) == NULL || chdir(top) != 0 ||
	    mkdir("out", 0777) != 0 || mkdir("elsewhere", 0777) != 0)
		return -1;
	return out_tree_open(&tree, "out");
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	out_tree_close(&tree);
	return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static bool
there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static size_t
entries(const char *directory)
{
	DIR *d = opendir(directory);
	size_t count = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		count++;
	closedir(d);
	return count - 2;
}

static int
write_to(const char *path, bool force)
{
	struct output o;
	int code = out_tree_output(&tree, &o, path, force);

	if (code != 0)
		return code;
	assert_int_equal(write(o.fd, "abc", 3), 3);
	return output_commit(&o);
}

static void
fail_to_write(const char *path)
{
	struct output o;

	assert_int_equal(out_tree_output(&tree, &o, path, false), 0);
	output_abandon(&o);
}

/* What this run made and did not need. */
static void
test_tidy(void **state)
{
	(void)state;
	assert_int_equal(mkdir("out/was", 0777), 0);
	assert_int_equal(out_tree_check(&tree, "out/a/b/x", false), 0);
	assert_false(there("out/a"));
	assert_int_equal(write_to("out/a/b/x", false), 0);
	assert_int_equal(write_to("out/y", false), 0);
	fail_to_write("out/a/c/x");
	fail_to_write("out/d/e/f/x");
	fail_to_write("out/was/x");
	fail_to_write("out/was/g/x");
	fail_to_write("out/z");
	assert_true(there("out/d/e/f"));
	out_tree_tidy(&tree);
	assert_true(there("out/a/b/x"));
	assert_true(there("out/was"));
	assert_int_equal(entries("out"), 3);
	assert_int_equal(entries("out/a"), 1);
	assert_int_equal(entries("out/a/b"), 1);
	assert_int_equal(entries("out/was"), 0);
}

/* A name that we gave, and what is there now is another's. */
static void
test_of_others(void **state)
{
	(void)state;
	fail_to_write("out/a/x");
	fail_to_write("out/b/x");
	fail_to_write("out/c/d/x");
	assert_int_equal(mkdir("out/theirs", 0777), 0);
	assert_int_equal(rename("out/theirs", "out/a"), 0);
	assert_int_equal(rmdir("out/b"), 0);
	assert_int_equal(symlink("../elsewhere", "out/b"), 0);
	assert_int_equal(mkdir("elsewhere/d", 0777), 0);
	assert_int_equal(rename("out/c", "out/moved"), 0);
	assert_int_equal(symlink("../elsewhere", "out/c"), 0);
	out_tree_tidy(&tree);
	assert_true(there("out/a"));
	assert_true(there("out/b"));
	assert_true(there("elsewhere/d"));
	assert_true(there("out/moved/d"));
}

/* The output appears in the directory that was looked at. */
static void
test_swapped(void **state)
{
	struct output o;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(out_tree_output(&tree, &o, "out/a/x", i > 0),
		    0);
		assert_int_equal(rename("out/a", "out/moved"), 0);
		assert_int_equal(symlink("../elsewhere", "out/a"), 0);
		assert_int_equal(output_commit(&o), 0);
		assert_int_equal(entries("elsewhere"), 0);
		assert_int_equal(entries("out/moved"), 1);
		assert_int_equal(out_tree_check(&tree, "out/a/x", true), 2);
		assert_int_equal(write_to("out/a/x", true), 2);
		assert_int_equal(unlink("out/a"), 0);
		assert_int_equal(rename("out/moved", "out/a"), 0);
	}
	/* The same of the whole. */
	assert_int_equal(rename("out", "moved"), 0);
	assert_int_equal(symlink("elsewhere", "out"), 0);
	assert_int_equal(write_to("out/b/x", false), 0);
	assert_int_equal(entries("elsewhere"), 0);
	assert_true(there("moved/b/x"));
}

static atomic_bool swap_on;

static void *
swap(void *unused)
{
	while (atomic_load(&swap_on))
		(void)renameat2(AT_FDCWD, "out/a", AT_FDCWD, "out/link",
		    RENAME_EXCHANGE);
	return unused;
}

/* A directory and a link in turns: a refusal, or the directory. */
static void
test_race(void **state)
{
	int silent = open("/dev/null", O_WRONLY);
	int saved = dup(2);
	size_t written = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(mkdir("out/a", 0777), 0);
	assert_int_equal(symlink("../elsewhere", "out/link"), 0);
	atomic_store(&swap_on, true);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	dup2(silent, 2);
	for (int i = 0; i < 3000; i++)
		if (out_tree_check(&tree, "out/a/x", true) == 0)
			written += write_to("out/a/x", true) == 0;
	dup2(saved, 2);
	atomic_store(&swap_on, false);
	pthread_join(thread, NULL);
	close(saved);
	close(silent);
	assert_in_range(written, 1, 2999);
	assert_int_equal(entries("elsewhere"), 0);
}

/* Signals may come at any time, and an output that is begun is not there. */
static void
test_stop(void **state)
{
	struct output o[2];
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(write_to("out/a/x", false), 0);
	child = fork();
	if (child == 0) {
		if (out_tree_output(&tree, &o[0], "out/a/y", false) != 0 ||
		    out_tree_output(&tree, &o[1], "out/b/c/y", false) != 0 ||
		    entries("out/b/c") != no_nameless)
			_exit(1);
		out_tree_stop(&tree);
		signal(SIGALRM, SIG_DFL);
		alarm(1);
		/* Not named in a directory that is gone, nor complained of. */
		(void)output_commit(&o[1]);
		_exit(2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGALRM);
	assert_int_equal(entries("out/a"), 1);
	assert_false(there("out/b"));
}

#define TEST(name)                                                \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down), \
	{ #name " (named)", name, set_up, tear_down, top }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tidy),
		TEST(test_of_others),
		TEST(test_swapped),
		TEST(test_race),
		TEST(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
