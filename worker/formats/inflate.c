/* SPDX-License-Identifier: Apache-2.0
 *
 * inflate.c - see inflate.h.  One decompressor, made when the first stream is
 * met (most files have none), in memory of ours: no malloc after the jail.
 */
#include "inflate.h"

#include <libdeflate.h>

/* Deflate's best: 258 bytes for two bits, and the block's header over that. */
#define RATIO_MAX 1032

/* libdeflate 1.14's decompressor is 11,560 bytes.  Should another's be larger,
 * nothing deflated can be read, which tests would see at once. */
#define DECOMPRESSOR_MAX 32768

static void *
give(size_t size)
{
	static _Alignas(64) uint8_t memory[DECOMPRESSOR_MAX];

	return size <= sizeof memory ? memory : NULL;
}

/* It is not given back. */
static void
take_back(void *memory)
{
	(void)memory;
}

static struct libdeflate_decompressor *
ready(struct job *job, uint64_t where)
{
	static struct libdeflate_decompressor *decompressor;

	if (decompressor == NULL) {
		libdeflate_set_memory_allocator(give, take_back);
		decompressor = libdeflate_alloc_decompressor();
	}
	if (decompressor == NULL)
		die(job, FAULT_INTERNAL, where,
		    "inflate: no memory for the decompressor");
	return decompressor;
}

const uint8_t *
inflate_raw(struct job *job, const uint8_t *packed, uint64_t packed_len,
    uint64_t size, uint64_t where)
{
	uint8_t *out;
	size_t used = 0;
	enum libdeflate_result result;

	if (size / RATIO_MAX > packed_len)
		die(job, FAULT_FORMAT, where,
		    "inflate: declared size is beyond what deflate can do");
	/* At least one byte, for libdeflate takes no NULL. */
	out = arena_alloc(&job->arena, size == 0 ? 1 : size, 1);
	/* Without a place for the length it demands exactly `size` bytes. */
	result = libdeflate_deflate_decompress_ex(ready(job, where), packed,
	    (size_t)packed_len, out, (size_t)size, &used, NULL);
	switch (result) {
	case LIBDEFLATE_SUCCESS:
		break;
	case LIBDEFLATE_SHORT_OUTPUT:
		die(job, FAULT_FORMAT, where,
		    "inflate: fewer bytes than declared");
	case LIBDEFLATE_INSUFFICIENT_SPACE:
		die(job, FAULT_FORMAT, where,
		    "inflate: more bytes than declared");
	case LIBDEFLATE_BAD_DATA:
	default:
		die(job, FAULT_FORMAT, where, "inflate: invalid deflate data");
	}
	if (used != packed_len)
		die(job, FAULT_FORMAT, where + used,
		    "inflate: bytes left over after the stream");
	return out;
}

void
inflate_beginning(struct job *job, const uint8_t *packed, uint64_t packed_len,
    uint8_t *out, size_t room, uint64_t where)
{
	size_t used;

	/* Bad data is for who inflates all of it to say. */
	(void)libdeflate_deflate_decompress_ex(ready(job, where), packed,
	    (size_t)packed_len, out, room, &used, NULL);
}

enum inflate_result
inflate_wrapped(struct job *job, const struct inflate_from *from, uint8_t *out,
    uint64_t room, size_t *used, size_t *made)
{
	struct libdeflate_decompressor *decompressor = ready(job, 0);
	enum libdeflate_result result;

	result = from->gzip ?
	    libdeflate_gzip_decompress_ex(decompressor, from->packed,
	    (size_t)from->length, out, (size_t)room, used, made) :
	    libdeflate_zlib_decompress_ex(decompressor, from->packed,
	    (size_t)from->length, out, (size_t)room, used, made);
	if (result == LIBDEFLATE_SUCCESS)
		return INFLATE_WHOLE;
	return result == LIBDEFLATE_INSUFFICIENT_SPACE ? INFLATE_MORE :
	    INFLATE_BAD;
}

uint32_t
inflate_crc32(const uint8_t *bytes, uint64_t length)
{
	return libdeflate_crc32(0, bytes, (size_t)length);
}
