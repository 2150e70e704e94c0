/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict_arrays.c - three ways to have a reader make something else of the
 * bytes of the file.  joblib's wrapper of an array, made or reached as joblib's
 * writer never does: its reader then takes other bytes for the array than ours,
 * and the rest for opcodes.  And a numpy dtype that holds objects and says that
 * it does not: numpy takes the file's bytes for addresses.  And an attribute by
 * which torch writes into a storage that is another tensor's too.
 * Source: joblib 1.5, joblib/numpy_pickle.py; numpy 2.4, descriptor.c
 * (arraydescr_setstate).
 */
#include "verdict_parts.h"

#include <string.h>

#include "joblib.h"

/* numpy works the flags out itself for states before this version. */
#define VERSION_WITH_FLAGS 3
#define FLAG_REFERENCES 1
/* Where a dtype's state has them. */
#define STATE_SUBARRAY 2
#define STATE_FIELDS 4
#define STATE_FLAGS 7

/* -------------------------------------------------------------- joblib -- */

/* By its last word, however it is reached. */
static bool
is_array_class(const struct graph *g, vref v)
{
	static const char word[] = "NumpyArrayWrapper";
	size_t size = sizeof word - 1;
	struct global_name name = value_global(g, v);

	return name.name.len >= size && memcmp(name.name.at + name.name.len -
	    size, word, size) == 0;
}

/* The class, or the arguments that copyreg's function makes it of. */
static bool
leads_to_array(const struct graph *g, vref v)
{
	return is_array_class(g, v) ||
	    (value_kind(g, v) == VALUE_TUPLE &&
	    is_array_class(g, value_item(g, v, 0)));
}

/* Keys of a dict too. */
static bool
holds_array_class(const struct graph *g, const struct value *node)
{
	const vref *items = value_items(node);

	for (uint32_t i = 0; i < node->as.seq.count; i++)
		if (leads_to_array(g, items[i]))
			return true;
	return false;
}

static bool
array_call_is_odd(const struct graph *g, const struct value *call)
{
	vref args = call->as.call.args;

	if (leads_to_array(g, call->as.call.state))
		return true;
	if (!is_array_class(g, call->as.call.callable) &&
	    !leads_to_array(g, args))
		return false;
	return !joblib_is_wrapper(g, call) ||
	    (call->flags & VALUE_BUILT_TWICE) != 0;
}

static bool
array_is_odd(const struct graph *g, vref v)
{
	const struct value *node = graph_at(g, v);

	switch ((int)node->kind) {
	case VALUE_TUPLE:
		return !joblib_are_args(g, v) && holds_array_class(g, node);
	case VALUE_LIST:
	case VALUE_SET:
	case VALUE_FROZENSET:
	case VALUE_DICT:
		return holds_array_class(g, node);
	case VALUE_PERSID:
		return leads_to_array(g, node->as.ref);
	case VALUE_CALL:
		return array_call_is_odd(g, node);
	default:
		return false;
	}
}

/* --------------------------------------------------------------- dtype -- */

/* What the first argument makes: 'O8', 'object', 'i4,O', a class. */
static bool
code_is_object(const struct graph *g, vref code)
{
	struct global_name name;
	const uint8_t *at;
	uint64_t len;

	if (value_text(g, code, true, &at, &len))
		return memchr(at, 'O', (size_t)len) != NULL ||
		    (len >= 3 && memcmp(at, "obj", 3) == 0);
	if (value_kind(g, code) != VALUE_GLOBAL)
		return true;
	name = value_global(g, code);
	if (name.module.len == 5 && memcmp(name.module.at, "numpy", 5) == 0)
		return name.name.len >= 3 &&
		    memcmp(name.name.at, "obj", 3) == 0;
	/* Of other classes numpy makes objects; strange ones are unusual
	 * anyway, and some are types of their own (ml_dtypes). */
	return verdict_of_name((const char *)name.module.at, name.module.len,
	    (const char *)name.name.at, name.name.len, false) ==
	    VERDICT_CLEAN;
}

static bool
says_objects(const struct graph *g, vref state)
{
	int64_t version;
	int64_t flags;

	if (value_kind(g, state) != VALUE_TUPLE)
		return false;
	if (value_int(g, value_item(g, state, 0), &version) &&
	    version < VERSION_WITH_FLAGS)
		return true;
	return value_int(g, value_item(g, state, STATE_FLAGS), &flags) &&
	    (flags & FLAG_REFERENCES) != 0;
}

static bool
is_dtype(const struct graph *g, vref v)
{
	return value_kind(g, v) == VALUE_CALL &&
	    value_is_global(g, graph_at(g, v)->as.call.callable, "numpy",
	    "dtype");
}

/* One inside another: what it holds itself, its own state was judged by. */
static bool
part_is_object(const struct graph *g, vref part)
{
	vref dtype = value_item(g, part, 0);
	const struct value *call;

	if (!is_dtype(g, dtype))
		return true;
	call = graph_at(g, dtype);
	return code_is_object(g, value_item(g, call->as.call.args, 0)) ||
	    says_objects(g, call->as.call.state);
}

static bool
state_holds_objects(const struct graph *g, vref state)
{
	vref subarray = value_item(g, state, STATE_SUBARRAY);
	vref fields = value_item(g, state, STATE_FIELDS);
	const struct value *dict;

	if (subarray != VREF_MISSING && subarray != VREF_NONE &&
	    part_is_object(g, subarray))
		return true;
	if (fields == VREF_MISSING || fields == VREF_NONE)
		return false;
	if (value_kind(g, fields) != VALUE_DICT)
		return true;
	/* Pairs as they were set: one that was replaced counts too. */
	dict = graph_at(g, fields);
	for (uint32_t i = 1; i < dict->as.seq.count; i += 2)
		if (part_is_object(g, dict->as.seq.at[i]))
			return true;
	return false;
}

/* copyreg.__newobj__(dtype, ..) and its like: nobody pickles one so. */
static bool
is_dtype_aside(const struct graph *g, const struct value *call)
{
	struct global_name name = value_global(g, call->as.call.callable);

	return name.module.len >= 7 &&
	    memcmp(name.module.at, "copy", 4) == 0 &&
	    value_is_global(g, value_item(g, call->as.call.args, 0), "numpy",
	    "dtype");
}

static bool
dtype_is_odd(const struct graph *g, vref v)
{
	const struct value *call = graph_at(g, v);
	vref state = call->as.call.state;

	if (!is_dtype(g, v))
		return is_dtype_aside(g, call);
	if ((call->flags & VALUE_BUILT_TWICE) != 0)
		return true;
	if (value_kind(g, state) != VALUE_TUPLE || says_objects(g, state))
		return false;
	return code_is_object(g, value_item(g, call->as.call.args, 0)) ||
	    state_holds_objects(g, state);
}

void
scan_joblib(struct scan *s, vref v)
{
	if (array_is_odd(s->g, v))
		scan_trick(s, TRICK_JOBLIB, graph_where(s->g, v));
}

void
scan_dtype(struct scan *s, vref v)
{
	if (dtype_is_odd(s->g, v))
		scan_trick(s, TRICK_DTYPE, graph_where(s->g, v));
}

/* --------------------------------------------------------- attributes -- */

/* torch sets `real` and `imag` by copying into the tensor's own storage. */
static bool
writes_numbers(const struct graph *g, vref attributes)
{
	const struct value *dict;
	const uint8_t *at;
	uint64_t len;

	if (value_kind(g, attributes) == VALUE_CALL)
		attributes = value_call_entries(g, graph_at(g, attributes));
	if (value_kind(g, attributes) != VALUE_DICT)
		return false;
	dict = graph_at(g, attributes);
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2)
		if (value_text(g, dict->as.seq.at[i], true, &at, &len) &&
		    len == 4 && (memcmp(at, "real", 4) == 0 ||
		    memcmp(at, "imag", 4) == 0))
			return true;
	return false;
}

/* A dict, or (attributes, slots). */
static bool
state_writes(const struct graph *g, vref state)
{
	return writes_numbers(g, state) ||
	    (value_kind(g, state) == VALUE_TUPLE &&
	    (writes_numbers(g, value_item(g, state, 0)) ||
	    writes_numbers(g, value_item(g, state, 1))));
}

/* (function, type, its arguments, state), or (data, .., .., state): the
 * function may be such a one again. */
void
scan_attributes(struct scan *s, vref v)
{
	vref args = graph_at(s->g, v)->as.call.args;

	for (unsigned i = 0; i < NEST_DEPTH_MAX &&
	    value_kind(s->g, args) == VALUE_TUPLE; i++) {
		if (state_writes(s->g, value_item(s->g, args, 3)))
			scan_trick(s, TRICK_TENSOR_WRITE,
			    graph_where(s->g, v));
		args = value_item(s->g, args, 2);
	}
}
