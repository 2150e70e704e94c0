/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.h - walks the graph that a pickle built, once, without recursion, and
 * sends every tensor in it under its state_dict name.
 */
#ifndef WORKER_WALK_H
#define WORKER_WALK_H

#include "machine.h"
#include "sink.h"

/* Where storages live; each container format has its own. */
struct storage_home {
	/* The bytes of the storage with this key (from its persistent id).
	 * element_bytes and count are what the pickle claims.  Announces it
	 * through the sink on first use; the same key gives the same id.
	 * *bytes: length of the storage, in bytes, as it really is.
	 * False: there is no such storage (the tensor is then malformed).
	 * *data: the bytes themselves when they can be had cheaply (for
	 * conj/neg, which must be applied), else NULL. */
	bool (*find)(struct storage_home *home, const uint8_t *key,
	    size_t key_len, uint64_t where, uint32_t *id, uint64_t *bytes,
	    const uint8_t **data);
	struct job *job;
	/* Bytes an element, and whether they must be swapped: set by the
	 * vocabulary before find, used for big-endian archives. */
	unsigned swap_width;
	/* The archive's storages are big-endian (set by the home's maker). */
	bool big_endian;
	/* A persistent id may have a sixth part, the view.  torch reads them in
	 * what it wrote before 1.6; in a zip archive it refuses them. */
	bool views;
	void *context;
	/* Under which all of its tensors are named; NULL for none. */
	const struct path *under;
	/* The vocabulary's own memory of this file; starts NULL. */
	struct vocabulary *words;
};

void walk_tensors(struct graph *g, vref root, struct storage_home *home);

#endif
