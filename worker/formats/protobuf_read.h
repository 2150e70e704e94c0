/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf_read.h - protobuf's wire, one field after the other.  Nothing is
 * unpacked: a message inside is the bytes of a field.  Neither memory nor
 * recursion.
 */
#ifndef WORKER_PROTOBUF_READ_H
#define WORKER_PROTOBUF_READ_H

#include "cursor.h"

enum pb_wire {
	PB_VARINT = 0,
	PB_FIXED64 = 1,
	PB_BYTES = 2,
	PB_FIXED32 = 5
};

struct pb_field {
	uint32_t number;
	enum pb_wire wire;
	uint64_t value;		/* of a number: its bits */
	const uint8_t *at;	/* where the field's value begins */
	uint64_t len;		/* of PB_BYTES */
};

/* False at the end, and when the field is cut short or none (groups, which
 * nobody writes any more, are none): the cursor is bad then. */
bool pb_next(struct cursor *c, struct pb_field *out);
/* Over 64 bits, or over 10 bytes: the cursor is bad. */
uint64_t pb_varint(struct cursor *c);
/* A message inside. */
struct cursor pb_inside(const struct pb_field *f);

#endif
