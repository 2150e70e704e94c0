#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen_gguf.py OUTDIR: the attacks G: the cases of ggml's own test of its reader
(llama.cpp, tests/test-gguf.cpp), by our own writer, and more.

Deterministic, standard library only.
"""
import hashlib
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pickle_asm as p                                       # noqa: E402
from zip_writer import torch_zip                             # noqa: E402

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
ALL = 2 ** 64 - 1


class Gguf:
    """Every field can be set; the rest is as ggml writes it."""

    def __init__(self, version=3, order="<"):
        self.version, self.order = version, order
        self.values, self.tensors, self.data = [], [], b""
        self.alignment = 32

    def pack(self, form, *numbers):
        return struct.pack(self.order + form, *numbers)

    def length(self, n):
        return self.pack("I" if self.version == 1 else "Q", n)

    def text(self, data, length=None):
        data = data.encode() if isinstance(data, str) else data
        return self.length(len(data) if length is None else length) + data

    def value(self, key, kind, data, key_length=None):
        self.values.append(self.text(key, key_length) +
                           self.pack("I", kind) + data)
        return self

    def tensor(self, name, dims, kind=0, data=b"", offset=None, rank=None,
               name_length=None):
        at = len(self.data) if offset is None else offset
        self.tensors.append(
            self.text(name, name_length) +
            self.pack("I", len(dims) if rank is None else rank) +
            b"".join(self.length(n) for n in dims) +
            self.pack("I", kind) + self.pack("Q", at))
        self.data += data + bytes(-len(data) % self.alignment)
        return self

    def bytes(self, tensors=None, values=None, magic=b"GGUF"):
        head = magic + self.pack("I", self.version) + self.length(
            len(self.tensors) if tensors is None else tensors) + self.length(
            len(self.values) if values is None else values)
        head += b"".join(self.values) + b"".join(self.tensors)
        return head + bytes(-len(head) % self.alignment) + self.data


def said(dtype, shape, data):
    return {"dtype": dtype, "shape": shape,
            "sha256": hashlib.sha256(data).hexdigest()}


class Out:
    def __init__(self, directory):
        self.directory = directory
        self.rows = []

    def add(self, name, what, data, expect, **more):
        data = data.bytes() if isinstance(data, Gguf) else data
        with open(os.path.join(self.directory, name + ".gguf"), "wb") as out:
            out.write(data)
        row = {"id": name, "file": name + ".gguf", "what": what,
               "expect": expect, "exit": {}, "code": None, "offset": None,
               "verdict": None, "names": [], "tensors": None}
        row.update(more)
        self.rows.append(row)

    def loads(self, name, what, data, tensors, verdict="clean", **more):
        self.add(name, what, data, "tensors", verdict=verdict,
                 tensors=tensors, exit={"scan": 0, "ls": 0}, **more)

    def refused(self, name, what, data, offset=None, **more):
        self.add(name, what, data, "refuse", offset=offset, **dict(
            {"code": "PFORK_E_FORMAT", "verdict": "undecided",
             "exit": {"scan": 2, "ls": 2}}, **more))

    def finish(self):
        with open(os.path.join(self.directory, "manifest.jsonl"), "w",
                  encoding="utf-8") as out:
            for row in self.rows:
                out.write(json.dumps(row) + "\n")


DATA = struct.pack("<6f", *range(6))
SAID = {"w": said("F32", [2, 3], DATA)}
UNSUPPORTED = {"code": "PFORK_E_UNSUPPORTED"}


def good(**more):
    return Gguf(**more).tensor("w", [3, 2], 0, DATA)


def header(out):
    out.refused("G1-magic", "bad magic", good().bytes(magic=b"FUGG"),
                **UNSUPPORTED)
    out.refused("G1-version-0", "version 0", good(version=0), 4,
                **UNSUPPORTED)
    out.loads("G1-version-1", "version 1, lengths of 32 bits",
              good(version=1).value("k", STRING, struct.pack("<I", 1) + b"v"),
              SAID)
    out.loads("G1-version-2", "version 2", good(version=2), SAID)
    out.refused("G1-version-4", "a version to come", good(version=4), 4,
                **UNSUPPORTED)
    for n in (2 ** 31, 2 ** 32, 2 ** 63, ALL):
        out.refused("G1-tensors-%d" % n, "so many tensors",
                    good().bytes(tensors=n), 8)
        out.refused("G1-values-%d" % n, "so many keys",
                    good().bytes(values=n), 8)
    out.loads("G1-empty", "nothing", Gguf(), {})
    big = Gguf(order=">").tensor("w", [3, 2], 0, struct.pack(">6f",
                                                             *range(6)))
    out.loads("G1-big", "big-endian", big, SAID)
    out.loads("G1-big-blocks", "blocks, big-endian: left out",
              Gguf(order=">").tensor("q", [32], 6, bytes(22)), {},
              names=["left out: q: blocks of this type in big-endian"])
    # More blocks than one piece holds.
    block = bytes(range(18))
    out.loads("G1-big-many", "10,000 blocks, big-endian", Gguf(
        order=">").tensor("q", [320000], 2, block * 10000), {
            "q": {"dtype": "Q4_0", "shape": [320000], "sha256": hashlib.sha256(
                (block[1::-1] + block[2:]) * 10000).hexdigest()}})


def values(out):
    out.refused("G2-key-size", "a key of 2^64 - 1 bytes",
                good().value("k", U8, b"\1", ALL), 24)
    out.refused("G2-key-empty", "an empty key", good().value("", U8, b"\1"),
                24)
    out.refused("G2-key-utf8", "a key that is not UTF-8",
                good().value(b"\xff", U8, b"\1"), 24)
    out.refused("G2-type", "an unknown type", good().value("k", 13, b"\1"),
                24)
    out.refused("G2-type-array", "an array of an unknown type",
                good().value("k", ARRAY, struct.pack("<IQ", 13, 1) + b"\1"))
    out.refused("G2-twice", "a key twice",
                good().value("k", U8, b"\1").value("k", U8, b"\1"), 38)
    for number in (0, 13, 2 ** 32 - 1):
        out.refused("G2-align-%d" % number, "an alignment of %d" % number,
                    good().value("general.alignment", U32,
                                 struct.pack("<I", number)), 24)
    out.refused("G2-align-type", "an alignment that is an i32",
                good().value("general.alignment", I32,
                             struct.pack("<i", 32)), 24)
    out.refused("G2-bool", "a bool of 2", good().value("k", BOOL, b"\2"), 24)
    out.refused("G2-bools", "an array of bools with a 2", good().value(
        "k", ARRAY, struct.pack("<IQ", BOOL, 2) + b"\0\2"), 24)
    for n in (2 ** 31, 2 ** 32, 2 ** 61, 2 ** 63, ALL):
        for kind in (U8, F64, STRING):
            out.refused("G2-array-%d-%d" % (kind, n),
                        "an array of so many", good().value(
                            "k", ARRAY, struct.pack("<IQ", kind, n)))
        out.refused("G2-string-%d" % n, "a string of so many bytes",
                    good().value("k", STRING, struct.pack("<Q", n)))
    deep = struct.pack("<IQ", ARRAY, 1) * 100000 + struct.pack("<IQ", U8, 0)
    out.refused("G2-deep", "100,000 arrays in arrays",
                good().value("k", ARRAY, deep), **UNSUPPORTED)
    out.loads("G2-nul", "a string and a key with a zero byte", good().value(
        "k\0", STRING, struct.pack("<Q", 3) + b"a\0b"), SAID)
    evil = b"{{ ''.__class__.__mro__[1].__subclasses__() }}"
    out.loads("G2-template", "a chat template", good().value(
        "tokenizer.chat_template", STRING,
        struct.pack("<Q", len(evil)) + evil), SAID,
        names=["chat template (Jinja2) of 46 bytes"])
    tokens = b"".join(struct.pack("<Q", 3) + b"%03x" % (i & 0xFFF)
                      for i in range(300000))
    out.loads("G2-tokens", "300,000 tokens", good().value(
        "tokens", ARRAY, struct.pack("<IQ", STRING, 300000) + tokens), SAID,
        args=["--scalars"])


def tensors(out):
    def one(row, what, at=24, more=None, **fields):
        out.refused(row, what, Gguf().tensor(**dict(
            {"name": "w", "dims": [3, 2], "kind": 0, "data": DATA},
            **fields)), at, **(more or {}))

    one("G3-name-65", "a name of 65 bytes", name="n" * 65)
    one("G3-name-size", "a name of 2^64 - 1 bytes", name_length=ALL)
    one("G3-rank-5", "5 dimensions", dims=[1] * 5)
    one("G3-rank-all", "2^32 - 1 dimensions", rank=2 ** 32 - 1)
    one("G3-negative", "a dimension of -1", dims=[ALL, ALL])
    out.loads("G3-zero", "a dimension of 0", Gguf().tensor(
        "w", [3, 0], 0, b"").tensor("x", [2], 24, b"ab"),
        {"w": said("F32", [0, 3], b""), "x": said("I8", [2], b"ab")})
    one("G3-elements", "too many elements", dims=[2 ** 33 - 4] * 2)
    one("G3-bytes", "too many bytes", dims=[1600000000] * 2, kind=27)
    for kind in (4, 5, 31, 32, 33, 36, 37, 38, 43, 2 ** 31, 2 ** 32 - 1):
        one("G3-type-%d" % kind, "a type that is none", dims=[256],
            kind=kind, more=UNSUPPORTED)
    one("G3-offset", "an offset of 2^64 - 1", offset=ALL)
    one("G3-unaligned", "an offset that is not aligned", offset=1)
    one("G3-hole", "a hole before the first", offset=32)
    one("G3-block", "a row that is no whole number of blocks",
        dims=[48, 2], kind=2)
    one("G3-block-rank-0", "a block without a dimension", dims=[], kind=2)
    out.loads("G3-rank-0", "no dimension", Gguf().tensor(
        "w", [], 0, b"abcd"), {"w": said("F32", [], b"abcd")})
    out.refused("G3-twice", "a name twice",
                good().tensor("w", [3, 2], 0, DATA), 65)
    out.refused("G3-overlap", "two tensors over one range",
                good().tensor("x", [3, 2], 0, DATA, offset=0), 65)
    tight = good().tensor("x", [3, 2], 0, DATA, offset=24)
    out.refused("G3-inconsistent", "placed without the alignment", tight, 65)
    fine = Gguf()
    fine.alignment = 1
    fine.value("general.alignment", U32, struct.pack("<I", 1))
    out.loads("G3-align-1", "an alignment of 1",
              fine.tensor("w", [3, 2], 0, DATA).tensor("x", [1], 24, b"a"),
              dict(SAID, x=said("I8", [1], b"a")))


def data(out):
    whole = good().bytes()
    out.loads("G4-no-padding", "no padding after the last tensor",
              whole[:-8], SAID)
    out.refused("G4-short", "one byte short of the last tensor", whole[:-9],
                24)
    out.loads("G4-tail", "bytes after the last tensor", whole + b"\0", SAID,
              "unusual", names=["bytes after"])
    huge = 0x7FFFFFFFFFFFFFC0
    out.refused("G4-overflow", "two sizes whose sum overflows",
                Gguf().tensor("w", [huge], 24, b"").tensor(
                    "x", [huge], 24, bytes(32), offset=huge))
    out.refused("G4-pad-overflow", "padding that overflows",
                Gguf().tensor("w", [2 ** 48], 24, b"").tensor(
                    "x", [1], 24, bytes(32), offset=2 ** 48), 24)
    many = Gguf()
    for i in range(50000):
        many.tensor("t%d" % i, [0], 0, b"")
    out.loads("G4-many", "50,000 tensors of nothing", many, None)
    out.add("G5-zip", "a checkpoint of torch's after the last tensor",
            whole + torch_zip(p.pickled(p.EMPTY_DICT), {}), "report",
            verdict="dangerous", exit={"scan": 1})


def main():
    out = Out(sys.argv[1])
    for part in (header, values, tensors, data):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
