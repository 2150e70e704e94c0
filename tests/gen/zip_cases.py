# SPDX-License-Identifier: Apache-2.0
"""What the zip attacks are made of: one small checkpoint, its honest tensors,
and the rows of the manifest."""
import hashlib
import json
import os
import struct

import pickle_asm as p
from zip_writer import Zip, torch_records, torch_zip_open

W = struct.pack("<6f", *range(6))
B = struct.pack("<4q", 1, -2, 3, -4)
PICKLE = p.torch_pickle({
    "w": p.torch_tensor("0", "FloatStorage", 6, (2, 3)),
    "b": p.torch_tensor("1", "LongStorage", 4, (4,))})
EVIL = p.pickled(p.call("os", "system"), 2)
STORAGES = {"0": W, "1": B}


def tensor(dtype, shape, data):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(data).hexdigest()}


GOOD = {"w": tensor("F32", (2, 3), W), "b": tensor("I64", (4,), B)}
FORMAT, UNSUPPORTED = "PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"
LIMIT = "PFORK_E_LIMIT"


class Out:
    def __init__(self, folder):
        self.folder, self.rows, self.ids = folder, [], set()
        os.makedirs(folder, exist_ok=True)

    def row(self, ident, what, data, **more):
        assert ident not in self.ids, ident
        self.ids.add(ident)
        name = ident + more.pop("suffix", ".pt")
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)
        base = {"id": ident, "file": name, "what": what, "code": None,
                "offset": None, "names": [], "tensors": None}
        base.update(more)
        self.rows.append(base)

    def refuse(self, ident, what, data, offset=None, code=FORMAT, twice=False,
               **more):
        """twice: other readers would see another archive."""
        self.row(ident, what, data, expect="refuse", code=code, offset=offset,
                 exit={"scan": 1 if twice else 2, "ls": 2},
                 verdict="dangerous" if twice else "undecided", **more)

    def loads(self, ident, what, data, verdict="clean", tensors=None, **more):
        self.row(ident, what, data, expect="tensors", verdict=verdict,
                 exit={"scan": 1 if verdict == "dangerous" else 0, "ls": 0},
                 tensors=GOOD if tensors is None else tensors, **more)

    def limit(self, ident, what, data, **more):
        self.row(ident, what, data, expect="limit", code=LIMIT,
                 exit={"scan": 2, "ls": 2}, verdict="undecided", **more)

    def finish(self):
        with open(os.path.join(self.folder, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row, sort_keys=True) + "\n")


# data/0 is member 4 of torch's archive, in the order of torch_records.
PKL, STORAGE0, STORAGE1 = 0, 4, 5


def torch(over=None, finish=None, style="torch", prefix=b"", pickle=PICKLE,
          storages=None, **o):
    """(Zip, bytes); over: overrides of data/0 alone."""
    return torch_zip_open(pickle, STORAGES if storages is None else storages,
                          {"data/0": over} if over else None, finish, style,
                          prefix, **o)


def archive(records, style="torch", finish=None, **o):
    """(Zip, bytes) of (name, bytes[, overrides]) as they are."""
    z = Zip(style, **o)
    for name, data, *over in records:
        z.add(name, data, **(over[0] if over else {}))
    return z, z.finish(**(finish or {}))


def records(**o):
    return torch_records(PICKLE, STORAGES, **o)
