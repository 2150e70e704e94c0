/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.h - reads a payload that is the one encoding of its message, and no
 * other.  For wire.c alone.
 */
#ifndef PROTO_CANONICAL_H
#define PROTO_CANONICAL_H

#include <protobuf-c/protobuf-c.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

/* Fills the generated struct at `message`, which has the descriptor's type.
 * Bytes stay where they are in the payload; what is repeated is put into the
 * arena.  False: a field is unknown, missing, of another type, out of order or
 * given twice (unpacked repeated ones: not together), a number takes more bytes
 * than it needs or is too large, or the arena is full. */
bool canonical_read(const ProtobufCMessageDescriptor *descriptor,
    struct wire_arena *arena, const uint8_t *payload, size_t length,
    void *message);

#endif
