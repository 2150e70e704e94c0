# SPDX-License-Identifier: Apache-2.0
"""A tiny pickle assembler: one function per opcode, returning bytes.

Nothing is checked: it exists to write what no honest pickler would.  Opcode
functions carry the names of pickletools, in capitals; each takes its argument
in the form in which it stands in the stream.  Below them are helpers: values
in the words of one protocol, calls, and what torch.save writes for a tensor.

    p = PROTO(2) + GLOBAL("os", "system") + BINUNICODE("true") + TUPLE1 \
        + REDUCE + STOP

Standard library only, deterministic."""

import struct


def _b(text):
    """Text as a stream has it; bytes as they are."""
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    return str(text).encode("utf-8", "surrogatepass")


# ----------------------------------------------------- opcodes without argument
MARK = b"("
STOP = b"."
POP = b"0"
POP_MARK = b"1"
DUP = b"2"
REDUCE = b"R"
APPEND = b"a"
BUILD = b"b"
DICT = b"d"
EMPTY_DICT = b"}"
APPENDS = b"e"
LIST = b"l"
EMPTY_LIST = b"]"
OBJ = b"o"
SETITEM = b"s"
TUPLE = b"t"
EMPTY_TUPLE = b")"
SETITEMS = b"u"
NONE = b"N"
BINPERSID = b"Q"
NEWOBJ = b"\x81"
TUPLE1 = b"\x85"
TUPLE2 = b"\x86"
TUPLE3 = b"\x87"
NEWTRUE = b"\x88"
NEWFALSE = b"\x89"
EMPTY_SET = b"\x8f"
ADDITEMS = b"\x90"
FROZENSET = b"\x91"
NEWOBJ_EX = b"\x92"
STACK_GLOBAL = b"\x93"
MEMOIZE = b"\x94"
NEXT_BUFFER = b"\x97"
READONLY_BUFFER = b"\x98"


# -------------------------------------------------------- opcodes with argument
def PROTO(n):
    return b"\x80" + bytes([n])


def FRAME(length):
    return b"\x95" + struct.pack("<Q", length)


def INT(text):
    return b"I" + _b(text) + b"\n"


def LONG(text):
    return b"L" + _b(text) + b"\n"


def FLOAT(text):
    return b"F" + _b(text) + b"\n"


def BINFLOAT(x):
    return b"G" + struct.pack(">d", x)


def BININT(n):
    return b"J" + struct.pack("<i", n)


def BININT1(n):
    return b"K" + bytes([n])


def BININT2(n):
    return b"M" + struct.pack("<H", n)


def _twos(n, width=None):
    if width is None:
        width = 0 if n == 0 else n.bit_length() // 8 + 1
    return n.to_bytes(width, "little", signed=True)


def LONG1(n, width=None):
    d = n if isinstance(n, bytes) else _twos(n, width)
    return b"\x8a" + bytes([len(d)]) + d


def LONG4(n, length=None):
    d = n if isinstance(n, bytes) else _twos(n)
    return b"\x8b" + struct.pack("<i", len(d) if length is None else length) + d


def STRING(text):
    """The argument as written, quotes and escapes and all."""
    return b"S" + _b(text) + b"\n"


def BINSTRING(d, length=None):
    d = _b(d)
    return b"T" + struct.pack("<i", len(d) if length is None else length) + d


def SHORT_BINSTRING(d, length=None):
    d = _b(d)
    return b"U" + bytes([len(d) if length is None else length]) + d


def UNICODE(text):
    return b"V" + _b(text) + b"\n"


def BINUNICODE(d, length=None):
    d = _b(d)
    return b"X" + struct.pack("<I", len(d) if length is None else length) + d


def SHORT_BINUNICODE(d, length=None):
    d = _b(d)
    return b"\x8c" + bytes([len(d) if length is None else length]) + d


def BINUNICODE8(d, length=None):
    d = _b(d)
    return b"\x8d" + struct.pack("<Q", len(d) if length is None else length) + d


def BINBYTES(d, length=None):
    return b"B" + struct.pack("<I", len(d) if length is None else length) + d


def SHORT_BINBYTES(d, length=None):
    return b"C" + bytes([len(d) if length is None else length]) + d


def BINBYTES8(d, length=None):
    return b"\x8e" + struct.pack("<Q", len(d) if length is None else length) + d


def BYTEARRAY8(d, length=None):
    return b"\x96" + struct.pack("<Q", len(d) if length is None else length) + d


def GLOBAL(module, name):
    return b"c" + _b(module) + b"\n" + _b(name) + b"\n"


def INST(module, name):
    return b"i" + _b(module) + b"\n" + _b(name) + b"\n"


def PUT(n):
    return b"p" + _b(n) + b"\n"


def BINPUT(n):
    return b"q" + bytes([n])


def LONG_BINPUT(n):
    return b"r" + struct.pack("<I", n)


def GET(n):
    return b"g" + _b(n) + b"\n"


def BINGET(n):
    return b"h" + bytes([n])


def LONG_BINGET(n):
    return b"j" + struct.pack("<I", n)


def PERSID(text):
    return b"P" + _b(text) + b"\n"


def EXT1(n):
    return b"\x82" + bytes([n])


def EXT2(n):
    return b"\x83" + struct.pack("<H", n)


def EXT4(n):
    return b"\x84" + struct.pack("<i", n)


# -------------------------------------------------------------- values, calls
def text(s, proto=2):
    """A str in the words of the protocol."""
    if proto == 0:
        # raw-unicode-escape, as Pickler.save_str does.
        for c in "\\\0\n\r\x1a":
            s = s.replace(c, "\\u%04x" % ord(c))
        return UNICODE(s.encode("raw-unicode-escape"))
    if proto < 4:
        return BINUNICODE(s)
    d = _b(s)
    return SHORT_BINUNICODE(d) if len(d) < 256 else BINUNICODE(d)


def integer(n, proto=2):
    """An int as CPython's pickler writes it (protocol 2 and later)."""
    if proto == 0:
        return INT(n) if -2**31 <= n < 2**31 else LONG("%dL" % n)
    if 0 <= n < 256:
        return BININT1(n)
    if 0 <= n < 65536:
        return BININT2(n)
    if -2**31 <= n < 2**31:
        return BININT(n)
    return LONG1(n) if proto >= 2 else LONG("%dL" % n)


def value(x, proto=2):
    """None, bool, int, float, str, bytes, list, tuple, dict of these; an object
    with a `pickle` attribute (see Raw) stands for its own bytes."""
    if isinstance(x, Raw):
        return x.pickle
    if x is None:
        return NONE
    if x is True:
        return NEWTRUE if proto >= 2 else INT("01")
    if x is False:
        return NEWFALSE if proto >= 2 else INT("00")
    if isinstance(x, int):
        return integer(x, proto)
    if isinstance(x, float):
        return BINFLOAT(x) if proto >= 1 else FLOAT(repr(x))
    if isinstance(x, str):
        return text(x, proto)
    if isinstance(x, (bytes, bytearray)):
        if proto >= 3:
            return SHORT_BINBYTES(x) if len(x) < 256 else BINBYTES(x)
        # As pickle does it before protocol 3.
        return glob("_codecs", "encode", proto) + MARK \
            + text(x.decode("latin1"), proto) + text("latin1", proto) \
            + TUPLE + REDUCE
    if isinstance(x, list):
        return MARK + b"".join(value(i, proto) for i in x) + LIST
    if isinstance(x, tuple):
        return MARK + b"".join(value(i, proto) for i in x) + TUPLE
    if isinstance(x, dict):
        return MARK + b"".join(value(k, proto) + value(v, proto)
                               for k, v in x.items()) + DICT
    raise TypeError(type(x))


class Raw:
    """Opcodes that push one value, for use inside value()."""

    def __init__(self, pickle):
        self.pickle = pickle


def glob(module, name, proto=2):
    """A global in the words of the protocol."""
    if proto < 4:
        return GLOBAL(module, name)
    return text(module, proto) + text(name, proto) + STACK_GLOBAL


def call(module, name, args=("true",), proto=2):
    """Pushes what module.name(*args) would return."""
    return glob(module, name, proto) + value(tuple(args), proto) + REDUCE


def pickled(body, proto=2, frame=True):
    """A whole stream around opcodes that push one value.  Protocols 0 and 1
    have no PROTO; 4 and 5 are framed."""
    if proto < 2:
        return body + STOP
    if proto < 4 or not frame:
        return PROTO(proto) + body + STOP
    return PROTO(proto) + FRAME(len(body) + 1) + body + STOP


# ------------------------------------------------------------------------ torch
def contiguous(size):
    """The strides of a contiguous tensor, in elements."""
    strides, n = [], 1
    for d in reversed(size):
        strides.append(n)
        n *= max(d, 1)
    return tuple(reversed(strides))


def torch_storage(key="0", dtype_storage="FloatStorage", numel=6,
                  location="cpu", module="torch"):
    """A storage's persistent id, pushed and loaded."""
    return MARK + BINUNICODE("storage") + GLOBAL(module, dtype_storage) \
        + BINUNICODE(key) + BINUNICODE(location) + integer(numel) + TUPLE \
        + BINPERSID


def ordered_dict():
    return GLOBAL("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE


def torch_tensor(key="0", dtype_storage="FloatStorage", numel=6, size=(2, 3),
                 stride=None, offset=0, location="cpu", requires_grad=False,
                 metadata=None, storage=None):
    """What torch.save writes for one tensor (without memo): pushes it.
    size, stride, offset may be anything that value() takes; storage replaces
    the persistent id; metadata is opcodes, appended as seventh argument."""
    if stride is None:
        stride = contiguous(size)
    if storage is None:
        storage = torch_storage(key, dtype_storage, numel, location)
    return GLOBAL("torch._utils", "_rebuild_tensor_v2") + MARK + storage \
        + value(offset) + value(size) + value(stride) \
        + value(requires_grad) + ordered_dict() \
        + (metadata if metadata is not None else b"") + TUPLE + REDUCE


def state_dict(entries, ordered=True):
    """A dict whose values are opcodes that push one value each."""
    return (ordered_dict() if ordered else EMPTY_DICT) + MARK \
        + b"".join(value(k) + v for k, v in entries.items()) + SETITEMS


def torch_pickle(entries, ordered=True):
    """The data.pkl of a state dict: {name: opcodes}."""
    return pickled(state_dict(entries, ordered), 2)
