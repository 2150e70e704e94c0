/* SPDX-License-Identifier: Apache-2.0
 *
 * tar.h - the members of a tar archive (ustar with PAX headers, as Python's
 * tarfile writes it), read in place and strictly; nothing is ever extracted.
 * Whatever another reader might take for a different name, size or kind of file
 * ends the job.  Source: POSIX.1-2017, pax, "ustar Interchange Format".
 */
#ifndef WORKER_TAR_H
#define WORKER_TAR_H

#include "job.h"

struct tar_member {
	const uint8_t *name;	/* in the header; no NUL in it */
	size_t name_len;
	uint64_t header;	/* offsets in the input */
	uint64_t data;
	uint64_t size;
};

struct tar {
	struct tar_member *members;	/* in the order of the file */
	uint32_t count;
	uint32_t capacity;
};

/* A header with a right checksum stands at 0. */
bool tar_is(const struct job *job);
/* Would Python's tarfile open it as an archive?  It takes more than tar_is, and
 * torch.load tries it before all but zips. */
bool tar_python_is(const struct job *job);
/* Walks names without judging, from *at = 0; false at the end or at anything
 * odd. */
bool tar_peek(const struct job *job, uint64_t *at, const uint8_t **name,
    size_t *name_len);
void tar_open(struct job *job, struct tar *tar);
/* NULL when there is none. */
const struct tar_member *tar_find(const struct tar *tar, const char *name);

#endif
