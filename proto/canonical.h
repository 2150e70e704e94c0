/* SPDX-License-Identifier: Apache-2.0
 *
 * canonical.h - is this payload the one encoding of its message?  For wire.c
 * alone.
 */
#ifndef PROTO_CANONICAL_H
#define PROTO_CANONICAL_H

#include <protobuf-c/protobuf-c.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True: every field is known to the descriptor, has its type, comes in the
 * order of the numbers and once (unpacked repeated ones: together), and no
 * number takes more bytes than it needs or is too large.  What is missing is
 * not judged. */
bool canonical(const ProtobufCMessageDescriptor *descriptor,
    const uint8_t *payload, size_t length);

#endif
