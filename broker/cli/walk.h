/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - the files that a scan is about.
 */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct walk_file {
	char *path;
	bool named;		/* on the command line, not found in a tree */
	const char *directory;	/* not a file: what it looks like, else NULL */
};
struct walk {
	struct walk_file *files; /* by name within each argument */
	size_t count;
	size_t capacity;
	size_t empty;		/* files of no bytes, found in a tree */
	size_t others;		/* in a tree: links, FIFOs, sockets, devices */
	size_t unread;		/* directories not entered, or not to the end */
	bool several;		/* more than one file was asked for */
	bool failed;		/* a directory could not be read; complained */
};

/* Regular files only; symbolic links are followed on the command line, never
 * inside a tree.  whole: a directory that is one checkpoint of a kind that is
 * not read is one entry, and not searched.  False: no memory. */
bool walk_list(struct walk *w, const char **arguments, size_t count,
    bool whole);
void walk_free(struct walk *w);

#endif
