# SPDX-License-Identifier: Apache-2.0
"""Flax's MessagePack trees; flax.serialization is the truth."""
import os
import sys

import flax.serialization as serialization
import ml_dtypes
import numpy

from case import Case, Maker, opaque, sha256, shape

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))), "fixtures"))
sys.path.insert(0, os.path.join(sys.path[0], "flax"))
import array_rows  # noqa: E402
from make_flax import DTYPES, OTHERS, leaves  # noqa: E402

LETTERS = "abc_XYZ019\u00e9\u20ac /."


def text(random):
    return "".join(random.choice(LETTERS)
                   for _ in range(random.randrange(1, 40)))


def array(random):
    name = random.choice(DTYPES + OTHERS)
    dtype = numpy.dtype(getattr(ml_dtypes, name, name))
    dims = shape(random)
    count = int(numpy.prod(dims, dtype=int))
    data = random.randbytes(count * dtype.itemsize)
    if name == "bool":
        data = bytes(b & 1 for b in data)
    made = numpy.frombuffer(data, dtype).reshape(dims)
    return made.swapaxes(0, -1) if len(dims) > 1 and random.random() < 0.2 \
        else made


def tree(random, depth=0):
    kind = random.randrange(10)
    if depth == 0 or (kind < 3 and depth < 5):
        return {text(random): tree(random, depth + 1)
                for _ in range(random.randrange(1, 8 if depth else 6))}
    if kind < 7:
        return array(random)
    return random.choice((
        None, True, random.getrandbits(random.randrange(1, 65)),
        -random.getrandbits(random.randrange(1, 64)), random.random(),
        text(random), random.randbytes(5), numpy.float32(1.5), 1j,
        [numpy.arange(3), 1], ml_dtypes.bfloat16(2)))

# Parts of a chunked array that are not as flax writes them, and do for it.
CHUNKED = {"flax: a chunk is no array", "flax: a chunk is not flat",
           "flax: a chunked array that denies it"}


class Flax(Maker):
    name = "flax"

    def make(self, random):
        made = tree(random)
        while not leaves(made):
            made = tree(random)
        serialization.MAX_CHUNK_SIZE = random.choice((16, 64, 2 ** 30))
        data = serialization.msgpack_serialize(made)
        # Names that two paths share get ~2: not what leaves() counts.
        return Case(data, self.read(data), {}, format="flax-msgpack")

    def read(self, data):
        return {name.replace("\0", "\ufffd") or "tensor": (
            array_rows.NAMES[a.dtype.name], list(a.shape),
            sha256(numpy.ascontiguousarray(a).tobytes()))
            for name, a in leaves(serialization.msgpack_restore(data)).items()}

    def excuse(self, data, answer, theirs, why):
        text = answer.error[2] if answer.error else ""
        if "a key twice" in text:
            return "key twice"
        if "no format that is read" in text:
            return "sniff"          # of a file without magic
        if text == "flax: a dimension that is none" and \
                data[answer.error[1]] >= 0xc2:
            return "reshape"        # -1, true and false are numbers to it
        if text == "flax: an array without a shape":
            return "reshape"        # one number does
        if text in CHUNKED:
            return "chunked"
        if text.startswith("msgpack: a map's key is neither"):
            return "map key"
        if answer.error is None and "not understood" in why:
            return "scalar"         # of a dtype that does not exist
        return opaque(answer)
