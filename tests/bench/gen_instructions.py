# SPDX-License-Identifier: Apache-2.0
"""Writes the files that instructions.py counts on: gen_instructions.py OUTDIR
The same bytes everywhere: standard library, nothing random, no pickler."""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
from gen_gguf import Gguf  # noqa: E402
from gen_npy import npy  # noqa: E402
from pickle_asm import (  # noqa: E402
    APPENDS, BINFLOAT, BINGET, BINPERSID, BINPUT, BINUNICODE, BUILD,
    EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, GLOBAL, LONG_BINPUT, MARK, MEMOIZE,
    NEWFALSE, NEWOBJ, NEWTRUE, NONE, PROTO, REDUCE, SETITEMS,
    SHORT_BINUNICODE, STOP, TUPLE, TUPLE1, TUPLE2, integer, ordered_dict,
    torch_tensor)
from zip_writer import Zip, torch_zip  # noqa: E402

COUNT = 5000


class Memo:
    """PUTs each value, as the pickler does; GETs what it has put before."""

    def __init__(self):
        self.next = 0
        self.known = {}

    def put(self, pickle):
        n, self.next = self.next, self.next + 1
        return pickle + (BINPUT(n) if n < 256 else LONG_BINPUT(n))

    def once(self, pickle):
        if pickle in self.known:
            return BINGET(self.known[pickle])
        self.known[pickle] = self.next
        return self.put(pickle)


def tensor(memo, key):
    rebuild = memo.once(GLOBAL("torch._utils", "_rebuild_tensor_v2"))
    storage = memo.once(BINUNICODE("storage"))
    storage += memo.once(GLOBAL("torch", "FloatStorage"))
    storage += memo.put(BINUNICODE(key)) + memo.once(BINUNICODE("cpu"))
    storage = memo.put(MARK + storage + integer(16) + TUPLE) + BINPERSID
    size = memo.put(integer(16) + TUPLE1)
    stride = memo.put(integer(1) + TUPLE1)
    hooks = memo.once(GLOBAL("collections", "OrderedDict"))
    hooks = memo.put(hooks + EMPTY_TUPLE + REDUCE)
    return memo.put(rebuild + memo.put(
        MARK + storage + integer(0) + size + stride + NEWFALSE + hooks +
        TUPLE) + REDUCE)


def name_of(i):
    return "blocks.%d.sub.%d.weight" % (i // 10, i % 10)


def torch_tensors():
    """5,000 small tensors as torch.save would have written them, memo and
    all; a member each."""
    memo = Memo()
    pickle = PROTO(2) + memo.put(EMPTY_DICT)
    for first in range(0, COUNT, 1000):
        pickle += MARK
        for i in range(first, first + 1000):
            pickle += memo.put(BINUNICODE(name_of(i))) + tensor(memo, str(i))
        pickle += SETITEMS
    return torch_zip(pickle + STOP, {
        str(i): bytes([i % 251]) * 64 for i in range(COUNT)})


def opcodes():
    """Plain data of protocol 4, 300,000 opcodes: for the machine."""
    pickle = [PROTO(4), EMPTY_LIST, MEMOIZE, MARK]
    for i in range(12000):
        pickle += [
            EMPTY_DICT, MEMOIZE, MARK,
            SHORT_BINUNICODE("k%d" % i), MEMOIZE, integer(i * 77),
            SHORT_BINUNICODE("v"), MEMOIZE,
            EMPTY_LIST, MEMOIZE, MARK, integer(i % 200), BINFLOAT(i / 8),
            NONE, NEWTRUE, APPENDS,
            integer(i), integer(i + 1), TUPLE2, MEMOIZE,
            SHORT_BINUNICODE("x" * (i % 40)), MEMOIZE, SETITEMS]
    return b"".join(pickle) + APPENDS + STOP


def members():
    """An archive of 5,000 npy members, as numpy.savez writes them."""
    archive = Zip(style="plain")
    for i in range(COUNT):
        archive.add(name_of(i) + ".npy",
                    npy("'<f4'", "(16,)", bytes([i % 251]) * 64))
    return archive.finish()


def safetensors():
    header = {name_of(i): {"dtype": "F32", "shape": [4, 4],
                           "data_offsets": [64 * i, 64 * i + 64]}
              for i in range(COUNT)}
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64 * COUNT)


def gguf():
    out = Gguf()
    out.value("general.architecture", 8, out.text("llama"))
    out.value("tokenizer.ggml.tokens", 9, out.pack("I", 8) + out.length(
        COUNT) + b"".join(out.text("token%d" % i) for i in range(COUNT)))
    for i in range(COUNT):
        out.tensor(name_of(i), [16], 0, bytes(64))
    return out.bytes()


def ordered(entries):
    return ordered_dict() + MARK + b"".join(
        BINUNICODE(k) + v for k, v in entries) + SETITEMS


def module():
    """A pickled module of 2,000 modules, each of a class of its own that nobody
    knows: for the verdict and the walk."""
    def one(class_name, parameters, modules):
        return GLOBAL("library.layers." + class_name.lower(), class_name) + \
            EMPTY_TUPLE + NEWOBJ + EMPTY_DICT + MARK + \
            BINUNICODE("training") + NEWTRUE + \
            BINUNICODE("_parameters") + ordered(parameters) + \
            BINUNICODE("_buffers") + ordered_dict() + \
            BINUNICODE("_modules") + ordered(modules) + \
            BINUNICODE("activation") + GLOBAL("torch", "relu") + \
            SETITEMS + BUILD
    children = [("layer%d" % i, one("Block%d" % i, [
        ("weight", torch_tensor("0"))], [])) for i in range(2000)]
    return torch_zip(PROTO(2) + one("Whole", [
        ("weight", torch_tensor("0"))], children) + STOP, {"0": bytes(24)})


for name, make in (("tensors5k.pt", torch_tensors), ("opcodes.pkl", opcodes),
                   ("members5k.npz", members),
                   ("tensors5k.safetensors", safetensors),
                   ("tensors5k.gguf", gguf), ("module.pt", module)):
    with open(os.path.join(sys.argv[1], name), "wb") as out:
        out.write(make())
