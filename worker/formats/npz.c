/* SPDX-License-Identifier: Apache-2.0
 *
 * npz.c - arrays in a zip, as numpy.savez writes them: NAME.npy, stored or
 * deflated.  The zip's own rules are zip.c's.  What is no array is reported.
 */
#include <string.h>

#include "formats.h"
#include "inflate.h"
#include "npy.h"
#include "pickle_read.h"
#include "sink.h"
#include "wrapped.h"
#include "zip_parts.h"

static bool
ends_with(const uint8_t *name, size_t length, const char *tail)
{
	size_t n = strlen(tail);

	return length >= n && memcmp(name + length - n, tail, n) == 0;
}

/* Members NAME.npy, and no checkpoint of torch's beside them; one in no
 * directory is numpy's whatever else is there. */
bool
npz_is(struct job *job)
{
	struct zip_peek peek;
	bool any = false, top = false;

	if (!zip_is(job) || !zip_peek_open(job, &peek))
		return false;
	while (zip_peek_next(&peek)) {
		if (!ends_with(peek.name, peek.name_len, ".npy"))
			continue;
		any = true;
		top = top || memchr(peek.name, '/', peek.name_len) == NULL;
	}
	if (peek.left > 0 || peek.at.left > 0 || peek.at.bad)
		return false;
	return top || (any && !torch_zip_is(job));
}

static void
report_strange(struct job *job, const struct zip_member *m,
    const struct pickle_source *source)
{
	struct graph graph;

	sink_note_about(job, NOTE_RECORD, VERDICT_UNUSUAL,
	    zip_member_header(m),
	    "npz: a member that is no array", m->name, m->name_len);
	if (source->len == 0 || (source->at[0] != 0x80 &&
	    !ends_with(m->name, m->name_len, ".pkl")))
		return;
	graph_init(&graph, job);
	pickle_read_aside(&graph, source);
	wrapped_unopened(&graph);
}

/* numpy's headers have 118 or 128 bytes, with few exceptions. */
#define BEGINNING 4096
/* Magic, version 1.0, 16 bits of length; longer ones need another version. */
#define HEADER_AT 10

/* What was not written is 0, as no byte of the text is. */
static bool
header_is_whole(const uint8_t *at)
{
	size_t length = (size_t)at[8] | (size_t)at[9] << 8;

	return npy_magic(at, BEGINNING) && at[6] == 1 && at[7] == 0 &&
	    length <= BEGINNING - HEADER_AT &&
	    memchr(at + HEADER_AT, 0, length) == NULL;
}

/* Sees the header without inflating what another worker may inflate.  False:
 * this takes all of the member's bytes, or is no matter of an array alone. */
static bool
begin_member(struct job *job, struct pickle_source *source,
    struct npy_member *member)
{
	const struct zip_member *m = member->zip;
	struct npy_header h __attribute__((uninitialized));
	size_t mark = arena_mark(&job->arena);
	uint8_t *out;

	if (!sink_is_shared_out(job) || m->size <= BEGINNING ||
	    (job->share == 0 && m->packed < SINK_SHARE_MIN))
		return false;
	out = arena_alloc(&job->arena, BEGINNING, 1);
	inflate_beginning(job, job->map + m->data, m->packed, out, BEGINNING,
	    m->data);
	if (header_is_whole(out)) {
		source->at = out;
		npy_header_read(job, source, &h);
		/* What is no array of numbers has no bytes here. */
		if (h.data + h.bytes == m->size)
			return true;
	}
	arena_rewind(&job->arena, mark);
	return false;
}

/* Its bytes are there, or its header.  What was inflated only to see what it is
 * stays with share 0, whoever that is. */
static void
read_bytes(struct job *job, struct pickle_source *source,
    struct npy_member *member)
{
	member->begun = member->zip->method == ZIP_DEFLATED &&
	    begin_member(job, source, member);
	if (member->begun || member->zip->packed < SINK_SHARE_MIN)
		member->effort = zip_effort(member->zip);
	if (!member->begun)
		source->at = zip_bytes(job, member->zip);
}

/* As numpy does it: the first bytes say what it is, and the name is without
 * ".npy". */
static void
read_member(struct job *job, const struct zip_member *m)
{
	struct path_part part = { .at = m->name, .len = m->name_len,
		.kind = PATH_KEY };
	size_t mark = arena_mark(&job->arena);
	struct npy_member member = { .zip = m };
	struct pickle_source source = {
		.len = m->size,
		.base = m->data,
		.in_file = m->method == ZIP_STORED,
	};

	read_bytes(job, &source, &member);
	if (!npy_magic(source.at, source.len)) {
		report_strange(job, m, &source);
		return;
	}
	if (ends_with(m->name, m->name_len, ".npy"))
		part.len -= 4;
	npy_send(job, &source, &part, &member,
	    source.in_file ? NPY_KEEP : mark);
}

void
npz_parse(struct job *job)
{
	struct zip zip;
	const struct zip_member *m;

	zip_open(job, &zip);
	for (uint32_t i = 0; i < zip.count; i++) {
		m = &zip.members[i];
		if (m->name[m->name_len - 1] == '/')
			continue;
		read_member(job, m);
		sink_progress(job, m->data + m->packed, job->size);
	}
}
