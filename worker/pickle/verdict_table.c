/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_table.c - the distinct names of one scan and what is said of them.
 * Names come from the file: they are compared, hashed under the job's random
 * key and copied into notes, never interpreted.  No recursion, no unbounded
 * copy: a note takes NOTE_PART_MAX bytes of each part of a name.
 */
#include "verdict_parts.h"

#include "names_tables.h"
#include "siphash.h"

#include <string.h>

/* Of a module or of a name, in a note; real ones stay under 120. */
#define NOTE_PART_MAX 300
#define SLOTS_FIRST 256

struct line {
	char text[NOTE_TEXT_MAX + 1];
	size_t len;
};

static void
line_bytes(struct line *l, const char *at, size_t len)
{
	for (size_t i = 0; i < len && l->len < NOTE_TEXT_MAX; i++)
		l->text[l->len++] = at[i] == '\0' ? '?' : at[i];
	l->text[l->len] = '\0';
}

static void
line_text(struct line *l, const char *text)
{
	line_bytes(l, text, strlen(text));
}

static void
line_part(struct line *l, const char *at, size_t len)
{
	line_bytes(l, at, len < NOTE_PART_MAX ? len : NOTE_PART_MAX);
	if (len > NOTE_PART_MAX)
		line_text(l, "...");
}

static void
line_number(struct line *l, uint64_t n)
{
	char digits[20] = { 0 };
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	line_bytes(l, digits + at, sizeof digits - at);
}

/* ", in a pickle inside base64 text (depth 2)" */
static void
line_nest(struct line *l, const struct nest *nest)
{
	static const char *const places[] = {
		[NEST_RAW] = ", in a pickle inside bytes (depth ",
		[NEST_BASE64] = ", in a pickle inside base64 (depth ",
		[NEST_HEX] = ", in a pickle inside hex digits (depth ",
		[NEST_STREAM] = ", in a pickle after the first STOP",
		[NEST_PLAIN] = ", when read without joblib",
	};

	line_text(l, places[nest->how]);
	if (nest->how == NEST_STREAM || nest->how == NEST_PLAIN)
		return;
	line_number(l, nest->depth);
	line_text(l, ")");
}

uint64_t
scan_where(const struct scan *s, uint32_t nest, uint64_t where)
{
	if (nest != 0 && !s->nests[nest - 1].in_file)
		return s->nests[nest - 1].where;
	return where;
}

void
scan_say(struct scan *s, enum note_kind kind, enum verdict level,
    uint64_t where, uint32_t nest, const char *text)
{
	struct line l = { .len = 0 };

	line_text(&l, text);
	if (nest != 0)
		line_nest(&l, &s->nests[nest - 1]);
	sink_note(s->job, kind, level, where, l.text);
}

void
scan_init(struct scan *s, struct graph *g)
{
	uint64_t size = g->job->size;

	memset(s, 0, sizeof *s);
	s->g = g;
	s->job = g->job;
	s->slot_count = SLOTS_FIRST;
	s->slots = arena_alloc(&s->job->arena, s->slot_count,
	    sizeof *s->slots);
	s->work_left = NEST_WORK_BASE +
	    (size < UINT64_MAX / 8 ? 4 * size : UINT64_MAX / 2);
}

static uint64_t
hash_of(const struct scan *s, const char *module, size_t module_len,
    const char *name, size_t name_len)
{
	/* The second under a key that depends on the first. */
	uint64_t key[2] = { s->job->seed[0], s->job->seed[1] };

	key[0] ^= siphash(key, module, module_len);
	return siphash(key, name, name_len);
}

static void
grow_slots(struct scan *s)
{
	uint32_t count = s->slot_count * 2;
	uint32_t *slots = arena_alloc(&s->job->arena, count, sizeof *slots);

	for (uint32_t i = 0; i < s->seen_count; i++) {
		const struct seen *e = &s->seen[i];
		uint64_t h = hash_of(s, e->module, e->module_len, e->name,
		    e->name_len);

		while (slots[h & (count - 1)] != 0)
			h++;
		slots[h & (count - 1)] = i + 1;
	}
	s->slots = slots;
	s->slot_count = count;
}

static bool
is(const char *at, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(at, word, len) == 0;
}

static enum special
special_of(const struct seen *e)
{
	bool builtins = is(e->module, e->module_len, "builtins") ||
	    is(e->module, e->module_len, "__builtin__");
	bool operators = is(e->module, e->module_len, "_operator") ||
	    is(e->module, e->module_len, "operator");

	if (builtins && is(e->name, e->name_len, "getattr"))
		return SPECIAL_GETATTR;
	if (builtins && is(e->name, e->name_len, "type"))
		return SPECIAL_TYPE;
	if (operators && is(e->name, e->name_len, "getitem"))
		return SPECIAL_GETITEM;
	if (is(e->module, e->module_len, "_codecs") &&
	    is(e->name, e->name_len, "encode"))
		return SPECIAL_ENCODE;
	return SPECIAL_NONE;
}

/* A torch or numpy function, or a tensor class: what it returns has no items
 * of its own to set. */
static bool
makes_tensor(const struct seen *e)
{
	static const char *const classes[] = {
		"Tensor", "Parameter", "Size", "Buffer"
	};
	const char *dot = memchr(e->module, '.', e->module_len);
	size_t top = dot == NULL ? e->module_len : (size_t)(dot - e->module);

	if (!is(e->module, top, "torch") && !is(e->module, top, "numpy"))
		return false;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (is(e->name, e->name_len, classes[i]))
			return true;
	return e->name_len > 0 && (e->name[0] == '_' ||
	    (e->name[0] >= 'a' && e->name[0] <= 'z'));
}

static struct seen *
add_entry(struct scan *s, const struct seen *like)
{
	struct seen *e;

	s->seen = arena_grow(&s->job->arena, s->seen, sizeof *s->seen,
	    s->seen_count, s->seen_count + 1, &s->seen_capacity);
	e = &s->seen[s->seen_count++];
	*e = *like;
	e->referred = (uint8_t)verdict_of_name(e->module, e->module_len,
	    e->name, e->name_len, false);
	e->callable = (uint8_t)verdict_of_name(e->module, e->module_len,
	    e->name, e->name_len, true);
	e->special = (uint8_t)special_of(e);
	e->tensor = makes_tensor(e);
	e->stated = e->tensor && (is(e->name, e->name_len,
	    "_rebuild_from_type_v2") || is(e->name, e->name_len,
	    "_rebuild_parameter_with_state"));
	for (size_t i = 0; i < names_callers_count; i++)
		if (is(e->module, e->module_len, names_callers[i].module) &&
		    is(e->name, e->name_len, names_callers[i].name))
			e->caller = (uint8_t)(i + 1);
	return e;
}

static struct seen *
find_entry(struct scan *s, const struct seen *like)
{
	uint64_t h = hash_of(s, like->module, like->module_len, like->name,
	    like->name_len);

	if (s->seen_count >= s->slot_count / 2)
		grow_slots(s);
	for (;; h++) {
		uint32_t slot = s->slots[h & (s->slot_count - 1)];
		struct seen *e;

		if (slot == 0)
			break;
		e = &s->seen[slot - 1];
		if (e->module_len == like->module_len &&
		    e->name_len == like->name_len &&
		    memcmp(e->module, like->module, e->module_len) == 0 &&
		    memcmp(e->name, like->name, e->name_len) == 0)
			return e;
	}
	s->slots[h & (s->slot_count - 1)] = s->seen_count + 1;
	return add_entry(s, like);
}

/* A name that stood in a doubtful place first is told where it is certain. */
static void
prefer_certain(struct scan *s, struct seen *e, uint64_t where)
{
	if (e->nest == s->nest_at || e->nest == 0)
		return;
	if (!s->nests[e->nest - 1].weak ||
	    (s->nest_at != 0 && s->nests[s->nest_at - 1].weak))
		return;
	e->nest = s->nest_at;
	e->where = scan_where(s, s->nest_at, where);
}

struct seen *
scan_name(struct scan *s, vref global)
{
	const struct value *node = graph_at(s->g, global);
	struct seen like;
	struct seen *e;
	const uint8_t *module;
	const uint8_t *name;
	uint64_t module_len;
	uint64_t name_len;
	uint32_t at = global % SEEN_CACHE;

	if (s->cache[at].seen != 0 && s->cache[at].global == global)
		return &s->seen[s->cache[at].seen - 1];
	if (!value_text(s->g, node->as.global.module, true, &module,
	    &module_len) || !value_text(s->g, node->as.global.name, true,
	    &name, &name_len))
		return NULL;
	memset(&like, 0, sizeof like);
	like.module = (const char *)module;
	like.module_len = (size_t)module_len;
	like.name = (const char *)name;
	like.name_len = (size_t)name_len;
	like.where = scan_where(s, s->nest_at, graph_where(s->g, global));
	like.nest = s->nest_at;
	e = find_entry(s, &like);
	prefer_certain(s, e, graph_where(s->g, global));
	s->cache[at].global = global;
	s->cache[at].seen = (uint32_t)(e - s->seen) + 1;
	return e;
}

/* Honest calls of getattr and its like are judged by their arguments alone; a
 * name that is both called and passed on is worth the worse of the two. */
static enum verdict
level_of(const struct seen *e)
{
	uint8_t level = e->referred;

	if (e->called && (e->special != SPECIAL_NONE || e->level > level))
		level = e->level;
	return (enum verdict)level;
}

static void
say_name(struct scan *s, const struct seen *e)
{
	enum verdict level = level_of(e);
	struct line l = { .len = 0 };

	if (e->nest != 0 && s->nests[e->nest - 1].weak &&
	    level != VERDICT_DANGEROUS)
		return;
	line_part(&l, e->module, e->module_len);
	line_text(&l, ".");
	line_part(&l, e->name, e->name_len);
	if (e->called)
		line_text(&l, "(...)");
	scan_say(s, e->called ? NOTE_CALL : NOTE_GLOBAL, level, e->where,
	    e->nest, l.text);
}

void
scan_say_names(struct scan *s)
{
	for (uint32_t i = 0; i < s->seen_count; i++)
		say_name(s, &s->seen[i]);
}
