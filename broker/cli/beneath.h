/* SPDX-License-Identifier: Apache-2.0
 *
 * beneath.h - opens again what was found in a tree.  Its owner may be another
 * user, who swaps a file, or a directory on the way to it, for a link between
 * the search and the opening.  No link is followed beneath the directory that
 * the user named.
 */
#ifndef CLI_BENEATH_H
#define CLI_BENEATH_H

#include <stddef.h>

/* Bytes of `path`, found beneath `top`, that are `top` and the '/' after it. */
size_t beneath_length(const char *top, const char *path);
/* The file itself, to read; it may be of any kind, and a FIFO does not hang.
 * -1 and errno; ELOOP: there is a link now. */
int beneath_open(const char *top, const char *path);
/* The directory that it is in, with O_PATH. */
int beneath_open_directory(const char *top, const char *path);

#endif
