#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen_safetensors.py OUTDIR: the attacks S of the attack list, the bomb B10,
and odd but honest files that must load.

The unit tests hold every rule to its offset; here the whole way is tried, with
files that are large, deep, or something else as well.  Deterministic.
"""
import hashlib
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pickle_asm as p                                       # noqa: E402
from zip_writer import torch_zip                             # noqa: E402


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def text_of(header):
    return (header if isinstance(header, bytes) else
            json.dumps(header, separators=(",", ":")).encode())


def whole(header, data=b"", length=None):
    text = text_of(header)
    return struct.pack("<Q", len(text) if length is None else length) + \
        text + data


def said(dtype, shape, data):
    return {"dtype": dtype, "shape": shape,
            "sha256": hashlib.sha256(data).hexdigest()}


class Out:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.rows = []

    def add(self, name, what, data, expect, **more):
        file = name + ".safetensors"
        with open(os.path.join(self.directory, file), "wb") as out:
            out.write(data)
        row = {"id": name, "file": file, "what": what, "expect": expect,
               "exit": {"scan": 2, "ls": 2}, "code": None, "offset": None,
               "verdict": "undecided", "names": [], "tensors": None}
        row.update(more)
        self.rows.append(row)

    def loads(self, name, what, data, tensors, **more):
        more = dict({"verdict": "clean", "exit": {"scan": 0, "ls": 0},
                     "tensors": tensors}, **more)
        self.add(name, what, data, "tensors", **more)

    def refused(self, name, what, data, offset, **more):
        self.add(name, what, data, "refuse",
                 **dict({"code": "PFORK_E_FORMAT", "offset": offset}, **more))

    def finish(self):
        with open(os.path.join(self.directory, "manifest.jsonl"), "w",
                  encoding="utf-8") as out:
            for row in self.rows:
                out.write(json.dumps(row) + "\n")


ONE = {"a": entry("F32", [2], 0, 8)}
DATA = struct.pack("<ff", 1.0, 2.0)
SAID = {"a": said("F32", [2], DATA)}


def honest(out):
    out.loads("S0-empty", "no tensor, no metadata", whole({}), {})
    out.loads("S0-plain", "one tensor", whole(ONE, DATA), SAID)
    out.loads("S0-spaces", "a padded header",
              whole(text_of(ONE) + b" " * 77, DATA), SAID)
    for length in (0x178, 0x5e78, 0x9c78, 0xda78):
        out.loads("S0-zlib-%x" % length, "a header whose length begins as "
                  "zlib data does", whole(text_of(ONE).ljust(length), DATA),
                  SAID)
    out.loads("S0-metadata", "metadata of any text", whole(
        dict({"__metadata__": {"format": "pt", "\u00e9\0\x1b[2J": "\ud83d\ude00",
                               "": ""}}, **ONE), DATA), SAID)
    out.loads("S0-name-nul", "a name with a zero byte", whole(
        {"a\0b": entry("U8", [1], 0, 1)}, b"x"),
        {"a\ufffdb": said("U8", [1], b"x")})
    out.loads("S0-name-empty", "an empty name", whole(
        {"": entry("U8", [1], 0, 1)}, b"x"), {"tensor": said("U8", [1],
                                                             b"x")})
    out.loads("S0-name-escape", "a name that would move the cursor", whole(
        {"\x1b[2J../../etc/passwd": entry("U8", [1], 0, 1)}, b"x"),
        {"\x1b[2J../../etc/passwd": said("U8", [1], b"x")})
    out.loads("S0-name-long", "a name of 5,000 bytes is left out", whole(
        {"n" * 5000: entry("U8", [1], 0, 1), "b": entry("U8", [1], 1, 2)},
        b"xy"), {"b": said("U8", [1], b"y")}, names=["its name is over 4,096 bytes"])
    out.loads("S0-name-clash", "two names that differ in what no name may hold",
              whole({"a\0": entry("U8", [1], 0, 1),
                     "a\ufffd": entry("U8", [1], 1, 2)}, b"xy"),
              {"a\ufffd": said("U8", [1], b"x"),
               "a\ufffd~2": said("U8", [1], b"y")})
    out.loads("S0-dtype-unknown", "a dtype that nobody has", whole(
        {"a": entry("F3", [1], 0, 3), "b": entry("U8", [1], 3, 4)}, b"abcd"),
        {"b": said("U8", [1], b"d")}, names=["left out: a: its dtype"])
    out.loads("S0-rank-65", "65 dimensions", whole(
        {"a": entry("U8", [1] * 65, 0, 1), "b": entry("U8", [1], 1, 2)},
        b"xy"), {"b": said("U8", [1], b"y")}, names=["64 dimensions"])
    out.loads("S0-field", "a field that the format does not have", whole(
        {"a": dict(ONE["a"], more={"deep": [[[1e3, -0.0, None]]]})}, DATA),
        SAID, verdict="unusual", names=["does not have: more"])
    out.loads("S0-depth-64", "containers as deep as they may be", whole(
        b'{"a":{"x":' + b"[" * 64 + b"]" * 64 + text_of(ONE["a"]).replace(
            b"{", b",", 1) + b"}", DATA), SAID, verdict="unusual")


def hostile(out):
    out.refused("S1-header-long", "the length is one more than there is",
                whole(ONE, DATA, len(text_of(ONE)) + 9), 0)
    out.refused("S1-header-cap", "100,000,001 bytes of header",
                whole({}, b"", 100000001), 0)
    out.refused("S1-bom", "a byte order mark", whole(
        b"\xef\xbb\xbf" + text_of(ONE), DATA), None,
        code="PFORK_E_UNSUPPORTED")
    out.refused("S1-blank-first", "a blank before the header", whole(
        b" " + text_of(ONE), DATA), None, code="PFORK_E_UNSUPPORTED")
    out.refused("S1-array", "an array for a header", whole(b"[]"), None,
                code="PFORK_E_UNSUPPORTED")
    out.refused("S1-not-one", "another format under the suffix",
                b"GIF89a" + bytes(100), 0, code="PFORK_E_UNSUPPORTED")
    out.refused("S1-zeros", "only zeros", bytes(64), 0,
                code="PFORK_E_UNSUPPORTED")
    out.refused("S2-trailing", "bytes after the last tensor",
                whole(ONE, DATA + b"\0"), 8 + len(text_of(ONE)) + 8)
    out.refused("S2-header-rest", "bytes after the header's object",
                whole(text_of(ONE) + b"\0", DATA), 8 + len(text_of(ONE)))
    out.refused("S3-deep", "10^6 arrays in a field", whole(
        b'{"a":{"x":' + b"[" * 1000000), 8 + 10 + 65)
    out.refused("S3-deep-tensor", "10^6 arrays for a tensor", whole(
        b'{"a":' + b"[" * 1000000), 8 + 5)
    for bits in (31, 32, 63, 64):
        n = 2 ** bits - (bits == 64)
        out.refused("S4-dimension-%d" % bits, "a dimension of 2^%d" % bits,
                    whole({"a": entry("F32", [n], 0, 8)}, DATA), 10)
        out.refused("S4-offset-%d" % bits, "an offset of 2^%d" % bits,
                    whole({"a": entry("F32", [2], n, n)}, DATA), 10)
        out.refused("S4-end-%d" % bits, "an end of 2^%d" % bits,
                    whole({"a": entry("U8", [n], 0, n)}, DATA), 10)
    two = {"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 0, 8)}
    out.refused("S5-same-range", "two tensors over one range",
                whole(two, DATA), text_of(two).index(b'b"') + 8)
    twice = (b'{"a":' + text_of(ONE["a"]) + b',"a":' +
             text_of(entry("F32", [2], 8, 16)) + b"}")
    out.refused("S5-twice", "one name twice", whole(twice, DATA * 2),
                8 + twice.rindex(b'"a"') + 1)


def lenient(out):
    """--lenient takes what follows the last tensor, and nothing else."""
    more = {"args": ["--lenient"]}
    after = "bytes after the last tensor"
    tail = p.pickled(p.call("os", "system"))
    out.loads("S7-plain", "nothing to be lenient about", whole(ONE, DATA),
              SAID, **more)
    for name, rest in (("byte", b"\0"), ("page", bytes(4096)),
                       ("no-pickle", b"\x80\x02")):
        out.loads("S7-" + name, "lenient: %d bytes at the end" % len(rest),
                  whole(ONE, DATA + rest), SAID,
                  verdict="unusual", names=[after], **more)
    out.loads("S7-pickle", "lenient: a pickle at the end", whole(
        ONE, DATA + tail), SAID, verdict="dangerous",
        names=[after, "os.system"], exit={"scan": 1, "ls": 0}, **more)
    out.loads("S7-empty", "lenient: no tensor, and bytes",
              whole({}, DATA), {}, verdict="unusual", names=[after], **more)
    hole = {"a": entry("F32", [2], 4, 12)}
    out.refused("S7-hole", "lenient: a hole", whole(hole, DATA + DATA[:4]),
                10, **more)
    short = {"a": entry("F32", [2], 0, 8)}
    out.refused("S7-short", "lenient: the data ends early", whole(
        short, DATA[:7]), 10, **more)
    out.refused("S7-overlap", "lenient: an overlap", whole(
        {"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)},
        DATA + DATA), None, **more)


def bombs(out):
    many = b'{"w":%s' % text_of(entry("F32", [2], 0, 8))
    many += b"".join(b',"%x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
                     % i for i in range(200000)) + b"}"
    out.refused("B10-same-range", "200,000 tensors over one range",
                whole(many, DATA), None)
    many = b"{" + b",".join(
        b'"%x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % i
        for i in range(100000)) + b"}"
    out.loads("B10-empty", "100,000 empty tensors", whole(many), None)
    many = b'{"__metadata__":{' + b",".join(
        b'"%x":""' % i for i in range(300000)) + b"}}"
    out.loads("B10-metadata", "300,000 keys of metadata", whole(many), {},
              args=["--scalars"])
    many = b'{"a":{' + b",".join(
        b'"%x":[]' % i for i in range(300000)) + b"}}"
    out.refused("B10-fields", "300,000 fields in a tensor", whole(many), 10)


def two_ways(evil):
    """The length's bytes are MARK and BINFLOAT, which takes those up to the
    name's quote; then POP, and POP again, which takes the mark.  The name hops
    to the data by strings that are taken away again."""
    length = ord("(") | ord("G") << 8
    tail = b'":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' \
        % (len(evil) + 1, len(evil) + 1)
    name, left = b"00", length - 4 - len(tail)
    while left > 0:
        n = min(left - 3, 64) if left - 3 < 65 or left > 72 else 40
        if left < 70:       # the last one ends where the data begins
            name += b"U" + bytes([left - 2 + len(tail)]) + b"x" * (left - 2)
            break
        name += b"U" + bytes([n]) + b"x" * n + b"0"
        left -= n + 3
    assert length == 2 + len(name) + len(tail)
    return struct.pack("<Q", length) + b'{"' + name + tail + b"0" + evil


def polyglots(out):
    code = p.call("os", "system", proto=4)
    out.add("S6-pop-mark", "a safetensors file that is a pickle, too: a POP "
            "takes its mark", two_ways(code + p.STOP), "tensors",
            verdict="dangerous", names=["another format: pickle"],
            exit={"scan": 1, "ls": 0})
    out.add("S6-pop-under-mark", "the same, where a POP takes the mark above "
            "a value that is used", two_ways(b"N(02" + code + p.STOP),
            "tensors", verdict="dangerous", names=["another format: pickle"],
            exit={"scan": 1, "ls": 0})
    evil = p.pickled(p.call("os", "system"))
    out.refused("S6-pickle-tail", "a pickle after the last tensor",
                whole(ONE, DATA + evil), 8 + len(text_of(ONE)) + 8)
    out.add("S6-zip-tail", "a checkpoint of torch's after the last tensor",
            whole(ONE, DATA + torch_zip(evil, {})), "report",
            verdict="dangerous", exit={"scan": 1})


def main():
    out = Out(sys.argv[1])
    for part in (honest, hostile, lenient, bombs, polyglots):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
