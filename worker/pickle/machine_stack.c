/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_stack.c - the pickle machine's two stacks.  As in CPython's C
 * unpickler, marks stand on a stack of their own, and values behind the last
 * mark cannot be reached.  Each push costs at least a byte of the stream, so
 * that the stacks grow no faster than it is read.
 */
#include "machine_inner.h"

void
machine_grow_stack(struct machine *m)
{
	uint32_t depth = (uint32_t)(m->top - m->stack);
	uint32_t floor = (uint32_t)(m->floor - m->stack);
	uint32_t capacity = depth;

	/* 2^30 values: 4 GiB of stack, from a stream no shorter. */
	if (depth >= UINT32_C(1) << 30)
		die(m->g->job, FAULT_LIMIT, machine_where(m),
		    "the pickle's stack is too deep");
	m->stack = arena_grow(m->arena, m->stack, sizeof *m->stack, depth,
	    depth < 128 ? 128 : depth + 1, &capacity);
	m->top = m->stack + depth;
	m->floor = m->stack + floor;
	m->stack_end = m->stack + capacity;
}

void
machine_grow_marks(struct machine *m)
{
	if (m->mark_count >= UINT32_C(1) << 30)
		die(m->g->job, FAULT_LIMIT, machine_where(m),
		    "too many marks on the pickle's stack");
	m->marks = arena_grow(m->arena, m->marks, sizeof *m->marks,
	    m->mark_count, m->mark_count + 1, &m->mark_capacity);
}

static void
drop_mark(struct machine *m)
{
	m->floor = m->stack + m->marks[--m->mark_count];
}

bool
machine_pop_mark(struct machine *m, vref **from)
{
	*from = m->top;
	if (m->mark_count == 0)
		return machine_fail(m, "needs a MARK on the stack");
	*from = m->floor;
	drop_mark(m);
	return true;
}

vref
machine_tuple_of(struct machine *m, const vref *at, size_t count)
{
	if (count == 0)
		return VREF_EMPTY_TUPLE;
	return graph_tuple(m->g, at, count, machine_where(m));
}

bool
machine_tuple(struct machine *m)
{
	vref *from;
	vref tuple;

	if (!machine_pop_mark(m, &from))
		return false;
	tuple = machine_tuple_of(m, from, (size_t)(m->top - from));
	m->top = from;
	machine_push(m, tuple);
	return true;
}

vref
machine_string(struct machine *m, enum value_kind kind, const uint8_t *at,
    uint64_t len)
{
	return graph_string(m->g, kind, at, len, machine_where(m));
}

bool
machine_pop(struct machine *m)
{
	if (m->mark_count > 0 && m->top == m->floor) {
		drop_mark(m);
		return true;
	}
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	m->top--;
	return true;
}

bool
machine_dup(struct machine *m)
{
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	machine_push(m, m->top[-1]);
	return true;
}

bool
machine_stop(struct machine *m, vref *value)
{
	if (machine_depth(m) < 1)
		return machine_underflow(m);
	*value = *--m->top;
	if (m->mark_count > 0)
		machine_odd(m, ODD_STOP_MARK);
	else if (m->top != m->stack)
		machine_odd(m, ODD_STOP_LEFTOVER);
	if (m->framed && m->at != m->end)
		machine_odd(m, ODD_STOP_IN_FRAME);
	return true;
}
