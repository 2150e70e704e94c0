/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.c - see canonical.h.  One pass over the bytes, before protobuf-c
 * sees them: it refuses unknown fields, fields given twice, merged or out of
 * order, numbers in too many bytes or too large for their field, packed fields
 * sent unpacked or empty.  Trusts nothing in the payload; allocates nothing.
 * Only the types that picklefork.proto has are known; any other is refused.
 * Wire facts: protobuf encoding specification (proto2).
 */
#include "canonical.h"

enum wire_type { WIRE_VARINT = 0, WIRE_8_BYTES = 1, WIRE_BYTES = 2 };

/* What has not been read yet. */
struct rest {
	const uint8_t *at;
	const uint8_t *end;
};

/* A varint in as few bytes as it takes, of 64 bits at most. */
static inline bool
take_number(struct rest *r, uint64_t *out)
{
	const uint8_t *p = r->at;
	uint64_t value = 0;

	/* Most are one byte. */
	if (p < r->end && *p < 0x80) {
		*out = *p;
		r->at = p + 1;
		return true;
	}
	for (unsigned shift = 0; shift < 64 && p < r->end; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && byte > 1)
			return false;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte >= 0x80)
			continue;
		r->at = p;
		*out = value;
		return byte != 0 || shift == 0;
	}
	return false;
}

static inline bool
take_bytes(struct rest *r, struct rest *inside)
{
	uint64_t length;

	if (!take_number(r, &length) || length > (uint64_t)(r->end - r->at))
		return false;
	inside->at = r->at;
	r->at += length;
	inside->end = r->at;
	return true;
}

/* One number of the field's type. */
static bool
take_scalar(struct rest *r, ProtobufCType type)
{
	uint64_t value;

	if (type == PROTOBUF_C_TYPE_DOUBLE) {
		if (r->end - r->at < 8)
			return false;
		r->at += 8;
		return true;
	}
	if (!take_number(r, &value))
		return false;
	if (type == PROTOBUF_C_TYPE_UINT32)
		return value <= UINT32_MAX;
	return type == PROTOBUF_C_TYPE_UINT64 ||
	    type == PROTOBUF_C_TYPE_SINT64;
}

static bool
is_packed(const ProtobufCFieldDescriptor *f)
{
	return (f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0;
}

static bool
take_field(struct rest *r, const ProtobufCFieldDescriptor *f, unsigned wire)
{
	struct rest inside;

	if (f->type == PROTOBUF_C_TYPE_BYTES)
		return wire == WIRE_BYTES && take_bytes(r, &inside);
	if (!is_packed(f))
		return wire == (f->type == PROTOBUF_C_TYPE_DOUBLE ?
		    WIRE_8_BYTES : WIRE_VARINT) && take_scalar(r, f->type);
	/* An empty one is not sent at all. */
	if (wire != WIRE_BYTES || !take_bytes(r, &inside) ||
	    inside.at == inside.end)
		return false;
	while (inside.at < inside.end)
		if (!take_scalar(&inside, f->type))
			return false;
	return true;
}

/* May this field come again at once? */
static bool
is_list(const ProtobufCFieldDescriptor *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED && !is_packed(f);
}

bool
canonical(const ProtobufCMessageDescriptor *descriptor, const uint8_t *payload,
    size_t length)
{
	/* protobuf-c sorts fields by their number, which is their order. */
	const ProtobufCFieldDescriptor *f = descriptor->fields;
	const ProtobufCFieldDescriptor *end = f + descriptor->n_fields;
	struct rest r = { payload, payload + length };
	uint64_t tag;

	while (r.at < r.end) {
		if (!take_number(&r, &tag))
			return false;
		while (f < end && f->id < tag >> 3)
			f++;
		if (f == end || f->id != tag >> 3 ||
		    !take_field(&r, f, (unsigned)tag & 7))
			return false;
		if (!is_list(f))
			f++;
	}
	return true;
}
