/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary.h - the torch and numpy words that mean tensors: given a node, says
 * what it describes, after judging every number in it.  Called by the walk.
 */
#ifndef WORKER_VOCABULARY_H
#define WORKER_VOCABULARY_H

#include "sink.h"
#include "walk.h"

enum meaning {
	MEANS_NOTHING,	/* walk into it as a container or object */
	MEANS_TENSOR,	/* one or more tensors were emitted, or left out by
			 * name; do not walk into it */
	MEANS_SAME_AS,	/* *inner stands for it (a Parameter's tensor, a
			 * torch.Size's tuple): walk that in its place */
	MEANS_PLAIN	/* plain data without tensors (device, dtype) */
};

/* What the walk must remember of an emitted tensor, for aliases: the number
 * that sink_tensor gave, SINK_SKIPPED for one left out. */
struct meant {
	enum meaning meaning;
	vref inner;
	uint32_t tensor;
};

/* Looks at the CALL (or PERSID) node v, reached under path. */
struct meant vocabulary_read(struct graph *g, vref v, const struct path *path,
    struct storage_home *home);
/* Does the vocabulary know this global (referred to, or called)?  Used by the
 * verdict: CLEAN, UNUSUAL (module classes), or UNDECIDED for "not mine". */
enum verdict vocabulary_knows(const char *module, size_t module_len,
    const char *name, size_t name_len, bool called);

#endif
