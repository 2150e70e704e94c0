/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_read.c - reads the two messages of which a file has one for each tensor,
 * Storage and Tensor, by hand: field after field in the one order, where
 * canonical.c asks a descriptor what each is.  Takes and refuses what that
 * takes and refuses (tests hold the two together).  Trusts no byte, and judges
 * no value.  Wire facts: protobuf encoding specification (proto2).
 */
#include "wire.h"
#include "wire_take.h"

/* Of a list's first item. */
#define ALIGNMENT 16

/* The tag of a length and so many bytes. */
#define BYTES(field) ((field) << 3 | 2)

static inline bool
take_number_32(struct wire_rest *r, unsigned field, uint32_t *out)
{
	uint64_t number;

	if (!wire_take_field(r, field, &number) || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

static inline bool
take_bytes(struct wire_rest *r, unsigned field, struct wire_bytes *out)
{
	uint64_t length;

	if (!wire_is_next(r, BYTES(field)))
		return false;
	r->at++;
	if (!wire_take_number(r, &length) ||
	    length > (uint64_t)(r->end - r->at))
		return false;
	out->at = r->at;
	out->len = (size_t)length;
	r->at += length;
	return true;
}

/* What is left of the arena, from a place for items on. */
static inline void *
rest_of_arena(struct wire_arena *a, size_t item, size_t *room)
{
	size_t start = (a->used + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

	if (start > a->size)
		start = a->size;
	*room = (a->size - start) / item;
	a->used = start;
	return a->at + start;
}

static bool
take_path(struct wire_rest *r, struct wire_arena *a, struct wire_tensor *t)
{
	size_t room, count = 0;
	struct wire_bytes *path = rest_of_arena(a, sizeof(*path), &room);

	while (wire_is_next(r, BYTES(2))) {
		if (count == room || !take_bytes(r, 2, &path[count]))
			return false;
		count++;
	}
	a->used += count * sizeof(*path);
	t->path = path;
	t->path_count = count;
	return true;
}

/* A packed list.  An empty one is not sent at all. */
static bool
take_list(struct wire_rest *r, unsigned field, struct wire_arena *a,
    const uint64_t **out, size_t *count)
{
	struct wire_bytes bytes;
	struct wire_rest inside;
	uint64_t *numbers;
	size_t room;

	*out = NULL;
	*count = 0;
	if (!wire_is_next(r, BYTES(field)))
		return true;
	if (!take_bytes(r, field, &bytes) || bytes.len == 0)
		return false;
	numbers = rest_of_arena(a, sizeof(*numbers), &room);
	inside = (struct wire_rest){ bytes.at, bytes.at + bytes.len };
	for (; inside.at < inside.end; ++*count)
		if (*count == room ||
		    !wire_take_number(&inside, &numbers[*count]))
			return false;
	a->used += *count * sizeof(*numbers);
	*out = numbers;
	return true;
}

static bool
begin(struct wire_arena *arena, const uint8_t *payload, size_t length,
    struct wire_rest *r)
{
	arena->used = 0;
	*r = (struct wire_rest){ payload, payload + length };
	return length > 0 && length <= FRAME_MESSAGE_MAX;
}

bool
wire_tensor_unpack(struct wire_arena *arena, const uint8_t *payload,
    size_t length, struct wire_tensor *t)
{
	struct wire_rest r;

	return begin(arena, payload, length, &r) &&
	    take_bytes(&r, 1, &t->name) && take_path(&r, arena, t) &&
	    take_bytes(&r, 3, &t->path_kinds) &&
	    take_number_32(&r, 4, &t->dtype) &&
	    take_list(&r, 5, arena, &t->shape, &t->rank) &&
	    take_list(&r, 6, arena, &t->strides, &t->stride_count) &&
	    take_number_32(&r, 7, &t->storage) &&
	    wire_take_field(&r, 8, &t->offset) && r.at == r.end;
}

/* An absent offset is WIRE_NO_OFFSET; a present one that says so is refused. */
bool
wire_storage_unpack(struct wire_arena *arena, const uint8_t *payload,
    size_t length, struct wire_storage *s)
{
	struct wire_rest r;

	if (!begin(arena, payload, length, &r) ||
	    !take_number_32(&r, 1, &s->id) ||
	    !take_number_32(&r, 2, &s->kind) ||
	    !wire_take_field(&r, 3, &s->length))
		return false;
	s->offset = WIRE_NO_OFFSET;
	return r.at == r.end || (wire_take_field(&r, 4, &s->offset) &&
	    s->offset != WIRE_NO_OFFSET && r.at == r.end);
}
