#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pickle machine beside CPython's C unpickler.

Random but plausible opcode streams, and mutated real pickles, go to both.  Both
must accept or refuse, stop at the same byte and build the same graph.  CPython
gets an inert find_class: every class, function, call result and persistent
object is an Unknown, which records what is done to it.  Standard library only.

Differences that are meant (each counted, and shown at the end):
  frames        CPython before 3.14.7 lets opcodes straddle frames; we refuse
  py2-bytes     a non-ASCII Python 2 string is bytes here; CPython's default
                encoding refuses it
  computed      STACK_GLOBAL takes a name that a call returned; noted here
  bytearray     appending to, setting items of, or wrapping a bytearray
  kwargs        keys of NEWOBJ_EX's dict that are not str; or it is changed
                after the call
  gigantic      memo indices that make CPython allocate gigabytes
  pickletools   genops cannot decode an argument that CPython takes

Of every stream that both accept, pickletools.genops must see the same number of
opcodes up to the same STOP.
"""
import argparse
import collections
import datetime
import decimal
import fractions
import io
import pickle
import pickletools
import random
import resource
import struct
import subprocess
import sys
import tempfile
import warnings


class Unknown(type):
    """An object of which nothing is known; its instances are classes, so that
    NEWOBJ takes them."""

    def __call__(cls, *args, **kwargs):
        return unknown(what="call", callable=cls, args=args, kwargs=kwargs)

    def extend(cls, items):
        if cls.what == "call":
            cls.items.extend(items)

    def add(cls, item):
        if cls.what == "call":
            cls.items.append(item)

    def __setitem__(cls, key, value):
        if cls.what == "call":
            cls.entries.append((key, value))

    def __setstate__(cls, state):
        if cls.what == "call":
            cls.state = state


def new_call(cls, *args, **kwargs):
    return unknown(what="call", callable=cls, args=args, kwargs=kwargs)


MISSING = object()
MEMORY = 4 << 30


def unknown(**fields):
    u = type.__new__(Unknown, "unknown", (), {"__new__": new_call})
    u.items = []
    u.entries = []
    u.state = MISSING
    u.kwargs = {}
    for key, value in fields.items():
        setattr(u, key, value)
    return u


class Recorder(pickle.Unpickler):
    def find_class(self, module, name):
        return unknown(what="global", module=module, name=name)

    def persistent_load(self, pid):
        return unknown(what="persid", pid=pid)


def children(v):
    """The tokens of a value and the values below it, in order."""
    if isinstance(v, Unknown):
        if v.what == "global":
            return ["global"], [v.module, v.name]
        if v.what == "persid":
            return ["persid"], [v.pid]
        # Not the tuple itself: a Python function gets a copy of it.
        below = [v.callable, *v.args]
        for key, value in v.kwargs.items():
            below += [key, value]
        tokens = ["call", len(v.args), len(v.kwargs), len(v.items), len(v.entries)]
        for key, value in v.entries:
            below += [key, value]
        below += v.items
        if v.state is not MISSING:
            tokens.append("state")
            below.append(v.state)
        return tokens, below
    if isinstance(v, (list, tuple)):
        return [type(v).__name__, len(v)], list(v)
    if isinstance(v, dict):
        return ["dict", len(v)], [x for pair in v.items() for x in pair]
    # Sets: the order is not ours to know, so only plain members are compared.
    plain = [repr(atom(x)) for x in v if atom(x) is not None]
    return [type(v).__name__, len(v)] + sorted(plain), []


def atom(v):
    if v is None or v is True or v is False:
        return ("const", repr(v))
    if isinstance(v, float):
        return ("float", struct.pack(">d", v).hex())
    if isinstance(v, int):
        return ("int", hex(v))
    if isinstance(v, str):
        return ("str", v.encode("utf-8", "surrogatepass").hex())
    if isinstance(v, bytes):
        return ("bytes", v.hex())
    if isinstance(v, bytearray):
        return ("bytearray", v.hex())
    return None


def canonical(root):
    """Flat tokens; shared and cyclic objects are numbered on first visit."""
    seen = {}
    keep = []
    out = []
    todo = [root]
    while todo:
        v = todo.pop()
        a = atom(v)
        if a is not None:
            out.append(a)
            continue
        if id(v) in seen and v != ():
            out.append(("again", seen[id(v)]))
            continue
        seen[id(v)] = len(seen)
        keep.append(v)
        tokens, below = children(v)
        out.append(tuple(tokens))
        todo.extend(reversed(below))
    return out


class Meant(Exception):
    """A difference that is meant."""


class Dump:
    """pickle-dump's answer, as Python objects."""

    def __init__(self, lines):
        self.error = None
        self.made = {}
        fill = []
        for line in lines:
            words = line.split(" ")
            if words[0] == "!":
                self.error = line
                return
            if words[0] == "=":
                self.root = self.ref(words[1])
                self.end = int(words[2])
                self.opcodes = int(words[3])
                continue
            fill.append((int(words[0]), words))
            self.made[int(words[0])] = self.make(words[1], words[2:])
        for number, words in fill:
            self.fill(self.made[number], words[1], words[2:])

    def ref(self, word):
        if word[0] == "n":
            return self.made[int(word[1:])]
        if word[0] == "i":
            return int(word[1:])
        return {"N": None, "T": True, "F": False, "E": (),
                "-": MISSING}[word]

    def make(self, kind, args):
        if kind == "int":
            return int(args[0])
        if kind == "big":
            return int.from_bytes(bytes.fromhex(args[0]), "little",
                                  signed=True)
        if kind == "float":
            return struct.unpack(">d", bytes.fromhex(args[0]))[0]
        if kind == "text":
            return bytes.fromhex(args[0]).decode("utf-8", "surrogatepass")
        if kind == "bytes":
            return bytes.fromhex(args[0])
        if kind == "bytearray":
            return bytearray.fromhex(args[0])
        if kind == "tuple":
            return tuple(self.ref(a) for a in args)
        if kind == "frozenset":
            return frozenset(self.ref(a) for a in args)
        if kind == "global":
            return unknown(what="global", module=self.ref(args[0]),
                           name=self.ref(args[1]))
        if kind == "persid":
            return unknown(what="persid", pid=self.ref(args[0]))
        if kind == "call":
            return unknown(what="call")
        return {"list": list, "dict": dict, "set": set}[kind]()

    def fill(self, made, kind, args):
        if kind == "list":
            made.extend(self.ref(a) for a in args)
        elif kind == "set":
            made.update(self.ref(a) for a in args)
        elif kind == "dict":
            for i in range(0, len(args), 2):
                key = self.ref(args[i])
                try:
                    made[key] = self.ref(args[i + 1])
                except TypeError:
                    # Entries of a call may have any key.
                    made.setdefault(id(key), None)
        elif kind == "call":
            made.callable = self.ref(args[0])
            made.args = self.ref(args[1])
            made.state = self.ref(args[2])
            made.kwargs = self.ref(args[3])
            if made.kwargs is MISSING:
                made.kwargs = {}
            items = self.ref(args[4])
            made.items = [] if items is MISSING else items
            made.entries = self.pairs(args[5])

    def pairs(self, word):
        if word == "-":
            return []
        words = self.lines_of[int(word[1:])]
        return [(self.ref(words[i]), self.ref(words[i + 1]))
                for i in range(0, len(words), 2)]


def read_dump(lines):
    d = Dump.__new__(Dump)
    d.lines_of = {}
    for line in lines:
        words = line.split(" ")
        if words[0] not in "!=":
            d.lines_of[int(words[0])] = words[2:]
    d.__init__(lines)
    return d


# --------------------------------------------------------------- streams --

NUMBERS = [b"0", b"1", b"00", b"01", b"-1", b" 1", b"1 ", b"+1", b"+5", b"0x10",
           b"0X1f", b"0x", b"0o17", b"0b101", b"017", b"08", b"1_000", b"1__0",
           b"_1", b"1_", b"0_0", b"0_7", b"00_0", b"", b"-", b"- 1", b"\t7",
           b"5\r", b"01\r", b"1\x00", b"\x00", b"12\x00x", b"0\x00", b"-0",
           b"9223372036854775807", b"9223372036854775808",
           b"-9223372036854775808", b"-9223372036854775809", b"16777216",
           b"0777777777777777777777", b"01777777777777777777777",
           b"0777777777777777777777777", b"0x7fffffffffffffff",
           b"0xffffffffffffffffffff", b"-0x8000000000000000", b"1" * 4300,
           b"9" * 4300, b"-" + b"8" * 4299, b"1" * 4301, b"0" * 4301,
           b"0x" + b"f" * 5000, b"0o" + b"7" * 43, b"0b" + b"10" * 99,
           b"0x_1", b"0x__1", b"0b2", b"0o8", b"12L", b"12LL", b"L", b"-5L",
           b"0x1fL", b"\xb2", b"1e5", b"18446744073709551615", b" 0x10 ",
           b"--1", b"\x0b1", b"\x1c1", b"\x0c1\x0c", b"1\xa0", b"65536"]
FLOATS = [b"0", b"-0", b"1.5", b".5", b"5.", b".", b"1e", b"1e+", b"1e5",
          b"1E-5", b"nan", b"-nan", b"inf", b"-inf", b"Infinity", b"infinit",
          b"NaN", b"1e309", b"1e308", b"1.7976931348623157e308",
          b"1.7976931348623158e308", b"1.7976931348623159e308",
          b"179769313486231570814527423731704356798070567525844996598917476803"
          b"157260780028538760589558632766878171540458953514382464234321326889"
          b"464182768467546703537516986049910576551282076245490090389328944075"
          b"868508455133942304583236903222948165808559332123347747979626414472"
          b"9382752e-250", b"4.9e-324", b"2.4703282292062327e-324",
          b"2.4703282292062328e-324", b"2.5e-324", b"1e-330", b"0e999999999",
          b"1e-999999999999", b"1e999999999999", b"2.2250738585072011e-308",
          b"2.2250738585072014e-308", b"9007199254740993",
          b"9007199254740992.99999", b"9007199254740993.00001",
          b"123456789012345678", b"0.1", b"1_0", b"0x10", b" 1", b"1 ",
          b"1\x002", b"+1.5", b"", b"1.5\r", b"-.5e-3", b"0000.00001e5",
          b"1." + b"0" * 900 + b"1", b"1" + b"0" * 900 + b"e-900",
          b"0." + b"0" * 400 + b"1e400", b"nan1", b"1..5", b"1.5.", b"e5"]
STRINGS = [b"'a'", b'"a"', b"'a\"", b"a", b"'", b"''", b"'\\x41'", b"'\\x4'",
           b"'\\101'", b"'\\777'", b"'\\8'", b"'\\q'", b"'a\\'", b"'\\\\'",
           b"'\\n\\t\\r\\a\\b\\f\\v\\''", b"'\xe9'", b"'\\xe9'", b"", b"'a' ",
           b"'a'\r", b"'\\0'", b"'\x00'", b"'\\18'", b"'\\N{DASH}'",
           b"'\\u0041'", b"'\\xZZ'", b"'''", b"'\\\\x41'"]
UNICODES = [b"a", b"", b"\\u0041", b"\\ud800", b"\\ud83d\\ude00", b"\xe9",
            b"\\U0001F600", b"\\U00110000", b"\\u12", b"\\", b"\\\\u0041",
            b"\\\\\\u0041", b"\\x41", b"\\\xe9", b"a\\u000a", b"\\UFFFFFFFF",
            b"\\u 123", b"\\u+123", b"\x00", b"\\U0010ffff"]
TEXTS = [b"", b"a", b"key", "\u00e9".encode(), b"\xed\xa0\x80", b"\xc0\x80",
         b"\xff", "\U0001f600".encode(), b"\xf4\x90\x80\x80", b"\xe2\x82",
         b"\xf4\x8f\xbf\xbf", b"\xe0\x9f\xbf", b"\xed\xbf\xbf", b"\x00",
         b"a" * 9, b"12345678\xc3\xa9", b"1234567\xc3"]
NAMES = [b"os", b"system", b"a.b", b"\xc3\xa9", b"\xe9", b"", b"x\r", b"os ",
         b"\xed\xa0\x80"]


class Writer:
    """Writes opcodes for a stack that it guesses at."""

    def __init__(self, rng):
        self.rng = rng
        self.out = []
        self.stack = []
        self.marks = []
        self.memo = {}
        self.wild = rng.choice([0.0, 0.0, 0.02, 0.1])

    def above(self):
        return len(self.stack) - (self.marks[-1] if self.marks else 0)

    def odd(self):
        return self.rng.random() < self.wild

    def pick(self, honest, all_of_them):
        return self.rng.choice(all_of_them if self.odd() else honest)

    def add(self, code, pops=0, pushes=""):
        self.out.append(code)
        del self.stack[len(self.stack) - pops:]
        self.stack.extend(pushes)

    def to_mark(self):
        at = self.marks.pop() if self.marks else 0
        above = self.stack[at:]
        del self.stack[at:]
        return above

    def atom(self):
        r = self.rng
        choice = r.randrange(21)
        line = lambda op, many: op + r.choice(many) + b"\n"
        if choice == 0:
            self.add(line(b"I", NUMBERS if self.wild else NUMBERS[:5]), 0, "i")
        elif choice == 1:
            self.add(line(b"L", NUMBERS if self.wild else [b"5L", b"-7L"]),
                     0, "i")
        elif choice == 2:
            self.add(line(b"F", FLOATS if self.wild else FLOATS[:5]), 0, "f")
        elif choice == 3:
            self.add(line(b"S", STRINGS if self.wild else STRINGS[:2]), 0, "x")
        elif choice == 4:
            self.add(line(b"V", UNICODES if self.wild else UNICODES[:6]), 0,
                     "x")
        elif choice < 8:
            t = self.pick(TEXTS[:4], TEXTS)
            head = r.choice([b"\x8c" + struct.pack("<B", len(t)),
                             b"X" + struct.pack("<I", len(t)),
                             b"\x8d" + struct.pack("<Q", len(t))])
            self.add(head + t, 0, "x")
        elif choice == 8:
            t = r.choice(TEXTS)
            head = r.choice([b"C" + struct.pack("<B", len(t)),
                             b"B" + struct.pack("<I", len(t)),
                             b"\x8e" + struct.pack("<Q", len(t))])
            self.add(head + t, 0, "b")
        elif choice == 9:
            t = r.choice(TEXTS)
            self.add(b"\x96" + struct.pack("<Q", len(t)) + t, 0, "y")
        elif choice == 10:
            t = self.pick(TEXTS[:3], TEXTS)
            head = r.choice([b"U" + struct.pack("<B", len(t)),
                             b"T" + struct.pack("<I", len(t))])
            self.add(head + t, 0, "x")
        elif choice == 11:
            n = r.choice([0, 1, 2, 7, 8, 9, 16, 255])
            t = bytes(r.choice([0, 255, 128, 127, 1]) for _ in range(n))
            head = r.choice([b"\x8a" + struct.pack("<B", n),
                             b"\x8b" + struct.pack("<i", n)])
            self.add(head + t, 0, "i")
        elif choice == 12:
            self.add(b"G" + r.choice([struct.pack(">d", 1.5), r.randbytes(8)]),
                     0, "f")
        elif choice == 13:
            self.add(b"J" + struct.pack("<i", r.choice(
                [0, 1, -1, 1 << 24, (1 << 24) - 1, -(1 << 31)])), 0, "i")
        elif choice == 14:
            self.add(b"M" + r.randbytes(2), 0, "i")
        elif choice == 15:
            self.add(b"K" + r.randbytes(1), 0, "i")
        else:
            self.add(r.choice([b"N", b"\x88", b"\x89", b")", b"K\0", b"K\1"]),
                     0, "a")

    def memo_op(self):
        r = self.rng
        if self.memo and r.random() < 0.5:
            i = r.choice(list(self.memo))
            if self.odd():
                i += r.choice([1, 300, 70000])
            codes = [b"j" + struct.pack("<I", i), b"g%d\n" % i]
            if i < 256:
                codes.append(b"h" + struct.pack("<B", i))
            if self.odd():
                codes = [b"g" + r.choice(NUMBERS) + b"\n"]
            self.add(r.choice(codes), 0, self.memo.get(i, "a"))
        elif self.above() > 0 or self.odd():
            i = r.choice([len(self.memo), r.randrange(20)])
            if self.odd():
                i = r.choice([255, 256, 1023, 1024, 5000, 70000, 4097])
            codes = [b"r" + struct.pack("<I", i), b"p%d\n" % i]
            if i < 256:
                codes.append(b"q" + struct.pack("<B", i))
            if r.random() < 0.4:
                codes = [b"\x94"]
                i = len(self.memo)
            elif self.odd():
                codes = [b"p" + r.choice(NUMBERS) + b"\n"]
            self.add(r.choice(codes))
            self.memo[i] = self.stack[-1] if self.stack else "a"

    def container(self):
        r = self.rng
        codes = [(b"]", "l"), (b"}", "d"), (b"\x8f", "s")]
        code, kind = r.choice(codes)
        self.add(code, 0, kind)

    def collect(self):
        """From the mark: make or fill something."""
        r = self.rng
        if not self.marks and not self.odd():
            self.marks.append(len(self.stack))
            self.out.append(b"(")
            return
        below = ""
        self.marks = [min(at, len(self.stack)) for at in self.marks]
        if self.marks and self.marks[-1] > 0:
            below = self.stack[self.marks[-1] - 1]
        above = len(self.stack) - (self.marks[-1] if self.marks else 0)
        codes = [b"t", b"l", b"\x91", b"1"]
        if above % 2 == 0 or self.odd():
            codes.append(b"d")
            if below and below in "dcgp":
                codes += [b"u"] * 4
        if below and below in "lcgp":
            codes += [b"e"] * 4
        if below and below in "scgp":
            codes += [b"\x90"] * 4
        if above > 0 and self.stack[-above] in tuple("cgp"):
            codes += [b"o"] * 2
        codes.append(b"i" + self.pick(NAMES[:3], NAMES) + b"\n" +
                     self.pick(NAMES[:3], NAMES) + b"\n")
        if self.odd():
            codes += [b"e", b"u", b"\x90", b"o", b"d"]
        code = r.choice(codes)
        self.to_mark()
        self.out.append(code)
        kind = {b"t": "t", b"l": "l", b"\x91": "z", b"d": "d"}.get(code)
        if kind:
            self.stack.append(kind)
        elif code[:1] in b"oi":
            self.stack.append("c")

    def combine(self):
        """Opcodes that take fixed numbers of values."""
        r = self.rng
        have = self.above()
        top = "".join(self.stack[-3:])
        codes = [(b"\x85", 1, "t"), (b"\x86", 2, "t"), (b"\x87", 3, "t"),
                 (b"0", 1, ""), (b"2", 0, top[-1:]), (b"Q", 1, "p")]
        odd = self.odd()
        if odd or top[-2:-1] in tuple("lcgp"):
            codes += [(b"a", 1, "")] * 3
        if odd or (len(top) > 2 and top[0] in "dcgpl"):
            codes += [(b"s", 2, "")] * 3
        if odd or (len(top) > 1 and top[-2] in "cgp" and top[-1] == "t"):
            codes += [(b"R", 2, "c"), (b"\x81", 2, "c")] * 3
        if odd or (len(top) > 2 and top[0] in "cgp" and top[1:] == "td"):
            codes += [(b"\x92", 3, "c")] * 4
        if odd or top[-2:-1] in tuple("cgp"):
            codes += [(b"b", 1, "")] * 3
        if odd or top[-2:] == "xx":
            codes += [(b"\x93", 2, "g")] * 3
        code, pops, pushes = r.choice(codes)
        need = {b"a": 2, b"s": 3, b"b": 2, b"2": 1}.get(code, pops)
        if have >= need or odd:
            self.add(code, min(pops, len(self.stack)), pushes)

    def rare(self):
        r = self.rng
        codes = [b"c" + self.pick(NAMES[:3], NAMES) + b"\n" +
                 self.pick(NAMES[:3], NAMES) + b"\n"] * 3
        if r.random() < 0.2:
            codes = [b"P" + self.pick([b"7", b""], [b"x\xe9", b"k"]) + b"\n"]
        self.add(r.choice(codes), 0, "p" if codes[0][:1] == b"P" else "g")
        if self.odd():
            self.out.append(r.choice([
                b"\x80" + bytes([r.choice([0, 2, 5, 6, 255])]),
                b"\x82" + bytes([r.choice([0, 1])]),
                b"\x83" + struct.pack("<H", r.choice([0, 9])),
                b"\x84" + struct.pack("<i", r.choice([-1, 0, 5])),
                b"\x95" + struct.pack("<Q", r.choice([0, 1, 5, 1 << 63])),
                b"\x97", b"\x98", bytes([r.randrange(256)])]))

    def stream(self):
        r = self.rng
        if r.random() < 0.7:
            self.out.append(b"\x80" + bytes([r.randrange(6)]))
        steps = [self.atom] * 5 + [self.memo_op] * 3 + [self.container] * 2 + \
            [self.collect] * 3 + [self.combine] * 5 + [self.rare]
        for _ in range(r.choice([3, 8, 20, 60])):
            r.choice(steps)()
            if r.random() < 0.1:
                self.marks.append(len(self.stack))
                self.out.append(b"(")
        if r.random() < 0.9:
            while self.marks:
                self.marks.pop()
                self.out.append(b"t")
                self.stack.append("t")
        body = b"".join(self.out) + b"."
        if r.random() < 0.1:
            body = b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body
        return body


def between(rng):
    """The decimal exactly between two doubles, or near it."""
    bits = rng.getrandbits(63) % 0x7fefffffffffffff
    a, b = struct.unpack(">2d", struct.pack(">2Q", bits, bits + 1))
    middle = (fractions.Fraction(a) + fractions.Fraction(b)) / 2
    places = middle.denominator.bit_length() - 1
    n = middle.numerator * 5 ** places
    how = rng.randrange(4)
    if how == 1:
        n += rng.choice([-1, 1])
    elif how == 2:
        zeros = rng.randrange(900)
        n = n * 10 ** zeros * 10 + 1
        places += zeros + 1
    elif how == 3:
        drop = max(0, len(str(n)) - rng.randrange(1, 30))
        n //= 10 ** drop
        places -= drop
    return b"%de%d" % (n, -places)


def number_line(rng):
    how = rng.randrange(8)
    if how == 0:
        return b"F" + between(rng)
    if how == 1:
        return b"F%a" % struct.unpack(">d", rng.randbytes(8))
    if how == 2:
        return b"F%d.%de%d" % (rng.getrandbits(rng.randrange(1, 99)),
                               rng.getrandbits(rng.randrange(1, 99)),
                               rng.randrange(-400, 320))
    if how == 3:
        return b"F.%s%de%d" % (b"0" * rng.randrange(400),
                               rng.getrandbits(60), rng.randrange(-9, 500))
    n = rng.choice([-1, 1]) * rng.getrandbits(rng.randrange(1, 300))
    if how == 4:
        return b"I%d" % n
    if how == 5:
        return b"L%dL" % n
    return b"I" + rng.choice([b"%#x", b"%#o"]) % abs(n)


def number_stream(rng):
    """A list of numbers that Python's own literals take."""
    out = [b"("]
    while len(out) < 60:
        line = number_line(rng) + b"\n"
        try:
            pickle.loads(line + b".")
        except (OverflowError, ValueError):
            continue
        out.append(line)
    return b"".join(out) + b"l."


class Point:
    def __init__(self, x):
        self.x = x

    def __reduce_ex__(self, protocol):
        return object.__reduce_ex__(self, protocol)


class Words(list):
    pass


def real_pickles():
    shared = [1, 2, 3]
    cycle = {"a": shared}
    cycle["self"] = cycle
    objects = [
        cycle, [shared, shared], {1: 2.5, "k": b"bytes", None: True},
        collections.OrderedDict(a=1, b=(1, 2)), {1, 2, "x"},
        frozenset([(1, 2), "y"]), bytearray(b"ab"), Point([1]), Words("abc"),
        datetime.datetime(2020, 1, 2), decimal.Decimal("1.5"), complex(1, 2),
        2 ** 100, -(2 ** 63), range(5), "\u00e9\ud800", b"x" * 300,
        ["%d" % i for i in range(300)], {i: [i] for i in range(40)},
        collections.defaultdict(list, a=[1]), slice(1, 2), Point, len,
        float("inf"), [()], ((), ((),)), "x" * 70000]
    return [pickle.dumps(o, p) for o in objects for p in range(6)]


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(5)
        if how == 0 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 1:
            del data[at:at + rng.choice([1, 1, 2, 8])]
        elif how == 2:
            data[at:at] = rng.choice(
                [b"(", b".", b"N", b"0", b"2", b"t", b"a", b"e", b"u", b"s",
                 b"b", b"R", b"\x94", b"h\0", b"q\0", b"]", b"}", b"\x8f"])
        elif how == 3:
            cut = bytes(data[at:at + rng.randrange(1, 20)])
            data[rng.randrange(len(data) + 1):0] = cut
        else:
            del data[at:]
        if not data:
            data = bytearray(b".")
    return bytes(data)


# --------------------------------------------------------------- compare --

def ask_cpython(data):
    """(graph or None, end, error)"""
    f = io.BytesIO(data)
    try:
        value = Recorder(f).load()
    except Exception as e:  # any exception is a refusal
        return None, None, e
    return canonical(value), f.tell(), None


def meant(answer, error, data):
    """Why the two may differ in accepting, or None."""
    if error is None:
        text = answer.error
        if "frame" in text:
            return "frames"
        if "not a bytearray" in text:
            return "bytearray"
        if "over 4294967295" in text:
            return "gigantic"
        return None
    if isinstance(error, UnicodeDecodeError) and error.encoding == "ascii":
        return "py2-bytes"
    if "STACK_GLOBAL requires str" in str(error):
        if any(isinstance(u, Unknown) and u.what == "global" and
               not (type(u.module) is str and type(u.name) is str)
               for u in answer.made.values()):
            return "computed"
    if isinstance(error, TypeError) and "keyword" in str(error):
        return "kwargs"
    if isinstance(error, MemoryError):
        return "gigantic"
    return None


def boundaries(data, answer):
    """What is wrong with the opcodes, or None; True when genops stops early."""
    count = 0
    try:
        for opcode, _, position in pickletools.genops(data):
            count += 1
            last = position + len(opcode.code)
    except (ValueError, UnicodeError, OverflowError, IndexError):
        return True
    if (count, last) != (answer.opcodes, answer.end):
        return "pickletools: %d opcodes to %d, ours %d to %d" % (
            count, last, answer.opcodes, answer.end)
    return None


def compare(data, lines):
    """None when they agree, "meant: ..." or what differs."""
    answer = read_dump(lines)
    graph, end, error = ask_cpython(data)
    if (answer.error is None) != (error is None):
        why = meant(answer, error, data)
        if why:
            return "meant: " + why
        return "we say %r, CPython %r" % (answer.error, error)
    if error is not None:
        return None
    ours = canonical(answer.root)
    if ours != graph:
        if b"\x92" in data:
            return "meant: kwargs"
        return "graphs differ:\n  ours    %r\n  CPython %r" % (ours, graph)
    if answer.end != end and b"\x95" in data:
        # CPython has taken the frame from the file before its STOP.
        return "meant: frames"
    if answer.end != end:
        return "ends differ: %d, CPython %d" % (answer.end, end)
    wrong = boundaries(data, answer)
    return "meant: pickletools" if wrong is True else wrong


def run_batch(dump, streams):
    with tempfile.NamedTemporaryFile() as f:
        for s in streams:
            f.write(struct.pack("<I", len(s)) + s)
        f.flush()
        out = subprocess.run([dump, "--batch", f.name], check=True,
                             stdout=subprocess.PIPE).stdout.decode()
    answers = out.split("\n.\n")
    assert len(answers) == len(streams) + 1 and answers[-1] == ""
    return [a.split("\n") for a in answers[:-1]]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dump", required=True, help="the pickle-dump program")
    p.add_argument("--count", type=int, default=10000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--show", type=int, default=10, help="failures to print")
    args = p.parse_args()
    # A memo index may make CPython ask for 32 GiB: it shall get MemoryError.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    rng = random.Random(args.seed)
    real = real_pickles()
    counts = collections.Counter()
    failures = 0
    done = 0
    while done < args.count:
        streams = list(real) if done == 0 else []
        while len(streams) < 2000 and done + len(streams) < args.count:
            if rng.random() < 0.01:
                streams.append(number_stream(rng))
            elif rng.random() < 0.7:
                streams.append(Writer(rng).stream())
            else:
                streams.append(mutate(rng, rng.choice(real)))
        for data, lines in zip(streams, run_batch(args.dump, streams)):
            result = compare(data, lines)
            if result is None:
                counts["accepted" if lines[-1][:1] == "=" else "refused"] += 1
            elif result.startswith("meant"):
                counts[result] += 1
            else:
                failures += 1
                if failures <= args.show:
                    print("DIFFER %s\n  %r" % (result[:1500], data[:300]))
        done += len(streams)
    print("pickle-diff: %d streams, %d differ; %s" % (
        done, failures, ", ".join("%s %d" % c for c in counts.most_common())))
    # A comparison in which one side refuses nearly all proves little.
    if counts["accepted"] < done // 10:
        print("pickle-diff: too few streams were accepted")
        failures += 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
