/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_blocks.c - see gguf_blocks.h.  Here are the types whose structs have
 * ggml_half and bytes that are read one by one, and nothing else.  Those that
 * ggml reads through a uint16_t or uint32_t, by a cast or by memcpy (Q5_0,
 * Q5_1, most of IQ*), depend on who wrote the file, and are left out.
 * Source: ggml/src/ggml-common.h, and gguf_convert_endian.py of gguf 0.19,
 * which turns Q4_0, Q8_0, Q4_K, Q6_K, MXFP4 and NVFP4 in the same way.
 */
#include "gguf_blocks.h"

#include <string.h>

#include "sink.h"

#define PIECE 4096

static const struct halves {
	uint8_t type;	/* ggml's number */
	uint8_t first;	/* offset in the block */
	uint8_t count;
} halves[] = {
	{ 2, 0, 1 },	/* Q4_0: d */
	{ 3, 0, 2 },	/* Q4_1: d, m */
	{ 8, 0, 1 },	/* Q8_0: d */
	{ 10, 80, 2 },	/* Q2_K: scales, qs, d, dmin */
	{ 11, 108, 1 },	/* Q3_K: hmask, qs, scales, d */
	{ 12, 0, 2 },	/* Q4_K: d, dmin */
	{ 13, 0, 2 },	/* Q5_K: d, dmin */
	{ 14, 208, 1 },	/* Q6_K: ql, qh, scales, d */
	{ 20, 0, 1 },	/* IQ4_NL: d */
	{ 34, 52, 1 },	/* TQ1_0: qs, qh, d */
	{ 35, 64, 1 },	/* TQ2_0: qs, d */
	{ 39, 0, 0 },	/* MXFP4: bytes alone */
	{ 40, 0, 0 },	/* NVFP4: bytes alone */
};

static const struct halves *
halves_of(const struct dtype *d)
{
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
		if (d->code == (uint32_t)DTYPE_GGML + halves[i].type)
			return &halves[i];
	return NULL;
}

bool
gguf_blocks_known(const struct dtype *d)
{
	return halves_of(d) != NULL;
}

static void
turn(uint8_t *block, const struct halves *h)
{
	uint8_t first;

	for (unsigned i = 0; i < h->count; i++) {
		uint8_t *half = block + h->first + 2 * i;

		first = half[0];
		half[0] = half[1];
		half[1] = first;
	}
}

void
gguf_blocks_send(struct job *job, const struct dtype *d, const uint8_t *bytes,
    uint64_t length)
{
	const struct halves *h = halves_of(d);
	size_t block = d->bits / 8;
	uint8_t piece[PIECE];
	size_t take;

	if (h == NULL || length % block != 0)
		die(job, FAULT_INTERNAL, WIRE_NO_OFFSET,
		    "gguf: no whole blocks");
	for (uint64_t done = 0; done < length; done += take) {
		take = PIECE / block * block;
		if (length - done < take)
			take = (size_t)(length - done);
		memcpy(piece, bytes + done, take);
		for (size_t at = 0; at < take; at += block)
			turn(piece + at, h);
		sink_data(job, piece, take);
	}
}
