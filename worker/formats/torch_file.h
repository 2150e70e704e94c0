/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_file.h - the files that torch.load reads, opened but not yet walked: a
 * root value and where its storages are.  One that stands in the input is
 * walked at once; one in the bytes of another pickle is opened by wrapped.c,
 * which needs its root before its tensors.
 */
#ifndef WORKER_TORCH_FILE_H
#define WORKER_TORCH_FILE_H

#include "machine.h"
#include "walk.h"

struct torch_file {
	struct graph *graph;	/* its nodes are added to this */
	bool quiet;	/* the verdict has seen its pickles already */
	vref root;
	struct storage_home home;
};

/* Each dies when the file is malformed, after reporting what of it a real
 * unpickler would have run by then. */
void torch_legacy_open(struct job *job, struct torch_file *file);
void torch_zip_open(struct job *job, struct torch_file *file);

#endif
