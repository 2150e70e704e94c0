/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath.h - ways through a tree that somebody else may write to at the same
 * time: who swaps a file, or a directory on the way to it, for a link leads
 * nowhere.  No link is followed beneath the directory that the user named.
 */
#ifndef CLI_BENEATH_H
#define CLI_BENEATH_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of `path`, found beneath `top`, that are `top` and the '/' after it. */
size_t beneath_length(const char *top, const char *path);
/* Of a directory on the way that is not there: `name` in `parent`, at `at` in
 * the path.  True: it is looked for once more; otherwise with errno. */
typedef bool beneath_missing(void *context, int parent, const char *name,
    const char *at);
/* From the directory `fd`, which it closes, to the one that the last name of
 * `path` is in, with O_PATH; *last: that name, or the one where it failed.
 * missing may be NULL.  -1 and errno; ELOOP: it is no directory, or a link. */
int beneath_walk(int fd, const char *path, const char **last,
    beneath_missing *missing, void *context);
/* The file itself, to read; it may be of any kind, and a FIFO does not hang.
 * -1 and errno; ELOOP: there is a link now. */
int beneath_open(const char *top, const char *path);
/* The directory that it is in, with O_PATH. */
int beneath_open_directory(const char *top, const char *path);

#endif
