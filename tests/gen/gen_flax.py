#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flax MessagePack trees that lie, with their manifest.

    tests/gen/gen_flax.py OUTDIR

Written to the MessagePack specification and flax/serialization.py by hand.
Python's standard library only; the same bytes at every run."""
import hashlib
import json
import os
import struct
import sys

CHUNKED = "__msgpack_chunked_array__"


def text(s):
    b = s.encode() if isinstance(s, str) else s
    return (bytes([0xa0 | len(b)]) if len(b) < 32 else
            b"\xd9" + bytes([len(b)])) + b


def head(base, wide, count):
    """A map's or an array's; wide: the code of its 16-bit form."""
    if count < 16:
        return bytes([base | count])
    if count < 1 << 16:
        return struct.pack(">BH", wide, count)
    return struct.pack(">BI", wide + 1, count)


def number(n):
    if n < 128:
        return bytes([n])
    return b"\xcf" + struct.pack(">Q", n)


def ext(kind, payload):
    return struct.pack(">BIb", 0xc9, len(payload), kind) + payload


def payload(shape, dtype, data):
    return b"\x93" + head(0x90, 0xdc, len(shape)) + b"".join(
        number(n) for n in shape) + text(dtype) + struct.pack(
            ">BI", 0xc6, len(data)) + data


def array(shape, dtype, data, kind=1):
    return ext(kind, payload(shape, dtype, data))


def tree(*pairs):
    return head(0x80, 0xde, len(pairs)) + b"".join(
        text(k) + v for k, v in pairs)


DATA = struct.pack("<6f", 0.5, -1.0, 2.0, 3.25, -4.5, 6.0)
GOOD = ("good", array((2, 3), "float32", DATA))
GOOD_ROW = {"good": {"dtype": "F32", "shape": [2, 3],
                     "sha256": hashlib.sha256(DATA).hexdigest()}}


class Out:
    def __init__(self, path):
        self.path = path
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def write(self, ident, data, what, expect, code, verdict="undecided",
              tensors=None, names=(), suffix=".msgpack"):
        name = ident + suffix
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)
        done = expect == "tensors"
        self.rows.append({
            "id": ident, "file": name, "what": what, "expect": expect,
            "exit": {"scan": 0 if done else 2, "ls": 0 if done else 2},
            "code": code, "offset": None, "verdict": verdict,
            "names": list(names), "tensors": tensors})

    def refuse(self, ident, data, what):
        self.write("flax-" + ident, data, what, "refuse", "PFORK_E_FORMAT")

    def good(self, ident, data, what, verdict="clean", names=(), more=None):
        self.write("flax-" + ident, data, what, "tensors", None, verdict,
                   {**GOOD_ROW, **(more or {})}, names)

    def manifest(self):
        with open(os.path.join(self.path, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")


def arrays(out):
    for n in (2 ** 31, 2 ** 32, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1):
        out.refuse("dim-%x" % n, tree(GOOD, ("a", array((n,), "float32",
                   DATA))), "a dimension of %d" % n)
        out.refuse("dims-%x" % n, tree(GOOD, ("a", array((n, 4), "float32",
                   DATA))), "a product that wraps, from %d" % n)
    out.refuse("dim-negative", tree(GOOD, ("a", ext(1, b"\x93\x91\xff" +
               text("float32") + b"\xc4\x00"))), "a dimension of -1")
    out.refuse("short", tree(GOOD, ("a", array((2, 3), "float32",
               DATA[:-1]))), "a byte less than the shape needs")
    out.refuse("long", tree(GOOD, ("a", array((2, 3), "float32",
               DATA + b"\0"))), "a byte more than the shape needs")
    out.refuse("two", tree(GOOD, ("a", ext(1, b"\x92\x90" + text("int8")))),
               "an array of two values")
    out.refuse("after", tree(GOOD, ("a", ext(1, payload((1,), "int8", b"x") +
               b"\0"))), "a byte after an array inside its extension")
    out.refuse("no-shape", tree(GOOD, ("a", ext(1, b"\x93\x01" + text("int8")
               + b"\xc4\0"))), "a number for a shape")
    out.good("dtype", tree(GOOD, ("a", array((1,), "float512", bytes(64)))),
             "an unknown dtype", names=("left out: a",))
    out.good("object", tree(GOOD, ("a", array((1,), "object", b"\x80\x02N.")
             )), "an object array", names=("left out: a",))
    out.good("rank-65", tree(GOOD, ("a", array((1,) * 65, "int8", b"x"))),
             "65 dimensions", names=("left out: a",))
    out.good("zero", tree(GOOD, ("a", array((0, 2 ** 40), "int8", b""))),
             "no elements", more={"a": {"dtype": "I8",
                                        "shape": [0, 2 ** 40]}})


def chunked(shape, chunks, mark=b"\xc3", first=True):
    pairs = [(CHUNKED, mark), ("shape", tree(*(
        (str(i), number(n)) for i, n in enumerate(shape)))), (
            "chunks", tree(*chunks))]
    return tree(*(pairs if first else pairs[1:] + pairs[:1]))


def chunks(out):
    def one(data, dtype="int8", shape=None):
        return array((len(data),) if shape is None else shape, dtype, data)

    row = {"a": {"dtype": "I8", "shape": [2, 2], "sha256": hashlib.sha256(
        b"abcd").hexdigest()}}
    two = (("0", one(b"abc")), ("1", one(b"d")))
    out.good("chunks", tree(GOOD, ("a", chunked((2, 2), two))), "two chunks",
             more=row)
    out.refuse("chunks-order", tree(GOOD, ("a", chunked((2, 2), two[::-1]))),
               "chunks out of order")
    out.refuse("chunks-few", tree(GOOD, ("a", chunked((2, 2), two[:1]))),
               "a chunk missing")
    out.refuse("chunks-none", tree(GOOD, ("a", chunked((0,), ()))),
               "no chunks")
    out.refuse("chunks-dtypes", tree(GOOD, ("a", chunked((2, 2), (
        ("0", one(b"abc")), ("1", one(b"d", "uint8")))))), "two dtypes")
    out.refuse("chunks-rank", tree(GOOD, ("a", chunked((2, 2), (
        ("0", one(b"abcd", shape=(2, 2))),)))), "a chunk that is not flat")
    out.refuse("chunks-late", tree(GOOD, ("a", chunked((2, 2), two,
               first=False))), "the mark is the last key")
    out.refuse("chunks-false", tree(GOOD, ("a", chunked((2, 2), two,
               b"\xc2"))), "the mark is false")
    out.refuse("chunks-wrap", tree(GOOD, ("a", chunked((2 ** 63, 2), two))),
               "a shape that wraps")


def trees(out):
    for wide in (0xde, 0xdf, 0xdc, 0xdd):
        for n in (0xffff, 2 ** 31, 2 ** 32 - 1):
            if wide in (0xde, 0xdc) and n > 0xffff:
                continue
            count = struct.pack(">BH" if wide in (0xde, 0xdc) else ">BI",
                                wide, n)
            out.refuse("count-%x-%x" % (wide, n), tree(GOOD, ("a", count)),
                       "a container of %d that is not there" % n)
    out.refuse("trailing", tree(GOOD) + b"\0", "a byte after the tree")
    out.refuse("twice", tree(GOOD, GOOD), "a key twice")
    out.good("twice-elsewhere", tree(GOOD, ("a", tree(("k", b"\1"))),
             ("b", tree(("k", b"\1")))), "a key in two maps")
    out.refuse("key-nil", tree(GOOD)[:1].replace(b"\x81", b"\x82") +
               tree(GOOD)[1:] + b"\xc0\1", "nil for a key")
    out.refuse("key-bytes", b"\x82" + tree(GOOD)[1:] + text(b"\xff") + b"\1",
               "a key that is not UTF-8")
    out.refuse("text-bytes", tree(GOOD, ("a", text(b"\xc0\x80"))),
               "text that is not UTF-8")
    out.refuse("c1", tree(GOOD, ("a", b"\xc1")), "the byte that is never used")
    out.good("ext", tree(GOOD, ("a", ext(9, b"x"))), "another extension",
             verdict="unusual", names=("extension",))
    for n in (2, 3, 4):
        # 0x82 to 0x84 are opcodes of pickles too: EXT1, EXT2, EXT4.
        out.good("map-%d" % n, tree(GOOD, *[("k%d" % i, b"\1")
                                            for i in range(1, n)]),
                 "a map of %d" % n)
    out.good("dots", tree(GOOD, ("a", tree(("b.c", array((1,), "int8", b"x")
             ))), ("a.b", tree(("c", array((1,), "int8", b"y"))))),
             "names that collide", more={"a.b.c": {}, "a.b.c~2": {}})
    deep = b"\x81\xa1d" * 999
    out.good("nested-1000", tree(GOOD, ("a", deep + b"\1")), "1,000 deep")
    out.write("flax-nested-2000", tree(GOOD, ("a", deep + deep + b"\1")),
              "2,000 deep", "limit", "PFORK_E_LIMIT")
    out.refuse("bomb-arrays", tree(GOOD, ("a", b"\xdd\xff\xff\xff\xff" * 900)
               ), "900 arrays of 2^32 - 1 arrays")
    out.write("flax-plain", tree(("a", b"\1"), ("b", text("x"))),
              "a tree without an array", "refuse", "PFORK_E_UNSUPPORTED")
    out.write("flax-name", b"no tree at all", "text under the suffix",
              "refuse", "PFORK_E_UNSUPPORTED")


def main():
    out = Out(sys.argv[1])
    arrays(out)
    chunks(out)
    trees(out)
    out.manifest()


if __name__ == "__main__":
    main()
