/* SPDX-License-Identifier: Apache-2.0
 *
 * value.c - the graph of inert values: see value.h.  Reads only what the
 * machine put there, follows no reference further than one step, never recurses
 * and never changes a node.
 */
#include "value.h"

#include <string.h>

#define SMALL_END (VREF_IMMEDIATE + (uint32_t)VREF_SMALL_MAX)

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

vref
graph_add(struct graph *g, enum value_kind kind, uint64_t where)
{
	uint32_t chunk = g->count / GRAPH_CHUNK;
	struct value *node;

	if (g->count >= g->job->limits.nodes || g->count >= VREF_IMMEDIATE - 1)
		die(g->job, FAULT_LIMIT, where,
		    "more values than the limit nodes");
	if (g->count % GRAPH_CHUNK == 0) {
		g->chunks = arena_grow(&g->job->arena, g->chunks,
		    sizeof(struct graph_chunk *), /* NOLINT: pointers */
		    chunk, chunk + 1, &g->chunk_capacity);
		g->chunks[chunk] = arena_alloc(&g->job->arena, 1,
		    sizeof **g->chunks);
	}
	node = graph_at(g, g->count);
	node->kind = (uint8_t)kind;
	graph_set_where(g, g->count, where);
	return g->count++;
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
	if (v >= VREF_IMMEDIATE && v <= SMALL_END)
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
	if (v >= VREF_IMMEDIATE && v <= SMALL_END)
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
	const struct value *node;

	if (kind != VALUE_TEXT && !(python2 && kind == VALUE_BYTES))
		return false;
	node = graph_at(g, v);
	*at = node->as.s.at;
	*len = node->as.s.len;
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

/* Whether items lie in as.seq. */
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
text_is(const struct value *text, const char *want)
{
	const uint8_t *at = text->as.s.at;
	uint64_t len = text->as.s.len;

	/* Most are told by their first letter. */
	return len > 0 && at[0] == (uint8_t)want[0] && len == strlen(want) &&
	    memcmp(at, want, len) == 0;
}

/* Asked of each strange class for every name that we know. */
static inline bool
may_be_renamed(const struct value *module)
{
	static const uint64_t first =	/* letters, by their lowest six bits */
	    LETTER('_') | LETTER('i') | LETTER('u') | LETTER('U') |
	    LETTER('e') | LETTER('c') | LETTER('h') | LETTER('S') |
	    LETTER('Q') | LETTER('t');
	uint64_t len = module->as.s.len;

	return len >= OLD_SHORTEST && len <= OLD_LONGEST &&
	    (first & LETTER(module->as.s.at[0])) != 0;
}

static bool
renamed_is(const struct value *module, const struct value *name,
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

bool
value_is_global(const struct graph *g, vref v, const char *module,
    const char *name)
{
	const struct value *node;
	const struct value *m;
	const struct value *n;

	if (value_kind(g, v) != VALUE_GLOBAL)
		return false;
	node = graph_at(g, v);
	if (value_kind(g, node->as.global.module) != VALUE_TEXT ||
	    value_kind(g, node->as.global.name) != VALUE_TEXT)
		return false;
	m = graph_at(g, node->as.global.module);
	n = graph_at(g, node->as.global.name);
	/* Names differ sooner than modules; no renaming leads back into its
	 * own module. */
	if (text_is(n, name) && text_is(m, module))
		return true;
	return may_be_renamed(m) && renamed_is(m, n, module, name);
}

uint64_t
value_where(const struct graph *g, vref v, uint64_t fallback)
{
	return value_is_node(v) ? graph_where(g, v) : fallback;
}
