# SPDX-License-Identifier: Apache-2.0
"""Random safetensors files, honest and broken: we take what the reference
reader takes, and read the same from it.

usage: interop_safetensors.py CLI [COUNT [SEED]]
"""
import json
import os
import random
import struct
import sys

import safetensors

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from reading import Tally  # noqa: E402

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
        "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
        "U64": 64}
LETTERS = "abc.XYZ_0189-\u00e9\u20ac\U0001f374 \"\\/\n\t\x1b"


def text(random_):
    return "".join(random_.choice(LETTERS)
                   for _ in range(random_.randrange(1, 12)))


def make_header(random_):
    header, at = {}, 0
    for _ in range(random_.randrange(0, 8)):
        dtype = random_.choice(list(BITS))
        shape = [random_.randrange(0, 5)
                 for _ in range(random_.randrange(0, 5))]
        bits = BITS[dtype]
        for n in shape:
            bits *= n
        if bits % 8:
            shape, bits = shape + [8], bits * 8
        name = text(random_)
        if name in header:
            continue
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [at, at + bits // 8]}
        at += bits // 8
    items = list(header.items())
    random_.shuffle(items)
    if random_.random() < 0.5:
        items.insert(random_.randrange(len(items) + 1), ("__metadata__", {
            text(random_): text(random_) for _ in range(3)}))
    return dict(items), at


def make_file(random_):
    header, length = make_header(random_)
    body = json.dumps(header, ensure_ascii=random_.random() < 0.5,
                      indent=random_.choice((None, None, 1))).encode()
    body += b" " * random_.randrange(9)
    return struct.pack("<Q", len(body)) + body + random_.randbytes(length)


def broken(random_, data):
    """One small change; the length is put right half of the time."""
    data = bytearray(data)
    end = 8 + struct.unpack("<Q", data[:8])[0]
    at = random_.randrange(8, min(end, len(data)))
    kind = random_.randrange(4)
    if kind == 0:
        data[at] = random_.choice(b'0123456789{}[]",:.eE-+ \n\\ua\x00\xff')
    elif kind == 1:
        del data[at]
    elif kind == 2:
        data.insert(at, random_.choice(b'0123456789{}[]",: \n'))
    else:
        digits = [i for i in range(8, end) if chr(data[i]).isdigit()]
        if digits:
            data[random_.choice(digits)] = random_.choice(b"0123456789")
    if random_.random() < 0.7 and kind in (1, 2):
        data[:8] = struct.pack("<Q", end - 8 + (1 if kind == 2 else -1))
    return bytes(data)


def reference(data):
    try:
        return {name: (t["dtype"], t["shape"], bytes(t["data"]))
                for name, t in safetensors.deserialize(data)}
    except safetensors.SafetensorError:
        return None


def knows_better(data):
    """What we refuse and the reference does not: a name twice, a first byte
    that is no '{', and a tensor that is no object of plain fields."""
    length = struct.unpack("<Q", data[:8])[0]
    twice = []

    def pairs(items):
        if len({k for k, _ in items}) != len(items):
            twice.append(True)
        return dict(items)

    header = json.loads(data[8:8 + length], object_pairs_hook=pairs)
    return bool(twice) or data[8:9] != b"{" or not all(
        isinstance(t, dict) and isinstance(t.get("dtype"), str)
        for name, t in header.items() if name != "__metadata__")


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    random_ = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally(sys.argv[1], "safetensors")
    refused = 0
    for i in range(count):
        data = make_file(random_)
        tally.same("honest %d" % i, data, reference(data))
        data = broken(random_, data)
        expected = reference(data)
        report, error = tally.listed(data)
        if expected is None:
            refused += 1
            # An unknown dtype leaves one tensor out.
            left = report is not None and any(
                n["kind"] == "skipped" for n in report["notes"])
            tally.check("broken %d" % i, [] if report is None or left else [
                "the reference refuses it"], data)
        elif report is None:
            tally.check("broken %d" % i, [] if knows_better(data) else [
                "the reference takes it: %s" % error], data)
        else:
            # A field by another name makes it unusual.
            tally.same("changed %d" % i, data, expected, report["verdict"])
    print("interop safetensors: the reference refused %d" % refused)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
