/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_inside.h - what wire.c and wire_piece.c share; for them alone, since it
 * shows the generated protobuf code.
 */
#ifndef PROTO_WIRE_INSIDE_H
#define PROTO_WIRE_INSIDE_H

#include "picklefork.pb-c.h"
#include "wire.h"

/* NULL over the cap. */
void *wire_bump(struct wire_arena *arena, size_t size);

/* Fills the generated struct at `message`.  False: not the one encoding of a
 * message of this kind. */
bool wire_unpack(struct wire_arena *arena,
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *payload,
    size_t length, void *message);

static inline struct wire_bytes
wire_got(ProtobufCBinaryData bytes)
{
	return (struct wire_bytes){ .at = bytes.data, .len = bytes.len };
}

#endif
