/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - what a pickle builds here: inert nodes in the arena, named by id
 * and shared by id, never copied.  A global is a name, a call is a record of a
 * would-be call.  The graph may contain itself; nothing may recurse on it.
 */
#ifndef WORKER_VALUE_H
#define WORKER_VALUE_H

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

/* 100,000 tensors are a million of these: small is fast. */
struct value {
	uint8_t kind;		/* enum value_kind */
	uint8_t flags;		/* enum value_flag; for calls also call_how */
	uint16_t after;		/* graph_where's */
	uint32_t mark;		/* for whoever walks the graph; starts at 0 */
	union {
		int64_t i;
		double f;
		struct {
			const uint8_t *at; /* in the pickle itself, or arena */
			uint64_t len;
		} s;
		struct {
			vref *at;
			uint32_t count;	/* vrefs: twice the pairs of a dict */
			uint32_t capacity;
		} seq;
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
_Static_assert(sizeof(struct value) == 24, "four to an opcode of a tensor");
enum value_flag {
	VALUE_IN_FILE = 0x1,	/* s.at points into the input as it stands, so
				 * the bytes may become an extent */
	VALUE_BUILT_TWICE = 0x2,	/* a second BUILD replaced the state */
	VALUE_STATE_READ = 0x2,	/* a DICT: the verdict read it as a state */
	VALUE_HASHABLE = 0x4,	/* a tuple that was seen to hold no list, dict,
				 * set or bytearray, at any depth */
	VALUE_OPENED = 0x10,	/* bytes that were opened as a torch file */
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

#define GRAPH_CHUNK 4096
/* Where nodes stand is kept as a distance from the first of so many. */
#define WHERE_GROUP 16
#define WHERE_FAR UINT16_MAX
struct graph_chunk {
	uint64_t where[GRAPH_CHUNK / WHERE_GROUP];
	struct value values[GRAPH_CHUNK];
};
/* All nodes of one job, in order of creation; chunks never move. */
struct graph {
	struct job *job;
	struct graph_chunk **chunks;
	uint32_t chunk_capacity;
	uint32_t count;
	/* Those too far from the first of their group, in order. */
	struct graph_far {
		uint64_t where;
		vref v;
	} *far;
	uint32_t far_count;
	uint32_t far_capacity;
};

void graph_init(struct graph *g, struct job *job);
/* A new zeroed node; dies over limits.nodes. */
vref graph_add(struct graph *g, enum value_kind kind, uint64_t where);

/* These four in line: each tensor asks them some hundred times. */

/* The node; v must not be immediate (check value_is_node). */
static inline struct value *
graph_at(const struct graph *g, vref v)
{
	return &g->chunks[v / GRAPH_CHUNK]->values[v % GRAPH_CHUNK];
}

/* Node v becomes what node from is; where it stands is its own. */
void graph_copy(struct graph *g, vref v, vref from);
/* For the node that was added last. */
void graph_set_far(struct graph *g, vref v, uint64_t where);
uint64_t graph_far_where(const struct graph *g, vref v);

static inline void
graph_set_where(struct graph *g, vref v, uint64_t where)
{
	struct graph_chunk *chunk = g->chunks[v / GRAPH_CHUNK];
	uint32_t i = v % GRAPH_CHUNK;
	uint64_t after;

	if (i % WHERE_GROUP == 0)
		chunk->where[i / WHERE_GROUP] = where;
	after = where - chunk->where[i / WHERE_GROUP];
	if (after < WHERE_FAR)
		chunk->values[i].after = (uint16_t)after;
	else
		graph_set_far(g, v, where);
}

/* The offset of the node's opcode in its stream's source, plus that source's
 * base. */
static inline uint64_t
graph_where(const struct graph *g, vref v)
{
	const struct graph_chunk *chunk = g->chunks[v / GRAPH_CHUNK];
	uint32_t i = v % GRAPH_CHUNK;

	if (chunk->values[i].after == WHERE_FAR)
		return graph_far_where(g, v);
	return chunk->where[i / WHERE_GROUP] + chunk->values[i].after;
}

static inline bool
value_is_node(vref v)
{
	return v < VREF_IMMEDIATE;
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
	return node->as.seq.at[i];
}

/* Items of TUPLE, LIST, SET, FROZENSET; pairs of DICT; else 0. */
uint32_t value_count(const struct graph *g, vref v);
/* Parts of call.more; VREF_MISSING when absent. */
vref value_call_kwargs(const struct graph *g, const struct value *call);
vref value_call_items(const struct graph *g, const struct value *call);
vref value_call_entries(const struct graph *g, const struct value *call);
/* True when v is the global module.name ('a.b', 'c'); py2 names are mapped. */
bool value_is_global(const struct graph *g, vref v, const char *module,
    const char *name);
/* An offset for messages: of the node, or fallback for an immediate. */
uint64_t value_where(const struct graph *g, vref v, uint64_t fallback);

#endif
