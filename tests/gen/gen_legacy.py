#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Torch's legacy streams (before 1.6) that lie, with their manifest.

    tests/gen/gen_legacy.py OUTDIR

L-*: headers of four and six pickles, keys, lengths, views, and code in each of
the five pickles (ATTACKS: P14).  The same bytes at every run."""

import struct
import sys

from older_out import *             # noqa: F403

GOOD = {"good": legacy_tensor()}


def good(out):
    for proto in (1, 2, 3, 4, 5):
        out.load("L-good-p%d" % proto, legacy(proto=proto),
                 "a legacy stream, protocol %d" % proto, GOOD_ROW)
    out.load("L-big-endian", legacy(system=value(dict(
        SYSTEM, little_endian=False))),
        "from a big-endian machine: torch writes little-endian there too",
        GOOD_ROW, names=["big-endian machine"])
    out.load("L-python2", legacy({"good": torch_tensor(
        storage=MARK + SHORT_BINSTRING("storage")
        + GLOBAL("torch", "FloatStorage") + SHORT_BINSTRING("0")
        + SHORT_BINSTRING("cpu") + value(6) + NONE + TUPLE + BINPERSID)},
        list=MARK + SHORT_BINSTRING("0") + LIST),
        "strings as Python 2 wrote them", GOOD_ROW)
    out.load("L-no-storage", legacy({}, (), []), "no tensor at all", {})
    out.load("L-empty", legacy({"good": legacy_tensor(numel=0, size=(0,))},
                               records=[record(b"")]), "an empty storage",
             {"good": tensor("F32", (0,), b"")})
    two = struct.pack("<2q", 7, -7)
    out.load("L-order", legacy(
        {"good": legacy_tensor(), "b": legacy_tensor(
            "x", storage="LongStorage", numel=2, size=(2,))},
        ("x", "0"), [record(two, 8), record()]),
        "records in the order of the key list",
        dict(GOOD_ROW, b=tensor("I64", (2,), two)))
    out.load("L-untyped", legacy({"good": legacy_tensor(
        storage="UntypedStorage", module="torch.storage", numel=24,
        size=(24,))}, records=[record(DATA, 1)]), "an untyped storage",
        {"good": tensor("U8", (24,), DATA)})
    out.load("L-view", legacy({"good": legacy_tensor(), "v": legacy_tensor(
        view=("v1", 2, 3), size=(3,))}), "a view of a storage (before 0.4)",
        dict(GOOD_ROW, v=tensor("F32", (3,), DATA[8:20])))
    module = MARK + value("module") + GLOBAL("models", "Net") \
        + value("models.py") + value("class Net: pass") + TUPLE + BINPERSID \
        + EMPTY_TUPLE + NEWOBJ + value({"_parameters": Raw(
            state_dict(GOOD))}) + BUILD
    out.load("L-module", legacy(object=module),
             "a module whose class has its source beside it", GOOD_ROW,
             "unusual", ["models.Net", "the source of a module's class"])
    out.load("L-meta", legacy({**GOOD, "m": legacy_tensor(
        "m", location="meta")}, ("0", "m"), [record(), record()]),
        "a tensor on the meta device is left out", GOOD_ROW, "unusual",
        ["left out: m"])
    out.load("L-uint4", legacy({**GOOD, "q": legacy_tensor(
        "q", storage="QUInt4x2Storage", numel=3, size=(2, 2))}, ("0", "q"),
        [record(), record(b"\x12\x34\x56", 1)]),
        "sub-byte storages are counted in bytes")


def pickles(out):
    out.refuse("L-four-pickles", legacy(list=None),
               "P14: the key list is missing")
    out.refuse("L-six-pickles", legacy(between=pickled(value([]))),
               "P14: a sixth pickle before the storages")
    out.refuse("L-six-evil", legacy(
        {}, (), [], list=EVIL, after=pickled(value([]))),
        "P14: code where the key list should be", verdict="dangerous",
        names=["os.system"])
    out.write("L-magic-reduce", legacy(magic=call(
        "builtins", "eval", ("0x1950a86a20f9469cfc6c",))), {
        "what": "P14: the magic number is computed (GHSA-97f8)",
        "expect": "report", "exit": {"scan": 1}, "code": None,
        "offset": None, "verdict": "dangerous", "names": ["builtins.eval"],
        "tensors": None})
    for part in ("version", "system", "object", "list"):
        out.refuse("L-evil-" + part, legacy(**{part: EVIL}),
                   "the %s is code" % part, verdict="dangerous",
                   names=["os.system"]) if part != "object" else \
            out.load("L-evil-object", legacy({}, (), [], object=EVIL),
                     "the object is code", {}, "dangerous", ["os.system"])
    out.load("L-evil-popped", legacy(
        object=EVIL + POP + state_dict(GOOD)),
        "code whose result is dropped", GOOD_ROW, "dangerous", ["os.system"])
    out.load("L-evil-after", legacy(after=pickled(EVIL)),
             "a pickle after the last storage", GOOD_ROW, "dangerous",
             ["os.system", "pickles after"])
    out.load("L-evil-module", legacy(object=state_dict({**GOOD, "x":
             MARK + value("module") + GLOBAL("os", "system") + NONE + NONE
             + TUPLE + BINPERSID + value(("true",)) + REDUCE})),
             "a function as the class of a module", GOOD_ROW, "dangerous",
             ["os.system"])
    out.load("L-trailing", legacy(after=b"\xff" * 100), "trailing bytes",
             GOOD_ROW, "unusual", ["trailing bytes: 100"])
    out.refuse("L-version", legacy(version=value(1002)), "another version",
               at=[15, 17])
    out.refuse("L-version-bool", legacy(version=NEWTRUE), "version True")
    out.refuse("L-system", legacy(system=value([])), "the facts are a list")
    out.refuse("L-cut", legacy()[:-1], "the last byte is missing")


def keys(out):
    out.refuse("L-keys-twice", legacy(keys=("0", "0"),
                                      records=[record(), record()]),
               "a storage is listed twice")
    out.refuse("L-keys-missing", legacy(keys=(), records=[]),
               "a storage without a record: torch gives old memory")
    out.refuse("L-keys-extra", legacy(keys=("0", "1"),
                                      records=[record(), record()]),
               "a record that nothing declares")
    out.refuse("L-keys-int", legacy(list=value([0])), "a key is a number")
    out.refuse("L-keys-tuple", legacy(list=value(("0",))),
               "the list is a tuple")
    for name, more in (("class", {"storage": "IntStorage"}),
                       ("wide", {"storage": "LongStorage"}),
                       ("count", {"numel": 5})):
        out.refuse("L-declared-" + name, legacy(
            {"good": legacy_tensor(), "b": legacy_tensor(**more, size=(1,))}),
            "a storage declared twice, and differently")
    out.refuse("L-class", legacy({"good": legacy_tensor(
        storage="Float128Storage")}), "a class whose elements' size is not "
        "known", code="PFORK_E_UNSUPPORTED")
    out.refuse("L-persid-int", legacy({"good": torch_tensor(
        storage=value(7) + BINPERSID)}, (), []),
        "a persistent id that is a number")
    out.refuse("L-persid-key", legacy({"good": legacy_tensor(key=7)}),
               "a storage key that is a number")


def counts(out):
    for n in (0, 5, 7, 2**31, 2**32, 2**62, 2**63, 2**64 - 1):
        out.refuse("L-count-%d" % n, legacy(records=[record(count=n)]),
                   "a record's length is %d, not 6" % n)
    for n in (2**31, 2**32, 2**62, 2**63 - 1):
        out.refuse("L-claim-%d" % n, legacy(
            {"good": legacy_tensor(numel=n, size=(1,))},
            records=[record(count=n)]), "a storage of %d elements" % n)
    out.refuse("L-claim-negative", legacy(
        {"good": legacy_tensor(numel=-1, size=(1,))}), "a length of -1")
    out.refuse("L-claim-2-63", legacy(
        {"good": legacy_tensor(numel=2**63, size=(1,))}), "a length of 2^63")
    out.refuse("L-outside", legacy({"good": legacy_tensor(size=(7,))}),
               "a tensor outside of its storage")
    for name, view in (("past", ("v", 4, 3)), ("offset", ("v", 7, 0)),
                       ("negative", ("v", -1, 3)), ("text", "v"),
                       ("wrap", ("v", 2**62, 2**62)), ("short", ("v", 0))):
        out.refuse("L-view-" + name, legacy({"good": legacy_tensor(
            view=view, size=(3,))}), "a view outside of its storage")
    two = {"good": legacy_tensor(view=("v", 0, 3), size=(3,))}
    for name, view in (("twice", ("v", 3, 3)), ("storage", ("0", 3, 3)),
                       ("number", (None, 3, 3))):
        out.refuse("L-view-" + name, legacy({**two, "b": legacy_tensor(
            view=view, size=(3,))}),
            "a view key for which torch has another view")
    out.refuse("L-view-small", legacy({"good": legacy_tensor(
        view=("v", 1, 2), size=(3,))}), "a tensor outside of its view")


def main():
    out = Out(sys.argv[1], ".pt")
    for part in (good, pickles, keys, counts):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
