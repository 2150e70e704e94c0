# SPDX-License-Identifier: Apache-2.0
"""ONNX models whose tensors stand in every field; numpy_helper.to_array is the
truth."""
import math
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

KINDS = {number: array_rows.NAMES.get(name.lower())
         for name, number in onnx.TensorProto.DataType.items()}
KINDS[onnx.TensorProto.FLOAT4E2M1] = "F4"
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


# Packed by onnx to no whole elements a byte.
SIX = {"float6_e2m3fn": "F6_E2M3", "float6_e3m2fn": "F6_E3M2"}


def row_of(array):
    if array.dtype.name in SIX:
        bits = numpy.unpackbits(
            numpy.ascontiguousarray(array).reshape(-1, 1).view(numpy.uint8),
            axis=1, count=6, bitorder="little")
        return (SIX[array.dtype.name], list(array.shape),
                sha256(numpy.packbits(bits, bitorder="little").tobytes()))
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


def surplus(data):
    """A tensor of packed elements, in more numbers than its shape needs."""
    model = onnx.load_model_from_string(data)
    tensors = list(model.graph.initializer) + [
        a.t for node in model.graph.node for a in node.attribute]
    return any(
        array_rows.PACKED.get(KINDS.get(t.data_type)) and
        math.prod(t.dims) * array_rows.PACKED[KINDS[t.data_type]] <=
        8 * (len(t.int32_data) or len(t.raw_data)) - 8 for t in tensors)


def spare_bits(answer, theirs):
    """They differ in packed tensors alone whose last byte has bits to spare;
    onnx unpacks them, and what is there is not seen any more."""
    differing = [name for name in set(theirs) | set(answer.tensors)
                 if answer.tensors.get(name) != theirs.get(name)]
    return all(
        name in theirs and name in answer.tensors and
        answer.tensors[name][:2] == theirs[name][:2] and
        array_rows.PACKED.get(theirs[name][0]) and
        math.prod(theirs[name][1]) * array_rows.PACKED[theirs[name][0]] % 8
        for name in differing)


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
            found[name.replace("\0", "\ufffd") or "tensor"] = row_of(array)
        return found

    def excuse(self, data, answer, theirs, why):
        text = answer.error[2] if answer.error else ""
        if not data:
            return "empty"          # a message without a field
        if text == "onnx: data is cut inside a value":
            return "varint"         # of over 64 bits
        if text == "onnx: the data does not fit the shape" and surplus(data):
            return "surplus"
        if not text and theirs is not None and spare_bits(answer, theirs):
            return "spare bits"
        if "there twice" in text or "twice" in text:
            return "merged"         # readers would merge the two
        if "no format that is read" in text or \
                text == "PROTO: a protocol above 5":
            return "sniff"          # of a file without magic
        if "of the wrong kind" in text or text == "onnx: a number is none":
            return "kind"           # an unknown field, to protobuf
        if "its type does not have" in text:
            return "two fields"     # to_array looks at one of them
        if any("~" in name for name in answer.tensors):
            return "name twice"
        if not text and "Wire format was corrupt" in why:
            return "unread"         # in what holds no tensor
        return opaque(answer)
