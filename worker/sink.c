/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.c - see sink.h.  Frames are packed straight into one buffer in the
 * arena, which goes to job->write_out when it is full; tensor bytes follow
 * their frame's head without being copied.  Every limit is judged before the
 * first byte of what it limits is sent.  Trusts the parser's geometry only as
 * far as the broker, which checks all of it again; makes no system call.
 */
#include <string.h>

#include "sink_inside.h"

/* A write of 64 KiB costs little more than one of 4 KiB.  The first one goes
 * out at 4 KiB, the next at 8, ...: the broker starts early, and a small
 * checkpoint still takes one write. */
#define GATHER_FIRST (4 * KIB)
#define GATHER_MAX ((size_t)FRAME_MESSAGE_MAX)
/* After any flush that is due there is room for one more whole frame. */
#define BUFFER_BYTES (GATHER_MAX + FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX)
/* Shorter pieces of DATA are gathered, longer ones sent from where they are. */
#define GATHER_DATA (32 * KIB)
/* Inputs under this are dealt with before anyone could look. */
#define PROGRESS_MIN (16 * MIB)

static uint64_t
contiguous_limit(const struct job *job)
{
	uint64_t limit = job->limits.contiguous_bytes;

	if (limit != 0)
		return limit;
	if (__builtin_mul_overflow(job->size, 8, &limit) ||
	    __builtin_add_overflow(limit, GIB, &limit))
		return UINT64_MAX;
	return limit;
}

struct sink *
sink_new(struct job *job)
{
	struct sink *s = arena_alloc(&job->arena, 1, sizeof(*s));

	s->buffer = arena_alloc(&job->arena, BUFFER_BYTES, 1);
	s->gather = GATHER_FIRST;
	s->data_frame = NO_DATA_FRAME;
	s->verdict = VERDICT_CLEAN;
	s->contiguous_limit = contiguous_limit(job);
	if (job->shares > 1)
		s->shares = arena_alloc(&job->arena, 1, sizeof(*s->shares));
	return s;
}

/* -------------------------------------------------------------- frames -- */

void
sink_flush(struct job *job)
{
	struct sink *s = job->sink;

	if (s->used > 0)
		job->write_out(job->context, s->buffer, s->used);
	s->used = 0;
	s->data_frame = NO_DATA_FRAME;
}

/* Where the next payload goes; room for FRAME_MESSAGE_MAX. */
uint8_t *
sink_payload(struct job *job)
{
	struct sink *s = job->sink;

	if (s->used >= s->gather) {
		sink_flush(job);
		if (s->gather < GATHER_MAX)
			s->gather *= 2;
	}
	s->data_frame = NO_DATA_FRAME;
	return s->buffer + s->used + FRAME_HEAD_BYTES;
}

/* Completes the frame whose payload has been packed in place. */
void
sink_send(struct job *job, enum frame_type type, size_t length)
{
	struct sink *s = job->sink;

	if (length == 0)
		die(job, FAULT_INTERNAL, WIRE_NO_OFFSET,
		    "a message is too large to send");
	if (s->shares != NULL && !sink_share_says(job, type))
		return;
	frame_head_write(s->buffer + s->used, type, (uint32_t)length);
	s->used += FRAME_HEAD_BYTES + length;
}

/* Nothing may stand between a stream's announcement and its last byte. */
void
sink_between(struct job *job)
{
	if (job->sink->stream_left != 0)
		die(job, FAULT_INTERNAL, WIRE_NO_OFFSET,
		    "a storage was not sent to its end");
}

/* Adds to a running total, or dies when it would pass the limit. */
void
sink_spend(struct job *job, uint64_t *total, uint64_t amount, uint64_t limit,
    uint64_t where, const char *text)
{
	if (*total > limit || amount > limit - *total)
		die(job, FAULT_LIMIT, where, text);
	*total += amount;
}

void
sink_spend_names(struct job *job, uint64_t amount, uint64_t where)
{
	sink_spend(job, &job->sink->names_bytes, amount,
	    job->limits.names_bytes, where,
	    "names and texts are over the limit names_bytes");
}

void
sink_format(struct job *job, const char *name)
{
	struct wire_format f = {
		.name = { (const uint8_t *)name, strlen(name) }
	};

	if (job->sink->format_told)
		return;
	job->sink->format_told = true;
	sink_send(job, FRAME_FORMAT, wire_format_pack(&f, sink_payload(job)));
}

void
sink_format_if_fault(struct job *job, const char *name)
{
	job->sink->format_if_fault = name;
}

/* ------------------------------------------------------------ storages -- */

static uint32_t
storage(struct job *job, enum storage_kind kind, uint64_t offset,
    uint64_t length)
{
	struct sink *s = job->sink;
	struct wire_storage m = {
		.id = (uint32_t)s->storages, .kind = kind, .length = length,
		.offset = job_where(job, offset)
	};

	sink_between(job);
	/* A storage that no tensor views is not worth a number. */
	if (s->storages >= UINT32_MAX)
		die(job, FAULT_LIMIT, offset, "too many storages");
	sink_spend(job, &s->storages, 1, job->limits.tensors, offset,
	    "storages are over the limit tensors");
	if (kind != STORAGE_EXTENT) {
		sink_spend(job, &s->streamed_bytes, length,
		    job->limits.streamed_bytes, offset,
		    "bytes to send are over the limit streamed_bytes");
		m.offset = WIRE_NO_OFFSET;
	}
	sink_send(job, FRAME_STORAGE, wire_storage_pack(&m, sink_payload(job)));
	return m.id;
}

/* One whose bytes are made; the limit is on those of all workers. */
static uint32_t
stream(struct job *job, uint64_t where, uint64_t length, bool mine)
{
	uint32_t id = storage(job, mine ? STORAGE_STREAM : STORAGE_ELSEWHERE,
	    where, length);

	job->sink->mute = !mine;
	job->sink->stream_left = length;
	return id;
}

uint32_t
sink_extent(struct job *job, uint64_t offset, uint64_t length)
{
	uint32_t id;

	if (offset > job->size || length > job->size - offset)
		die(job, FAULT_INTERNAL, offset,
		    "an extent outside of the input");
	if ((job->flags & GO_DELIVER_STREAM) == 0 &&
	    (job->window.depth == 0 || job->window.in_file))
		return storage(job, STORAGE_EXTENT, offset, length);
	id = stream(job, offset, length, sink_share_is_mine(job, 0));
	if (length > 0)
		sink_data(job, job->map + offset, (size_t)length);
	return id;
}

uint32_t
sink_stream(struct job *job, uint64_t length)
{
	return stream(job, WIRE_NO_OFFSET, length, sink_share_is_mine(job, 0));
}

uint32_t
sink_stream_packed(struct job *job, uint64_t length, uint64_t packed,
    bool *mine)
{
	uint32_t id;

	*mine = sink_share_is_mine(job, packed);
	id = stream(job, WIRE_NO_OFFSET, length, *mine);
	if (*mine)
		return id;
	job->sink->stream_left = 0;
	/* The broker starts the others when it hears of this. */
	if (job->share == 0)
		sink_flush(job);
	return id;
}

/* A short piece: into the buffer, into the DATA frame at its end if that is
 * still open. */
static void
gather_data(struct job *job, const uint8_t *bytes, size_t length)
{
	struct sink *s = job->sink;
	uint8_t *head;
	uint32_t before = 0;

	if (s->data_frame == NO_DATA_FRAME || s->used >= s->gather) {
		memcpy(sink_payload(job), bytes, length);
		s->data_frame = s->used;
		s->used += FRAME_HEAD_BYTES;
	} else {
		before = (uint32_t)(s->used - s->data_frame -
		    FRAME_HEAD_BYTES);
		memcpy(s->buffer + s->used, bytes, length);
	}
	head = s->buffer + s->data_frame;
	frame_head_write(head, FRAME_DATA, before + (uint32_t)length);
	s->used += length;
}

void
sink_data(struct job *job, const void *bytes, size_t length)
{
	struct sink *s = job->sink;
	const uint8_t *at = bytes;
	size_t piece;

	if (length > s->stream_left)
		die(job, FAULT_INTERNAL, WIRE_NO_OFFSET,
		    "more bytes than the storage has");
	s->stream_left -= length;
	if (s->mute)
		return;
	for (; length > 0; at += piece, length -= piece) {
		piece = length < FRAME_DATA_MAX ? length : FRAME_DATA_MAX;
		if (piece <= GATHER_DATA) {
			gather_data(job, at, piece);
			continue;
		}
		(void)sink_payload(job);
		frame_head_write(s->buffer + s->used, FRAME_DATA,
		    (uint32_t)piece);
		s->used += FRAME_HEAD_BYTES;
		sink_flush(job);
		job->write_out(job->context, at, piece);
	}
}

/* -------------------------------------------------- progress and ends -- */

void
sink_progress(struct job *job, uint64_t done, uint64_t total)
{
	struct sink *s = job->sink;
	struct wire_progress m = { .done = done, .total = total };

	if (total < PROGRESS_MIN || s->stream_left != 0 ||
	    job->window.depth != 0)
		return;
	if (total != s->progress_total) {
		s->progress_total = total;
		s->progress_next = 0;
	}
	if (done > total || done < s->progress_next)
		return;
	s->progress_next = done + total / 100;
	/* Not flushed: it goes with the bytes whose progress it is.  A write of
	 * its own would wake the broker 100 times for extents, which cost
	 * nothing. */
	sink_send(job, FRAME_PROGRESS,
	    wire_progress_pack(&m, sink_payload(job)));
}

void
sink_done(struct job *job)
{
	struct sink *s = job->sink;
	struct wire_done m = {
		.storages = s->storages, .verdict = s->verdict
	};

	sink_between(job);
	/* Of what this worker said; see sink_share_says. */
	if (job->share == 0) {
		m.tensors = s->tensors;
		m.aliases = s->aliases;
		m.notes = s->notes;
		m.notes_dropped = s->notes_dropped;
		m.pieces = s->pieces;
	}
	sink_send(job, FRAME_DONE, wire_done_pack(&m, sink_payload(job)));
	sink_flush(job);
}

/* Works without a sink too: the arena may have been too small for one. */
void
sink_fault(struct job *job)
{
	uint8_t frame[FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX]
	    __attribute__((uninitialized));
	uint8_t text[FAULT_TEXT_MAX];
	struct wire_fault m = {
		.code = job->fault.code, .where = job->fault.where,
		.verdict = VERDICT_UNDECIDED
	};
	size_t length;
	bool cut;

	m.text.at = text;
	m.text.len = names_clean(text, sizeof(text), job->fault.text,
	    strnlen(job->fault.text, FAULT_TEXT_MAX), &cut);
	if (job->sink != NULL) {
		if (job->sink->format_if_fault != NULL)
			sink_format(job, job->sink->format_if_fault);
		sink_flush(job);
		if (sink_verdict(job) == VERDICT_DANGEROUS)
			m.verdict = VERDICT_DANGEROUS;
	}
	length = wire_fault_pack(&m, frame + FRAME_HEAD_BYTES);
	frame_head_write(frame, FRAME_FAULT, (uint32_t)length);
	job->write_out(job->context, frame, FRAME_HEAD_BYTES + length);
}
