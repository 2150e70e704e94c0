# SPDX-License-Identifier: Apache-2.0
"""ONNX models whose tensors stand in every field; numpy_helper.to_array is the
truth."""
import os
import sys

import numpy
import onnx
from onnx import helper, numpy_helper

from case import Case, Maker, opaque, sha256, shape

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))), "fixtures"))
sys.path.insert(0, os.path.join(sys.path[0], "onnx"))
import array_rows  # noqa: E402
from make_onnx import graph_of, model, tensors_of, types, values  # noqa: E402

INT32 = {"FLOAT16": numpy.uint16, "BFLOAT16": numpy.uint16}


def make_tensor(random, name):
    kind = random.choice(list(types()))
    dims = shape(random)
    count = int(numpy.prod(dims, dtype=int))
    array = values(kind, count).reshape(dims)
    tensor = numpy_helper.from_array(array, name)
    if random.random() < 0.5:
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


def row_of(array):
    row = array_rows.NAMES[array.dtype.name]
    return (row, list(array.shape), sha256(array_rows.packed(
        array, array_rows.PACKED[row]) if row in array_rows.PACKED
        else numpy.ascontiguousarray(array).tobytes()))


def all_tensors(graph, path=()):
    """As make_onnx.tensors_of, but names may come twice."""
    for tensor in graph.initializer:
        yield ".".join(path + (tensor.name,)), numpy_helper.to_array(tensor)
    for node in graph.node:
        label = node.name or next((o for o in node.output if o), "node")
        for attribute in node.attribute:
            inner = path + (label, attribute.name)
            if attribute.HasField("t") and \
                    attribute.t.data_type != onnx.TensorProto.STRING:
                yield ".".join(inner), numpy_helper.to_array(attribute.t)
            if attribute.HasField("g"):
                yield from all_tensors(attribute.g, inner)


class Onnx(Maker):
    name = "onnx"

    def make(self, random):
        tensors = [make_tensor(random, "t%d" % n)
                   for n in range(random.randrange(1, 9))]
        nodes = [helper.make_node("Constant", [], ["c%d" % n],
                                  value=make_tensor(random, "ignored"))
                 for n in range(random.randrange(0, 3))]
        data = model(graph_of(tensors, nodes)).SerializeToString()
        return Case(data, self.read(data), {})

    def read(self, data):
        found = {}
        made = onnx.load_model_from_string(data)
        for name, array in tensors_of(made.graph).items():
            found[name or "tensor"] = row_of(array)
        return found

    def excuse(self, data, answer, theirs, why):
        text = answer.error[2] if answer.error else ""
        if "there twice" in text or "twice" in text:
            return "merged"         # readers would merge the two
        if "no format that is read" in text:
            return "sniff"          # of a file without magic
        if "of the wrong kind" in text:
            return "kind"           # an unknown field, to protobuf
        if "its type does not have" in text:
            return "two fields"     # to_array looks at one of them
        if any("~" in name for name in answer.tensors):
            return "name twice"
        if not text and "Wire format was corrupt" in why:
            return "unread"         # in what holds no tensor
        return opaque(answer)
