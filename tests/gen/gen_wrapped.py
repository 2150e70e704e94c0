#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Torch files in the bytes of other pickles, with their manifest.

    tests/gen/gen_wrapped.py OUTDIR

W-*: torch.storage._load_from_bytes(b), which is how a plain pickle holds a
storage (ATTACKS: P4).  The same bytes at every run."""

import sys

from older_out import *             # noqa: F403
from zip_writer import torch_zip


def load(data, proto=4):
    return call("torch.storage", "_load_from_bytes", (data,), proto=proto)


def storage_file(**o):
    """What pickling a storage writes: a legacy stream whose root it is."""
    return legacy(object=legacy_storage(), **o)


def entries(**named):
    """A pickle of protocol 4 with these entries, unframed."""
    return pickled(state_dict({k.replace("_", "."): v
                               for k, v in named.items()}), 4, frame=False)


GOOD = torch_tensor(storage=load(storage_file()))
ZIP = torch_zip(torch_pickle({"w": torch_tensor("0")}), {"0": DATA})


def good(out):
    for proto in (2, 3, 4, 5):
        out.load("W-storage-p%d" % proto, pickled(state_dict(
            {"good": torch_tensor(storage=load(storage_file(), proto))}),
            proto, frame=False), "a tensor in a plain pickle, protocol %d"
            % proto, GOOD_ROW)
    memo = load(storage_file()) + MEMOIZE
    out.load("W-shared", entries(good=torch_tensor(storage=memo),
                                 b=torch_tensor(storage=BINGET(0))),
             "two tensors on one storage",
             dict(GOOD_ROW, b=GOOD_ROW["good"]))
    out.load("W-bytes-shared", entries(
        good=torch_tensor(storage=glob("torch.storage", "_load_from_bytes")
                          + value(storage_file(), 4) + MEMOIZE + TUPLE1
                          + REDUCE),
        b=torch_tensor(storage=glob("torch.storage", "_load_from_bytes")
                       + BINGET(0) + TUPLE1 + REDUCE)),
        "two calls of one bytes object", dict(GOOD_ROW, b=GOOD_ROW["good"]))
    out.load("W-storage-alone", entries(s=load(storage_file())),
             "a storage by itself", {"s": tensor("F32", (6,), DATA)})
    out.load("W-legacy", entries(x=load(legacy())), "a legacy file",
             {"x.good": GOOD_ROW["good"]})
    out.load("W-zip", entries(x=load(ZIP)), "a zip file",
             {"x.w": tensor("F32", (2, 3), DATA)}, "unusual",
             ["zip archive inside bytes"])
    out.load("W-zip-latin1", pickled(state_dict({"x": load(ZIP, 2)})),
             "a zip file as protocol 2 has bytes",
             {"x.w": tensor("F32", (2, 3), DATA)})
    three = ZIP
    for depth in (1, 2, 3, 4):
        data = entries(x=load(three))
        if depth < 4:
            out.load("W-depth-%d" % depth, data, "%d files deep" % depth,
                     {"x." + "y." * (depth - 1) + "w":
                      tensor("F32", (2, 3), DATA)}, "unusual")
        else:
            out.load("W-depth-4", data, "4 files deep", {}, "dangerous",
                     ["too deep"])
        three = torch_zip(torch_pickle({"y": load(three)}), {})
    out.load("W-twice", entries(a=glob("torch.storage", "_load_from_bytes")
                                + value(ZIP, 4) + MEMOIZE + TUPLE1 + REDUCE,
                                b=glob("torch.storage", "_load_from_bytes")
                                + BINGET(0) + TUPLE1 + REDUCE),
             "two calls of one file: the second is left out",
             {"a.w": tensor("F32", (2, 3), DATA)}, "unusual",
             ["left out: b"])
    out.load("W-uint", entries(q=load(legacy({"good": legacy_tensor(
        storage="UntypedStorage", module="torch.storage", numel=24,
        size=(24,))}, records=[record(DATA, 1)]))), "an untyped storage",
        {"q.good": tensor("U8", (24,), DATA)})


def left_out(out):
    more = {**GOOD_ROW}
    for name, data, text in (
            ("empty", b"", "no torch file"), ("junk", b"x" * 50,
                                              "no torch file"),
            ("pickle", pickled(value([1])), "no torch file"),
            ("dict", legacy(), "holds none")):
        out.load("W-out-" + name, entries(good=GOOD, x=torch_tensor(
            storage=load(data))), "a storage in bytes: " + name, more,
            "unusual" if name == "dict" else "dangerous",
            ["left out: x", text])
    out.load("W-out-value", entries(good=GOOD, x=load(b"x" * 50)),
             "bytes that are no file", more, "dangerous", ["left out: x"])
    out.load("W-out-none", entries(good=GOOD, x=load(None)),
             "None in place of bytes", more, "unusual", ["left out: x"])


# No line of it is a global's: nobody looks for those of STACK_GLOBAL.
LINELESS = call("os", "system", proto=4)
LINELESS_STORAGE = MARK + BINUNICODE("storage") + glob(
    "torch", "FloatStorage", 4) + value(("0", "cpu", 6, None))[1:-1] \
    + TUPLE + BINPERSID
LOAD = glob("torch.storage", "_load_from_bytes", 4)


def text_form(root, **o):
    """A legacy file whose first pickle is text: no opcode says that it is
    one, and torch takes it."""
    return LONG("%dL" % MAGIC) + STOP + legacy(magic=None, object=root, **o)


def handed_on(data):
    """_rebuild_from_type_v2(_load_from_bytes, torch.Size, (data,), None)"""
    return glob("torch._tensor", "_rebuild_from_type_v2", 4) + MARK + LOAD \
        + glob("torch", "Size", 4) + data + TUPLE1 + NONE + TUPLE + REDUCE


def hidden(out):
    """What torch.load runs in bytes that no walk leads to, or that nobody
    took for a pickle."""
    evil = torch_zip(pickled(LINELESS), {})
    popped = (
        ("zip-latin1", load(evil, 2), "a zip that latin1 encodes"),
        ("zip-array", glob("array", "array") + value(("B", evil), 4) + REDUCE
         + TUPLE1, "a zip in an array"),
        ("handed", handed_on(value(evil, 4)), "called by another"),
        ("handed-latin1", handed_on(value(evil, 2)),
         "called by another, a zip that latin1 encodes"),
        ("bare", load(b")0" + LINELESS + POP + legacy()),
         "a pickle that begins with a POP"),
        ("bytes", LOAD + glob("builtins", "bytes") + value(
            (list(legacy(object=LINELESS)),), 4) + REDUCE + TUPLE1 + REDUCE,
         "bytes(numbers)"),
        ("text", load(text_form(LINELESS)), "a first pickle of text"),
        ("short", load(pickled(LONG1(MAGIC)) + pickled(integer(1001))
                       + b")0" + LINELESS + STOP), "a third pickle of text"),
    )
    for name, data, what in popped:
        if name == "zip-array":
            data = LOAD + data + REDUCE
        out.load("W-hidden-" + name, pickled(data + POP + state_dict(
            {"good": GOOD}), 4, frame=False), what + ", popped", GOOD_ROW,
            "dangerous", ["_load_from_bytes"])
    out.load("W-hidden-text-led", entries(good=torch_tensor(storage=load(
        text_form(LINELESS + POP + LINELESS_STORAGE)))),
        "a file whose first pickle is text, with code before its storage",
        GOOD_ROW, "dangerous", ["os.system"])
    out.load("W-hidden-inside", entries(good=torch_tensor(storage=load(
        legacy(object=load(evil, 2) + POP + legacy_storage())))),
        "code in bytes in the file of a storage", GOOD_ROW, "dangerous",
        ["not opened"])
    out.load("W-hidden-inside-text", entries(good=torch_tensor(storage=load(
        text_form(load(b")0" + LINELESS) + POP + legacy_storage())))),
        "the same in a file whose first pickle is text", GOOD_ROW,
        "dangerous", ["not opened"])
    out.load("W-popped-storage", pickled(load(storage_file()) + POP
                                         + state_dict({"good": GOOD}), 4,
                                         frame=False),
             "a storage that nothing leads to, as torch writes it", GOOD_ROW)
    out.load("W-popped-latin1", pickled(load(storage_file(), 2) + POP
                                        + state_dict({"good": GOOD}), 2),
             "the same in protocol 2", GOOD_ROW)


def hostile(out):
    evil = torch_zip(pickled(EVIL), {})
    out.load("W-evil-zip", entries(good=GOOD, x=load(evil)),
             "code in a zip in bytes", GOOD_ROW, "dangerous", ["os.system"])
    out.load("W-evil-popped", pickled(load(evil) + POP + state_dict(
        {"good": GOOD}), 4, frame=False),
        "code in a zip that nothing leads to", GOOD_ROW, "dangerous",
        ["nothing leads to"])
    out.load("W-evil-legacy", entries(good=GOOD, x=load(
        legacy({}, (), [], object=EVIL))), "code in a stream in bytes",
        GOOD_ROW, "dangerous", ["os.system"])
    out.refuse("W-count", entries(good=torch_tensor(storage=load(
        storage_file(records=[record(count=7)])))),
        "a record's length is not the declared one")
    out.refuse("W-cut", entries(good=torch_tensor(storage=load(
        storage_file()[:-1]))), "the storage is cut short")
    out.refuse("W-outside", entries(good=torch_tensor(
        size=(7,), storage=load(storage_file()))),
        "a tensor outside of its storage")
    out.refuse("W-list", entries(x=load([1, 2])), "a list in place of bytes")
    bad = ZIP[:-10]
    out.refuse("W-zip-bad", entries(x=load(bad)), "a zip that is cut short")
    laughs = MARK + glob("torch.storage", "_load_from_bytes") \
        + value(ZIP, 4) + MEMOIZE + TUPLE1 + REDUCE
    for _ in range(2000):
        laughs += glob("torch.storage", "_load_from_bytes") + BINGET(0) \
            + TUPLE1 + REDUCE
    out.load("W-laughs", pickled(laughs + LIST, 4, frame=False),
             "one file, 2001 calls", {"0.w": tensor("F32", (2, 3), DATA)},
             "unusual")


def many(out):
    """A walk in each: none may cost what it could go down."""
    name = GLOBAL("torch.storage", "_load_from_bytes") + BINPUT(1) + POP
    one = BINGET(1) + BINBYTES(legacy({}, (), [])) + TUPLE1 + REDUCE
    out.load("B9-wrapped-files", PROTO(4) + name + EMPTY_LIST + MARK
             + one * 2000 + APPENDS + STOP, "2,000 torch files of nothing",
             {})


def main():
    out = Out(sys.argv[1], ".pkl")
    for part in (good, left_out, hidden, hostile, many):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
