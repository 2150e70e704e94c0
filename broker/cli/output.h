/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h - a file that appears whole or not at all.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
	int fd;
	int directory;		/* ours, or AT_FDCWD */
	const char *name;	/* .. where this is the output */
	const char *path;	/* for people */
	pthread_mutex_t *naming; /* NULL, or to be held while it is named */
	struct temporary *temporary; /* NULL: written in place (a pipe, a
				 * device) */
	bool nameless;		/* `temporary` is not made yet, only chosen */
	bool force;
	size_t doomed;		/* the signal handler's entry and 1, or 0 */
	uint64_t sent;		/* the disk was asked for the bytes before */
};

/* All of these complain and return an exit code, or 0.  "-" is standard
 * output, and so is a link to the file that it is (/dev/stdout); another link
 * to a file is refused.  Until output_commit there is only a file without a
 * name in the directory of `path`; where the file system has none such, a
 * temporary file that disappears on SIGINT, SIGTERM and SIGHUP, too.  Several
 * threads may each have one. */
int output_open(struct output *o, const char *path, bool force);
/* The same for a path that we made, whose last name is meant in `directory`,
 * taken over in any case: it is a new file or, with `force`, takes the place of
 * a regular one.  A pipe or a device there was nobody's wish. */
int output_open_made(struct output *o, int directory, const char *path,
    bool force);
/* So many bytes are written: the disk may begin with them, while the next ones
 * are made.  A hint; the commit syncs all. */
void output_written(struct output *o, uint64_t bytes);
/* Synced and renamed; refuses to replace a file unless `force`. */
int output_commit(struct output *o);
/* Throws it away. */
void output_abandon(struct output *o);
/* 0 when path may be written: before the work, so that nobody waits in vain. */
int output_check(const char *path, bool force);
int output_check_made(int directory, const char *path, bool force);
/* All temporary files go, as by a signal: the process is about to end. */
void output_remove_all(void);

#endif
