/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.c - see canonical.h.  One pass over the bytes, which refuses all
 * that packing does not write and fills the generated struct as it goes.
 * protobuf-c's own unpacker is not used: it merges, keeps what it does not
 * know and copies every field, and checking its input first meant to read each
 * message twice.  Trusts nothing in the payload, but the descriptors, which
 * were generated from picklefork.proto.  Only the types that are there are
 * known; any other is refused.  Wire facts: protobuf encoding specification
 * (proto2); tests/fuzz/fuzz_wire.c holds it against protobuf-c's packing.
 */
#include "canonical.h"

#include <string.h>

#include "wire_take.h"

enum wire_type { WIRE_VARINT = 0, WIRE_8_BYTES = 1, WIRE_BYTES = 2 };

/* Of a list's first item. */
#define ALIGNMENT 16

static inline bool
take_bytes(struct wire_rest *r, struct wire_rest *inside)
{
	uint64_t length;

	if (!wire_take_number(r, &length) ||
	    length > (uint64_t)(r->end - r->at))
		return false;
	inside->at = r->at;
	r->at += length;
	inside->end = r->at;
	return true;
}

/* Bytes of one value in the struct; 0 for a type that we do not have. */
static size_t
size_of(ProtobufCType type)
{
	if (type == PROTOBUF_C_TYPE_BYTES)
		return sizeof(ProtobufCBinaryData);
	if (type == PROTOBUF_C_TYPE_UINT32)
		return sizeof(uint32_t);
	return type == PROTOBUF_C_TYPE_UINT64 ||
	    type == PROTOBUF_C_TYPE_SINT64 ||
	    type == PROTOBUF_C_TYPE_DOUBLE ? sizeof(uint64_t) : 0;
}

static unsigned
wire_type_of(ProtobufCType type)
{
	if (type == PROTOBUF_C_TYPE_BYTES)
		return WIRE_BYTES;
	return type == PROTOBUF_C_TYPE_DOUBLE ? WIRE_8_BYTES : WIRE_VARINT;
}

/* One value of a type that size_of knows, to where it belongs. */
static inline bool
take_value(struct wire_rest *r, ProtobufCType type, void *to)
{
	struct wire_rest inside;
	uint64_t value;

	if (type == PROTOBUF_C_TYPE_BYTES) {
		if (!take_bytes(r, &inside))
			return false;
		*(ProtobufCBinaryData *)to = (ProtobufCBinaryData){
			.len = (size_t)(inside.end - inside.at),
			.data = (uint8_t *)(uintptr_t)inside.at
		};
		return true;
	}
	if (type == PROTOBUF_C_TYPE_DOUBLE) {
		if (r->end - r->at < 8)
			return false;
		memcpy(to, r->at, 8);
		r->at += 8;
		return true;
	}
	if (!wire_take_number(r, &value))
		return false;
	if (type == PROTOBUF_C_TYPE_UINT32) {
		*(uint32_t *)to = (uint32_t)value;
		return value <= UINT32_MAX;
	}
	/* Zigzag: 0, -1, 1, -2, ... */
	if (type == PROTOBUF_C_TYPE_SINT64)
		value = value >> 1 ^ -(value & 1);
	*(uint64_t *)to = value;
	return true;
}

/* Room for the next item of a list; NULL: there is none.  A list's items lie
 * side by side, because nothing else is taken from the arena until its last. */
static void *
next_item(struct wire_arena *a, void **items, size_t count, size_t size)
{
	size_t start = a->used;

	if (count == 0)
		start = (start + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (start > a->size || size > a->size - start)
		return NULL;
	if (count == 0)
		*items = a->at + start;
	a->used = start + size;
	return a->at + start;
}

/* One item of an unpacked list, or all of a packed one. */
static bool
take_list(struct wire_rest *r, struct wire_arena *a,
    const ProtobufCFieldDescriptor *f, uint8_t *message, unsigned wire)
{
	void **items = (void **)(void *)(message + f->offset);
	size_t *count = (size_t *)(void *)(message + f->quantifier_offset);
	size_t size = size_of(f->type);
	struct wire_rest inside;
	void *to;

	if ((f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) == 0) {
		to = next_item(a, items, *count, size);
		++*count;
		return to != NULL && wire == wire_type_of(f->type) &&
		    take_value(r, f->type, to);
	}
	/* An empty one is not sent at all. */
	if (wire != WIRE_BYTES || !take_bytes(r, &inside) ||
	    inside.at == inside.end)
		return false;
	for (; inside.at < inside.end; ++*count) {
		to = next_item(a, items, *count, size);
		if (to == NULL || !take_value(&inside, f->type, to))
			return false;
	}
	return true;
}

static inline bool
take_field(struct wire_rest *r, struct wire_arena *a,
    const ProtobufCFieldDescriptor *f, uint8_t *message, unsigned wire)
{
	if (size_of(f->type) == 0)
		return false;
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return take_list(r, a, f, message, wire);
	if (f->label == PROTOBUF_C_LABEL_OPTIONAL)
		*(protobuf_c_boolean *)(void *)(message +
		    f->quantifier_offset) = 1;
	return wire == wire_type_of(f->type) &&
	    take_value(r, f->type, message + f->offset);
}

/* May this field come again at once? */
static bool
is_list(const ProtobufCFieldDescriptor *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED &&
	    (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) == 0;
}

bool
canonical_read(const ProtobufCMessageDescriptor *descriptor,
    struct wire_arena *arena, const uint8_t *payload, size_t length,
    void *message)
{
	/* protobuf-c sorts fields by their number, which is their order. */
	const ProtobufCFieldDescriptor *f = descriptor->fields;
	const ProtobufCFieldDescriptor *end = f + descriptor->n_fields;
	struct wire_rest r = { payload, payload + length };
	uint64_t tag;

	descriptor->message_init(message);
	while (r.at < r.end) {
		if (!wire_take_number(&r, &tag))
			return false;
		for (; f < end && f->id < tag >> 3; f++)
			if (f->label == PROTOBUF_C_LABEL_REQUIRED)
				return false;
		if (f == end || f->id != tag >> 3 ||
		    !take_field(&r, arena, f, message, (unsigned)tag & 7))
			return false;
		if (!is_list(f))
			f++;
	}
	for (; f < end; f++)
		if (f->label == PROTOBUF_C_LABEL_REQUIRED)
			return false;
	return true;
}
