/* SPDX-License-Identifier: Apache-2.0
 *
 * agent_tree.h - the walk of an agent's checkpoint: where it stands in the
 * JSON, and what its pickles share.
 */
#ifndef WORKER_AGENT_TREE_H
#define WORKER_AGENT_TREE_H

#include "json_scan.h"
#include "sink.h"
#include "unique.h"
#include "walk.h"

struct agent_frame {
	uint64_t index;		/* of the next item */
	uint32_t object;	/* number of the object; 0: an array */
	bool pickled;		/* has the key __pickled__ */
	bool typed;		/* has the key __type__ */
	uint64_t where;		/* of the payload */
	uint8_t digits[20];	/* of the item's index */
};

struct agent_tree {
	struct job *job;
	struct json json;
	struct agent_frame *frames;
	struct path_part *parts;	/* one a frame: the key at hand */
	uint64_t depth;
	uint64_t nodes;
	uint32_t objects;
	struct unique keys;
	/* One for all payloads: the limit on nodes is the file's. */
	struct graph graph;
	struct storage_home home;
};

/* agent_payload.c: what the text, whose first byte stands at `where` of the
 * input, wants; its tensors come out beneath the object that it is in. */
void agent_payload(struct agent_tree *t, const struct json_text *text,
    uint64_t where);

#endif
