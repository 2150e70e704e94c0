/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_take.h - a number, read in the one way in which packing writes it.  For
 * what reads payloads: canonical.c, wire_go.c, wire_read.c.  Trusts no byte.
 * Wire facts: protobuf encoding specification (proto2).
 */
#ifndef PROTO_WIRE_TAKE_H
#define PROTO_WIRE_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What has not been read yet. */
struct wire_rest {
	const uint8_t *at;
	const uint8_t *end;
};

/* A varint in as few bytes as it takes, of 64 bits at most. */
static inline bool
wire_take_number(struct wire_rest *r, uint64_t *out)
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

/* The field comes next.  A tag is one byte: no field has a number over 15. */
static inline bool
wire_is_next(const struct wire_rest *r, unsigned tag)
{
	return r->at < r->end && *r->at == tag;
}

/* A number's tag, of whose type the number is 0, and the number. */
static inline bool
wire_take_field(struct wire_rest *r, unsigned field, uint64_t *out)
{
	if (!wire_is_next(r, field << 3))
		return false;
	r->at++;
	return wire_take_number(r, out);
}

#endif
