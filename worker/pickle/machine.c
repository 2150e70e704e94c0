/* SPDX-License-Identifier: Apache-2.0
 *
 * machine.c - the pickle machine's loop: see machine.h.  Trusts nothing in the
 * stream: each argument is bounded by its frame, each opcode by the mark below
 * it.  Opcodes that real checkpoints are made of are in line here; the others
 * are in machine_*.c.  It calls nothing that a stream names: it cannot.
 * Reference: CPython 3.14's Modules/_pickle.c and Lib/pickletools.py.
 */
#include "machine_inner.h"

#include <string.h>

#include "utf8.h"

static uint32_t
u32le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	    (uint32_t)p[3] << 24;
}

static uint64_t
u64be(const uint8_t *p)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | p[i];
	return value;
}

static inline uint64_t
load8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* UTF-8, most of which is short ASCII. */
static inline bool
text_valid(const uint8_t *at, uint64_t len)
{
	uint64_t all = 0;

	if (len >= 8) {
		for (uint64_t i = 0; i < len - 8; i += 8)
			all |= load8(at + i);
		all |= load8(at + len - 8);
	} else if (len >= 4) {
		all = u32le(at) | u32le(at + len - 4);
	} else if (len > 0) {
		all = (uint64_t)(at[0] | at[len / 2] | at[len - 1]);
	}
	return (all & UINT64_C(0x8080808080808080)) == 0 ||
	    utf8_python(at, len);
}

/* Most tuples have one to six: no call of memcpy. */
static inline void
copy_inside(vref *to, const vref *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] = from[i];
}

/* Opcodes of protocol 0 and 1, and the rare ones. */
static bool
run_text(struct machine *m, uint8_t op)
{
	switch (op) {
	case OP_INT:
		return machine_int(m);
	case OP_LONG:
		return machine_long(m);
	case OP_FLOAT:
		return machine_float(m);
	case OP_STRING:
		return machine_text_string(m);
	case OP_UNICODE:
		return machine_unicode(m);
	case OP_GET:
		return machine_text_get(m);
	case OP_PUT:
		return machine_text_put(m);
	case OP_PERSID:
		return machine_persid(m);
	case OP_GLOBAL:
		return machine_global(m);
	case OP_INST:
		return machine_inst(m);
	case OP_OBJ:
		return machine_obj(m);
	case OP_POP:
		return machine_pop(m);
	case OP_DUP:
		return machine_dup(m);
	case OP_LIST:
		return machine_list(m);
	case OP_DICT:
		return machine_dict(m);
	case OP_EXT1:
		return machine_extension(m, 1);
	case OP_EXT2:
		return machine_extension(m, 2);
	case OP_EXT4:
		return machine_extension(m, 4);
	case OP_READONLY_BUFFER:
		return machine_readonly(m);
	case OP_NEXT_BUFFER:
		return machine_fail(m, "no out-of-band buffers are given");
	default:
		return machine_fail(m, "no such opcode");
	}
}

static bool
run_rest(struct machine *m, uint8_t op)
{
	vref *from;

	switch (op) {
	case OP_BINUNICODE8:
	case OP_BINBYTES:
	case OP_SHORT_BINBYTES:
	case OP_BINBYTES8:
	case OP_BYTEARRAY8:
	case OP_BINSTRING:
	case OP_SHORT_BINSTRING:
		return machine_counted(m, op);
	case OP_LONG1:
		return machine_counted_long(m, 1);
	case OP_LONG4:
		return machine_counted_long(m, 4);
	case OP_APPEND:
		return machine_append(m);
	case OP_APPENDS:
		return machine_appends(m);
	case OP_SETITEM:
		return machine_setitem(m);
	case OP_SETITEMS:
		return machine_setitems(m);
	case OP_ADDITEMS:
		return machine_additems(m);
	case OP_FROZENSET:
		return machine_frozenset(m);
	case OP_NEWOBJ:
		return machine_newobj(m, false);
	case OP_NEWOBJ_EX:
		return machine_newobj(m, true);
	case OP_BUILD:
		return machine_build(m);
	case OP_STACK_GLOBAL:
		return machine_stack_global(m);
	case OP_POP_MARK:
		if (!machine_pop_mark(m, &from))
			return false;
		m->top = from;
		return true;
	case OP_PROTO:
		return machine_proto(m);
	case OP_FRAME:
		return machine_frame(m);
	default:
		return run_text(m, op);
	}
}

/* At the end of a frame or of the stream, where an opcode should be. */
static bool
next_frame(struct machine *m)
{
	m->op = m->at;
	if (!m->framed)
		return machine_fail(m, "the pickle ends without STOP");
	m->framed = false;
	m->end = m->limit;
	return true;
}

/* The loop keeps in registers what each opcode needs; SAVE and LOAD stand round
 * whatever uses those in *m. */
#define SAVE() (m->at = p, m->op = op, m->top = sp)
#define LOAD() (p = m->at, end = m->end, sp = m->top)
#define CALL(expression)                    \
	do {                                \
		SAVE();                     \
		if (!(expression))          \
			goto bad;           \
		LOAD();                     \
	} while (0)
#define NEED(count)                                           \
	do {                                                  \
		if ((uint64_t)(end - p) < (count))            \
			CALL(machine_need(m, (count)));       \
	} while (0)
#define PUSH(value)                                   \
	do {                                          \
		vref pushed = (value);                \
		if (sp == m->stack_end) {             \
			SAVE();                       \
			machine_grow_stack(m);        \
			LOAD();                       \
		}                                     \
		*sp++ = pushed;                       \
	} while (0)
#define HAVE(count)                                           \
	do {                                                  \
		if (sp - m->floor < (count))                  \
			CALL(machine_underflow(m));           \
	} while (0)
#define NODE(kind, cells) \
	(node = graph_new(m->g, (kind), (cells), m->skew + (uintptr_t)op, &v))
#define TUPLE(size)                                                   \
	do {                                                          \
		HAVE(size);                                           \
		NODE(VALUE_TUPLE, tuple_cells(size));                 \
		node->as.tuple.count = (size);                        \
		sp -= (size);                                         \
		copy_inside(tuple_inside(node), sp, (size));          \
		*sp++ = v;                                            \
	} while (0)
#define PUT(index)                                                       \
	do {                                                             \
		HAVE(1);                                                 \
		if (!memo_put(&m->memo, (index), m->memo.put_span,      \
		    sp[-1]))                                             \
			CALL(machine_put(m, (index)));                   \
	} while (0)
#define GET(index)                                            \
	do {                                                  \
		vref got = memo_get(&m->memo, (index));             \
		if (got == VREF_MISSING)                      \
			CALL(machine_get(m, (index)));        \
		else                                          \
			PUSH(got);                            \
	} while (0)

/* Over 60 lines, for speed: one switch, some 2 ns an opcode. */
static bool
run(struct machine *m, uint64_t *opcodes)
{
	const uint8_t *p = m->at;
	const uint8_t *end = m->end;
	const uint8_t *op;
	vref *sp = m->top;
	struct value *node;
	uint64_t done = 0;
	uint64_t len;
	int32_t i;
	vref v;

	for (;; ++done) {
		op = p;
		while (p == end)
			CALL(next_frame(m));
		op = p++;
		switch (*op) {
		case OP_MARK:
			if (m->mark_count == m->mark_capacity) {
				SAVE();
				machine_grow_marks(m);
			}
			m->marks[m->mark_count++] =
			    (uint32_t)(m->floor - m->stack);
			m->floor = sp;
			break;
		case OP_EMPTY_TUPLE:
			PUSH(VREF_EMPTY_TUPLE);
			break;
		case OP_NONE:
			PUSH(VREF_NONE);
			break;
		case OP_NEWTRUE:
			PUSH(VREF_TRUE);
			break;
		case OP_NEWFALSE:
			PUSH(VREF_FALSE);
			break;
		case OP_BININT1:
			NEED(1);
			PUSH(VREF_IMMEDIATE + *p);
			p++;
			break;
		case OP_BININT2:
			NEED(2);
			PUSH(VREF_IMMEDIATE + (uint32_t)(p[0] | p[1] << 8));
			p += 2;
			break;
		case OP_BININT:
			NEED(4);
			i = (int32_t)u32le(p);
			v = VREF_IMMEDIATE + (uint32_t)i;
			if (i < 0 || i > VREF_SMALL_MAX)
				NODE(VALUE_INT, 2)->as.i = i;
			PUSH(v);
			p += 4;
			break;
		case OP_BINFLOAT:
			NEED(8);
			NODE(VALUE_FLOAT, 2)->as.i = (int64_t)u64be(p);
			PUSH(v);
			p += 8;
			break;
		case OP_SHORT_BINUNICODE:
			NEED(1);
			len = *p++;
			goto text;
		case OP_BINUNICODE:
			NEED(4);
			len = u32le(p);
			p += 4;
text:
			NEED(len);
			if (!text_valid(p, len))
				CALL(machine_fail(m, "the text is not UTF-8"));
			if (len < m->brief_end) {
				NODE(VALUE_TEXT, 2)->flags = m->text_flags;
				node->as.brief =
				    (uintptr_t)p | len << BRIEF_SHIFT;
			} else {
				SAVE();
				v = machine_string(m, VALUE_TEXT, p, len);
				graph_at(m->g, v)->flags |= m->text_flags;
			}
			PUSH(v);
			p += len;
			goto made;
		case OP_EMPTY_LIST:
			NODE(VALUE_LIST, 3);
			PUSH(v);
			goto made;
		case OP_EMPTY_DICT:
			NODE(VALUE_DICT, 3);
			PUSH(v);
			goto made;
		case OP_EMPTY_SET:
			NODE(VALUE_SET, 3);
			PUSH(v);
			break;
		case OP_TUPLE:
			len = (uint64_t)(sp - m->floor);
			if (m->mark_count == 0 || len == 0 ||
			    len > TUPLE_INSIDE_MAX) {
				CALL(machine_tuple(m));
				break;
			}
			NODE(VALUE_TUPLE, tuple_cells((uint32_t)len));
			node->as.tuple.count = (uint32_t)len;
			sp = m->floor;
			copy_inside(tuple_inside(node), sp, len);
			*sp++ = v;
			m->floor = m->stack + m->marks[--m->mark_count];
			goto made;
		case OP_TUPLE1:
			TUPLE(1);
			goto made;
		case OP_TUPLE2:
			TUPLE(2);
			goto made;
		case OP_TUPLE3:
			TUPLE(3);
			goto made;
		case OP_BINPUT:
			NEED(1);
			PUT(*p);
			p++;
			break;
		case OP_LONG_BINPUT:
			NEED(4);
			PUT(u32le(p));
			p += 4;
			break;
		case OP_MEMOIZE:
			HAVE(1);
			if (!memo_put(&m->memo, m->memo.length,
			    m->memo.memoize_span, sp[-1]))
				CALL(machine_memoize(m));
			break;
		case OP_BINGET:
			NEED(1);
			len = *p++;
			GET((uint32_t)len);
			break;
		case OP_LONG_BINGET:
			NEED(4);
			len = u32le(p);
			p += 4;
			GET((uint32_t)len);
			break;
		case OP_REDUCE:
			HAVE(2);
			if ((sp[-1] != VREF_EMPTY_TUPLE &&
			    value_kind(m->g, sp[-1]) != VALUE_TUPLE) ||
			    value_kind(m->g, sp[-2]) != VALUE_GLOBAL) {
				CALL(machine_reduce(m));
				break;
			}
			NODE(VALUE_CALL, 3);
			node->flags = CALL_REDUCE << VALUE_HOW_SHIFT;
			node->as.call.callable = sp[-2];
			node->as.call.args = sp[-1];
			node->as.call.state = VREF_MISSING;
			node->as.call.more = VREF_MISSING;
			sp--;
			sp[-1] = v;
			goto made;
		case OP_BINPERSID:
			HAVE(1);
			NODE(VALUE_PERSID, m->persid_cells)->flags =
			    m->persid_flags;
			node->as.ref = sp[-1];
			sp[-1] = v;
			break;
		case OP_STOP:
			SAVE();
			*opcodes = done + 1;
			return true;
		default:
			CALL(run_rest(m, *op));
			break;
		}
		continue;
made:
		/* Nearly every new value is put away at once. */
		if (end - p >= 5 && *p == OP_LONG_BINPUT) {
			if (memo_put(&m->memo, u32le(p + 1),
			    m->memo.put_span, sp[-1])) {
				p += 5;
				++done;
			}
		} else if (p != end && *p == OP_MEMOIZE &&
		    memo_put(&m->memo, m->memo.length,
		    m->memo.memoize_span, sp[-1])) {
			p++;
			++done;
		}
	}
bad:
	*opcodes = done;
	return false;
}

bool
machine_run(struct graph *g, const struct pickle_source *source,
    uint64_t start, bool quiet, struct machine_result *result,
    struct machine_error *error)
{
	struct machine m;
	bool good;

	memset(&m, 0, sizeof m);
	memset(result, 0, sizeof *result);
	memset(error, 0, sizeof *error);
	result->value = VREF_MISSING;
	result->first_node = g->next;
	m.g = g;
	m.arena = &g->job->arena;
	m.error = error;
	m.quiet = quiet;
	m.joblib = source->joblib;
	m.persid_cells = source->roomy ? 3 : 2;
	m.persid_flags = source->roomy ? VALUE_LONG : 0;
	m.text_flags = source->in_file ? VALUE_IN_FILE : 0;
	m.limit = source->at + source->len;
	m.start = source->at + (start > source->len ? source->len : start);
	m.at = m.start;
	m.op = m.start;
	m.end = m.limit;
	m.skew = source->base - (uintptr_t)source->at;
	m.brief_end = string_is_brief(m.limit, 0) ? BRIEF_END : 0;
	machine_grow_stack(&m);
	good = run(&m, &result->opcodes) && machine_stop(&m, &result->value);
	machine_forget(&m);
	if (!good) {
		result->value = VREF_MISSING;
		return false;
	}
	result->end = (uint64_t)(m.at - source->at);
	result->protocol = m.protocol;
	return true;
}
