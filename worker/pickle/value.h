/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - what a pickle builds here: inert nodes in the arena, named by id
 * and shared by id, never copied.  A global is a name, a call is a record of a
 * would-be call.  The graph may contain itself; nothing may recurse on it.
 */
#ifndef WORKER_VALUE_H
#define WORKER_VALUE_H

#include <stddef.h>

#include "job.h"

/* A value: the number of a node, or an immediate, which needs no node. */
typedef uint32_t vref;
#define VREF_IMMEDIATE UINT32_C(0x80000000)
#define VREF_NONE UINT32_C(0xffffffff)
#define VREF_TRUE UINT32_C(0xfffffffe)
#define VREF_FALSE UINT32_C(0xfffffffd)
#define VREF_EMPTY_TUPLE UINT32_C(0xfffffffc)
#define VREF_MISSING UINT32_C(0xfffffffb) /* no value; never on a stack */
/* 0x80000000 + n for the integers 0 <= n < 2^24. */
#define VREF_SMALL_MAX ((INT64_C(1) << 24) - 1)

enum value_kind {
	VALUE_NONE = 1,		/* this and the next two: immediates only */
	VALUE_BOOL,
	VALUE_INT,		/* i; fits 64 bits */
	VALUE_BIGINT,		/* s: two's complement, little-endian */
	VALUE_FLOAT,		/* f */
	VALUE_TEXT,		/* s: UTF-8, lone surrogates allowed as CPython
				 * does (surrogatepass) */
	VALUE_BYTES,		/* s */
	VALUE_BYTEARRAY,	/* s */
	VALUE_TUPLE,		/* seq */
	VALUE_LIST,		/* seq */
	VALUE_SET,		/* seq; duplicates are kept here */
	VALUE_FROZENSET,	/* seq */
	VALUE_DICT,		/* seq: key, value, key, value, ... as set */
	VALUE_GLOBAL,		/* global */
	VALUE_CALL,		/* call */
	VALUE_PERSID,		/* ref: the persistent id, any value */
	VALUE_EXTENSION		/* i: EXT1/2/4 code; no registry exists here */
};

/* How a call came about. */
enum call_how {
	CALL_REDUCE = 1,
	CALL_NEWOBJ,
	CALL_NEWOBJ_EX,
	CALL_INST,
	CALL_OBJ
};

/* 100,000 tensors are a million of these: small is fast.  A node takes as many
 * cells of 8 bytes as its kind needs, of which this is the longest form but for
 * tuples. */
struct value {
	uint8_t kind;		/* enum value_kind */
	uint8_t flags;		/* enum value_flag; for calls also call_how */
	uint16_t after;		/* graph_where's */
	uint32_t mark;		/* for whoever walks the graph; starts at 0 */
	union {
		int64_t i;
		double f;
		uint64_t brief;	/* s, when it is short: value_string */
		struct {
			const uint8_t *at; /* in the pickle itself, or arena */
			uint64_t len;
		} s;		/* with VALUE_LONG */
		struct {
			uint32_t count;	/* vrefs: twice the pairs of a dict */
			uint32_t capacity;
			vref *at;	/* value_changed says what follows */
		} seq;
		struct {
			uint32_t count;
			vref items[3];	/* and on: value_items */
		} tuple;	/* of TUPLE_INSIDE_MAX or fewer */
		struct {
			vref module;	/* TEXT; or anything else, when the
					 * stream computed the name */
			vref name;
		} global;
		struct {
			vref callable;
			vref args;	/* TUPLE; for OBJ and INST too */
			vref state;	/* of the last BUILD, or MISSING */
			vref more;	/* a LIST node: kwargs, items (a LIST),
					 * entries (a DICT), each or MISSING;
					 * or MISSING itself */
		} call;
		vref ref;
	} as;
};
_Static_assert(sizeof(struct value) == 24, "three cells");
_Static_assert(offsetof(struct value, as.tuple.count) ==
    offsetof(struct value, as.seq.count), "one count for both");
/* Items of a longer tuple stand elsewhere, as a list's do. */
#define TUPLE_INSIDE_MAX 64
enum value_flag {
	VALUE_IN_FILE = 0x1,	/* s.at points into the input as it stands, so
				 * the bytes may become an extent */
	VALUE_BUILT_TWICE = 0x2,	/* a second BUILD replaced the state */
	VALUE_STATE_READ = 0x2,	/* a DICT: the verdict read it as a state */
	VALUE_NAMES_READ = 0x4,	/* a DICT: none of its keys is an attribute that
				 * every tensor has (word_attributes) */
	VALUE_TAKEN = 0x8,	/* a DICT: a BUILD took it for a state .. */
	VALUE_CHANGED = 0x10,	/* .. and it was changed afterwards */
	VALUE_STATE_OLD = 0x4,	/* a CALL: its state was not made for its BUILD,
				 * which may be later than value_changed says */
	VALUE_HASHABLE = 0x4,	/* a tuple that was seen to hold no list, dict,
				 * set or bytearray, at any depth */
	VALUE_OPENED = 0x10,	/* bytes that were opened as a torch file */
	VALUE_JUDGED = 0x40,	/* bytes, or text that stands for them: the
				 * verdict read the five pickles of a legacy
				 * torch file in them, each to its end */
	VALUE_LONG = 0x20,	/* TEXT and the like: as.s, not as.brief.  A
				 * PERSID: with room for a CALL.  Of all those
				 * a third cell */
	VALUE_OLD_STRING = 0x8	/* TEXT or BYTES of STRING, BINSTRING or
				 * SHORT_BINSTRING: Python 2's str */
};

/* How a CALL came about, in the upper bits of its flags. */
#define VALUE_HOW_SHIFT 5
static inline enum call_how
value_how(const struct value *call)
{
	return (enum call_how)(call->flags >> VALUE_HOW_SHIFT);
}

/* A vref counts cells. */
#define GRAPH_CELLS 8192
/* Where nodes stand is kept as a distance from the first of so many cells. */
#define WHERE_GROUP 32
#define WHERE_FAR UINT16_MAX
struct graph_chunk {
	uint64_t where[GRAPH_CELLS / WHERE_GROUP];
	uint64_t cells[GRAPH_CELLS];
};
/* All nodes of one job, in order of creation; chunks never move.  Cells that
 * none has taken are zero: the last of a chunk, where the next node did not
 * fit, and those from `next` on. */
struct graph {
	struct job *job;
	struct graph_chunk **chunks;
	/* Not beside `next`: gcc 12 would add to both at once, and wait for two
	 * smaller stores of the node before. */
	uint32_t count;		/* nodes */
	uint32_t chunk_capacity;
	vref next;		/* the first cell that is free */
	vref stop;		/* no node before it is over limits.nodes */
	vref end;		/* of the chunk that it is in */
	uint64_t *at;		/* cell `next` */
	bool wrapped;		/* a GLOBAL is named _load_from_bytes */
	bool written;		/* the stream changes a PERSID: a storage */
	bool arrays;		/* one's name ends as joblib's wrapper's */
	bool array_code;	/* joblib's arrays could be opcodes, too */
	vref group_end;		/* the next group begins */
	uint64_t group_where;	/* of the first node of this one */
	/* Those too far from the first of their group, in order. */
	struct graph_far {
		uint64_t where;
		vref v;
	} *far;
	uint32_t far_count;
	uint32_t far_capacity;
};

void graph_init(struct graph *g, struct job *job);
/* A new zeroed node, of any kind but TUPLE and those that are strings; dies
 * over limits.nodes. */
vref graph_add(struct graph *g, enum value_kind kind, uint64_t where);
/* TEXT, BYTES, BYTEARRAY or BIGINT; the bytes must stay. */
vref graph_string(struct graph *g, enum value_kind kind, const uint8_t *at,
    uint64_t len, uint64_t where);
/* A copy of the items, of which there is one at least. */
vref graph_tuple(struct graph *g, const vref *items, size_t count,
    uint64_t where);
/* Room for a node of so many cells; dies over limits.nodes. */
void graph_grow(struct graph *g, uint32_t cells, uint64_t where);
/* These in line: each tensor asks them some hundred times. */

/* The node; v must not be immediate (check value_is_node). */
static inline struct value *
graph_at(const struct graph *g, vref v)
{
	return (struct value *)&g->chunks[v / GRAPH_CELLS]
	    ->cells[v % GRAPH_CELLS];
}

/* Node v becomes what node from is; where it stands is its own.  Both have
 * three cells: CALL, LIST, DICT, PERSID with VALUE_LONG. */
void graph_copy(struct graph *g, vref v, vref from);
/* For the node that was added last. */
void graph_set_far(struct graph *g, vref v, uint64_t where);
uint64_t graph_far_where(const struct graph *g, vref v);

/* Cells of a kind whose nodes are all of one size; of the others, the least. */
static inline uint32_t
value_cells(enum value_kind kind)
{
	return (kind >= VALUE_TUPLE && kind <= VALUE_DICT) ||
	    kind == VALUE_CALL ? 3 : 2;
}

/* graph_add for whoever knows how many cells the node takes. */
__attribute__((always_inline)) static inline struct value *
graph_new(struct graph *g, enum value_kind kind, uint32_t cells,
    uint64_t where, vref *v)
{
	struct value *node;
	uint64_t after;

	if (g->stop - g->next < cells)
		graph_grow(g, cells, where);
	*v = g->next;
	node = (struct value *)g->at;
	node->kind = (uint8_t)kind;
	if (*v >= g->group_end) {
		g->chunks[*v / GRAPH_CELLS]
		    ->where[*v % GRAPH_CELLS / WHERE_GROUP] = where;
		g->group_where = where;
		g->group_end = (*v / WHERE_GROUP + 1) * WHERE_GROUP;
	}
	after = where - g->group_where;
	node->after = (uint16_t)after;
	if (after >= WHERE_FAR)
		graph_set_far(g, *v, where);
	g->at += cells;
	g->next += cells;
	g->count++;
	return node;
}

/* The offset of the node's opcode in its stream's source, plus that source's
 * base. */
static inline uint64_t
graph_where(const struct graph *g, vref v)
{
	const struct graph_chunk *chunk = g->chunks[v / GRAPH_CELLS];
	const struct value *node = graph_at(g, v);

	if (node->after == WHERE_FAR)
		return graph_far_where(g, v);
	return chunk->where[v % GRAPH_CELLS / WHERE_GROUP] + node->after;
}

/* Cells of a tuple whose items are inside. */
static inline uint32_t
tuple_cells(uint32_t count)
{
	return (uint32_t)(offsetof(struct value, as.tuple.items) +
	    count * sizeof(vref) + 7) / 8;
}

/* Where the items of a tuple begin that holds them. */
static inline vref *
tuple_inside(struct value *node)
{
	return (vref *)((uint64_t *)node + 1) + 1;
}
_Static_assert(offsetof(struct value, as.tuple.items) == 12, "tuple_inside");

/* The node after this one, or a hole, whose kind is 0: for those who look at
 * every node, from one value of `next` to a later one. */
static inline vref
graph_after(const struct graph *g, vref v)
{
	const struct value *node = graph_at(g, v);

	switch ((int)node->kind) {
	case 0:
		return (v / GRAPH_CELLS + 1) * GRAPH_CELLS;
	case VALUE_TUPLE:
		if (node->as.tuple.count <= TUPLE_INSIDE_MAX)
			return v + tuple_cells(node->as.tuple.count);
		return v + 3;
	case VALUE_LIST:
	case VALUE_SET:
	case VALUE_FROZENSET:
	case VALUE_DICT:
	case VALUE_CALL:
		return v + 3;
	default:
		return v + (node->flags & VALUE_LONG ? 3 : 2);
	}
}

/* Items of TUPLE, LIST, SET, FROZENSET and DICT; as.seq.count of them. */
static inline const vref *
value_items(const struct value *node)
{
	if (node->kind == VALUE_TUPLE &&
	    node->as.tuple.count <= TUPLE_INSIDE_MAX)
		return (const vref *)((const uint64_t *)node + 1) + 1;
	return node->as.seq.at;
}

/* When a LIST, SET or DICT was last changed: the `next` of then, behind the
 * items.  0: never, since it was made.  Nodes from there on are younger. */
static inline vref
value_changed(const struct value *node)
{
	return node->as.seq.capacity > node->as.seq.count ?
	    node->as.seq.at[node->as.seq.count] : 0;
}

/* Was v, or what was set in it or on it, changed after node `since` was made?
 * What is inside of v is not asked. */
bool value_changed_since(const struct graph *g, vref v, vref since);

struct span {
	const uint8_t *at;
	uint64_t len;
};

/* A string of less than 64 KiB at an address below 2^48 needs no third cell. */
#define BRIEF_SHIFT 48
#define BRIEF_END (UINT64_C(1) << (64 - BRIEF_SHIFT))
static inline bool
string_is_brief(const uint8_t *at, uint64_t len)
{
	return len < BRIEF_END &&
	    (uint64_t)(uintptr_t)at >> BRIEF_SHIFT == 0;
}

/* The bytes of TEXT, BYTES, BYTEARRAY, BIGINT. */
static inline struct span
value_string(const struct value *node)
{
	uint64_t brief = node->as.brief;

	if (node->flags & VALUE_LONG)
		return (struct span){ node->as.s.at, node->as.s.len };
	return (struct span){
		(const uint8_t *)(uintptr_t)	/* NOLINT: was one */
		(brief & ((UINT64_C(1) << BRIEF_SHIFT) - 1)),
		brief >> BRIEF_SHIFT };
}

static inline bool
value_is_node(vref v)
{
	return v < VREF_IMMEDIATE;
}

/* An integer that is in the reference: v - VREF_IMMEDIATE. */
static inline bool
value_is_small(vref v)
{
	return v >= VREF_IMMEDIATE &&
	    v - VREF_IMMEDIATE <= (uint32_t)VREF_SMALL_MAX;
}

/* The kind of an immediate; VREF_MISSING has none: 0. */
enum value_kind value_kind_immediate(vref v);

/* The kind of any value, immediate or not. */
static inline enum value_kind
value_kind(const struct graph *g, vref v)
{
	if (value_is_node(v))
		return (enum value_kind)graph_at(g, v)->kind;
	return value_kind_immediate(v);
}

/* Integers that fit 64 bits, and booleans as 0 and 1. */
bool value_int(const struct graph *g, vref v, int64_t *out);
/* Exactly a TEXT (or, where python2 is true, BYTES too). */
bool value_text(const struct graph *g, vref v, bool python2,
    const uint8_t **at, uint64_t *len);
vref value_from_int(struct graph *g, int64_t i, uint64_t where);
/* Item i of a TUPLE or LIST, or VREF_MISSING. */
static inline vref
value_item(const struct graph *g, vref v, uint32_t i)
{
	const struct value *node;

	if (!value_is_node(v))
		return VREF_MISSING;
	node = graph_at(g, v);
	if ((node->kind != VALUE_TUPLE && node->kind != VALUE_LIST) ||
	    i >= node->as.seq.count)
		return VREF_MISSING;
	return value_items(node)[i];
}

/* Items of TUPLE, LIST, SET, FROZENSET; pairs of DICT; else 0. */
uint32_t value_count(const struct graph *g, vref v);
/* Parts of call.more; VREF_MISSING when absent. */
vref value_call_kwargs(const struct graph *g, const struct value *call);
vref value_call_items(const struct graph *g, const struct value *call);
vref value_call_entries(const struct graph *g, const struct value *call);
/* Of a GLOBAL, when both are TEXT; else empty, which is no name. */
struct global_name {
	struct span module;
	struct span name;
};
struct global_name value_global(const struct graph *g, vref v);
/* True for module.name ('a.b', 'c'); py2 names are mapped.  For those who have
 * many to ask of. */
bool global_is(const struct global_name *global, const char *module,
    const char *name);
/* .. and for those who have few: true when v is that global. */
bool value_is_global(const struct graph *g, vref v, const char *module,
    const char *name);
/* An offset for messages: of the node, or fallback for an immediate. */
uint64_t value_where(const struct graph *g, vref v, uint64_t fallback);

#endif
