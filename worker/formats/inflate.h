/* SPDX-License-Identifier: Apache-2.0
 *
 * inflate.h - a bounded wrapper round libdeflate: whole buffer in, exactly the
 * declared number of bytes out, in the arena.  Takes libdeflate's allocator for
 * itself: it has one object, in memory that is there already.
 */
#ifndef WORKER_INFLATE_H
#define WORKER_INFLATE_H

#include "job.h"

/* Raw deflate.  size is the declared length of the output; a stream that ends
 * early, late, or leaves input over dies with FAULT_FORMAT at `where`.  The
 * ratio limit (1,032:1, deflate's own) is judged before anything is written. */
const uint8_t *inflate_raw(struct job *job, const uint8_t *packed,
    uint64_t packed_len, uint64_t size, uint64_t where);
/* Its first bytes, if it is longer than `room`: what was not written is as it
 * was, which may be all, for a block that does not fit is left out. */
void inflate_beginning(struct job *job, const uint8_t *packed,
    uint64_t packed_len, uint8_t *out, size_t room, uint64_t where);
/* A whole zlib or gzip stream whose length nobody told.  One stream only. */
struct inflate_from {
	const uint8_t *packed;
	uint64_t length;
	bool gzip;
};
enum inflate_result {
	INFLATE_WHOLE,		/* checksum and all: *used, *made */
	INFLATE_MORE,		/* than room; what is there is its beginning */
	INFLATE_BAD
};
enum inflate_result inflate_wrapped(struct job *job,
    const struct inflate_from *from, uint8_t *out, uint64_t room, size_t *used,
    size_t *made);
/* As zip and gzip have it (polynomial 0xEDB88320). */
uint32_t inflate_crc32(const uint8_t *bytes, uint64_t length);

#endif
