/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - what the worker may say, and when.  The table `turns` is the
 * protocol: a frame that is not listed for the present state ends the session
 * as PFORK_E_PROTOCOL.  The handlers are in session_turns.c.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "session_inside.h"

/* Two of the largest messages, so that a read is never short of room while one
 * frame is incomplete.  DATA goes straight to its storage. */
#define BUFFER_BYTES (2 * (size_t)(FRAME_MESSAGE_MAX + FRAME_HEAD_BYTES))
/* This much data is progress; a byte now and then is not. */
#define DATA_STEP (UINT64_C(64) * 1024)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct turn {
	enum session_state state;
	enum frame_type type;
	session_handler *handle;
	bool first;		/* of share 0 alone: others send only bytes */
} turns[] = {
	{ WAIT_HELLO, FRAME_HELLO, session_on_hello, false }, /* once */
	{ WAIT_FORMAT, FRAME_FORMAT, session_on_format, false }, /* once */
	{ WAIT_FORMAT, FRAME_NOTE, session_on_note, true }, /* of no format */
	{ WAIT_FORMAT, FRAME_PROGRESS, session_on_progress, false },
	{ WAIT_FORMAT, FRAME_FAULT, session_on_fault, false },
	{ LISTENING, FRAME_STORAGE, session_on_storage, false },
	{ LISTENING, FRAME_TENSOR, session_on_tensor, true },
	{ LISTENING, FRAME_PIECE, session_on_piece, true }, /* if asked for */
	{ LISTENING, FRAME_ALIAS, session_on_alias, true },
	{ LISTENING, FRAME_NOTE, session_on_note, true },
	{ LISTENING, FRAME_SCALAR, session_on_scalar, true },
	{ LISTENING, FRAME_PROGRESS, session_on_progress, false },
	{ LISTENING, FRAME_DONE, session_on_done, false }, /* last */
	{ LISTENING, FRAME_FAULT, session_on_fault, false }, /* last */
	{ RECEIVING, FRAME_FAULT, session_on_fault, false }, /* a bad stream */
	/* RECEIVING takes DATA: see data_begins. */
};

static const char *const state_names[] = {
	[WAIT_HELLO] = "before its Hello",
	[WAIT_GO] = "before Go",
	[WAIT_FORMAT] = "before the format",
	[LISTENING] = "while listing",
	[RECEIVING] = "inside a stream",
	[SAID_DONE] = "after Done",
	[SAID_FAULT] = "after its Fault",
	[ENDED] = "after the end",
};

const char *
session_state_name(enum session_state state)
{
	return state_names[state];
}

bool
session_ended(struct session *s)
{
	s->state = ENDED;
	return false;
}

/* -------------------------------------------------------------- frames -- */

static bool
unexpected(struct session *s, enum frame_type type)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: %s %s", frame_type_name(type),
	    state_names[s->state]);
	return session_ended(s);
}

/* Who takes a frame of this type in this state?  Asked before waiting for a
 * payload.  NULL: nobody does. */
static const struct turn *
turn_of(const struct session *s, enum frame_type type)
{
	for (size_t i = 0; i < COUNT(turns); i++)
		if (turns[i].state == s->state && turns[i].type == type &&
		    (s->rules.share == 0 || !turns[i].first))
			return &turns[i];
	return NULL;
}

static struct storage *
open_storage(struct session *s)
{
	return &s->ckpt->storages[s->ckpt->storage_count - 1];
}

/* The head of a DATA frame: it must fit what was announced. */
static bool
data_begins(struct session *s, uint32_t length)
{
	struct storage *storage = open_storage(s);

	if (length > storage->length - s->received) {
		error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
		    "the worker broke the protocol: DATA: more bytes than the "
		    "storage was to have");
		return session_ended(s);
	}
	s->data_left = length;
	return true;
}

/* `length` more bytes are in the storage. */
static void
data_came(struct session *s, size_t length)
{
	struct storage *storage = open_storage(s);

	s->received += length;
	s->data_left -= (uint32_t)length;
	s->data_step += length;
	if (s->data_step >= DATA_STEP) {
		s->data_step = 0;
		s->steps++;
	}
	if (s->received == storage->length)
		s->state = LISTENING;
}

/* What of a DATA frame came into the buffer along with other frames. */
static void
data_from_buffer(struct session *s)
{
	struct storage *storage = open_storage(s);
	size_t length = s->end - s->begin;

	if (length > s->data_left)
		length = s->data_left;
	memcpy(storage->bytes + s->received, s->buffer + s->begin,
	    length);
	s->begin += length;
	data_came(s, length);
}

static bool
bad_head(struct session *s)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: bad frame head %s",
	    state_names[s->state]);
	return session_ended(s);
}

/* One frame from the buffer.  *more: there may be another. */
static bool
take_frame(struct session *s, bool *more)
{
	struct frame_head head;
	const struct turn *turn;
	const uint8_t *at = s->buffer + s->begin;
	size_t have = s->end - s->begin;

	*more = false;
	if (have < FRAME_HEAD_BYTES)
		return true;
	if (!frame_head_read(at, &head))
		return bad_head(s);
	turn = turn_of(s, head.type);
	if (turn == NULL &&
	    (head.type != FRAME_DATA || s->state != RECEIVING))
		return unexpected(s, head.type);
	if (turn == NULL) {
		s->begin += FRAME_HEAD_BYTES;
		*more = true;
		return data_begins(s, head.length);
	}
	if (have - FRAME_HEAD_BYTES < head.length)
		return true;
	s->begin += FRAME_HEAD_BYTES + head.length;
	*more = true;
	s->steps++;
	return turn->handle(s, at + FRAME_HEAD_BYTES, head.length);
}

/* A single byte is too much in these states: waiting for the rest of a frame
 * would let it pass at the end of the stream. */
static bool
must_be_silent(const struct session *s)
{
	return s->state == WAIT_GO || s->state == SAID_DONE ||
	    s->state == SAID_FAULT;
}

static bool
spoke_out_of_turn(struct session *s)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: it spoke %s",
	    state_names[s->state]);
	return session_ended(s);
}

/* ---------------------------------------------------------- the outside -- */

bool
session_init(struct session *s, const struct rules *rules,
    pfork_checkpoint *ckpt)
{
	memset(s, 0, sizeof(*s));
	s->rules = *rules;
	s->ckpt = ckpt;
	s->held = &s->held_alone;
	s->buffer = malloc(BUFFER_BYTES);
	s->arena.size = WIRE_ARENA_BYTES;
	s->arena.at = malloc(WIRE_ARENA_BYTES);
	return s->buffer != NULL && s->arena.at != NULL;
}

void
session_free(struct session *s)
{
	free(s->buffer);
	free(s->arena.at);
	s->buffer = NULL;
	s->arena.at = NULL;
}

void *
session_want(struct session *s, size_t *room)
{
	struct storage *storage;

	*room = 0;
	if (s->state == ENDED)
		return NULL;
	if (s->data_left > 0) {
		storage = open_storage(s);
		*room = s->data_left;
		return storage->bytes + s->received;
	}
	if (s->begin > 0) {
		memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	*room = BUFFER_BYTES - s->end;
	return s->buffer + s->end;
}

bool
session_got(struct session *s, size_t length)
{
	bool more = true;

	if (s->state == ENDED)
		return false;
	if (s->data_left > 0) {
		data_came(s, length);
		return true;
	}
	s->end += length;
	while (more && s->begin < s->end) {
		if (s->data_left > 0)
			data_from_buffer(s);
		else if (!take_frame(s, &more))
			return false;
		if (must_be_silent(s) && s->begin < s->end)
			return spoke_out_of_turn(s);
	}
	return true;
}

void
session_go(struct session *s)
{
	if (s->state == WAIT_GO)
		s->state = WAIT_FORMAT;
}

bool
session_eof(struct session *s)
{
	if (s->state == SAID_DONE)
		return true;
	if (s->state == ENDED || s->state == SAID_FAULT)
		return session_ended(s);
	error_set(&s->error, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
	    "the worker left without an answer %s", state_names[s->state]);
	return session_ended(s);
}
