/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath.c - see beneath.h.  One name after the other, each from the directory
 * before it: no kernel is too old for that.  The names are a search's own, so
 * that none is "..".
 */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

size_t
beneath_length(const char *top, const char *path)
{
	size_t length = strlen(top);

	while (length > 0 && top[length - 1] == '/')
		length--;
	while (path[length] == '/')
		length++;
	return length;
}

static int
open_at(int directory, const char *name, int flags)
{
	int fd;

	do {
		fd = openat(directory, name, flags | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

/* Closes `directory`.  The next one of the path, or -1. */
static int
step(int directory, const char *name, size_t length)
{
	char text[NAME_MAX + 1];
	int errnum = ENAMETOOLONG;
	int fd = -1;

	if (length < sizeof(text)) {
		memcpy(text, name, length);
		text[length] = '\0';
		fd = open_at(directory, text, O_PATH | O_DIRECTORY);
		/* What was a directory is none. */
		errnum = errno == ENOTDIR ? ELOOP : errno;
	}
	close(directory);
	errno = errnum;
	return fd;
}

/* *last: the name in it. */
static int
walk_to(const char *top, const char *path, const char **last)
{
	const char *at = path + beneath_length(top, path);
	const char *slash;
	int fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && (slash = strchr(at, '/')) != NULL) {
		fd = step(fd, at, (size_t)(slash - at));
		for (at = slash; *at == '/';)
			at++;
	}
	*last = at;
	return fd;
}

int
beneath_open_directory(const char *top, const char *path)
{
	const char *last;

	return walk_to(top, path, &last);
}

int
beneath_open(const char *top, const char *path)
{
	const char *last;
	int directory = walk_to(top, path, &last);
	int errnum;
	int fd;

	if (directory < 0)
		return -1;
	fd = open_at(directory, last, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	errnum = errno;
	close(directory);
	errno = errnum;
	return fd;
}
