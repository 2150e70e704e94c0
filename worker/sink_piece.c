/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_piece.c - the part of the sink that says which box of a tensor stands in
 * which other file.  See sink.h and sink.c.  The names of files come from the
 * input: what could lead out of its directory is never sent, though the broker
 * would refuse it.
 */
#include <string.h>

#include "dtype.h"
#include "sink_inside.h"
#include "utf8.h"

bool
sink_file_is_sibling(const uint8_t *file, size_t length)
{
	if (length == 0 || length > FILE_NAME_MAX ||
	    memchr(file, '/', length) != NULL ||
	    memchr(file, '\0', length) != NULL)
		return false;
	if (file[0] == '.' && (length == 1 || (length == 2 && file[1] == '.')))
		return false;
	return utf8_good(file, length) == length;
}

/* What a parser has to judge before; the broker judges it after. */
static void
judge_box(struct job *job, const struct piece_out *p)
{
	bool fits = (job->flags & GO_PIECES) != 0 && p->rank <= RANK_MAX &&
	    sink_file_is_sibling(p->file, p->file_length);

	for (size_t i = 0; fits && i < p->rank; i++)
		fits = p->start[i] <= p->shape[i] &&
		    p->size[i] <= p->shape[i] - p->start[i];
	if (!fits)
		die(job, FAULT_INTERNAL, p->where,
		    "a box of a tensor that cannot be sent");
}

/* Of the tensor whose name and path are in s->piece. */
static void
send_box(struct job *job, const struct piece_out *p)
{
	struct sink *s = job->sink;
	const struct joined *j = s->piece;
	struct wire_piece m = {
		.name = { j->text, j->len }, .path = j->parts,
		.path_count = j->count, .path_kinds = { j->kinds, j->count },
		.dtype = p->dtype, .shape = p->shape, .rank = p->rank,
		.start = p->start, .start_count = p->rank,
		.size = p->size, .size_count = p->rank, .kind = p->kind,
		.file = { p->file, p->file_length }, .offset = p->offset,
		.length = p->length
	};

	sink_spend_names(job, p->file_length, p->where);
	s->pieces++;
	sink_send(job, FRAME_PIECE, wire_piece_pack(&m, sink_payload(job)));
}

/* The parts of a joined path stand in it, and point into its own text. */
static void
keep_joined(struct joined *to, const struct joined *from)
{
	*to = *from;
	to->parts = from->parts == from->few ? to->few : to->many;
	for (size_t i = 0; i < to->count; i++)
		to->parts[i].at = to->text + (from->parts[i].at - from->text);
}

uint32_t
sink_piece(struct job *job, const struct piece_out *p)
{
	struct sink *s = job->sink;

	sink_between(job);
	s->piece_open = false;
	if (!sink_take_name(job, &p->path, p->where))
		return SINK_SKIPPED;
	judge_box(job, p);
	sink_spend_bytes(job, p->dtype, p->shape, p->rank, p->where);
	sink_spend_entry(job, &s->tensors, p->where);
	sink_spend_names(job, 2 * s->joined.len + s->joined.count, p->where);
	if (s->piece == NULL)
		s->piece = arena_alloc(&job->arena, 1, sizeof(*s->piece));
	keep_joined(s->piece, &s->joined);
	s->piece_open = true;
	send_box(job, p);
	return (uint32_t)(s->tensors - 1);
}

void
sink_piece_more(struct job *job, const struct piece_out *p)
{
	struct sink *s = job->sink;

	sink_between(job);
	if (!s->piece_open)
		return;
	judge_box(job, p);
	sink_spend_entry(job, &s->more_boxes, p->where);
	send_box(job, p);
}
