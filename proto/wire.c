/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.c - between the plain structs of wire.h and protobuf.  With
 * wire_tensor.c the only file that sees the generated code.  Trusts no payload:
 * what it unpacks stays in it or lives in a capped bump arena, and only the one
 * encoding of a message is accepted: that which packing gives (canonical.c;
 * tests hold the two together).
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

size_t
wire_pack_within(const ProtobufCMessage *message, size_t bound, uint8_t *out)
{
	if (bound > FRAME_MESSAGE_MAX &&
	    protobuf_c_message_get_packed_size(message) > FRAME_MESSAGE_MAX)
		return 0;
	return protobuf_c_message_pack(message, out);
}

static size_t
pack(const ProtobufCMessage *message, uint8_t *out)
{
	return wire_pack_within(message, SIZE_MAX, out);
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

/* Declares and opens the two functions of a message. */
#define PACK(name, TYPE)                                                  \
	size_t wire_##name##_pack(const struct wire_##name *message,      \
	    uint8_t out[FRAME_MESSAGE_MAX])                               \
	{                                                                 \
		TYPE m = fill_##name(message);                            \
		return pack(&m.base, out);                                \
	}
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

/* -------------------------------------------------------- hello and go -- */

static Pf__Hello
fill_hello(const struct wire_hello *h)
{
	Pf__Hello m = PF__HELLO__INIT;

	m.version = h->version;
	m.n_layers = h->layer_count;
	m.layers = (uint32_t *)(uintptr_t)h->layers;
	m.n_missing = h->missing_count;
	m.missing = (uint32_t *)(uintptr_t)h->missing;
	m.n_reasons = h->reason_count;
	m.reasons = (uint32_t *)(uintptr_t)h->reasons;
	return m;
}

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

/* The limits that travel. */
#define GO_LIMITS(X) \
	X(streamed_bytes) X(contiguous_bytes) X(tensors) X(nodes) X(nesting) \
	X(notes) X(names_bytes)

static Pf__Go
fill_go(const struct wire_go *g)
{
	Pf__Go m = PF__GO__INIT;

#define X(name) m.name = g->limits.name;
	GO_LIMITS(X)
#undef X
	m.flags = g->flags;
	return m;
}

static void
take_go(const Pf__Go *m, struct wire_go *g)
{
	memset(g, 0, sizeof(*g));
#define X(name) g->limits.name = m->name;
	GO_LIMITS(X)
#undef X
	g->flags = m->flags;
}

/* ------------------------------------------------- storages and tensors -- */

static Pf__Format
fill_format(const struct wire_format *f)
{
	Pf__Format m = PF__FORMAT__INIT;

	m.name = wire_lend(f->name);
	return m;
}

static void
take_format(const Pf__Format *m, struct wire_format *f)
{
	f->name = wire_got(m->name);
}

size_t
wire_storage_pack(const struct wire_storage *s, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	at = wire_put_field(at, 1, s->id);
	at = wire_put_field(at, 2, s->kind);
	at = wire_put_field(at, 3, s->length);
	if (s->offset != WIRE_NO_OFFSET)
		at = wire_put_field(at, 4, s->offset);
	return (size_t)(at - out);
}

static bool
take_storage(const Pf__Storage *m, struct wire_storage *s)
{
	s->id = m->id;
	s->kind = m->kind;
	s->length = m->length;
	return got_offset(m->has_offset, m->offset, &s->offset);
}

UNPACK(storage, Pf__Storage, pf__storage__descriptor)

size_t
wire_alias_pack(const struct wire_alias *a, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (a->name.len > FRAME_MESSAGE_MAX || wire_bytes_size(a->name) +
	    wire_field_size(a->target) > FRAME_MESSAGE_MAX)
		return 0;
	at = wire_put_bytes(at, 1, a->name);
	at = wire_put_field(at, 2, a->target);
	return (size_t)(at - out);
}

static void
take_alias(const Pf__Alias *m, struct wire_alias *a)
{
	a->name = wire_got(m->name);
	a->target = m->target;
}

/* ----------------------------------------------------- notes and values -- */

static bool
note_fits(const struct wire_note *n)
{
	size_t where = n->where == WIRE_NO_OFFSET ? 0 :
	    wire_field_size(n->where);

	return n->text.len <= FRAME_MESSAGE_MAX &&
	    wire_field_size(n->kind) + wire_field_size(n->level) +
	    wire_bytes_size(n->text) + where <= FRAME_MESSAGE_MAX;
}

size_t
wire_note_pack(const struct wire_note *n, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!note_fits(n))
		return 0;
	at = wire_put_field(at, 1, n->kind);
	at = wire_put_field(at, 2, n->level);
	at = wire_put_bytes(at, 3, n->text);
	if (n->where != WIRE_NO_OFFSET)
		at = wire_put_field(at, 4, n->where);
	return (size_t)(at - out);
}

static bool
take_note(const Pf__Note *m, struct wire_note *n)
{
	n->kind = m->kind;
	n->level = m->level;
	n->text = wire_got(m->text);
	return got_offset(m->has_where, m->where, &n->where);
}

/* Which of a scalar's optional fields its kind has. */
static bool
kind_has_i(uint32_t kind)
{
	return kind == SCALAR_BOOL || kind == SCALAR_INT;
}

static bool
kind_has_data(uint32_t kind)
{
	return kind == SCALAR_BIGINT || kind == SCALAR_TEXT ||
	    kind == SCALAR_BYTES;
}

static Pf__Scalar
fill_scalar(const struct wire_scalar *s)
{
	Pf__Scalar m = PF__SCALAR__INIT;

	m.name = wire_lend(s->name);
	m.kind = s->kind;
	if (kind_has_i(s->kind)) {
		m.has_i = 1;
		m.i = s->i;
	} else if (s->kind == SCALAR_FLOAT) {
		m.has_f = 1;
		m.f = s->f;
	} else if (kind_has_data(s->kind)) {
		m.has_data = 1;
		m.data = wire_lend(s->data);
		m.has_full_length = 1;
		m.full_length = s->full_length;
	}
	return m;
}

static bool
take_scalar(const Pf__Scalar *m, struct wire_scalar *s)
{
	bool data = kind_has_data(m->kind);

	if ((m->has_i != 0) != kind_has_i(m->kind) ||
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

static Pf__Progress
fill_progress(const struct wire_progress *p)
{
	Pf__Progress m = PF__PROGRESS__INIT;

	m.done = p->done;
	m.total = p->total;
	return m;
}

static void
take_progress(const Pf__Progress *m, struct wire_progress *p)
{
	p->done = m->done;
	p->total = m->total;
}

static Pf__Done
fill_done(const struct wire_done *d)
{
	Pf__Done m = PF__DONE__INIT;

	m.tensors = d->tensors;
	m.aliases = d->aliases;
	m.storages = d->storages;
	m.notes = d->notes;
	m.notes_dropped = d->notes_dropped;
	m.verdict = d->verdict;
	m.has_pieces = d->pieces != 0;
	m.pieces = d->pieces;
	return m;
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

static Pf__Fault
fill_fault(const struct wire_fault *f)
{
	Pf__Fault m = PF__FAULT__INIT;

	m.code = f->code;
	m.text = wire_lend(f->text);
	m.has_where = f->where != WIRE_NO_OFFSET;
	m.where = m.has_where ? f->where : 0;
	m.verdict = f->verdict;
	return m;
}

static bool
take_fault(const Pf__Fault *m, struct wire_fault *f)
{
	f->code = m->code;
	f->text = wire_got(m->text);
	f->verdict = m->verdict;
	return got_offset(m->has_where, m->where, &f->where);
}

#define MESSAGE(name, TYPE, descriptor) \
	PACK(name, TYPE) UNPACK(name, TYPE, descriptor)
#define PLAIN(name, TYPE, descriptor) \
	PACK(name, TYPE) UNPACK_PLAIN(name, TYPE, descriptor)
PLAIN(hello, Pf__Hello, pf__hello__descriptor)
PLAIN(go, Pf__Go, pf__go__descriptor)
PLAIN(format, Pf__Format, pf__format__descriptor)
UNPACK_PLAIN(alias, Pf__Alias, pf__alias__descriptor)
UNPACK(note, Pf__Note, pf__note__descriptor)
MESSAGE(scalar, Pf__Scalar, pf__scalar__descriptor)
PLAIN(progress, Pf__Progress, pf__progress__descriptor)
MESSAGE(done, Pf__Done, pf__done__descriptor)
MESSAGE(fault, Pf__Fault, pf__fault__descriptor)
