/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf.c - the file of ggml: magic, version, counts; keys with values; infos of
 * tensors; their data.  Versions 1 to 3, both byte orders.  Sources: ggml's
 * docs/gguf.md and ggml/src/gguf.cpp, whose rules are all kept here; a count is
 * held against the bytes that are left before anything is done with it.
 */
#include "gguf.h"

#include <string.h>

#include "formats.h"

/* The least that a key with its value, and an info, take: empty strings, one
 * byte, no dimension. */
#define VALUE_LEAST 9
#define INFO_LEAST 20

bool
gguf_is(struct job *job)
{
	return job->size >= 8 && memcmp(job->map, "GGUF", 4) == 0;
}

uint64_t
gguf_at(const struct gguf *g)
{
	return (uint64_t)(g->c.at - g->job->map);
}

uint16_t
gguf_u16(struct gguf *g)
{
	uint16_t value = cursor_u16le(&g->c);

	return g->big_endian ? __builtin_bswap16(value) : value;
}

uint32_t
gguf_u32(struct gguf *g)
{
	uint32_t value = cursor_u32le(&g->c);

	return g->big_endian ? __builtin_bswap32(value) : value;
}

uint64_t
gguf_u64(struct gguf *g)
{
	uint64_t value = cursor_u64le(&g->c);

	return g->big_endian ? __builtin_bswap64(value) : value;
}

uint64_t
gguf_length(struct gguf *g)
{
	return g->version == 1 ? gguf_u32(g) : gguf_u64(g);
}

void
gguf_whole(const struct gguf *g, uint64_t where)
{
	if (g->c.bad)
		die(g->job, FAULT_FORMAT, where,
		    "gguf: the file ends too early");
}

const uint8_t *
gguf_string(struct gguf *g, uint64_t *length)
{
	uint64_t where = gguf_at(g);
	const uint8_t *at;

	*length = gguf_length(g);
	at = cursor_bytes(&g->c, *length);
	gguf_whole(g, where);
	return at;
}

void
gguf_parse(struct job *job)
{
	struct gguf g = { .job = job, .alignment = 32,
		.c = cursor_over(job->map, (size_t)job->size) };
	uint64_t tensors, values, where;

	cursor_bytes(&g.c, 4);
	g.version = cursor_u32le(&g.c);
	if ((g.version & 0xffff) == 0) {
		g.big_endian = true;
		g.version = __builtin_bswap32(g.version);
	}
	if (g.version < 1 || g.version > 3)
		die(job, FAULT_UNSUPPORTED, 4, "gguf: unknown version");
	where = gguf_at(&g);
	tensors = gguf_length(&g);
	values = gguf_length(&g);
	gguf_whole(&g, where);
	if (values > g.c.left / VALUE_LEAST)
		die(job, FAULT_FORMAT, where,
		    "gguf: more keys than the file has room for");
	gguf_values(&g, values);
	if (tensors > g.c.left / INFO_LEAST)
		die(job, FAULT_FORMAT, where,
		    "gguf: more tensors than the file has room for");
	gguf_tensors(&g, tensors);
}
