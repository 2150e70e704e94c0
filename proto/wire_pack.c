/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_pack.c - writes every message that a worker sends, and with wire_go.c
 * all that it needs of the wire: neither knows protobuf-c, whose descriptors
 * would be relocated at each start of a worker.  The same bytes as protobuf-c's
 * packing (tests/unit/proto/test_pack.c).  Trusts the caller's lengths to be
 * those of what is in memory; judges no value.
 */
#include "wire.h"
#include "wire_put.h"

/* A tag and a length or number, at most. */
#define FIELD_MAX 15
#define NUMBER_MAX 10

/* ------------------------------------------------------------- common -- */

/* Whether bytes of this length and fields of the size `others` make a message
 * that is small enough to send. */
static bool
text_fits(struct wire_bytes text, size_t others)
{
	return text.len <= FRAME_MESSAGE_MAX &&
	    wire_bytes_size(text) + others <= FRAME_MESSAGE_MAX;
}

/* WIRE_NO_OFFSET is said by leaving it out. */
static size_t
offset_size(uint64_t offset)
{
	return offset == WIRE_NO_OFFSET ? 0 : wire_field_size(offset);
}

static uint8_t *
put_offset(uint8_t *at, unsigned field, uint64_t offset)
{
	return offset == WIRE_NO_OFFSET ? at :
	    wire_put_field(at, field, offset);
}

/* Both stay at SIZE_MAX, "unknown", instead of coming round, which lengths of
 * what is in memory cannot do. */
static size_t
add_bound(size_t bound, size_t more)
{
	return more > SIZE_MAX - bound
	    ? SIZE_MAX : bound + more; /* GCOVR_EXCL_BR_LINE */
}

static size_t
many_numbers(size_t count)
{
	return count > SIZE_MAX / NUMBER_MAX
	    ? SIZE_MAX : count * NUMBER_MAX; /* GCOVR_EXCL_BR_LINE */
}

static inline size_t
path_bound(const struct wire_bytes *path, size_t count)
{
	size_t bound = 0;

	for (size_t i = 0; i < count; i++)
		bound = add_bound(bound, FIELD_MAX + path[i].len);
	return bound;
}

/* -------------------------------------------------------------- hello -- */

static size_t
list_32_size(const uint32_t *numbers, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += wire_number_size(numbers[i]);
	return size;
}

static size_t
list_32_field_size(const uint32_t *numbers, size_t count)
{
	size_t size = list_32_size(numbers, count);

	return count == 0 ? 0 : wire_field_size(size) + size;
}

static uint8_t *
put_list_32(uint8_t *at, unsigned field, const uint32_t *numbers, size_t count)
{
	if (count == 0)
		return at;
	*at++ = (uint8_t)(field << 3 | 2);
	at = wire_put_number(at, list_32_size(numbers, count));
	for (size_t i = 0; i < count; i++)
		at = wire_put_number(at, numbers[i]);
	return at;
}

size_t
wire_hello_pack(const struct wire_hello *h, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (wire_field_size(h->version) +
	    list_32_field_size(h->layers, h->layer_count) +
	    list_32_field_size(h->missing, h->missing_count) +
	    list_32_field_size(h->reasons, h->reason_count) >
	    FRAME_MESSAGE_MAX)
		return 0;
	at = wire_put_field(at, 1, h->version);
	at = put_list_32(at, 2, h->layers, h->layer_count);
	at = put_list_32(at, 3, h->missing, h->missing_count);
	at = put_list_32(at, 4, h->reasons, h->reason_count);
	return (size_t)(at - out);
}

/* ------------------------------------------------- storages and tensors -- */

size_t
wire_format_pack(const struct wire_format *f, uint8_t out[FRAME_MESSAGE_MAX])
{
	if (!text_fits(f->name, 0))
		return 0;
	return (size_t)(wire_put_bytes(out, 1, f->name) - out);
}

size_t
wire_storage_pack(const struct wire_storage *s, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	at = wire_put_field(at, 1, s->id);
	at = wire_put_field(at, 2, s->kind);
	at = wire_put_field(at, 3, s->length);
	at = put_offset(at, 4, s->offset);
	return (size_t)(at - out);
}

static size_t
path_size(const struct wire_bytes *path, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += wire_bytes_size(path[i]);
	return size;
}

static size_t
list_field_size(const uint64_t *numbers, size_t count)
{
	size_t size = wire_list_size(numbers, count);

	return count == 0 ? 0 : wire_field_size(size) + size;
}

static size_t
tensor_size(const struct wire_tensor *t)
{
	return wire_bytes_size(t->name) + path_size(t->path, t->path_count) +
	    wire_bytes_size(t->path_kinds) + wire_field_size(t->dtype) +
	    list_field_size(t->shape, t->rank) +
	    list_field_size(t->strides, t->stride_count) +
	    wire_field_size(t->storage) + wire_field_size(t->offset);
}

/* Only where the bytes that it can take at most might not fit is it counted. */
static bool
tensor_fits(const struct wire_tensor *t)
{
	size_t bound = add_bound(8 * FIELD_MAX, t->name.len);

	if (t->path_count > PATH_PARTS_MAX)
		return false;
	bound = add_bound(bound, path_bound(t->path, t->path_count));
	bound = add_bound(bound, t->path_kinds.len);
	bound = add_bound(bound, many_numbers(t->rank));
	bound = add_bound(bound, many_numbers(t->stride_count));
	return bound <= FRAME_MESSAGE_MAX ||
	    tensor_size(t) <= FRAME_MESSAGE_MAX;
}

size_t
wire_tensor_pack(const struct wire_tensor *t, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!tensor_fits(t))
		return 0;
	at = wire_put_bytes(at, 1, t->name);
	for (size_t i = 0; i < t->path_count; i++)
		at = wire_put_bytes(at, 2, t->path[i]);
	at = wire_put_bytes(at, 3, t->path_kinds);
	at = wire_put_field(at, 4, t->dtype);
	at = wire_put_list(at, 5, t->shape, t->rank);
	at = wire_put_list(at, 6, t->strides, t->stride_count);
	at = wire_put_field(at, 7, t->storage);
	at = wire_put_field(at, 8, t->offset);
	return (size_t)(at - out);
}

static size_t
piece_size(const struct wire_piece *p)
{
	return wire_bytes_size(p->name) + path_size(p->path, p->path_count) +
	    wire_bytes_size(p->path_kinds) + wire_field_size(p->dtype) +
	    list_field_size(p->shape, p->rank) +
	    list_field_size(p->start, p->start_count) +
	    list_field_size(p->size, p->size_count) +
	    wire_field_size(p->kind) + wire_bytes_size(p->file) +
	    wire_field_size(p->offset) + wire_field_size(p->length);
}

static bool
piece_fits(const struct wire_piece *p)
{
	size_t bound = add_bound(11 * FIELD_MAX, p->name.len);

	if (p->path_count > PATH_PARTS_MAX)
		return false;
	bound = add_bound(bound, path_bound(p->path, p->path_count));
	bound = add_bound(bound, p->path_kinds.len);
	bound = add_bound(bound, p->file.len);
	bound = add_bound(bound, many_numbers(p->rank));
	bound = add_bound(bound, many_numbers(p->start_count));
	bound = add_bound(bound, many_numbers(p->size_count));
	return bound <= FRAME_MESSAGE_MAX ||
	    piece_size(p) <= FRAME_MESSAGE_MAX;
}

size_t
wire_piece_pack(const struct wire_piece *p, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!piece_fits(p))
		return 0;
	at = wire_put_bytes(at, 1, p->name);
	for (size_t i = 0; i < p->path_count; i++)
		at = wire_put_bytes(at, 2, p->path[i]);
	at = wire_put_bytes(at, 3, p->path_kinds);
	at = wire_put_field(at, 4, p->dtype);
	at = wire_put_list(at, 5, p->shape, p->rank);
	at = wire_put_list(at, 6, p->start, p->start_count);
	at = wire_put_list(at, 7, p->size, p->size_count);
	at = wire_put_field(at, 8, p->kind);
	at = wire_put_bytes(at, 9, p->file);
	at = wire_put_field(at, 10, p->offset);
	at = wire_put_field(at, 11, p->length);
	return (size_t)(at - out);
}

size_t
wire_alias_pack(const struct wire_alias *a, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!text_fits(a->name, wire_field_size(a->target)))
		return 0;
	at = wire_put_bytes(at, 1, a->name);
	at = wire_put_field(at, 2, a->target);
	return (size_t)(at - out);
}

/* ----------------------------------------------------- notes and values -- */

size_t
wire_note_pack(const struct wire_note *n, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!text_fits(n->text, wire_field_size(n->kind) +
	    wire_field_size(n->level) + offset_size(n->where)))
		return 0;
	at = wire_put_field(at, 1, n->kind);
	at = wire_put_field(at, 2, n->level);
	at = wire_put_bytes(at, 3, n->text);
	at = put_offset(at, 4, n->where);
	return (size_t)(at - out);
}

/* Zigzag: 0, -1, 1, -2, ... */
static uint64_t
zigzag(int64_t i)
{
	return (uint64_t)i << 1 ^ (i < 0 ? UINT64_MAX : 0);
}

static bool
scalar_fits(const struct wire_scalar *s)
{
	size_t size = wire_field_size(s->kind);

	if (wire_kind_has_data(s->kind)) {
		if (s->data.len > FRAME_MESSAGE_MAX)
			return false;
		size += wire_bytes_size(s->data) +
		    wire_field_size(s->full_length);
	} else if (wire_kind_has_i(s->kind)) {
		size += wire_field_size(zigzag(s->i));
	} else if (s->kind == SCALAR_FLOAT) {
		size += 1 + sizeof(s->f);
	}
	return text_fits(s->name, size);
}

/* Eight bytes, little-endian, as our machines have them. */
static uint8_t *
put_double(uint8_t *at, unsigned field, double f)
{
	*at++ = (uint8_t)(field << 3 | 1);
	memcpy(at, &f, sizeof(f));
	return at + sizeof(f);
}

size_t
wire_scalar_pack(const struct wire_scalar *s, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!scalar_fits(s))
		return 0;
	at = wire_put_bytes(at, 1, s->name);
	at = wire_put_field(at, 2, s->kind);
	if (wire_kind_has_i(s->kind)) {
		at = wire_put_field(at, 3, zigzag(s->i));
	} else if (s->kind == SCALAR_FLOAT) {
		at = put_double(at, 4, s->f);
	} else if (wire_kind_has_data(s->kind)) {
		at = wire_put_bytes(at, 5, s->data);
		at = wire_put_field(at, 6, s->full_length);
	}
	return (size_t)(at - out);
}

/* ---------------------------------------------------- progress and ends -- */

size_t
wire_progress_pack(const struct wire_progress *p,
    uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	at = wire_put_field(at, 1, p->done);
	at = wire_put_field(at, 2, p->total);
	return (size_t)(at - out);
}

size_t
wire_done_pack(const struct wire_done *d, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	at = wire_put_field(at, 1, d->tensors);
	at = wire_put_field(at, 2, d->aliases);
	at = wire_put_field(at, 3, d->storages);
	at = wire_put_field(at, 4, d->notes);
	at = wire_put_field(at, 5, d->notes_dropped);
	at = wire_put_field(at, 6, d->verdict);
	if (d->pieces != 0)
		at = wire_put_field(at, 7, d->pieces);
	return (size_t)(at - out);
}

size_t
wire_fault_pack(const struct wire_fault *f, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

	if (!text_fits(f->text, wire_field_size(f->code) +
	    offset_size(f->where) + wire_field_size(f->verdict)))
		return 0;
	at = wire_put_field(at, 1, f->code);
	at = wire_put_bytes(at, 2, f->text);
	at = put_offset(at, 3, f->where);
	at = wire_put_field(at, 4, f->verdict);
	return (size_t)(at - out);
}
