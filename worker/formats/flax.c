/* SPDX-License-Identifier: Apache-2.0
 *
 * flax.c - a tree of MessagePack maps whose leaves are arrays, as flax's
 * to_bytes and msgpack_serialize write it.  MessagePack has no magic, so the
 * file is taken for one only when everything up to its first array is
 * well-formed and that array is what flax writes: an extension of type 1 that
 * holds a shape, a dtype's name and bytes.  No recursion: a stack of frames, as
 * deep as the limit on nesting.
 * Source: flax 0.12, flax/serialization.py.
 */
#include <string.h>

#include "flax_tree.h"
#include "formats.h"
#include "sink.h"
#include "unique.h"
#include "utf8.h"
#include "vocabulary_numpy.h"

/* An honest tree has an array among its first few values; a file of plain
 * values alone is not a checkpoint. */
#define LOOK_TOKENS 65536
/* Of an int64_t, with its sign. */
#define KEY_DIGITS 20

bool
flax_is(struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	struct mp_token t;
	uint64_t open = 1;
	bool map = false;

	for (unsigned n = 0; n < LOOK_TOKENS && open > 0; n++) {
		if (!mp_next(&c, &t))
			return false;
		open--;
		if (flax_array_is(&t))
			return map || n == 0;
		if (n == 0 && (t.kind != MP_MAP || t.len == 0))
			return false;
		if (n == 1 && t.kind != MP_TEXT)
			return false;
		map = true;
		if (t.kind == MP_MAP || t.kind == MP_ARRAY)
			open += t.kind == MP_MAP ? 2 * t.len : t.len;
	}
	return false;
}

uint64_t
flax_offset(const struct flax_tree *t, const uint8_t *at)
{
	return (uint64_t)(at - t->job->map);
}

void
flax_bad(const struct flax_tree *t, const uint8_t *at, const char *text)
{
	die(t->job, FAULT_FORMAT, flax_offset(t, at), text);
}

/* The next token; *at: where it begins. */
struct mp_token
flax_next(struct flax_tree *t, const uint8_t **at)
{
	struct mp_token token;

	*at = t->c.at;
	if (!mp_next(&t->c, &token))
		flax_bad(t, *at, t->c.left == 0 || **at != 0xc1 ?
		    "msgpack: the file ends inside a value" :
		    "msgpack: a byte that begins no value");
	if (++t->nodes > t->job->limits.nodes)
		die(t->job, FAULT_LIMIT, flax_offset(t, *at),
		    "values are over the limit nodes");
	return token;
}

static struct path
path_of(const struct flax_tree *t)
{
	return (struct path){ t->parts, (size_t)t->depth, NULL };
}

static void
push(struct flax_tree *t, const struct mp_token *token, const uint8_t *at)
{
	struct flax_frame *f;

	if (t->depth >= t->job->limits.nesting)
		die(t->job, FAULT_LIMIT, flax_offset(t, at),
		    "values are nested deeper than the limit nesting");
	f = &t->frames[t->depth];
	*f = (struct flax_frame){ .left = token->len };
	if (token->kind == MP_MAP)
		f->map = ++t->maps;
	t->parts[t->depth++] = (struct path_part){ .at = f->digits };
}

/* ------------------------------------------------------------- leaves -- */

void
flax_send(struct flax_tree *t, const struct flax_array *a, uint32_t storage,
    uint64_t where)
{
	uint64_t strides[RANK_MAX];
	struct tensor_out out = {
		.path = path_of(t), .dtype = a->dtype->code, .rank = a->rank,
		.shape = a->shape, .strides = strides, .storage = storage,
		.where = where
	};

	if (!shape_strides(a->shape, a->rank, strides))
		die(t->job, FAULT_FORMAT, where, "flax: strides overflow");
	sink_tensor(t->job, &out);
	sink_progress(t->job, where, t->job->size);
}

void
flax_leave_out(const struct flax_tree *t, const struct flax_array *a,
    uint64_t where)
{
	struct path path = path_of(t);

	sink_skip(t->job, &path, VERDICT_CLEAN, where, a->left_out);
}

static void
send_number(const struct flax_tree *t, const struct flax_array *a)
{
	struct path path = path_of(t);
	struct scalar_out out = { .kind = SCALAR_INT };
	uint64_t bits = 0;

	if (a->dtype == NULL || a->len > sizeof(bits))
		return;
	for (uint64_t i = a->len; i-- > 0;)
		bits = bits << 8 | a->at[i];
	if (numpy_scalar_value(a->dtype, bits, &out))
		sink_scalar(t->job, &path, &out);
}

static void
take_array(struct flax_tree *t, const struct mp_token *token, const uint8_t *at)
{
	struct flax_array a;
	uint64_t where = flax_offset(t, at);

	flax_array_read(t->job, token, &a);
	if (token->type == FLAX_SCALAR && a.rank == 0)
		send_number(t, &a);
	else if (a.left_out != NULL)
		flax_leave_out(t, &a, where);
	else
		flax_send(t, &a, sink_extent(t->job, flax_offset(t, a.at),
		    a.len), where);
}

static void
take_complex(struct flax_tree *t, const struct mp_token *token)
{
	static const char *const names[2] = { "real", "imag" };
	struct cursor c = cursor_over(token->at, (size_t)token->len);
	struct path path = path_of(t);
	struct scalar_out out = { .kind = SCALAR_FLOAT };
	struct mp_token part;

	if (!mp_next(&c, &part) || part.kind != MP_ARRAY || part.len != 2)
		flax_bad(t, token->at,
		    "flax: a complex number is not two");
	for (unsigned i = 0; i < 2; i++) {
		if (!mp_next(&c, &part) ||
		    (part.kind != MP_FLOAT && part.kind != MP_INT))
			flax_bad(t, token->at,
			    "flax: a complex number is not two");
		out.f = part.kind == MP_FLOAT ? part.f : (double)part.i;
		path.suffix = names[i];
		sink_scalar(t->job, &path, &out);
	}
	if (c.left != 0)
		flax_bad(t, c.at, "flax: bytes after a complex number");
}

static void
take_plain(struct flax_tree *t, const struct mp_token *token)
{
	static const enum scalar_kind kinds[] = {
		[MP_NIL] = SCALAR_NULL, [MP_BOOL] = SCALAR_BOOL,
		[MP_INT] = SCALAR_INT, [MP_BIG] = SCALAR_BIGINT,
		[MP_FLOAT] = SCALAR_FLOAT, [MP_TEXT] = SCALAR_TEXT,
		[MP_BYTES] = SCALAR_BYTES
	};
	struct path path = path_of(t);
	struct scalar_out out = {
		.kind = kinds[token->kind], .i = token->i, .f = token->f,
		.at = token->at, .len = token->len
	};
	uint8_t big[9] = { 0 };

	if (token->kind == MP_BIG) {
		for (unsigned i = 0; i < 8; i++)
			big[i] = (uint8_t)(token->len >> 8 * i);
		out.at = big;
		out.len = sizeof big;
	}
	sink_scalar(t->job, &path, &out);
}

/* ---------------------------------------------------------------- tree -- */

static void
take_value(struct flax_tree *t)
{
	const uint8_t *at;
	struct mp_token token = flax_next(t, &at);

	switch (token.kind) {
	case MP_MAP:
		if (flax_is_chunked(t, &token)) {
			flax_chunked(t, &token, at);
			return;
		}
		push(t, &token, at);
		return;
	case MP_ARRAY:
		push(t, &token, at);
		return;
	case MP_EXT:
		if (token.type == FLAX_NDARRAY || token.type == FLAX_SCALAR)
			take_array(t, &token, at);
		else if (token.type == FLAX_COMPLEX)
			take_complex(t, &token);
		else
			sink_note(t->job, NOTE_RECORD, VERDICT_UNUSUAL,
			    flax_offset(t, at),
			    "msgpack: an extension that flax does not have");
		return;
	case MP_TEXT:
		if (utf8_good(token.at, (size_t)token.len) != token.len)
			flax_bad(t, at, "msgpack: text that is not UTF-8");
		break;
	case MP_NIL:
	case MP_BOOL:
	case MP_INT:
	case MP_BIG:
	case MP_FLOAT:
	case MP_BYTES:
		break;
	}
	take_plain(t, &token);
}

/* One map never has a key twice: readers would differ on which counts.  A
 * number and its digits are two keys. */
static const uint8_t *
add_key(struct flax_tree *t, const struct flax_frame *f,
    const struct mp_token *token, uint64_t where)
{
	size_t front = sizeof(f->map) + 1;
	uint8_t *whole;

	if (token->len > UINT32_MAX - front)
		die(t->job, FAULT_FORMAT, where,
		    "msgpack: a map's key is too long");
	whole = arena_alloc(&t->job->arena, front + token->len, 1);
	memcpy(whole, &f->map, sizeof(f->map));
	whole[front - 1] = token->kind == MP_INT;
	if (token->len > 0)
		memcpy(whole + front, token->at, (size_t)token->len);
	if (!unique_add(t->job, &t->keys, whole, front + (size_t)token->len))
		die_about(t->job, FAULT_FORMAT, where,
		    "msgpack: a map has a key twice", token->at,
		    (size_t)token->len);
	return whole + front;
}

/* token->at and ->len become the digits, which stand in room. */
static void
key_digits(struct mp_token *token, uint8_t room[KEY_DIGITS])
{
	uint64_t rest = token->i < 0 ? -(uint64_t)token->i :
	    (uint64_t)token->i;
	size_t at = KEY_DIGITS;

	do {
		room[--at] = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (token->i < 0)
		room[--at] = '-';
	token->at = room + at;
	token->len = KEY_DIGITS - at;
}

static void
take_key(struct flax_tree *t, struct flax_frame *f, struct path_part *part)
{
	uint8_t digits[KEY_DIGITS];
	const uint8_t *at;
	struct mp_token token = flax_next(t, &at);

	/* msgpack-python's strict_map_key, which flax turns off: any value
	 * that has a hash would do there. */
	if (token.kind == MP_INT)
		key_digits(&token, digits);
	else if (token.kind != MP_TEXT && token.kind != MP_BYTES)
		flax_bad(t, at, "msgpack: a map's key is neither text, bytes "
		    "nor a number of 63 bits");
	if (utf8_good(token.at, (size_t)token.len) != token.len)
		flax_bad(t, at, "msgpack: a map's key is not UTF-8");
	if (mp_is(&token, FLAX_CHUNKED))
		flax_bad(t, at,
		    "flax: a chunked array's mark is not its first key");
	*part = (struct path_part){ add_key(t, f, &token,
	    flax_offset(t, at)), (uint32_t)token.len, PATH_KEY };
}

static void
take_index(struct flax_frame *f, struct path_part *part)
{
	uint64_t rest = f->index++;
	size_t at = sizeof(f->digits);

	do {
		f->digits[--at] = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	*part = (struct path_part){ f->digits + at,
		(uint32_t)(sizeof(f->digits) - at), PATH_INDEX };
}

void
flax_parse(struct job *job)
{
	struct flax_tree t = {
		.job = job, .c = cursor_over(job->map, (size_t)job->size)
	};
	struct flax_frame *f;

	t.frames = arena_alloc(&job->arena, job->limits.nesting + 1,
	    sizeof(*t.frames));
	t.parts = arena_alloc(&job->arena, job->limits.nesting + 1,
	    sizeof(*t.parts));
	unique_init(job, &t.keys);
	take_value(&t);
	while (t.depth > 0) {
		f = &t.frames[t.depth - 1];
		if (f->left == 0) {
			t.depth--;
			continue;
		}
		f->left--;
		if (f->map != 0)
			take_key(&t, f, &t.parts[t.depth - 1]);
		else
			take_index(f, &t.parts[t.depth - 1]);
		take_value(&t);
	}
	if (t.c.left != 0)
		flax_bad(&t, t.c.at, "msgpack: bytes after the tree");
}
