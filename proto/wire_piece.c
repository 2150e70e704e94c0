/* SPDX-License-Identifier: Apache-2.0
 *
 * wire_piece.c - reads the message that carries a box of a tensor in another
 * file.  See wire.c, which this is a part of.  Trusts no payload, and judges no
 * value.
 */
#include "wire_inside.h"

/* NULL: no room in the arena. */
static const struct wire_bytes *
got_path(struct wire_arena *arena, const ProtobufCBinaryData *from,
    size_t count)
{
	/* count is at most half the frame's bytes: the product is small. */
	struct wire_bytes *path = wire_bump(arena, count * sizeof(*path));

	for (size_t i = 0; path != NULL && i < count; i++)
		path[i] = wire_got(from[i]);
	return path;
}

bool
wire_piece_unpack(struct wire_arena *arena, const uint8_t *payload,
    size_t length, struct wire_piece *p)
{
	Pf__Piece m;

	if (!wire_unpack(arena, &pf__piece__descriptor, payload, length, &m))
		return false;
	p->path = got_path(arena, m.path, m.n_path);
	if (p->path == NULL)
		return false;
	p->name = wire_got(m.name);
	p->path_count = m.n_path;
	p->path_kinds = wire_got(m.path_kinds);
	p->dtype = m.dtype;
	p->shape = m.shape;
	p->rank = m.n_shape;
	p->start = m.start;
	p->start_count = m.n_start;
	p->size = m.size;
	p->size_count = m.n_size;
	p->kind = m.kind;
	p->file = wire_got(m.file);
	p->offset = m.offset;
	p->length = m.length;
	return true;
}
