/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_bzip2.c - bzip2 by libbz2, whose memory is ours.  Python's bz2 joins
 * streams that follow one another and passes over what is no stream; here one
 * stream is all.  libbz2 counts in 32 bits: both sides are given in pieces.
 */
#include <bzlib.h>
#include <string.h>

#include "unpack.h"

#define PIECE (UINT64_C(1) << 30)

/* "BZh", the size of blocks, and the magic of a block or of the end. */
static bool
is(const struct job *job)
{
	const uint8_t *at = job->map;

	return job->size >= 14 && memcmp(at, "BZh", 3) == 0 && at[3] >= '1' &&
	    at[3] <= '9' && (memcmp(at + 4, "1AY&SY", 6) == 0 ||
	    memcmp(at + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

static void *
give(void *context, int count, int size)
{
	if (count < 0 || size < 0)
		return NULL;
	return unpack_alloc(context, (uint64_t)count, (uint64_t)size);
}

static void
take_back(void *context, void *block)
{
	unpack_release(context, block);
}

static bz_stream *
begin(struct unpack *u)
{
	bz_stream *s = unpack_alloc(u, 1, sizeof *s);

	if (s == NULL)
		unpack_too_much(u);
	*s = (bz_stream){
		.bzalloc = give, .bzfree = take_back, .opaque = u
	};
	if (BZ2_bzDecompressInit(s, 0, 0) != BZ_OK)
		unpack_too_much(u);
	return u->state = s;
}

static void
more(struct unpack *u, uint64_t upto)
{
	bz_stream *s = u->state == NULL ? begin(u) : u->state;
	unsigned in;
	unsigned out;
	int result;

	while (!u->ended && u->made < upto) {
		in = (unsigned)(u->in_size - u->used < PIECE ?
		    u->in_size - u->used : PIECE);
		out = (unsigned)(upto - u->made < PIECE ? upto - u->made :
		    PIECE);
		/* libbz2 does not write there; it only lacks a const. */
		s->next_in = (char *)(uintptr_t)(u->in + u->used);
		s->avail_in = in;
		s->next_out = (char *)(u->out + u->made);
		s->avail_out = out;
		result = BZ2_bzDecompress(s);
		u->used += in - s->avail_in;
		u->made += out - s->avail_out;
		if (result == BZ_MEM_ERROR)
			unpack_too_much(u);
		if (result != BZ_OK && result != BZ_STREAM_END)
			die(u->job, FAULT_FORMAT, u->used,
			    "bzip2: invalid data, or a wrong checksum");
		if (result == BZ_STREAM_END)
			unpack_ended(u);
		else if (u->used == u->in_size && s->avail_out > 0)
			unpack_cut(u);
	}
	u->full = !u->ended && u->made == u->room;
}

const struct unpack_method unpack_bzip2 = {
	"bzip2", "no format that is read here: bzip2; unpack it "
	"first, for inside is no pickle", is, more
};
