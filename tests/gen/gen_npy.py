#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen_npy.py OUTDIR: the attacks N on npy and npz, and the bomb B12.

Offsets of headers are the unit tests' part; here are whole files and archives.
Deterministic, standard library only.
"""
import hashlib
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pickle_asm as p                                       # noqa: E402
from zip_writer import Zip, torch_zip                        # noqa: E402


def npy(descr, shape, data=b"", order="False", version=1, length=None):
    text = ("{'descr': %s, 'fortran_order': %s, 'shape': %s, }" % (
        descr, order, shape)).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack(
        "<H" if version == 1 else "<I", size) + text + data


def said(dtype, shape, data):
    return {"dtype": dtype, "shape": shape,
            "sha256": hashlib.sha256(data).hexdigest()}


DATA = struct.pack("<ff", 1.0, 2.0)
GOOD = npy("'<f4'", "(2,)", DATA)
SAID = said("F32", [2], DATA)
EVIL = p.pickled(p.call("os", "system"))
EVIL_TEXT = b"cos\nsystem\n(S'true'\ntR."         # protocol 0


OBJECTS = (("field-0", "[('a', '|O')]"),
           ("nested", "[('a', '<f4'), ('b', [('c', '|O')])]"),
           ("subarray", "[('a', '|O', (2,))]"), ("pair", "[('a', ('O', (2,)))]"),
           ("title", "[(('t', 'a'), 'O')]"), ("word", "'object'"),
           ("commas", "'f4,O'"), ("escape", "'\\x4f'"),
           ("escape-field", "[('a', '\\x4f')]"), ("letters", "['aO']"),
           ("round", "[(('a', 'O'))]"))


class Out:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.rows = []

    def add(self, name, what, data, expect, suffix=".npy", **more):
        with open(os.path.join(self.directory, name + suffix), "wb") as out:
            out.write(data)
        row = {"id": name, "file": name + suffix, "what": what,
               "expect": expect, "exit": {}, "code": None, "offset": None,
               "verdict": None, "names": [], "tensors": None}
        row.update(more)
        self.rows.append(row)

    def loads(self, name, what, data, tensors, verdict="clean", **more):
        self.add(name, what, data, "tensors", verdict=verdict,
                 tensors=tensors, exit={
                     "scan": 1 if verdict == "dangerous" else 0, "ls": 0},
                 **more)

    def refused(self, name, what, data, **more):
        self.add(name, what, data, "refuse", **dict(
            {"code": "PFORK_E_FORMAT", "verdict": "undecided",
             "exit": {"scan": 2, "ls": 2}}, **more))

    def finish(self):
        with open(os.path.join(self.directory, "manifest.jsonl"), "w",
                  encoding="utf-8") as out:
            for row in self.rows:
                out.write(json.dumps(row) + "\n")


def archive(members, method=0):
    z = Zip("plain")
    for name, data in members:
        z.add(name, data, method=method)
    return z.finish()


def single(out):
    out.loads("N1-plain", "one array", GOOD, {"tensor": SAID})
    out.loads("N1-second", "a second array behind it", GOOD + GOOD,
              {"tensor": SAID}, "unusual", names=["second array"])
    out.loads("N1-tail", "a pickle behind it", GOOD + EVIL, {"tensor": SAID},
              "dangerous", names=["os.system"])
    out.loads("N1-objects", "an array of objects is a pickle",
              npy("'|O'", "(1,)", EVIL), {}, "dangerous",
              names=["os.system"])
    out.loads("N1-field", "objects in a structure",
              npy("[('a', '<f4'), ('b', '|O')]", "(1,)", EVIL), {},
              "dangerous", names=["os.system"])
    for name, descr in OBJECTS:
        out.loads("N1-" + name, "objects by another spelling, protocol 0",
                  npy(descr, "(1,)", EVIL_TEXT), {}, "dangerous",
                  names=["os.system"])
    out.loads("N1-called-O", "a field of numbers that is called O",
              npy("[('O', '<f4')]", "(2,)", DATA), {})
    out.refused("N1-quotes", "a name in three quotes hides a field", npy(
        "[('''a','f4'), (''', \"O\"), (''','f4'), ('z''', \"f4\")]",
        "(1,)", EVIL_TEXT))
    out.refused("N1-short", "data that is one byte short", GOOD[:-1])
    out.refused("N1-expression", "a call for a shape", npy(
        "'<f4'", "__import__('os').system('true')", DATA))
    out.refused("N1-version", "version 4", b"\x93NUMPY\4" + GOOD[7:],
                code="PFORK_E_UNSUPPORTED", offset=6)
    out.refused("N1-magic", "another format under the suffix",
                b"GIF89a" + bytes(100), code="PFORK_E_UNSUPPORTED")
    for bits in (31, 32, 63, 64, 70):
        out.refused("N2-shape-%d" % bits, "2^%d elements" % bits,
                    npy("'<f4'", "(%d,)" % (2 ** bits - (bits == 64)), DATA))
    out.refused("N2-rank", "65 dimensions",
                npy("'|u1'", "(" + "1, " * 65 + ")", b"x"))
    out.refused("N2-ranks", "100,000 dimensions", npy(
        "'|u1'", "(" + "1, " * 100000 + ")", b"x", version=2))
    for size in (2 ** 31, 2 ** 32 - 1):
        out.refused("B12-header-%d" % size, "a header of gigabytes, claimed",
                    npy("'<f4'", "(2,)", DATA, version=2, length=size))
    out.add("B12-header-there", "a header of 20 MB of blanks",
            npy("'<f4'", "(2,)" + " " * 20000000, DATA, version=2), "limit",
            verdict="undecided", exit={"scan": 2})
    out.refused("B12-deep", "100,000 brackets",
                npy("(" * 100000, "()", version=2))
    out.loads("B12-fields", "30,000 fields", npy(
        "[" + "('f', '<f4'), " * 30000 + "]", "(0,)", version=2), {})


def archives(out):
    def loads(*row, **more):
        out.loads(*row, suffix=".npz", **more)

    two = {"a": SAID, "b": SAID}
    for method, how in ((0, "stored"), (8, "deflated")):
        loads("N3-" + how, "two arrays, " + how,
              archive([("a.npy", GOOD), ("b.npy", GOOD)], method), two)
        loads("N3-%s-objects" % how, "objects in an archive, " + how,
              archive([("a.npy", GOOD), ("o.npy", npy("'|O'", "(1,)", EVIL))],
                      method), {"a": SAID}, "dangerous",
              names=["os.system"])
        loads("N3-%s-pickle" % how, "a pickle among arrays, " + how,
              archive([("a.npy", GOOD), ("b.pkl", EVIL)], method),
              {"a": SAID}, "dangerous", names=["b.pkl", "os.system"])
        out.refused("N3-%s-short" % how, "an array cut short, " + how,
                    archive([("a.npy", GOOD[:-1])], method), suffix=".npz")
    loads("N3-clash", "a.npy and a, both arrays",
          archive([("a.npy", GOOD), ("a", GOOD)]),
          {"a": SAID, "a~2": SAID})
    loads("N3-strange", "a member that is no array",
          archive([("a.npy", GOOD), ("README", b"text")]), {"a": SAID},
          "unusual", names=["no array: README"])
    loads("N3-not-array", "no array under the suffix",
          archive([("a.npy", GOOD), ("b.npy", b"text")]), {"a": SAID},
          "unusual", names=["no array: b.npy"])
    loads("N3-directory", "a directory, and an array in it",
          archive([("d/", b""), ("d/a.npy", GOOD)]), {"d/a": SAID})
    out.refused("N3-twice", "one name twice", archive(
        [("a.npy", GOOD), ("a.npy", GOOD)]), suffix=".npz",
        verdict="dangerous", exit={})
    z = Zip("plain")
    for name, data in (("archive/data.pkl", EVIL), ("archive/version", b"3\n"),
                       ("a.npy", GOOD)):
        z.add(name, data)
    out.add("N4-torch", "a checkpoint of torch's that numpy reads too",
            z.finish(), "report", suffix=".npz", verdict="dangerous",
            names=["another format: npz"], exit={"scan": 1})
    out.add("N4-npy-zip", "an array with a checkpoint behind it",
            GOOD + torch_zip(p.pickled(p.EMPTY_DICT), {}), "report",
            verdict="dangerous", exit={"scan": 1})
    loads("N3-field-0", "objects in a structure, protocol 0",
          archive([("x.npy", npy("[('a', '|O')]", "(1,)", EVIL_TEXT))], 8),
          {}, "dangerous", names=["os.system"])
    zeros = npy("'|u1'", "(50000000,)", bytes(50000000))
    loads("B9-npz-zeros", "three arrays of 50 MB that deflate to nothing",
          archive([("%d.npy" % i, zeros) for i in range(3)], 8), None)


def main():
    out = Out(sys.argv[1])
    single(out)
    archives(out)
    out.finish()


if __name__ == "__main__":
    main()
