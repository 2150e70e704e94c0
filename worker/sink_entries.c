/* SPDX-License-Identifier: Apache-2.0
 *
 * sink_entries.c - the part of the sink that sends what has a name or a text:
 * notes, tensors, aliases, plain values.  See sink.h and sink.c.
 */
#include <string.h>

#include "dtype.h"
#include "sink_inside.h"
#include "siphash.h"
#include "utf8.h"

/* Counted for each scalar besides its text: what its entry takes. */
#define SCALAR_COST 64

/* --------------------------------------------------------------- notes -- */

void
sink_raise(struct job *job, enum verdict level)
{
	if (level > job->sink->verdict)
		job->sink->verdict = level;
}

enum verdict
sink_verdict(const struct job *job)
{
	return job->sink->verdict;
}

void
sink_names_once(struct job *job)
{
	if (job->sink->said == NULL)
		job->sink->said = arena_alloc(&job->arena, 1,
		    sizeof(*job->sink->said));
}

/* The name in sink->text was noted before, at the same level.  A table that is
 * full tells no more: then some are noted twice. */
static bool
said_before(struct job *job, enum verdict level, size_t length)
{
	struct said *said = job->sink->said;
	uint64_t hash = siphash(job->seed, job->sink->text, length) ^ level;
	uint32_t i = (uint32_t)hash % SAID_SLOTS;

	hash |= 1;
	while (said->hashes[i] != 0 && said->hashes[i] != hash)
		i = (i + 1) % SAID_SLOTS;
	if (said->hashes[i] == 0 && said->used < SAID_SLOTS / 2) {
		said->hashes[i] = hash;
		said->used++;
		return false;
	}
	return said->hashes[i] == hash;
}

/* The note's text is in sink->text. */
static void
note(struct job *job, enum note_kind kind, enum verdict level, uint64_t where,
    size_t length)
{
	struct sink *s = job->sink;
	struct wire_note m = {
		.kind = kind, .level = level, .text = { s->text, length },
		.where = job_where(job, where)
	};

	sink_raise(job, level);
	if (s->said != NULL && (kind == NOTE_GLOBAL || kind == NOTE_CALL) &&
	    said_before(job, level, length))
		return;
	if (s->notes >= job->limits.notes + note_is_of_loss(kind)) {
		s->notes_dropped++;
		return;
	}
	sink_between(job);
	sink_spend_names(job, length, where);
	s->notes++;
	sink_send(job, FRAME_NOTE, wire_note_pack(&m, sink_payload(job)));
}

/* Appends to sink->text, cut at NOTE_TEXT_MAX; returns the new length. */
static size_t
append(struct sink *s, size_t used, const void *text, size_t length)
{
	bool cut;

	return used + names_clean(s->text + used, NOTE_TEXT_MAX - used, text,
	    length, &cut);
}

void
sink_note(struct job *job, enum note_kind kind, enum verdict level,
    uint64_t where, const char *text)
{
	note(job, kind, level, where,
	    append(job->sink, 0, text, strlen(text)));
}

void
sink_note_about(struct job *job, enum note_kind kind, enum verdict level,
    uint64_t where, const char *text, const void *name, size_t length)
{
	struct sink *s = job->sink;
	size_t used = append(s, 0, text, strlen(text));

	used = append(s, used, ": ", 2);
	note(job, kind, level, where, append(s, used, name, length));
}

/* names_join cut it. */
#define TOO_LONG "its name is over 4,096 bytes, or its path over 512 parts"
_Static_assert(TENSOR_NAME_MAX == 4096 && PATH_PARTS_MAX == 512, "TOO_LONG");

/* "left out: NAME: why" for the path that has been joined.  The reason is what
 * a reader needs, so a long name gives way to it. */
static void
skip_joined(struct job *job, enum note_kind kind, enum verdict level,
    uint64_t where, const char *why)
{
	struct sink *s = job->sink;
	size_t used = append(s, 0, "left out: ", 10);
	size_t room = NOTE_TEXT_MAX - used - 2;
	size_t why_len = strlen(why);
	bool cut;

	room = why_len < room ? room - why_len : 0;
	used += names_clean(s->text + used, room, s->joined.text,
	    s->joined.len, &cut);
	used = append(s, used, ": ", 2);
	note(job, kind, level, where, append(s, used, why, why_len));
}

void
sink_skip(struct job *job, const struct path *path, enum verdict level,
    uint64_t where, const char *why)
{
	names_join(&job->sink->joined, path, "tensor");
	skip_joined(job, NOTE_SKIPPED, level, where, why);
}

/* ------------------------------------------------------------- tensors -- */

bool
sink_take_name(struct job *job, const struct path *path, uint64_t where)
{
	struct joined *j = &job->sink->joined;
	int claimed;

	names_join(j, path, "tensor");
	claimed = j->cut ? -1 : names_claim(job, &job->sink->names, j);
	if (claimed < 0)
		skip_joined(job, NOTE_SKIPPED, VERDICT_CLEAN, where, TOO_LONG);
	else if (claimed > 0)
		sink_note_about(job, NOTE_RECORD, VERDICT_CLEAN, where,
		    "renamed, its name was taken", j->text, j->len);
	return claimed >= 0;
}

void
sink_spend_bytes(struct job *job, uint32_t dtype, const uint64_t *shape,
    size_t rank, uint64_t where)
{
	struct sink *s = job->sink;
	const struct dtype *d = dtype_by_code(dtype);
	uint64_t bytes;

	if (d == NULL || !shape_bytes(d, shape, rank, &bytes))
		die(job, FAULT_INTERNAL, where, "a tensor that cannot be sent");
	sink_spend(job, &s->contiguous_bytes, bytes, s->contiguous_limit,
	    where, "the tensors' bytes are over the limit contiguous_bytes");
}

/* Tensors, aliases and the further boxes of a tensor share one limit. */
void
sink_spend_entry(struct job *job, uint64_t *count, uint64_t where)
{
	struct sink *s = job->sink;

	if (s->tensors + s->aliases + s->more_boxes >= job->limits.tensors ||
	    *count >= SINK_SKIPPED - 1)
		die(job, FAULT_LIMIT, where,
		    "tensors are over the limit tensors");
	++*count;
}

/* One whose name and path are known. */
static uint32_t
send_tensor(struct job *job, const struct tensor_out *t, struct wire_bytes name,
    const struct wire_bytes *path, struct wire_bytes kinds)
{
	struct sink *s = job->sink;
	struct wire_tensor m = {
		.dtype = t->dtype, .rank = t->rank, .shape = t->shape,
		.stride_count = t->rank, .strides = t->strides,
		.storage = t->storage, .offset = t->offset,
		.name = name, .path = path, .path_count = kinds.len,
		.path_kinds = kinds
	};

	if (t->storage >= s->storages)
		die(job, FAULT_INTERNAL, t->where,
		    "a tensor that cannot be sent");
	sink_spend_bytes(job, t->dtype, t->shape, t->rank, t->where);
	sink_spend_entry(job, &s->tensors, t->where);
	sink_spend_names(job, 2 * name.len + kinds.len, t->where);
	s->piece_open = false;
	sink_send(job, FRAME_TENSOR, wire_tensor_pack(&m, sink_payload(job)));
	return (uint32_t)(s->tensors - 1);
}

static uint32_t
send_own_name(struct job *job, const struct tensor_out *t)
{
	const struct path_part *part = &t->path.parts[0];
	struct wire_bytes name = { part->at, part->len };

	if (t->path.count != 1 || t->path.suffix != NULL || part->len == 0 ||
	    part->len > TENSOR_NAME_MAX)
		die(job, FAULT_INTERNAL, t->where,
		    "a name that cannot be sent as it is");
	return send_tensor(job, t, name, &name,
	    (struct wire_bytes){ &part->kind, 1 });
}

uint32_t
sink_tensor(struct job *job, const struct tensor_out *t)
{
	const struct joined *j = &job->sink->joined;

	sink_between(job);
	if (t->own_name)
		return send_own_name(job, t);
	if (!sink_take_name(job, &t->path, t->where))
		return SINK_SKIPPED;
	return send_tensor(job, t, (struct wire_bytes){ j->text, j->len },
	    j->parts, (struct wire_bytes){ j->kinds, j->count });
}

void
sink_alias(struct job *job, const struct path *path, uint32_t target,
    uint64_t where)
{
	struct sink *s = job->sink;
	struct joined *j = &s->joined;
	struct wire_alias m = { .target = target };

	sink_between(job);
	if (target == SINK_SKIPPED) {
		sink_skip(job, path, VERDICT_CLEAN, where,
		    "the same as one that was left out");
		return;
	}
	if (target >= s->tensors)
		die(job, FAULT_INTERNAL, where, "an alias of no tensor");
	if (!sink_take_name(job, path, where))
		return;
	sink_spend_entry(job, &s->aliases, where);
	sink_spend_names(job, j->len, where);
	m.name = (struct wire_bytes){ j->text, j->len };
	s->piece_open = false;
	sink_send(job, FRAME_ALIAS, wire_alias_pack(&m, sink_payload(job)));
}

/* ------------------------------------------------------- plain values -- */

static struct wire_bytes
scalar_data(struct sink *s, const struct scalar_out *out)
{
	size_t length = out->len < SCALAR_BYTES_MAX ? (size_t)out->len :
	    SCALAR_BYTES_MAX;
	bool cut;

	if (out->kind == SCALAR_TEXT)
		return (struct wire_bytes){ s->scalar, utf8_repair(s->scalar,
		    sizeof(s->scalar), out->at, (size_t)out->len, &cut) };
	if (out->kind == SCALAR_BIGINT || out->kind == SCALAR_BYTES)
		return (struct wire_bytes){ out->at, length };
	return (struct wire_bytes){ NULL, 0 };
}

void
sink_scalar(struct job *job, const struct path *path,
    const struct scalar_out *out)
{
	struct sink *s = job->sink;
	struct wire_scalar m = {
		.kind = out->kind, .i = out->i, .f = out->f,
		.full_length = out->len
	};

	if ((job->flags & GO_SCALARS) == 0)
		return;
	sink_between(job);
	names_join(&s->joined, path, "value");
	if (s->joined.cut) {
		/* No tensor: nothing that a converted file lacks. */
		skip_joined(job, NOTE_RECORD, VERDICT_CLEAN, WIRE_NO_OFFSET,
		    TOO_LONG);
		return;
	}
	m.name = (struct wire_bytes){ s->joined.text, s->joined.len };
	m.data = scalar_data(s, out);
	sink_spend_names(job, m.name.len + m.data.len + SCALAR_COST,
	    WIRE_NO_OFFSET);
	sink_send(job, FRAME_SCALAR, wire_scalar_pack(&m, sink_payload(job)));
}
