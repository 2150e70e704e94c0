/* SPDX-License-Identifier: Apache-2.0
 *
 * value.c - the graph of inert values: see value.h.  Reads only what the
 * machine put there, follows no reference further than one step, never recurses
 * and never changes a node.
 */
#include "value.h"

#include <string.h>


/* Python 2 module and name, and what CPython's fix_imports makes of them
 * (Lib/_compat_pickle.py, the part that checkpoints and attacks use).  An
 * empty name is any name. */
static const struct rename {
	char old_module[12];		/* OLD_SHORTEST to OLD_LONGEST long */
	char old_name[20];
	char module[16];
	char name[12];
} renames[] = {
	{ "__builtin__", "long", "builtins", "int" },
	{ "__builtin__", "unicode", "builtins", "str" },
	{ "__builtin__", "basestring", "builtins", "str" },
	{ "__builtin__", "unichr", "builtins", "chr" },
	{ "__builtin__", "xrange", "builtins", "range" },
	{ "__builtin__", "reduce", "functools", "reduce" },
	{ "__builtin__", "intern", "sys", "intern" },
	{ "itertools", "imap", "builtins", "map" },
	{ "itertools", "izip", "builtins", "zip" },
	{ "itertools", "ifilter", "builtins", "filter" },
	{ "urllib", "urlopen", "urllib.request", "urlopen" },
	{ "urllib", "urlretrieve", "urllib.request", "urlretrieve" },
	{ "UserDict", "IterableUserDict", "collections", "UserDict" },
	{ "exceptions", "StandardError", "builtins", "Exception" },
	{ "__builtin__", "", "builtins", "" },
	{ "exceptions", "", "builtins", "" },
	{ "copy_reg", "", "copyreg", "" },
	{ "cPickle", "", "pickle", "" },
	{ "commands", "", "subprocess", "" },
	{ "httplib", "", "http.client", "" },
	{ "urllib2", "", "urllib.request", "" },
	{ "StringIO", "", "io", "" },
	{ "cStringIO", "", "io", "" },
	{ "Queue", "", "queue", "" },
	{ "thread", "", "_thread", "" },
	{ "UserDict", "", "collections", "" },
	{ "UserList", "", "collections", "" },
	{ "UserString", "", "collections", "" },
};
#define LETTER(c) (UINT64_C(1) << ((c) & 0x3f))
#define OLD_SHORTEST (sizeof("Queue") - 1)
#define OLD_LONGEST (sizeof("__builtin__") - 1)

void
graph_init(struct graph *g, struct job *job)
{
	memset(g, 0, sizeof *g);
	g->job = job;
}

static void
add_chunk(struct graph *g)
{
	uint32_t chunk = g->end / GRAPH_CELLS;

	g->chunks = arena_grow(&g->job->arena, g->chunks,
	    sizeof(struct graph_chunk *), /* NOLINT: pointers */
	    chunk, chunk + 1, &g->chunk_capacity);
	g->chunks[chunk] = arena_alloc(&g->job->arena, 1, sizeof **g->chunks);
	g->at = g->chunks[chunk]->cells;
	g->next = g->end;
	g->end += GRAPH_CELLS;
}

void
graph_grow(struct graph *g, uint32_t cells, uint64_t where)
{
	uint64_t left = g->job->limits.nodes;

	/* 16 GiB of cells are half of all vrefs. */
	if (g->count >= left || g->end > VREF_IMMEDIATE - 2 * GRAPH_CELLS)
		die(g->job, FAULT_LIMIT, where,
		    "more values than the limit nodes");
	if (g->end - g->next < cells)
		add_chunk(g);
	/* None has less than two cells, so that as many as are left reach the
	 * stop at the earliest; or this one, when it is the last. */
	left = 2 * (left - g->count);
	if (left < cells)
		left = cells;
	g->stop = left < g->end - g->next ? g->next + (vref)left : g->end;
}

vref
graph_add(struct graph *g, enum value_kind kind, uint64_t where)
{
	vref v;

	graph_new(g, kind, value_cells(kind), where, &v);
	return v;
}

vref
graph_string(struct graph *g, enum value_kind kind, const uint8_t *at,
    uint64_t len, uint64_t where)
{
	bool brief = string_is_brief(at, len);
	struct value *node;
	vref v;

	node = graph_new(g, kind, brief ? 2 : 3, where, &v);
	if (brief) {
		node->as.brief = (uintptr_t)at | len << BRIEF_SHIFT;
		return v;
	}
	node->flags = VALUE_LONG;
	node->as.s.at = at;
	node->as.s.len = len;
	return v;
}

vref
graph_tuple(struct graph *g, const vref *items, size_t count, uint64_t where)
{
	bool inside = count <= TUPLE_INSIDE_MAX;
	struct value *node;
	vref *at;
	vref v;

	node = graph_new(g, VALUE_TUPLE,
	    inside ? tuple_cells((uint32_t)count) : 3, where, &v);
	node->as.tuple.count = (uint32_t)count;
	if (inside) {
		at = tuple_inside(node);
	} else {
		at = arena_alloc(&g->job->arena, count, sizeof *at);
		node->as.seq.at = at;
		node->as.seq.capacity = (uint32_t)count;
	}
	memcpy(at, items, count * sizeof *at);
	return v;
}

void
graph_copy(struct graph *g, vref v, vref from)
{
	uint16_t after = graph_at(g, v)->after;

	*graph_at(g, v) = *graph_at(g, from);
	graph_at(g, v)->after = after;
}

void
graph_set_far(struct graph *g, vref v, uint64_t where)
{
	g->far = arena_grow(&g->job->arena, g->far, sizeof *g->far,
	    g->far_count, g->far_count + 1, &g->far_capacity);
	g->far[g->far_count].v = v;
	g->far[g->far_count++].where = where;
	graph_at(g, v)->after = WHERE_FAR;
}

uint64_t
graph_far_where(const struct graph *g, vref v)
{
	uint32_t low = 0, high = g->far_count, middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (g->far[middle].v <= v)
			low = middle;
		else
			high = middle;
	}
	return g->far[low].where;
}

enum value_kind
value_kind_immediate(vref v)
{
	if (value_is_small(v))
		return VALUE_INT;
	switch (v) {
	case VREF_NONE:
		return VALUE_NONE;
	case VREF_TRUE:
	case VREF_FALSE:
		return VALUE_BOOL;
	case VREF_EMPTY_TUPLE:
		return VALUE_TUPLE;
	default:
		return (enum value_kind)0;
	}
}

bool
value_int(const struct graph *g, vref v, int64_t *out)
{
	if (value_is_small(v))
		*out = (int64_t)(v - VREF_IMMEDIATE);
	else if (v == VREF_TRUE || v == VREF_FALSE)
		*out = v == VREF_TRUE;
	else if (value_kind(g, v) == VALUE_INT)
		*out = graph_at(g, v)->as.i;
	else
		return false;
	return true;
}

bool
value_text(const struct graph *g, vref v, bool python2, const uint8_t **at,
    uint64_t *len)
{
	enum value_kind kind = value_kind(g, v);
	struct span text;

	if (kind != VALUE_TEXT && !(python2 && kind == VALUE_BYTES))
		return false;
	text = value_string(graph_at(g, v));
	*at = text.at;
	*len = text.len;
	return true;
}

vref
value_from_int(struct graph *g, int64_t i, uint64_t where)
{
	vref v;

	if (i >= 0 && i <= VREF_SMALL_MAX)
		return VREF_IMMEDIATE + (uint32_t)i;
	v = graph_add(g, VALUE_INT, where);
	graph_at(g, v)->as.i = i;
	return v;
}

/* Whether value_items are its own. */
static bool
is_sequence(enum value_kind kind)
{
	return kind >= VALUE_TUPLE && kind <= VALUE_DICT;
}

uint32_t
value_count(const struct graph *g, vref v)
{
	const struct value *node;

	if (!value_is_node(v))
		return 0;
	node = graph_at(g, v);
	if (!is_sequence((enum value_kind)node->kind))
		return 0;
	if (node->kind == VALUE_DICT)
		return node->as.seq.count / 2;
	return node->as.seq.count;
}

static vref
part_of_call(const struct graph *g, const struct value *call, uint32_t part)
{
	if (call->as.call.more == VREF_MISSING)
		return VREF_MISSING;
	return value_item(g, call->as.call.more, part);
}

vref
value_call_kwargs(const struct graph *g, const struct value *call)
{
	return part_of_call(g, call, 0);
}

vref
value_call_items(const struct graph *g, const struct value *call)
{
	return part_of_call(g, call, 1);
}

vref
value_call_entries(const struct graph *g, const struct value *call)
{
	return part_of_call(g, call, 2);
}

static inline bool
text_is(struct span text, const char *want)
{
	/* Most are told by their first letter. */
	return text.len > 0 && text.at[0] == (uint8_t)want[0] &&
	    text.len == strlen(want) && memcmp(text.at, want, text.len) == 0;
}

/* Asked of each strange class for every name that we know. */
static inline bool
may_be_renamed(struct span module)
{
	static const uint64_t first =	/* letters, by their lowest six bits */
	    LETTER('_') | LETTER('i') | LETTER('u') | LETTER('U') |
	    LETTER('e') | LETTER('c') | LETTER('h') | LETTER('S') |
	    LETTER('Q') | LETTER('t');

	return module.len >= OLD_SHORTEST && module.len <= OLD_LONGEST &&
	    (first & LETTER(module.at[0])) != 0;
}

static bool
renamed_is(struct span module, struct span name,
    const char *want_module, const char *want_name)
{
	for (size_t i = 0; i < sizeof renames / sizeof *renames; i++) {
		const struct rename *r = &renames[i];

		if (!text_is(module, r->old_module))
			continue;
		if (r->old_name[0] != '\0' && !text_is(name, r->old_name))
			continue;
		return strcmp(r->module, want_module) == 0 &&
		    (r->name[0] != '\0' ? strcmp(r->name, want_name) == 0 :
				       text_is(name, want_name));
	}
	return false;
}

struct global_name
value_global(const struct graph *g, vref v)
{
	struct global_name global = { 0 };
	const struct value *node;

	if (value_kind(g, v) != VALUE_GLOBAL)
		return global;
	node = graph_at(g, v);
	if (value_kind(g, node->as.global.module) != VALUE_TEXT ||
	    value_kind(g, node->as.global.name) != VALUE_TEXT)
		return global;
	global.module = value_string(graph_at(g, node->as.global.module));
	global.name = value_string(graph_at(g, node->as.global.name));
	return global;
}

bool
global_is(const struct global_name *global, const char *module,
    const char *name)
{
	/* Names differ sooner than modules; no renaming leads back into its
	 * own module. */
	if (text_is(global->name, name) && text_is(global->module, module))
		return true;
	return may_be_renamed(global->module) &&
	    renamed_is(global->module, global->name, module, name);
}

bool
value_is_global(const struct graph *g, vref v, const char *module,
    const char *name)
{
	struct global_name global;

	if (value_kind(g, v) != VALUE_GLOBAL)
		return false;
	global = value_global(g, v);
	return global_is(&global, module, name);
}

static bool
container_changed_since(const struct graph *g, vref v, vref since)
{
	const struct value *node;

	if (!value_is_node(v))
		return false;
	node = graph_at(g, v);
	return (node->kind == VALUE_LIST || node->kind == VALUE_SET ||
	    node->kind == VALUE_DICT) && value_changed(node) > since;
}

static bool
call_changed_since(const struct graph *g, const struct value *call, vref since)
{
	vref state = call->as.call.state;

	if (value_is_node(state) && (state > since ||
	    (call->flags & VALUE_STATE_OLD) != 0 ||
	    container_changed_since(g, state, since)))
		return true;
	return container_changed_since(g, value_call_items(g, call), since) ||
	    container_changed_since(g, value_call_entries(g, call), since);
}

bool
value_changed_since(const struct graph *g, vref v, vref since)
{
	const struct value *node;

	if (!value_is_node(v))
		return false;
	node = graph_at(g, v);
	return node->kind == VALUE_CALL ? call_changed_since(g, node, since) :
	    container_changed_since(g, v, since);
}

uint64_t
value_where(const struct graph *g, vref v, uint64_t fallback)
{
	return value_is_node(v) ? graph_where(g, v) : fallback;
}
