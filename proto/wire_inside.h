/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_inside.h - what wire.c and wire_tensor.c share; for them alone, since it
 * shows the generated protobuf code.
 */
#ifndef PROTO_WIRE_INSIDE_H
#define PROTO_WIRE_INSIDE_H

#include "picklefork.pb-c.h"
#include "wire.h"

/* A tag and a length or number, at most. */
#define FIELD_MAX 15
#define NUMBER_MAX 10

/* NULL over the cap. */
void *wire_bump(struct wire_arena *arena, size_t size);

/* bound: bytes that the message cannot pass.  Only where those might not fit is
 * it counted.  0: too large to send. */
size_t wire_pack_within(const ProtobufCMessage *message, size_t bound,
    uint8_t *out);

/* Fills the generated struct at `message`.  False: not the one encoding of a
 * message of this kind. */
bool wire_unpack(struct wire_arena *arena,
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *payload,
    size_t length, void *message);

/* protobuf-c's structs are not const-correct; packing only reads. */
static inline ProtobufCBinaryData
wire_lend(struct wire_bytes bytes)
{
	return (ProtobufCBinaryData){
		.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.at
	};
}

static inline struct wire_bytes
wire_got(ProtobufCBinaryData bytes)
{
	return (struct wire_bytes){ .at = bytes.data, .len = bytes.len };
}

#endif
