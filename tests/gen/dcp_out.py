# SPDX-License-Identifier: Apache-2.0
"""Distributed checkpoints of PyTorch, written by hand with every part of them
replaceable: .metadata and its data files, in the words of torch 2.13
(torch/distributed/checkpoint/metadata.py, filesystem.py).  Standard library
only."""

import hashlib
import itertools
import json
import os
import struct

from pickle_asm import *            # noqa: F403 - an assembler
from zip_writer import torch_zip

METADATA = "torch.distributed.checkpoint.metadata"
FILESYSTEM = "torch.distributed.checkpoint.filesystem"
EVIL = Raw(call("os", "system", proto=4))
FORMAT, UNSUPPORTED = "PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"
LIMIT = "PFORK_E_LIMIT"


def row_of(dtype, shape, data):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(data).hexdigest()}


def obj(module, name, state, how=NEWOBJ):
    """An instance with these attributes; a dict, or what value() takes."""
    built = b"" if state is None else value(state, 4) + BUILD
    return Raw(glob(module, name, 4) + EMPTY_TUPLE + how + built)


def size(numbers):
    return Raw(glob("torch", "Size", 4) + MARK + value(tuple(numbers), 4)
               + TUPLE + REDUCE)


def attributes(o, **standard):
    """The standard ones, changed by what o says; None leaves one out."""
    named = {**standard, **{k: v for k, v in o.items() if k in standard}}
    return {k: v for k, v in named.items() if v is not None}


def properties(**o):
    layout = Raw(call("torch.serialization", "_get_layout",
                      (o.get("layout", "torch.strided"),), 4))
    memory = Raw(call(METADATA, "_MEM_FORMAT_ENCODING", (0,), 4))
    state = (Raw(glob("torch", o.get("dtype", "float32"), 4)), layout, False,
             memory, False)
    return obj(METADATA, "TensorProperties", o.get("properties_state", state))


def chunk(start, shape, **o):
    return obj(METADATA, "ChunkStorageMetadata", attributes(
        o, offsets=size(start), sizes=size(shape)))


def tensor(shape, boxes, **o):
    """boxes: (start, size) each."""
    return obj(METADATA, "TensorStorageMetadata", attributes(
        o, properties=properties(**o), size=size(shape),
        chunks=[chunk(*box) for box in boxes]))


def plain():
    return obj(METADATA, "BytesStorageMetadata", None)


def index(name, start=None, number=0, **o):
    return obj(METADATA, "MetadataIndex", attributes(
        o, fqn=name, index=number,
        offset=None if start is None else size(start)))


def stored(path, offset, length, **o):
    return obj(FILESYSTEM, "_StorageInfo", {**attributes(
        o, relative_path=path, offset=offset, length=length),
        **o.get("more", {})})


def metadata(tensors, storage, **o):
    """tensors: {name: value}; storage: [(index, info)]."""
    state = attributes(
        o, state_dict_metadata=dict(tensors), planner_data={},
        storage_data=dict(storage), version="1.0.0",
        storage_meta=obj(METADATA, "StorageMeta", {"modules": []}))
    body = obj(METADATA, "Metadata", {**state, **o.get("more", {})}).pickle
    return pickled(body, 4) + o.get("after", b"")


def archive(data, shape, **o):
    """What torch.save writes for a tensor of floats."""
    numel = len(data) // 4
    root = o.get("root") or torch_tensor(numel=numel, size=tuple(shape))
    return torch_zip(pickled(root, 2), {"0": data})


def value_archive(root):
    return torch_zip(pickled(root, 2), {})


def cut(shape, data, start, box):
    """The box's floats, in C order."""
    strides = contiguous(shape)
    at = [sum((a + b) * s for a, b, s in zip(start, i, strides))
          for i in itertools.product(*(range(n) for n in box))]
    return b"".join(data[4 * i:4 * i + 4] for i in at)


def floats(count):
    return struct.pack("<%df" % count, *range(1, count + 1))


class Set:
    """One checkpoint: tensors are added, each box into the file that is named
    with it, and it is written under DIR/IDENT."""

    def __init__(self):
        self.tensors = {}
        self.storage = []
        self.files = {}
        self.rows = {}

    def put(self, name, data):
        """(offset, length) of these bytes at the end of the file."""
        have = self.files.setdefault(name, b"")
        self.files[name] = have + data
        return len(have), len(data)

    def tensor(self, name, shape, boxes, **o):
        """boxes: (file, start, size) each."""
        count = 1
        for n in shape:
            count *= n
        data = floats(count)
        for number, (file, start, box) in enumerate(boxes):
            place = self.put(file, archive(cut(shape, data, start, box), box,
                                           **o))
            self.storage.append((index(name, start, number),
                                 stored(file, *place)))
        self.tensors[name] = tensor(shape, [b[1:] for b in boxes], **o)
        self.rows[name] = row_of("F32", shape, data)
        return self

    def plain(self, name, file, root=None):
        place = self.put(file, value_archive(root or value({"lr": 1})))
        self.tensors[name] = plain()
        self.storage.append((index(name, None, None), stored(file, *place)))
        return self


class Out:
    def __init__(self, path):
        self.path = path
        self.rows = []

    def write(self, ident, files, row):
        os.makedirs(os.path.join(self.path, ident), exist_ok=True)
        for name, data in files.items():
            with open(os.path.join(self.path, ident, name), "wb") as f:
                f.write(data)
        self.rows.append({"id": "dcp-" + ident, "offset": None, "names": [],
                          "tensors": None, "code": None, **row})

    def set(self, ident, what, s, expect, verdict, files=None, **row):
        """s: a Set; metadata: in place of its own."""
        text = row.pop("metadata", None)
        if text is None:
            text = metadata(s.tensors, s.storage)
        scan = {"dangerous": 1, "undecided": 2}.get(verdict, 0)
        self.write(ident, {**s.files, **(files or {}), ".metadata": text}, {
            "file": ident + "/.metadata", "what": what, "expect": expect,
            "exit": {"scan": scan}, "verdict": verdict, **row})

    def load(self, ident, what, s, verdict="clean", **row):
        row.setdefault("tensors", s.rows)
        self.set(ident, what, s, "tensors", verdict, **row)

    def refuse(self, ident, what, s, verdict="undecided", code=FORMAT, **row):
        """.metadata alone is wrong."""
        expect = "limit" if code == LIMIT else "refuse"
        self.set(ident, what, s, expect, verdict, code=code, **row)

    def apart(self, ident, what, s, code=FORMAT, **row):
        """.metadata and its files contradict one another."""
        self.set(ident, what, s, "report", "undecided", code=code,
                 between_files=True, **row)

    def file(self, ident, what, data, expect="tensors", verdict="clean",
             **row):
        """A data file alone."""
        row.setdefault("exit", {"scan": 1 if verdict == "dangerous" else 0})
        self.write(ident, {"__0_0.distcp": data}, {
            "file": ident + "/__0_0.distcp", "what": what, "expect": expect,
            "verdict": verdict, **row})

    def close(self):
        ids = [row["id"] for row in self.rows]
        assert len(ids) == len(set(ids)), "ids repeat"
        with open(os.path.join(self.path, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")
