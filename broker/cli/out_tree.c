/* SPDX-License-Identifier: Apache-2.0
 *
 * out_tree.c - see out_tree.h.  The names are those of somebody's tree: each is
 * one component, and no link in the output's directory leads out of it, whoever
 * may put one there at the same time: a directory is held from the check to the
 * output's name in it.  Must never remove a directory that it has not made.
 */
#include "out_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "beneath.h"
#include "cli.h"
#include "path.h"
#include "print.h"
#include "set.h"
#include "walk.h"

#define INDEX_END ".index.json"

/* ---------------------------------------------------------------- names -- */

/* The directory of an index that is the only one there: what the directory is
 * called tells more than "model". */
static bool
is_named_as_directory(const char *path, char directory[static PATH_MAX])
{
	const char *name = path_split(path, directory);
	char inside[PATH_MAX];

	return name != NULL && name != path && walk_is_index(path) &&
	    set_in_directory(directory, inside, sizeof(inside)) &&
	    strcmp(strrchr(inside, '/') + 1, name) == 0;
}

/* Without the suffix. */
static size_t
stem_length(const char *name, size_t length)
{
	const size_t end = sizeof(INDEX_END) - 1;
	const char *dot;

	if (length > end && memcmp(name + length - end, INDEX_END, end) == 0)
		length -= end;
	dot = memrchr(name, '.', length);
	return dot != NULL && dot > name ? (size_t)(dot - name) : length;
}

char *
out_tree_name(const char *out_dir, const char *top, const char *path)
{
	char directory[PATH_MAX];
	size_t end, start, length, from;
	char *name;

	if (top != NULL && is_named_as_directory(path, directory))
		path = directory;
	end = strlen(path);
	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/';)
		start--;
	length = end - start;
	if (length == 0 || (length <= 2 && memcmp(path + start, "..",
	    length) == 0)) {
		errno = EINVAL;
		return NULL;
	}
	/* llama-3.1 and llama-3.2 are no two kinds of one file. */
	if (top == NULL || !set_is_of_type(path, S_IFDIR))
		length = stem_length(path + start, length);
	from = top == NULL ? start : beneath_length(top, path);
	if (asprintf(&name, "%s/%.*s%.*s.safetensors", out_dir,
	    from < start ? (int)(start - from) : 0, path + from, (int)length,
	    path + start) < 0)
		return NULL;
	return name;
}

/* ---------------------------------------------------------- directories -- */

static int
failed(const char *output, size_t length, int errnum)
{
	char *whole = strndup(output, length);
	char *escaped;

	escaped = print_escape(whole == NULL ? output : whole);
	complain("%s: %s", escaped, errnum == ENOTDIR || errnum == ELOOP ?
	    "in the way of an output: no directory (links are not followed)" :
	    strerror(errnum));
	free(escaped);
	free(whole);
	return EXIT_UNDECIDED;
}

/* For one more; false: no memory. */
static bool
reserve(struct out_tree *t)
{
	size_t capacity = t->capacity == 0 ? 16 : t->capacity * 2;
	struct made *more;

	if (t->count < t->capacity)
		return true;
	more = reallocarray(t->made, capacity, sizeof(*more));
	if (more == NULL)
		return false;
	t->made = more;
	t->capacity = capacity;
	return true;
}

/* On the way to an output. */
struct way {
	struct out_tree *tree;
	const char *path;	/* from tree->fd on */
};

/* Is there for certain, or errno. */
static bool
make_directory(void *context, int parent, const char *name, const char *at)
{
	const struct way *way = context;
	struct out_tree *t = way->tree;
	struct made made = { .path = strndup(way->path,
	    (size_t)(at - way->path) + strlen(name)) };
	struct stat st;
	int errnum = ENOMEM;

	if (made.path != NULL && reserve(t)) {
		errnum = mkdirat(parent, name, 0777) == 0 ? 0 : errno;
		if (errnum == 0 && fstatat(parent, name, &st,
		    AT_SYMLINK_NOFOLLOW) == 0) {
			made.device = st.st_dev;
			made.inode = st.st_ino;
			t->made[t->count++] = made;
			return true;
		}
	}
	free(made.path);
	errno = errnum;
	return errnum == 0 || errnum == EEXIST;
}

/* Of `output`; -1: it is not there, nor made.  0, or an exit code after a
 * message. */
static int
find_directory(struct out_tree *t, const char *output, bool make,
    int *directory)
{
	struct way way = { t, output + strlen(t->top) + 1 };
	int from = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
	const char *at = way.path;

	*directory = from < 0 ? -1 : beneath_walk(from, way.path, &at,
	    make ? make_directory : NULL, &way);
	/* What is not there is no link. */
	if (*directory >= 0 || (errno == ENOENT && !make))
		return 0;
	return failed(output, (size_t)(at - output) + strcspn(at, "/"), errno);
}

int
out_tree_check(struct out_tree *t, const char *output, bool force)
{
	int directory;
	int code = find_directory(t, output, false, &directory);

	if (code != 0 || directory < 0)
		return code;
	code = output_check_made(directory, output, force);
	close(directory);
	return code;
}

int
out_tree_output(struct out_tree *t, struct output *o, const char *output,
    bool force)
{
	int directory;
	int code;

	pthread_mutex_lock(&t->lock);
	code = find_directory(t, output, true, &directory);
	if (code == 0)
		code = output_open_made(o, directory, output, force);
	if (code == 0)
		o->naming = &t->lock;
	pthread_mutex_unlock(&t->lock);
	return code;
}

/* ------------------------------------------------------- begin and end -- */

int
out_tree_open(struct out_tree *t, const char *out_dir)
{
	char *escaped;

	*t = (struct out_tree){ .top = out_dir };
	t->fd = open(out_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_init(&t->lock, NULL);
	if (t->fd >= 0)
		return 0;
	escaped = print_escape(out_dir);
	complain("--out-dir: %s is not a directory", escaped);
	free(escaped);
	return EXIT_UNDECIDED;
}

/* Not one that somebody has put in its place. */
static void
remove_if_empty(const struct out_tree *t, const struct made *made)
{
	int from = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
	const char *name;
	struct stat st;
	int parent;

	if (from < 0)
		return;
	parent = beneath_walk(from, made->path, &name, NULL, NULL);
	if (parent < 0)
		return;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == made->device && st.st_ino == made->inode)
		(void)unlinkat(parent, name, AT_REMOVEDIR);
	close(parent);
}

/* Those inside of another one were made after it. */
void
out_tree_tidy(struct out_tree *t)
{
	while (t->count > 0) {
		remove_if_empty(t, &t->made[--t->count]);
		free(t->made[t->count].path);
	}
}

void
out_tree_stop(struct out_tree *t)
{
	struct timespec until;

	/* Where the file system does not answer, the process ends all the
	 * same. */
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	if (pthread_mutex_clocklock(&t->lock, CLOCK_MONOTONIC, &until) != 0)
		return;
	output_remove_all();
	out_tree_tidy(t);
	/* It stays locked: who wants it ends with the process. */
}

void
out_tree_close(struct out_tree *t)
{
	while (t->count > 0)
		free(t->made[--t->count].path);
	free(t->made);
	if (t->fd >= 0)
		close(t->fd);
	pthread_mutex_destroy(&t->lock);
}
