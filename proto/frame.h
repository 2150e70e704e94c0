/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h - `u32 length | u8 type | payload`, little-endian, both ways.
 * length counts the payload alone.  A head is judged (type known, length under
 * the cap of its type) before anything is read or allocated for it.  Pure.
 */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_HEAD_BYTES 5

enum frame_type {
	FRAME_HELLO = 1,
	FRAME_GO = 2,
	FRAME_FORMAT = 3,
	FRAME_STORAGE = 4,
	FRAME_TENSOR = 5,
	FRAME_ALIAS = 6,
	FRAME_NOTE = 7,
	FRAME_SCALAR = 8,
	FRAME_PROGRESS = 9,
	FRAME_DATA = 10,
	FRAME_DONE = 11,
	FRAME_FAULT = 12,
	FRAME_PIECE = 13
};
#define FRAME_TYPE_LAST 13

struct frame_head {
	uint32_t length;
	enum frame_type type;
};

/* False when the type is unknown, or the length is 0 or over the type's cap
 * (every message has a required field, so an empty payload is a lie). */
bool frame_head_read(const uint8_t bytes[FRAME_HEAD_BYTES],
    struct frame_head *head);
void frame_head_write(uint8_t bytes[FRAME_HEAD_BYTES], enum frame_type type,
    uint32_t length);
/* "HELLO", ...; "?" for an unknown type. */
const char *frame_type_name(unsigned type);

#endif
