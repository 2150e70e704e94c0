#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Indexes of shards that lie, and one that does not, with their manifest.

    tests/gen/gen_hf_index.py OUTDIR

Python's standard library only; the same bytes at every run."""
import hashlib
import json
import os
import struct
import sys


class Out:
    def __init__(self, path):
        self.path = path
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def put(self, name, data):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)

    def row(self, ident, text, what, expect="refuse", code="PFORK_E_FORMAT",
            verdict="undecided", names=(), tensors=None, **more):
        name = "index-%s.index.json" % ident
        self.put(name, text if isinstance(text, bytes) else text.encode())
        ends = {"dangerous": 1, "clean": 0, "undecided": 2}[verdict]
        self.rows.append({
            "id": "index-" + ident, "file": name, "what": what,
            "expect": expect, "exit": {"scan": ends}, "code": code,
            "offset": None, "verdict": verdict, "names": list(names),
            "tensors": tensors, **more})


def shard(name, data):
    header = json.dumps({name: {"dtype": "U8", "shape": [len(data)],
                                "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def index(**files):
    return json.dumps({"metadata": {"total_size": 8}, "weight_map": files})


def main():
    out = Out(sys.argv[1])
    out.put("shard-1", shard("a", b"abcd"))
    out.put("shard-2", shard("b", b"efgh"))
    good = {n: {"dtype": "U8", "shape": [4], "sha256": hashlib.sha256(
        d).hexdigest()} for n, d in (("a", b"abcd"), ("b", b"efgh"))}
    out.row("good", index(a="shard-1", b="shard-2"), "two shards", "tensors",
            None, "clean", tensors=good)
    for ident, where in (
            ("up", "../shard-1"), ("root", "/etc/passwd"), ("dots", ".."),
            ("dot", "."), ("slash", "sub/shard-1"), ("back", "..\\shard-1"),
            ("nul", "shard-1\0"), ("empty", ""), ("long", "x" * 256)):
        out.row(ident, index(a=where), "a file called %r" % where[:20],
                verdict="dangerous" if ".." in where or "\0" in where or
                where[:1] == "/" else "undecided", names=("index:",))
    out.row("missing", index(a="no-such"), "a shard that is not there",
            "report", "PFORK_E_SYSTEM")
    out.row("other", index(b="shard-1"), "a tensor in another file",
            "report", "PFORK_E_FORMAT", between_files=True)
    whole = index(a="shard-1")
    out.row("trailing", whole + "x", "text after the index")
    out.row("short", whole[:-1], "a byte short")
    out.row("twice", whole[:-2] + ', "a": "shard-2"}}', "a tensor twice")
    out.row("maps", whole[:-1] + ', "weight_map": {}}', "two weight_maps")
    out.row("number", whole.replace('"shard-1"', "1"), "a number for a file")
    out.row("list", '{"weight_map": {"a": ["shard-1"]}}', "a list of files")
    out.row("utf8", whole.encode().replace(b'"a"', b'"\xff"'), "not UTF-8")
    out.row("no-name", index(**{"": "shard-1"}), "an empty name")
    out.row("deep", '{"metadata": ' + '{"a": ' * 5000 + "1" + "}" * 5000 +
            ', "weight_map": {}}', "metadata 5,000 deep",
            code=["PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"])
    out.row("json", '{"hidden_size": 4, "weight_map": {}}', "a model's config",
            code="PFORK_E_UNSUPPORTED")
    with open(os.path.join(out.path, "manifest.jsonl"), "w") as f:
        for r in out.rows:
            f.write(json.dumps(r) + "\n")


if __name__ == "__main__":
    main()
