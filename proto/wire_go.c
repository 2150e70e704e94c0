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

/* Tags are a byte, of a number's type, which is 0. */
static bool
take_field(struct wire_rest *r, unsigned field, uint64_t *out)
{
	if (r->at == r->end || *r->at != field << 3)
		return false;
	r->at++;
	return wire_take_number(r, out);
}

/* The arena is not needed, but emptied as for any message. */
bool
wire_go_unpack(struct wire_arena *arena, const uint8_t *payload, size_t length,
    struct wire_go *g)
{
	struct wire_rest r = { payload, payload + length };
	uint64_t flags = 0;
	bool good = length > 0 && length <= FRAME_MESSAGE_MAX;

	arena->used = 0;
	memset(g, 0, sizeof(*g));
#define X(field, name) good = good && take_field(&r, field, &g->limits.name);
	GO_LIMITS(X)
#undef X
	good = good && take_field(&r, GO_FLAGS, &flags);
	g->flags = (uint32_t)flags;
	return good && flags <= UINT32_MAX && r.at == r.end;
}
