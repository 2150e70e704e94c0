/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_inner.h - what the files of the pickle machine share, and nobody else
 * may include.  One struct machine is one stream being run.  Its handlers
 * return false after machine_fail: the first error ends the stream.
 */
#ifndef WORKER_MACHINE_INNER_H
#define WORKER_MACHINE_INNER_H

#include "machine.h"
#include "sink.h"

/* CPython's sys.int_max_str_digits: decimal takes quadratic time. */
#define DECIMAL_DIGITS_MAX 4300
#define MEMO_PAGE (ARENA_PAGE / sizeof(vref))

enum opcode {
	OP_MARK = '(',
	OP_EMPTY_TUPLE = ')',
	OP_STOP = '.',
	OP_POP = '0',
	OP_POP_MARK = '1',
	OP_DUP = '2',
	OP_BINBYTES = 'B',
	OP_SHORT_BINBYTES = 'C',
	OP_FLOAT = 'F',
	OP_BINFLOAT = 'G',
	OP_INT = 'I',
	OP_BININT = 'J',
	OP_BININT1 = 'K',
	OP_LONG = 'L',
	OP_BININT2 = 'M',
	OP_NONE = 'N',
	OP_PERSID = 'P',
	OP_BINPERSID = 'Q',
	OP_REDUCE = 'R',
	OP_STRING = 'S',
	OP_BINSTRING = 'T',
	OP_SHORT_BINSTRING = 'U',
	OP_UNICODE = 'V',
	OP_BINUNICODE = 'X',
	OP_EMPTY_LIST = ']',
	OP_APPEND = 'a',
	OP_BUILD = 'b',
	OP_GLOBAL = 'c',
	OP_DICT = 'd',
	OP_APPENDS = 'e',
	OP_GET = 'g',
	OP_BINGET = 'h',
	OP_INST = 'i',
	OP_LONG_BINGET = 'j',
	OP_LIST = 'l',
	OP_OBJ = 'o',
	OP_PUT = 'p',
	OP_BINPUT = 'q',
	OP_LONG_BINPUT = 'r',
	OP_SETITEM = 's',
	OP_TUPLE = 't',
	OP_SETITEMS = 'u',
	OP_EMPTY_DICT = '}',
	OP_PROTO = 0x80,
	OP_NEWOBJ = 0x81,
	OP_EXT1 = 0x82,
	OP_EXT2 = 0x83,
	OP_EXT4 = 0x84,
	OP_TUPLE1 = 0x85,
	OP_TUPLE2 = 0x86,
	OP_TUPLE3 = 0x87,
	OP_NEWTRUE = 0x88,
	OP_NEWFALSE = 0x89,
	OP_LONG1 = 0x8a,
	OP_LONG4 = 0x8b,
	OP_SHORT_BINUNICODE = 0x8c,
	OP_BINUNICODE8 = 0x8d,
	OP_BINBYTES8 = 0x8e,
	OP_EMPTY_SET = 0x8f,
	OP_ADDITEMS = 0x90,
	OP_FROZENSET = 0x91,
	OP_NEWOBJ_EX = 0x92,
	OP_STACK_GLOBAL = 0x93,
	OP_MEMOIZE = 0x94,
	OP_FRAME = 0x95,
	OP_BYTEARRAY8 = 0x96,
	OP_NEXT_BUFFER = 0x97,
	OP_READONLY_BUFFER = 0x98
};

/* Oddities, each told once a stream: another reader sees something else. */
enum oddity {
	ODD_STOP_LEFTOVER,
	ODD_STOP_MARK,
	ODD_STOP_IN_FRAME,
	ODD_MEMO_MIXED,
	ODD_MEMO_REPLACED,
	ODD_MEMO_NUMBER,
	ODD_PROTO_TWICE,
	ODD_PROTO_LATE,
	ODD_FRAME_EMPTY,
	ODD_FRAME_ARGUMENT,
	ODD_INT_TEXT,
	ODD_NUL_TEXT,
	ODD_STRING_NAME,
	ODD_COMPUTED_NAME,
	ODD_NAME_CR,
	ODD_EXTENSION,
	ODD_WRITE_GLOBAL,
	ODD_WRITE_PERSID,
	ODD_LIST_SETITEM,
	ODD_READONLY,
	ODD_COUNT
};

/* index -> value.  Dense indices lie in pages, which exist only where the
 * number of PUTs justifies them; all others in a keyed hash table. */
struct memo {
	vref **pages;		/* entries are value ^ VREF_MISSING */
	uint32_t page_capacity;
	struct memo_slot {
		uint64_t index;	/* plus one; 0 is a free slot */
		vref value;
	} *slots;
	uint64_t slot_count;	/* a power of two, or 0 */
	uint64_t slots_used;
	uint64_t length;	/* entries: MEMOIZE's next index */
	/* The page that was written last, and how many entries of it may be
	 * written in the loop: none by PUT once there was a MEMOIZE, none by
	 * MEMOIZE after a PUT. */
	vref *page;
	uint64_t page_first;
	uint32_t put_span;
	uint32_t memoize_span;
};

struct machine {
	struct graph *g;
	struct arena *arena;
	/* The stream. */
	const uint8_t *at;	/* next byte */
	const uint8_t *end;	/* of the frame, or of the stream */
	const uint8_t *op;	/* the opcode being run */
	const uint8_t *limit;	/* end of the stream */
	const uint8_t *start;
	uint64_t skew;		/* where = skew + address of the opcode */
	uint64_t brief_end;	/* texts below have two cells */
	uint8_t text_flags;	/* VALUE_IN_FILE, or 0 */
	bool framed;
	bool quiet;
	bool joblib;
	uint8_t persid_cells;
	uint8_t persid_flags;
	bool used_memoize;
	bool used_put;
	bool saw_proto;
	uint8_t protocol;
	uint32_t told;		/* bits of enum oddity */
	/* The stack, and the stack of marks (indices into it): the
	 * last mark is the floor. */
	vref *stack;
	vref *top;		/* one past the last value */
	vref *floor;		/* values below are behind the last mark */
	vref *stack_end;
	uint32_t *marks;	/* each the floor that the next one hid */
	uint32_t mark_count;
	uint32_t mark_capacity;
	struct memo memo;
	struct machine_error *error;
};

/* machine_error.c: false, always.  what completes "OPCODE: ". */
bool machine_fail(struct machine *m, const char *what);
/* "OPCODE: what, not a tuple". */
bool machine_fail_kind(struct machine *m, const char *what, vref found);
bool machine_fail_limit(struct machine *m, const char *what);
/* The stack is too short for the opcode, or a mark is in the way. */
bool machine_underflow(struct machine *m);
void machine_odd(struct machine *m, enum oddity oddity);

/* machine_input.c: the bytes of arguments, within their frame. */
bool machine_need(struct machine *m, uint64_t count);
bool machine_bytes(struct machine *m, uint64_t count, const uint8_t **at);
bool machine_count(struct machine *m, unsigned width, uint64_t *count);
/* Up to, without, '\n', which must be there and is consumed. */
bool machine_line(struct machine *m, const uint8_t **at, size_t *len);
bool machine_proto(struct machine *m);
bool machine_frame(struct machine *m);

/* machine_stack.c */
void machine_grow_stack(struct machine *m);
void machine_grow_marks(struct machine *m);
/* Pops the last mark; *from is where its values begin. */
bool machine_pop_mark(struct machine *m, vref **from);
vref machine_string(struct machine *m, enum value_kind kind, const uint8_t *at,
    uint64_t len);
bool machine_pop(struct machine *m);
bool machine_dup(struct machine *m);
vref machine_tuple_of(struct machine *m, const vref *at, size_t count);
bool machine_tuple(struct machine *m);
bool machine_stop(struct machine *m, vref *value);

/* machine_memo.c */
bool machine_put(struct machine *m, uint64_t index);
bool machine_get(struct machine *m, uint64_t index);
bool machine_memoize(struct machine *m);
/* Gives the pages back: the stream has ended. */
void machine_forget(struct machine *m);

/* machine_build.c: containers. */
bool machine_list(struct machine *m);
bool machine_dict(struct machine *m);
bool machine_frozenset(struct machine *m);
bool machine_append(struct machine *m);
bool machine_appends(struct machine *m);
bool machine_setitem(struct machine *m);
bool machine_setitems(struct machine *m);
bool machine_additems(struct machine *m);

/* machine_call.c: would-be calls and what is done to their results. */
bool machine_reduce(struct machine *m);
bool machine_newobj(struct machine *m, bool with_kwargs);
bool machine_obj(struct machine *m);
bool machine_inst(struct machine *m);
bool machine_build(struct machine *m);
bool machine_global(struct machine *m);
bool machine_stack_global(struct machine *m);
bool machine_persid(struct machine *m);
bool machine_extension(struct machine *m, unsigned width);
bool machine_readonly(struct machine *m);
/* joblib.c: a BUILD that ends an array's wrapper. */
bool machine_joblib(struct machine *m, vref inst);
/* Part 1 (items, a LIST) or 2 (entries, a DICT) of a call, made if absent;
 * part 0 is set to kwargs. */
struct value *machine_call_part(struct machine *m, vref call, uint32_t part);

/* machine_text.c: arguments that are text, and counted ones. */
bool machine_int(struct machine *m);
bool machine_long(struct machine *m);
bool machine_counted_long(struct machine *m, unsigned width);
bool machine_float(struct machine *m);
bool machine_text_string(struct machine *m);
bool machine_unicode(struct machine *m);
bool machine_counted(struct machine *m, uint8_t op);
bool machine_text_get(struct machine *m);
bool machine_text_put(struct machine *m);

/* machine_number.c: pure. */
/* A Python int literal (PyLong_FromString): base 0 or 10, whitespace, sign,
 * underscores.  False: not one.  Pushes nothing; *out is the value. */
bool number_int(struct machine *m, const uint8_t *at, size_t len, int base,
    vref *out);
/* Two's complement, little-endian. */
vref number_from_bytes(struct machine *m, const uint8_t *at, uint64_t len);

/* machine_float.c: pure.  The double nearest to a decimal; false when it is not
 * one from end to end, or too large. */
bool decimal_to_double(const uint8_t *at, size_t len, double *out);

/* machine_power.c: pure.  digits * 10^exponent, rounded; false when 128 bits do
 * not decide it (then *out is not set). */
bool power_to_double(uint64_t digits, int exponent, double *out);

/* machine_escape.c: pure. */
/* Undo the escapes of STRING and of UNICODE (raw-unicode-escape) into out,
 * which holds unescape_room(len) bytes; false for a bad escape. */
bool unescape_string(const uint8_t *at, size_t len, uint8_t *out, size_t *made);
bool unescape_unicode(const uint8_t *at, size_t len, uint8_t *out,
    size_t *made);

/* For the loop: a PUT where the page is the last one's and the entry is new,
 * and a GET where there is a page. */
static inline bool
memo_put(struct memo *memo, uint64_t index, uint32_t span, vref v)
{
	uint64_t i = index - memo->page_first;

	if (i >= span || memo->page[i] != 0)
		return false;
	memo->page[i] = v ^ VREF_MISSING;
	memo->length++;
	return true;
}

static inline vref
memo_get(const struct memo *memo, uint32_t index)
{
	uint32_t number = index / MEMO_PAGE;

	if (number >= memo->page_capacity || memo->pages[number] == NULL)
		return VREF_MISSING;
	return memo->pages[number][index % MEMO_PAGE] ^ VREF_MISSING;
}

static inline uint64_t
machine_where(const struct machine *m)
{
	return m->skew + (uintptr_t)m->op;
}

static inline struct value *
machine_node(struct machine *m, enum value_kind kind, vref *v)
{
	*v = graph_add(m->g, kind, machine_where(m));
	return graph_at(m->g, *v);
}

static inline void
machine_push(struct machine *m, vref v)
{
	if (m->top == m->stack_end)
		machine_grow_stack(m);
	*m->top++ = v;
}

static inline size_t
machine_depth(const struct machine *m)
{
	return (size_t)(m->top - m->floor);
}

#endif
