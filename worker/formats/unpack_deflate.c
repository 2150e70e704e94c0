/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_deflate.c - zlib and gzip by libdeflate, which takes whole buffers:
 * more room means that all is unpacked once more.
 */
#include <string.h>

#include "inflate.h"
#include "unpack.h"

/* Header and trailer: RFC 1950 and RFC 1952. */
#define ZLIB_MIN 6
#define GZIP_MIN 18

static bool
gzip_is(const struct job *job)
{
	return job->size >= GZIP_MIN && job->map[0] == 0x1f &&
	    job->map[1] == 0x8b && job->map[2] == 8;
}

/* Deflate with a window of 32 KiB, no dictionary, a right check.  The length of
 * a safetensors header is any eight bytes, 78 01 and six zeroes among them.
 * Five zeroes at 3 are within the first block, and of all the kinds of blocks
 * none goes on from there to make more than one byte. */
static bool
zlib_is(const struct job *job)
{
	if (job->size >= 8 && memcmp(job->map + 3, "\0\0\0\0", 5) == 0)
		return false;
	return job->size >= ZLIB_MIN && job->map[0] == 0x78 &&
	    (job->map[1] & 0x20) == 0 &&
	    (0x7800u + job->map[1]) % 31 == 0;
}

static void
more(struct unpack *u, uint64_t upto, bool gzip)
{
	struct inflate_from from = { u->in, u->in_size, gzip };
	size_t used = 0;
	size_t made = 0;

	switch (inflate_wrapped(u->job, &from, u->out, upto, &used, &made)) {
	case INFLATE_WHOLE:
		u->used = used;
		u->made = made;
		unpack_ended(u);
		break;
	case INFLATE_MORE:
		u->made = upto;
		u->full = upto == u->room;
		break;
	case INFLATE_BAD:
	default:
		die(u->job, FAULT_FORMAT, 0,
		    "inflate: invalid data, or a wrong checksum");
	}
}

static void
gzip_more(struct unpack *u, uint64_t upto)
{
	more(u, upto, true);
}

static void
zlib_more(struct unpack *u, uint64_t upto)
{
	more(u, upto, false);
}

const struct unpack_method unpack_gzip = {
	"gzip", "no format that is read here: gzip; unpack it "
	"first, for inside is no pickle", gzip_is, gzip_more
};

const struct unpack_method unpack_zlib = {
	"zlib", "no format that is read here: zlib data; inside is no pickle",
	zlib_is, zlib_more
};
