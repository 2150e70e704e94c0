/* SPDX-License-Identifier: Apache-2.0
 *
 * test_machine.c - the pickle machine, an opcode a row: what it takes, what it
 * makes, what it refuses and where.  Every good stream is also cut at each of
 * its bytes, and must then fail at the opcode that was cut.  The graph that
 * comes of a stream is written in a small notation (see show).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "machine.h"

struct text {
	char at[512];
	size_t len;
};

static void
add(struct text *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
add(struct text *t, const char *format, ...)
{
	va_list args;
	int more;

	va_start(args, format);
	more = vsnprintf(t->at + t->len, sizeof t->at - t->len, format, args);
	va_end(args);
	assert_true(more >= 0 && t->len + (size_t)more < sizeof t->at);
	t->len += (size_t)more;
}

static void show(const struct graph *g, vref v, struct text *t, int depth);

static void
show_items(const struct graph *g, const struct value *n, struct text *t,
    int depth)
{
	for (uint32_t i = 0; i < n->as.seq.count; i++) {
		if (i > 0)
			add(t, ",");
		show(g, value_items(n)[i], t, depth);
	}
}

static void
show_call(const struct graph *g, const struct value *n, struct text *t,
    int depth)
{
	static const char *const hows[] = { "?", "R", "new", "newx", "inst",
		"obj" };

	add(t, "%s:", hows[value_how(n)]);
	show(g, n->as.call.callable, t, depth);
	show(g, n->as.call.args, t, depth);
	if (n->as.call.state != VREF_MISSING) {
		add(t, " state=");
		show(g, n->as.call.state, t, depth);
	}
	if (value_call_kwargs(g, n) != VREF_MISSING) {
		add(t, " kw=");
		show(g, value_call_kwargs(g, n), t, depth);
	}
	if (value_call_items(g, n) != VREF_MISSING) {
		add(t, " items=");
		show(g, value_call_items(g, n), t, depth);
	}
	if (value_call_entries(g, n) != VREF_MISSING) {
		add(t, " entries=");
		show(g, value_call_entries(g, n), t, depth);
	}
}

/* None, True, 5, 1.5, 'text', b:hex, y:hex (bytearray), (tuple), [list],
 * {dict,...}, <set>, f<frozenset>, m.n (global), P(id), R:callable(args). */
static void
show(const struct graph *g, vref v, struct text *t, int depth)
{
	const struct value *n;
	int64_t i;

	if (depth > 6) {
		add(t, "...");
		return;
	}
	if (!value_is_node(v)) {
		if (v == VREF_NONE)
			add(t, "None");
		else if (v == VREF_TRUE || v == VREF_FALSE)
			add(t, v == VREF_TRUE ? "True" : "False");
		else if (v == VREF_EMPTY_TUPLE)
			add(t, "()");
		else if (value_int(g, v, &i))
			add(t, "%lld", (long long)i);
		else
			add(t, "-");
		return;
	}
	n = graph_at(g, v);
	depth++;
	switch ((int)n->kind) {
	case VALUE_INT:
		add(t, "%lld", (long long)n->as.i);
		break;
	case VALUE_FLOAT:
		add(t, "%.17g", n->as.f);
		break;
	case VALUE_TEXT:
		add(t, "'%.*s'", (int)value_string(n).len,
		    (const char *)value_string(n).at);
		break;
	case VALUE_BIGINT:
	case VALUE_BYTES:
	case VALUE_BYTEARRAY:
		add(t, n->kind == VALUE_BIGINT ? "big:" :
		    n->kind == VALUE_BYTES     ? "b:" :
						 "y:");
		for (uint64_t k = 0; k < value_string(n).len; k++)
			add(t, "%02x", value_string(n).at[k]);
		break;
	case VALUE_GLOBAL:
		show(g, n->as.global.module, t, depth);
		add(t, ".");
		show(g, n->as.global.name, t, depth);
		break;
	case VALUE_CALL:
		show_call(g, n, t, depth);
		break;
	case VALUE_PERSID:
		add(t, "P(");
		show(g, n->as.ref, t, depth);
		add(t, ")");
		break;
	default:
		add(t, n->kind == VALUE_TUPLE ? "(" : n->kind == VALUE_LIST ?
		    "[" : n->kind == VALUE_DICT ? "{" :
		    n->kind == VALUE_SET ? "<" : "f<");
		show_items(g, n, t, depth);
		add(t, n->kind == VALUE_TUPLE ? ")" : n->kind == VALUE_LIST ?
		    "]" : n->kind == VALUE_DICT ? "}" : ">");
	}
}

#define S(literal) literal, sizeof literal - 1
#define OS "cos\nx\n"

/* 900 of them. */
#define ZEROES_10 "0000000000"
#define ZEROES_100 ZEROES_10 ZEROES_10 ZEROES_10 ZEROES_10 ZEROES_10 \
	ZEROES_10 ZEROES_10 ZEROES_10 ZEROES_10 ZEROES_10
#define ZEROES ZEROES_100 ZEROES_100 ZEROES_100 ZEROES_100 ZEROES_100 \
	ZEROES_100 ZEROES_100 ZEROES_100 ZEROES_100

static const struct good {
	const char *bytes;
	size_t len;
	const char *expected;
} goods[] = {
	{ S("N."), "None" },
	{ S("\x88."), "True" },
	{ S("\x89."), "False" },
	{ S(")."), "()" },
	{ S("K\xff."), "255" },
	{ S("M\x01\x02."), "513" },
	{ S("J\xff\xff\xff\xff."), "-1" },
	{ S("J\x00\x00\x00\x01."), "16777216" },
	{ S("I5\n."), "5" },
	{ S("I00\n."), "False" },
	{ S("I01\n."), "True" },
	{ S("I 1\n."), "True" },
	{ S("I017\n."), "15" },
	{ S("I0x10\n."), "16" },
	{ S("I1_000\n."), "1000" },
	{ S("I-9223372036854775808\n."), "-9223372036854775808" },
	{ S("I9223372036854775808\n."), "big:000000000000008000" },
	{ S("I-9223372036854775809\n."), "big:ffffffffffffff7fff" },
	{ S("L-340282366920938463463374607431768211456L\n."),
	    "big:00000000000000000000000000000000ff" },
	{ S("I-0x123456789abcdef0fedc\n."), "big:24010f21436587a9cbed" },
	{ S("L-0o7777777777777777777777777L\n."), "big:010000000000000000f8" },
	{ S("L-7L\n."), "-7" },
	{ S("L7\n."), "7" },
	{ S("L100000000000000000000000000000000L\n."),
	    "big:0000000081efac855b416d2dee04" },
	{ S("\x8a\x00."), "0" },
	{ S("\x8a\x01\xff."), "-1" },
	{ S("\x8a\x0a\x01\0\0\0\0\0\0\0\0\0."), "1" },
	{ S("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
	    "big:6cfc9c46f9206aa85019" },
	{ S("\x8b\x02\0\0\0\x00\x80."), "-32768" },
	{ S("F1.5\n."), "1.5" },
	{ S("F1e-320\n."), "9.9998886718268301e-321" },
	{ S("F9007199254740993\n."), "9007199254740992" },
	{ S("F9007199254740995\n."), "9007199254740996" },
	{ S("F9007199254740993.000000001\n."), "9007199254740994" },
	{ S("F1.7976931348623157e308\n."), "1.7976931348623157e+308" },
	{ S("F18446744073709553665\n."), "1.8446744073709556e+19" },
	{ S("F0.1\n."), "0.10000000000000001" },
	{ S("F123456789012345678e-30\n."), "1.2345678901234569e-13" },
	{ S("F2.2250738585072011e-308\n."), "2.2250738585072009e-308" },
	{ S("F2.4703282292062327e-324\n."), "0" },
	{ S("F2.4703282292062328e-324\n."), "4.9406564584124654e-324" },
	{ S("F1e-400\n."), "0" },
	/* Half way, and a digit more behind 900 zeroes. */
	{ S("F9007199254740993." ZEROES "1\n."), "9007199254740994" },
	{ S("F9007199254740993." ZEROES "0\n."), "9007199254740992" },
	{ S("F631916683354449" ZEROES "1e-899\n."), "63191668335444904" },
	{ S("Fnan\n."), "nan" },
	{ S("F-Infinity\n."), "-inf" },
	{ S("G\x3f\xf8\0\0\0\0\0\0."), "1.5" },
	{ S("S'a\\x41\\102\\q\\''\n."), "'aAB\\q''" },
	{ S("S'\\xff'\n."), "b:ff" },
	{ S("T\x02\0\0\0hi."), "'hi'" },
	{ S("U\x01\xe9."), "b:e9" },
	{ S("V\\u00e9\\\\u0041\n."), "'\xc3\xa9\\\\u0041'" },
	{ S("V\xe9\n."), "'\xc3\xa9'" },
	{ S("X\x02\0\0\0\xc3\xa9."), "'\xc3\xa9'" },
	{ S("X\x03\0\0\0\xed\xa0\x80."), "'\xed\xa0\x80'" },
	{ S("\x8c\x02hi."), "'hi'" },
	{ S("\x8d\x02\0\0\0\0\0\0\0hi."), "'hi'" },
	{ S("C\x01\x80."), "b:80" },
	{ S("B\x01\0\0\0\x80."), "b:80" },
	{ S("\x8e\x01\0\0\0\0\0\0\0\x80."), "b:80" },
	{ S("\x96\x01\0\0\0\0\0\0\0\x80."), "y:80" },
	{ S("C\x01\x80\x98."), "b:80" },
	{ S("]."), "[]" },
	{ S("]K\x01" "a."), "[1]" },
	{ S("](K\x01K\x02" "e."), "[1,2]" },
	{ S("N(e."), "None" },
	{ S("(K\x01K\x02l."), "[1,2]" },
	{ S("}."), "{}" },
	{ S("}K\x01K\x02s."), "{1,2}" },
	{ S("}(K\x01K\x02K\x03K\x04u."), "{1,2,3,4}" },
	{ S("(K\x01K\x02" "d."), "{1,2}" },
	{ S("}K\x01\x85Ns."), "{(1),None}" },
	{ S("(K\x05lK\x00K\x06s."), "[6]" },
	{ S("\x8f."), "<>" },
	{ S("\x8f(K\x01K\x02\x90."), "<1,2>" },
	{ S("(K\x01K\x02\x91."), "f<1,2>" },
	{ S("(K\x01K\x02t."), "(1,2)" },
	{ S("(t."), "()" },
	{ S("K\x01\x85."), "(1)" },
	{ S("K\x01K\x02\x86."), "(1,2)" },
	{ S("K\x01K\x02K\x03\x87."), "(1,2,3)" },
	{ S("NK\x01" "0."), "None" },
	{ S("N(0."), "None" },
	{ S("N(K\x01" "1."), "None" },
	{ S("N2\x86."), "(None,None)" },
	{ S("]p0\n0g0\n."), "[]" },
	{ S("]q\x07" "0h\x07."), "[]" },
	{ S("]r\xff\xff\xff\xff" "0j\xff\xff\xff\xff."), "[]" },
	{ S("]\x94" "0h\x00."), "[]" },
	{ S("]\x94h\x00" "a."), "[[[[[[[...]]]]]]]" },
	{ S(OS "."), "'os'.'x'" },
	{ S("\x8c\x02os\x8c\x01x\x93."), "'os'.'x'" },
	{ S(OS ")R."), "R:'os'.'x'()" },
	{ S(OS "K\x01\x85R."), "R:'os'.'x'(1)" },
	{ S(OS ")R)R."), "R:R:'os'.'x'()()" },
	{ S(OS ")\x81."), "new:'os'.'x'()" },
	{ S(OS ")}\x92."), "newx:'os'.'x'() kw={}" },
	{ S("(K\x01ios\nx\n."), "inst:'os'.'x'(1)" },
	{ S("(" OS "K\x01o."), "obj:'os'.'x'(1)" },
	{ S(OS ")R}b."), "R:'os'.'x'() state={}" },
	{ S(OS ")R}bNb."), "R:'os'.'x'() state=None" },
	{ S(OS ")RK\x01" "a."), "R:'os'.'x'() items=[1]" },
	{ S(OS ")R(K\x01K\x02\x90."), "R:'os'.'x'() items=[1,2]" },
	{ S(OS ")RK\x01K\x02s."), "R:'os'.'x'() entries={1,2}" },
	{ S(OS "}b."), "'os'.'x'" },
	{ S(OS "K\x01" "a."), "'os'.'x'" },
	{ S("]Nb."), "[]" },
	{ S("]N}\x86" "b."), "[]" },
	{ S("P12\n."), "P('12')" },
	{ S("K\x01\x85Q."), "P((1))" },
	{ S("K\x01Q)R."), "R:P(1)()" },
	{ S("\x80\x05N."), "None" },
	{ S("\x95\x02\0\0\0\0\0\0\0N."), "None" },
	{ S("\x95\x01\0\0\0\0\0\0\0NK\x01\x86."), "(None,1)" },
	{ S("\x95\x0b\0\0\0\0\0\0\0NN\x95\x02\0\0\0\0\0\0\0\x86."),
	    "(None,None)" },
};

static const struct bad {
	const char *bytes;
	size_t len;
	uint64_t where;
	const char *text;
} bads[] = {
	{ S(""), 0, "the pickle ends without STOP" },
	{ S("."), 0, "STOP: needs 1 value on the stack" },
	{ S("N(."), 2, "STOP: needs 1 value above the MARK" },
	{ S("N\xff."), 1, "no such opcode" },
	{ S("0."), 0, "POP: needs 1 value on the stack" },
	{ S("1."), 0, "POP_MARK: needs a MARK on the stack" },
	{ S("N(2."), 2, "DUP: needs 1 value above the MARK" },
	{ S("Nt."), 1, "TUPLE: needs a MARK on the stack" },
	{ S("N(N\x86."), 3, "TUPLE2: needs 2 values above the MARK" },
	{ S("(\x85."), 1, "TUPLE1: needs 1 value above the MARK" },
	{ S("N((t\x86."), 4, "TUPLE2: needs 2 values above the MARK" },
	{ S("NN\x87."), 2, "TUPLE3: needs 3 values on the stack" },
	{ S("I\n."), 0, "INT: an empty number" },
	{ S("I08\n."), 0, "INT: not a number, or over 4300 digits" },
	{ S("I1__0\n."), 0, "INT: not a number, or over 4300 digits" },
	{ S("I0_7\n."), 0, "INT: not a number, or over 4300 digits" },
	{ S("L\n."), 0, "LONG: an empty number" },
	{ S("L5LL\n."), 0, "LONG: not a number, or over 4300 digits" },
	{ S("F1e309\n."), 0, "FLOAT: not a number, or too large" },
	{ S("F 1\n."), 0, "FLOAT: not a number, or too large" },
	{ S("F1_0\n."), 0, "FLOAT: not a number, or too large" },
	{ S("\x8b\xff\xff\xff\xff."), 0, "LONG4: a negative length" },
	{ S("\x8b\xff\xff\xff\x7f."), 0,
	    "LONG4: the argument runs past the end of the data" },
	{ S("Sx\n."), 0, "STRING: the string must be quoted" },
	{ S("S'\n."), 0, "STRING: the string must be quoted" },
	{ S("S'\\x4'\n."), 0, "STRING: a bad escape" },
	{ S("S'\\'\n."), 0, "STRING: a bad escape" },
	{ S("V\\u12\n."), 0, "UNICODE: a bad escape" },
	{ S("V\\U00110000\n."), 0, "UNICODE: a bad escape" },
	{ S("X\x01\0\0\0\xff."), 0, "BINUNICODE: the text is not UTF-8" },
	{ S("X\x02\0\0\0\xc0\x80."), 0, "BINUNICODE: the text is not UTF-8" },
	{ S("\x8c\x03\xe0\x9f\xbf."), 0,
	    "SHORT_BINUNICODE: the text is not UTF-8" },
	{ S("\x8c\x04\xf0\x8f\xbf\xbf."), 0,
	    "SHORT_BINUNICODE: the text is not UTF-8" },
	{ S("\x8c\x04\xf4\x90\x80\x80."), 0,
	    "SHORT_BINUNICODE: the text is not UTF-8" },
	{ S("\x8c\x02\xe2\x82."), 0,
	    "SHORT_BINUNICODE: the text is not UTF-8" },
	{ S("c\xed\xa0\x80\nx\n."), 0, "GLOBAL: the name is not UTF-8" },
	{ S("X\xff\xff\xff\xff."), 0,
	    "BINUNICODE: the argument runs past the end of the data" },
	{ S("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), 0,
	    "BINUNICODE8: the argument runs past the end of the data" },
	{ S("\x8e\0\0\0\0\0\0\0\x80."), 0,
	    "BINBYTES8: the argument runs past the end of the data" },
	{ S("\x96\0\0\0\0\0\x01\0\0."), 0,
	    "BYTEARRAY8: the argument runs past the end of the data" },
	{ S("\x97."), 0, "NEXT_BUFFER: no out-of-band buffers are given" },
	{ S("N\x98."), 1, "READONLY_BUFFER: needs a buffer, not None" },
	{ S("Na."), 1, "APPEND: needs 2 values on the stack" },
	{ S("](Na."), 3, "APPEND: needs 2 values above the MARK" },
	{ S(")Na."), 2, "APPEND: appends to a list or an object, not a tuple" },
	{ S("}Na."), 2, "APPEND: appends to a list or an object, not a dict" },
	{ S("(e."), 1, "APPENDS: needs 1 value on the stack" },
	{ S("Ne."), 1, "APPENDS: needs a MARK on the stack" },
	{ S("K\x01(Ne."), 4,
	    "APPENDS: appends to a list or an object, not an int" },
	{ S("(Nd."), 2, "DICT: a key without a value" },
	{ S("(]Nd."), 3, "DICT: keys and members must be hashable, not a list" },
	{ S("}NNa."), 3, "APPEND: appends to a list or an object, not None" },
	{ S("NNs."), 2, "SETITEM: needs 3 values on the stack" },
	{ S(")NNs."), 3, "SETITEM: sets items of a dict or an object, not a "
	    "tuple" },
	{ S("}(Nu."), 3, "SETITEMS: a key without a value" },
	{ S("}}Ns."), 3, "SETITEM: keys and members must be hashable, not a "
	    "dict" },
	{ S("}\x8fNs."), 3, "SETITEM: keys and members must be hashable, not a "
	    "set" },
	{ S("}]\x85\x85Ns."), 5, "SETITEM: a tuple that holds an unhashable "
	    "value as key" },
	{ S("]K\x00Ns."), 4, "SETITEM: an index outside the list" },
	{ S("]NNs."), 3, "SETITEM: a list's index is an int, not None" },
	{ S("](N\x90."), 3, "ADDITEMS: adds to a set or an object, not a list" },
	{ S("\x8f(]\x90."), 3, "ADDITEMS: keys and members must be hashable, "
	    "not a list" },
	{ S("(]\x91."), 2, "FROZENSET: keys and members must be hashable, not "
	    "a list" },
	{ S("NR."), 1, "REDUCE: needs 2 values on the stack" },
	{ S(OS "NR."), 7, "REDUCE: the arguments are a tuple, not None" },
	{ S("K\x01)R."), 3, "REDUCE: calls a class or function, not an int" },
	{ S(OS "]\x81."), 7, "NEWOBJ: the arguments are a tuple, not a list" },
	{ S("N)\x81."), 2, "NEWOBJ: calls a class or function, not None" },
	{ S(OS ")N\x92."), 8, "NEWOBJ_EX: the named arguments are a dict, not "
	    "None" },
	{ S(")}\x92."), 2, "NEWOBJ_EX: needs 3 values on the stack" },
	{ S("(o."), 1, "OBJ: needs a class above the MARK" },
	{ S("(No."), 2, "OBJ: calls a class or function, not None" },
	{ S("ios\nx\n."), 0, "INST: needs a MARK on the stack" },
	{ S("(i\xc3\xa9\nx\n."), 1, "INST: the name is not ASCII" },
	{ S("Nb."), 1, "BUILD: needs 2 values on the stack" },
	{ S("]}b."), 2, "BUILD: gives a state to an object, not a list" },
	{ S("K\x01N]\x86" "b."), 5, "BUILD: gives a state to an object, not an "
	    "int" },
	{ S("c\nx\n."), 0, "GLOBAL: an empty name" },
	{ S("c\xff\nx\n."), 0, "GLOBAL: the name is not UTF-8" },
	{ S("\x8c\x01xN\x93."), 4, "STACK_GLOBAL: module and name are str, not "
	    "None" },
	{ S("C\x01xC\x01x\x93."), 6, "STACK_GLOBAL: module and name are str, "
	    "not bytes" },
	{ S("(\x93."), 1, "STACK_GLOBAL: needs 2 values above the MARK" },
	{ S("P\xff\n."), 0, "PERSID: the persistent id is not ASCII" },
	{ S("(Q."), 1, "BINPERSID: needs 1 value above the MARK" },
	{ S("\x82\x00."), 0, "EXT1: an extension code below 1" },
	{ S("\x82\x01."), 0, "EXT1: no extension is registered here" },
	{ S("\x83\xff\xff."), 0, "EXT2: no extension is registered here" },
	{ S("\x84\x00\x00\x00\x80."), 0, "EXT4: an extension code below 1" },
	{ S("h\x00."), 0, "BINGET: nothing was memoized at this index" },
	{ S("j\xff\xff\xff\xff."), 0,
	    "LONG_BINGET: nothing was memoized at this index" },
	{ S("g-1\n."), 0, "GET: not a memo index" },
	{ S("Np0x1\n."), 1, "PUT: not a memo index" },
	{ S("Np4294967296\n."), 1, "PUT: a memo index over 4294967295" },
	{ S("N(q\x00."), 2, "BINPUT: needs 1 value above the MARK" },
	{ S("\x94."), 0, "MEMOIZE: needs 1 value on the stack" },
	{ S("\x80\x06N."), 0, "PROTO: a protocol above 5" },
	{ S("\x95\x03\0\0\0\0\0\0\0N."), 0,
	    "FRAME: the frame runs past the end of the data" },
	{ S("\x95\xff\xff\xff\xff\xff\xff\xff\xffN."), 0,
	    "FRAME: the frame runs past the end of the data" },
	{ S("\x95\x02\0\0\0\0\0\0\0M\x01\x02."), 9,
	    "BININT2: the argument crosses the end of its frame" },
	{ S("\x95\x02\0\0\0\0\0\0\0I1\n."), 9,
	    "INT: the line crosses the end of its frame" },
	{ S("\x95\x0c\0\0\0\0\0\0\0N\x95\x01\0\0\0\0\0\0\0NN."), 10,
	    "FRAME: begins before the last frame's end" },
};

/* What a stream comes to; the graph stays in h. */
static bool
run(struct harness *h, const char *bytes, size_t len, bool quiet,
    struct graph *g, struct machine_result *result,
    struct machine_error *error)
{
	struct job *job = harness_job(bytes, len, 0, h);
	struct pickle_source source = { .at = job->map, .len = len,
		.in_file = true };

	graph_init(g, job);
	if (setjmp(job->stop) != 0) {
		error->code = job->fault.code;
		return false;
	}
	return machine_run(g, &source, 0, quiet, result, error);
}

static void
test_good(void **state)
{
	struct machine_result result;
	struct machine_error error;
	struct harness h;
	struct graph g;

	(void)state;
	for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
		const struct good *c = &goods[i];
		struct text t = { .len = 0 };

		if (!run(&h, c->bytes, c->len, true, &g, &result, &error))
			fail_msg("row %zu: %s", i, error.text);
		show(&g, result.value, &t, 0);
		assert_string_equal(t.at, c->expected);
		assert_int_equal(result.end, c->len);
		harness_free(&h);
	}
}

static void
test_bad(void **state)
{
	struct machine_result result;
	struct machine_error error;
	struct harness h;
	struct graph g;

	(void)state;
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		const struct bad *c = &bads[i];

		if (run(&h, c->bytes, c->len, true, &g, &result, &error))
			fail_msg("row %zu (%s) was accepted", i, c->text);
		assert_string_equal(error.text, c->text);
		assert_int_equal(error.code, FAULT_FORMAT);
		assert_int_equal(error.where, c->where);
		harness_free(&h);
	}
}

/* Each good stream, cut at every byte: refused, at an opcode that is there or
 * at the end, never later. */
static void
test_prefixes(void **state)
{
	struct machine_result result;
	struct machine_error error;
	struct harness h;
	struct graph g;

	(void)state;
	for (size_t i = 0; i < sizeof goods / sizeof *goods; i++) {
		uint64_t last = 0;

		for (size_t len = 0; len < goods[i].len; len++) {
			if (run(&h, goods[i].bytes, len, true, &g, &result,
			    &error))
				fail_msg("row %zu cut at %zu", i, len);
			assert_int_equal(error.code, FAULT_FORMAT);
			assert_true(error.where <= len);
			/* The frame at the start fails first, at 0. */
			assert_true(error.where >= last);
			last = error.where;
			harness_free(&h);
		}
		assert_true(last + 1 == goods[i].len ||
		    goods[i].bytes[0] == '\x95');
	}
}

static void
test_opcode_names(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned op = 0; op < 256; op++)
		count += machine_opcode_name((uint8_t)op) != NULL;
	assert_int_equal(count, 68);
	assert_string_equal(machine_opcode_name('R'), "REDUCE");
	assert_null(machine_opcode_name('x'));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_opcode_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
