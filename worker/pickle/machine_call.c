/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_call.c - opcodes that name, call and change objects in a real
 * unpickler.  Here a global is a pair of names and a call a record of itself;
 * nothing is looked up, there is nothing to call.
 */
#include "machine_inner.h"

#include <string.h>

#include "utf8.h"

static vref
new_call(struct machine *m, enum call_how how, vref callable, vref args)
{
	vref v;
	struct value *node = machine_node(m, VALUE_CALL, &v);

	node->flags = (uint8_t)(how << VALUE_HOW_SHIFT);
	node->as.call.callable = callable;
	node->as.call.args = args;
	node->as.call.state = VREF_MISSING;
	node->as.call.more = VREF_MISSING;
	return v;
}

/* What the stream may have called: anything that is not plain data. */
static bool
check_callable(struct machine *m, vref v)
{
	enum value_kind kind = value_kind(m->g, v);

	if (kind == VALUE_GLOBAL || kind == VALUE_CALL || kind == VALUE_PERSID)
		return true;
	return machine_fail_kind(m, "calls a class or function", v);
}

bool
machine_reduce(struct machine *m)
{
	vref call;

	if (machine_depth(m) < 2)
		return machine_underflow(m);
	if (value_kind(m->g, m->top[-1]) != VALUE_TUPLE)
		return machine_fail_kind(m, "the arguments are a tuple",
		    m->top[-1]);
	if (!check_callable(m, m->top[-2]))
		return false;
	call = new_call(m, CALL_REDUCE, m->top[-2], m->top[-1]);
	m->top--;
	m->top[-1] = call;
	return true;
}

/* The LIST node behind call.more. */
static struct value *
parts_of(struct machine *m, vref call)
{
	struct value *node = graph_at(m->g, call);
	struct value *parts;
	vref v;

	if (node->as.call.more != VREF_MISSING)
		return graph_at(m->g, node->as.call.more);
	parts = machine_node(m, VALUE_LIST, &v);
	node->as.call.more = v;
	parts->as.seq.at = arena_alloc(m->arena, 3, sizeof(vref));
	parts->as.seq.count = 3;
	parts->as.seq.capacity = 3;
	for (unsigned i = 0; i < 3; i++)
		parts->as.seq.at[i] = VREF_MISSING;
	return parts;
}

struct value *
machine_call_part(struct machine *m, vref call, uint32_t part)
{
	struct value *parts = parts_of(m, call);
	vref v = parts->as.seq.at[part];

	if (v != VREF_MISSING)
		return graph_at(m->g, v);
	machine_node(m, part == 1 ? VALUE_LIST : VALUE_DICT, &v);
	parts->as.seq.at[part] = v;
	return graph_at(m->g, v);
}

bool
machine_newobj(struct machine *m, bool with_kwargs)
{
	vref *args = m->top - (with_kwargs ? 2 : 1);
	vref call;

	if (machine_depth(m) < (with_kwargs ? 3 : 2))
		return machine_underflow(m);
	if (!check_callable(m, args[-1]))
		return false;
	if (value_kind(m->g, args[0]) != VALUE_TUPLE)
		return machine_fail_kind(m, "the arguments are a tuple",
		    args[0]);
	if (with_kwargs && value_kind(m->g, args[1]) != VALUE_DICT)
		return machine_fail_kind(m, "the named arguments are a dict",
		    args[1]);
	call = new_call(m, with_kwargs ? CALL_NEWOBJ_EX : CALL_NEWOBJ,
	    args[-1], args[0]);
	if (with_kwargs)
		parts_of(m, call)->as.seq.at[0] = args[1];
	args[-1] = call;
	m->top = args;
	return true;
}

bool
machine_obj(struct machine *m)
{
	vref *from;
	vref args;

	if (!machine_pop_mark(m, &from))
		return false;
	if (from == m->top)
		return machine_fail(m, "needs a class above the MARK");
	if (!check_callable(m, *from))
		return false;
	args = machine_tuple_of(m, from + 1, (size_t)(m->top - from - 1));
	*from = new_call(m, CALL_OBJ, *from, args);
	m->top = from + 1;
	return true;
}

/* A name that another reader would take for a different one. */
static void
judge_name(struct machine *m, const uint8_t *at, uint64_t len)
{
	if (len > 0 && at[len - 1] == '\r')
		machine_odd(m, ODD_NAME_CR);
}

static vref
new_global(struct machine *m, vref module, vref name)
{
	static const char wrapper[] = "_load_from_bytes";
	static const char array[] = "NumpyArrayWrapper";
	vref v;
	struct value *node = machine_node(m, VALUE_GLOBAL, &v);
	const uint8_t *at;
	uint64_t len;

	node->as.global.module = module;
	node->as.global.name = name;
	/* So that nobody need look for it afterwards. */
	if (!value_text(m->g, name, false, &at, &len) ||
	    len < sizeof wrapper - 1)
		return v;
	if (len == sizeof wrapper - 1 && memcmp(at, wrapper, len) == 0)
		m->g->wrapped = true;
	if (len >= sizeof array - 1 && memcmp(at + len - (sizeof array - 1),
	    array, sizeof array - 1) == 0)
		m->g->arrays = true;
	return v;
}

static bool
name_line(struct machine *m, bool ascii, vref *name)
{
	const uint8_t *at;
	size_t len;

	if (!machine_line(m, &at, &len))
		return false;
	if (len == 0)
		return machine_fail(m, "an empty name");
	if (ascii ? !utf8_ascii(at, len) : utf8_good(at, len) != len)
		return machine_fail(m, ascii ? "the name is not ASCII" :
					       "the name is not UTF-8");
	judge_name(m, at, len);
	*name = machine_string(m, VALUE_TEXT, at, len);
	graph_at(m->g, *name)->flags |= m->text_flags;
	return true;
}

/* Two lines: module and name. */
static bool
global_lines(struct machine *m, bool ascii, vref *global)
{
	vref module = VREF_MISSING;
	vref name = VREF_MISSING;

	if (!name_line(m, ascii, &module) || !name_line(m, ascii, &name))
		return false;
	*global = new_global(m, module, name);
	return true;
}

bool
machine_global(struct machine *m)
{
	vref global;

	if (!global_lines(m, false, &global))
		return false;
	machine_push(m, global);
	return true;
}

bool
machine_inst(struct machine *m)
{
	vref *from;
	vref global;
	vref args;

	if (!machine_pop_mark(m, &from) || !global_lines(m, true, &global))
		return false;
	args = machine_tuple_of(m, from, (size_t)(m->top - from));
	m->top = from;
	machine_push(m, new_call(m, CALL_INST, global, args));
	return true;
}

static bool
check_name(struct machine *m, vref v)
{
	enum value_kind kind = value_kind(m->g, v);
	const struct value *node;

	if (kind == VALUE_CALL || kind == VALUE_PERSID) {
		machine_odd(m, ODD_COMPUTED_NAME);
		return true;
	}
	if (kind != VALUE_TEXT)
		return machine_fail_kind(m, "module and name are str", v);
	node = graph_at(m->g, v);
	if (node->flags & VALUE_OLD_STRING)
		machine_odd(m, ODD_STRING_NAME);
	judge_name(m, value_string(node).at, value_string(node).len);
	return true;
}

bool
machine_stack_global(struct machine *m)
{
	if (machine_depth(m) < 2)
		return machine_underflow(m);
	if (!check_name(m, m->top[-2]) || !check_name(m, m->top[-1]))
		return false;
	m->top--;
	m->top[-1] = new_global(m, m->top[-1], m->top[0]);
	return true;
}

bool
machine_persid(struct machine *m)
{
	const uint8_t *at;
	size_t len;
	struct value *node;
	vref text;
	vref v;

	if (!machine_line(m, &at, &len))
		return false;
	if (!utf8_ascii(at, len))
		return machine_fail(m, "the persistent id is not ASCII");
	text = machine_string(m, VALUE_TEXT, at, len);
	graph_at(m->g, text)->flags |= m->text_flags;
	node = graph_new(m->g, VALUE_PERSID, m->persid_cells,
	    machine_where(m), &v);
	node->flags = m->persid_flags;
	node->as.ref = text;
	machine_push(m, v);
	return true;
}

bool
machine_extension(struct machine *m, unsigned width)
{
	uint64_t raw;
	int64_t code;
	vref v;

	if (!machine_count(m, width, &raw))
		return false;
	code = width == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
	if (code <= 0)
		return machine_fail(m, "an extension code below 1");
	machine_node(m, VALUE_EXTENSION, &v)->as.i = code;
	machine_odd(m, ODD_EXTENSION);
	return machine_fail(m, "no extension is registered here");
}

/* Without out-of-band buffers CPython lets this stand on bytes, where it does
 * nothing.  (On a bytearray it would make a memoryview: not here.) */
bool
machine_readonly(struct machine *m)
{
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	if (value_kind(m->g, m->top[-1]) != VALUE_BYTES)
		return machine_fail_kind(m, "needs a buffer", m->top[-1]);
	machine_odd(m, ODD_READONLY);
	return true;
}

/* Plain data has no attributes: CPython takes None, or (None, {}), only. */
static bool
build_plain(struct machine *m, vref inst, vref state)
{
	vref slots = value_item(m->g, state, 1);

	if (state == VREF_NONE)
		return true;
	if (value_kind(m->g, state) == VALUE_TUPLE &&
	    value_count(m->g, state) == 2 &&
	    value_item(m->g, state, 0) == VREF_NONE &&
	    value_kind(m->g, slots) == VALUE_DICT &&
	    value_count(m->g, slots) == 0)
		return true;
	return machine_fail_kind(m, "gives a state to an object", inst);
}

/* Has nothing been made since the state was complete? */
static bool
is_fresh(const struct machine *m, vref state)
{
	const struct value *node;
	vref changed = 0;

	if (!value_is_node(state))
		return true;
	node = graph_at(m->g, state);
	if (node->kind == VALUE_LIST || node->kind == VALUE_SET ||
	    node->kind == VALUE_DICT)
		changed = value_changed(node);
	return (changed != 0 ? changed : graph_after(m->g, state)) ==
	    m->g->next;
}

static void
take(struct machine *m, vref v)
{
	if (value_kind(m->g, v) == VALUE_DICT)
		graph_at(m->g, v)->flags |= VALUE_TAKEN;
}

static void
set_state(struct machine *m, struct value *call, vref state)
{
	if (call->as.call.state != VREF_MISSING)
		call->flags |= VALUE_BUILT_TWICE;
	if (!is_fresh(m, state))
		call->flags |= VALUE_STATE_OLD;
	call->as.call.state = state;
	/* The object has a copy of it, or of both parts of (dict, slots). */
	take(m, state);
	if (value_kind(m->g, state) == VALUE_TUPLE) {
		take(m, value_item(m->g, state, 0));
		take(m, value_item(m->g, state, 1));
	}
}

bool
machine_build(struct machine *m)
{
	vref state;
	vref inst;

	if (machine_depth(m) < 2)
		return machine_underflow(m);
	state = m->top[-1];
	inst = m->top[-2];
	m->top--;
	switch ((int)value_kind(m->g, inst)) {
	case VALUE_CALL:
		set_state(m, graph_at(m->g, inst), state);
		return machine_joblib(m, inst);
	case VALUE_GLOBAL:
		machine_odd(m, ODD_WRITE_GLOBAL);
		return true;
	case VALUE_PERSID:
		m->g->written = true;
		machine_odd(m, ODD_WRITE_PERSID);
		return true;
	default:
		return build_plain(m, inst, state);
	}
}
