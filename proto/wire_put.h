/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_put.h - a message's fields, written one after the other, which costs
 * less than protobuf-c's walk over its descriptors.  The same bytes as its
 * packing (tests/unit/proto/test_pack.c).  The caller has made room.  Wire
 * facts: protobuf encoding specification (proto2).
 */
#ifndef PROTO_WIRE_PUT_H
#define PROTO_WIRE_PUT_H

#include <string.h>

#include "wire.h"

/* Which of a scalar's optional fields its kind has. */
static inline bool
wire_kind_has_i(uint32_t kind)
{
	return kind == SCALAR_BOOL || kind == SCALAR_INT;
}

static inline bool
wire_kind_has_data(uint32_t kind)
{
	return kind == SCALAR_BIGINT || kind == SCALAR_TEXT ||
	    kind == SCALAR_BYTES;
}

/* Seven bits a byte. */
static inline size_t
wire_number_size(uint64_t number)
{
	return (size_t)(70 - __builtin_clzll(number | 1)) / 7;
}

static inline size_t
wire_field_size(uint64_t number)
{
	return 1 + wire_number_size(number);
}

static inline size_t
wire_bytes_size(struct wire_bytes bytes)
{
	return wire_field_size(bytes.len) + bytes.len;
}

static inline uint8_t *
wire_put_number(uint8_t *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

/* Tags are a byte: no field has a number over 15. */
static inline uint8_t *
wire_put_field(uint8_t *at, unsigned field, uint64_t number)
{
	*at++ = (uint8_t)(field << 3);
	return wire_put_number(at, number);
}

static inline uint8_t *
wire_put_bytes(uint8_t *at, unsigned field, struct wire_bytes bytes)
{
	*at++ = (uint8_t)(field << 3 | 2);
	at = wire_put_number(at, bytes.len);
	if (bytes.len > 0)
		memcpy(at, bytes.at, bytes.len);
	return at + bytes.len;
}

static inline size_t
wire_list_size(const uint64_t *numbers, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += wire_number_size(numbers[i]);
	return size;
}

/* A packed list; an empty one is not sent at all.  Its length stands before it
 * in one byte, unless it turns out to need two: then it moves. */
static inline uint8_t *
wire_put_list(uint8_t *at, unsigned field, const uint64_t *numbers,
    size_t count)
{
	uint8_t *length;
	size_t size;

	if (count == 0)
		return at;
	*at++ = (uint8_t)(field << 3 | 2);
	length = at++;
	for (size_t i = 0; i < count; i++)
		at = wire_put_number(at, numbers[i]);
	size = (size_t)(at - length) - 1;
	if (size < 0x80) {
		*length = (uint8_t)size;
		return at;
	}
	memmove(length + wire_number_size(size), length + 1, size);
	return wire_put_number(length, size) + size;
}

#endif
