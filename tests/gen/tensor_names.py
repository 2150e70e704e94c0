# SPDX-License-Identifier: Apache-2.0
"""Parts of gen_tensors.py: names of tensors, shared and repeated nodes."""

from gen_tensors import DATA, GOOD, GOOD_ROW, tensor
from pickle_asm import *            # noqa: F403 - an assembler
from zip_writer import torch_zip

ROW = tensor("F32", (2, 3), DATA)
HALF = tensor("F32", (3,), DATA[:12])
T = torch_tensor()
H = torch_tensor(size=(3,))


def keyed(key, op=T):
    """{"good": ..., key: tensor}, the key being opcodes."""
    return EMPTY_DICT + MARK + value("good") + GOOD + key + op + SETITEMS


def whole(out, ident, body, what, tensors, verdict="clean", names=()):
    """A file whose object is what body pushes."""
    out.write(ident, torch_zip(pickled(body), {"g": DATA, "0": DATA}), {
        "what": what, "expect": "tensors", "exit": {"scan": 0, "ls": 0},
        "code": None, "offset": None, "verdict": verdict,
        "names": list(names), "tensors": tensors})


def names(out):
    for ident, key, name in (
            ("nul", value("a\0b"), "a\ufffdb"), ("slash", value("../a"), "../a"),
            ("dots", value(".."), ".."), ("ansi", value("\x1b[2J"), "\x1b[2J"),
            ("newline", value("a\nb"), "a\nb"), ("int", value(12), "12"),
            ("negative", value(-5), "-5"), ("big", value(2**70), "?"),
            ("none", value(None), "None"), ("true", value(True), "True"),
            ("float", value(0.25), "0.25"), ("float-exp", value(1e-7), "1e-07"),
            ("float-large", value(1e16), "1e+16"),
            ("float-whole", value(3.0), "3.0"),
            ("tuple", value((1, "a")), "(1, 'a')"),
            ("tuple-one", value((7,)), "(7,)"),
            ("bytes", value(b"raw", 3), "raw"),
            ("bytes-old", value(b"raw"), "raw"),
            ("bytes-binary", value(b"\xff\xfe", 3), "?"),
            ("surrogate", value("a\ud800b"), "a\ufffdb"),
            ("bmp", value("\u00e9\u4e2d"), "\u00e9\u4e2d")):
        whole(out, "T-name-" + ident, keyed(key), "a key of another kind",
              {**GOOD_ROW, name: ROW})
    whole(out, "T-name-empty", keyed(value("")), "an empty key",
          {**GOOD_ROW, "tensor": ROW})
    whole(out, "T-name-1mb", keyed(value("n" * 10**6)), "a key of a megabyte",
          GOOD_ROW, names=["is over 4,096 bytes"])
    whole(out, "T-name-global", keyed(GLOBAL("torch", "float32")),
          "a global as key", {**GOOD_ROW, "?": ROW})
    whole(out, "T-name-root", T, "a tensor alone", {"tensor": ROW})
    whole(out, "T-name-list", value([Raw(T), Raw(H)]), "a list",
          {"0": ROW, "1": HALF})
    whole(out, "T-name-flat", EMPTY_DICT + MARK + value("a.b") + T
          + value("a") + value({"b": Raw(H)}) + SETITEMS,
          "two paths with one name", {"a.b": ROW, "a.b~2": HALF},
          names=["a.b"])
    module = GLOBAL("torch.nn.modules.linear", "Linear") + EMPTY_TUPLE \
        + NEWOBJ + value({
            "training": True,
            "_parameters": Raw(state_dict({"weight": T, "bias": NONE})),
            "_buffers": Raw(state_dict({"steps": H})),
            "_modules": {}, "extra": Raw(T)}) + BUILD
    whole(out, "T-name-module", module, "a module: its wrappers are unnamed",
          {"weight": ROW, "steps": HALF, "extra": ROW}, verdict="unusual",
          names=["torch.nn.modules.linear.Linear"])


def repeated(out):
    def pairs(*items):
        return EMPTY_DICT + MARK + b"".join(items) + SETITEMS

    whole(out, "T-dict-twice", pairs(value("a"), T, value("b"), T, value("a"),
                                     H),
          "a key set twice: the last value", {"a": HALF, "b": ROW})
    whole(out, "T-dict-equal", pairs(value(1), T, value(1.0), H),
          "1 and 1.0 are one key", {"1": HALF})
    whole(out, "T-dict-bool", pairs(value(1), T, value(True), H),
          "1 and True are one key", {"1": HALF})
    whole(out, "T-dict-tuple", pairs(value((1, "x")), T, value((1, "x")), H),
          "equal tuples are one key", {"(1, 'x')": HALF})
    whole(out, "T-dict-text-bytes", pairs(value("k"), T, value(b"k", 3), H),
          "text and bytes are two keys", {"k": ROW, "k~2": HALF})
    many = b"".join(value("k%d" % (i % 50)) + NONE for i in range(1000))
    whole(out, "T-dict-many", pairs(many, value("k7"), T),
          "fifty keys set twenty times", {"k7": ROW})
    whole(out, "T-shared", pairs(value("a"), T + BINPUT(0), value("b"),
                                 BINGET(0)),
          "one tensor, two names", {"a": ROW}, names=["b"])
    shared = value({"w": Raw(T)}) + BINPUT(0)
    whole(out, "T-shared-dict", pairs(value("x"), shared, value("y"),
                                      BINGET(0)),
          "one dict, two names", {"x.w": ROW}, names=["y.w"])
    whole(out, "T-cycle", EMPTY_DICT + BINPUT(0) + MARK + value("a") + T
          + value("me") + BINGET(0) + SETITEMS, "a dict in itself",
          {"a": ROW})
    levels = T + BINPUT(0)
    for i in range(1, 40):
        levels += POP + MARK + BINGET(i - 1) * 2 + LIST + BINPUT(i)
    whole(out, "B2-dag-of-tensors", levels, "2^39 paths to one tensor",
          {".".join(["0"] * 39): ROW}, verdict="unusual",
          names=["more paths"])
    whole(out, "T-ordered-pairs", GLOBAL("collections", "OrderedDict") + value(
        ([["a", Raw(T)], ["b", Raw(H)], ["a", Raw(H)]],)) + REDUCE,
          "Python 2's OrderedDict", {"a": HALF, "b": HALF})
    whole(out, "T-object", call("argparse", "Namespace", ()) + value(
        {"w": Raw(T), "n": 1}) + BUILD, "an argparse.Namespace",
          {"w": ROW}, verdict="unusual", names=["argparse.Namespace"])
    whole(out, "T-slots", GLOBAL("mystery", "Thing") + EMPTY_TUPLE + NEWOBJ
          + value((None, {"w": Raw(T)})) + BUILD, "an object with slots",
          {"w": ROW}, verdict="unusual", names=["mystery.Thing"])
    whole(out, "T-object-args", GLOBAL("mystery", "Thing") + value(
        (Raw(T), 5, [Raw(H)])) + NEWOBJ, "an object's arguments",
          {"0": ROW, "2.0": HALF}, verdict="unusual", names=["mystery.Thing"])


PARTS = (names, repeated)
