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

bool
word_is_whole(const struct word *w, const struct value *call)
{
	return (call->flags & VALUE_BUILT_TWICE) == 0 && !is_data(w) &&
	    word_attributes(w, w->state);
}

void
word_once(const struct word *w, const struct value *call)
{
	if ((call->flags & VALUE_BUILT_TWICE) != 0)
		word_die(w, w->state, "state", "is set a second time");
}
