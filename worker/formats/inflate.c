/* SPDX-License-Identifier: Apache-2.0
 *
 * inflate.c - see inflate.h.  The decompressor's state is static and is made
 * before the jail closes, because libdeflate allocates it with malloc.
 */
#include "inflate.h"

#include <libdeflate.h>

/* Deflate's best: 258 bytes for two bits, and the block's header over that. */
#define RATIO_MAX 1032

static struct libdeflate_decompressor *decompressor;

bool
inflate_prime(void)
{
	if (decompressor == NULL)
		decompressor = libdeflate_alloc_decompressor();
	return decompressor != NULL;
}

const uint8_t *
inflate_raw(struct job *job, const uint8_t *packed, uint64_t packed_len,
    uint64_t size, uint64_t where)
{
	uint8_t *out;
	size_t used = 0;
	enum libdeflate_result result;

	if (decompressor == NULL)
		die(job, FAULT_INTERNAL, where, "inflate: not primed");
	if (size / RATIO_MAX > packed_len)
		die(job, FAULT_FORMAT, where,
		    "inflate: declared size is beyond what deflate can do");
	/* At least one byte, for libdeflate takes no NULL. */
	out = arena_alloc(&job->arena, size == 0 ? 1 : size, 1);
	/* Without a place for the length it demands exactly `size` bytes. */
	result = libdeflate_deflate_decompress_ex(decompressor, packed,
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

enum inflate_result
inflate_wrapped(struct job *job, const struct inflate_from *from, uint8_t *out,
    uint64_t room, size_t *used, size_t *made)
{
	enum libdeflate_result result;

	if (decompressor == NULL)
		die(job, FAULT_INTERNAL, 0, "inflate: not primed");
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
