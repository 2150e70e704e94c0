/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_error.c - the pickle machine's words: opcode names, errors, and the
 * notes on streams that another reader would read differently.
 */
#include "machine_inner.h"

#include <string.h>

/* None for what is no opcode.  (No table of a worker holds pointers: see
 * names_tables.h.) */
static const char names[256][20] = {
	[OP_MARK] = "MARK",
	[OP_EMPTY_TUPLE] = "EMPTY_TUPLE",
	[OP_STOP] = "STOP",
	[OP_POP] = "POP",
	[OP_POP_MARK] = "POP_MARK",
	[OP_DUP] = "DUP",
	[OP_BINBYTES] = "BINBYTES",
	[OP_SHORT_BINBYTES] = "SHORT_BINBYTES",
	[OP_FLOAT] = "FLOAT",
	[OP_BINFLOAT] = "BINFLOAT",
	[OP_INT] = "INT",
	[OP_BININT] = "BININT",
	[OP_BININT1] = "BININT1",
	[OP_LONG] = "LONG",
	[OP_BININT2] = "BININT2",
	[OP_NONE] = "NONE",
	[OP_PERSID] = "PERSID",
	[OP_BINPERSID] = "BINPERSID",
	[OP_REDUCE] = "REDUCE",
	[OP_STRING] = "STRING",
	[OP_BINSTRING] = "BINSTRING",
	[OP_SHORT_BINSTRING] = "SHORT_BINSTRING",
	[OP_UNICODE] = "UNICODE",
	[OP_BINUNICODE] = "BINUNICODE",
	[OP_EMPTY_LIST] = "EMPTY_LIST",
	[OP_APPEND] = "APPEND",
	[OP_BUILD] = "BUILD",
	[OP_GLOBAL] = "GLOBAL",
	[OP_DICT] = "DICT",
	[OP_APPENDS] = "APPENDS",
	[OP_GET] = "GET",
	[OP_BINGET] = "BINGET",
	[OP_INST] = "INST",
	[OP_LONG_BINGET] = "LONG_BINGET",
	[OP_LIST] = "LIST",
	[OP_OBJ] = "OBJ",
	[OP_PUT] = "PUT",
	[OP_BINPUT] = "BINPUT",
	[OP_LONG_BINPUT] = "LONG_BINPUT",
	[OP_SETITEM] = "SETITEM",
	[OP_TUPLE] = "TUPLE",
	[OP_SETITEMS] = "SETITEMS",
	[OP_EMPTY_DICT] = "EMPTY_DICT",
	[OP_PROTO] = "PROTO",
	[OP_NEWOBJ] = "NEWOBJ",
	[OP_EXT1] = "EXT1",
	[OP_EXT2] = "EXT2",
	[OP_EXT4] = "EXT4",
	[OP_TUPLE1] = "TUPLE1",
	[OP_TUPLE2] = "TUPLE2",
	[OP_TUPLE3] = "TUPLE3",
	[OP_NEWTRUE] = "NEWTRUE",
	[OP_NEWFALSE] = "NEWFALSE",
	[OP_LONG1] = "LONG1",
	[OP_LONG4] = "LONG4",
	[OP_SHORT_BINUNICODE] = "SHORT_BINUNICODE",
	[OP_BINUNICODE8] = "BINUNICODE8",
	[OP_BINBYTES8] = "BINBYTES8",
	[OP_EMPTY_SET] = "EMPTY_SET",
	[OP_ADDITEMS] = "ADDITEMS",
	[OP_FROZENSET] = "FROZENSET",
	[OP_NEWOBJ_EX] = "NEWOBJ_EX",
	[OP_STACK_GLOBAL] = "STACK_GLOBAL",
	[OP_MEMOIZE] = "MEMOIZE",
	[OP_FRAME] = "FRAME",
	[OP_BYTEARRAY8] = "BYTEARRAY8",
	[OP_NEXT_BUFFER] = "NEXT_BUFFER",
	[OP_READONLY_BUFFER] = "READONLY_BUFFER",
};

/* Values that each opcode takes from the top of the stack, at least. */
static const uint8_t takes[256] = {
	[OP_STOP] = 1,
	[OP_POP] = 1,
	[OP_DUP] = 1,
	[OP_BINPERSID] = 1,
	[OP_REDUCE] = 2,
	[OP_APPEND] = 2,
	[OP_BUILD] = 2,
	[OP_APPENDS] = 1,
	[OP_OBJ] = 1,
	[OP_PUT] = 1,
	[OP_BINPUT] = 1,
	[OP_LONG_BINPUT] = 1,
	[OP_SETITEM] = 3,
	[OP_SETITEMS] = 1,
	[OP_NEWOBJ] = 2,
	[OP_TUPLE1] = 1,
	[OP_TUPLE2] = 2,
	[OP_TUPLE3] = 3,
	[OP_ADDITEMS] = 1,
	[OP_NEWOBJ_EX] = 3,
	[OP_STACK_GLOBAL] = 2,
	[OP_MEMOIZE] = 1,
	[OP_READONLY_BUFFER] = 1,
};

static const char kinds[][24] = {
	[VALUE_NONE] = "None",
	[VALUE_BOOL] = "a bool",
	[VALUE_INT] = "an int",
	[VALUE_BIGINT] = "an int",
	[VALUE_FLOAT] = "a float",
	[VALUE_TEXT] = "a str",
	[VALUE_BYTES] = "bytes",
	[VALUE_BYTEARRAY] = "a bytearray",
	[VALUE_TUPLE] = "a tuple",
	[VALUE_LIST] = "a list",
	[VALUE_SET] = "a set",
	[VALUE_FROZENSET] = "a frozenset",
	[VALUE_DICT] = "a dict",
	[VALUE_GLOBAL] = "a global",
	[VALUE_CALL] = "an object",
	[VALUE_PERSID] = "a persistent object",
	[VALUE_EXTENSION] = "an extension",
};

static const struct odd {
	enum verdict level;
	char text[72];
} odds[ODD_COUNT] = {
	[ODD_STOP_LEFTOVER] = { VERDICT_UNUSUAL,
	    "values are left on the stack at STOP" },
	[ODD_STOP_MARK] = { VERDICT_DANGEROUS,
	    "a MARK is open at STOP: other readers refuse this pickle" },
	[ODD_STOP_IN_FRAME] = { VERDICT_UNUSUAL,
	    "STOP stands before the end of its frame" },
	[ODD_MEMO_MIXED] = { VERDICT_UNUSUAL,
	    "MEMOIZE and PUT are mixed: other readers number them apart" },
	[ODD_MEMO_REPLACED] = { VERDICT_UNUSUAL,
	    "a memo entry is replaced by another value" },
	[ODD_MEMO_NUMBER] = { VERDICT_UNUSUAL,
	    "a memo index is spelled in an odd way" },
	[ODD_PROTO_TWICE] = { VERDICT_UNUSUAL, "PROTO occurs twice" },
	[ODD_PROTO_LATE] = { VERDICT_UNUSUAL, "PROTO is not the first opcode" },
	[ODD_FRAME_EMPTY] = { VERDICT_UNUSUAL, "an empty frame" },
	[ODD_FRAME_ARGUMENT] = { VERDICT_UNUSUAL,
	    "a frame ends between an opcode and its argument" },
	[ODD_INT_TEXT] = { VERDICT_UNUSUAL,
	    "a number is spelled in an odd way" },
	[ODD_NUL_TEXT] = { VERDICT_DANGEROUS,
	    "a number is cut by a NUL: other readers see another one" },
	[ODD_STRING_NAME] = { VERDICT_DANGEROUS,
	    "STACK_GLOBAL takes its name from a Python 2 string" },
	[ODD_COMPUTED_NAME] = { VERDICT_DANGEROUS,
	    "the name of a global is computed by the stream" },
	[ODD_NAME_CR] = { VERDICT_UNUSUAL,
	    "the name of a global ends with a carriage return" },
	[ODD_EXTENSION] = { VERDICT_DANGEROUS,
	    "an opcode for a registered extension, and no registry" },
	[ODD_WRITE_GLOBAL] = { VERDICT_DANGEROUS,
	    "the stream changes a class, function or module object" },
	[ODD_WRITE_PERSID] = { VERDICT_UNUSUAL,
	    "the stream changes a persistent object; left out" },
	[ODD_LIST_SETITEM] = { VERDICT_UNUSUAL,
	    "SETITEM on a list replaces an item" },
	[ODD_READONLY] = { VERDICT_UNUSUAL,
	    "READONLY_BUFFER without an out-of-band buffer" },
};
_Static_assert(ODD_COUNT <= 32, "struct machine's told has 32 bits");

const char *
machine_opcode_name(uint8_t opcode)
{
	return names[opcode][0] != '\0' ? names[opcode] : NULL;
}

/* Adds what fits. */
static void
say(struct machine_error *e, const char *text)
{
	size_t have = strlen(e->text);
	size_t more = strnlen(text, FAULT_TEXT_MAX - have);

	memcpy(e->text + have, text, more);
	e->text[have + more] = '\0';
}

static void
start(struct machine *m, enum fault_code code)
{
	m->error->code = code;
	m->error->where = machine_where(m);
	m->error->text[0] = '\0';
	if (m->op < m->limit && names[*m->op][0] != '\0') {
		say(m->error, names[*m->op]);
		say(m->error, ": ");
	}
}

bool
machine_fail(struct machine *m, const char *what)
{
	start(m, FAULT_FORMAT);
	say(m->error, what);
	return false;
}

bool
machine_fail_limit(struct machine *m, const char *what)
{
	start(m, FAULT_LIMIT);
	say(m->error, what);
	return false;
}

bool
machine_fail_kind(struct machine *m, const char *what, vref found)
{
	start(m, FAULT_FORMAT);
	say(m->error, what);
	say(m->error, ", not ");
	say(m->error, kinds[value_kind(m->g, found)]);
	return false;
}

bool
machine_underflow(struct machine *m)
{
	char digit[2] = { (char)('0' + takes[*m->op]), '\0' };

	start(m, FAULT_FORMAT);
	say(m->error, "needs ");
	say(m->error, digit);
	say(m->error, *digit == '1' ? " value" : " values");
	say(m->error, m->mark_count > 0 ? " above the MARK" : " on the stack");
	return false;
}

void
machine_odd(struct machine *m, enum oddity oddity)
{
	if (m->told & UINT32_C(1) << oddity)
		return;
	m->told |= UINT32_C(1) << oddity;
	if (!m->quiet)
		sink_note(m->g->job, NOTE_RECORD, odds[oddity].level,
		    machine_where(m), odds[oddity].text);
}
