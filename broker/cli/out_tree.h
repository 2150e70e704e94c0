/* SPDX-License-Identifier: Apache-2.0
 *
 * out_tree.h - where convert --out-dir writes: beneath one directory, in the
 * directories that a file was found in.
 */
#ifndef CLI_OUT_TREE_H
#define CLI_OUT_TREE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "output.h"

struct out_tree {
	const char *top;	/* --out-dir */
	int fd;			/* .. as it was when we began */
	/* What follows is the lock's.  It is also held while an output gets
	 * its directory and its name. */
	pthread_mutex_t lock;
	struct made {
		char *path;	/* from `fd` on */
		dev_t device;
		ino_t inode;
	} *made;
	size_t count;
	size_t capacity;
};

/* The output for `path`: out_dir, the directories between `top` and it where it
 * was found in the tree of `top` (else NULL), its name without its last suffix,
 * and ours.  The one index of a directory is named as its directory.  NULL with
 * errno: no memory, or (EINVAL) no name. */
char *out_tree_name(const char *out_dir, const char *top, const char *path);

/* 0, or an exit code after a message, like the next two. */
int out_tree_open(struct out_tree *t, const char *out_dir);
/* Whether `output` can lie in its directories, which are directories, or not
 * there (a link is none), and by its own name. */
int out_tree_check(struct out_tree *t, const char *output, bool force);
/* output_open_made in its directories, which are made where they are not there;
 * whatever becomes of their names, it is in these that the output appears. */
int out_tree_output(struct out_tree *t, struct output *o, const char *output,
    bool force);
/* The directories that were made here and are empty go. */
void out_tree_tidy(struct out_tree *t);
/* The same while others are at work, and the outputs that are not done go too:
 * the process is about to end, and nobody gets an output from now on. */
void out_tree_stop(struct out_tree *t);
void out_tree_close(struct out_tree *t);

#endif
