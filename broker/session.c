/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - what the worker may say, and when.  The table `turns` is the
 * protocol: a frame that is not listed for the present state ends the session as
 * PFORK_E_PROTOCOL.  A handler unpacks, lets check.c judge, and only then builds.
 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "error.h"

/* Two of the largest messages, so that a read is never short of room while one
 * frame is incomplete.  DATA goes straight to its storage. */
#define BUFFER_BYTES (2 * (size_t)(FRAME_MESSAGE_MAX + FRAME_HEAD_BYTES))
/* This much data is progress; a byte now and then is not. */
#define DATA_STEP (UINT64_C(64) * 1024)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

typedef bool handler(struct session *s, const uint8_t *at, size_t length);

static handler on_hello, on_format, on_storage, on_tensor, on_alias, on_note,
    on_scalar, on_progress, on_done, on_fault;

static const struct turn {
	enum session_state state;
	enum frame_type type;
	handler *handle;
} turns[] = {
	{ WAIT_HELLO, FRAME_HELLO, on_hello },		/* once */
	{ WAIT_FORMAT, FRAME_FORMAT, on_format },	/* first, once */
	{ WAIT_FORMAT, FRAME_NOTE, on_note },		/* of no format */
	{ WAIT_FORMAT, FRAME_PROGRESS, on_progress },
	{ WAIT_FORMAT, FRAME_FAULT, on_fault },
	{ LISTENING, FRAME_STORAGE, on_storage },
	{ LISTENING, FRAME_TENSOR, on_tensor },
	{ LISTENING, FRAME_ALIAS, on_alias },
	{ LISTENING, FRAME_NOTE, on_note },
	{ LISTENING, FRAME_SCALAR, on_scalar },
	{ LISTENING, FRAME_PROGRESS, on_progress },
	{ LISTENING, FRAME_DONE, on_done },		/* last */
	{ LISTENING, FRAME_FAULT, on_fault },		/* last */
	{ RECEIVING, FRAME_FAULT, on_fault },		/* a bad stream */
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

/* ---------------------------------------------------------------- ends -- */

static bool
ended(struct session *s)
{
	s->state = ENDED;
	return false;
}

static bool
no_memory(struct session *s)
{
	error_set(&s->error, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
	    "no memory for what the file holds");
	return ended(s);
}

/* The frame is not a message of its type. */
static bool
malformed(struct session *s, enum frame_type type)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: malformed %s %s",
	    frame_type_name(type), state_names[s->state]);
	return ended(s);
}

static bool
judged(struct session *s, enum frame_type type, struct finding f)
{
	if (f.code == PFORK_OK)
		return true;
	if (f.code == PFORK_E_PROTOCOL)
		error_set(&s->error, f.code, 0, PFORK_NO_OFFSET,
		    "the worker broke the protocol: %s: %s",
		    frame_type_name(type), f.text);
	else
		error_set(&s->error, f.code, 0, PFORK_NO_OFFSET, "%s", f.text);
	return ended(s);
}

static bool
built(struct session *s, struct wire_bytes name, enum build how)
{
	if (how == BUILD_OK)
		return true;
	if (how == BUILD_NO_MEMORY)
		return no_memory(s);
	error_about(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: a name was given twice", name.at,
	    name.len);
	return ended(s);
}

/* ------------------------------------------------------------ messages -- */

/* Why a required layer is missing, when Hello says so. */
static bool
refuse_layers(struct session *s)
{
	uint64_t lacking = s->rules.required_layers & ~s->layers;
	unsigned bit = (unsigned)__builtin_ctzll(lacking);
	const char *name = pfork_layer_name(UINT64_C(1) << bit);

	error_set(&s->error, PFORK_E_SANDBOX, s->reasons[bit], PFORK_NO_OFFSET,
	    "a required layer of the jail cannot be had here: %s%s%s; "
	    "nothing was parsed; see `picklefork doctor`",
	    name != NULL ? name : "(unknown)",
	    s->reasons[bit] != 0 ? ": " : "",
	    s->reasons[bit] != 0 ? error_errno(s->reasons[bit]) : "");
	return ended(s);
}

static bool
on_hello(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_hello m;
	struct finding f;

	if (!wire_hello_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_HELLO);
	f = check_hello(&s->rules, &m);
	if (f.code == PFORK_E_PROTOCOL || m.version != WIRE_VERSION)
		return judged(s, FRAME_HELLO, f);
	s->layers = check_layer_bits(m.layers, m.layer_count);
	s->missing = check_layer_bits(m.missing, m.missing_count);
	for (size_t i = 0; i < m.missing_count; i++)
		s->reasons[m.missing[i]] = m.reasons[i] <= INT16_MAX
		    ? (int)m.reasons[i] : 0;
	if (f.code != PFORK_OK)
		return refuse_layers(s);
	s->state = WAIT_GO;
	return true;
}

static bool
on_format(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_format m;

	if (!wire_format_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_FORMAT);
	if (!judged(s, FRAME_FORMAT, check_format(&m)))
		return false;
	memcpy(s->ckpt->format, m.name.at, m.name.len);
	s->ckpt->format[m.name.len] = '\0';
	s->state = LISTENING;
	return true;
}

static bool
on_storage(struct session *s, const uint8_t *at, size_t length)
{
	static const struct wire_bytes none = { NULL, 0 };
	struct wire_storage m;

	if (!wire_storage_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_STORAGE);
	if (!judged(s, FRAME_STORAGE,
	    check_storage(&s->rules, &s->totals, &m)) ||
	    !built(s, none, build_storage(s->ckpt, &m)))
		return false;
	if (m.kind == STORAGE_STREAM && m.length > 0)
		s->state = RECEIVING;
	return true;
}

static bool
on_tensor(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_tensor m;
	struct geometry g;

	if (!wire_tensor_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_TENSOR);
	if (!judged(s, FRAME_TENSOR, check_tensor(&s->rules, &s->totals,
	    s->ckpt->storages, &m, &g)))
		return false;
	return built(s, m.name, build_tensor(s->ckpt, &m, &g));
}

static bool
on_alias(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_alias m;

	if (!wire_alias_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_ALIAS);
	if (!judged(s, FRAME_ALIAS,
	    check_alias(&s->rules, &s->totals, &m)) ||
	    !built(s, m.name, build_alias(s->ckpt, &m)))
		return false;
	if (s->ckpt->note_count >= s->rules.limits.notes) {
		s->ckpt->notes_dropped++;
		return true;
	}
	return built(s, m.name, build_alias_note(s->ckpt));
}

static bool
on_note(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_note m;

	if (!wire_note_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_NOTE);
	if (!judged(s, FRAME_NOTE, check_note(&s->rules, &s->totals, &m)))
		return false;
	m.where = check_where(&s->rules, m.where);
	return built(s, m.text, build_note(s->ckpt, &m));
}

static bool
on_scalar(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_scalar m;

	if (!wire_scalar_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_SCALAR);
	if (!judged(s, FRAME_SCALAR,
	    check_scalar(&s->rules, &s->totals, &m)))
		return false;
	return built(s, m.name, build_scalar(s->ckpt, &m));
}

static bool
on_progress(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_progress m;

	if (!wire_progress_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_PROGRESS);
	if (!judged(s, FRAME_PROGRESS, check_progress(&m)))
		return false;
	s->progress_done = m.done;
	s->progress_total = m.total;
	return true;
}

static bool
on_done(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_done m;

	if (!wire_done_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_DONE);
	if (!judged(s, FRAME_DONE, check_done(&s->rules, &s->totals, &m)))
		return false;
	s->ckpt->verdict = (enum pfork_verdict)m.verdict;
	s->ckpt->notes_dropped += m.notes_dropped;
	s->state = SAID_DONE;
	return true;
}

static enum pfork_code
fault_code(uint32_t code)
{
	switch ((enum fault_code)code) {
	case FAULT_FORMAT:
		return PFORK_E_FORMAT;
	case FAULT_UNSUPPORTED:
		return PFORK_E_UNSUPPORTED;
	case FAULT_LIMIT:
		return PFORK_E_LIMIT;
	case FAULT_INPUT:
		return PFORK_E_SYSTEM;
	case FAULT_INTERNAL:
		break;
	}
	return PFORK_E_WORKER;
}

static bool
on_fault(struct session *s, const uint8_t *at, size_t length)
{
	struct wire_fault m;

	if (!wire_fault_unpack(&s->arena, at, length, &m))
		return malformed(s, FRAME_FAULT);
	if (!judged(s, FRAME_FAULT, check_fault(&m)))
		return false;
	error_foreign(&s->error, fault_code(m.code),
	    m.code == FAULT_INPUT ? EIO : 0, check_where(&s->rules, m.where),
	    m.text.at, m.text.len);
	s->ckpt->verdict = (enum pfork_verdict)m.verdict;
	s->state = SAID_FAULT;
	return true;
}

/* -------------------------------------------------------------- frames -- */

static bool
unexpected(struct session *s, enum frame_type type)
{
	error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
	    "the worker broke the protocol: %s %s", frame_type_name(type),
	    state_names[s->state]);
	return ended(s);
}

static bool
dispatch(struct session *s, enum frame_type type, const uint8_t *at,
    size_t length)
{
	for (size_t i = 0; i < COUNT(turns); i++)
		if (turns[i].state == s->state && turns[i].type == type)
			return turns[i].handle(s, at, length);
	return unexpected(s, type);
}

/* Is there any frame of this type to come in this state?  Asked before waiting
 * for a payload. */
static bool
is_expected(const struct session *s, enum frame_type type)
{
	if (type == FRAME_DATA)
		return s->state == RECEIVING;
	for (size_t i = 0; i < COUNT(turns); i++)
		if (turns[i].state == s->state && turns[i].type == type)
			return true;
	return false;
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

	if (length > storage->length - storage->received) {
		error_set(&s->error, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
		    "the worker broke the protocol: DATA: more bytes than the "
		    "storage was to have");
		return ended(s);
	}
	s->data_left = length;
	return true;
}

/* `length` more bytes are in the storage. */
static void
data_came(struct session *s, size_t length)
{
	struct storage *storage = open_storage(s);

	storage->received += length;
	s->data_left -= (uint32_t)length;
	s->data_step += length;
	if (s->data_step >= DATA_STEP) {
		s->data_step = 0;
		s->steps++;
	}
	if (storage->received == storage->length)
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
	memcpy(storage->bytes + storage->received, s->buffer + s->begin,
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
	return ended(s);
}

/* One frame from the buffer.  *more: there may be another. */
static bool
take_frame(struct session *s, bool *more)
{
	struct frame_head head;
	const uint8_t *at = s->buffer + s->begin;
	size_t have = s->end - s->begin;

	*more = false;
	if (have < FRAME_HEAD_BYTES)
		return true;
	if (!frame_head_read(at, &head))
		return bad_head(s);
	if (!is_expected(s, head.type))
		return unexpected(s, head.type);
	if (head.type == FRAME_DATA) {
		s->begin += FRAME_HEAD_BYTES;
		*more = true;
		return data_begins(s, head.length);
	}
	if (have - FRAME_HEAD_BYTES < head.length)
		return true;
	s->begin += FRAME_HEAD_BYTES + head.length;
	*more = true;
	s->steps++;
	return dispatch(s, head.type, at + FRAME_HEAD_BYTES, head.length);
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
	return ended(s);
}

/* ---------------------------------------------------------- the outside -- */

bool
session_init(struct session *s, const struct rules *rules,
    pfork_checkpoint *ckpt)
{
	memset(s, 0, sizeof(*s));
	s->rules = *rules;
	s->ckpt = ckpt;
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
		return storage->bytes + storage->received;
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
		return ended(s);
	error_set(&s->error, PFORK_E_WORKER, 0, PFORK_NO_OFFSET,
	    "the worker left without an answer %s", state_names[s->state]);
	return ended(s);
}
