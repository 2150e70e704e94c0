/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_contents.c - the containers of Python's standard library that a call
 * makes, and which of its arguments they then hold.  What a call was not given
 * to keep is none of its contents, and must not come out as if it were; where
 * Python's answer is not ours to compute, the container is left out by name.
 */
#include "walk_inside.h"

#include <string.h>

enum plain_kind {
	PLAIN_MAPPING,
	PLAIN_DEFAULT,	/* the same, after a factory */
	PLAIN_PAIRS,	/* a mapping whose entries take_pairs makes */
	PLAIN_SEQUENCE,
	PLAIN_FIXED,	/* a sequence that __new__ fills, not __init__ */
	PLAIN_DEQUE,
	PLAIN_RECONSTRUCTOR
};

static const struct plain_class {
	char module[12];
	char name[16];
	uint8_t kind;	/* enum plain_kind */
} plain[] = {
	{ "collections", "OrderedDict", PLAIN_PAIRS },
	{ "collections", "defaultdict", PLAIN_DEFAULT },
	{ "collections", "Counter", PLAIN_MAPPING },
	{ "collections", "deque", PLAIN_DEQUE },
	{ "collections", "ChainMap", PLAIN_MAPPING },
	{ "collections", "UserDict", PLAIN_MAPPING },
	{ "collections", "UserList", PLAIN_SEQUENCE },
	{ "copyreg", "_reconstructor", PLAIN_RECONSTRUCTOR },
	{ "builtins", "dict", PLAIN_PAIRS },
	{ "builtins", "list", PLAIN_SEQUENCE },
	{ "builtins", "set", PLAIN_SEQUENCE },
	{ "builtins", "frozenset", PLAIN_FIXED },
	{ "builtins", "tuple", PLAIN_FIXED },
};

static const struct plain_class *
find_plain(const struct graph *g, vref callable)
{
	struct global_name global = value_global(g, callable);

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (global_is(&global, plain[i].module, plain[i].name))
			return &plain[i];
	return NULL;
}

/* Does the container hold anything that it was not given by the call? */
static bool
is_filled(const struct graph *g, const struct value *call)
{
	return value_count(g, value_call_items(g, call)) > 0 ||
	    value_count(g, value_call_entries(g, call)) > 0;
}

/* deque(items, maxlen) keeps the last ones. */
static bool
is_over_length(const struct graph *g, const struct value *call)
{
	vref most = value_item(g, call->as.call.args, 1);
	vref given = value_item(g, call->as.call.args, 0);
	uint64_t count = (uint64_t)value_count(g, given) +
	    value_count(g, value_call_items(g, call));
	int64_t length;

	if (most == VREF_MISSING || most == VREF_NONE)
		return false;
	return !value_int(g, most, &length) || length < 0 ||
	    count > (uint64_t)length || value_kind(g, given) == VALUE_CALL;
}

/* Is there anything in the argument, or may there be? */
static bool
is_given(const struct graph *g, vref v)
{
	enum value_kind kind = value_kind(g, v);

	return value_count(g, v) > 0 || kind == VALUE_CALL ||
	    kind == VALUE_PERSID;
}

/* The argument that the contents come from. */
static vref
given_of(const struct graph *g, const struct value *call, enum plain_kind kind)
{
	return value_item(g, call->as.call.args,
	    kind == PLAIN_RECONSTRUCTOR ? 2 : kind == PLAIN_DEFAULT ? 1 : 0);
}

static bool
is_sequence(enum plain_kind kind)
{
	return kind == PLAIN_SEQUENCE || kind == PLAIN_FIXED ||
	    kind == PLAIN_DEQUE;
}

/* Both are contents, of which we cannot say in which order, or which wins; or
 * it is a list of pairs that take_pairs did not take; or it was changed
 * after it was copied. */
static bool
is_mixed(const struct graph *g, vref v, enum plain_kind kind, vref given)
{
	const struct value *call = graph_at(g, v);

	if (kind == PLAIN_PAIRS && value_count(g, given) > 0 &&
	    value_kind(g, given) != VALUE_DICT)
		return true;
	if (value_changed_since(g, given, v))
		return true;
	return is_given(g, given) && is_filled(g, call);
}

/* A state that was changed after the object had copied it. */
static bool
has_old_state(const struct graph *g, vref state)
{
	vref parts[3] = { state, value_item(g, state, 0),
		value_item(g, state, 1) };

	for (size_t i = 0; i < 3; i++)
		if (value_kind(g, parts[i]) == VALUE_DICT &&
		    (graph_at(g, parts[i])->flags & VALUE_CHANGED) != 0)
			return true;
	return false;
}

static bool
is_pair(const struct graph *g, vref v, vref since)
{
	return (value_kind(g, v) == VALUE_TUPLE ||
	    value_kind(g, v) == VALUE_LIST) && value_count(g, v) == 2 &&
	    !value_changed_since(g, v, since);
}

/* Can the argument be taken for entries, and is there work left for it? */
static bool
may_take(struct walk *w, vref v, vref pairs)
{
	const struct value *call = graph_at(w->g, v);
	enum value_kind kind = value_kind(w->g, pairs);
	uint32_t count = value_count(w->g, pairs);

	if (count > UINT32_MAX / 8 || value_changed_since(w->g, pairs, v))
		return false;
	if (kind == VALUE_DICT)
		return value_count(w->g, value_call_entries(w->g, call)) > 0 &&
		    walk_spend(w, count);
	if (kind != VALUE_LIST && kind != VALUE_TUPLE)
		return false;
	/* One list may be the argument of many calls. */
	if (graph_at(w->g, pairs)->mark != 0 && !walk_spend(w, count))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!is_pair(w->g, value_item(w->g, pairs, i), v))
			return false;
	return true;
}

/* Keys and values of the pairs, and those that were set later. */
static vref
join(struct walk *w, vref v, vref pairs, vref entries)
{
	bool dict = value_kind(w->g, pairs) == VALUE_DICT;
	uint32_t count = value_count(w->g, pairs);
	uint32_t later = 2 * value_count(w->g, entries);
	vref made = graph_add(w->g, VALUE_DICT, graph_where(w->g, v));
	vref *at = arena_alloc(&w->job->arena, (uint64_t)2 * count + later,
	    sizeof(*at));
	struct value *node = graph_at(w->g, made);

	for (uint32_t i = 0; !dict && i < count; i++) {
		vref pair = value_item(w->g, pairs, i);

		at[2 * i] = value_item(w->g, pair, 0);
		at[2 * i + 1] = value_item(w->g, pair, 1);
	}
	if (dict && count > 0)
		memcpy(at, graph_at(w->g, pairs)->as.seq.at,
		    2 * count * sizeof(*at));
	if (later > 0)
		memcpy(at + 2 * count, graph_at(w->g, entries)->as.seq.at,
		    later * sizeof(*at));
	node->as.seq.at = at;
	node->as.seq.count = 2 * count + later;
	node->as.seq.capacity = 2 * count + later;
	return made;
}

/* Turns the pairs or the dict that a dict was made of into entries. */
static void
take_pairs(struct walk *w, vref v)
{
	struct value *call = graph_at(w->g, v);
	vref pairs = value_item(w->g, call->as.call.args, 0);
	vref entries = value_call_entries(w->g, call);
	struct value *node;
	vref parts[3];
	vref more;

	if (value_count(w->g, entries) > UINT32_MAX / 8 ||
	    !may_take(w, v, pairs))
		return;
	if (value_kind(w->g, pairs) != VALUE_DICT &&
	    value_is_node(pairs) && graph_at(w->g, pairs)->mark == 0)
		graph_at(w->g, pairs)->mark = MARK_EMPTY;
	parts[0] = value_call_kwargs(w->g, call);
	parts[1] = value_call_items(w->g, call);
	parts[2] = join(w, v, pairs, entries);
	more = graph_add(w->g, VALUE_LIST, graph_where(w->g, v));
	node = graph_at(w->g, more);
	node->as.seq.at = arena_alloc(&w->job->arena, 3, sizeof(vref));
	memcpy(node->as.seq.at, parts, sizeof(parts));
	node->as.seq.count = 3;
	node->as.seq.capacity = 3;
	call->as.call.more = more;
	call->as.call.args = VREF_EMPTY_TUPLE;
}

enum contents
walk_contents(struct walk *w, vref v)
{
	const struct graph *g = w->g;
	const struct value *call = graph_at(g, v);
	const struct plain_class *p = find_plain(g, call->as.call.callable);
	enum call_how how = value_how(call);
	enum plain_kind kind;
	vref given;

	if (has_old_state(g, call->as.call.state))
		return CONTENTS_UNSURE;
	if (p == NULL)
		return CONTENTS_OBJECT;
	kind = (enum plain_kind)p->kind;
	/* __new__ alone takes no notice of what it is given, and neither does
	 * object.__new__ in _reconstructor(class, object, state). */
	if ((how == CALL_NEWOBJ || how == CALL_NEWOBJ_EX) &&
	    kind != PLAIN_FIXED)
		return CONTENTS_LATER;
	if (kind == PLAIN_PAIRS && call->mark == MARK_NEW)
		take_pairs(w, v);
	given = given_of(g, call, kind);
	if (kind == PLAIN_RECONSTRUCTOR && value_is_global(g,
	    value_item(g, call->as.call.args, 1), "builtins", "object"))
		return CONTENTS_LATER;
	if (is_mixed(g, v, kind, given) ||
	    (kind == PLAIN_DEQUE && is_over_length(g, call)))
		return CONTENTS_UNSURE;
	/* list(dict) has its keys alone. */
	if (is_sequence(kind) && value_kind(g, given) == VALUE_DICT)
		return CONTENTS_LATER;
	return CONTENTS_GIVEN;
}
