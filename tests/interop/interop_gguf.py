# SPDX-License-Identifier: Apache-2.0
"""Random GGUF files written by ggml's Python package: we read what it reads.

usage: interop_gguf.py CLI [COUNT [SEED]]
"""
import os
import random
import sys
import tempfile

import gguf
import numpy

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reading import Tally  # noqa: E402

PLAIN = ("float32", "float16", "float64", "int8", "int16", "int32", "int64")
# The package counts 40 bytes for a block of Q8_1, ggml's C code 36.
BLOCKS = [t for t, (n, _) in gguf.GGML_QUANT_SIZES.items()
          if n > 1 and t.name != "Q8_1"]


def fill(writer, random_, generator, big):
    if random_.random() < 0.3:
        writer.add_custom_alignment(random_.choice((8, 16, 64, 4096)))
    writer.add_token_list(["t%d" % i for i in range(random_.randrange(1, 9))])
    for i in range(random_.randrange(0, 6)):
        shape = [random_.randrange(1, 5)
                 for _ in range(random_.randrange(1, 5))]
        if big or random_.random() < 0.5:
            data = generator.integers(-99, 99, shape).astype(
                random_.choice(PLAIN))
            writer.add_tensor("t%d" % i, data)
            continue
        kind = random_.choice(BLOCKS)
        shape[-1] *= gguf.GGML_QUANT_SIZES[kind][1]
        writer.add_tensor("q%d" % i, generator.integers(
            0, 256, shape, numpy.uint8), raw_dtype=kind)


def said(t, big):
    data = numpy.ascontiguousarray(t.data)
    if big:
        data = data.astype(data.dtype.newbyteorder("<"))
    return (t.tensor_type.name, [int(n) for n in t.shape][::-1],
            data.tobytes())


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    random_ = random.Random(seed)
    generator = numpy.random.default_rng(seed)
    tally = Tally(sys.argv[1], "gguf")
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(count):
            path = os.path.join(scratch, "file")
            big = random_.random() < 0.2
            writer = gguf.GGUFWriter(
                path, "llama", endianess=gguf.GGUFEndian.BIG if big
                else gguf.GGUFEndian.LITTLE)
            fill(writer, random_, generator, big)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            with open(path, "rb") as file:
                data = file.read()
            tally.same("file %d" % i, data, {
                t.name: said(t, big) for t in gguf.GGUFReader(path).tensors})
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
