/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_gguf.c - ggml's files: walks counts, keys, values and infos as far as
 * they can be followed; sets one number (a count, a length, a type, an offset)
 * to a boundary, changes a text's length together with its bytes, repeats,
 * drops and exchanges whole keys and infos, and mends the counts.  Source of
 * the layout: ggml's docs/gguf.md.
 */
#include <string.h>

#include "mutate.h"

#define FIELDS 512
#define RECORDS 256

enum field_kind { COUNT, LENGTH, TYPE, DIMENSION, OFFSET, VALUE };

struct field {
	size_t at;
	size_t width;
	enum field_kind kind;
};
struct record {
	size_t at;
	size_t end;
	bool info;		/* of a tensor; else a key */
};

struct gguf {
	uint8_t *bytes;
	size_t size;
	size_t max;
	size_t at;
	size_t wide;		/* of counts and lengths: 4 in version 1 */
	bool big;
	bool bad;
	size_t field_count;
	size_t record_count;
	struct field fields[FIELDS];
	struct record records[RECORDS];
};

static uint64_t
get(const struct gguf *g, size_t at, size_t width)
{
	uint64_t value = get_le(g->bytes + at, width);

	return g->big ? __builtin_bswap64(value) >> (64 - 8 * width) : value;
}

static void
put(struct gguf *g, size_t at, size_t width, uint64_t value)
{
	if (g->big)
		value = __builtin_bswap64(value) >> (64 - 8 * width);
	put_le(g->bytes + at, width, value);
}

static uint64_t
number(struct gguf *g, size_t width, enum field_kind kind)
{
	uint64_t value;

	if (g->bad || g->size - g->at < width) {
		g->bad = true;
		return 0;
	}
	if (g->field_count < FIELDS)
		g->fields[g->field_count++] = (struct field){ g->at, width,
			kind };
	value = get(g, g->at, width);
	g->at += width;
	return value;
}

static void
skip(struct gguf *g, uint64_t length)
{
	if (g->bad || length > g->size - g->at)
		g->bad = true;
	else
		g->at += (size_t)length;
}

/* By their numbers; strings (8) and arrays (9) apart. */
static size_t
value_width(uint64_t type)
{
	static const uint8_t widths[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8,
		8 };

	return type < sizeof(widths) ? widths[type] : 0;
}

static void
value(struct gguf *g)
{
	uint64_t type = number(g, 4, TYPE);
	uint64_t count = 1;

	if (type == 9) {
		type = number(g, 4, TYPE);
		count = number(g, g->wide, COUNT);
	}
	if (type == 8)
		for (; count > 0 && !g->bad; count--)
			skip(g, number(g, g->wide, LENGTH));
	else if (value_width(type) == 0)
		g->bad = true;
	else if (count == 1)
		(void)number(g, value_width(type), VALUE);
	else if (count <= g->size)
		skip(g, count * value_width(type));
	else
		g->bad = true;
}

static void
info(struct gguf *g)
{
	uint64_t rank = number(g, 4, COUNT);

	for (; rank > 0 && !g->bad; rank--)
		(void)number(g, g->wide, DIMENSION);
	(void)number(g, 4, TYPE);
	(void)number(g, 8, OFFSET);
}

static void
gguf_walk(struct gguf *g)
{
	uint64_t tensors;
	uint64_t keys;
	uint32_t version;

	g->at = 4;
	version = (uint32_t)number(g, 4, VALUE);
	g->big = (version & 0xffff) == 0;
	g->wide = (g->big ? version >> 24 : version) == 1 ? 4 : 8;
	tensors = number(g, g->wide, COUNT);
	keys = number(g, g->wide, COUNT);
	while (!g->bad && keys + tensors > 0 && g->record_count < RECORDS) {
		struct record *r = &g->records[g->record_count];

		r->at = g->at;
		r->info = keys == 0;
		skip(g, number(g, g->wide, LENGTH));
		if (r->info)
			info(g);
		else
			value(g);
		r->end = g->at;
		if (r->info)
			tensors--;
		else
			keys--;
		g->record_count += !g->bad;
	}
}

static size_t
set_field(struct gguf *g, struct dice *d)
{
	struct field f = g->fields[dice_roll(d, g->field_count)];
	uint64_t old = get(g, f.at, f.width);
	uint64_t fresh = old + dice_roll(d, 5) - 2;

	if (f.kind == TYPE && dice_roll(d, 4) != 0)
		fresh = dice_roll(d, 44);
	else if (f.kind == OFFSET && dice_roll(d, 2) == 0)
		fresh = dice_roll(d, 16) * 16;
	else if (f.kind == VALUE && dice_roll(d, 2) == 0)
		fresh = dice_roll(d, 2) == 0 ? UINT64_C(1) << dice_roll(d, 33)
		    : dice_roll(d, 6);
	else if (dice_roll(d, 2) == 0)
		fresh = dice_edge(d);
	put(g, f.at, f.width, fresh);
	return g->size;
}

/* A text and its length grow or shrink together. */
static size_t
set_text(struct gguf *g, struct dice *d)
{
	static const struct snippet texts[] = {
		SNIPPET(""), SNIPPET("general.alignment"),
		SNIPPET("general.architecture"), SNIPPET("general.file_type"),
		SNIPPET("split.count"), SNIPPET("split.no"),
		SNIPPET("tokenizer.chat_template"), SNIPPET("w"),
		SNIPPET("a\0b"), SNIPPET("\xff"), SNIPPET("\xc3\xa9"),
		SNIPPET("A.B"), SNIPPET("{{ x.__class__ }}"),
		SNIPPET("0123456789abcdef0123456789abcdef"
		    "0123456789abcdef0123456789abcdef"),
	};
	struct snippet s = DICE_PICK(texts, d);

	for (unsigned tries = 0; tries < 8; tries++) {
		struct field f = g->fields[dice_roll(d, g->field_count)];
		uint64_t old = get(g, f.at, f.width);
		size_t size;

		if (f.kind != LENGTH || old > g->size - f.at - f.width)
			continue;
		size = splice(g->bytes, g->size, g->max, f.at + f.width,
		    (size_t)old, s.at, s.length);
		if (size > 0)
			put(g, f.at, f.width, s.length);
		return size;
	}
	return 0;
}

static void
recount(struct gguf *g, bool info, uint64_t by)
{
	size_t at = info ? 8 : 8 + g->wide;

	put(g, at, g->wide, get(g, at, g->wide) + by);
}

static size_t
edit_records(struct gguf *g, struct dice *d)
{
	static uint8_t copy[4096];
	size_t i = dice_roll(d, g->record_count);
	struct record r = g->records[i];
	size_t length = r.end - r.at;
	size_t size;

	switch (dice_roll(d, 3)) {
	case 0:
		if (length > sizeof(copy))
			return 0;
		memcpy(copy, g->bytes + r.at, length);
		size = splice(g->bytes, g->size, g->max, r.at, 0, copy, length);
		if (size > 0 && dice_roll(d, 8) != 0)
			recount(g, r.info, 1);
		return mutate_made("gguf: repeat", size);
	case 1:
		size = splice(g->bytes, g->size, g->max, r.at, length, NULL, 0);
		if (dice_roll(d, 8) != 0)
			recount(g, r.info, UINT64_MAX);
		return mutate_made("gguf: drop", size);
	default:
		if (i + 1 == g->record_count)
			return 0;
		exchange(g->bytes, r.at, r.end, g->records[i + 1].end);
		return mutate_made("gguf: exchange", g->size);
	}
}

size_t
mutate_gguf(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct gguf g;
	struct dice d = dice_of(seed);

	g = (struct gguf){ .bytes = data, .size = size, .max = max_size };
	gguf_walk(&g);
	if (g.field_count == 0)
		return 0;
	switch (dice_roll(&d, 8)) {
	case 0:
		return mutate_made("gguf: text", set_text(&g, &d));
	case 1:
	case 2:
		return g.record_count == 0 ? 0 : edit_records(&g, &d);
	default:
		return mutate_made("gguf: number", set_field(&g, &d));
	}
}
