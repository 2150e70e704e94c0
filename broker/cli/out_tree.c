/* SPDX-License-Identifier: Apache-2.0
 *
 * out_tree.c - see out_tree.h.  The names are those of somebody's tree: each is
 * one component, and no link in the output's directory leads out of it.  Who
 * may write there at the same time could put one in the way: the output's
 * directory is the caller's own.
 */
#include "out_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beneath.h"
#include "cli.h"
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
	const char *slash = strrchr(path, '/');
	char inside[PATH_MAX];
	int wrote;

	if (!walk_is_index(path) || slash == NULL)
		return false;
	wrote = snprintf(directory, PATH_MAX, "%.*s", (int)(slash - path),
	    path);
	return wrote > 0 && wrote < PATH_MAX &&
	    set_in_directory(directory, inside, sizeof(inside)) &&
	    strcmp(strrchr(inside, '/') + 1, slash + 1) == 0;
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
	char *whole = strdup(output);
	char *escaped;

	if (whole != NULL)
		whole[length] = '\0';
	escaped = print_escape(whole == NULL ? output : whole);
	complain("%s: %s", escaped, errnum == ENOTDIR || errnum == ELOOP ?
	    "in the way of an output: no directory (links are not followed)" :
	    strerror(errnum));
	free(escaped);
	free(whole);
	return EXIT_UNDECIDED;
}

/* The next directory in place of *fd.  False with errno: there is none. */
static bool
enter(int *fd, const char *name, bool make)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int next = openat(*fd, name, flags);

	if (next < 0 && errno == ENOENT && make &&
	    (mkdirat(*fd, name, 0777) == 0 || errno == EEXIST))
		next = openat(*fd, name, flags);
	if (next < 0)
		return false;
	close(*fd);
	*fd = next;
	return true;
}

int
out_tree_directories(const char *out_dir, const char *output, bool make)
{
	size_t at = strlen(out_dir) + 1;
	char name[NAME_MAX + 1];
	const char *slash;
	int code = 0;
	int fd;

	if (strchr(output + at, '/') == NULL)
		return 0;
	fd = open(out_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(output, at - 1, errno);
	while (code == 0 && (slash = strchr(output + at, '/')) != NULL) {
		snprintf(name, sizeof(name), "%.*s",
		    (int)(slash - (output + at)), output + at);
		at = (size_t)(slash - output) + 1;
		if (enter(&fd, name, make))
			continue;
		/* What is not there is no link. */
		if (errno == ENOENT && !make)
			break;
		code = failed(output, at - 1, errno);
	}
	close(fd);
	return code;
}
