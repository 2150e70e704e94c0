/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - from protobuf to the plain structs of wire.h, for the broker.  With
 * wire_piece.c the only file that sees the generated code; no worker links
 * either.  Trusts no payload: what it unpacks stays in it or lives in a capped
 * bump arena, and only the one encoding of a message is accepted: that which
 * packing gives (canonical.c; tests hold the two together).
 * Wire facts: protobuf encoding specification (proto2); protobuf-c 1.4.1.
 */
#include "wire.h"

#include <string.h>

#include "canonical.h"
#include "wire_inside.h"
#include "wire_put.h"

#define ALIGNMENT 16

/* ------------------------------------------------------------- common -- */

void *
wire_bump(struct wire_arena *a, size_t size)
{
	size_t start = (a->used + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

	if (start > a->size || size > a->size - start)
		return NULL;
	a->used = start + size;
	return a->at + start;
}

bool
wire_unpack(struct wire_arena *arena,
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *payload,
    size_t length, void *message)
{
	arena->used = 0;
	return length > 0 && length <= FRAME_MESSAGE_MAX &&
	    canonical_read(descriptor, arena, payload, length, message);
}

/* An absent offset; a present one that says "absent" is refused. */
static bool
got_offset(protobuf_c_boolean present, uint64_t value, uint64_t *offset)
{
	*offset = present ? value : WIRE_NO_OFFSET;
	return !present || value != WIRE_NO_OFFSET;
}

/* Opens the function of a message. */
#define UNPACK(name, TYPE, descriptor)                                    \
	bool wire_##name##_unpack(struct wire_arena *arena,               \
	    const uint8_t *payload, size_t length,                        \
	    struct wire_##name *message)                                  \
	{                                                                 \
		TYPE m;                                                   \
                                                                          \
		return wire_unpack(arena, &descriptor, payload, length,   \
		    &m) && take_##name(&m, message);                      \
	}
/* For a message that is good when it has been unpacked. */
#define UNPACK_PLAIN(name, TYPE, descriptor)                              \
	bool wire_##name##_unpack(struct wire_arena *arena,               \
	    const uint8_t *payload, size_t length,                        \
	    struct wire_##name *message)                                  \
	{                                                                 \
		TYPE m;                                                   \
                                                                          \
		if (!wire_unpack(arena, &descriptor, payload, length,     \
		    &m))                                                  \
			return false;                                     \
		take_##name(&m, message);                                 \
		return true;                                              \
	}

/* --------------------------------------------------------------- hello -- */

static void
take_hello(const Pf__Hello *m, struct wire_hello *h)
{
	h->version = m->version;
	h->layers = m->layers;
	h->layer_count = m->n_layers;
	h->missing = m->missing;
	h->missing_count = m->n_missing;
	h->reasons = m->reasons;
	h->reason_count = m->n_reasons;
}

/* ------------------------------------------------- storages and tensors -- */

static void
take_format(const Pf__Format *m, struct wire_format *f)
{
	f->name = wire_got(m->name);
}

static void
take_alias(const Pf__Alias *m, struct wire_alias *a)
{
	a->name = wire_got(m->name);
	a->target = m->target;
}

/* ----------------------------------------------------- notes and values -- */

static bool
take_note(const Pf__Note *m, struct wire_note *n)
{
	n->kind = m->kind;
	n->level = m->level;
	n->text = wire_got(m->text);
	return got_offset(m->has_where, m->where, &n->where);
}

static bool
take_scalar(const Pf__Scalar *m, struct wire_scalar *s)
{
	bool data = wire_kind_has_data(m->kind);

	if ((m->has_i != 0) != wire_kind_has_i(m->kind) ||
	    (m->has_f != 0) != (m->kind == SCALAR_FLOAT) ||
	    (m->has_data != 0) != data || (m->has_full_length != 0) != data)
		return false;
	memset(s, 0, sizeof(*s));
	s->name = wire_got(m->name);
	s->kind = m->kind;
	s->i = m->i;
	s->f = m->f;
	s->data = wire_got(m->data);
	s->full_length = m->full_length;
	return true;
}

/* ---------------------------------------------------- progress and ends -- */

static void
take_progress(const Pf__Progress *m, struct wire_progress *p)
{
	p->done = m->done;
	p->total = m->total;
}

static bool
take_done(const Pf__Done *m, struct wire_done *d)
{
	d->tensors = m->tensors;
	d->aliases = m->aliases;
	d->storages = m->storages;
	d->notes = m->notes;
	d->notes_dropped = m->notes_dropped;
	d->verdict = m->verdict;
	d->pieces = m->pieces;
	return m->has_pieces == 0 || m->pieces != 0;
}

static bool
take_fault(const Pf__Fault *m, struct wire_fault *f)
{
	f->code = m->code;
	f->text = wire_got(m->text);
	f->verdict = m->verdict;
	return got_offset(m->has_where, m->where, &f->where);
}

UNPACK_PLAIN(hello, Pf__Hello, pf__hello__descriptor)
UNPACK_PLAIN(format, Pf__Format, pf__format__descriptor)
UNPACK_PLAIN(alias, Pf__Alias, pf__alias__descriptor)
UNPACK(note, Pf__Note, pf__note__descriptor)
UNPACK(scalar, Pf__Scalar, pf__scalar__descriptor)
UNPACK_PLAIN(progress, Pf__Progress, pf__progress__descriptor)
UNPACK(done, Pf__Done, pf__done__descriptor)
UNPACK(fault, Pf__Fault, pf__fault__descriptor)
