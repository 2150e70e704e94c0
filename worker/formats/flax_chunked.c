/* SPDX-License-Identifier: Apache-2.0
 *
 * flax_chunked.c - an array of over 2^30 bytes, which flax cuts into flat
 * pieces because MessagePack's lengths have 32 bits:
 *	{"__msgpack_chunked_array__": true, "shape": {"0": n, ...},
 *	 "chunks": {"0": array, ...}}
 * The keys are taken in the order in which flax writes them and in no other.
 * Source: flax 0.12, flax/serialization.py, _chunk.
 */
#include "flax_tree.h"
#include "sink.h"

struct piece {
	const uint8_t *at;
	uint64_t len;
};

/* The next key of a map whose keys are known. */
static void
need_key(struct flax_tree *t, const char *key)
{
	const uint8_t *at;
	struct mp_token token = flax_next(t, &at);

	if (!mp_is(&token, key))
		flax_bad(t, at,
		    "flax: a chunked array's key is not as written");
}

/* Keys "0", "1", ... in order. */
static void
need_index(struct flax_tree *t, uint64_t index)
{
	const uint8_t *at;
	struct mp_token token = flax_next(t, &at);
	uint64_t value = 0;

	if (token.kind != MP_TEXT || token.len == 0 || token.len > 19 ||
	    (token.len > 1 && token.at[0] == '0'))
		flax_bad(t, at, "flax: a chunk's key is no number");
	for (uint64_t i = 0; i < token.len; i++) {
		if (token.at[i] < '0' || token.at[i] > '9')
			flax_bad(t, at, "flax: a chunk's key is no number");
		value = value * 10 + (uint64_t)(token.at[i] - '0');
	}
	if (value != index)
		flax_bad(t, at, "flax: chunks are not in order");
}

static uint64_t
need_map(struct flax_tree *t, const char *key)
{
	const uint8_t *at;
	struct mp_token token;

	need_key(t, key);
	token = flax_next(t, &at);
	if (token.kind != MP_MAP)
		flax_bad(t, at, "flax: a chunked array's part is no map");
	return token.len;
}

static void
chunked_shape(struct flax_tree *t, struct flax_array *a)
{
	uint64_t rank = need_map(t, "shape");
	const uint8_t *at;
	struct mp_token token;

	if (rank > RANK_MAX)
		flax_bad(t, t->c.at,
		    "flax: a chunked array of over 64 dimensions");
	a->rank = (size_t)rank;
	for (size_t i = 0; i < a->rank; i++) {
		need_index(t, i);
		token = flax_next(t, &at);
		if (token.kind != MP_INT || token.i < 0)
			flax_bad(t, at, "flax: a dimension that is none");
		a->shape[i] = (uint64_t)token.i;
	}
}

/* Returns the pieces; a->len is their sum. */
static struct piece *
chunked_pieces(struct flax_tree *t, struct flax_array *a, uint64_t count)
{
	struct piece *pieces = NULL;
	uint32_t room = 0, used = 0;
	struct flax_array chunk;
	const uint8_t *at;
	struct mp_token token;

	if (count == 0 || count > t->c.left)
		flax_bad(t, t->c.at, "flax: chunks that are not there");
	for (; used < count; used++) {
		need_index(t, used);
		token = flax_next(t, &at);
		if (token.kind != MP_EXT || token.type != FLAX_NDARRAY)
			flax_bad(t, at, "flax: a chunk is no array");
		flax_array_read(t->job, &token, &chunk);
		if (chunk.left_out == NULL && chunk.rank != 1)
			flax_bad(t, at, "flax: a chunk is not flat");
		if (used == 0)
			a->dtype = chunk.dtype;
		if (chunk.dtype != a->dtype)
			flax_bad(t, at, "flax: chunks of different dtypes");
		pieces = arena_grow(&t->job->arena, pieces, sizeof(*pieces),
		    used, used + 1, &room);
		pieces[used] = (struct piece){ chunk.at, chunk.len };
		a->len += chunk.len;	/* no overflow: they are in the file */
	}
	return pieces;
}

static void
send_chunked(struct flax_tree *t, const struct flax_array *a,
    const struct piece *pieces, uint64_t count, uint64_t where)
{
	uint32_t storage;

	if (count == 1) {
		storage = sink_extent(t->job, flax_offset(t, pieces[0].at),
		    pieces[0].len);
	} else {
		storage = sink_stream(t->job, a->len);
		for (uint64_t i = 0; i < count; i++)
			if (pieces[i].len > 0)
				sink_data(t->job, pieces[i].at,
				    (size_t)pieces[i].len);
	}
	flax_send(t, a, storage, where);
}

void
flax_chunked(struct flax_tree *t, const struct mp_token *map, const uint8_t *at)
{
	struct flax_array a = { .rank = 0 };
	const struct piece *pieces;
	const uint8_t *here;
	struct mp_token token;
	uint64_t count, bytes;

	if (map->len != 3)
		flax_bad(t, at, "flax: a chunked array is not three values");
	need_key(t, FLAX_CHUNKED);
	token = flax_next(t, &here);
	if (token.kind != MP_BOOL || token.i != 1)
		flax_bad(t, here, "flax: a chunked array that denies it");
	chunked_shape(t, &a);
	count = need_map(t, "chunks");
	pieces = chunked_pieces(t, &a, count);
	if (a.dtype == NULL) {
		a.left_out = "its dtype is not one of a tensor here";
		flax_leave_out(t, &a, flax_offset(t, at));
		return;
	}
	if (!shape_bytes(a.dtype, a.shape, a.rank, &bytes) || bytes != a.len)
		flax_bad(t, at, "flax: chunks do not fit the shape");
	send_chunked(t, &a, pieces, count, flax_offset(t, at));
}

bool
flax_is_chunked(const struct flax_tree *t, const struct mp_token *map)
{
	struct cursor c = t->c;
	struct mp_token key;

	return map->len > 0 && mp_next(&c, &key) && mp_is(&key, FLAX_CHUNKED);
}
