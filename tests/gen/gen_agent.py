#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of agents (microsoft/agent-framework) that lie.

    tests/gen/gen_agent.py OUTDIR

A-*: code in payloads, marks that are hidden, base64 and JSON that are malformed,
counts and depths.  Standard library only; the same at every run."""

import base64
import json
import pickle
import struct
import sys

from older_out import *             # noqa: F403
from older_out import DATA, EVIL, Out, tensor

TAIL = {"workflow_name": "w", "checkpoint_id": "c", "version": "1.0"}


def packed(pickle_bytes):
    return base64.b64encode(pickle_bytes).decode()


def envelope(pickle_bytes, type_="builtins:tuple"):
    return {"__pickled__": packed(pickle_bytes), "__type__": type_}


def whole(state):
    return json.dumps(dict(TAIL, state=state), indent=2).encode()


ARRAY = PROTO(2) + GLOBAL("numpy.core.multiarray", "_reconstruct") \
    + MARK \
    + GLOBAL("numpy", "ndarray") + value((0,)) + value(b"b") + TUPLE + REDUCE \
    + MARK + value(1) + value((2, 3)) \
    + call("numpy", "dtype", ("f4", False, True)) \
    + value((3, "<", None, None, None, -1, -1, 0)) + BUILD \
    + b"\x89" + b"B" + struct.pack("<I", len(DATA)) + DATA + TUPLE + BUILD \
    + STOP
RUNS = PROTO(4) + EVIL + STOP


def good(out):
    made = {"state.a": tensor("F32", (2, 3), DATA)}
    out.load("A-array", whole({"a": envelope(ARRAY, "numpy:ndarray")}),
             "an array", made)
    out.load("A-key-order", json.dumps({"state": {"a": {
        "__type__": "numpy:ndarray", "more": [], "__pickled__":
        packed(ARRAY)}}}, separators=(",", ":")).encode(),
        "the mark is the last key", made)
    out.load("A-root", json.dumps(envelope(ARRAY)).encode(),
             "the envelope is the whole file",
             {"tensor": tensor("F32", (2, 3), DATA)})
    out.load("A-list", whole([[envelope(ARRAY)], {}, [], envelope(ARRAY)]),
             "envelopes in lists", {
                 "state.0.0": tensor("F32", (2, 3), DATA),
                 "state.3": tensor("F32", (2, 3), DATA)})
    out.load("A-protocol0", whole({"a": envelope(pickle.dumps(
        (1, "two"), protocol=0))}), "a payload of protocol 0", {})
    out.load("A-untyped", whole({"a": {"__pickled__": packed(ARRAY)}}),
             "no __type__", made, "unusual", ["without a __type__"])
    out.load("A-names", whole({"a.b": envelope(ARRAY), "a": {
        "b": envelope(ARRAY)}}), "two paths with one name", {
            "state.a.b": tensor("F32", (2, 3), DATA),
            "state.a.b~2": tensor("F32", (2, 3), DATA)})


def hostile(out):
    evil = whole({"deep": [{"x": envelope(RUNS, "builtins:int")}]})
    out.load("A-evil", evil, "code in a payload", {}, "dangerous",
             ["os.system"])
    hidden = evil.replace(b"__pickled__", b"\\u005f_pickl\\u0065d__")
    out.load("A-evil-escaped", hidden, "the mark is written with escapes", {},
             "dangerous", ["os.system"])
    text = packed(RUNS)
    out.load("A-evil-text-escaped", evil.replace(
        text.encode(), b"".join(b"\\u%04x" % ord(c) for c in text)),
        "the payload is written with escapes", {}, "dangerous",
        ["os.system"])
    out.load("A-evil-after-stop", whole({"a": envelope(
        PROTO(2) + value(1) + STOP + RUNS)}), "code after the first STOP", {},
        "dangerous", ["os.system"])
    out.load("A-evil-second", whole({"a": envelope(ARRAY), "b": envelope(
        RUNS)}), "an array, then code",
        {"state.a": tensor("F32", (2, 3), DATA)}, "dangerous", ["os.system"])
    out.refuse("A-evil-then-bad", whole({"a": envelope(RUNS), "b": envelope(
        b"\x80\x02")}), "code, then a payload that breaks off",
        verdict="dangerous", names=["os.system"])
    nested = PROTO(4) + value({"in": RUNS}, 4) + STOP
    out.load("A-evil-nested", whole({"a": envelope(nested)}),
             "a pickle in a payload's bytes", {}, "dangerous", ["os.system"])


def malformed(out):
    good_text = packed(ARRAY)
    whole_file = whole({"a": envelope(ARRAY)})

    def at(file, piece, more=0):
        return file.index(piece) + more

    for name, text, wrong in (
            ("blank", good_text[:8] + " " + good_text[8:], 8),
            ("url", good_text[:4] + "-" + good_text[5:], 4),
            ("short", good_text[:-2], len(good_text) - 2),
            ("padding", good_text[:8] + "=" + good_text[9:], 8),
            ("padding3", good_text[:-3] + "===", len(good_text) - 3),
            ("bits", packed(b"a")[:1] + "R==", 1)):
        file = json.dumps({"a": {"__pickled__": text, "__type__": ""}}).encode()
        out.refuse("A-base64-" + name, file, "base64: " + name,
                   at(file, text[:wrong].encode() + text[wrong:].encode(),
                      wrong))
    out.refuse("A-base64-empty", whole({"a": {"__pickled__": "",
               "__type__": ""}}), "an empty payload")
    for name, inside in (("number", 1), ("null", None), ("list", []),
                         ("object", {"__pickled__": ""})):
        out.refuse("A-mark-" + name, whole({"a": {
            "__pickled__": inside, "__type__": ""}}),
            "a payload that is no text")
    for n in range(1, 40, 3):
        out.refuse("A-cut%d" % n, whole_file[:-n], "cut short by %d" % n)
    first = whole_file.index(b'"__pickled__"') + 14
    for n in range(first, len(whole_file), 37):
        out.refuse("A-cut-at%d" % n, whole_file[:n], "%d bytes of it" % n,
                   code=["PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"])
    out.refuse("A-after", whole_file + b"{}", "more after it",
               len(whole_file))
    out.refuse("A-comma", whole_file[:-2] + b",\n}", "a comma too many")
    out.refuse("A-twice", b'{"__pickled__": "%s", "__pickled__": "%s"}' % (
        packed(ARRAY).encode(), packed(RUNS).encode()), "the mark twice")
    out.refuse("A-utf8", whole_file.replace(b"1.0", b"1\xff0"),
               "bytes that are no UTF-8")
    out.refuse("A-payload-cut", whole({"a": envelope(ARRAY[:-5])}),
               "a pickle that breaks off")
    out.refuse("A-persid", whole({"a": envelope(
        PROTO(2) + MARK + value("storage") + GLOBAL("torch", "FloatStorage")
        + value("0") + value("cpu") + value(6) + TUPLE + BINPERSID + STOP)}),
        "a persistent id", verdict=["undecided", "dangerous"],
        code=None, expect="report")
    out.refuse("A-deep", b'{"__pickled__":' + b"[" * 100000,
               "10^5 containers for a payload")
    out.refuse("A-deep-beside", b'{"a":' + b"[" * 5000 + b'{"__pickled__":"',
               "5,000 containers", code=["PFORK_E_LIMIT", "PFORK_E_FORMAT"],
               expect="limit")
    many = b'{"x":{"__pickled__":"%s","__type__":""},"m":[' % packed(
        ARRAY).encode() + b"[]," * 200000 + b"[]]}"
    out.load("B9-agent-empty", many, "200,000 empty lists",
             {"x": tensor("F32", (2, 3), DATA)})
    one = json.dumps(envelope(PROTO(2) + value(1) + STOP)).encode()
    out.load("B9-agent-payloads", b'{"m":[' + (one + b",") * 5000 + one
             + b"]}", "5,001 payloads", {})
    one = json.dumps(envelope(PROTO(2) + call(
        "datetime", "datetime", (b"\7\xe8\1\2\3\4\5\0\0\0",))
        + STOP)).encode()
    out.load("B9-agent-datetimes", b'{"m":[' + (one + b",") * 5000 + one
             + b"]}", "5,001 payloads that are objects", {})


def main():
    out = Out(sys.argv[1], ".json")
    for part in (good, hostile, malformed):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
