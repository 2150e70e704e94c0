/* SPDX-License-Identifier: Apache-2.0
 *
 * harness.h - runs the parsers in this process, without a jail, over a buffer
 * that ends at a guard page, and decodes what the sink sent.  A frame that the
 * broker could not read fails the test at once.
 *
 *	struct harness h;
 *	harness_run(bytes, length, 0, &h);
 *	assert_true(h.done);
 *	... h.tensors[0].name, harness_bytes(&h, &h.tensors[0]) ...
 *	harness_free(&h);
 *
 * or, to call one function of a parser:
 *
 *	struct job *job = harness_job(bytes, length, 0, &h);
 *	if (setjmp(job->stop) == 0) {
 *		zip_open(job, &zip);
 *		...
 *	} else
 *		assert_int_equal(job->fault.code, FAULT_FORMAT);
 *	harness_collect(&h);	(decodes what was sent; optional)
 *	harness_free(&h);
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "job.h"
#include "sink.h"

struct harness_storage {
	uint32_t kind;		/* enum storage_kind */
	uint64_t offset;	/* WIRE_NO_OFFSET for a stream */
	uint64_t length;
	const uint8_t *bytes;	/* in the input, or received */
	uint64_t received;	/* of a stream */
};
struct harness_tensor {
	char *name;		/* NUL-terminated, as all text here */
	size_t name_len;
	size_t path_count;
	char **path;
	uint8_t *path_kinds;
	uint32_t dtype;
	size_t rank;
	uint64_t shape[RANK_MAX];
	uint64_t strides[RANK_MAX];
	uint32_t storage;
	uint64_t offset;
};
/* A box in another file. */
struct harness_piece {
	char *name;
	size_t path_count;
	char **path;
	uint8_t *path_kinds;
	uint32_t dtype;
	size_t rank;
	uint64_t shape[RANK_MAX];
	uint64_t start[RANK_MAX];
	uint64_t size[RANK_MAX];
	uint32_t kind;
	char *file;
	uint64_t offset;
	uint64_t length;
};
struct harness_alias {
	char *name;
	uint32_t target;
};
struct harness_note {
	uint32_t kind;
	uint32_t level;
	char *text;
	uint64_t where;
};
struct harness_scalar {
	char *name;
	uint32_t kind;
	int64_t i;
	double f;
	uint8_t *data;
	size_t data_len;
	uint64_t full_length;
};

struct harness {
	struct job job;
	/* What was sent.  Exactly one of done and faulted after harness_run. */
	char format[FORMAT_NAME_MAX + 1];
	struct harness_tensor *tensors;
	size_t tensor_count;
	struct harness_storage *storages;
	size_t storage_count;
	struct harness_piece *pieces;
	size_t piece_count;
	struct harness_alias *aliases;
	size_t alias_count;
	struct harness_note *notes;
	size_t note_count;
	struct harness_scalar *scalars;
	size_t scalar_count;
	size_t progress_count;
	bool done;
	struct wire_done totals;
	bool faulted;
	uint32_t fault_code;
	uint64_t fault_where;
	char fault_text[FAULT_TEXT_MAX + 1];
	uint32_t verdict;	/* of Done or Fault */
	size_t writes;		/* calls of write_out */

	/* The harness's own. */
	uint8_t *input_map;
	size_t input_map_size;
	uint8_t *sent;
	size_t sent_len;
	size_t sent_room;
	size_t decoded;
	void **blocks;
	size_t block_count;
};

/* The defaults, but 64 MiB of arena. */
struct limits harness_limits(void);
/* All of job_run; true for Done.  _limits: with these limits. */
bool harness_run(const void *bytes, size_t length, uint32_t go_flags,
    struct harness *out);
bool harness_run_limits(const void *bytes, size_t length, uint32_t go_flags,
    const struct limits *limits, struct harness *out);
/* As one of several workers of one input. */
bool harness_run_share(const void *bytes, size_t length, uint32_t go_flags,
    uint32_t shares, uint32_t share, struct harness *out);
/* A job with its arena and its sink, to call parsers with under setjmp.  Set
 * job->limits before the call that should see them (the sink reads
 * contiguous_bytes when it is made: job->sink = sink_new(job)). */
struct job *harness_job(const void *bytes, size_t length, uint32_t go_flags,
    struct harness *out);
/* Flushes the sink and decodes what was sent since the last time. */
void harness_collect(struct harness *h);
void harness_free(struct harness *h);

/* NULL when there is none. */
const struct harness_tensor *harness_find(const struct harness *h,
    const char *name);
/* The first note whose text contains `text` (kind 0: of any kind), or NULL. */
const struct harness_note *harness_note(const struct harness *h, uint32_t kind,
    const char *text);
/* The tensor's elements in C order; *length: bytes.  Fails the test when it
 * does not lie inside its storage.  Freed by harness_free. */
const uint8_t *harness_bytes(struct harness *h, const struct harness_tensor *t,
    size_t *length);

#endif
