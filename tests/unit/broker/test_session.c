/* SPDX-License-Identifier: Apache-2.0
 *
 * test_session.c - the table of turns: a whole talk in pieces of every size,
 * every frame type in every state, and the end of the stream in each.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "build.h"
#include "session.h"

#define B(text) { (const uint8_t *)(text), sizeof(text) - 1 }
/* Large enough to be mapped, and to come in several DATA frames. */
#define STREAM_BYTES ((size_t)5 << 20)

static const struct rules rules = {
	.limits = { .tensors = 100, .streamed_bytes = 64 << 20, .notes = 2,
	    .names_bytes = 1 << 20, .contiguous_bytes = 1 << 30 },
	.required_layers = PFORK_LAYERS_REQUIRED,
	.input_size = 1000,
	.scalars = true,
};

/* ------------------------------------------------------------- the talk -- */

struct talk {
	uint8_t *bytes;
	size_t length;
	size_t go;		/* where Go belongs */
	size_t last;		/* where the last word begins */
};

static struct talk talk;

static void
add_frame(enum frame_type type, const void *payload, size_t length)
{
	talk.bytes = realloc(talk.bytes,
	    talk.length + FRAME_HEAD_BYTES + length);
	assert_non_null(talk.bytes);
	frame_head_write(talk.bytes + talk.length, type, (uint32_t)length);
	if (length > 0)
		memcpy(talk.bytes + talk.length + FRAME_HEAD_BYTES, payload,
		    length);
	talk.length += FRAME_HEAD_BYTES + length;
}

#define ADD(TYPE, type, ...)                                               \
	do {                                                               \
		static uint8_t out[FRAME_MESSAGE_MAX];                     \
		struct wire_##type message = { __VA_ARGS__ };              \
		size_t size = wire_##type##_pack(&message, out);           \
		assert_true(size > 0);                                     \
		add_frame(FRAME_##TYPE, out, size);                        \
	} while (0)

static const uint32_t layers[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const uint32_t missing[] = { 8 };
static const uint32_t reasons[] = { 13 };
static const uint64_t shape[] = { 4 };
static const uint64_t strides[] = { 1 };

static void
add_hello(void)
{
	ADD(HELLO, hello, .version = WIRE_VERSION, .layers = layers,
	    .layer_count = 8, .missing = missing, .missing_count = 1,
	    .reasons = reasons, .reason_count = 1);
}

static void
add_tensor(const char *name, uint32_t storage)
{
	static struct wire_bytes path[2] = { B("k"), B("7") };

	ADD(TENSOR, tensor, .name = { (const uint8_t *)name, strlen(name) },
	    .path = path, .path_count = 2, .path_kinds = B("\1\3"),
	    .dtype = DTYPE_F32, .shape = shape, .rank = 1, .strides = strides,
	    .stride_count = 1, .storage = storage);
}

static void
add_data(size_t length)
{
	static uint8_t bytes[FRAME_DATA_MAX];

	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)(i * 7);
	add_frame(FRAME_DATA, bytes, length);
}

static void
add_done(uint64_t tensors)
{
	ADD(DONE, done, .tensors = tensors, .aliases = 2, .storages = 4,
	    .notes = 1, .verdict = VERDICT_UNUSUAL);
}

/* Everything that may be said, up to the last word. */
static int
make_talk(void **state)
{
	(void)state;
	add_hello();
	talk.go = talk.length;
	ADD(PROGRESS, progress, 1, 4);
	ADD(FORMAT, format, B("test-1"));
	ADD(STORAGE, storage, 0, STORAGE_EXTENT, 16, 100);
	add_tensor("a", 0);
	ADD(STORAGE, storage, 1, STORAGE_STREAM, STREAM_BYTES, WIRE_NO_OFFSET);
	for (size_t i = 0; i < STREAM_BYTES / FRAME_DATA_MAX; i++)
		add_data(FRAME_DATA_MAX);
	add_tensor("b", 1);
	ADD(STORAGE, storage, 2, STORAGE_STREAM, 20, WIRE_NO_OFFSET);
	add_data(1);
	add_data(19);
	add_tensor("c", 2);
	ADD(STORAGE, storage, 3, STORAGE_STREAM, 0, WIRE_NO_OFFSET);
	ADD(ALIAS, alias, B("d"), 2);
	ADD(NOTE, note, NOTE_GLOBAL, VERDICT_UNUSUAL, B("x.y"), 5000);
	ADD(ALIAS, alias, B("e"), 0);
	ADD(SCALAR, scalar, B("s"), SCALAR_INT, -5, 9.0, B(""), 0);
	ADD(SCALAR, scalar, B("f"), SCALAR_FLOAT, 3, 2.5, B(""), 0);
	ADD(SCALAR, scalar, B("t"), SCALAR_TEXT, 0, 0, B("text"), 9);
	talk.last = talk.length;
	add_done(3);
	return 0;
}

static int
free_talk(void **state)
{
	(void)state;
	free(talk.bytes);
	memset(&talk, 0, sizeof(talk));
	return 0;
}

/* --------------------------------------------------------------- driving -- */

static pfork_checkpoint *
start(struct session *s, const struct rules *r)
{
	pfork_checkpoint *c = checkpoint_new();

	assert_non_null(c);
	assert_true(session_init(s, r, c));
	return c;
}

static void
finish(struct session *s, pfork_checkpoint *c)
{
	session_free(s);
	pfork_checkpoint_unref(c);
}

/* It has ended as a breach, which is no system error and at no offset. */
static void
broke(const struct session *s)
{
	assert_int_equal(s->error.code, PFORK_E_PROTOCOL);
	assert_int_equal(s->error.errnum, 0);
	assert_int_equal(s->error.offset, PFORK_NO_OFFSET);
	assert_non_null(strstr(s->error.text,
	    "the worker broke the protocol: "));
	assert_int_equal(s->state, ENDED);
}

/* The place for the next bytes ends where its memory does: the buffer of two of
 * the largest messages, or the storage that is received. */
static void
fits(const struct session *s, const uint8_t *at, size_t room)
{
	const struct storage *newest;

	assert_true(room > 0);
	if (s->data_left == 0) {
		assert_ptr_equal(at + room, s->buffer +
		    2 * (FRAME_MESSAGE_MAX + FRAME_HEAD_BYTES));
		return;
	}
	newest = &s->ckpt->storages[s->ckpt->storage_count - 1];
	assert_ptr_equal(at, newest->bytes + s->received);
	assert_int_equal(room, s->data_left);
	assert_true(room <= newest->length - s->received);
}

/* False: the session ended. */
static bool
feed(struct session *s, const uint8_t *bytes, size_t length, size_t piece)
{
	size_t room;
	size_t n;
	void *at;

	for (size_t done = 0; done < length; done += n) {
		at = session_want(s, &room);
		if (at == NULL)
			return false;
		fits(s, at, room);
		n = length - done;
		n = n < room ? n : room;
		n = n < piece ? n : piece;
		memcpy(at, bytes + done, n);
		if (!session_got(s, n))
			return false;
	}
	return true;
}

static void
check_result(const pfork_checkpoint *c)
{
	const struct storage *stream = &c->storages[1];
	enum pfork_path_kind kind;

	assert_string_equal(c->format, "test-1");
	assert_int_equal(c->verdict, PFORK_UNUSUAL);
	assert_int_equal(c->tensor_count, 3);
	assert_int_equal(c->storage_count, 4);
	assert_int_equal(c->alias_count, 2);
	assert_int_equal(c->scalar_count, 3);
	/* The second alias' note was over the limit of two. */
	assert_int_equal(c->note_count, 2);
	assert_int_equal(c->notes_dropped, 1);
	assert_string_equal(c->notes[0].text, "d is the tensor c");
	assert_string_equal(c->notes[1].text, "x.y");
	assert_int_equal(c->notes[1].where, PFORK_NO_OFFSET);
	assert_int_equal(name_table_find(&c->names, "d"), 2);
	assert_int_equal(name_table_find(&c->names, "b"), 1);
	assert_string_equal(c->tensors[2].name, "c");
	assert_int_equal(c->tensors[2].path_length, 2);
	assert_string_equal(pfork_tensor_path(&c->tensors[2], 1, &kind, NULL),
	    "7");
	assert_int_equal(kind, PFORK_PATH_INDEX);
	assert_int_equal(c->tensors[0].shape[0], 4);
	assert_int_equal(tensor_strides(&c->tensors[0])[0], 1);
	assert_ptr_equal(c->tensors[0].owner, c);
	assert_false(c->storages[0].streamed);
	assert_int_equal(c->storages[0].offset, 100);
	assert_int_equal(stream->length, STREAM_BYTES);
	for (size_t i = 0; i < STREAM_BYTES; i += 4093)
		assert_int_equal(stream->bytes[i],
		    (uint8_t)((i % FRAME_DATA_MAX) * 7));
	assert_int_equal(c->storages[2].bytes[1], 0);
	assert_int_equal(c->storages[2].bytes[19], 18 * 7);
	assert_null(c->storages[3].bytes);
	assert_int_equal(c->scalars[0].i, -5);
	assert_true(c->scalars[0].f == 0);
	assert_int_equal(c->scalars[1].i, 0);
	assert_true(c->scalars[1].f == 2.5);
	assert_memory_equal(c->scalars[2].bytes, "text", 4);
}

static void
test_whole(void **state)
{
	static const size_t pieces[] = { SIZE_MAX, 1, 2, 3, 5, 7, 4096, 65536,
		100003 };
	struct session s;
	pfork_checkpoint *c;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		c = start(&s, &rules);
		assert_true(feed(&s, talk.bytes, talk.go, pieces[i]));
		assert_int_equal(s.state, WAIT_GO);
		assert_int_equal(s.layers, 0xff);
		assert_int_equal(s.missing, 0x100);
		assert_int_equal(s.reasons[8], 13);
		session_go(&s);
		assert_true(feed(&s, talk.bytes + talk.go,
		    talk.length - talk.go, pieces[i]));
		assert_int_equal(s.state, SAID_DONE);
		assert_int_equal(s.progress_done, 1);
		assert_int_equal(s.progress_total, 4);
		assert_true(session_eof(&s));
		check_result(c);
		finish(&s, c);
	}
}

/* Cut anywhere, it is no success; and it names the state. */
static void
test_cut(void **state)
{
	struct session s;
	pfork_checkpoint *c;

	(void)state;
	for (size_t length = 0; length < talk.length; length++) {
		/* Not at each of the five million bytes. */
		if (length == 2000)
			length = talk.length - 1000;
		c = start(&s, &rules);
		assert_true(feed(&s, talk.bytes,
		    length < talk.go ? length : talk.go, SIZE_MAX));
		session_go(&s);
		if (length > talk.go)
			assert_true(feed(&s, talk.bytes + talk.go,
			    length - talk.go, SIZE_MAX));
		assert_false(session_eof(&s));
		assert_int_equal(s.error.code, PFORK_E_WORKER);
		assert_int_equal(s.error.errnum, 0);
		assert_int_equal(s.state, ENDED);
		assert_false(session_eof(&s));
		finish(&s, c);
	}
}

/* The progress that a deadline counts. */
static void
test_steps(void **state)
{
	struct session s;
	pfork_checkpoint *c = start(&s, &rules);
	uint64_t steps;

	(void)state;
	assert_true(feed(&s, talk.bytes, talk.go - 1, 1));
	assert_int_equal(s.steps, 0);
	assert_true(feed(&s, talk.bytes + talk.go - 1, 1, 1));
	assert_int_equal(s.steps, 1);
	session_go(&s);
	free_talk(NULL);
	ADD(FORMAT, format, B("x"));
	ADD(STORAGE, storage, 0, STORAGE_STREAM, 200000, WIRE_NO_OFFSET);
	assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	steps = s.steps;
	free_talk(NULL);
	for (int i = 0; i < 1000; i++)
		add_data(1);
	assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.steps, steps);
	/* 64 KiB but for a byte; that one; and so again. */
	for (int again = 0; again < 2; again++) {
		free_talk(NULL);
		add_data(again ? 65535 : 65535 - 1000);
		assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		assert_int_equal(s.steps, steps);
		free_talk(NULL);
		add_data(1);
		assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		assert_int_equal(s.steps, ++steps);
	}
	finish(&s, c);
	free_talk(NULL);
	make_talk(NULL);
}

/* ---------------------------------------------------------------- pieces -- */

/* One of two halves of four bytes. */
static void
add_half(const char *name, uint64_t at)
{
	static const uint64_t size[] = { 2 };
	struct wire_piece m = {
		.name = { (const uint8_t *)name, strlen(name) },
		.dtype = DTYPE_U8, .shape = shape, .rank = 1, .start = &at,
		.start_count = 1, .size = size, .size_count = 1,
		.kind = PIECE_RAW, .file = B("f"), .offset = at, .length = 2
	};
	static uint8_t packed[FRAME_MESSAGE_MAX];

	add_frame(FRAME_PIECE, packed, wire_piece_pack(&m, packed));
}

static void
add_piece(const char *name)
{
	add_half(name, 0);
}

/* ------------------------------------------------------------ the table -- */

/* Leaves the session in this state. */
static void
bring_to(struct session *s, enum session_state wanted)
{
	struct talk saved = talk;

	memset(&talk, 0, sizeof(talk));
	if (wanted != WAIT_HELLO) {
		add_hello();
		assert_true(feed(s, talk.bytes, talk.length, SIZE_MAX));
		if (wanted != WAIT_GO)
			session_go(s);
		free_talk(NULL);
	}
	if (wanted > WAIT_FORMAT)
		ADD(FORMAT, format, B("x"));
	if (wanted == RECEIVING)
		ADD(STORAGE, storage, 0, STORAGE_STREAM, 8, WIRE_NO_OFFSET);
	if (wanted == SAID_DONE)
		ADD(DONE, done, .verdict = VERDICT_CLEAN);
	if (wanted == SAID_FAULT || wanted == ENDED)
		ADD(FAULT, fault, FAULT_FORMAT, B("bad 'x' \x1b"), 12, 0);
	if (talk.length > 0)
		assert_true(feed(s, talk.bytes, talk.length, SIZE_MAX));
	if (wanted == ENDED)
		assert_false(session_eof(s));
	assert_int_equal(s->state, wanted);
	free_talk(NULL);
	talk = saved;
}

static void
add_any(enum frame_type type)
{
	switch (type) {
	case FRAME_HELLO:
		add_hello();
		break;
	case FRAME_GO:
		ADD(GO, go, .flags = 0);
		break;
	case FRAME_FORMAT:
		ADD(FORMAT, format, B("x"));
		break;
	case FRAME_STORAGE:
		ADD(STORAGE, storage, 0, STORAGE_EXTENT, 16, 0);
		break;
	case FRAME_TENSOR:
		add_tensor("a", 0);
		break;
	case FRAME_PIECE:
		add_piece("p");
		break;
	case FRAME_ALIAS:
		ADD(ALIAS, alias, B("d"), 0);
		break;
	case FRAME_NOTE:
		ADD(NOTE, note, 1, 1, B("n"), 0);
		break;
	case FRAME_SCALAR:
		ADD(SCALAR, scalar, B("s"), SCALAR_NULL, 0, 0, B(""), 0);
		break;
	case FRAME_PROGRESS:
		ADD(PROGRESS, progress, 0, 1);
		break;
	case FRAME_DATA:
		add_data(8);
		break;
	case FRAME_DONE:
		ADD(DONE, done, .verdict = VERDICT_CLEAN);
		break;
	case FRAME_FAULT:
		ADD(FAULT, fault, FAULT_LIMIT, B("f"), WIRE_NO_OFFSET, 0);
		break;
	}
}

/* What each state lets pass; written down again, not read from the table. */
static const unsigned allowed[] = {
	[WAIT_HELLO] = 1u << FRAME_HELLO,
	[WAIT_GO] = 0,
	[WAIT_FORMAT] = 1u << FRAME_FORMAT | 1u << FRAME_NOTE |
	    1u << FRAME_PROGRESS | 1u << FRAME_FAULT,
	[LISTENING] = 1u << FRAME_STORAGE | 1u << FRAME_NOTE |
	    1u << FRAME_SCALAR | 1u << FRAME_PROGRESS | 1u << FRAME_DONE |
	    1u << FRAME_FAULT,	/* a tensor or alias needs more before it */
	[RECEIVING] = 1u << FRAME_DATA | 1u << FRAME_FAULT,
	[SAID_DONE] = 0,
	[SAID_FAULT] = 0,
	[ENDED] = 0,
};

/* Of these, what one with a share of the bytes may not say. */
static const unsigned first_only = 1u << FRAME_TENSOR | 1u << FRAME_PIECE |
    1u << FRAME_ALIAS | 1u << FRAME_NOTE | 1u << FRAME_SCALAR;

static void
try_turns(const struct rules *r, unsigned not_allowed)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;
	bool passed;

	for (unsigned from = WAIT_HELLO; from <= ENDED; from++) {
		for (unsigned type = 1; type <= FRAME_TYPE_LAST; type++) {
			c = start(&s, r);
			bring_to(&s, (enum session_state)from);
			memset(&talk, 0, sizeof(talk));
			add_any((enum frame_type)type);
			passed = feed(&s, talk.bytes, talk.length, SIZE_MAX);
			if (passed != (((allowed[from] & ~not_allowed) >>
			    type & 1) != 0))
				fail_msg("%s %s", frame_type_name(type),
				    session_state_name(from));
			if (!passed && from != ENDED)
				broke(&s);
			free_talk(NULL);
			finish(&s, c);
		}
	}
	talk = saved;
}

static void
test_turns(void **state)
{
	struct rules share = rules;

	(void)state;
	try_turns(&rules, 0);
	share.shares = 2;
	try_turns(&share, 0);
	share.share = 1;
	try_turns(&share, first_only);
}

/* Brings one of two workers to where it listens, and lets it say a tensor over
 * bytes that are elsewhere, as far as it may. */
static enum session_state
elsewhere_talk(uint32_t shares, uint32_t share, uint64_t length)
{
	struct rules r = rules;
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;
	enum session_state state;

	r.shares = shares;
	r.share = share;
	c = start(&s, &r);
	bring_to(&s, LISTENING);
	memset(&talk, 0, sizeof(talk));
	ADD(STORAGE, storage, 0, STORAGE_ELSEWHERE, length, WIRE_NO_OFFSET);
	if (share == 0)
		add_tensor("t", 0);
	ADD(STORAGE, storage, 1, STORAGE_STREAM, 8, WIRE_NO_OFFSET);
	add_data(8);
	ADD(DONE, done, .tensors = share == 0, .storages = 2,
	    .verdict = VERDICT_CLEAN);
	(void)feed(&s, talk.bytes, talk.length, SIZE_MAX);
	state = s.state;
	if (state == SAID_DONE) {
		assert_true(c->storages[0].streamed);
		assert_true(c->storages[0].elsewhere);
		assert_null(c->storages[0].bytes);
		assert_false(c->storages[1].elsewhere);
		assert_int_equal(s.totals.elsewhere, 1);
		assert_int_equal(s.totals.streamed, length + 8);
		assert_int_equal(*s.held, 8);
	}
	free_talk(NULL);
	talk = saved;
	finish(&s, c);
	return state;
}

static void
test_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(elsewhere_talk(2, 0, 16), SAID_DONE);
	assert_int_equal(elsewhere_talk(2, 1, 16), SAID_DONE);
	assert_int_equal(elsewhere_talk(16, 15, 16), SAID_DONE);
	/* No other worker; a tensor past its end; too much. */
	assert_int_equal(elsewhere_talk(1, 0, 16), ENDED);
	assert_int_equal(elsewhere_talk(0, 0, 16), ENDED);
	assert_int_equal(elsewhere_talk(2, 0, 15), ENDED);
	assert_int_equal(elsewhere_talk(2, 1, 64 << 20), ENDED);
}

/* Two sessions that hold streams together. */
static void
test_held(void **state)
{
	struct rules r = rules;
	struct session s[2];
	pfork_checkpoint *c[2];
	struct talk saved = talk;

	(void)state;
	r.shares = 2;
	for (uint32_t i = 0; i < 2; i++) {
		r.share = i;
		c[i] = start(&s[i], &r);
		bring_to(&s[i], LISTENING);
	}
	s[1].held = s[0].held;
	memset(&talk, 0, sizeof(talk));
	ADD(STORAGE, storage, 0, STORAGE_STREAM, 33 << 20, WIRE_NO_OFFSET);
	assert_true(feed(&s[1], talk.bytes, talk.length, SIZE_MAX));
	assert_false(feed(&s[0], talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s[0].error.code, PFORK_E_LIMIT);
	assert_int_equal(c[0]->storage_count, 0);
	free_talk(NULL);
	talk = saved;
	for (int i = 0; i < 2; i++)
		finish(&s[i], c[i]);
}

/* Feeds what is in the talk to a session that listens, then the rest. */
static enum session_state
piece_talk(const struct rules *r, const char *second, enum frame_type between)
{
	struct session s;
	pfork_checkpoint *c = start(&s, r);
	struct talk saved = talk;
	enum session_state state;

	bring_to(&s, LISTENING);
	memset(&talk, 0, sizeof(talk));
	add_piece("p");
	if (between == FRAME_TENSOR)
		add_any(FRAME_STORAGE);
	if (between != FRAME_DATA)
		add_any(between);
	add_half(second, 2);
	(void)feed(&s, talk.bytes, talk.length, SIZE_MAX);
	if (s.state == LISTENING)
		assert_int_equal(c->piece_count, 2);
	else
		broke(&s);
	state = s.state;
	free_talk(NULL);
	talk = saved;
	finish(&s, c);
	return state;
}

static void
test_pieces(void **state)
{
	struct rules asked = rules;

	(void)state;
	asked.pieces = true;
	assert_int_equal(piece_talk(&asked, "p", FRAME_DATA), LISTENING);
	assert_int_equal(piece_talk(&asked, "q", FRAME_DATA), LISTENING);
	assert_int_equal(piece_talk(&asked, "p", FRAME_NOTE), LISTENING);
	assert_int_equal(piece_talk(&asked, "p", FRAME_PROGRESS), LISTENING);
	/* Then it is a second tensor of that name. */
	assert_int_equal(piece_talk(&asked, "p", FRAME_ALIAS), ENDED);
	assert_int_equal(piece_talk(&asked, "p", FRAME_TENSOR), ENDED);
	assert_int_equal(piece_talk(&asked, "q", FRAME_TENSOR), LISTENING);
	assert_int_equal(piece_talk(&rules, "p", FRAME_DATA), ENDED);
	/* Totals: a box is counted, and no other number will do. */
	assert_int_equal(piece_talk(&asked, "p", FRAME_DONE), ENDED);
}

/* A tensor closes the box before it; no piece is a further box of a tensor that
 * came whole, though it says the same of it. */
static void
test_piece_of_a_tensor(void **state)
{
	struct rules asked = rules;
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	asked.pieces = true;
	c = start(&s, &asked);
	bring_to(&s, LISTENING);
	memset(&talk, 0, sizeof(talk));
	add_half("q", 0);
	add_any(FRAME_STORAGE);
	ADD(TENSOR, tensor, .name = B("p"), .dtype = DTYPE_U8, .shape = shape,
	    .rank = 1, .strides = strides, .stride_count = 1);
	assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	free_talk(NULL);
	add_half("p", 2);
	assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	broke(&s);
	assert_non_null(strstr(s.error.text, "twice"));
	free_talk(NULL);
	finish(&s, c);
	talk = saved;
}

static void
test_pieces_in_done(void **state)
{
	struct rules asked = rules;
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	asked.pieces = true;
	for (uint64_t said = 0; said < 4; said++) {
		c = start(&s, &asked);
		bring_to(&s, LISTENING);
		memset(&talk, 0, sizeof(talk));
		add_half("p", 0);
		add_half("p", 2);
		ADD(DONE, done, .tensors = 1, .verdict = VERDICT_CLEAN,
		    .pieces = said);
		(void)feed(&s, talk.bytes, talk.length, SIZE_MAX);
		assert_int_equal(s.state, said == 2 ? SAID_DONE : ENDED);
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

/* A frame of each type that is not a message of its type. */
static void
test_malformed(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;
	unsigned from;

	(void)state;
	for (unsigned type = 1; type <= FRAME_TYPE_LAST; type++) {
		if (type == FRAME_GO || type == FRAME_DATA)
			continue;
		from = type == FRAME_HELLO ? WAIT_HELLO :
		    type == FRAME_FORMAT ? WAIT_FORMAT : LISTENING;
		c = start(&s, &rules);
		bring_to(&s, (enum session_state)from);
		memset(&talk, 0, sizeof(talk));
		add_frame((enum frame_type)type, "\xff", 1);
		assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		broke(&s);
		assert_non_null(strstr(s.error.text, frame_type_name(type)));
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

/* A head that cannot be, or that is not due: it is not waited for more. */
static void
test_heads(void **state)
{
	static const struct {
		uint8_t head[FRAME_HEAD_BYTES];
		const char *text;
	} rows[] = {
		{ { 1, 0, 0, 0, 0 }, "bad frame head" },
		{ { 1, 0, 0, 0, FRAME_TYPE_LAST + 1 }, "bad frame head" },
		{ { 0, 0, 0, 0, FRAME_NOTE }, "bad frame head" },
		{ { 1, 0, 1, 0, FRAME_NOTE }, "bad frame head" },
		{ { 1, 0, 16, 0, FRAME_DATA }, "bad frame head" },
		{ { 0, 0, 16, 0, FRAME_DATA }, "DATA while listing" },
		{ { 1, 0, 0, 0, FRAME_HELLO }, "HELLO while listing" },
	};
	struct session s;
	pfork_checkpoint *c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = start(&s, &rules);
		bring_to(&s, LISTENING);
		assert_true(feed(&s, rows[i].head, FRAME_HEAD_BYTES - 1, 1));
		assert_false(feed(&s, rows[i].head + FRAME_HEAD_BYTES - 1, 1,
		    1));
		broke(&s);
		assert_non_null(strstr(s.error.text, rows[i].text));
		finish(&s, c);
	}
}

/* Judged, and found wanting: each handler passes the finding on. */
static void
test_judged(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;
	static const struct wire_bytes empty = { NULL, 0 };

	(void)state;
	for (int which = 0; which < 11; which++) {
		c = start(&s, &rules);
		bring_to(&s, which == 0 ? WAIT_FORMAT :
		    which >= 9 ? RECEIVING : LISTENING);
		memset(&talk, 0, sizeof(talk));
		switch (which) {
		case 0:
			ADD(FORMAT, format, B("X"));
			break;
		case 1:
			ADD(STORAGE, storage, 1, STORAGE_EXTENT, 1, 0);
			break;
		case 2:
			add_tensor("a", 0);
			break;
		case 3:
			ADD(ALIAS, alias, B("a"), 0);
			break;
		case 4:
			ADD(NOTE, note, 1, 1, empty, 0);
			break;
		case 5:
			ADD(SCALAR, scalar, B("s"), 9, 0, 0, B(""), 0);
			break;
		case 6:
			ADD(PROGRESS, progress, 2, 1);
			break;
		case 7:
			ADD(DONE, done, .tensors = 1);
			break;
		case 8:
			ADD(FAULT, fault, 99, B("f"), 0, 0);
			break;
		case 9:
			add_data(9);
			break;
		case 10:	/* two into eight, then seven into six */
			add_data(2);
			add_data(7);
			break;
		}
		assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		broke(&s);
		assert_int_equal(s.state, ENDED);
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

static void
test_names_taken(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	for (int alias = 0; alias < 2; alias++) {
		c = start(&s, &rules);
		bring_to(&s, LISTENING);
		memset(&talk, 0, sizeof(talk));
		ADD(STORAGE, storage, 0, STORAGE_EXTENT, 16, 0);
		add_tensor("a'", 0);
		if (alias)
			ADD(ALIAS, alias, B("a'"), 0);
		else
			add_tensor("a'", 0);
		assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		broke(&s);
		assert_non_null(strstr(s.error.text, "twice: 'a\\x27'"));
		assert_int_equal(c->tensor_count, 1);
		assert_int_equal(c->alias_count, 0);
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

static void
test_faults(void **state)
{
	static const struct {
		uint32_t fault;
		enum pfork_code code;
		int errnum;
	} rows[] = {
		{ FAULT_FORMAT, PFORK_E_FORMAT, 0 },
		{ FAULT_UNSUPPORTED, PFORK_E_UNSUPPORTED, 0 },
		{ FAULT_LIMIT, PFORK_E_LIMIT, 0 },
		{ FAULT_INPUT, PFORK_E_SYSTEM, 5 },
		{ FAULT_INTERNAL, PFORK_E_WORKER, 0 },
	};
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		c = start(&s, &rules);
		bring_to(&s, LISTENING);
		memset(&talk, 0, sizeof(talk));
		ADD(FAULT, fault, rows[i].fault, B("at 'x': \x1b"), 77,
		    VERDICT_DANGEROUS);
		assert_true(feed(&s, talk.bytes, talk.length, 1));
		assert_int_equal(s.state, SAID_FAULT);
		assert_false(session_eof(&s));
		assert_int_equal(s.error.code, rows[i].code);
		assert_int_equal(s.error.errnum, rows[i].errnum);
		assert_int_equal(s.error.offset, 77);
		assert_string_equal(s.error.text, "at 'x': \\x1b");
		assert_int_equal(c->verdict, PFORK_DANGEROUS);
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

/* Where a fault is said to be, when that is inside the input. */
static void
test_fault_outside(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	for (uint64_t where = 999; where <= 1001; where++) {
		memset(&talk, 0, sizeof(talk));
		c = start(&s, &rules);
		bring_to(&s, LISTENING);
		ADD(FAULT, fault, FAULT_FORMAT, B("f"), where, 0);
		assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		assert_true(s.error.offset ==
		    (where <= 1000 ? where : PFORK_NO_OFFSET));
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

/* A stream of a byte is received as any other; and how many notes the worker
 * left out is kept. */
static void
test_smallest_stream(void **state)
{
	struct session s;
	pfork_checkpoint *c = start(&s, &rules);
	struct talk saved = talk;

	(void)state;
	memset(&talk, 0, sizeof(talk));
	bring_to(&s, LISTENING);
	ADD(STORAGE, storage, 0, STORAGE_STREAM, 1, WIRE_NO_OFFSET);
	assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.state, RECEIVING);
	free_talk(NULL);
	add_data(1);
	ADD(NOTE, note, 1, 1, B("n"), 0);
	ADD(NOTE, note, 1, 1, B("n"), 0);
	ADD(DONE, done, .storages = 1, .notes = 2, .notes_dropped = 9,
	    .verdict = VERDICT_CLEAN);
	assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.state, SAID_DONE);
	assert_int_equal(c->notes_dropped, 9);
	free_talk(NULL);
	finish(&s, c);
	talk = saved;
}

/* Memory for a stream is taken in one of two ways, and given back in the same:
 * here around the least length that is mapped. */
static void
test_mapped_streams(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	for (uint64_t length = STORAGE_MAP_MIN - 1;
	    length <= STORAGE_MAP_MIN + 1; length++) {
		memset(&talk, 0, sizeof(talk));
		c = start(&s, &rules);
		bring_to(&s, LISTENING);
		ADD(STORAGE, storage, 0, STORAGE_STREAM, length,
		    WIRE_NO_OFFSET);
		assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		assert_int_equal(s.state, RECEIVING);
		c->storages[0].bytes[0] = 1;
		c->storages[0].bytes[length - 1] = 1;
		free_talk(NULL);
		finish(&s, c);
	}
	talk = saved;
}

/* Required layers: the missing one is named, with its reason. */
static void
test_layers(void **state)
{
	struct rules more = rules;
	struct session s;
	pfork_checkpoint *c;

	(void)state;
	more.required_layers |= PFORK_LAYER_USER_NS;
	c = start(&s, &more);
	assert_false(feed(&s, talk.bytes, talk.go, SIZE_MAX));
	assert_int_equal(s.error.code, PFORK_E_SANDBOX);
	assert_int_equal(s.error.errnum, 13);
	assert_non_null(strstr(s.error.text, "user-ns: Permission denied"));
	finish(&s, c);
	more.required_layers = PFORK_LAYERS_REQUIRED | UINT64_C(1) << 60;
	c = start(&s, &more);
	assert_false(feed(&s, talk.bytes, talk.go, SIZE_MAX));
	assert_int_equal(s.error.code, PFORK_E_SANDBOX);
	assert_non_null(strstr(s.error.text, "here: (unknown); nothing"));
	assert_int_equal(s.error.errnum, 0);
	finish(&s, c);
	session_go(&s);
	assert_int_equal(s.state, ENDED);
}

/* Hello's own lies, and a reason that is no errno: it is shown as none. */
static void
test_bad_hello(void **state)
{
	static const uint32_t layer[] = { 64 };
	static const uint32_t said[][2] = { { 0x12345, 0 },
		{ INT16_MAX + 1, 0 }, { INT16_MAX, INT16_MAX }, { 0, 0 } };
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	memset(&talk, 0, sizeof(talk));
	ADD(HELLO, hello, .version = WIRE_VERSION, .layers = layer,
	    .layer_count = 1);
	c = start(&s, &rules);
	assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	broke(&s);
	finish(&s, c);
	free_talk(NULL);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		ADD(HELLO, hello, .version = WIRE_VERSION, .layers = layers,
		    .layer_count = 8, .missing = missing, .missing_count = 1,
		    .reasons = said[i], .reason_count = 1);
		c = start(&s, &rules);
		assert_true(feed(&s, talk.bytes, talk.length, SIZE_MAX));
		assert_int_equal(s.state, WAIT_GO);
		assert_int_equal(s.reasons[8], said[i][1]);
		finish(&s, c);
		free_talk(NULL);
	}
	talk = saved;
}

/* A byte where there must be silence is no start of a frame to wait for. */
static void
test_silence(void **state)
{
	static const enum session_state silent[] = { WAIT_GO, SAID_DONE,
		SAID_FAULT };
	struct session s;
	pfork_checkpoint *c;
	size_t room = 1;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		c = start(&s, &rules);
		bring_to(&s, silent[i]);
		assert_false(feed(&s, (const uint8_t *)"", 1, 1));
		broke(&s);
		assert_non_null(strstr(s.error.text,
		    session_state_name(silent[i])));
		assert_null(session_want(&s, &room));
		assert_int_equal(room, 0);
		assert_false(session_got(&s, 0));
		assert_false(session_eof(&s));
		broke(&s);
		finish(&s, c);
	}
}

static void
test_other_codes(void **state)
{
	struct rules wide = rules;
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;

	(void)state;
	memset(&talk, 0, sizeof(talk));
	ADD(HELLO, hello, .version = WIRE_VERSION + 1);
	c = start(&s, &rules);
	assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.error.code, PFORK_E_SANDBOX);
	assert_non_null(strstr(s.error.text, "version"));
	assert_null(strstr(s.error.text, "protocol"));
	assert_int_equal(s.error.errnum, 0);
	finish(&s, c);
	free_talk(NULL);
	/* More than any address space has: judged fine, and not to be had. */
	ADD(STORAGE, storage, 0, STORAGE_STREAM, UINT64_C(1) << 62,
	    WIRE_NO_OFFSET);
	c = start(&s, &rules);
	bring_to(&s, LISTENING);
	assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.error.code, PFORK_E_LIMIT);
	finish(&s, c);
	wide.limits.streamed_bytes = UINT64_MAX;
	c = start(&s, &wide);
	bring_to(&s, LISTENING);
	assert_false(feed(&s, talk.bytes, talk.length, SIZE_MAX));
	assert_int_equal(s.error.code, PFORK_E_SYSTEM);
	assert_int_equal(s.error.errnum, ENOMEM);
	assert_int_equal(c->storage_count, 0);
	finish(&s, c);
	free_talk(NULL);
	talk = saved;
}

/* Mutations of a good talk: whatever comes of it, no crash (under ASan), and
 * never more than was paid for. */
static void
test_noise(void **state)
{
	struct session s;
	pfork_checkpoint *c;
	struct talk saved = talk;
	uint32_t x = 1;

	(void)state;
	memset(&talk, 0, sizeof(talk));
	ADD(FORMAT, format, B("x"));
	ADD(STORAGE, storage, 0, STORAGE_EXTENT, 16, 100);
	add_tensor("a", 0);
	ADD(STORAGE, storage, 1, STORAGE_STREAM, 20, WIRE_NO_OFFSET);
	add_data(20);
	add_tensor("b", 1);
	ADD(ALIAS, alias, B("c"), 0);
	ADD(DONE, done, .tensors = 2, .aliases = 1, .storages = 2,
	    .verdict = VERDICT_CLEAN);
	for (int round = 0; round < 20000; round++) {
		uint8_t *copy = malloc(talk.length);

		assert_non_null(copy);
		memcpy(copy, talk.bytes, talk.length);
		for (int i = 0; i < 1 + round % 3; i++) {
			x = x * 1664525 + 1013904223;
			copy[(x >> 8) % talk.length] ^= (uint8_t)(x >> 24);
		}
		c = start(&s, &rules);
		bring_to(&s, WAIT_FORMAT);
		(void)feed(&s, copy, talk.length, SIZE_MAX);
		(void)session_eof(&s);
		assert_true(s.totals.kept <= rules.limits.names_bytes);
		assert_true(s.totals.streamed <= rules.limits.streamed_bytes);
		finish(&s, c);
		free(copy);
	}
	free_talk(NULL);
	talk = saved;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_piece_of_a_tensor),
		cmocka_unit_test(test_pieces_in_done),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_names_taken),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_fault_outside),
		cmocka_unit_test(test_smallest_stream),
		cmocka_unit_test(test_mapped_streams),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_other_codes),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, make_talk, free_talk);
}
