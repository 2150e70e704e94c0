# SPDX-License-Identifier: Apache-2.0
"""Random ONNX models whose elements stand in other files, written by real onnx:
we read what numpy_helper.to_array reads of what onnx.load loads.

usage: interop_onnx_external.py CLI [COUNT [SEED]]
"""
import os
import random
import shutil
import sys

import numpy
import onnx
from onnx import numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures", "onnx"))
import array_rows  # noqa: E402
from directories import Tally  # noqa: E402
from make_onnx import (constant, graph_of, model, tensors_of,  # noqa: E402
                       types, values)


def make_tensor(rand, name):
    kind = rand.choice(list(types()))
    shape = [rand.randrange(0, 5) for _ in range(rand.randrange(0, 5))]
    count = int(numpy.prod(shape, dtype=int))
    return numpy_helper.from_array(values(kind, count).reshape(shape), name)


def reference(made):
    found = {}
    for name, array in tensors_of(made.graph).items():
        row = array_rows.NAMES[array.dtype.name]
        found[name] = (row, array.shape, array_rows.packed(
            array, array_rows.PACKED[row]) if row in array_rows.PACKED else
            numpy.ascontiguousarray(array).tobytes())
    return found


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    rand = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally(sys.argv[1], "onnx-external")
    directory = os.path.join(tally.scratch.name, "model")
    path = os.path.join(directory, "model.onnx")
    for i in range(count):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        nodes = [constant("k%d" % n, numpy.full((n,), n, "f4"))
                 for n in range(rand.randrange(3))]
        made = model(graph_of([make_tensor(rand, "t%d" % n)
                               for n in range(rand.randrange(1, 9))], nodes))
        onnx.save_model(made, path, save_as_external_data=True,
                        all_tensors_to_one_file=rand.random() < 0.5,
                        location="model.data",
                        size_threshold=rand.choice((0, 64)),
                        convert_attribute=rand.random() < 0.5)
        tally.same("%d" % i, path, reference(onnx.load(path)))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
