/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_state.c - what is done to a tensor after the call that makes it:
 * the state of a BUILD, and attributes.  Both can give it other data, which no
 * writer of torch's does to a tensor that has some: such a tensor must never
 * come out as it was before.  Source: torch 2.13, torch/_tensor.py
 * (Tensor.__setstate__, _rebuild_from_type_v2) and _utils.py (_set_obj_state).
 */
#include "vocabulary_word.h"

#include <string.h>

/* Attributes of a tensor that change its numbers, or how they are shown. */
static const char own_names[][10] = { "data", "real", "imag", "__class__" };

static bool
is_own_name(const uint8_t *at, uint64_t len)
{
	for (size_t i = 0; i < sizeof own_names / sizeof *own_names; i++)
		if (len == strlen(own_names[i]) &&
		    memcmp(at, own_names[i], len) == 0)
			return true;
	return false;
}

/* The keys of a dict, read once, however many tensors share it. */
static bool
names_are_others(const struct word *w, vref v)
{
	struct value *dict = graph_at(w->g, v);
	const uint8_t *at;
	uint64_t len;

	if ((dict->flags & VALUE_NAMES_READ) != 0)
		return true;
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2)
		if (!value_text(w->g, dict->as.seq.at[i], true, &at, &len) ||
		    is_own_name(at, len))
			return false;
	dict->flags |= VALUE_NAMES_READ;
	return true;
}

/* A dict, or a call that makes one and was given its entries later. */
static bool
attributes_are_others(const struct word *w, vref v)
{
	const struct value *call;
	vref entries;

	if (value_kind(w->g, v) == VALUE_DICT)
		return names_are_others(w, v);
	if (!word_is_opaque(w, v))
		return true;
	if (value_kind(w->g, v) != VALUE_CALL)
		return false;
	call = graph_at(w->g, v);
	entries = value_call_entries(w->g, call);
	return value_is_global(w->g, call->as.call.callable, "collections",
	    "OrderedDict") && call->as.call.args == VREF_EMPTY_TUPLE &&
	    (entries == VREF_MISSING || names_are_others(w, entries));
}

bool
word_attributes(const struct word *w, vref v)
{
	if (value_kind(w->g, v) == VALUE_TUPLE && value_count(w->g, v) == 2)
		return attributes_are_others(w, value_item(w->g, v, 0)) &&
		    attributes_are_others(w, value_item(w->g, v, 1));
	return attributes_are_others(w, v);
}

/* Of four parts the tensor is set to another storage; of five the first is its
 * data. */
static bool
is_data(const struct word *w)
{
	uint32_t parts = value_count(w->g, w->state);

	return (parts == 4 || parts == 5) &&
	    value_kind(w->g, w->state) != VALUE_DICT;
}

void
word_not_replaced(const struct word *w)
{
	if (is_data(w))
		word_die(w, w->state, "state", "replaces a tensor's data");
}

#define KIND(kind) (UINT32_C(1) << (kind))
#define MUTABLE \
	(KIND(VALUE_LIST) | KIND(VALUE_SET) | KIND(VALUE_DICT) | \
	    KIND(VALUE_CALL))

/* Was the node changed?  Each tensor asks for four: most are calls to which
 * nothing was done, or cannot change. */
static inline bool
node_changed_since(const struct graph *g, vref v, vref since)
{
	const struct value *node = graph_at(g, v);

	if ((KIND(node->kind) & MUTABLE) == 0 ||
	    (node->kind == VALUE_CALL && node->as.call.more == VREF_MISSING &&
	    node->as.call.state == VREF_MISSING))
		return false;
	return value_changed_since(g, v, since);
}

/* No word reads more of them. */
static uint32_t
items_read(const struct value *tuple)
{
	uint32_t count = tuple->as.seq.count;

	return count < RANK_MAX ? count : RANK_MAX;
}

static bool
items_changed_since(const struct graph *g, vref v, vref since)
{
	const struct value *tuple = graph_at(g, v);
	const vref *items = value_items(tuple);
	uint32_t count = items_read(tuple);

	for (uint32_t i = 0; i < count; i++)
		if (value_is_node(items[i]) &&
		    node_changed_since(g, items[i], since))
			return true;
	return false;
}

/* The same of the tuples in it; no word reads deeper. */
static bool
tuples_changed_since(const struct graph *g, vref v, vref since)
{
	const struct value *tuple = graph_at(g, v);
	const vref *items = value_items(tuple);
	uint32_t count = items_read(tuple);

	for (uint32_t i = 0; i < count; i++)
		if (value_is_node(items[i]) &&
		    graph_at(g, items[i])->kind == VALUE_TUPLE &&
		    items_changed_since(g, items[i], since))
			return true;
	return false;
}

/* The size, stride and metadata of a tensor; a size or a stride is a tuple of
 * numbers, or no tensor comes out. */
bool
word_tensor_is_changed(const struct word *w)
{
	static const uint32_t parts[] = { 2, 3, 6, 7 };
	const struct value *args = graph_at(w->g, w->args);
	const vref *items = value_items(args);

	for (size_t i = 0; i < 4 && parts[i] < args->as.seq.count; i++)
		if (value_is_node(items[parts[i]]) &&
		    node_changed_since(w->g, items[parts[i]], w->call))
			return true;
	return false;
}

bool
word_is_changed(const struct word *w)
{
	const struct graph *g = w->g;

	if (w->call == VREF_MISSING)
		return false;
	if (value_is_node(w->args) &&
	    graph_at(g, w->args)->kind == VALUE_TUPLE &&
	    (items_changed_since(g, w->args, w->call) ||
	    tuples_changed_since(g, w->args, w->call)))
		return true;
	return value_is_node(w->state) &&
	    graph_at(g, w->state)->kind == VALUE_TUPLE &&
	    (items_changed_since(g, w->state, w->state) ||
	    tuples_changed_since(g, w->state, w->state));
}

bool
word_is_whole(const struct word *w, const struct value *call)
{
	return !word_is_changed(w) && (call->flags & VALUE_BUILT_TWICE) == 0 &&
	    !is_data(w) && word_attributes(w, w->state);
}

void
word_once(const struct word *w, const struct value *call)
{
	if ((call->flags & VALUE_BUILT_TWICE) != 0)
		word_die(w, w->state, "state", "is set a second time");
}
