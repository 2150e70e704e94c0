#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Torch zips whose tensors lie about themselves, with their manifest.

    tests/gen/gen_tensors.py OUTDIR

T-* are geometry, types, rebuild functions, names and arrays; B7 and B8 are
tensors that would be larger than any memory.  Every file also holds "good", a
tensor without fault, to see what a left-out neighbour does to it.  Python's
standard library only; the same bytes at every run."""

import hashlib
import json
import os
import struct
import sys

from pickle_asm import *            # noqa: F403 - an assembler
from zip_writer import torch_zip

DATA = struct.pack("<6f", 0.5, -1.0, 2.0, 3.25, -4.5, 6.0)
GOOD = torch_tensor("g")
UTILS = "torch._utils"


def tensor(dtype, shape, data):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(data).hexdigest()}


GOOD_ROW = {"good": tensor("F32", (2, 3), DATA)}


def where(data, op):
    """Where in the file the last opcode of op stands (a call's REDUCE)."""
    at = data.index(op)
    assert data.find(op, at + 1) < 0
    return at + len(op) - 1


class Out:
    def __init__(self, path):
        self.path = path
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def write(self, ident, data, row):
        name = ident + ".pt"
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)
        self.rows.append({"id": ident, "file": name, **row})

    def zip(self, entries, storages=None, **o):
        return torch_zip(torch_pickle({"good": GOOD, **entries}),
                         {"g": DATA, "0": DATA, **(storages or {})}, **o)

    def refuse(self, ident, op, what, storages=None, at=False,
               code="PFORK_E_FORMAT", expect="refuse", verdict="undecided",
               names=(), **o):
        """The whole file is refused for the value that op pushes; at: the
        error stands at its last opcode."""
        data = self.zip({"t": op}, storages, **o)
        self.write(ident, data, {
            "what": what, "expect": expect,
            "exit": {"scan": 1 if verdict == "dangerous" else 2, "ls": 2},
            "code": code, "offset": where(data, op) if at else None,
            "verdict": verdict, "names": list(names), "tensors": None})

    def load(self, ident, entries, what, tensors, storages=None,
             verdict="clean", names=(), **o):
        """Loads, with these tensors beside the good one."""
        self.write(ident, self.zip(entries, storages, **o), {
            "what": what, "expect": "tensors",
            "exit": {"scan": 1 if verdict == "dangerous" else 0, "ls": 0},
            "code": None, "offset": None, "verdict": verdict,
            "names": list(names), "tensors": {**GOOD_ROW, **tensors}})

    def left_out(self, ident, op, what, why, tensors=None, verdict="unusual",
                 **o):
        """Loads without the tensor t, and says why."""
        self.load(ident, {"t": op}, what, tensors or {}, verdict=verdict,
                  names=["left out: t", why], **o)

    def finish(self):
        ids = [row["id"] for row in self.rows]
        assert len(ids) == len(set(ids)), "ids repeat"
        with open(os.path.join(self.path, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")


# The boundary table: name, value, and whether an offset, a size or a stride of
# a vector of two floats in a storage of six may be that.
BOUNDARY = [
    ("-2e63", -2**63, ""), ("-1", -1, ""), ("0", 0, "oz1"), ("1", 1, "oz1"),
    ("4", 4, "oz1"), ("5", 5, "z1"), ("6", 6, "z"), ("7", 7, ""),
    ("2e31", 2**31, ""), ("2e32-1", 2**32 - 1, ""), ("2e48", 2**48, ""),
    ("2e48+1", 2**48 + 1, ""), ("2e62", 2**62, ""), ("2e63-1", 2**63 - 1, ""),
    ("2e64", 2**64, ""), ("true", True, ""), ("float", 1.0, ""),
    ("text", "1", ""), ("none", None, ""), ("tuple", (1,), ""),
]


def floats(count, at=0, step=1):
    return b"".join(DATA[4 * (at + i * step):][:4] for i in range(count))


def boundaries(out):
    for name, x, ok in BOUNDARY:
        op = torch_tensor(size=(2,), offset=x)
        if "o" in ok:
            out.load("T-offset-" + name, {"t": op}, "an offset in bounds",
                     {"t": tensor("F32", (2,), floats(2, x))})
        else:
            out.refuse("T-offset-" + name, op, "an offset that cannot be")
        op = torch_tensor(size=(x,), stride=(1,))
        if "z" in ok:
            out.load("T-size-" + name, {"t": op}, "a size in bounds",
                     {"t": tensor("F32", (x,), floats(x))})
        else:
            out.refuse("T-size-" + name, op, "a size that cannot be")
        op = torch_tensor(size=(2,), stride=(x,))
        if "1" in ok:
            out.load("T-stride-" + name, {"t": op}, "a stride in bounds",
                     {"t": tensor("F32", (2,), floats(2, 0, x))})
        else:
            out.refuse("T-stride-" + name, op, "a stride that cannot be")


def geometry(out):
    one = {"t": tensor("F32", (1,) * 64, floats(1))}
    out.load("T-rank-0", {"t": torch_tensor(size=(), offset=5)}, "rank 0",
             {"t": tensor("F32", (), floats(1, 5))})
    out.load("T-rank-64", {"t": torch_tensor(size=(1,) * 64)}, "rank 64", one)
    for rank in (65, 10**6):
        out.left_out("T-rank-%d" % rank, torch_tensor(
            size=(1,) * rank, stride=(1,) * rank), "rank %d" % rank,
            "64 dimensions")
    out.refuse("T-lengths-short", torch_tensor(stride=(1,)),
               "fewer strides than sizes")
    out.refuse("T-lengths-long", torch_tensor(stride=(3, 3, 1)),
               "more strides than sizes")
    out.refuse("T-lengths-none", torch_tensor(size=(), stride=(1,)),
               "a stride for no size")
    out.load("T-span-exact", {"t": torch_tensor(size=(2, 2), stride=(4, 1))},
             "the last element is the storage's last",
             {"t": tensor("F32", (2, 2), floats(2) + floats(2, 4))})
    out.refuse("T-span-over", torch_tensor(size=(2, 2), stride=(5, 1)),
               "the last element is one behind the storage", at=True)
    out.refuse("T-span-offset", torch_tensor(offset=1),
               "all of it moved by one", at=True)
    for name, size, stride in (
            ("2e62x4", (2**46, 2**16), (0, 0)),
            ("2e31-squared", (2**31, 2**31), (2**31, 1)),
            ("3037000500", (3037000500, 3037000500), (0, 0)),
            ("2e48-squared", (2**48, 2**48), (0, 0)),
            ("stride-wraps", (3, 2), (2**63 - 1, 1)),
            ("sum-wraps", (2, 2, 2, 2), (2**62, 2**62, 2**62, 2**62))):
        op = torch_tensor(size=size, stride=stride)
        out.refuse("T-wrap-" + name, op, "a product that wraps")
    out.refuse("T-wrap-offset", torch_tensor(size=(1,), offset=2**62),
               "an offset whose bytes wrap")
    out.load("T-empty-wild", {"t": torch_tensor(
        size=(0, 5), stride=(2**62, 2**61), offset=2**60)},
        "no elements, wild strides and offset",
        {"t": tensor("F32", (0, 5), b"")})
    out.load("T-empty-inner", {"t": torch_tensor(
        size=(2**20, 0, 2**20), stride=(2**62, 1, 1))},
        "no elements between large dimensions",
        {"t": tensor("F32", (2**20, 0, 2**20), b"")})
    out.refuse("T-empty-wraps", torch_tensor(
        size=(2**40, 0, 2**40), stride=(2**62, 1, 1)),
        "no elements, and the other dimensions wrap")
    out.refuse("T-empty-negative", torch_tensor(size=(0, -1), stride=(1, 1)),
               "no elements and a negative size")
    out.load("T-overlap", {"t": torch_tensor(size=(2, 2), stride=(1, 1))},
             "strides that overlap",
             {"t": tensor("F32", (2, 2), floats(2) + floats(2, 1))})
    out.load("T-list-size", {"t": torch_tensor(
        size=[2], stride=[1])}, "size and stride as lists",
        {"t": tensor("F32", (2,), floats(2))})
    out.load("T-torch-size", {"t": torch_tensor(size=Raw(
        call("torch", "Size", ((2, 3),))), stride=(3, 1))},
        "a torch.Size as size", {"t": tensor("F32", (2, 3), DATA)})
    out.refuse("T-size-dict", torch_tensor(size={1: 2}, stride=(1,)),
               "a dict as size")
    out.left_out("T-size-opaque", torch_tensor(size=Raw(
        call("mystery", "Shape", (2,))), stride=(1,)),
        "a size that only a class knows", "shape")


def storages(out):
    good = {"a": tensor("F32", (2, 3), DATA)}
    longer = DATA + b"\0" * 8
    two = {"a": torch_tensor(), "t": torch_tensor(dtype_storage="IntStorage")}
    data = out.zip(two)
    out.write("T-key-two-dtypes", data, {
        "what": "one storage declared as floats and as ints",
        "expect": "refuse", "exit": {"scan": 2, "ls": 2},
        "code": "PFORK_E_FORMAT", "offset": None, "verdict": "undecided",
        "names": [], "tensors": None})
    data = out.zip({"a": torch_tensor(numel=6), "t": torch_tensor(numel=5,
                                                                  size=(2,))})
    out.write("T-key-two-numels", data, {
        "what": "one storage declared with six elements and with five",
        "expect": "refuse", "exit": {"scan": 2, "ls": 2},
        "code": "PFORK_E_FORMAT", "offset": None, "verdict": "undecided",
        "names": [], "tensors": None})
    out.load("T-key-twice", {"a": torch_tensor(), "b": torch_tensor()},
             "two tensors on one storage, alike",
             {**good, "b": good["a"]})
    out.load("T-record-long", {"a": torch_tensor()},
             "a record of 8 bytes more than declared", good, {"0": longer},
             verdict="unusual", names=["longer than declared"])
    out.refuse("T-record-short", torch_tensor(), "a record one byte short",
               {"0": DATA[:-1]}, at=True)
    out.load("T-record-short-unused", {"t": torch_tensor(size=(5,))},
             "a record one byte short of what no tensor needs",
             {"t": tensor("F32", (5,), DATA[:20])}, {"0": DATA[:-1]})
    out.refuse("T-record-empty", torch_tensor(), "an empty record",
               {"0": b""}, at=True)
    out.refuse("T-record-missing", torch_tensor("9"), "no record")
    out.load("B7-numel-2e60", {"t": torch_tensor(numel=2**60, size=(6,))},
             "a claim of 2^60 elements on 24 bytes",
             {"t": tensor("F32", (6,), DATA)})
    out.refuse("B7-size-2e40", torch_tensor(numel=2**60, size=(2**40,)),
               "2^40 elements of 24 bytes", at=True)
    out.refuse("T-numel-2e62", torch_tensor(numel=2**62),
               "2^62 floats: the bytes wrap")
    for name, numel in (("negative", -1), ("2e63", 2**63), ("2e64", 2**64)):
        out.refuse("T-numel-" + name, torch_tensor(numel=numel),
                   "a number of elements that cannot be")
    for name, place in (("cuda", "cuda:99"), ("long", "c" * 10**6)):
        out.load("T-location-" + name,
                 {"a": torch_tensor(location=place)},
                 "a location that does not matter", good)
    out.left_out("T-location-meta", torch_tensor("9", location="meta"),
                 "a storage on the meta device", "meta")
    out.left_out("T-class-new", torch_tensor(dtype_storage="NewStorage"),
                 "a storage class of tomorrow", "storage class")
    out.refuse("T-class-function", torch_tensor(dtype_storage="save"),
               "a function in the place of the storage class",
               verdict="dangerous", names=["torch.save"])
    out.refuse("T-storage-int", torch_tensor(storage=value(5)),
               "an int in the place of the storage")
    out.left_out("T-storage-opaque", torch_tensor(storage=call(
        "mystery", "Storage", (1,))), "a storage that only a class knows",
        "storage")
    untyped = torch_storage("0", "UntypedStorage", 24, module="torch.storage")
    out.load("T-untyped-v2", {"t": torch_tensor(storage=untyped, size=(24,))},
             "bytes seen as bytes", {"t": tensor("U8", (24,), DATA)})
    out.load("T-bare-storage", {"t": torch_storage(), "u": torch_storage(
        "u", "UntypedStorage", 3, module="torch.storage")},
        "storages that stand alone",
        {"t": tensor("F32", (6,), DATA), "u": tensor("U8", (3,), b"abc")},
        {"u": b"abc"})


def bombs(out):
    out.refuse("B8-expand-2e40", torch_tensor(size=(2**40,), stride=(0,)),
               "one element expanded to 2^40", code="PFORK_E_LIMIT",
               expect="limit")
    out.load("B8-expand-100", {"t": torch_tensor(size=(100,), stride=(0,))},
             "one element expanded to a hundred",
             {"t": tensor("F32", (100,), floats(1) * 100)})
    view = torch_tensor("big", numel=2**18, size=(2**18,))
    out.write("B7-views", torch_zip(torch_pickle(
        {"t%d" % i: view for i in range(20000)}), {"big": b"\0" * 2**20}), {
            "what": "20,000 tensors that are each the whole storage",
            "expect": "limit", "exit": {"scan": 2, "ls": 2},
            "code": "PFORK_E_LIMIT", "offset": None, "verdict": "undecided",
            "names": [], "tensors": None})


def main():
    import tensor_names
    import tensor_words
    out = Out(sys.argv[1])
    for part in (boundaries, geometry, storages, bombs,
                 *tensor_words.PARTS, *tensor_names.PARTS):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
