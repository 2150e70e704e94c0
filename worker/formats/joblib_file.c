/* SPDX-License-Identifier: Apache-2.0
 *
 * joblib_file.c - joblib.dump(compress=...) by zlib and gzip: the whole pickle
 * in one compressed stream.  It is unpacked into the arena, whose size bounds
 * it, and read through a window (job.h), so that arrays are streamed.  What is
 * inside must be a pickle: this is no reader of compressed files in general.
 * Source: joblib 1.5, joblib/compressor.py.
 */
#include <string.h>

#include "formats.h"
#include "inflate.h"

/* Header and trailer: RFC 1950 and RFC 1952. */
#define ZLIB_MIN 6
#define GZIP_MIN 18

static bool
is_gzip(const struct job *job)
{
	return job->size >= GZIP_MIN && job->map[0] == 0x1f &&
	    job->map[1] == 0x8b && job->map[2] == 8;
}

/* Deflate with a window of 32 KiB, no dictionary, a right check. */
static bool
is_zlib(const struct job *job)
{
	return job->size >= ZLIB_MIN && job->map[0] == 0x78 &&
	    (job->map[1] & 0x20) == 0 &&
	    (0x7800u + job->map[1]) % 31 == 0;
}

bool
joblib_file_is(struct job *job)
{
	return is_gzip(job) || is_zlib(job);
}

void
joblib_file_parse(struct job *job)
{
	bool gzip = is_gzip(job);
	uint64_t size;
	const uint8_t *bytes = inflate_whole(job, job->map, job->size, gzip,
	    &size);

	/* One way: the input itself is not looked at again. */
	job->map = bytes;
	job->size = size;
	job->window = (struct job_window){ .depth = 1 };
	if (size == 0 || !pickle_file_is(job))
		die(job, FAULT_UNSUPPORTED, 0, gzip ?
		    "no format that is read here: gzip, with no pickle "
		    "inside; unpack it first" :
		    "no format that is read here: zlib data, with no pickle "
		    "inside");
	pickle_file_parse(job);
}
