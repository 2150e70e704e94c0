/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session.c - see fuzz_session.h.
 */
#include "fuzz_session.h"

#include <stdio.h>
#include <string.h>

#include "fuzz_job.h"

static void
feed(struct session *s, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t room;
		uint8_t *to = session_want(s, &room);

		if (to == NULL)
			return;
		if (room > length)
			room = length;
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (!session_got(s, room))
			return;
	}
}

static size_t
hello_frame(uint8_t *out)
{
	uint32_t layers[] = { 0, 1, 2, 3, 4, 5, 6 };
	struct wire_hello hello = { .version = WIRE_VERSION, .layers = layers,
		.layer_count = 7 };
	size_t length = wire_hello_pack(&hello, out + FRAME_HEAD_BYTES);

	frame_head_write(out, FRAME_HELLO, (uint32_t)length);
	return FRAME_HEAD_BYTES + length;
}

/* session_init, but the memory is that of the session before. */
static bool
begin(struct session *s, const struct rules *rules, pfork_checkpoint *ckpt)
{
	struct session was = *s;

	if (s->buffer == NULL)
		return session_init(s, rules, ckpt);
	memset(s, 0, sizeof(*s));
	s->buffer = was.buffer;
	s->arena.at = was.arena.at;
	s->arena.size = was.arena.size;
	s->rules = *rules;
	s->ckpt = ckpt;
	s->held = &s->held_alone;
	return true;
}

static const struct limits *own_limits;

void
fuzz_session_limits(const struct limits *limits)
{
	own_limits = limits;
}

struct session *
fuzz_session_open(uint64_t input_size, uint32_t flags)
{
	static struct session s;
	static uint8_t hello[FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX];
	static size_t hello_length;
	struct rules rules = { .limits = own_limits != NULL ? *own_limits
		    : fuzz_limits(),
		.required_layers = PFORK_LAYERS_REQUIRED,
		.input_size = input_size,
		.deliver_stream = (flags & GO_DELIVER_STREAM) != 0,
		.scalars = (flags & GO_SCALARS) != 0,
		.pieces = (flags & GO_PIECES) != 0 };
	pfork_checkpoint *ckpt = checkpoint_new();

	if (hello_length == 0)
		hello_length = hello_frame(hello);
	if (ckpt == NULL || !begin(&s, &rules, ckpt)) {
		pfork_checkpoint_unref(ckpt);
		return NULL;
	}
	feed(&s, hello, hello_length);
	session_go(&s);
	return &s;
}

void
fuzz_session_close(struct session *s)
{
	pfork_checkpoint_unref(s->ckpt);
	s->ckpt = NULL;
}

void
fuzz_session_feed(struct session *s, const uint8_t *bytes, size_t length)
{
	feed(s, bytes, length);
	(void)session_eof(s);
}

void
fuzz_session_must_accept(const uint8_t *bytes, size_t length,
    uint64_t input_size, uint32_t flags)
{
	struct session *s = fuzz_session_open(input_size, flags);

	if (s == NULL)
		return;
	feed(s, bytes, length);
	if (s->state != SAID_DONE && s->state != SAID_FAULT &&
	    s->error.code != PFORK_E_LIMIT) {
		fprintf(stderr, "the broker refuses what the parser sent: %s\n",
		    s->error.code != PFORK_OK ? s->error.text
		    : session_state_name(s->state));
		__builtin_trap();
	}
	fuzz_session_must_hold(s);
	fuzz_session_close(s);
}

__extension__ typedef unsigned __int128 wide;

/* From the first byte of the view to the last, by plain arithmetic: 2^48 at
 * most times 2^64, 64 times. */
static wide
span(const struct pfork_tensor *t)
{
	unsigned element = dtype_element_bytes(t->dtype);
	wide last = 0;

	if (element == 0 || t->nbytes == 0)
		return t->nbytes;
	for (size_t i = 0; i < t->rank; i++)
		last += (wide)(t->shape[i] - 1) * tensor_strides(t)[i];
	return (last + 1) * element;
}

static bool
holds(const pfork_checkpoint *ckpt, const struct pfork_tensor *t,
    uint64_t input_size)
{
	const struct storage *home;

	/* In boxes, in other files: fuzz_check.c. */
	if (t->home == NULL)
		return ckpt->piece_count > 0;
	if (t->storage >= ckpt->storage_count)
		return false;
	home = &ckpt->storages[t->storage];
	if (t->offset > home->length || span(t) > home->length - t->offset)
		return false;
	if (home->streamed)
		return home->bytes != NULL || home->length == 0 ||
		    home->elsewhere;
	return home->length <= input_size &&
	    home->offset <= input_size - home->length;
}

/* A box inside of a tensor that has no home here, in a sibling. */
static bool
piece_holds(const pfork_checkpoint *ckpt, const struct piece_entry *p)
{
	const struct pfork_tensor *t;

	if (p->tensor >= ckpt->tensor_count)
		return false;
	t = &ckpt->tensors[p->tensor];
	for (size_t i = 0; i < t->rank; i++)
		if ((wide)p->start[i] + p->size[i] > t->shape[i])
			return false;
	return t->home == NULL && p->file[0] != '\0' &&
	    strchr(p->file, '/') == NULL && strcmp(p->file, ".") != 0 &&
	    strcmp(p->file, "..") != 0 &&
	    (wide)p->offset + p->length <= INT64_MAX;
}

static void
pieces_must_hold(const pfork_checkpoint *ckpt)
{
	for (size_t i = 0; i < ckpt->piece_count; i++)
		if (!piece_holds(ckpt, &ckpt->pieces[i]) || (i > 0 &&
		    ckpt->pieces[i].tensor < ckpt->pieces[i - 1].tensor)) {
			fprintf(stderr, "a box that does not hold: %zu\n", i);
			__builtin_trap();
		}
}

void
fuzz_session_must_hold(const struct session *s)
{
	const pfork_checkpoint *ckpt = s->ckpt;

	if (s->state != SAID_DONE)
		return;
	pieces_must_hold(ckpt);
	for (size_t i = 0; i < ckpt->tensor_count; i++) {
		const struct pfork_tensor *t = &ckpt->tensors[i];

		if (!holds(ckpt, t, s->rules.input_size) ||
		    pfork_checkpoint_find(ckpt, t->name) != t) {
			fprintf(stderr, "a tensor that does not hold: %s\n",
			    t->name);
			__builtin_trap();
		}
	}
}
