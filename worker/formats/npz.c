/* SPDX-License-Identifier: Apache-2.0
 *
 * npz.c - arrays in a zip, as numpy.savez writes them: NAME.npy, stored or
 * deflated.  The zip's own rules are zip.c's.  What is no array is reported.
 */
#include <string.h>

#include "formats.h"
#include "npy.h"
#include "pickle_read.h"
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
}

/* As numpy does it: the first bytes say what it is, and the name is without
 * ".npy". */
static void
read_member(struct job *job, const struct zip_member *m)
{
	struct path_part part = { .at = m->name, .len = m->name_len,
		.kind = PATH_KEY };
	size_t mark = arena_mark(&job->arena);
	struct pickle_source source = {
		.at = zip_bytes(job, m),
		.len = m->size,
		.base = m->data,
		.in_file = m->method == ZIP_STORED,
	};

	if (!npy_magic(source.at, source.len)) {
		report_strange(job, m, &source);
		return;
	}
	if (ends_with(m->name, m->name_len, ".npy"))
		part.len -= 4;
	npy_send(job, &source, &part, source.in_file ? NPY_KEEP : mark);
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
