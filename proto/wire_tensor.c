/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_tensor.c - the two messages that carry a tensor: one over a storage, and
 * one box of it in another file.  See wire.c, which this is a part of.  Trusts
 * no payload, and judges no value.
 */
#include "wire_inside.h"
#include "wire_put.h"

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

/* count is at most PATH_PARTS_MAX.  Returns the bytes that it may take. */
static size_t
lend_path(const struct wire_bytes *path, size_t count,
    ProtobufCBinaryData *out)
{
	size_t bound = 0;

	for (size_t i = 0; i < count; i++) {
		out[i] = wire_lend(path[i]);
		bound = add_bound(bound, FIELD_MAX + path[i].len);
	}
	return bound;
}

/* NULL: no room in the arena. */
static const struct wire_bytes *
got_path(struct wire_arena *arena, const ProtobufCBinaryData *from,
    size_t count)
{
	/* count is at most half the frame's bytes: the product is small. */
	struct wire_bytes *path = wire_bump(arena, count * sizeof(*path));

	for (size_t i = 0; path != NULL && i < count; i++)
		path[i] = wire_got(from[i]);
	return path;
}

/* protobuf-c's structs are not const-correct. */
static uint64_t *
lend_numbers(const uint64_t *numbers)
{
	return (uint64_t *)(uintptr_t)numbers;
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
	for (size_t i = 0; i < t->path_count; i++)
		bound = add_bound(bound, FIELD_MAX + t->path[i].len);
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

bool
wire_tensor_unpack(struct wire_arena *arena, const uint8_t *payload,
    size_t length, struct wire_tensor *t)
{
	Pf__Tensor m;

	if (!wire_unpack(arena, &pf__tensor__descriptor, payload, length, &m))
		return false;
	t->path = got_path(arena, m.path, m.n_path);
	if (t->path == NULL)
		return false;
	t->name = wire_got(m.name);
	t->path_count = m.n_path;
	t->path_kinds = wire_got(m.path_kinds);
	t->dtype = m.dtype;
	t->shape = m.shape;
	t->rank = m.n_shape;
	t->strides = m.strides;
	t->stride_count = m.n_strides;
	t->storage = m.storage;
	t->offset = m.offset;
	return true;
}

size_t
wire_piece_pack(const struct wire_piece *p, uint8_t out[FRAME_MESSAGE_MAX])
{
	ProtobufCBinaryData path[PATH_PARTS_MAX]
	    __attribute__((uninitialized));
	Pf__Piece m = PF__PIECE__INIT;
	size_t bound = 11 * FIELD_MAX;

	if (p->path_count > PATH_PARTS_MAX)
		return 0;
	bound = add_bound(bound, lend_path(p->path, p->path_count, path));
	bound = add_bound(bound, p->name.len);
	bound = add_bound(bound, p->path_kinds.len);
	bound = add_bound(bound, p->file.len);
	bound = add_bound(bound, many_numbers(p->rank));
	bound = add_bound(bound, many_numbers(p->start_count));
	bound = add_bound(bound, many_numbers(p->size_count));
	m.name = wire_lend(p->name);
	m.n_path = p->path_count;
	m.path = path;
	m.path_kinds = wire_lend(p->path_kinds);
	m.dtype = p->dtype;
	m.n_shape = p->rank;
	m.shape = lend_numbers(p->shape);
	m.n_start = p->start_count;
	m.start = lend_numbers(p->start);
	m.n_size = p->size_count;
	m.size = lend_numbers(p->size);
	m.kind = p->kind;
	m.file = wire_lend(p->file);
	m.offset = p->offset;
	m.length = p->length;
	return wire_pack_within(&m.base, bound, out);
}

bool
wire_piece_unpack(struct wire_arena *arena, const uint8_t *payload,
    size_t length, struct wire_piece *p)
{
	Pf__Piece m;

	if (!wire_unpack(arena, &pf__piece__descriptor, payload, length, &m))
		return false;
	p->path = got_path(arena, m.path, m.n_path);
	if (p->path == NULL)
		return false;
	p->name = wire_got(m.name);
	p->path_count = m.n_path;
	p->path_kinds = wire_got(m.path_kinds);
	p->dtype = m.dtype;
	p->shape = m.shape;
	p->rank = m.n_shape;
	p->start = m.start;
	p->start_count = m.n_start;
	p->size = m.size;
	p->size_count = m.n_size;
	p->kind = m.kind;
	p->file = wire_got(m.file);
	p->offset = m.offset;
	p->length = m.length;
	return true;
}
