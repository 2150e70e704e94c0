/* SPDX-License-Identifier: Apache-2.0
 *
 * msgpack_read.c - see msgpack_read.h.  Source: the MessagePack specification
 * (spec.md, version 5: bin and ext).  Longer forms than a value needs are
 * taken, as every reader takes them.
 */
#include "msgpack_read.h"

#include <string.h>

/* width bytes, big-endian. */
static uint64_t
big(struct cursor *c, unsigned width)
{
	const uint8_t *p = cursor_bytes(c, width);
	uint64_t value = 0;

	for (unsigned i = 0; p != NULL && i < width; i++)
		value = value << 8 | p[i];
	return value;
}

static void
take_bytes(struct cursor *c, struct mp_token *t, enum mp_kind kind,
    uint64_t length)
{
	t->kind = kind;
	t->len = length;
	t->at = cursor_bytes(c, length);
}

static void
take_ext(struct cursor *c, struct mp_token *t, uint64_t length)
{
	t->type = (int8_t)cursor_u8(c);
	take_bytes(c, t, MP_EXT, length);
}

static void
take_count(struct mp_token *t, enum mp_kind kind, uint64_t count)
{
	t->kind = kind;
	t->len = count;
}

static void
take_float(struct cursor *c, struct mp_token *t, unsigned width)
{
	uint64_t bits = big(c, width);
	uint32_t low = (uint32_t)bits;
	float f;

	t->kind = MP_FLOAT;
	if (width == 8) {
		memcpy(&t->f, &bits, sizeof t->f);
		return;
	}
	memcpy(&f, &low, sizeof f);
	t->f = (double)f;
}

static void
take_unsigned(struct cursor *c, struct mp_token *t, unsigned width)
{
	uint64_t value = big(c, width);

	t->kind = value > INT64_MAX ? MP_BIG : MP_INT;
	t->len = value > INT64_MAX ? value : 0;
	t->i = value > INT64_MAX ? 0 : (int64_t)value;
}

static void
take_signed(struct cursor *c, struct mp_token *t, unsigned width)
{
	uint64_t value = big(c, width);
	unsigned spare = 64 - 8 * width;

	t->kind = MP_INT;
	t->i = (int64_t)(value << spare) >> spare;
}

/* 0xc0 to 0xdf, where the byte says the kind and the width of its length. */
static bool
take_marked(struct cursor *c, struct mp_token *t, uint8_t code)
{
	switch (code) {
	case 0xc0:
		t->kind = MP_NIL;
		return true;
	case 0xc2: case 0xc3:
		t->kind = MP_BOOL;
		t->i = code & 1;
		return true;
	case 0xc4: case 0xc5: case 0xc6:
		take_bytes(c, t, MP_BYTES, big(c, 1u << (code - 0xc4)));
		return true;
	case 0xc7: case 0xc8: case 0xc9:
		take_ext(c, t, big(c, 1u << (code - 0xc7)));
		return true;
	case 0xca: case 0xcb:
		take_float(c, t, code == 0xca ? 4 : 8);
		return true;
	case 0xcc: case 0xcd: case 0xce: case 0xcf:
		take_unsigned(c, t, 1u << (code - 0xcc));
		return true;
	case 0xd0: case 0xd1: case 0xd2: case 0xd3:
		take_signed(c, t, 1u << (code - 0xd0));
		return true;
	case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
		take_ext(c, t, UINT64_C(1) << (code - 0xd4));
		return true;
	case 0xd9: case 0xda: case 0xdb:
		take_bytes(c, t, MP_TEXT, big(c, 1u << (code - 0xd9)));
		return true;
	case 0xdc: case 0xdd:
		take_count(t, MP_ARRAY, big(c, code == 0xdc ? 2 : 4));
		return true;
	case 0xde: case 0xdf:
		take_count(t, MP_MAP, big(c, code == 0xde ? 2 : 4));
		return true;
	default:
		return false;
	}
}

bool
mp_next(struct cursor *c, struct mp_token *out)
{
	uint8_t code = cursor_u8(c);

	*out = (struct mp_token){ .kind = MP_NIL };
	if (c->bad)
		return false;
	if (code < 0x80 || code >= 0xe0) {
		out->kind = MP_INT;
		out->i = (int8_t)code;
	} else if (code < 0x90) {
		take_count(out, MP_MAP, code & 0x0f);
	} else if (code < 0xa0) {
		take_count(out, MP_ARRAY, code & 0x0f);
	} else if (code < 0xc0) {
		take_bytes(c, out, MP_TEXT, code & 0x1f);
	} else if (!take_marked(c, out, code)) {
		c->bad = true;
	}
	return !c->bad;
}

bool
mp_is(const struct mp_token *t, const char *text)
{
	return t->kind == MP_TEXT && t->len == strlen(text) &&
	    memcmp(t->at, text, t->len) == 0;
}
