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

/* The files that ckpt, read from `file` or the directory that it is, has
 * tensors in, and that were judged as checkpoints themselves: the raw bytes
 * beside an ONNX model may be any file.  False: no memory. */
bool parts_add(struct parts *parts, const char *file,
    const pfork_checkpoint *ckpt);
bool parts_has(const struct parts *parts, const char *file);
/* A tensor of several files has the name of none: by its name `file` may be a
 * data file of such a set .. */
bool parts_beside(const struct parts *parts, const char *file);
/* .. and, read by itself as ckpt, is no more than that, and harmless. */
bool parts_takes(const struct parts *parts, const char *file,
    const pfork_checkpoint *ckpt);
void parts_free(struct parts *parts);

#endif
