/* SPDX-License-Identifier: Apache-2.0
 *
 * npy.c - the array behind a header: an extent where its bytes stand in the
 * file as a tensor's do, a stream where they were inflated or are big-endian;
 * Fortran order is strides.  An array of objects is a pickle, which is read by
 * the inert machine: its verdict, and the tensors inside.
 */
#include "npy.h"

#include <string.h>

#include "formats.h"
#include "pickle_read.h"
#include "swap.h"
#include "wrapped.h"

/* What follows the header, or more of it. */
static struct pickle_source
rest_of(const struct pickle_source *source, uint64_t from)
{
	struct pickle_source rest = *source;

	rest.at += from;
	rest.len -= from;
	rest.base = npy_where(source, from);
	return rest;
}

static void
read_objects(struct job *job, const struct pickle_source *source,
    const struct path_part *name)
{
	struct path under = { name, 1, NULL };
	struct storage_home home = { .find = pickle_no_storages, .job = job,
		.under = name != NULL ? &under : NULL };
	struct graph graph;

	graph_init(&graph, job);
	pickle_read(&graph, source, &home);
}

static void
read_aside(struct job *job, const struct pickle_source *source)
{
	struct graph graph;

	graph_init(&graph, job);
	pickle_read_aside(&graph, source);
	wrapped_unopened(&graph);
}

/* numpy stops at the end of the array, and so may whatever wrote the file go
 * on: with a second array, or with something to run. */
static void
report_rest(struct job *job, const struct pickle_source *rest)
{
	if (rest->len == 0)
		return;
	sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL, rest->base,
	    npy_magic(rest->at, rest->len) ?
	    "npy: a second array after the first is not read" :
	    "npy: bytes after the array");
	if (rest->at[0] == 0x80)
		read_aside(job, rest);
}

/* All of the member, whose header was believed before the rest was there. */
static const uint8_t *
rest_of_member(struct job *job, const struct pickle_source *source,
    const struct npy_header *h, const struct npy_member *member)
{
	const uint8_t *bytes = zip_bytes(job, member->zip);

	if (memcmp(bytes, source->at, (size_t)h->data) != 0)
		die(job, FAULT_FORMAT, npy_where(source, 0),
		    "npy: the header cannot be read by itself");
	return bytes;
}

static uint32_t
storage_of(struct job *job, const struct pickle_source *source,
    const struct npy_header *h, const struct npy_member *member)
{
	const uint8_t *bytes = source->at;
	unsigned width = dtype_element_bytes(h->type.dtype);
	uint32_t id;
	bool mine;

	/* Each half of a complex number is turned round by itself. */
	if (h->type.dtype->code == DTYPE_C64 ||
	    h->type.dtype->code == DTYPE_C128)
		width /= 2;
	if (!h->type.swapped || h->opaque)
		width = 1;
	if (source->in_file && width == 1)
		return sink_extent(job, source->base + h->data, h->bytes);
	id = sink_stream_packed(job, h->bytes,
	    member != NULL ? member->effort : 0, &mine);
	if (!mine)
		return id;
	if (member != NULL && member->begun)
		bytes = rest_of_member(job, source, h, member);
	if (width > 1)
		swap_send(job, bytes + h->data, h->bytes, width);
	else if (h->bytes > 0)
		sink_data(job, bytes + h->data, (size_t)h->bytes);
	return id;
}

void
npy_send(struct job *job, const struct pickle_source *source,
    const struct path_part *name, const struct npy_member *member, size_t mark)
{
	struct npy_header h __attribute__((uninitialized));
	struct pickle_source rest;
	struct tensor_out out = {
		.path = { .parts = name, .count = name != NULL },
		.where = npy_where(source, 0),
		.shape = h.shape,
		.strides = h.strides,
	};

	npy_header_read(job, source, &h);
	rest = rest_of(source, h.data);
	if (h.objects) {
		read_objects(job, &rest, name);
		return;
	}
	if (h.type.refused != NULL) {
		sink_skip(job, &out.path, VERDICT_CLEAN, out.where,
		    h.type.refused);
		return;
	}
	if (h.opaque)
		sink_note(job, NOTE_RECORD, VERDICT_CLEAN, out.where,
		    "npy: elements of a type that only another package knows "
		    "(bfloat16, float8)");
	out.storage = storage_of(job, source, &h, member);
	out.dtype = h.type.dtype->code;
	out.rank = h.rank;
	/* One that has begun ends with its array. */
	if (member == NULL || !member->begun) {
		rest = rest_of(source, h.data + h.bytes);
		report_rest(job, &rest);
	}
	if (mark != NPY_KEEP)
		arena_rewind(&job->arena, mark);
	sink_tensor(job, &out);
}

bool
npy_is(struct job *job)
{
	return npy_magic(job->map, job->size);
}

void
npy_parse(struct job *job)
{
	struct pickle_source source = { .at = job->map, .len = job->size,
		.in_file = true };

	npy_send(job, &source, NULL, NULL, NPY_KEEP);
}
