/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_tensors.c - infos of tensors and where their data is.  As ggml demands
 * it: each tensor begins where the one before it ends, rounded up to the
 * alignment.  Dimensions come fastest first and are turned round.  Blocks of
 * quantised types stay as they are.
 */
#include <string.h>

#include "dtype.h"
#include "gguf.h"
#include "gguf_blocks.h"
#include "sink.h"
#include "swap.h"
#include "utf8.h"

/* gguf.md: names "at most 64 bytes long"; ggml's GGML_MAX_DIMS. */
#define NAME_MAX_BYTES 64
#define DIMS_MAX 4

struct info {
	const uint8_t *name;
	uint32_t name_len;
	uint32_t rank;
	uint64_t where;
	uint64_t shape[DIMS_MAX];
	uint64_t offset;	/* from the data's start */
	uint64_t bytes;
	const struct dtype *dtype;
};

/* ggml_type of plain elements, ggml/include/ggml.h. */
static const struct {
	uint8_t type;
	uint8_t dtype;
} plain[] = {
	{ 0, DTYPE_F32 }, { 1, DTYPE_F16 }, { 24, DTYPE_I8 },
	{ 25, DTYPE_I16 }, { 26, DTYPE_I32 }, { 27, DTYPE_I64 },
	{ 28, DTYPE_F64 }, { 30, DTYPE_BF16 },
};

static void __attribute__((noreturn))
fail(const struct gguf *g, const struct info *t, enum fault_code code,
    const char *text)
{
	die_about(g->job, code, t->where, text, t->name, t->name_len);
}

static const struct dtype *
dtype_of(uint32_t type)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (plain[i].type == type)
			return dtype_by_code(plain[i].dtype);
	return type < 1000 ? dtype_by_code(DTYPE_GGML + type) : NULL;
}

static void
read_name(struct gguf *g, struct info *t, struct unique *names)
{
	uint64_t length;

	t->where = gguf_at(g);
	t->name = gguf_string(g, &length);
	if (length > NAME_MAX_BYTES)
		die(g->job, FAULT_FORMAT, t->where,
		    "gguf: a tensor's name is over 64 bytes");
	t->name_len = (uint32_t)length;
	if (utf8_good(t->name, (size_t)length) != length)
		fail(g, t, FAULT_FORMAT, "gguf: a tensor's name is not UTF-8");
	if (!unique_add(g->job, names, t->name, (size_t)length))
		fail(g, t, FAULT_FORMAT, "gguf: two tensors have one name");
	if (length == 0 || memchr(t->name, 0, (size_t)length) != NULL)
		g->plain_names = false;
}

static void
read_info(struct gguf *g, struct info *t, struct unique *names)
{
	uint32_t type;

	read_name(g, t, names);
	t->rank = gguf_u32(g);
	gguf_whole(g, t->where);
	if (t->rank > DIMS_MAX)
		fail(g, t, FAULT_FORMAT, "gguf: more than 4 dimensions");
	for (uint32_t i = t->rank; i-- > 0;)
		t->shape[i] = gguf_length(g);
	type = gguf_u32(g);
	t->offset = gguf_u64(g);
	gguf_whole(g, t->where);
	t->dtype = dtype_of(type);
	if (t->dtype == NULL)
		fail(g, t, FAULT_UNSUPPORTED,
		    "gguf: a type that ggml has not, or has no more");
	if (t->dtype->block > 1 && (t->rank == 0 ||
	    t->shape[t->rank - 1] % t->dtype->block != 0))
		fail(g, t, FAULT_FORMAT,
		    "gguf: rows are not a whole number of blocks");
	if (!shape_bytes(t->dtype, t->shape, t->rank, &t->bytes))
		fail(g, t, FAULT_FORMAT, "gguf: dimensions are too large");
}

/* Up to the next multiple; false on overflow. */
static bool
align(uint64_t *at, uint64_t alignment)
{
	if (__builtin_add_overflow(*at, alignment - 1, at))
		return false;
	*at &= ~(alignment - 1);
	return true;
}

/* Returns where the last tensor ends, from the data's start.  The padding
 * behind it may be missing. */
static uint64_t
judge_places(const struct gguf *g, const struct info *infos, uint64_t count,
    uint64_t data)
{
	uint64_t at = 0, end = 0, left;

	left = data < g->job->size ? g->job->size - data : 0;
	for (uint64_t i = 0; i < count; i++) {
		const struct info *t = &infos[i];

		if (t->offset != at)
			fail(g, t, FAULT_FORMAT, t->offset < at ?
			    "gguf: two tensors overlap" :
			    "gguf: a hole before a tensor's data");
		if (t->bytes > left || at > left - t->bytes)
			fail(g, t, FAULT_FORMAT, "gguf: the file ends before "
			    "a tensor's data does");
		end = at + t->bytes;
		at = end;
		if (!align(&at, g->alignment))
			fail(g, t, FAULT_FORMAT, "gguf: offsets overflow");
	}
	if (left > at)
		sink_note(g->job, NOTE_RECORD, VERDICT_UNUSUAL, data + at,
		    "gguf: bytes after the last tensor");
	return end;
}

/* Big-endian: each tensor by itself.  False when it was left out. */
static bool
send_swapped(const struct gguf *g, const struct info *t, uint64_t data,
    struct tensor_out *out)
{
	const uint8_t *bytes = g->job->map + data + t->offset;

	if (t->dtype->block > 1 && !gguf_blocks_known(t->dtype)) {
		sink_skip(g->job, &out->path, VERDICT_CLEAN, t->where,
		    "blocks of this type in big-endian order are not certain");
		return false;
	}
	out->offset = 0;
	out->storage = sink_stream(g->job, t->bytes);
	if (t->dtype->block > 1)
		gguf_blocks_send(g->job, t->dtype, bytes, t->bytes);
	else
		swap_send(g->job, bytes, t->bytes,
		    dtype_element_bytes(t->dtype));
	return true;
}

static void
send(const struct gguf *g, const struct info *infos, uint64_t count,
    uint64_t data, uint64_t length)
{
	uint64_t strides[DIMS_MAX];
	struct path_part part = { .kind = PATH_KEY };
	struct tensor_out out = { .path = { &part, 1, NULL },
		.strides = strides, .own_name = g->plain_names };
	const struct info *t;

	if (count > 0 && !g->big_endian)
		out.storage = sink_extent(g->job, length > 0 ? data : 0,
		    length);
	for (uint64_t i = 0; i < count; i++) {
		t = &infos[i];
		part.at = t->name;
		part.len = t->name_len;
		out.dtype = t->dtype->code;
		out.rank = t->rank;
		out.shape = t->shape;
		out.offset = length > 0 ? t->offset : 0;
		out.where = t->where;
		if (!shape_strides(t->shape, t->rank, strides))
			fail(g, t, FAULT_FORMAT,
			    "gguf: dimensions are too large");
		if (!g->big_endian || send_swapped(g, t, data, &out))
			sink_tensor(g->job, &out);
	}
}

void
gguf_tensors(struct gguf *g, uint64_t count)
{
	struct info *infos = arena_alloc(&g->job->arena, count,
	    sizeof(*infos));
	struct unique names;
	uint64_t data, length;

	unique_init(g->job, &names);
	g->plain_names = true;
	for (uint64_t i = 0; i < count; i++)
		read_info(g, &infos[i], &names);
	data = gguf_at(g);
	if (!align(&data, g->alignment))
		die(g->job, FAULT_FORMAT, data, "gguf: offsets overflow");
	length = judge_places(g, infos, count, data);
	send(g, infos, count, data, length);
}
