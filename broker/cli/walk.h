/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - the files that a scan is about.
 */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct walk_file {
	char *path;
	const char *top;	/* the argument that it was found beneath; NULL:
				 * named itself */
	const char *directory;	/* not a file: what it looks like, else NULL */
	bool set;		/* a directory that is one checkpoint */
	bool link;		/* that was followed */
	dev_t device;		/* of the file, or where the link leads */
	ino_t inode;
};

/* What a directory inside a tree may be besides its files. */
enum walk_how {
	WALK_FILES,
	WALK_SETS,		/* one checkpoint: an entry for .metadata */
	WALK_DIRECTORIES	/* .. also one of a kind that is not read */
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

/* Regular files only; symbolic links are followed on the command line, in a
 * tree only with `root` (else NULL), when they lead to a file and nowhere out
 * of that directory.  What is found there and also linked from another
 * directory of the tree is in the list under the link's name alone: in a
 * Hugging Face cache nothing but the links have names.  But for WALK_FILES what
 * may name other files comes before those of its directory, and a directory
 * with an entry of its own before its files.  False: no memory. */
bool walk_list(struct walk *w, const char **arguments, size_t count,
    enum walk_how how, const char *root);
/* Is it, by its name, an index of other files? */
bool walk_is_index(const char *path);
/* "2 others not looked at: ...", after `before` ("; "), or nothing. */
void walk_print_others(FILE *out, const char *before, size_t others);
/* There was nothing but others; told: they have been spoken of. */
void walk_complain_empty(size_t others, bool told);
void walk_free(struct walk *w);

#endif
