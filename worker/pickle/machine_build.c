/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_build.c - opcodes that make and fill containers.  What may be filled
 * is what CPython's C unpickler would fill; an object made by a would-be call
 * takes anything and keeps it as items and entries.  Keys must be hashable.
 */
#include "machine_inner.h"

#include <string.h>

static bool
is_unhashable(enum value_kind kind)
{
	return kind == VALUE_LIST || kind == VALUE_DICT || kind == VALUE_SET ||
	    kind == VALUE_BYTEARRAY;
}

/* A tuple is hashable when all in it is.  Tuples cannot change and are marked
 * when first met, so that all questions together cost each node once (an error
 * ends the stream, and the marks with it).  No recursion: what is still to see
 * waits in a list above the arena's mark. */
static bool
tuple_hashable(struct machine *m, vref tuple)
{
	size_t mark = arena_mark(m->arena);
	uint32_t capacity = 0;
	uint32_t count = 1;
	vref *todo = arena_grow(m->arena, NULL, sizeof *todo, 0, 1, &capacity);
	bool good = true;

	todo[0] = tuple;
	graph_at(m->g, tuple)->flags |= VALUE_HASHABLE;
	while (good && count > 0) {
		const struct value *node = graph_at(m->g, todo[--count]);
		const vref *items = value_items(node);

		for (uint32_t i = 0; good && i < node->as.seq.count; i++) {
			vref item = items[i];
			enum value_kind kind = value_kind(m->g, item);

			good = !is_unhashable(kind);
			if (kind != VALUE_TUPLE || !value_is_node(item) ||
			    graph_at(m->g, item)->flags & VALUE_HASHABLE)
				continue;
			graph_at(m->g, item)->flags |= VALUE_HASHABLE;
			todo = arena_grow(m->arena, todo, sizeof *todo, count,
			    count + 1, &capacity);
			todo[count++] = item;
		}
	}
	arena_rewind(m->arena, mark);
	return good;
}

/* Each of every `step` values from `from` to the top of the stack. */
static bool
all_hashable(struct machine *m, const vref *from, size_t step)
{
	for (const vref *at = from; at < m->top; at += step) {
		enum value_kind kind;

		if (!value_is_node(*at))
			continue;
		kind = (enum value_kind)graph_at(m->g, *at)->kind;
		if (is_unhashable(kind))
			return machine_fail_kind(m,
			    "keys and members must be hashable", *at);
		if (kind == VALUE_TUPLE &&
		    !(graph_at(m->g, *at)->flags & VALUE_HASHABLE) &&
		    !tuple_hashable(m, *at))
			return machine_fail(m,
			    "a tuple that holds an unhashable value as key");
	}
	return true;
}

/* Room for `want` values.  A large block that is left is cut into pages, which
 * the memo takes. */
static void
grow(struct machine *m, struct value *node, uint32_t want)
{
	uint8_t *old = (uint8_t *)node->as.seq.at;
	size_t length = (size_t)node->as.seq.capacity * sizeof(vref);

	node->as.seq.at = arena_grow(m->arena, node->as.seq.at, sizeof(vref),
	    node->as.seq.count, want, &node->as.seq.capacity);
	if ((uint8_t *)node->as.seq.at == old)
		return;
	for (; length >= ARENA_PAGE; length -= ARENA_PAGE, old += ARENA_PAGE)
		arena_page_back(m->arena, old);
}

/* The container, of whose items there is room for one more, is changed now. */
static void
note_change(struct machine *m, struct value *node)
{
	node->as.seq.at[node->as.seq.count] = m->g->next;
	if ((node->flags & VALUE_TAKEN) != 0)
		node->flags |= VALUE_CHANGED;
}

/* Appends the values from `from` to the top of the stack, which lose them. */
static bool
move_values(struct machine *m, struct value *node, vref *from)
{
	size_t more = (size_t)(m->top - from);

	if (more > UINT32_MAX / 2 - node->as.seq.count)
		return machine_fail_limit(m, "a container is too large");
	grow(m, node, node->as.seq.count + (uint32_t)more + 1);
	memcpy(node->as.seq.at + node->as.seq.count, from,
	    more * sizeof(vref));
	node->as.seq.count += (uint32_t)more;
	note_change(m, node);
	m->top = from;
	return true;
}

/* A container of just these values, of exact size, pushed in their place. */
static bool
push_container(struct machine *m, enum value_kind kind, vref *from)
{
	size_t count = (size_t)(m->top - from);
	struct value *node;
	vref v;

	node = machine_node(m, kind, &v);
	if (count > 0) {
		node->as.seq.at = arena_alloc(m->arena, count, sizeof(vref));
		memcpy(node->as.seq.at, from, count * sizeof(vref));
		node->as.seq.count = (uint32_t)count;
		node->as.seq.capacity = (uint32_t)count;
	}
	m->top = from;
	machine_push(m, v);
	return true;
}

bool
machine_list(struct machine *m)
{
	vref *from;

	return machine_pop_mark(m, &from) &&
	    push_container(m, VALUE_LIST, from);
}

bool
machine_frozenset(struct machine *m)
{
	vref *from;

	return machine_pop_mark(m, &from) && all_hashable(m, from, 1) &&
	    push_container(m, VALUE_FROZENSET, from);
}

bool
machine_dict(struct machine *m)
{
	vref *from;

	if (!machine_pop_mark(m, &from))
		return false;
	if ((m->top - from) % 2 != 0)
		return machine_fail(m, "a key without a value");
	return all_hashable(m, from, 2) && push_container(m, VALUE_DICT, from);
}

/* Objects outside the graph of plain data: what is put there is left out. */
static bool
drop_values(struct machine *m, vref *from, enum value_kind kind)
{
	m->g->written |= kind == VALUE_PERSID;
	machine_odd(m, kind == VALUE_GLOBAL ? ODD_WRITE_GLOBAL :
					      ODD_WRITE_PERSID);
	m->top = from;
	return true;
}

static bool
append(struct machine *m, vref *from)
{
	enum value_kind kind;

	if (from <= m->floor)
		return machine_underflow(m);
	if (from == m->top)
		return true;
	kind = value_kind(m->g, from[-1]);
	if (kind == VALUE_LIST)
		return move_values(m, graph_at(m->g, from[-1]), from);
	if (kind == VALUE_CALL)
		return move_values(m, machine_call_part(m, from[-1], 1), from);
	if (kind == VALUE_GLOBAL || kind == VALUE_PERSID)
		return drop_values(m, from, kind);
	return machine_fail_kind(m, "appends to a list or an object", from[-1]);
}

bool
machine_append(struct machine *m)
{
	if (machine_depth(m) < 2)
		return machine_underflow(m);
	return append(m, m->top - 1);
}

bool
machine_appends(struct machine *m)
{
	vref *from;

	return machine_pop_mark(m, &from) && append(m, from);
}

/* list[i] = value, which CPython does for any object with __setitem__. */
static bool
set_items_of_list(struct machine *m, vref *from)
{
	struct value *list = graph_at(m->g, from[-1]);
	int64_t i;

	for (vref *at = from; at < m->top; at += 2) {
		if (!value_int(m->g, at[0], &i))
			return machine_fail_kind(m,
			    "a list's index is an int", at[0]);
		if (i < 0)
			i += list->as.seq.count;
		if (i < 0 || i >= list->as.seq.count)
			return machine_fail(m, "an index outside the list");
		list->as.seq.at[i] = at[1];
	}
	grow(m, list, list->as.seq.count + 1);
	note_change(m, list);
	machine_odd(m, ODD_LIST_SETITEM);
	m->top = from;
	return true;
}

static bool
set_items(struct machine *m, vref *from)
{
	enum value_kind kind;

	if (from <= m->floor)
		return machine_underflow(m);
	if (from == m->top)
		return true;
	if ((m->top - from) % 2 != 0)
		return machine_fail(m, "a key without a value");
	kind = value_kind(m->g, from[-1]);
	if (kind == VALUE_DICT)
		return all_hashable(m, from, 2) &&
		    move_values(m, graph_at(m->g, from[-1]), from);
	if (kind == VALUE_CALL)
		return move_values(m, machine_call_part(m, from[-1], 2), from);
	if (kind == VALUE_LIST)
		return set_items_of_list(m, from);
	if (kind == VALUE_GLOBAL || kind == VALUE_PERSID)
		return drop_values(m, from, kind);
	return machine_fail_kind(m, "sets items of a dict or an object",
	    from[-1]);
}

bool
machine_setitem(struct machine *m)
{
	if (machine_depth(m) < 3)
		return machine_underflow(m);
	return set_items(m, m->top - 2);
}

bool
machine_setitems(struct machine *m)
{
	vref *from;

	return machine_pop_mark(m, &from) && set_items(m, from);
}

bool
machine_additems(struct machine *m)
{
	enum value_kind kind;
	vref *from;

	if (!machine_pop_mark(m, &from))
		return false;
	if (from <= m->floor)
		return machine_underflow(m);
	if (from == m->top)
		return true;
	kind = value_kind(m->g, from[-1]);
	if (kind == VALUE_SET)
		return all_hashable(m, from, 1) &&
		    move_values(m, graph_at(m->g, from[-1]), from);
	if (kind == VALUE_CALL)
		return move_values(m, machine_call_part(m, from[-1], 1), from);
	if (kind == VALUE_GLOBAL || kind == VALUE_PERSID)
		return drop_values(m, from, kind);
	return machine_fail_kind(m, "adds to a set or an object", from[-1]);
}
