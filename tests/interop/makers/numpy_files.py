# SPDX-License-Identifier: Apache-2.0
"""npy, npz, joblib, and arrays inside plain pickles, Paddle's layout too:
numpy.load, joblib.load and pickle.load are the truth."""
import io
import pickle
import zlib

import joblib
import joblib.numpy_pickle
import ml_dtypes
import numpy
from numpy.lib import _format_impl

from case import (Case, Maker, frames, key, left_out, opaque, sha256, shape,
                  strict_zip)
from fence import Fence, Refused
from inert import inert
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


LITERAL = {
    "npy: the header is not the dict that it must be",
    "npy: no natural number in the shape", "npy: no text where one must be",
    "npy: no ',' in the shape", "npy: fortran_order is no bool",
    "npy: the header has another key, or one twice",
    "npy: a text without an end", "npy: descr is not understood"}


class Npy(Numpy):
    name = "npy"

    def excuse(self, data, answer, theirs, why):
        """Of what Python can write as a literal numpy writes little."""
        if answer.error is None and "dtype descriptor: '<f1'" in why:
            return "f1"
        if answer.error is None or theirs is None or \
                answer.error[2] not in LITERAL:
            return opaque(answer)
        source, again = io.BytesIO(data), io.BytesIO()
        version = numpy.lib.format.read_magic(source)
        dims, fortran, dtype = _format_impl._read_array_header(source, version)
        numpy.lib.format.write_array_header_2_0(again, {
            "shape": dims, "fortran_order": fortran,
            "descr": numpy.lib.format.dtype_to_descr(dtype)})
        again = self.ask(again.getvalue() + source.read())
        return "literal" if again.error is None and \
            again.tensors == theirs else None

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


# What numpy takes of a pickle and we refuse.
STRICT = (("dtype is none: '_reconstruct'", "first dtype"),
          ("dtype has references for numbers", "references"))
# Of arguments that are other objects, whose class we do not know.
ARGUMENTS = ("_reconstruct() argument 1 must be",
             "Cannot construct a dtype from",
             "First argument must be a sub-type of ndarray")


class PickleNumpy(Numpy):
    name = "pickle-numpy"

    def __init__(self):
        self.soft = Fence(self.read_inert)

    def end(self):
        self.soft.end()

    def read_inert(self, data):
        """(rows, some depend on keys or ids that are unknown)"""
        reader = inert()(io.BytesIO(data))
        return says(reader.load()).rows(), reader.unknown

    def excuse(self, data, answer, theirs, why):
        if answer.error:
            return frames(answer) or next((name for text, name in STRICT if
                                           answer.error[2].startswith(text)),
                                          None)
        if why == "MemoryError()":
            return "memory"
        if any(text in why for text in ARGUMENTS):
            return "inert"
        if theirs is not None:
            # An array by numpy.ndarray(..) itself: a call like others.
            return left_out(answer, theirs) or ("inert" if (
                "call", "clean", "numpy.ndarray(...)") in answer.notes
                else None)
        try:
            rows, unknown = self.soft(data)
        except Refused:
            return None
        rows = {name: (row[0], list(row[1]), row[2])
                for name, row in rows.items()}
        ours = {name: (row[0], list(row[1]), row[2])
                for name, row in answer.tensors.items()}
        if rows == ours:
            return "inert"
        # Which of its names an array has depends on what is unknown.
        ours.update({a: ours[t] for a, t in answer.aliases.items()})
        lacking = sum(name not in ours for name in rows)
        return "inert" if (unknown or lacking) and lacking <= sum(
            kind == "skipped" for kind, _, _ in answer.notes) and all(
                ours.get(name, row) == row
                for name, row in rows.items()) else None

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


def before_damage(data):
    """What a zlib or gzip stream gives before it is wrong, or ends."""
    stream = zlib.decompressobj(-15)
    out = b""
    try:
        for i in range(2 if data[:1] == b"x" else 10, len(data)):
            out += stream.decompress(data[i:i + 1])
    except zlib.error:
        pass
    return out


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
        text = answer.error[2] if answer.error else ""
        if "an attribute that is not a wrapper's" in text:
            return "attribute"      # joblib sets it, and most do no harm
        if text == "BUILD: joblib: a dtype of unknown size":
            return "dtype state"    # numpy works out what is not there
        if "padding is not 0xff" in text:
            return "padding"        # joblib skips it unseen
        if text == "inflate: invalid data, or a wrong checksum" and \
                self.ask(before_damage(data)).tensors == theirs:
            return "checksum"       # joblib does not come to the damage
        return super().excuse(data, answer, theirs, why) or opaque(answer)

    def read_inert(self, data):
        with joblib.numpy_pickle._validate_fileobject_and_memmap(
                io.BytesIO(data), "", None) as (file, _):
            reader = inert(joblib.numpy_pickle.NumpyUnpickler)(
                "", file, ensure_native_byte_order=True)
            return says(reader.load()).rows(), reader.unknown

    def read(self, data):
        return says(joblib.load(io.BytesIO(data))).rows()
