/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_go.c - Go, the one message that a worker reads, and the way back.  By
 * hand, so that a worker needs no protobuf-c (see wire_pack.c): eight numbers,
 * each there once and in order.  Refuses every other encoding of them, as
 * canonical.c does; judges no value but that flags have 32 bits.
 */
#include "wire.h"
#include "wire_put.h"
#include "wire_take.h"

/* The limits that travel, with the numbers of their fields. */
#define GO_LIMITS(X) \
	X(1, streamed_bytes) X(2, contiguous_bytes) X(3, tensors) X(4, nodes) \
	X(5, nesting) X(6, notes) X(7, names_bytes)
#define GO_FLAGS 8

size_t
wire_go_pack(const struct wire_go *g, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

#define X(field, name) at = wire_put_field(at, field, g->limits.name);
	GO_LIMITS(X)
#undef X
	at = wire_put_field(at, GO_FLAGS, g->flags);
	return (size_t)(at - out);
}

/* The arena is not needed, but emptied as for any message. */
bool
wire_go_unpack(struct wire_arena *arena, const uint8_t *payload, size_t length,
    struct wire_go *g)
{
	uint64_t flags = 0;
	uint64_t *const fields[] = {
#define X(field, name) [field] = &g->limits.name,
		GO_LIMITS(X)
#undef X
		[GO_FLAGS] = &flags,
	};
	struct wire_rest r = { payload, payload + length };
	bool good = length > 0 && length <= FRAME_MESSAGE_MAX;

	arena->used = 0;
	memset(g, 0, sizeof(*g));
	for (unsigned i = 1; i <= GO_FLAGS && good; i++)
		good = wire_take_field(&r, i, fields[i]);
	g->flags = (uint32_t)flags;
	return good && flags <= UINT32_MAX && r.at == r.end;
}
