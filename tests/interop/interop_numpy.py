# SPDX-License-Identifier: Apache-2.0
"""Random npy and npz files written by numpy: we read from them what it reads.

usage: interop_numpy.py CLI [COUNT [SEED]]
"""
import io
import os
import random
import sys

import ml_dtypes
import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reading import Tally  # noqa: E402

NAMES = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16",
         "uint16": "U16", "int32": "I32", "uint32": "U32", "int64": "I64",
         "uint64": "U64", "float16": "F16", "float32": "F32",
         "float64": "F64", "complex64": "C64", "complex128": "C128"}
# Their types are saved as bytes without a name.
OTHERS = {ml_dtypes.bfloat16: "BITS16", ml_dtypes.float8_e4m3fn: "BITS8"}


def make_array(random_, generator):
    shape = tuple(random_.randrange(0, 5)
                  for _ in range(random_.randrange(0, 6)))
    name = random_.choice(list(NAMES) + list(OTHERS))
    dtype = numpy.dtype(name)
    count = int(numpy.prod(shape, dtype=numpy.int64))
    data = generator.bytes(count * dtype.itemsize)
    if name == "bool":
        data = bytes(b & 1 for b in data)
    array = numpy.frombuffer(data, dtype).reshape(shape)
    if random_.random() < 0.3:
        array = numpy.asfortranarray(array)
    if name in NAMES and random_.random() < 0.3:
        array = array.astype(array.dtype.newbyteorder(">"))
    return array


def said(array):
    """Of an array as numpy has read it."""
    if array.dtype.kind == "V":
        return ({1: "BITS8", 2: "BITS16"}[array.dtype.itemsize],
                array.shape, array.tobytes())
    plain = array.astype(array.dtype.newbyteorder("<"))
    return (NAMES[array.dtype.newbyteorder("=").name], array.shape,
            plain.tobytes())


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    random_ = random.Random(seed)
    generator = numpy.random.default_rng(seed)
    tally = Tally(sys.argv[1], "numpy")
    for i in range(count // 2):
        file = io.BytesIO()
        numpy.save(file, make_array(random_, generator))
        file.seek(0)
        tally.same("npy %d" % i, file.getvalue(),
                   {"tensor": said(numpy.load(file))})
        file = io.BytesIO()
        save = random_.choice((numpy.savez, numpy.savez_compressed))
        save(file, **{"n%d%s" % (n, random_.choice(("", "/x", ".y", " ")))
                      : make_array(random_, generator)
                      for n in range(random_.randrange(1, 6))})
        file.seek(0)
        with numpy.load(file) as loaded:
            tally.same("npz %d" % i, file.getvalue(),
                       {name: said(loaded[name]) for name in loaded.files})
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
