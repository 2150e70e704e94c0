/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_values.c - keys and values of a GGUF file: judged all, sent where
 * scalars are asked for.  An array's elements are scalars KEY.0, KEY.1, ...  A
 * chat template is a program for others (Jinja2): it is named, never run.
 */
#include "gguf.h"

#include <string.h>

#include "sink.h"
#include "utf8.h"

/* gguf.md: "at most 2^16-1 bytes long". */
#define KEY_MAX 65535

enum type {
	TYPE_U8, TYPE_I8, TYPE_U16, TYPE_I16, TYPE_U32, TYPE_I32, TYPE_F32,
	TYPE_BOOL, TYPE_STRING, TYPE_ARRAY, TYPE_U64, TYPE_I64, TYPE_F64,
	TYPES
};

/* 0: no fixed size. */
static const uint8_t sizes[TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

struct value {
	struct path path;
	struct path_part parts[2];	/* the key; the index in an array */
	uint64_t where;
	uint8_t index[20];		/* its digits */
};

static void __attribute__((noreturn))
fail(struct gguf *g, const struct value *v, const char *text)
{
	die_about(g->job, FAULT_FORMAT, v->where, text, v->parts[0].at,
	    v->parts[0].len);
}

static bool
key_is(const struct value *v, const char *key)
{
	return v->parts[0].len == strlen(key) &&
	    memcmp(v->parts[0].at, key, v->parts[0].len) == 0;
}

static size_t
decimal(uint8_t *out, uint64_t n)
{
	uint8_t digits[20];
	size_t count = 0, len = 0;

	do {
		digits[count++] = (uint8_t)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	while (count > 0)
		out[len++] = digits[--count];
	return len;
}

static void
set_integer(struct scalar_out *out, uint64_t value, unsigned bytes,
    bool is_signed, uint8_t big[9])
{
	unsigned spare = 64 - 8 * bytes;

	out->kind = SCALAR_INT;
	if (is_signed) {
		/* The sign is carried down. */
		out->i = (int64_t)(value << spare) >> spare;
	} else if (value <= INT64_MAX) {
		out->i = (int64_t)value;
	} else {
		out->kind = SCALAR_BIGINT;
		for (unsigned i = 0; i < 8; i++)
			big[i] = (uint8_t)(value >> 8 * i);
		big[8] = 0;
		out->at = big;
		out->len = 9;
	}
}

/* A number or a bool; false when the bool is neither 0 nor 1. */
static bool
send_number(struct gguf *g, const struct value *v, enum type type)
{
	struct scalar_out out = { 0 };
	unsigned bytes = sizes[type];
	uint8_t big[9];
	uint64_t raw = bytes == 1 ? cursor_u8(&g->c) : bytes == 2 ?
	    gguf_u16(g) : bytes == 4 ? gguf_u32(g) : gguf_u64(g);
	uint32_t low = (uint32_t)raw;
	float single;

	if (type == TYPE_BOOL) {
		if (raw > 1)
			return false;
		out.kind = SCALAR_BOOL;
		out.i = raw == 1;
	} else if (type == TYPE_F32) {
		out.kind = SCALAR_FLOAT;
		memcpy(&single, &low, sizeof(single));
		out.f = (double)single;
	} else if (type == TYPE_F64) {
		out.kind = SCALAR_FLOAT;
		memcpy(&out.f, &raw, sizeof(out.f));
	} else {
		set_integer(&out, raw, bytes, type == TYPE_I8 ||
		    type == TYPE_I16 || type == TYPE_I32 || type == TYPE_I64,
		    big);
	}
	if (!g->c.bad)
		sink_scalar(g->job, &v->path, &out);
	return true;
}

/* Tokens need not be UTF-8: those that are not are bytes. */
static uint64_t
send_string(struct gguf *g, const struct value *v)
{
	struct scalar_out out = { .kind = SCALAR_BYTES };
	uint64_t length;
	const uint8_t *at = gguf_string(g, &length);

	if ((g->job->flags & GO_SCALARS) == 0)
		return length;
	if (utf8_good(at, (size_t)length) == length)
		out.kind = SCALAR_TEXT;
	out.at = at;
	out.len = length;
	sink_scalar(g->job, &v->path, &out);
	return length;
}

static void
read_array(struct gguf *g, struct value *v)
{
	uint32_t type = gguf_u32(g);
	uint64_t count = gguf_length(g), least;

	gguf_whole(g, v->where);
	if (type >= TYPES)
		fail(g, v, "gguf: an array of an unknown type");
	if (type == TYPE_ARRAY)
		die_about(g->job, FAULT_UNSUPPORTED, v->where,
		    "gguf: an array of arrays", v->parts[0].at,
		    v->parts[0].len);
	least = type != TYPE_STRING ? sizes[type] : g->version == 1 ? 4 : 8;
	if (count > g->c.left / least)
		fail(g, v, "gguf: an array is longer than the file");
	if (type != TYPE_STRING && type != TYPE_BOOL &&
	    (g->job->flags & GO_SCALARS) == 0) {
		cursor_bytes(&g->c, count * least);
		return;
	}
	v->path.count = 2;
	for (uint64_t i = 0; i < count; i++) {
		v->parts[1].len = (uint32_t)decimal(v->index, i);
		if (type == TYPE_STRING)
			send_string(g, v);
		else if (!send_number(g, v, (enum type)type))
			fail(g, v, "gguf: a bool that is neither 0 nor 1");
	}
}

static void
note_template(struct gguf *g, const struct value *v, uint64_t length)
{
	static const char key[] = "tokenizer.chat_template";
	static const char before[] = "chat template (Jinja2) of ";
	char text[sizeof(before) + 32];
	size_t used = sizeof(before) - 1;

	if (v->parts[0].len < sizeof(key) - 1 ||
	    memcmp(v->parts[0].at, key, sizeof(key) - 1) != 0)
		return;
	memcpy(text, before, used);
	used += decimal((uint8_t *)text + used, length);
	memcpy(text + used, " bytes", sizeof(" bytes"));
	sink_note_about(g->job, NOTE_RECORD, VERDICT_CLEAN, v->where, text,
	    v->parts[0].at, v->parts[0].len);
}

static void
read_alignment(struct gguf *g, const struct value *v, uint32_t type)
{
	struct gguf ahead = *g;
	uint32_t alignment = gguf_u32(&ahead);

	gguf_whole(&ahead, v->where);
	if (type != TYPE_U32 || alignment == 0 ||
	    (alignment & (alignment - 1)) != 0)
		fail(g, v, "gguf: the alignment is no power of two");
	g->alignment = alignment;
}

static void
read_value(struct gguf *g, struct unique *keys)
{
	struct value v = { .where = gguf_at(g) };
	uint64_t length;
	uint32_t type;

	v.parts[0].at = gguf_string(g, &length);
	v.parts[0].kind = PATH_KEY;
	v.parts[1] = (struct path_part){ .at = v.index, .kind = PATH_INDEX };
	v.path = (struct path){ .parts = v.parts, .count = 1 };
	if (length == 0 || length > KEY_MAX)
		die(g->job, FAULT_FORMAT, v.where,
		    "gguf: a key is empty or over 65,535 bytes");
	v.parts[0].len = (uint32_t)length;
	if (utf8_good(v.parts[0].at, (size_t)length) != length)
		fail(g, &v, "gguf: a key is not UTF-8");
	if (!unique_add(g->job, keys, v.parts[0].at, (size_t)length))
		fail(g, &v, "gguf: a key is there twice");
	type = gguf_u32(g);
	if (key_is(&v, "general.alignment"))
		read_alignment(g, &v, type);
	if (!g->c.bad && type >= TYPES)
		fail(g, &v, "gguf: a value of an unknown type");
	if (type == TYPE_ARRAY)
		read_array(g, &v);
	else if (type == TYPE_STRING)
		note_template(g, &v, send_string(g, &v));
	else if (!g->c.bad && !send_number(g, &v, (enum type)type))
		fail(g, &v, "gguf: a bool that is neither 0 nor 1");
	gguf_whole(g, v.where);
}

void
gguf_values(struct gguf *g, uint64_t count)
{
	struct unique keys;

	unique_init(g->job, &keys);
	for (uint64_t i = 0; i < count; i++)
		read_value(g, &keys);
}
