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

/* UTF-8, most of which is short ASCII. */
static inline bool
text_valid(const uint8_t *at, uint64_t len)
{
	uint64_t word;

	while (len >= sizeof word) {
		memcpy(&word, at, sizeof word);
		if (word & UINT64_C(0x8080808080808080))
			return utf8_python(at, len);
		at += sizeof word;
		len -= sizeof word;
	}
	for (; len > 0; at++, len--)
		if (*at >= 0x80)
			return utf8_python(at, len);
	return true;
}

static inline vref
int_value(struct machine *m, int32_t i)
{
	vref v;

	if (i >= 0 && i <= VREF_SMALL_MAX)
		return VREF_IMMEDIATE + (uint32_t)i;
	machine_node(m, VALUE_INT, &v)->as.i = i;
	return v;
}

static inline vref
text_value(struct machine *m, const uint8_t *at, uint64_t len)
{
	vref v;
	struct value *node = machine_node(m, VALUE_TEXT, &v);

	node->flags = m->text_flags;
	node->as.s.at = at;
	node->as.s.len = len;
	return v;
}

static vref
float_value(struct machine *m, const uint8_t *at)
{
	uint64_t bits = u64be(at);
	vref v;
	struct value *node = machine_node(m, VALUE_FLOAT, &v);

	memcpy(&node->as.f, &bits, sizeof bits);
	return v;
}

/* The memo, where the page exists already and the entry is new. */
static inline bool
quick_put(struct machine *m, uint32_t index, vref v)
{
	uint32_t number = index / MEMO_PAGE;
	vref *entry;

	if (number >= m->memo.page_capacity || m->memo.pages[number] == NULL ||
	    !m->used_put || m->used_memoize)
		return false;
	entry = &m->memo.pages[number][index % MEMO_PAGE];
	if (*entry != 0)
		return false;
	*entry = v ^ VREF_MISSING;
	m->memo.length++;
	return true;
}

static inline vref
quick_get(const struct machine *m, uint32_t index)
{
	uint32_t number = index / MEMO_PAGE;

	if (number >= m->memo.page_capacity || m->memo.pages[number] == NULL)
		return VREF_MISSING;
	return m->memo.pages[number][index % MEMO_PAGE] ^ VREF_MISSING;
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
	case OP_SHORT_BINUNICODE:
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

/* The loop keeps the read position and the stack's top in registers; SAVE and
 * LOAD stand round whatever uses those in *m. */
#define SAVE() (m->at = p, m->top = sp)
#define LOAD() (p = m->at, sp = m->top)
#define CALL(expression)                    \
	do {                                \
		SAVE();                     \
		if (!(expression))          \
			return false;       \
		LOAD();                     \
	} while (0)
#define NEED(count)                                           \
	do {                                                  \
		if ((uint64_t)(m->end - p) < (count))         \
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
		if (sp - m->floor < (count)) {                \
			SAVE();                               \
			return machine_underflow(m);          \
		}                                             \
	} while (0)
#define TUPLE(count)                                                  \
	do {                                                          \
		HAVE(count);                                          \
		sp -= (count);                                        \
		*sp = machine_tuple_of(m, sp, (count));               \
		sp++;                                                 \
	} while (0)
#define PUT(index)                                            \
	do {                                                  \
		HAVE(1);                                      \
		if (!quick_put(m, (index), sp[-1]))           \
			CALL(machine_put(m, (index)));        \
	} while (0)
#define GET(index)                                            \
	do {                                                  \
		vref got = quick_get(m, (index));             \
		if (got == VREF_MISSING)                      \
			CALL(machine_get(m, (index)));        \
		else                                          \
			PUSH(got);                            \
	} while (0)

/* Over 60 lines, for speed: one switch, some 3 ns an opcode. */
static bool
run(struct machine *m, uint64_t *opcodes)
{
	const uint8_t *p = m->at;
	vref *sp = m->top;
	uint64_t len;
	vref v;

	for (;; ++*opcodes) {
		while (p == m->end)
			CALL(next_frame(m));
		m->op = p++;
		switch (*m->op) {
		case OP_MARK:
			if (m->mark_count == m->mark_capacity)
				machine_grow_marks(m);
			m->marks[m->mark_count++] = (uint32_t)(sp - m->stack);
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
			PUSH(int_value(m, (int32_t)u32le(p)));
			p += 4;
			break;
		case OP_BINFLOAT:
			NEED(8);
			PUSH(float_value(m, p));
			p += 8;
			break;
		case OP_BINUNICODE:
			NEED(4);
			len = u32le(p);
			p += 4;
			NEED(len);
			if (!text_valid(p, len))
				return machine_fail(m, "the text is not UTF-8");
			PUSH(text_value(m, p, len));
			p += len;
			break;
		case OP_EMPTY_LIST:
			machine_node(m, VALUE_LIST, &v);
			PUSH(v);
			break;
		case OP_EMPTY_DICT:
			machine_node(m, VALUE_DICT, &v);
			PUSH(v);
			break;
		case OP_EMPTY_SET:
			machine_node(m, VALUE_SET, &v);
			PUSH(v);
			break;
		case OP_TUPLE:
			CALL(machine_tuple(m));
			break;
		case OP_TUPLE1:
			TUPLE(1);
			break;
		case OP_TUPLE2:
			TUPLE(2);
			break;
		case OP_TUPLE3:
			TUPLE(3);
			break;
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
			CALL(machine_reduce(m));
			break;
		case OP_BINPERSID:
			HAVE(1);
			machine_node(m, VALUE_PERSID, &v)->as.ref = sp[-1];
			sp[-1] = v;
			break;
		case OP_STOP:
			SAVE();
			++*opcodes;
			return true;
		default:
			CALL(run_rest(m, *m->op));
			break;
		}
	}
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
	result->first_node = g->count;
	m.g = g;
	m.arena = &g->job->arena;
	m.error = error;
	m.quiet = quiet;
	m.joblib = source->joblib;
	m.text_flags = source->in_file ? VALUE_IN_FILE : 0;
	m.limit = source->at + source->len;
	m.start = source->at + (start > source->len ? source->len : start);
	m.at = m.start;
	m.op = m.start;
	m.end = m.limit;
	m.skew = source->base - (uintptr_t)source->at;
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
