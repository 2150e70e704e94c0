/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_go.c - Go, the one message that a worker reads, and the way back.  By
 * hand, so that a worker needs no protobuf-c (see wire_pack.c): ten numbers,
 * each there once and in order.  Refuses every other encoding of them, as
 * canonical.c does; judges no value but that the last three have 32 bits.
 */
#include "wire.h"
#include "wire_put.h"
#include "wire_take.h"

/* The limits that travel, with the numbers of their fields. */
#define GO_LIMITS(X) \
	X(1, streamed_bytes) X(2, contiguous_bytes) X(3, tensors) X(4, nodes) \
	X(5, nesting) X(6, notes) X(7, names_bytes)
/* The numbers of 32 bits. */
#define GO_NUMBERS(X) X(8, flags) X(9, shares) X(10, share)
#define GO_LAST 10

size_t
wire_go_pack(const struct wire_go *g, uint8_t out[FRAME_MESSAGE_MAX])
{
	uint8_t *at = out;

#define X(field, name) at = wire_put_field(at, field, g->limits.name);
	GO_LIMITS(X)
#undef X
#define X(field, name) at = wire_put_field(at, field, g->name);
	GO_NUMBERS(X)
#undef X
	return (size_t)(at - out);
}

/* The arena is not needed, but emptied as for any message. */
bool
wire_go_unpack(struct wire_arena *arena, const uint8_t *payload, size_t length,
    struct wire_go *g)
{
	uint64_t flags = 0;
	uint64_t shares = 0;
	uint64_t share = 0;
	uint64_t *const fields[] = {
#define X(field, name) [field] = &g->limits.name,
		GO_LIMITS(X)
#undef X
#define X(field, name) [field] = &(name),
		GO_NUMBERS(X)
#undef X
	};
	struct wire_rest r = { payload, payload + length };
	bool good = length > 0 && length <= FRAME_MESSAGE_MAX;

	arena->used = 0;
	memset(g, 0, sizeof(*g));
	for (unsigned i = 1; i <= GO_LAST && good; i++)
		good = wire_take_field(&r, i, fields[i]);
#define X(field, name)                      \
	good = good && name <= UINT32_MAX; \
	g->name = (uint32_t)(name);
	GO_NUMBERS(X)
#undef X
	return good && r.at == r.end;
}
