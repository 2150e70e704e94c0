/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_lzma.c - xz, and the older .lzma (joblib's "lzma"), by liblzma, whose
 * memory is ours and whose dictionary must fit in it.  One stream: Python joins
 * several.  The threads of liblzma are in functions that are not linked.
 */
#include <lzma.h>
#include <string.h>

#include "unpack.h"

/* Properties, size of the dictionary, size of what comes out. */
#define LZMA_HEAD 13
#define XZ_HEAD 12

static bool
xz_is(const struct job *job)
{
	return job->size >= XZ_HEAD &&
	    memcmp(job->map, "\xfd" "7zXZ\0", 6) == 0;
}

/* It has no magic.  joblib goes by the first two bytes; the rest is what
 * liblzma demands where it has to guess (alone_decoder.c): a dictionary of 2^n
 * or 2^n + 2^(n-1) bytes, and a size that is unknown or below 256 GiB. */
static bool
lzma_is(const struct job *job)
{
	uint64_t size = 0;
	uint32_t dictionary = 0;
	uint32_t low;

	if (job->size < LZMA_HEAD || job->map[0] != 0x5d || job->map[1] != 0)
		return false;
	for (unsigned i = 0; i < 4; i++)
		dictionary |= (uint32_t)job->map[1 + i] << 8 * i;
	for (unsigned i = 0; i < 8; i++)
		size |= (uint64_t)job->map[5 + i] << 8 * i;
	low = dictionary & (0 - dictionary);
	return (dictionary == low || dictionary == low * 3) &&
	    (size == UINT64_MAX || size < 256 * GIB);
}

static void *
give(void *context, size_t count, size_t size)
{
	return unpack_alloc(context, count, size);
}

static void
take_back(void *context, void *block)
{
	unpack_release(context, block);
}

static lzma_stream *
begin(struct unpack *u, bool xz)
{
	lzma_stream *s = unpack_alloc(u, 1, sizeof *s);
	lzma_allocator *ours = unpack_alloc(u, 1, sizeof *ours);
	lzma_ret result;

	if (s == NULL || ours == NULL)
		unpack_too_much(u);
	*ours = (lzma_allocator){ give, take_back, u };
	*s = (lzma_stream)LZMA_STREAM_INIT;
	s->allocator = ours;
	s->next_in = u->in;
	s->avail_in = (size_t)u->in_size;
	result = xz ? lzma_stream_decoder(s, u->memory_size,
	    LZMA_TELL_UNSUPPORTED_CHECK) :
	    lzma_alone_decoder(s, u->memory_size);
	if (result != LZMA_OK)
		unpack_too_much(u);
	return u->state = s;
}

static void
judge(struct unpack *u, const lzma_stream *s, lzma_ret result)
{
	if (result == LZMA_STREAM_END) {
		unpack_ended(u);
	} else if (result == LZMA_MEM_ERROR ||
	    result == LZMA_MEMLIMIT_ERROR) {
		unpack_too_much(u);
	} else if (result == LZMA_UNSUPPORTED_CHECK ||
	    result == LZMA_OPTIONS_ERROR) {
		die(u->job, FAULT_UNSUPPORTED, u->used,
		    "xz: a filter or a check that is not known");
	} else if (result == LZMA_BUF_ERROR ||
	    (result == LZMA_OK && s->avail_out > 0)) {
		unpack_cut(u);
	} else if (result != LZMA_OK) {
		die(u->job, FAULT_FORMAT, u->used,
		    "lzma: invalid data, or a wrong checksum");
	}
}

static void
unpack_more(struct unpack *u, uint64_t upto, bool xz)
{
	lzma_stream *s = u->state == NULL ? begin(u, xz) : u->state;
	lzma_ret result;

	while (!u->ended && u->made < upto) {
		s->next_out = u->out + u->made;
		s->avail_out = (size_t)(upto - u->made);
		result = lzma_code(s, LZMA_RUN);
		u->made = upto - s->avail_out;
		u->used = u->in_size - s->avail_in;
		judge(u, s, result);
	}
	u->full = !u->ended && u->made == u->room;
}

static void
xz_more(struct unpack *u, uint64_t upto)
{
	unpack_more(u, upto, true);
}

static void
lzma_more(struct unpack *u, uint64_t upto)
{
	unpack_more(u, upto, false);
}

const struct unpack_method unpack_xz = {
	"xz", "no format that is read here: xz; unpack it "
	"first, for inside is no pickle", xz_is, xz_more
};

const struct unpack_method unpack_lzma = {
	"lzma", "no format that is read here: LZMA; unpack it "
	"first, for inside is no pickle", lzma_is, lzma_more
};
