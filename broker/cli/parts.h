/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.h - the files that hold the tensors of a checkpoint which was read
 * already: met in the same tree, they are not told again.  For listing and
 * converting alone; a scan looks at every file, whoever names it.
 */
#ifndef CLI_PARTS_H
#define CLI_PARTS_H

#include "cli.h"

/* Empty: all zero. */
struct parts {
	void *tree;		/* of tsearch */
};

/* The files that ckpt, read from `file`, has tensors in.  False: no memory. */
bool parts_add(struct parts *parts, const char *file,
    const pfork_checkpoint *ckpt);
bool parts_has(const struct parts *parts, const char *file);
void parts_free(struct parts *parts);

#endif
