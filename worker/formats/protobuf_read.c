/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf_read.c - see protobuf_read.h.  Source: protobuf's "Encoding".
 */
#include "protobuf_read.h"

#define VARINT_BYTES 10
/* Fields have 29 bits. */
#define TAG_MAX UINT32_MAX

uint64_t
pb_varint(struct cursor *c)
{
	uint64_t value = 0;
	uint8_t byte;

	for (unsigned i = 0; i < VARINT_BYTES; i++) {
		byte = cursor_u8(c);
		/* Bit 64 and beyond: readers differ on what becomes of it. */
		if (i == VARINT_BYTES - 1 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80)
			return c->bad ? 0 : value;
	}
	c->bad = true;
	return 0;
}

bool
pb_next(struct cursor *c, struct pb_field *out)
{
	uint64_t tag;

	*out = (struct pb_field){ .wire = PB_VARINT };
	if (c->left == 0 || c->bad)
		return false;
	tag = pb_varint(c);
	out->number = (uint32_t)(tag >> 3);
	out->at = c->at;
	out->wire = (enum pb_wire)(tag & 7);
	if (tag > TAG_MAX || out->number == 0)
		c->bad = true;
	switch (tag & 7) {
	case PB_VARINT:
		out->value = pb_varint(c);
		break;
	case PB_FIXED64:
		out->value = cursor_u64le(c);
		break;
	case PB_FIXED32:
		out->value = cursor_u32le(c);
		break;
	case PB_BYTES:
		out->len = pb_varint(c);
		out->at = cursor_bytes(c, out->len);
		break;
	default:
		c->bad = true;
	}
	return !c->bad;
}

struct cursor
pb_inside(const struct pb_field *f)
{
	return cursor_over(f->at, (size_t)f->len);
}
