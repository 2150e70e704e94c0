# SPDX-License-Identifier: Apache-2.0
"""What the generators of torch's older formats share: rows, and the legacy
stream with every part of it replaceable.  Standard library only."""

import hashlib
import json
import os
import struct

from pickle_asm import *            # noqa: F403 - an assembler

DATA = struct.pack("<6f", 0.5, -1.0, 2.0, 3.25, -4.5, 6.0)
EVIL = call("os", "system")
MAGIC = 0x1950a86a20f9469cfc6c


def tensor(dtype, shape, data):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(data).hexdigest()}


GOOD_ROW = {"good": tensor("F32", (2, 3), DATA)}


class Out:
    def __init__(self, path, suffix):
        self.path = path
        self.suffix = suffix
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def write(self, ident, data, row, suffix=None):
        name = ident + (suffix or self.suffix)
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)
        self.rows.append({"id": ident, "file": name, **row})

    def refuse(self, ident, data, what, at=None, verdict="undecided",
               names=(), code="PFORK_E_FORMAT", expect="refuse", **o):
        self.write(ident, data, {
            "what": what, "expect": expect,
            "exit": {"scan": 1 if verdict == "dangerous" else 2, "ls": 2},
            "code": code, "offset": at, "verdict": verdict,
            "names": list(names), "tensors": None}, **o)

    def load(self, ident, data, what, tensors=None, verdict="clean",
             names=(), **o):
        self.write(ident, data, {
            "what": what, "expect": "tensors",
            "exit": {"scan": 1 if verdict == "dangerous" else 0, "ls": 0},
            "code": None, "offset": None, "verdict": verdict,
            "names": list(names), "tensors": tensors}, **o)

    def close(self):
        with open(os.path.join(self.path, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")
        print("%d cases" % len(self.rows))


def legacy_storage(key="0", storage="FloatStorage", numel=6, view=None,
                   location="cpu", module="torch"):
    """The six-part persistent id, loaded; numel, key and view may be anything
    that value() takes."""
    return MARK + BINUNICODE("storage") + GLOBAL(module, storage) \
        + value(key) + value(location) + value(numel) + value(view) + TUPLE \
        + BINPERSID


def legacy_tensor(key="0", **o):
    parts = {n: o.pop(n) for n in ("storage", "numel", "view", "location",
                                   "module") if n in o}
    return torch_tensor(storage=legacy_storage(key, **parts), **o)


SYSTEM = {"protocol_version": 1001, "little_endian": True,
          "type_sizes": {"short": 2, "int": 4, "long": 4}}


def record(data=DATA, width=4, count=None):
    """A storage's record: its count of elements, and the elements."""
    if count is None:
        count = len(data) // width
    return struct.pack("<Q", count) + data


def legacy(entries=None, keys=("0",), records=None, **o):
    """A legacy stream.  entries: {name: opcodes}; magic, version, system,
    object, list: opcodes in place of the five values; between: bytes before
    the records; after: bytes at the end."""
    proto = o.get("proto", 2)
    if entries is None:
        entries = {"good": legacy_tensor()}
    parts = [o.get("magic", LONG1(MAGIC) if proto >= 2 else
                   LONG("%dL" % MAGIC)),
             o.get("version", integer(1001, proto)),
             o.get("system", value(SYSTEM, proto)),
             o.get("object", state_dict(entries)),
             o.get("list", value(list(keys), proto))]
    return b"".join(pickled(p, proto) for p in parts if p is not None) \
        + o.get("between", b"") \
        + b"".join([record()] if records is None else records) \
        + o.get("after", b"")
