# SPDX-License-Identifier: Apache-2.0
"""Random ONNX models: we read what numpy_helper.to_array
reads, whichever field the elements stand in.

usage: interop_onnx.py CLI [COUNT [SEED]]
"""
import os
import random
import sys

import numpy
from onnx import helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures", "onnx"))
import array_rows  # noqa: E402
from make_onnx import graph_of, model, tensors_of, types, values  # noqa: E402
from reading import Tally  # noqa: E402

INT32 = {"FLOAT16": numpy.uint16, "BFLOAT16": numpy.uint16}


def make_tensor(random_, name):
    kind = random_.choice(list(types()))
    shape = [random_.randrange(0, 5) for _ in range(random_.randrange(0, 5))]
    count = int(numpy.prod(shape, dtype=int))
    array = values(kind, count).reshape(shape)
    tensor = numpy_helper.from_array(array, name)
    if random_.random() < 0.5:
        return tensor
    field = helper.tensor_dtype_to_field(types()[kind])
    flat = array.reshape(-1)
    if field == "int32_data":
        width = INT32.get(kind, numpy.uint8 if array.dtype.itemsize == 1
                          else None)
        if array_rows.NAMES[array.dtype.name] in array_rows.PACKED:
            flat = numpy.frombuffer(tensor.raw_data, numpy.uint8)
        elif width is not None and kind not in ("INT8",):
            flat = flat.view(width)
    elif kind.startswith("COMPLEX"):
        flat = flat.view(numpy.float32 if kind == "COMPLEX64"
                         else numpy.float64)
    tensor.ClearField("raw_data")
    getattr(tensor, field).extend(v.item() for v in flat)
    return tensor


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
    random_ = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally(sys.argv[1], "onnx")
    for i in range(count):
        tensors = [make_tensor(random_, "t%d" % n)
                   for n in range(random_.randrange(1, 9))]
        made = model(graph_of(tensors))
        data = made.SerializeToString()
        tally.same("honest %d" % i, data, reference(made))
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
