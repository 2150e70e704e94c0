#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile pickles, as bare files and inside torch zips, with their manifest.

    tests/gen/gen_pickles.py OUTDIR

P1 to P19 are attacks on readers of pickles, B1 to B6 resource bombs, A-* the
names of published advisories.  What a payload names is never called by
anything here, and its argument is `true`.  Python's standard library only;
the same bytes at every run."""

import base64
import hashlib
import json
import os
import struct
import sys

from advisory_names import ADVISORY_NAMES
from pickle_asm import *            # noqa: F403 - an assembler
from pickle_malformed import malformed
from zip_writer import torch_zip

WEIGHT = struct.pack("<6f", 0.5, -1.0, 2.0, 3.25, -4.5, 6.0)
TENSORS = {"weight": {"dtype": "F32", "shape": [2, 3],
                      "sha256": hashlib.sha256(WEIGHT).hexdigest()}}
PROTOCOLS = range(6)


class Out:
    """The directory and its manifest."""

    def __init__(self, path):
        self.path = path
        self.rows = []
        os.makedirs(path, exist_ok=True)

    def add(self, ident, data, what, verdict, names=(), expect="report",
            ext="pkl", code=None, offset=None, tensors=None, exits=None):
        name = "%s.%s" % (ident, ext)
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)
        if exits is None:
            exits = {"clean": {"scan": 0}, "unusual": {"scan": 0},
                     "dangerous": {"scan": 1}, "undecided": {"scan": 2},
                     }.get(verdict if isinstance(verdict, str) else None, {})
        self.rows.append({
            "id": ident, "file": name, "what": what, "expect": expect,
            "exit": exits, "code": code, "offset": offset,
            "verdict": verdict, "names": list(names), "tensors": tensors})

    def refuse(self, ident, data, what, offset=None, code="PFORK_E_FORMAT",
               verdict="undecided", names=(), ext="pkl", expect="refuse"):
        exits = {"scan": 1 if verdict == "dangerous" else 2, "ls": 2}
        if not isinstance(verdict, str):
            exits = {"ls": 2}
        self.add(ident, data, what, verdict, names, expect, ext, code,
                 offset, None, exits)

    def finish(self):
        ids = [row["id"] for row in self.rows]
        assert len(ids) == len(set(ids)), "ids repeat"
        with open(os.path.join(self.path, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row) + "\n")


def in_zip(payload, rest=POP):
    """A torch zip whose state dict is whole, the payload run before it.  rest
    takes what the payload pushed off the stack."""
    pickle = PROTO(2) + payload + rest \
        + state_dict({"weight": torch_tensor()}) + STOP
    return torch_zip(pickle, {"0": WEIGHT})


def add_both(out, ident, what, payload, names, protocol=2, zipped=True):
    """A payload that pushes one value: bare, and beside a tensor."""
    out.add("%s-p%d" % (ident, protocol), pickled(payload, protocol), what,
            "dangerous", names)
    if zipped:
        out.add("%s-zip" % ident, in_zip(payload), what + ", beside a tensor",
                "dangerous", names, "tensors", "pt", tensors=TENSORS,
                exits={"scan": 1, "ls": 0})


def classic_calls(out):
    for proto in PROTOCOLS:
        add_both(out, "P1-os-system", "os.system called by REDUCE, protocol %d" % proto,
                 call("os", "system", proto=proto), ["os.system"], proto,
                 proto == 2)
        out.add("P1-posix-system-p%d" % proto,
                pickled(call("posix", "system", proto=proto), proto),
                "posix.system, protocol %d" % proto, "dangerous",
                ["posix.system"])
    for module in ("builtins", "__builtin__"):
        for name in ("exec", "eval", "compile", "getattr", "apply", "open",
                     "breakpoint", "__import__", "globals", "input",
                     "execfile", "vars"):
            for proto in (0, 2, 4):
                out.add("P2-%s-%s-p%d" % (module, name, proto),
                        pickled(call(module, name, proto=proto), proto),
                        "a builtin that runs code", "dangerous",
                        ["%s.%s" % (module, name)])


def advisory_names(out):
    for ident, module, name in ADVISORY_NAMES:
        full = "%s.%s" % (module, name)
        dotted = "." in name
        proto = 4 if dotted else 2
        out.add("A-%s" % ident, pickled(call(module, name, proto=proto),
                                        proto),
                "an advisory: %s" % full, "dangerous", [full])
        if module.split(".")[0] not in ("torch", "numpy", "joblib", "skops",
                                        "transformers"):
            out.add("A-%s-named" % ident,
                    pickled(glob(module, name, proto), proto),
                    "%s, only referred to" % full, "dangerous", [full])


def nested(out):
    inner = pickled(call("os", "system"), 2)
    levels = inner
    for depth in range(1, 13):
        levels = pickled(call("pickle", "loads", (levels,), proto=4), 4)
        out.add("P4-loads-%d" % depth, levels,
                "pickle.loads of bytes, %d deep" % depth, "dangerous",
                ["pickle.loads"] + ["os.system"] * (depth <= 10))
    for module, name in (("_pickle", "loads"), ("cPickle", "loads"),
                         ("torch.storage", "_load_from_bytes")):
        out.add("P4-%s.%s" % (module, name),
                pickled(call(module, name, (inner,), proto=4), 4),
                "a pickle as argument of %s" % name, "dangerous",
                ["os.system"])
    for proto in PROTOCOLS:
        one = pickled(call("os", "system", proto=proto), proto)
        for how, text in (("raw", one),
                          ("base64", base64.b64encode(one).decode()),
                          ("urlsafe", base64.urlsafe_b64encode(one).decode()),
                          ("hex", one.hex())):
            out.add("P4-%s-p%d" % (how, proto),
                    pickled(value({"blob": text}, 4), 4),
                    "a pickle of protocol %d held as %s" % (proto, how),
                    "dangerous", ["os.system"])
    out.add("P4-latin1", pickled(value({"blob": inner}, 2), 2),
            "bytes as protocol 2 has them, holding a pickle", "dangerous",
            ["os.system"])
    out.add("P4-truncated", pickled(value({"blob": inner[:-1]}, 4), 4),
            "a nested pickle that breaks off after its call", "dangerous",
            ["os.system"])
    out.add("P4-honest", pickled(value({"a": bytes(range(128, 256)) * 64,
                                        "b": b"\x80\x02" * 500,
                                        "c": "cat\ndog\nmouse\n" * 20,
                                        "d": "Y29uZmln" * 9,
                                        "e": "00ff" * 40}, 4), 4),
            "bytes and texts that only begin like a pickle", "clean",
            exits={"scan": 0})


def state_tricks(out):
    write = GLOBAL("numpy", "prod") + MARK + NONE + EMPTY_DICT \
        + BINUNICODE("a") + BINUNICODE("os") + SETITEM + TUPLE + BUILD
    add_both(out, "P5-attribute-of-function",
             "BUILD writes an attribute of a function (modelscan #85)",
             write, ["numpy.prod"])
    out.add("P5-stack-global-chain",
            pickled(write + POP + text("numpy", 4) + text("prod.a.system", 4)
                    + STACK_GLOBAL + value(("true",), 4) + REDUCE, 4),
            "then calls through the attribute", "dangerous",
            ["numpy.prod.a.system"])
    for key in ("__class__", "__setstate__", "__reduce__", "__globals__",
                "__builtins__", "__code__"):
        out.add("P5-build-%s" % key.strip("_"),
                pickled(GLOBAL("__main__", "Thing") + EMPTY_TUPLE + NEWOBJ
                        + EMPTY_DICT + BINUNICODE(key) + BINUNICODE("x")
                        + SETITEM + BUILD),
                "BUILD writes %s" % key, "dangerous")
    out.add("P5-build-slots",
            pickled(GLOBAL("__main__", "Thing") + EMPTY_TUPLE + NEWOBJ + NONE
                    + EMPTY_DICT + BINUNICODE("__class__")
                    + GLOBAL("__main__", "Other") + SETITEM + TUPLE2 + BUILD),
            "BUILD writes __class__ by the second half of a state",
            "dangerous", ["__main__.Thing"])
    add_both(out, "P6-inst", "INST", MARK + text("true", 0)
             + INST("os", "system"), ["os.system"], 0)
    add_both(out, "P6-obj", "OBJ", MARK + GLOBAL("os", "system")
             + BINUNICODE("true") + OBJ, ["os.system"])
    out.add("P6-obj-popped", pickled(
        MARK + GLOBAL("os", "system") + BINUNICODE("true") + OBJ + POP
        + value({"a": 1})), "OBJ whose result is popped (GHSA-mxhj)",
        "dangerous", ["os.system"])
    add_both(out, "P7-newobj", "NEWOBJ of a function",
             GLOBAL("os", "system") + value(("true",)) + NEWOBJ,
             ["os.system"])
    add_both(out, "P7-newobj-ex", "NEWOBJ_EX of a function",
             GLOBAL("os", "system") + value(("true",)) + EMPTY_DICT
             + NEWOBJ_EX, ["os.system"], 4)
    out.add("P7-newobj-ex-kwargs", pickled(
        GLOBAL("subprocess", "Popen") + EMPTY_TUPLE
        + value({"k%d" % i: i for i in range(1000)}) + NEWOBJ_EX, 4, False),
        "NEWOBJ_EX with a thousand named arguments", "dangerous",
        ["subprocess.Popen"])
    for helper in ("_reconstructor", "__newobj__"):
        out.add("P7-copyreg-%s" % helper, pickled(
            GLOBAL("copyreg", helper) + MARK + GLOBAL("torch.hub", "load")
            + GLOBAL("builtins", "object") + NONE + TUPLE + REDUCE),
            "copyreg calls its argument", "dangerous", ["torch.hub.load"])
    out.add("P7-rebuild-from-type", pickled(
        GLOBAL("torch._tensor", "_rebuild_from_type_v2") + MARK
        + GLOBAL("torch.hub", "load") + GLOBAL("torch", "Tensor")
        + value(("true",)) + NONE + TUPLE + REDUCE),
        "torch's own helper calls its argument", "dangerous",
        ["torch.hub.load"])
    run = GLOBAL("torch.utils.collect_env", "run")
    for module, name, before, after in (
            ("torch.tensor", "_rebuild_from_type_v2", b"",
             value(("true",)) + NONE),
            ("numpy.random._pickle", "__generator_ctor", value("true"), b""),
            ("numpy.random._pickle", "__randomstate_ctor", value("true"), b""),
            ("numpy.random", "__randomstate_ctor", value("true"), b""),
            ("numpy.random._pickle", "__bit_generator_ctor", b"", b""),
            ("numpy.ma.core", "_mareconstruct", b"", value("true")),
            ("pandas.core.indexes.base", "_new_Index", b"",
             value({"a": 1})),
            ("sklearn.neighbors._kd_tree", "newObj", b"", b"")):
        out.add("P7-calls-%s-%s" % (module.replace(".", "-"), name),
                pickled(GLOBAL(module, name) + MARK + before + run + after
                        + TUPLE + REDUCE),
                "%s calls its argument" % name, "dangerous",
                ["torch.utils.collect_env.run"])
    out.add("P7-factory", pickled(
        GLOBAL("builtins", "dict") + MARK + GLOBAL("collections", "ChainMap")
        + MARK + GLOBAL("collections", "defaultdict") + MARK
        + GLOBAL("torch", "initial_seed") + TUPLE + REDUCE + value({"a": 1})
        + TUPLE + REDUCE + TUPLE + REDUCE),
        "dict() asks a ChainMap for what a factory makes", "dangerous",
        ["torch.initial_seed"])
    for name in ("from_file", "__call__", "no_such_op"):
        out.add("P7-variable-function-%s" % name, pickled(
            GLOBAL("builtins", "getattr") + MARK
            + GLOBAL("torch._C", "_VariableFunctionsClass") + value(name)
            + TUPLE + REDUCE), "a static method that is no op", "dangerous",
            ["getattr"])
    out.add("P7-dataloader", pickled(
        GLOBAL("builtins", "list") + MARK
        + GLOBAL("torch.utils.data.dataloader", "DataLoader") + MARK
        + value((["true"], None, None, None, None, 0))[1:-1] + run + TUPLE
        + REDUCE + TUPLE + REDUCE),
        "list() iterates a loader, which calls its collate_fn", "dangerous",
        ["DataLoader"])


def name_tricks(out):
    for width, op in ((1, EXT1), (2, EXT2), (4, EXT4)):
        for code in (0, 1, 255, 2**31 - 1, -1):
            if (code < 0 or code > 255) and width < 4:
                continue
            data = PROTO(2) + op(code) + STOP
            out.refuse("P8-ext%d-%d" % (width, code), data,
                       "an extension code: no registry exists here", 2,
                       verdict=["dangerous", "undecided"])
    say = BINUNICODE("os") + BINPUT(0) + POP + BINUNICODE("system") \
        + BINPUT(1) + POP + BINUNICODE("torch") + BINUNICODE("LongStorage") \
        + POP + POP
    add_both(out, "P9-from-memo", "STACK_GLOBAL takes its words from the memo",
             say + BINGET(0) + BINGET(1) + STACK_GLOBAL + value(("true",))
             + REDUCE, ["os.system"], 4)
    add_both(out, "P9-overwritten-memo", "the memo is overwritten first",
             BINUNICODE("torch") + BINPUT(0) + POP + BINUNICODE("os")
             + BINPUT(0) + POP + BINGET(0) + BINUNICODE("system")
             + STACK_GLOBAL + value(("true",)) + REDUCE, ["os.system"], 4)
    add_both(out, "P9-string-operands",
             "STACK_GLOBAL on STRING operands (GHSA-9gvj)",
             STRING("'os'") + STRING("'system'") + STACK_GLOBAL
             + value(("true",)) + REDUCE, ["os.system"], 4)
    add_both(out, "P9-binstring-operands",
             "STACK_GLOBAL on SHORT_BINSTRING operands",
             SHORT_BINSTRING("os") + SHORT_BINSTRING("system") + STACK_GLOBAL
             + value(("true",)) + REDUCE, ["os.system"], 4)
    for module, name in (("pathlib", "os.system"), ("torch", "os.system"),
                         ("torch.serialization", "os.system"),
                         ("transformers.utils", "subprocess.Popen"),
                         ("numpy", "__builtins__"),
                         ("torch", "nn.__class__"),
                         ("collections", "OrderedDict.__init__.__globals__"),
                         ("mypackage", "sys.modules"),
                         ("torch", "importlib")):
        out.add("P9-dotted-%s-%s" % (module, name),
                pickled(glob(module, name, 4), 4),
                "a name that leaves its module, only referred to",
                "dangerous", ["%s.%s" % (module, name)])
    join = text("", 4) + text("join", 4)
    computed = glob("builtins", "str", 4) + value(("os",), 4) + REDUCE \
        + join + POP + POP + text("system", 4) + STACK_GLOBAL \
        + value(("true",), 4) + REDUCE
    out.add("P9-computed-module", pickled(computed, 4),
            "the module's name is what a call returned", "dangerous")
    out.add("P9-call-of-call", pickled(
        call("__main__", "Maker", ()) + value(("true",)) + REDUCE),
        "calls what a call returned", "dangerous", ["__main__.Maker"])
    out.add("P9-call-of-persid", torch_zip(
        PROTO(2) + torch_storage() + value(("true",)) + REDUCE + POP
        + state_dict({"weight": torch_tensor()}) + STOP, {"0": WEIGHT}),
        "calls a storage", "dangerous", ext="pt",
        exits={"scan": 1})
    out.add("P9-rot13", pickled(call("_codecs", "encode", ("bf", "rot_13"))),
            "text hidden by a codec", "dangerous", ["_codecs.encode"])
    out.add("P9-getattr-chain", pickled(
        glob("builtins", "getattr") + glob("torch", "nn")
        + value("__dict__") + TUPLE2 + REDUCE),
        "getattr of a module", "dangerous", ["builtins.getattr"])
    for operand, push in (("int", BININT1(7)), ("bytes", SHORT_BINBYTES(b"os")),
                          ("tuple", EMPTY_TUPLE), ("none", NONE)):
        data = PROTO(4) + push + text("system", 4) + STACK_GLOBAL + STOP
        out.refuse("P9-operand-%s" % operand, data,
                   "STACK_GLOBAL whose module is no str",
                   data.index(STACK_GLOBAL + STOP))


def memo_tricks(out):
    for index in ("0", "00", "+1", " 1", "2147483647", "4294967295",
                  "1_0"):
        out.add("P10-put-%s" % index.replace(" ", "_"), pickled(
            NONE + PUT(index) + GET(index) + POP
            + call("os", "system", proto=0), 0),
            "PUT with an odd index, then a call", "dangerous", ["os.system"])
    for name, index in (("2e100", str(2**100)), ("2e64", str(2**64)),
                        ("negative", "-1"), ("hex", "0x1"), ("empty", ""),
                        ("digits", "9" * 10**6)):
        out.refuse("P10-put-%s" % name, pickled(
            NONE + PUT(index) + POP + call("os", "system", proto=0), 0),
            "PUT with what is no index", 1)
    for name, get in (("text", GET("5")), ("bin", BINGET(5)),
                      ("long", LONG_BINGET(5))):
        data = PROTO(4) + text("os", 4) + get + STACK_GLOBAL + STOP
        out.refuse("P9-memo-missing-%s" % name, data,
                   "an operand from a memo entry that was never set",
                   data.index(get + STACK_GLOBAL))
    for index in (255, 65536, 2**31 - 1, 2**32 - 1):
        add_both(out, "P10-long-binput-%d" % index,
                 "LONG_BINPUT %d: a table of that size is a bomb" % index,
                 NONE + LONG_BINPUT(index) + POP + call("os", "system"),
                 ["os.system"])
    add_both(out, "P10-memoize-after-put",
             "MEMOIZE counts what PUT has put (picklescan #14)",
             NONE + BINPUT(7) + POP + BINUNICODE("os") + MEMOIZE + POP
             + BINUNICODE("torch") + BINPUT(3) + POP + BINGET(1)
             + BINUNICODE("system") + STACK_GLOBAL + value(("true",))
             + REDUCE, ["os.system"], 4)
    out.add("P10-live-overwrite", in_zip(
        BINUNICODE("x") + BINPUT(0) + POP + call("os", "system")
        + BINPUT(0)), "a memo entry replaced beside a tensor", "dangerous",
        ["os.system"], "tensors", "pt", tensors=TENSORS,
        exits={"scan": 1, "ls": 0})


def protocol_tricks(out):
    bad = pickled(call("os", "system"), 2)
    for proto in (6, 7, 255):
        out.refuse("P11-proto-%d" % proto, b"\x80" + bytes([proto]) + bad[2:],
                   "an unknown protocol", 0)
    out.add("P11-no-proto", bad[2:], "protocol 2's opcodes without PROTO",
            "dangerous", ["os.system"])
    out.add("P11-proto-in-the-middle",
            PROTO(2) + NONE + POP + PROTO(4) + bad[2:],
            "PROTO in the middle", "dangerous", ["os.system"])
    out.add("P11-text-in-p5", pickled(call("os", "system", proto=0), 5),
            "text opcodes in protocol 5", "dangerous", ["os.system"])
    body = call("os", "system", proto=4)
    for name, length in (("zero", 0), ("exact", len(body) + 1)):
        out.add("P12-frame-%s" % name,
                PROTO(4) + FRAME(length) + body + STOP,
                "a frame of %s length" % name, "dangerous", ["os.system"])
    for name, length in (("past-eof", len(body) + 100), ("2e63", 2**63),
                         ("max", 2**64 - 1)):
        out.refuse("P12-frame-%s" % name,
                   PROTO(4) + FRAME(length) + body + STOP,
                   "a frame that is longer than the file")
    # Each read of an unpickler lies in the frame or behind it (_Unframer of
    # CPython's pickle.py): a frame may end in front of an argument, not in it.
    assert body.startswith(b"\x8c\x02os\x8c\x06system")
    for cut in range(1, 12):
        data = PROTO(4) + FRAME(cut) + body + STOP
        ident, start = "P12-straddle-%d" % cut, len(data) - len(body) - 1
        what = "a frame that ends after %d bytes" % cut
        if cut in (1, 2, 4, 5, 6):
            out.add(ident, data, what, "dangerous", ["os.system"])
        else:
            out.refuse(ident, data, what, start + (0 if cut < 4 else 4))
    out.refuse("P12-frame-in-frame", PROTO(4) + FRAME(len(body) + 10)
               + FRAME(len(body) + 1) + body + STOP, "a frame in a frame", 11)


def persistent_ids(out):
    def persid(ident, what, push, verdict="undecided"):
        data = torch_zip(PROTO(2) + state_dict({"weight": torch_tensor(
            storage=push + BINPERSID)}) + STOP, {"0": WEIGHT})
        out.refuse("P13-%s" % ident, data, what, verdict=verdict, ext="pt")

    def tup(*items):
        return MARK + b"".join(i if isinstance(i, bytes) else value(i)
                               for i in items) + TUPLE

    fs = GLOBAL("torch", "FloatStorage")
    persid("int", "a persistent id that is an int", value(7))
    persid("text", "a persistent id that is text", value("storage"))
    persid("four", "a persistent id of four parts",
           tup("storage", fs, "0", "cpu"))
    persid("kind", "a persistent id of another kind",
           tup("stowage", fs, "0", "cpu", 6))
    persid("key-missing", "a storage that is not there",
           tup("storage", fs, "9", "cpu", 6))
    persid("key-dots", "a key that climbs", tup("storage", fs, "../0", "cpu",
                                                6))
    persid("key-int", "a key that is an int",
           tup("storage", fs, 0, "cpu", 6))
    persid("view", "a persistent id of six parts, the last a view",
           tup("storage", fs, "0", "cpu", 6, tup("1", 0, 6)))
    persid("numel-negative", "a negative number of elements",
           tup("storage", fs, "0", "cpu", -1))
    persid("numel-2e63", "2^63 elements",
           tup("storage", fs, "0", "cpu", 2**63))
    persid("numel-bool", "elements as a bool",
           tup("storage", fs, "0", "cpu", True))
    persid("class-function", "a function in the place of the storage's class",
           tup("storage", GLOBAL("os", "system"), "0", "cpu", 6), "dangerous")
    out.add("P13-text-persid", pickled(PERSID("os.system"), 0),
            "a text persistent id in a file without records", "undecided",
            code="PFORK_E_FORMAT", offset=0, expect="refuse")
    out.add("P13-long-location", torch_zip(
        PROTO(2) + state_dict({"weight": torch_tensor(
            location="x" * 10**6)}) + STOP, {"0": WEIGHT}),
        "a location of a million bytes", ["clean", "unusual"], (),
        "tensors", "pt", tensors=TENSORS, exits={"scan": 0, "ls": 0})


def after_stop(out):
    good = torch_pickle({"weight": torch_tensor()})
    bad = pickled(call("os", "system"), 2)
    for name, tail, verdict, names in (
            ("pickle", bad, "dangerous", ["os.system"]),
            ("p0", pickled(call("os", "system", proto=0), 0), "dangerous",
             ["os.system"]),
            ("third", pickled(value({"a": 1})) + bad, "dangerous",
             ["os.system"]),
            ("truncated", bad[:-1], "dangerous", ["os.system"]),
            ("broken", bad[:-1] + b"\xff\xff", "dangerous", ["os.system"]),
            ("zeroes", bytes(64), "unusual", ["trailing"]),
            ("garbage", b"\xde\xad\xbe\xef", "unusual", ["trailing"]),
            ("stops", b"....", "unusual", ["trailing"]),
            ("data", pickled(value({"a": 1})), "unusual", ["after"])):
        out.add("P14-%s-zip" % name, torch_zip(good + tail, {"0": WEIGHT}),
                "after STOP: %s" % name, verdict, names, "tensors", "pt",
                tensors=TENSORS, exits={"scan": int(verdict == "dangerous"),
                                        "ls": 0})
        out.add("P14-%s" % name, pickled(value({"a": 1})) + tail,
                "after STOP of a bare pickle: %s" % name, verdict, names)
    out.add("P14-ten-thousand", b"N." * 12000 + bad,
            "a call behind more pickles than anybody reads", "dangerous",
            ["more pickles"])


def broken(out):
    for proto in PROTOCOLS:
        bad = pickled(call("os", "system", proto=proto) + POP
                      + value([1, 2], proto), proto, False)
        at = len(bad) - 1
        out.refuse("P15-truncated-p%d" % proto, bad[:-1],
                   "breaks off after the call", at, verdict="dangerous",
                   names=["os.system"])
        out.refuse("P15-invalid-p%d" % proto, bad[:-1] + b"\xff.",
                   "an invalid opcode after the call", at,
                   verdict="dangerous", names=["os.system"])
    data = PROTO(2) + call("os", "system") + POP + state_dict(
        {"weight": torch_tensor()})
    out.refuse("P15-zip", torch_zip(data, {"0": WEIGHT}),
               "a torch zip whose pickle breaks off after the call",
               verdict="dangerous", names=["os.system"], ext="pt")


def bombs(out):
    laughs = MARK + NONE + LIST
    for _ in range(9):
        laughs = MARK + laughs + DUP * 8 + LIST
    out.add("B1-dup-laughs", pickled(laughs), "ten to the ninth by DUP",
            ["clean", "unusual"], exits={"scan": 0})
    laughs = EMPTY_LIST + BINPUT(0)
    for i in range(30):
        laughs += MARK + BINGET(i) * 9 + LIST + BINPUT(i + 1)
    out.add("B2-memo-laughs", pickled(laughs), "nine to the thirtieth by GET",
            ["clean", "unusual"], exits={"scan": 0})
    tensor = torch_tensor() + BINPUT(0) + POP + EMPTY_LIST + BINPUT(1)
    for i in range(1, 20):
        tensor += MARK + BINGET(0) + BINGET(i) * 9 + LIST + BINPUT(i + 1)
    out.add("B2-tensor-laughs", torch_zip(PROTO(2) + tensor + STOP,
                                          {"0": WEIGHT}),
            "one tensor reached in a thousand million ways", "unusual",
            ["alias"], "tensors", "pt",
            tensors={"0": TENSORS["weight"]}, exits={"scan": 0, "ls": 0})
    for name, data in (
            ("list", EMPTY_LIST + BINPUT(0) + BINGET(0) + APPEND),
            ("dict", EMPTY_DICT + BINPUT(0) + BINUNICODE("self") + BINGET(0)
             + SETITEM),
            ("tuple", EMPTY_LIST + BINPUT(0) + BINGET(0) + TUPLE1 + BINPUT(1)
             + APPEND),
            ("own-key", ordered_dict() + BINPUT(0) + BINGET(0) + NONE
             + SETITEM),
            ("state", ordered_dict() + BINPUT(0) + BINGET(0) + BUILD)):
        out.add("B3-%s" % name, pickled(data), "a value that holds itself",
                ["clean", "unusual"], exits={"scan": 0})
    data = pickled(EMPTY_SET + BINPUT(0) + MARK + BINGET(0) + TUPLE1
                   + ADDITEMS)
    out.refuse("B3-set", data, "a set in itself: not hashable",
               data.index(ADDITEMS + STOP))
    for name, op in (("list", EMPTY_LIST), ("dict", EMPTY_DICT)):
        out.add("B4-%s" % name, PROTO(2) + op * 10**6 + STOP,
                "a million containers beside one another", "unusual",
                ["values are left on the stack"])
    out.refuse("B4-mark", PROTO(2) + MARK * 10**6 + STOP, "a million marks",
               2 + 10**6)
    # The limit `nesting` is 1,000.
    out.refuse("B4-tuple1", pickled(NONE + TUPLE1 * 10**6),
               "a million nested tuples", 2 + 10**6 - 1000,
               "PFORK_E_LIMIT", expect="limit")
    out.refuse("B4-append", pickled(EMPTY_LIST * 10**6
                                    + APPEND * (10**6 - 1)),
               "a million nested lists", 2 + 1000, "PFORK_E_LIMIT",
               expect="limit")
    out.refuse("B5-long4-2e31", PROTO(2) + b"\x8b\xff\xff\xff\x7f\1.",
               "LONG4 of 2^31-1 bytes", 2)
    out.refuse("B5-long4-negative", PROTO(2) + b"\x8b\xff\xff\xff\xff\1.",
               "LONG4 of -1 bytes", 2)
    out.refuse("B5-int-digits", pickled(INT("9" * 10**6)),
               "a million decimal digits, more than CPython reads", 2)
    out.add("B5-long1-255", pickled(LONG1(b"\x7f" * 255)),
            "LONG1 of 255 bytes", ["clean", "unusual"], exits={"scan": 0})
    out.add("B6-append", pickled(EMPTY_LIST + (NONE + APPEND) * 200000),
            "two hundred thousand APPENDs", ["clean", "unusual"],
            exits={"scan": 0})
    out.add("B6-one-key", pickled(
        ordered_dict() + (BINUNICODE("k") + NONE + SETITEM) * 100000),
        "one key set a hundred thousand times", ["clean", "unusual"],
        exits={"scan": 0})
    out.add("B6-tuple-chain", pickled(
        NONE + BINPUT(0) + (BINGET(0) + TUPLE2) * 500),
        "a chain of pairs", "clean")
    # CPython's hash of an int is its remainder modulo 2^61 - 1.
    out.add("B6-collide", pickled(
        EMPTY_DICT + MARK + b"".join(
            LONG1((i * (2**61 - 1)).to_bytes(12, "little")) + NONE
            for i in range(1, 100001)) + SETITEMS),
        "a hundred thousand keys with one hash in CPython", "clean")
    out.add("B6-names", pickled(
        b"".join(GLOBAL("m%d" % i, "N") + POP for i in range(20000)) + NONE),
        "twenty thousand distinct names", "unusual", exits={"scan": 0})


def main():
    out = Out(sys.argv[1])
    for part in (classic_calls, advisory_names, nested, state_tricks,
                 name_tricks, memo_tricks, protocol_tricks, persistent_ids,
                 after_stop, broken, bombs, malformed):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
