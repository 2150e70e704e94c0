# SPDX-License-Identifier: Apache-2.0
"""Random flax trees, honest and broken: we read what flax.serialization reads,
and refuse what it refuses.

usage: interop_flax.py CLI [COUNT [SEED]]
"""
import os
import random
import sys

import flax.serialization as serialization
import ml_dtypes
import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures", "flax"))
import array_rows  # noqa: E402
from make_flax import DTYPES, OTHERS, leaves  # noqa: E402
from reading import Tally  # noqa: E402

LETTERS = "abc_XYZ019\u00e9\u20ac /"


def text(random_):
    return "".join(random_.choice(LETTERS)
                   for _ in range(random_.randrange(1, 40)))


def make_array(random_):
    name = random_.choice(DTYPES + OTHERS)
    dtype = numpy.dtype(getattr(ml_dtypes, name, name))
    shape = [random_.randrange(0, 5) for _ in range(random_.randrange(0, 5))]
    count = int(numpy.prod(shape, dtype=int))
    data = random_.randbytes(count * dtype.itemsize)
    if name == "bool":
        data = bytes(b & 1 for b in data)
    return numpy.frombuffer(data, dtype).reshape(shape)


def make_tree(random_, depth=0):
    kind = random_.randrange(10)
    if depth == 0 or (kind < 3 and depth < 5):
        return {text(random_): make_tree(random_, depth + 1)
                for _ in range(random_.randrange(1, 20 if depth else 6))}
    if kind < 7:
        return make_array(random_)
    return random_.choice((
        None, True, random_.getrandbits(random_.randrange(1, 65)),
        -random_.getrandbits(random_.randrange(1, 64)), random_.random(),
        text(random_), random_.randbytes(5), numpy.float32(1.5), 1j,
        [numpy.arange(3), 1], ml_dtypes.bfloat16(2)))


def broken(random_, data):
    data = bytearray(data)
    at = random_.randrange(len(data))
    kind = random_.randrange(3)
    if kind == 0:
        data[at] = random_.randrange(256)
    elif kind == 1:
        del data[at]
    else:
        data.insert(at, random_.randrange(256))
    return bytes(data)


def reference(data):
    """None when flax refuses it.  Of a broken file numpy may complain in many
    ways."""
    try:
        tree = serialization.msgpack_restore(data)
    except Exception:                           # pylint: disable=W0718
        return None
    return {name or "tensor": (array_rows.NAMES[a.dtype.name], a.shape,
                               numpy.ascontiguousarray(a).tobytes())
            for name, a in leaves(tree).items()}


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    random_ = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally(sys.argv[1], "flax")
    refused = honest = 0
    while honest < count:
        tree = make_tree(random_)
        if not leaves(tree):
            continue
        honest += 1
        serialization.MAX_CHUNK_SIZE = random_.choice((16, 64, 2 ** 30))
        data = serialization.msgpack_serialize(tree)
        tally.same("honest %d" % honest, data, reference(data))
        data = broken(random_, data)
        if reference(data) is None:
            refused += 1
            report, _ = tally.listed(data)
            # A dtype that does not exist leaves one tensor out.
            left = report is not None and any(
                n["kind"] == "skipped" for n in report["notes"])
            tally.check("broken %d" % honest, [] if report is None or left
                        else ["flax refuses it"], data)
    print("interop flax: flax refused %d" % refused)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
