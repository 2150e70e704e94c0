/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_nested.c - pickles inside the bytes and texts of a pickle: found by
 * how they begin, run quietly, their nodes appended for the scan to read.  Only
 * a report: weights are bytes too, so what merely looks like a pickle must
 * leave no trace.  Bounded in depth, and in bytes for all of them together.
 */
#include "verdict_parts.h"

#include "cursor.h"

#include <string.h>

/* The shortest with a call: "cos\nabort\n)R." is 13 bytes. */
#define NEST_MIN 12
/* How far to look for the first global of a pickle without PROTO. */
#define NEST_LOOK (UINT64_C(64) * 1024)
/* Pickles of a legacy torch file. */
#define LEGACY_STREAMS 5

static bool
is_word(uint8_t c)
{
	return c == '_' || c == '.' || (c >= '0' && c <= '9') ||
	    (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
all_words(const uint8_t *at, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (!is_word(at[i]))
			return false;
	return len > 0;
}

/* "...cos\nsystem\n": two lines as GLOBAL and INST have them. */
static bool
has_global_lines(const uint8_t *at, uint64_t len)
{
	const uint8_t *end = at + (len < NEST_LOOK ? len : NEST_LOOK);
	const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
	const uint8_t *from = at;

	while (line != NULL) {
		const uint8_t *next = memchr(line + 1, '\n',
		    (size_t)(end - line - 1));
		const uint8_t *p = line;

		if (next != NULL && all_words(line + 1,
		    (uint64_t)(next - line - 1))) {
			while (p > from && is_word(p[-1]))
				p--;
			for (; line - p >= 2; p++)
				if (*p == 'c' || *p == 'i')
					return true;
		}
		from = line + 1;
		line = next;
	}
	return false;
}

static bool
looks_like_pickle(const uint8_t *at, uint64_t len)
{
	struct cursor c;
	uint64_t frame;

	if (len < NEST_MIN || machine_opcode_name(at[0]) == NULL)
		return false;
	if (at[0] == 0x80)	/* PROTO */
		return at[1] <= 5 && machine_opcode_name(at[2]) != NULL;
	if (at[0] == 0x95) {	/* FRAME */
		c = cursor_over(at + 1, sizeof frame);
		frame = cursor_u64le(&c);
		return frame > 0 && frame <= len - 9;
	}
	if (at[0] == 0x8c)	/* SHORT_BINUNICODE of a module */
		return at[1] < len - 2 && all_words(at + 2, at[1]);
	return has_global_lines(at, len);
}

/* In something that may be chance, an attack is a call of a dangerous name that
 * is spelt like one.  known: and whose module is one that everybody has.  (An
 * array of objects, read on as if it were no array, finds other names under the
 * numbers of its own, and puts them together as nobody would.) */
static bool
calls_danger(const struct scan *s, vref first, vref end, bool known)
{
	for (vref v = first; v < end; v = graph_after(s->g, v)) {
		const struct value *call = graph_at(s->g, v);
		const struct value *node;
		const uint8_t *module;
		const uint8_t *name;
		uint64_t module_len;
		uint64_t name_len;

		if (call->kind != VALUE_CALL ||
		    !value_is_node(call->as.call.callable))
			continue;
		node = graph_at(s->g, call->as.call.callable);
		if (node->kind == VALUE_GLOBAL &&
		    value_text(s->g, node->as.global.module, true, &module,
		    &module_len) && value_text(s->g, node->as.global.name,
		    true, &name, &name_len) &&
		    module_len >= 2 && all_words(module, module_len) &&
		    name_len >= 2 && all_words(name, name_len) &&
		    (!known || verdict_knows_module((const char *)module,
		    (size_t)module_len)) &&
		    verdict_of_name((const char *)module, (size_t)module_len,
		    (const char *)name, (size_t)name_len, true) ==
		    VERDICT_DANGEROUS)
			return true;
	}
	return false;
}

bool
nested_run(struct scan *s, const struct pickle_source *source, uint64_t start,
    const struct nest *as, struct machine_result *result)
{
	struct machine_error error;
	struct nest n = *as;
	bool whole;

	n.first = s->g->next;
	whole = machine_run(s->g, source, start, true, result, &error);
	n.end = s->g->next;
	n.weak = !whole || n.how == NEST_PLAIN ||
	    (n.how != NEST_STREAM && source->at[start] != 0x80);
	n.skip = n.weak && !calls_danger(s, n.first, n.end,
	    n.how == NEST_PLAIN);
	if (n.first == n.end)
		return whole;
	s->nests = arena_grow(&s->job->arena, s->nests, sizeof *s->nests,
	    s->nest_count, s->nest_count + 1, &s->nest_capacity);
	s->nests[s->nest_count++] = n;
	return whole;
}

/* Every stream in the bytes.  True: the first five of them, which is what
 * legacy torch files have, are whole and none is weak. */
static bool
run_all(struct scan *s, const struct pickle_source *source,
    const struct nest *as)
{
	struct machine_result result;
	unsigned strong = 0;
	uint64_t at = 0;

	if (as->depth > NEST_DEPTH_MAX) {
		scan_trick(s, TRICK_NEST_DEPTH, as->where);
		return false;
	}
	if (source->len > s->work_left) {
		scan_trick(s, TRICK_NEST_WORK, as->where);
		return false;
	}
	s->work_left -= source->len;
	for (unsigned i = 0; i < STREAMS_MAX && at < source->len; i++) {
		strong += strong == i && source->at[at] == 0x80;
		if (!nested_run(s, source, at, as, &result)) {
			strong = strong > i ? i : strong;
			break;
		}
		at = result.end;
	}
	return strong >= LEGACY_STREAMS;
}

/* Text that encodes a pickle: decoded, or NULL. */
static const uint8_t *
decoded(struct scan *s, const struct value *node, uint64_t *len, uint8_t *how)
{
	struct span in = value_string(node);
	size_t mark = arena_mark(&s->job->arena);
	uint8_t *out;

	if (in.len > s->work_left)
		return NULL;
	out = arena_alloc(&s->job->arena, in.len, 1);
	s->work_left -= in.len;
	*how = NEST_RAW;
	if (node->kind == VALUE_TEXT && in.at[0] == 0xc2 && in.at[1] == 0x80 &&
	    decode_latin1(in.at, in.len, out, len) &&
	    looks_like_pickle(out, *len))
		return out;
	*how = NEST_HEX;
	if (decode_hex(in.at, in.len, out, len) &&
	    looks_like_pickle(out, *len))
		return out;
	*how = NEST_BASE64;
	if (decode_base64(in.at, in.len, out, len) &&
	    looks_like_pickle(out, *len))
		return out;
	arena_rewind(&s->job->arena, mark);
	return NULL;
}

/* All that can be base64, hex, or bytes as text; most names are not. */
static bool
may_be_encoded(const struct value *node)
{
	const uint8_t *at = value_string(node).at;
	uint8_t scratch[NEST_MIN];
	uint64_t made;

	if (node->kind == VALUE_TEXT && at[0] == 0xc2)
		return true;
	/* Names of tensors have dots: most are told by a look. */
	return memchr(at, '.', NEST_MIN) == NULL &&
	    decode_base64(at, NEST_MIN, scratch, &made);
}

void
nested_open(struct scan *s, vref v)
{
	struct value *node = graph_at(s->g, v);
	struct pickle_source source = { .at = value_string(node).at,
	    .len = value_string(node).len };
	bool legacy = false;
	struct nest as = { .how = NEST_RAW, .depth = 1 };

	if (source.len < NEST_MIN)
		return;
	if (s->nest_at != 0) {
		if (s->nests[s->nest_at - 1].weak)
			return;
		as.depth = (uint8_t)(s->nests[s->nest_at - 1].depth + 1);
	}
	as.where = scan_where(s, s->nest_at, graph_where(s->g, v));
	/* What it begins with is the opcode PERSID as well. */
	if (node->kind != VALUE_TEXT && memcmp(source.at, "PK\3\4", 4) == 0)
		scan_trick(s, TRICK_NEST_ZIP, graph_where(s->g, v));
	if (looks_like_pickle(source.at, source.len)) {
		as.in_file = (node->flags & VALUE_IN_FILE) != 0;
		if (as.in_file) {
			source.in_file = true;
			source.base = (uint64_t)(source.at - s->job->map);
		}
		legacy = run_all(s, &source, &as) && node->kind != VALUE_TEXT;
	} else if (may_be_encoded(node)) {
		source.at = decoded(s, node, &source.len, &as.how);
		/* What latin1 decodes to is what the text stands for. */
		if (source.at != NULL)
			legacy = run_all(s, &source, &as) &&
			    as.how == NEST_RAW;
	}
	if (legacy)
		node->flags |= VALUE_JUDGED;
}
