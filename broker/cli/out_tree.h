/* SPDX-License-Identifier: Apache-2.0
 *
 * out_tree.h - where convert --out-dir writes: beneath one directory, in the
 * directories that a file was found in.
 */
#ifndef CLI_OUT_TREE_H
#define CLI_OUT_TREE_H

#include <stdbool.h>

/* The output for `path`: out_dir, the directories between `top` and it where it
 * was found in the tree of `top` (else NULL), its name without its last suffix,
 * and ours.  The one index of a directory is named as its directory.  NULL with
 * errno: no memory, or (EINVAL) no name. */
char *out_tree_name(const char *out_dir, const char *top, const char *path);
/* Whether `output` can lie in its directories beneath out_dir: they are
 * directories, or not there, and then made where `make` says so.  A link is
 * none.  0, or an exit code after a message. */
int out_tree_directories(const char *out_dir, const char *output, bool make);

#endif
