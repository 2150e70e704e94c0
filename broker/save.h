/* SPDX-License-Identifier: Apache-2.0
 *
 * save.h - what will stand in a safetensors file, decided before the first byte
 * is written.
 */
#ifndef BROKER_SAVE_H
#define BROKER_SAVE_H

#include "checkpoint.h"

/* One name of one tensor. */
struct save_entry {
	const char *name;
	const pfork_tensor *tensor;
	const char *kept;	/* NULL: written; else the name it is an alias
				 * of */
	uint8_t place;		/* its dtype's, in the file */
	bool skipped;		/* safetensors has no such dtype, or name */
};

struct save_plan {
	struct save_entry *entries;
	size_t count;
	size_t written;		/* these stand first, in the file's order */
	uint8_t *header;	/* length word, JSON, padding */
	size_t header_size;
	uint64_t data_size;
};

/* The header is at most 100,000,000 bytes: the reference reader's
 * MAX_HEADER_SIZE. */
#define SAVE_HEADER_MAX 100000000u

/* safetensors' name of the tensor's dtype; NULL when it has none. */
const char *save_dtype(const pfork_tensor *t);

/* Errors: UNSUPPORTED, SYSTEM (memory).  Free the plan in either case. */
enum pfork_code save_plan_make(struct save_plan *plan,
    const pfork_checkpoint *c, uint32_t flags, pfork_error *err);
void save_plan_free(struct save_plan *plan);

/* save_header.c: plan->header from the entries, which are in order. */
enum pfork_code save_header_make(struct save_plan *plan,
    const pfork_checkpoint *c, pfork_error *err);

#endif
