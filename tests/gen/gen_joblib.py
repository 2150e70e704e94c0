#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""joblib's pickles with arrays inside the stream, and compressed ones.

    tests/gen/gen_joblib.py OUTDIR

J-*: wrappers whose bytes are missing, too long, of a size that overflows; code
behind and inside of arrays; bombs (ATTACKS: P20).  The same at every run."""

import gzip
import sys
import zlib

from older_out import *             # noqa: F403


def dtype(code="f4", order="<", flags=0):
    return stated(code, (3, order, None, None, None, -1, -1, flags))


def stated(code, state):
    return Raw(call("numpy", "dtype", (code, False, True))
               + value(state) + BUILD)


# numpy finds objects by these fields, or another size in the state.
FIELDS = {"a": stated("O8", (3, "|", None, None, None, -1, -1, 63))}
STATES = (("old", "V8", (2, "|", None, ("a",), FIELDS, 8, 1)),
          ("old-flags", "V8", (2, "|", None, ("a",), FIELDS, 8, 1, 0)),
          ("older", "V8", (0, "|", None, FIELDS, 8, 1)),
          ("no-flags", "V8", (3, "|", None, ("a",), FIELDS, 8, 1)),
          ("size", "V8", (3, "|", None, None, None, 4, 1, 0)),
          ("no-size", "V8", (3, "|", None, None, None, -1, 1, 0)),
          ("strings", "S8", (3, "|", None, None, None, 4, 1, 0)),
          ("own", "f8", (3, "<", None, None, None, -1, -1, 1)),
          ("none", "O8", (3, "|", None, None, None, -1, -1, 0)),
          ("list", "f8", [3, "<", None, None, None, -1, -1, 0]),
          ("text", "f8", (3, "<", None, None, None, -1, -1, "1")))
EVIL_TEXT = b"cos\nsystem\n(S'true '\ntR."                # 24 bytes


def array(data=DATA, shape=(2, 3), code="f4", order="C", pad=16,
          module="joblib.numpy_pickle", **o):
    """A wrapper and the bytes behind its BUILD."""
    state = {"subclass": Raw(GLOBAL("numpy", "ndarray")), "shape": shape,
             "order": order, "dtype": o.get("dtype", dtype(code)),
             "allow_mmap": True, "numpy_array_alignment_bytes": pad}
    for name in o.get("without", ()):
        del state[name]
    padding = b"" if pad is None else o.get("padding", b"\3\xff\xff\xff")
    return GLOBAL(module, "NumpyArrayWrapper") + EMPTY_TUPLE + NEWOBJ \
        + value(state) + BUILD + padding + data


def dump(body, proto=3):
    return PROTO(proto) + body + STOP


def one(**o):
    return dump(state_dict({"good": array(**o)}, ordered=False))


def good(out):
    out.load("J-good", one(), "an array in a pickle", GOOD_ROW)
    out.load("J-old", one(pad=None, without=[
        "numpy_array_alignment_bytes"]), "joblib before 1.2", GOOD_ROW)
    out.load("J-sklearn", one(module="sklearn.externals.joblib.numpy_pickle"),
             "scikit-learn's own joblib", GOOD_ROW)
    out.refuse("J-order", one(without=["order"]), "an array without an order")
    out.load("J-nopad", one(padding=b"\0"), "no padding", GOOD_ROW)
    out.load("J-empty", one(data=b"", shape=(0, 3)), "an empty array",
             {"good": tensor("F32", (0, 3), b"")})
    for name, make in (("zlib", zlib.compress), ("gzip", lambda d:
                       gzip.compress(d, mtime=0))):
        out.load("J-" + name, make(one()), "compressed by " + name, GOOD_ROW)
        data = make(one())
        out.refuse("J-%s-cut" % name, data[:-1], "cut short")
        out.refuse("J-%s-after" % name, data + b"x", "bytes after it")
        out.refuse("J-%s-sum" % name, data[:-6] + bytes([data[-6] ^ 1])
                   + data[-5:] if name == "gzip" else
                   data[:-1] + bytes([data[-1] ^ 1]), "a wrong checksum")
        out.refuse("J-%s-text" % name, make(b"hello, world\n" * 10),
                   "text inside", code="PFORK_E_UNSUPPORTED")
        out.refuse("J-%s-empty" % name, make(b""), "nothing inside",
                   code="PFORK_E_UNSUPPORTED")
        out.load("J-%s-evil" % name, make(dump(EVIL)), "code inside", {},
                 "dangerous", ["os.system"])
        out.load("J-%s-zeros" % name, make(one(
            data=bytes(4 << 20), shape=(1 << 20,))), "4 MiB of zeros",
            {"good": tensor("F32", (1 << 20,), bytes(4 << 20))})


def hostile(out):
    out.refuse("J-cut", one()[:-30], "the bytes end early")
    out.refuse("J-pad", one(padding=b"\3\xff\0\xff"), "padding of zeros")
    out.refuse("J-pad-past", one(data=b"", padding=b"\xff"),
               "padding past the end")
    for shape in ((-1,), (2**31,), (2**32,), (2**62, 4), (2**63 - 1,),
                  (2**64,), (True,), ("2",), (None,), 6, None):
        out.refuse("J-shape-%s" % str(shape).replace("'", "").replace(
            " ", "").replace("(", "").replace(")", "").replace(",", "_"),
            one(shape=shape), "the shape %r" % (shape,))
    for code in ("f", "", "f99999999999", "fx", "4f"):
        out.refuse("J-dtype-" + (code or "none"), one(code=code),
                   "the dtype %r" % code)
    for name, code, state in STATES:
        out.refuse("J-state-" + name, one(
            dtype=stated(code, state), shape=(3,), pad=None,
            without=["numpy_array_alignment_bytes"], data=EVIL_TEXT),
            "a dtype whose state says less than the truth",
            verdict="dangerous", names=["os.system"])
    out.refuse("J-state-behind", one(
        dtype=stated("V8", STATES[4][2]), shape=(6,), pad=None,
        without=["numpy_array_alignment_bytes"],
        data=bytes(24) + EVIL_TEXT[:-1] + b"0"),
        "code within the bytes that half of an array's may be")
    for name, code, state in (
            ("structure", "V8", (3, "|", None, None, None, 8, 1, 0)),
            ("strings-good", "U2", (3, "<", None, None, None, 8, 4, 8)),
            ("times", "M8", (4, "<", None, None, None, -1, -1, 0,
                             ({}, ("ns", 1, 1, 1))))):
        out.load("J-state-" + name, one(
            dtype=stated(code, state), shape=(3,)),
            "a dtype that is no tensor's", {})
    small = Raw(GLOBAL("ml_dtypes", "bfloat16"))
    row = {"good": tensor("BF16", (2, 3), DATA[:12])}
    out.load("J-class", one(dtype=stated(small, (
        3, "<", None, None, None, 2, 2, 64)), data=DATA[:12]),
        "a type that is given as a class", row, "unusual")
    out.refuse("J-class-size", one(dtype=stated(small, (
        3, "<", None, None, None, 1, 1, 64)), data=DATA[:12]),
        "half of its size in its state")
    out.refuse("J-class-other", one(dtype=stated(Raw(GLOBAL(
        "numpy", "float64")), (3, "<", None, None, None, 8, 8, 0)),
        data=DATA[:12]), "another package's class")
    out.refuse("J-dtype-text", one(dtype="f4"), "the dtype is text")
    out.refuse("J-state", dump(GLOBAL("joblib.numpy_pickle",
               "NumpyArrayWrapper") + EMPTY_TUPLE + NEWOBJ + value([1])
               + BUILD), "the state is a list")
    out.refuse("J-frame", PROTO(4) + FRAME(len(array()) + 1) + array() + STOP,
               "the bytes stand inside of a frame")
    out.load("J-evil-after", dump(state_dict({"good": array(), "x": EVIL})),
             "code behind an array", GOOD_ROW, "dangerous", ["os.system"])
    out.load("J-evil-bytes", one(data=(EVIL + STOP).ljust(24)),
             "a pickle as an array's bytes", None, "dangerous",
             ["os.system"])
    out.load("J-evil-objects", dump(state_dict({
        "good": array(), "x": array(data=dump(EVIL), code="O8",
                                    padding=b"", dtype=dtype("O8", "|", 63))})),
        "code as an array of objects", GOOD_ROW, "dangerous", ["os.system"])
    out.refuse("J-objects-cut", one(data=dump(EVIL)[:-1], code="O8",
               padding=b"", dtype=dtype("O8", "|", 63))[:-3],
               "an array of objects that breaks off", verdict="dangerous",
               names=["os.system"])


WRAPPER = GLOBAL("joblib.numpy_pickle", "NumpyArrayWrapper")
PLAIN = {"shape": (1,), "order": "C", "dtype": dtype("u1", "|"),
         "allow_mmap": False}


def ends_elsewhere(out):
    """joblib's reader takes other bytes for the array than a reader that looks
    at honest wrappers alone: behind them, or in them, it finds opcodes."""
    made = {
        "newobj": GLOBAL("copyreg", "__newobj__") + WRAPPER + TUPLE1 + REDUCE,
        "newobj-ex": GLOBAL("copyreg", "__newobj_ex__") + WRAPPER
        + EMPTY_TUPLE + EMPTY_DICT + TUPLE3 + REDUCE,
        "nested": GLOBAL("torch._utils", "_rebuild_from_type_v2")
        + MARK + GLOBAL("copyreg", "_reconstructor")
        + GLOBAL("collections", "OrderedDict") + WRAPPER
        + GLOBAL("builtins", "object") + NONE + TUPLE3 + EMPTY_DICT
        + TUPLE + REDUCE,
    }
    hidden = NONE + POP + EVIL + POP + EMPTY_DICT + STOP
    for name, make in made.items():
        out.load("J-made-" + name, PROTO(4) + make + value(PLAIN) + BUILD
                 + BINBYTES(hidden) + POP + POP + EMPTY_DICT + STOP,
                 "a wrapper made by another function", None, "dangerous")
    out.refuse("J-made-call", dump(
        WRAPPER + MARK + GLOBAL("numpy", "ndarray") + value((0,))
        + value("C") + value(dtype("u1", "|")) + TUPLE + REDUCE
        + value(PLAIN) + BUILD + b"\0" + SHORT_BINBYTES(
            (POP + EVIL + POP).ljust(0x89, NONE)) + POP + POP),
        "a wrapper whose constructor is called", verdict="dangerous")
    out.refuse("J-built-twice", dump(
        WRAPPER + EMPTY_TUPLE + NEWOBJ + BINPUT(1)
        + value({**PLAIN, "shape": (0,), "numpy_array_alignment_bytes": 16})
        + BUILD + b"\0" + POP + BINGET(1) + value(PLAIN) + BUILD + b"\0"),
        "a wrapper with two states", verdict="dangerous")
    out.load("J-in-list", dump(state_dict({"good": array(), "x":
        EMPTY_LIST + WRAPPER + APPEND}, ordered=False)),
        "the wrapper's class in a list", GOOD_ROW, "dangerous")
    out.refuse("J-method", dump(
        WRAPPER + EMPTY_TUPLE + NEWOBJ + value({
            **PLAIN, "read": Raw(GLOBAL("collections", "OrderedDict"))})
        + BUILD + b"x"), "an attribute in the way of a method")


def without_joblib(out):
    """The bytes of an array are opcodes to those who know no joblib."""
    code = POP + EVIL + POP + EMPTY_DICT + STOP
    bare = {"pad": None, "without": ["numpy_array_alignment_bytes"]}
    out.load("J-plain-code", one(data=code, shape=(len(code),), code="u1",
                                 **bare), "an array that is opcodes",
             {"good": tensor("U8", (len(code),), code)}, "dangerous",
             ["os.system"])
    code = POP + EVIL + POP
    out.load("J-plain-broken", one(data=code.ljust(80, b"\xff"), shape=(80,),
                                   code="u1", **bare),
             "the same, which breaks off after the call",
             {"good": tensor("U8", (80,), code.ljust(80, b"\xff"))},
             "dangerous", ["os.system"])
    code = POP + GLOBAL("os", "system") + POP
    out.load("J-plain-named", one(data=code.ljust(80, b"\xff"), shape=(80,),
                                  code="u1", **bare),
             "a name among an array's bytes, which is not called",
             {"good": tensor("U8", (80,), code.ljust(80, b"\xff"))})


def hidden_objects(out):
    """numpy takes eight bytes of the file for an object's address."""
    O8 = Raw(call("numpy", "dtype", ("O8", False, True)))
    fields = {"a": (O8, 0)}
    for name, made, state in (
            ("fields", "V8", (3, "|", None, ("a",), fields, 8, 1, 0)),
            ("subarray", "V8", (3, "|", (O8, (1,)), None, None, 8, 1, 0)),
            ("code", "O8", (3, "|", None, None, None, -1, -1, 0)),
            ("list", "i4,O", (3, "|", None, None, None, 12, 1, 0)),
            ("class", Raw(GLOBAL("collections", "OrderedDict")),
             (3, "|", None, None, None, -1, -1, 0))):
        out.load("J-hidden-" + name, dump(state_dict({"x":
            GLOBAL("numpy.core.multiarray", "scalar")
            + stated(made, state).pickle + value(b"AAAAAAAA") + TUPLE2
            + REDUCE}, ordered=False)), "a dtype that hides its objects",
            {}, "dangerous")
    two = stated("V8", (3, "|", None, ("a",), fields, 8, 1, 0)).pickle
    out.refuse("J-hidden-twice", dump(state_dict({"x":
        two + value((3, "|", None, None, None, 8, 1, 0)) + BUILD},
        ordered=False)), "a dtype with two states",
        verdict="dangerous")
    out.load("J-hidden-aside", dump(state_dict({"x":
        GLOBAL("copyreg", "__newobj__") + GLOBAL("numpy", "dtype")
        + value("V8") + TUPLE2 + REDUCE
        + value((3, "|", None, ("a",), fields, 8, 1, 0)) + BUILD},
        ordered=False)), "a dtype made by another function", {}, "dangerous")
    told = stated("V8", (3, "|", None, ("a",), fields, 8, 1, 63))
    out.load("J-told-objects", dump(state_dict({"x": told.pickle},
             ordered=False)), "a dtype that says so", {})


def main():
    out = Out(sys.argv[1], ".joblib")
    for part in (good, hostile, ends_elsewhere, without_joblib,
                 hidden_objects):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
