# SPDX-License-Identifier: Apache-2.0
"""npy, npz, joblib, and arrays inside plain pickles, Paddle's layout too:
numpy.load, joblib.load and pickle.load are the truth."""
import io
import pickle

import joblib
import ml_dtypes
import numpy

from case import Case, Maker, key, opaque, sha256, shape, strict_zip
from says import array_row, says
import random_tensors
import torch_says

NAMES = list(torch_says.NUMPY)
# Saved by numpy as bytes without a name.
OTHERS = {ml_dtypes.bfloat16: "BITS16", ml_dtypes.float8_e4m3fn: "BITS8"}
MAYBE = ("clean", "unusual")


def array(random, others=(), most=6):
    name = random.choice(NAMES + list(others))
    dtype = numpy.dtype(name)
    dims = shape(random, most)
    count = int(numpy.prod(dims, dtype=numpy.int64))
    data = random.randbytes(count * dtype.itemsize)
    if name == "bool":
        data = bytes(b & 1 for b in data)
    made = numpy.frombuffer(data, dtype).reshape(dims)
    if random.random() < 0.3:
        made = numpy.asfortranarray(made) if dims else made
    if random.random() < 0.2 and dims:
        made = made[tuple(slice(None, None, random.choice((1, 2, -1)))
                          for _ in dims)]
    if random.random() < 0.1 and dims:
        made = numpy.broadcast_to(made, (2,) + made.shape)
    if random.random() < 0.1 and len(dims) > 1:
        made = made.swapaxes(0, -1)
    if name in NAMES and random.random() < 0.2:
        made = made.astype(made.dtype.newbyteorder(">"))
    return made


def arrays(random):
    return [array(random) for _ in range(random.choice((1, 2, 3, 5)))]


def said(a):
    """Of an array as numpy has read it from a file of its own."""
    if a.dtype.kind == "V":
        return ({1: "BITS8", 2: "BITS16"}[a.dtype.itemsize], list(a.shape),
                sha256(numpy.ascontiguousarray(a).tobytes()))
    return array_row(a)


class Numpy(Maker):
    def excuse(self, data, answer, theirs, why):
        return opaque(answer)


class Npy(Numpy):
    name = "npy"

    def make(self, random):
        out = io.BytesIO()
        version = random.choice((None, None, (1, 0), (2, 0), (3, 0)))
        numpy.lib.format.write_array(out, array(random, OTHERS), version)
        data = out.getvalue()
        return Case(data, self.read(data), {})

    def read(self, data):
        return {"tensor": said(numpy.load(io.BytesIO(data)))}


class Npz(Numpy):
    name = "npz"
    way = "here-verify"             # numpy checks every CRC

    def excuse(self, data, answer, theirs, why):
        if "zip file version" in why:
            return "zip version"    # nothing depends on it
        return strict_zip(answer) or opaque(answer)

    def make(self, random):
        out = io.BytesIO()
        save = random.choice((numpy.savez, numpy.savez_compressed))
        names = {key(random).replace("/", "_").replace("\\", "_")
                 for _ in range(random.randrange(1, 6))}
        # What no archive may hold stands in DIFFERENCES.md.
        names = {n for n in names if n.strip(". ") and n.isprintable()
                 and ":" not in n}
        names = {n.casefold(): n for n in names}.values() or {"arr_0"}
        save(out, **{n: array(random, OTHERS) for n in sorted(names)})
        data = out.getvalue()
        return Case(data, self.read(data), {})

    def read(self, data):
        with numpy.load(io.BytesIO(data)) as loaded:
            if not hasattr(loaded, "files"):
                raise ValueError("not an archive")
            return {name: said(loaded[name]) for name in loaded.files}


class PickleNumpy(Numpy):
    name = "pickle-numpy"

    def make(self, random):
        value = random_tensors.nest(random, arrays(random))
        data = pickle.dumps(value, random.choice((0, 1, 2, 3, 4, 5)))
        return self.case(data, pickle.loads(data))

    def case(self, data, value, format="pickle", verdicts=MAYBE):
        found = says(value)
        return Case(data, found.rows(), found.aliases, verdicts, format)

    def read(self, data):
        return says(pickle.loads(data)).rows()


class Paddle(PickleNumpy):
    """paddle.save since 2.0: a dict of arrays, names of parameters beside
    them; a tensor by itself is (name, array)."""
    name = "paddle"

    def make(self, random):
        state = {key(random): a for a in arrays(random)}
        if random.random() < 0.5:
            state["StructuredToParameterName@@"] = {
                name: "linear_%d.w_0" % i for i, name in enumerate(state)}
        if random.random() < 0.3:
            state = {"model": state, "epoch": 3, "opt": {
                "moment": ("linear_0.w_0_moment1_0", array(random))}}
        data = pickle.dumps(state, random.choice((2, 4)))
        return self.case(data, pickle.loads(data))


METHODS = ("zlib", "gzip", "bz2", "xz", "lzma", "lz4")


class Joblib(PickleNumpy):
    name = "joblib"
    prefix_most = 400               # each prefix makes a dictionary anew

    def make(self, random):
        value = random_tensors.nest(random, arrays(random))
        how = random.choice((0, 0, 0) + METHODS)
        out = io.BytesIO()
        # xz at 9 takes a dictionary of 64 MiB: more than answer has.
        joblib.dump(value, out, how and (how, random.randrange(1, 8)),
                    protocol=random.choice((None, 2, 3, 4, 5)))
        data = out.getvalue()
        return self.case(data, joblib.load(io.BytesIO(data)),
                         None if how else "pickle")

    def excuse(self, data, answer, theirs, why):
        if answer.error and "padding is not 0xff" in answer.error[2]:
            return "padding"        # joblib skips it unseen
        if answer.error and "frame" in answer.error[2]:
            return "frames"
        return opaque(answer)

    def read(self, data):
        return says(joblib.load(io.BytesIO(data))).rows()
