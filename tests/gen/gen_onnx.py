#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ONNX models that lie, with their manifest.

    tests/gen/gen_onnx.py OUTDIR

Written to onnx/onnx.proto3 and protobuf's encoding by hand.  Python's standard
library only; the same bytes at every run."""
import hashlib
import json
import os
import struct
import sys

BIG = (2 ** 31, 2 ** 32, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1)


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def data(field, b, length=None):
    b = b.encode() if isinstance(b, str) else b
    return varint(field << 3 | 2) + varint(
        len(b) if length is None else length) + b


def tensor(name, dims, kind, *fields):
    return b"".join(number(1, d) for d in dims) + number(2, kind) + \
        data(8, name) + b"".join(fields)


def raw(b):
    return data(9, b)


def graph(*tensors, more=b""):
    return b"".join(data(5, t) for t in tensors) + data(2, "g") + more


def model(g, more=b""):
    return number(1, 10) + data(2, "made") + data(7, g) + data(
        8, number(2, 21)) + more


DATA = struct.pack("<6f", 0.5, -1.0, 2.0, 3.25, -4.5, 6.0)
GOOD = tensor("good", (2, 3), 1, raw(DATA))


def row(dtype, shape, b):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(b).hexdigest()}


class Out:
    def __init__(self, path):
        self.path = path
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def write(self, ident, b, what, expect, code, verdict="undecided",
              tensors=None, names=(), **more):
        name = "onnx-" + ident + ".onnx"
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(b)
        done = expect == "tensors"
        bad = 1 if verdict == "dangerous" else 0 if done else 2
        ends = {"scan": bad, "ls": 0 if done else 2}
        self.rows.append({
            "id": name[:-5], "file": name, "what": what, "expect": expect,
            "exit": {} if expect == "report" else ends,
            "code": code, "offset": None, "verdict": verdict,
            "names": list(names), "tensors": tensors, **more})

    def refuse(self, ident, t, what):
        self.write(ident, model(graph(GOOD, t)), what, "refuse",
                   "PFORK_E_FORMAT")

    def good(self, ident, b, what, more=None, **o):
        self.write(ident, b, what, "tensors", None, o.pop("verdict", "clean"),
                   {"good": row("F32", (2, 3), DATA), **(more or {})}, **o)

    def left_out(self, ident, t, what):
        self.good(ident, model(graph(GOOD, t)), what,
                  names=("left out: a",))


def tensors(out):
    for n in BIG:
        out.refuse("dim-%x" % n, tensor("a", (n,), 1, raw(DATA)),
                   "a dimension of %d" % n)
        out.refuse("dims-%x" % n, tensor("a", (n, 4), 1, raw(DATA)),
                   "a product that wraps")
    out.refuse("short", tensor("a", (2, 3), 1, raw(DATA[:-1])), "a byte less")
    out.refuse("long", tensor("a", (2, 3), 1, raw(DATA + b"\0")),
               "a byte more")
    out.refuse("none", tensor("a", (2, 3), 1), "no data")
    out.refuse("two-raws", tensor("a", (2, 3), 1, raw(DATA), raw(DATA)),
               "raw_data twice")
    out.refuse("raw-and-floats", tensor("a", (2, 3), 1, raw(DATA),
               data(4, DATA)), "raw_data and float_data")
    out.refuse("two-names", tensor("a", (2, 3), 1, raw(DATA), data(8, "b")),
               "two names")
    out.refuse("other-field", tensor("a", (6,), 6, data(4, DATA)),
               "an int32 tensor in float_data")
    out.refuse("floats-cut", tensor("a", (2, 3), 1, data(4, DATA[:-1])),
               "float_data of 23 bytes")
    out.refuse("floats-few", tensor("a", (2, 3), 1, data(4, DATA[:-4])),
               "five floats of six")
    out.refuse("floats-many", tensor("a", (2, 3), 1, data(4, DATA + DATA)),
               "twelve floats of six")
    out.refuse("int8-range", tensor("a", (1,), 3, data(5, varint(256))),
               "an int8 of 256")
    out.refuse("int32-range", tensor("a", (1,), 6, data(5, varint(2 ** 32))),
               "an int32 of 2^32")
    out.refuse("bool-range", tensor("a", (1,), 9, data(5, varint(2))),
               "a bool of 2")
    out.refuse("varint-11", tensor("a", (1,), 7, data(7, b"\xff" * 10 +
               b"\1")), "a varint of 11 bytes")
    out.refuse("varint-wide", tensor("a", (1,), 7, data(7, b"\xff" * 9 +
               b"\2")), "a varint of 65 bits")
    out.refuse("name", tensor(b"\xff", (2, 3), 1, raw(DATA)),
               "a name that is not UTF-8")
    out.left_out("type-0", tensor("a", (2, 3), 0, raw(DATA)), "type 0")
    out.left_out("type-29", tensor("a", (2, 3), 29, raw(DATA)), "type 29")
    out.left_out("type-big", tensor("a", (2, 3), 2 ** 63, raw(DATA)),
                 "type 2^63")
    out.left_out("text", tensor("a", (1,), 8, data(6, "x")), "text")
    out.left_out("segment", tensor("a", (2, 3), 1, data(3, b""), raw(DATA)),
                 "a segment")
    out.left_out("rank-65", tensor("a", (1,) * 65, 3, raw(b"x")),
                 "65 dimensions")


def layouts(out):
    minus = varint(2 ** 64 - 1)
    out.good("packed-dims", model(graph(GOOD, data(1, b"\2\1") + tensor(
        "a", (), 3, raw(b"xy")))), "packed dims",
        {"a": row("I8", (2, 1), b"xy")})
    out.good("unpacked", model(graph(GOOD, tensor("a", (3,), 5,
             number(5, 7), data(5, minus + varint(8))))),
             "one value alone, two packed",
             {"a": row("I16", (3,), b"\7\0\xff\xff\x08\0")})
    out.good("two-runs", model(graph(GOOD, tensor("a", (2, 3), 1,
             data(4, DATA[:8]), data(4, DATA[8:])))), "floats in two runs",
             {"a": row("F32", (2, 3), DATA)})
    out.good("nibbles", model(graph(GOOD, tensor("a", (3,), 22,
             data(5, varint(0x21) + varint(3))))), "three int4",
             {"a": row("I4", (3,), b"\x21\3")})
    out.good("empty", model(graph(GOOD, tensor("a", (0, 2), 1))),
             "no elements", {"a": row("F32", (0, 2), b"")})
    out.good("twice", model(graph(GOOD, GOOD)), "two of one name",
             {"good~2": {}})
    six = bytes(range(6))
    out.good("six", model(graph(GOOD, tensor("a", (8,), 27, raw(six)))),
             "packed 6-bit elements", {"a": row("F6_E2M3", (8,), six)})


def far(out):
    """Elements in another file: 24 bytes of "w.bin", which has 64."""
    with open(os.path.join(out.path, "w.bin"), "wb") as f:
        f.write(DATA + bytes(40))

    def entry(key, value):
        return data(13, data(1, key) + data(2, value))

    def there(location="w.bin", offset=None, length=None, more=b"",
              dims=(2, 3)):
        pairs = {"location": location, "offset": offset, "length": length}
        return tensor("a", dims, 1, b"".join(
            entry(k, v) for k, v in pairs.items() if v is not None),
            number(14, 1), more)

    def loads(ident, what, t, a, **o):
        out.good("external-" + ident, model(graph(GOOD, t)), what, {
            "a": row("F32", (2, 3), a)}, **o)

    def refuse(ident, what, t, **o):
        out.write("external-" + ident, model(graph(GOOD, t)), what,
                  o.pop("expect", "refuse"), o.pop("code", "PFORK_E_FORMAT"),
                  **o)

    loads("plain", "24 bytes of a file", there(offset="0", length="24"), DATA)
    loads("middle", "from byte 40 on", there(offset="40", length="24"),
          bytes(24))
    loads("default", "no offset and no length", there(), DATA)
    loads("other-keys", "keys that tell more", there(more=entry(
        "checksum", "x") + entry("basepath", "/x") + entry("new", "1")), DATA)
    out.good("external-deeper", model(graph(GOOD, there("sub/w.bin"))),
             "a file of a directory below", names=("left out: a",))
    for ident, where in (("up", "../../etc/passwd"), ("root", "/etc/passwd"),
                         ("back", "..\\w.bin"), ("dots", ".."),
                         ("inside", "x/../w.bin")):
        refuse(ident, "data in %r" % where, there(where),
               verdict="dangerous", names=("onnx: ",))
    for ident, where in (("empty", ""), ("dot", "."), ("long", "x" * 256),
                         ("drive", "c:\\w.bin")):
        refuse(ident, "data in %r" % where[:20], there(where))
    refuse("nul", "a NUL in the name", there("w.bin\0"),
           verdict="dangerous")
    refuse("nowhere", "no location", there(None, "0", "24"))
    refuse("missing", "a file that is not there", there("no-such"),
           expect="report", code="PFORK_E_SYSTEM")
    refuse("itself", "the model's own bytes", there("onnx-external-itself"
           ".onnx", "0", "24"), expect="report", code=None,
           verdict=["clean", "undecided"])
    for ident, offset, length in (
            ("end", "41", "24"), ("beyond", "65", "24"),
            ("far", str(2 ** 62), "24")):
        refuse(ident, "bytes that the file does not have",
               there(offset=offset, length=length), expect="report",
               between_files=True)
    for n in BIG + (2 ** 64, 10 ** 40):
        if n < 2 ** 63 - 24:
            refuse("offset-%x" % n, "an offset of %d" % n,
                   there(offset=str(n)), expect="report", between_files=True)
        else:
            refuse("offset-%x" % n, "an offset of %d" % n,
                   there(offset=str(n)))
        refuse("length-%x" % n, "a length of %d" % n, there(length=str(n)))
    for ident, text in (("minus", "-1"), ("plus", "+1"), ("blank", " 1"),
                        ("none", ""), ("hex", "0x1"), ("score", "1_0"),
                        ("arabic", "\u0661")):
        refuse("number-" + ident, "an offset of %r" % text,
               there(offset=text))
    for n in (0, 23, 25, 64):
        refuse("long-%d" % n, "a length of %d for 24 bytes" % n,
               there(length=str(n)))
    refuse("twice", "two locations", there(more=entry("location", "v")))
    refuse("raw", "raw_data as well", there(more=raw(DATA)))
    refuse("floats", "float_data as well", there(more=data(4, DATA)))
    refuse("dim", "a dimension of 2^62", there(dims=(2 ** 62, 8)))


def nested(levels, inner):
    for _ in range(levels):
        attribute = data(1, "g") + data(6, inner)
        inner = data(1, data(3, "n") + data(5, attribute))
    return inner


def models(out):
    whole = model(graph(GOOD))
    out.write("trailing", whole + b"\0", "a byte after the model", "refuse",
              "PFORK_E_UNSUPPORTED")
    out.write("cut", whole[:-1], "a byte short", "refuse",
              "PFORK_E_UNSUPPORTED")
    out.write("two-graphs", model(graph(GOOD), data(7, graph(GOOD))),
              "two graphs", "refuse", "PFORK_E_FORMAT")
    out.write("no-graph", number(1, 10) + data(8, number(2, 21)),
              "no graph", "refuse", "PFORK_E_UNSUPPORTED")
    out.write("text-file", b"not a model", "text under the suffix", "refuse",
              "PFORK_E_UNSUPPORTED")
    for n in BIG:
        out.write("length-%x" % n, model(graph(GOOD, more=data(
            5, b"", n))), "a tensor of %d bytes" % n, "refuse",
            ["PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"])
    out.write("group", model(graph(GOOD, tensor("a", (2, 3), 1, raw(DATA),
              b"\xa3\1\xa4\1"))), "a group", "refuse", "PFORK_E_FORMAT")
    out.write("field-0", model(graph(GOOD, tensor("a", (2, 3), 1, raw(DATA),
              b"\0\0"))), "field 0", "refuse", "PFORK_E_FORMAT")
    inner = graph(tensor("w", (1,), 3, raw(b"x")))
    out.good("nested-200", model(graph(GOOD, more=nested(200, inner))),
             "graphs 200 deep", {".".join(["n.g"] * 200 + ["w"]): {}})
    out.write("nested-2000", model(graph(GOOD, more=nested(2000, inner))),
              "graphs 2,000 deep", "limit", "PFORK_E_LIMIT")


def main():
    out = Out(sys.argv[1])
    tensors(out)
    layouts(out)
    far(out)
    models(out)
    with open(os.path.join(out.path, "manifest.jsonl"), "w") as f:
        for r in out.rows:
            f.write(json.dumps(r) + "\n")


if __name__ == "__main__":
    main()
