/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_keys.c - see walk_keys.h.  Keys come from the file and may be chosen to
 * collide: the hash is keyed, and work stays linear.  Tuples count as equal by
 * their parts to a small depth, beyond it only when they are one node; a float
 * equals an integer that fits 64 bits, never a larger one.
 */
#include "walk_keys.h"

#include <math.h>
#include <string.h>

#include "limits.h"
#include "siphash.h"

/* A tuple key is looked into this deep, and at this many parts in all. */
#define TUPLE_DEPTH 4
#define TUPLE_PARTS 32
/* Dicts this small are compared pair by pair. */
#define FEW_PAIRS 8
/* Shorter keys cost no more than their node. */
#define LONG_KEY 64

/* ---------------------------------------------------------------- equality */

/* What a key is by value.  two keys are equal when their atoms are. */
struct atom {
	uint8_t kind;		/* of value_kind, numbers folded into INT */
	const uint8_t *at;
	uint64_t len;
	uint64_t bits;		/* the integer, the float, or the vref */
};

static struct atom
number(double f)
{
	struct atom a = { .kind = VALUE_FLOAT };
	int64_t whole;

	if (f >= -9223372036854775808.0 && f < 9223372036854775808.0) {
		whole = (int64_t)f;
		if ((double)whole == f) {
			a.kind = VALUE_INT;
			a.bits = (uint64_t)whole;
			return a;
		}
	}
	memcpy(&a.bits, &f, sizeof(f));
	return a;
}

static struct atom
string(enum value_kind kind, struct span s)
{
	const uint8_t *at = s.at;
	uint64_t len = s.len;

	/* Sign bytes that add nothing: 00 after a byte under 0x80. */
	while (kind == VALUE_BIGINT && len > 1 &&
	    ((at[len - 1] == 0 && at[len - 2] < 0x80) ||
	    (at[len - 1] == 0xff && at[len - 2] >= 0x80)))
		len--;
	return (struct atom){ .kind = (uint8_t)kind, .at = at, .len = len };
}

static struct atom
atom_of(const struct graph *g, vref key)
{
	enum value_kind kind = value_kind(g, key);
	const struct value *v = value_is_node(key) ? graph_at(g, key) : NULL;
	int64_t i;

	if (value_int(g, key, &i))
		return (struct atom){ .kind = VALUE_INT, .bits = (uint64_t)i };
	if (kind == VALUE_FLOAT && v != NULL && !isnan(v->as.f))
		return number(v->as.f);
	if (v != NULL && (kind == VALUE_TEXT || kind == VALUE_BYTES ||
	    kind == VALUE_BIGINT))
		return string(kind, value_string(v));
	return (struct atom){ .kind = 0xff, .bits = key };
}

/* A key as a flat list of atoms: one, or those of a tuple. */
struct flat {
	struct atom atoms[TUPLE_PARTS];
	uint32_t count;
};

static void
flatten(const struct graph *g, vref key, struct flat *out)
{
	struct {
		vref v;
		uint32_t next;
	} stack[TUPLE_DEPTH];
	uint32_t depth = 0;
	vref part = key;

	out->count = 0;
	for (;;) {
		if (value_kind(g, part) == VALUE_TUPLE && depth < TUPLE_DEPTH) {
			out->atoms[out->count++] = (struct atom){
				.kind = VALUE_TUPLE,
				.bits = value_count(g, part),
			};
			stack[depth].v = part;
			stack[depth++].next = 0;
		} else {
			out->atoms[out->count++] = atom_of(g, part);
		}
		while (depth > 0 && stack[depth - 1].next ==
		    value_count(g, stack[depth - 1].v))
			depth--;
		if (depth == 0)
			return;
		if (out->count == TUPLE_PARTS)
			break;
		part = value_item(g, stack[depth - 1].v,
		    stack[depth - 1].next++);
	}
	/* Too many parts: equal to itself alone. */
	out->count = 1;
	out->atoms[0] = (struct atom){ .kind = 0xff, .bits = key };
}

static bool
atoms_equal(const struct atom *a, const struct atom *b)
{
	return a->kind == b->kind && a->len == b->len && a->bits == b->bits &&
	    (a->len == 0 || memcmp(a->at, b->at, a->len) == 0);
}

static bool
texts_equal(const struct value *x, const struct value *y)
{
	struct span a = value_string(x);
	struct span b = value_string(y);

	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static bool
keys_equal(const struct graph *g, vref x, vref y)
{
	struct flat a;
	struct flat b;
	struct atom p;
	struct atom q;

	if (x == y)
		return true;
	if (value_is_node(x) && value_is_node(y) &&
	    graph_at(g, x)->kind == VALUE_TEXT &&
	    graph_at(g, y)->kind == VALUE_TEXT)
		return texts_equal(graph_at(g, x), graph_at(g, y));
	if (value_kind(g, x) != VALUE_TUPLE ||
	    value_kind(g, y) != VALUE_TUPLE) {
		p = atom_of(g, x);
		q = atom_of(g, y);
		return atoms_equal(&p, &q);
	}
	flatten(g, x, &a);
	flatten(g, y, &b);
	if (a.count != b.count)
		return false;
	for (uint32_t i = 0; i < a.count; i++)
		if (!atoms_equal(&a.atoms[i], &b.atoms[i]))
			return false;
	return true;
}

/* Text and bytes of the same letters may share a hash: two at most. */
static uint64_t
hash_atom(const struct job *job, const struct atom *a)
{
	uint64_t words[2] = { a->kind, a->bits };

	if (a->at != NULL)
		return siphash(job->seed, a->at, a->len);
	return siphash(job->seed, words, sizeof(words));
}

static uint64_t
hash_key(const struct graph *g, vref key)
{
	struct flat flat;
	struct atom a;
	struct span s;
	uint64_t words[2] = { 0, 0 };

	if (value_is_node(key) && graph_at(g, key)->kind == VALUE_TEXT) {
		s = value_string(graph_at(g, key));
		return siphash(g->job->seed, s.at, s.len);
	}
	if (value_kind(g, key) != VALUE_TUPLE) {
		a = atom_of(g, key);
		return hash_atom(g->job, &a);
	}
	flatten(g, key, &flat);
	for (uint32_t i = 0; i < flat.count; i++) {
		words[1] = hash_atom(g->job, &flat.atoms[i]);
		words[0] = siphash(g->job->seed, words, sizeof(words));
	}
	return words[0];
}

/* Keys that are equal have one tag: no text or tuple equals another kind, nor a
 * tuple one of another length. */
static uint32_t
tag_of(const struct graph *g, vref key)
{
	enum value_kind kind = value_kind(g, key);
	struct span s;

	if (kind == VALUE_TUPLE)
		return 2 + (value_count(g, key) & 0xff);
	if (kind != VALUE_TEXT)
		return 0;
	s = value_string(graph_at(g, key));
	if (s.len == 0)
		return 1;
	return UINT32_C(0x80000000) | (uint32_t)(s.len & 0x7fff) << 16 |
	    (uint32_t)s.at[0] << 8 | s.at[s.len - 1];
}

static void
settle_few(struct graph *g, struct value *dict)
{
	vref *at = dict->as.seq.at;
	uint32_t count = dict->as.seq.count & ~1u;
	uint32_t tags[FEW_PAIRS];

	for (uint32_t i = 0; i < count; i += 2) {
		tags[i / 2] = tag_of(g, at[i]);
		for (uint32_t j = 0; j < i; j += 2) {
			if (tags[j / 2] != tags[i / 2] ||
			    at[j] == VREF_MISSING || at[i] == VREF_MISSING ||
			    !keys_equal(g, at[j], at[i]))
				continue;
			at[j + 1] = at[i + 1];
			at[i] = VREF_MISSING;
			break;
		}
	}
}

/* The bytes behind a key that is a node, of the parts of a tuple too. */
static uint64_t
key_bytes(const struct graph *g, vref key)
{
	struct flat flat;
	uint64_t bytes = 0;

	if (graph_at(g, key)->kind != VALUE_TUPLE)
		return atom_of(g, key).len;
	flatten(g, key, &flat);
	for (uint32_t i = 0; i < flat.count; i++)
		bytes += flat.atoms[i].len;
	return bytes;
}

static void
charge(const struct graph *g, vref v, uint64_t *left)
{
	const struct value *dict = graph_at(g, v);
	const struct value *key;
	uint64_t bytes;

	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2) {
		if (!value_is_node(dict->as.seq.at[i]))
			continue;
		key = graph_at(g, dict->as.seq.at[i]);
		bytes = key->kind == VALUE_TEXT ? value_string(key).len :
		    key_bytes(g, dict->as.seq.at[i]);
		if (bytes <= LONG_KEY)
			continue;
		if (bytes > *left)
			die(g->job, FAULT_LIMIT, graph_where(g, v),
			    "long dict keys are shared by too many dicts");
		*left -= bytes;
	}
}

void
keys_settle(struct graph *g, vref v, uint64_t *left)
{
	struct value *dict = graph_at(g, v);
	vref *at = dict->as.seq.at;
	uint32_t count = dict->as.seq.count & ~1u;
	size_t mark = arena_mark(&g->job->arena);
	uint64_t size = 16;
	uint64_t hash;
	uint64_t slot;
	uint32_t numbers = 1;
	uint32_t tag;
	uint32_t *table;

	charge(g, v, left);
	if (count <= 2 * FEW_PAIRS) {
		settle_few(g, dict);
		return;
	}
	while (size * 7 < (uint64_t)count * 4)	/* seven eighths of the pairs */
		size *= 2;
	while (numbers <= count)	/* at most 2^31 of them */
		numbers *= 2;
	table = arena_alloc(&g->job->arena, size, sizeof(*table));
	for (uint32_t i = 0; i < count; i += 2) {
		if (at[i] == VREF_MISSING)
			continue;
		hash = hash_key(g, at[i]);
		tag = (uint32_t)(hash >> 32) & ~(numbers - 1);
		slot = hash & (size - 1);
		/* Slots hold the index of a key plus 1, and above it bits of
		 * the hash: most strangers are told without their keys. */
		while (table[slot] != 0 &&
		    ((table[slot] & ~(numbers - 1)) != tag ||
		    !keys_equal(g, at[(table[slot] & (numbers - 1)) - 1],
		    at[i])))
			slot = (slot + 1) & (size - 1);
		if (table[slot] == 0) {
			table[slot] = tag | (i + 1);
			continue;
		}
		at[table[slot] & (numbers - 1)] = at[i + 1];
		at[i] = VREF_MISSING;
	}
	arena_rewind(&g->job->arena, mark);
}
