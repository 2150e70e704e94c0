# SPDX-License-Identifier: Apache-2.0
"""Pickles that CPython refuses, and odd ones that it takes: P16 to P19.  What
is refused and what is not was read off CPython 3.11's C unpickler."""

from pickle_asm import *            # noqa: F403 - an assembler

# Opcodes that find nothing on an empty stack.
NEED_STACK = {
    "STOP": STOP, "POP": POP, "POP_MARK": POP_MARK, "DUP": DUP,
    "REDUCE": REDUCE, "APPEND": APPEND, "BUILD": BUILD, "DICT": DICT,
    "APPENDS": APPENDS, "LIST": LIST, "OBJ": OBJ, "SETITEM": SETITEM,
    "TUPLE": TUPLE, "SETITEMS": SETITEMS, "BINPERSID": BINPERSID,
    "NEWOBJ": NEWOBJ, "TUPLE1": TUPLE1, "TUPLE2": TUPLE2, "TUPLE3": TUPLE3,
    "ADDITEMS": ADDITEMS, "FROZENSET": FROZENSET, "NEWOBJ_EX": NEWOBJ_EX,
    "STACK_GLOBAL": STACK_GLOBAL, "MEMOIZE": MEMOIZE, "PUT": PUT(0),
    "BINPUT": BINPUT(0), "LONG_BINPUT": LONG_BINPUT(0),
    "INST": INST("os", "system"), "READONLY_BUFFER": READONLY_BUFFER,
    "NEXT_BUFFER": NEXT_BUFFER, "GET": GET(0), "BINGET": BINGET(0),
    "LONG_BINGET": LONG_BINGET(0),
}
# Those that a MARK does satisfy.
TAKE_MARK = {"POP", "POP_MARK", "DICT", "LIST", "TUPLE", "FROZENSET", "INST"}
# One value is not enough.
NEED_TWO = ["REDUCE", "APPEND", "BUILD", "SETITEM", "NEWOBJ", "TUPLE2",
            "TUPLE3", "NEWOBJ_EX", "STACK_GLOBAL"]

CALL = GLOBAL("__main__", "C") + EMPTY_TUPLE

# name, what comes before the opcode, the opcode.
WRONG_TYPES = [
    ("append-tuple", EMPTY_TUPLE + NONE, APPEND),
    ("append-dict", EMPTY_DICT + NONE, APPEND),
    ("append-int", BININT1(1) + NONE, APPEND),
    ("append-none", NONE + NONE, APPEND),
    ("appends-tuple", EMPTY_TUPLE + MARK + NONE, APPENDS),
    ("appends-str", BINUNICODE("x") + MARK + NONE, APPENDS),
    ("setitem-tuple", EMPTY_TUPLE + NONE + NONE, SETITEM),
    ("setitem-none", NONE + NONE + NONE, SETITEM),
    ("setitem-set", EMPTY_SET + NONE + NONE, SETITEM),
    ("setitems-tuple", EMPTY_TUPLE + MARK + NONE + NONE, SETITEMS),
    ("setitems-odd", EMPTY_DICT + MARK + NONE, SETITEMS),
    ("setitem-key-list", EMPTY_DICT + EMPTY_LIST + NONE, SETITEM),
    ("setitem-key-dict", EMPTY_DICT + EMPTY_DICT + NONE, SETITEM),
    ("dict-odd", MARK + NONE, DICT),
    ("dict-key-list", MARK + EMPTY_LIST + NONE, DICT),
    ("additems-list", EMPTY_LIST + MARK + NONE, ADDITEMS),
    ("additems-dict", EMPTY_DICT + MARK + NONE, ADDITEMS),
    ("additems-unhashable", EMPTY_SET + MARK + EMPTY_LIST, ADDITEMS),
    ("frozenset-unhashable", MARK + EMPTY_DICT, FROZENSET),
    ("reduce-int", BININT1(1) + EMPTY_TUPLE, REDUCE),
    ("reduce-none", NONE + EMPTY_TUPLE, REDUCE),
    ("reduce-dict", EMPTY_DICT + EMPTY_TUPLE, REDUCE),
    ("reduce-args-list", GLOBAL("__main__", "C") + EMPTY_LIST, REDUCE),
    ("reduce-args-none", GLOBAL("__main__", "C") + NONE, REDUCE),
    ("newobj-int", BININT1(1) + EMPTY_TUPLE, NEWOBJ),
    ("newobj-args-list", GLOBAL("__main__", "C") + EMPTY_LIST, NEWOBJ),
    ("newobj-ex-args", GLOBAL("__main__", "C") + NONE + EMPTY_DICT,
     NEWOBJ_EX),
    ("newobj-ex-kwargs", GLOBAL("__main__", "C") + EMPTY_TUPLE + NONE,
     NEWOBJ_EX),
    ("build-int", BININT1(1) + EMPTY_DICT, BUILD),
    ("build-tuple", EMPTY_TUPLE + EMPTY_DICT, BUILD),
    ("build-list", EMPTY_LIST + value({"a": 1}), BUILD),
    ("build-dict", EMPTY_DICT + value({"a": 1}), BUILD),
    ("obj-empty", MARK, OBJ),
    ("obj-int", MARK + BININT1(1), OBJ),
    ("stack-global-int", BININT1(1) + BINUNICODE("x"), STACK_GLOBAL),
    ("stack-global-name", BINUNICODE("x") + NONE, STACK_GLOBAL),
    ("readonly-int", BININT1(1), READONLY_BUFFER),
]

# Text opcodes with arguments that no reader takes.
BAD_TEXT = [
    ("int-empty", INT("")), ("int-word", INT("one")), ("int-minus", INT("-")),
    ("int-float", INT("1.5")), ("int-digits", INT("1" * 5000)),
    ("long-empty", LONG("")), ("long-word", LONG("xL")),
    ("long-two", LONG("1LL")), ("float-empty", FLOAT("")),
    ("float-word", FLOAT("one")), ("float-overflow", FLOAT("1e999")),
    ("string-bare", STRING("abc")), ("string-half", STRING("'abc")),
    ("string-mixed", STRING("'abc\"")), ("string-one", STRING("'")),
    ("string-empty", STRING("")), ("string-escape", STRING("'\\x4'")),
    ("unicode-escape", UNICODE("\\u12")),
    ("unicode-plane", UNICODE("\\U00110000")),
    ("get-word", GET("x")), ("get-empty", GET("")),
    ("get-negative", GET("-1")),
    ("global-empty", GLOBAL("", "")), ("global-utf8", GLOBAL("os", b"\xff")),
]
# And some that every reader takes.
GOOD_TEXT = [
    ("int-true", INT("01")), ("int-false", INT("00")), ("int-blank", INT(" 1")),
    ("int-hex", INT("0x10")), ("int-underscore", INT("1_000")),
    ("int-plus", INT("+7")), ("int-large", INT("9" * 40)),
    ("int-crlf", INT("1\r")), ("long-l", LONG("12L")), ("long", LONG("12")),
    ("long-large", LONG("-" + "8" * 100 + "L")), ("float-nan", FLOAT("nan")),
    ("float-inf", FLOAT("-inf")), ("float", FLOAT("1.25e-3")),
    ("string", STRING("'a\\x41\\n'")), ("string-double", STRING('"a"')),
    ("unicode-surrogate", UNICODE("\\ud800")), ("unicode", UNICODE("a\\u1234")),
]

# Counted strings; the length that is claimed, when not the true one.
BAD_COUNTED = [
    ("binunicode-overlong", BINUNICODE(b"\xc0\x80")),
    ("binunicode-fe", BINUNICODE(b"\xfe")),
    ("binunicode-cut", BINUNICODE(b"\xe2\x82")),
    ("binunicode-high", BINUNICODE(b"\xf4\x90\x80\x80")),
    ("binunicode-2e32", BINUNICODE(b"0123456789", 2**32 - 1)),
    ("binunicode8-2e40", BINUNICODE8(b"0123456789", 2**40)),
    ("binunicode8-2e63", BINUNICODE8(b"0123456789", 2**63)),
    ("binunicode8-max", BINUNICODE8(b"0123456789", 2**64 - 1)),
    ("binbytes8-2e40", BINBYTES8(b"0123456789", 2**40)),
    ("binbytes8-2e63", BINBYTES8(b"0123456789", 2**63)),
    ("bytearray8-2e40", BYTEARRAY8(b"0123456789", 2**40)),
    ("bytearray8-2e63", BYTEARRAY8(b"0123456789", 2**63)),
    ("binbytes-2e31", BINBYTES(b"0123456789", 2**31)),
    ("short-binbytes", SHORT_BINBYTES(b"0123456789", 255)),
    ("binstring-negative", BINSTRING(b"0123456789", -1)),
    ("binstring-2e31", BINSTRING(b"0123456789", 2**31 - 1)),
    ("short-binstring", SHORT_BINSTRING(b"0123456789", 255)),
    ("short-binunicode", SHORT_BINUNICODE(b"0123456789", 255)),
]
GOOD_COUNTED = [
    ("surrogate", BINUNICODE(b"\xed\xa0\x80")),
    ("nul", BINUNICODE(b"a\0b")), ("empty", BINUNICODE(b"")),
    ("last", BINUNICODE(b"\xf4\x8f\xbf\xbf")),
    ("binunicode8", BINUNICODE8(b"abc")), ("binbytes8", BINBYTES8(b"\xff")),
    ("bytearray8", BYTEARRAY8(b"\xff")),
]

# Streams on whose end readers disagree; CPython takes them.
ODD_ENDS = [
    ("stop-open-mark", NONE + MARK + NONE, ["dangerous"]),
    ("stop-leftover", NONE + NONE + NONE, ["unusual"]),
    ("pop-mark", NONE + MARK + POP, ["clean", "unusual"]),
    ("pop-mark-values", NONE + MARK + NONE + NONE + POP_MARK,
     ["clean", "unusual"]),
    ("memo-replaced", NONE + BINPUT(0) + NEWTRUE + BINPUT(0),
     ["clean", "unusual"]),
    ("memoize-gap", NONE + BINPUT(5) + MEMOIZE, ["clean", "unusual"]),
    ("list-setitem", EMPTY_LIST + NONE + APPEND + BININT1(0) + NEWTRUE
     + SETITEM, ["clean", "unusual"]),
]


def truncations(out):
    """Every opcode with an argument, one byte short."""
    for name, op in (
            ("PROTO", b"\x80"), ("BININT", BININT(1)), ("BININT1", BININT1(1)),
            ("BININT2", BININT2(1)), ("BINFLOAT", BINFLOAT(1.0)),
            ("LONG1", LONG1(300)), ("LONG4", LONG4(300)), ("INT", INT(1)),
            ("LONG", LONG("1L")), ("FLOAT", FLOAT("1")),
            ("STRING", STRING("'a'")), ("UNICODE", UNICODE("a")),
            ("BINUNICODE", BINUNICODE("ab")), ("BINBYTES", BINBYTES(b"ab")),
            ("SHORT_BINBYTES", SHORT_BINBYTES(b"ab")),
            ("SHORT_BINUNICODE", SHORT_BINUNICODE("ab")),
            ("BINUNICODE8", BINUNICODE8("ab")),
            ("BINBYTES8", BINBYTES8(b"ab")), ("FRAME", FRAME(1)),
            ("BYTEARRAY8", BYTEARRAY8(b"ab")), ("GLOBAL", GLOBAL("a", "b")),
            ("BINSTRING", BINSTRING("ab")),
            ("SHORT_BINSTRING", SHORT_BINSTRING("ab")),
            ("BINGET", BINGET(0)), ("LONG_BINGET", LONG_BINGET(0)),
            ("GET", GET(0)), ("EXT1", EXT1(1)), ("EXT2", EXT2(1)),
            ("EXT4", EXT4(1)), ("PERSID", PERSID("a"))):
        cut = op if len(op) == 1 else op[:-1]
        out.refuse("P16-short-%s" % name, PROTO(2) + cut,
                   "%s without the end of its argument" % name, 2)


def malformed(out):
    for name, op in NEED_STACK.items():
        out.refuse("P16-empty-%s" % name, PROTO(2) + op + STOP,
                   "%s on an empty stack" % name, 2)
        if name not in TAKE_MARK and name not in ("APPENDS", "SETITEMS",
                                                  "ADDITEMS"):
            out.refuse("P16-mark-%s" % name, PROTO(2) + MARK + op + STOP,
                       "%s with a MARK on top" % name, 3)
    for name in NEED_TWO:
        out.refuse("P16-one-%s" % name, PROTO(2) + EMPTY_TUPLE
                   + NEED_STACK[name] + STOP,
                   "%s with one value" % name, 3)
        out.refuse("P16-behind-mark-%s" % name, PROTO(2) + EMPTY_TUPLE + MARK
                   + EMPTY_TUPLE + NEED_STACK[name] + STOP,
                   "%s with one value above a MARK" % name, 5)
    for name in ("APPENDS", "SETITEMS", "ADDITEMS"):
        out.refuse("P16-mark-%s" % name, PROTO(2) + MARK + NONE
                   + NEED_STACK[name] + STOP,
                   "%s with nothing below its MARK" % name, 4)
    for name, before, op in WRONG_TYPES:
        out.refuse("P16-type-%s" % name, PROTO(2) + before + op + STOP,
                   "an opcode on the wrong type", 2 + len(before))
    truncations(out)
    out.refuse("P16-no-stop", PROTO(2) + NONE, "no STOP", 3)
    out.refuse("P16-only-proto", PROTO(2), "nothing but PROTO", 2)
    for byte in (0x00, 0x01, 0x20, 0x41, 0x7f, 0x99, 0xa0, 0xff):
        out.refuse("P16-opcode-%02x" % byte, PROTO(2) + bytes([byte]) + STOP,
                   "an opcode that does not exist", 2)
    for name, op in BAD_TEXT:
        out.refuse("P17-%s" % name, PROTO(2) + op + STOP,
                   "a text opcode that no reader takes", 2)
    for name, op in GOOD_TEXT:
        out.add("P17-good-%s" % name, pickled(op), "an odd text opcode",
                ["clean", "unusual"], exits={"scan": 0})
    for name, op in BAD_COUNTED:
        out.refuse("P18-%s" % name, PROTO(2) + op + STOP,
                   "a string that lies about itself", 2)
    for name, op in GOOD_COUNTED:
        out.add("P18-good-%s" % name, pickled(op), "an odd string",
                "clean")
    for name, body, verdict in ODD_ENDS:
        out.add("P19-%s" % name, pickled(body), "readers disagree",
                verdict, exits={"scan": int(verdict == ["dangerous"])})
