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

static void
close_quietly(int fd)
{
	int errnum = errno;

	close(fd);
	errno = errnum;
}

/* Closes `directory`.  The next one of the path, or -1. */
static int
step(int directory, const char *at, size_t length, beneath_missing *missing,
    void *context)
{
	char name[NAME_MAX + 1];
	int fd = -1;

	if (length < sizeof(name)) {
		memcpy(name, at, length);
		name[length] = '\0';
		fd = open_at(directory, name, O_PATH | O_DIRECTORY);
		if (fd < 0 && errno == ENOENT && missing != NULL &&
		    missing(context, directory, name, at))
			fd = open_at(directory, name, O_PATH | O_DIRECTORY);
		/* What was a directory is none. */
		if (fd < 0 && errno == ENOTDIR)
			errno = ELOOP;
	} else {
		errno = ENAMETOOLONG;
	}
	close_quietly(directory);
	return fd;
}

int
beneath_walk(int fd, const char *path, const char **last,
    beneath_missing *missing, void *context)
{
	const char *slash;

	*last = path;
	while (fd >= 0 && (slash = strchr(*last, '/')) != NULL) {
		fd = step(fd, *last, (size_t)(slash - *last), missing, context);
		while (fd >= 0 && *slash == '/')
			*last = ++slash;
	}
	return fd;
}

static int
walk_from(const char *top, const char *path, const char **last)
{
	return beneath_walk(open(top, O_PATH | O_DIRECTORY | O_CLOEXEC),
	    path + beneath_length(top, path), last, NULL, NULL);
}

int
beneath_open_directory(const char *top, const char *path)
{
	const char *last;

	return walk_from(top, path, &last);
}

int
beneath_open(const char *top, const char *path)
{
	const char *last;
	int directory = walk_from(top, path, &last);
	int fd;

	if (directory < 0)
		return -1;
	fd = open_at(directory, last, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	close_quietly(directory);
	return fd;
}
