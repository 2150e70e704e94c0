/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.h - the directory of a zip archive, read strictly: the central directory
 * is the truth, every local header must agree with it, no two members may
 * overlap, no two names may be taken for one another.  Dies on any lie.
 * Source: PKWARE APPNOTE 6.3; torch's writer as measured in docs/FORMATS.md.
 */
#ifndef WORKER_ZIP_H
#define WORKER_ZIP_H

#include "job.h"

#define ZIP_STORED 0
#define ZIP_DEFLATED 8

struct zip_member {
	const uint8_t *name;	/* UTF-8, checked, in the central directory */
	uint32_t crc;
	uint16_t name_len;
	uint16_t method;	/* ZIP_STORED or ZIP_DEFLATED */
	uint64_t packed;	/* bytes in the file */
	uint64_t size;		/* bytes when inflated */
	uint64_t data;		/* offset of the first data byte; of the local
				 * header until that has been read */
	uint32_t lead;		/* the local header's length */
	uint32_t use;		/* the format's own; starts at 0 */
};

struct zip {
	struct zip_member *members;	/* in directory order */
	uint32_t count;
	uint32_t *by_hash;		/* open addressing, for zip_find */
	uint32_t hash_mask;
	uint32_t tag_mask;
};

/* Offset of the member's local header. */
static inline uint64_t
zip_member_header(const struct zip_member *m)
{
	return m->data - m->lead;
}

/* A local header at 0, or an end record that ends with the file. */
bool zip_is(const struct job *job);
void zip_open(struct job *job, struct zip *zip);
const struct zip_member *zip_find(const struct job *job, const struct zip *zip,
    const void *name, size_t length);
/* What its bytes take to make, for sink_stream_packed. */
static inline uint64_t
zip_effort(const struct zip_member *m)
{
	return m->method == ZIP_DEFLATED ? m->packed : 0;
}

/* The member's bytes: in the mapping when stored (checked against its CRC under
 * GO_VERIFY), inflated into the arena when deflated (always checked).  Dies on
 * a wrong CRC or size, or over the arena's limit. */
const uint8_t *zip_bytes(struct job *job, const struct zip_member *member);

#endif
