/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_plain.h - a tensor's entry in exactly the letters in which the
 * reference writes it, for the scanner of whole headers: it takes such an entry
 * at once or leaves it all to safetensors.c, which alone says what is wrong.
 */
#ifndef WORKER_SAFETENSORS_PLAIN_H
#define WORKER_SAFETENSORS_PLAIN_H

#include "json_scan.h"
#include "limits.h"

/* The longest dtype is then F8_E4M3; longer ones take the other way. */
#define PLAIN_DTYPE_MAX 7

struct plain_entry {
	struct json_text name;
	const uint8_t *dtype;
	uint64_t dtype_word;	/* its bytes, the first one lowest */
	uint32_t dtype_len;	/* 1 to PLAIN_DTYPE_MAX */
	uint32_t rank;
	uint64_t begin;
	uint64_t end;
	uint64_t shape[RANK_MAX];
};

/* "NAME":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]} without blanks or
 * escapes, numbers of 19 digits at most.  False: it is something else, right
 * or wrong, and *j is as it was. */
bool safetensors_plain(struct json *j, struct plain_entry *e);

#endif
