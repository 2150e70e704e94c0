# SPDX-License-Identifier: Apache-2.0
"""GGUF files written by ggml's Python package, whose reader is the truth."""
import os
import tempfile

import gguf
import numpy

from case import Case, Maker, sha256

PLAIN = ("float32", "float16", "float64", "int8", "int16", "int32", "int64")
# The package counts 40 bytes for a block of Q8_1, ggml's C code 36.
BLOCKS = [t for t, (n, _) in gguf.GGML_QUANT_SIZES.items()
          if n > 1 and t.name != "Q8_1"]


def fill(writer, random, big):
    if random.random() < 0.3:
        writer.add_custom_alignment(random.choice((8, 16, 64, 4096)))
    writer.add_token_list(["t%d\u00e9" % i
                           for i in range(random.randrange(1, 9))])
    for i in range(random.randrange(0, 4)):
        random.choice((
            lambda k: writer.add_uint32(k, random.getrandbits(32)),
            lambda k: writer.add_int64(k, -random.getrandbits(63)),
            lambda k: writer.add_float64(k, random.random()),
            lambda k: writer.add_bool(k, True),
            lambda k: writer.add_string(k, "text " * random.randrange(9)),
            lambda k: writer.add_array(k, [1, 2, 3])))("key.%d" % i)
    for i in range(random.randrange(0, 6)):
        shape = [random.randrange(1, 5)
                 for _ in range(random.randrange(1, 5))]
        generator = numpy.random.default_rng(random.getrandbits(64))
        if big or random.random() < 0.5:
            writer.add_tensor("t%d" % i, generator.integers(
                -99, 99, shape).astype(random.choice(PLAIN)))
            continue
        kind = random.choice(BLOCKS)
        shape[-1] *= gguf.GGML_QUANT_SIZES[kind][1]
        writer.add_tensor("q%d" % i, generator.integers(
            0, 256, shape, numpy.uint8), raw_dtype=kind)


def said(t, big):
    data = numpy.ascontiguousarray(t.data)
    if big:
        data = data.astype(data.dtype.newbyteorder("<"))
    return (t.tensor_type.name, [int(n) for n in t.shape][::-1],
            sha256(data.tobytes()))


class Gguf(Maker):
    name = "gguf"

    def __init__(self):
        self.kept = tempfile.TemporaryDirectory(prefix="picklefork-gguf-")
        self.path = os.path.join(self.kept.name, "file")

    def make(self, random):
        big = random.random() < 0.2
        writer = gguf.GGUFWriter(
            self.path, "llama", endianess=gguf.GGUFEndian.BIG if big
            else gguf.GGUFEndian.LITTLE)
        fill(writer, random, big)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with open(self.path, "rb") as file:
            data = file.read()
        return Case(data, self.read(data), {})

    def excuse(self, data, answer, theirs, why):
        if answer.error is None and "appears to be version 1 " in why:
            return "version 1"      # ggml has read it, its package has not
        if theirs is not None and theirs.keys() == answer.tensors.keys() and \
                all(row[0] == "Q8_1" or (row[0], list(row[1]), row[2]) ==
                    answer.tensors[name] for name, row in theirs.items()):
            return "Q8_1"
        # ggml's own reader is as strict; its Python package reads on.
        return "ggml" if answer.error and \
            answer.error[2].startswith("gguf: ") else None

    def read(self, data):
        with open(self.path, "wb") as file:
            file.write(data)
        reader = gguf.GGUFReader(self.path)
        big = reader.endianess == gguf.GGUFEndian.BIG
        return {t.name.replace("\0", "\ufffd"): said(t, big)
                for t in reader.tensors}
