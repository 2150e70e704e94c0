# SPDX-License-Identifier: Apache-2.0
"""safetensors files, written by the rules and by the reference writer, and
indexes of several; the reference reader is the truth."""
import json
import os
import struct
import tempfile

import safetensors

from case import Case, Maker, mutate, odd_text, sha256

BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8,
        "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
        "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
        "U64": 64}


def header(random, prefix=""):
    found, at = {}, 0
    for _ in range(random.randrange(0, 8)):
        dtype = random.choice(list(BITS))
        shape = [random.randrange(0, 5)
                 for _ in range(random.randrange(0, 7))]
        bits = BITS[dtype]
        for n in shape:
            bits *= n
        if bits % 8:
            shape, bits = shape + [8], bits * 8
        name = prefix + odd_text(random)
        if name in found:
            continue
        found[name] = {"dtype": dtype, "shape": shape,
                       "data_offsets": [at, at + bits // 8]}
        at += bits // 8
    items = list(found.items())
    random.shuffle(items)
    if random.random() < 0.5:
        items.insert(random.randrange(len(items) + 1), ("__metadata__", {
            odd_text(random): odd_text(random) for _ in range(3)}))
    return dict(items), at


def make_file(random, prefix=""):
    head, length = header(random, prefix)
    body = json.dumps(head, ensure_ascii=random.random() < 0.5,
                      indent=random.choice((None, None, 1))).encode()
    body += b" " * random.randrange(9)
    return struct.pack("<Q", len(body)) + body + random.randbytes(length)


def read(data):
    """An empty name is "tensor" here."""
    return {name or "tensor": (t["dtype"], t["shape"],
                               sha256(bytes(t["data"])))
            for name, t in safetensors.deserialize(data)}


class Safetensors(Maker):
    name = "safetensors"

    def make(self, random):
        data = make_file(random)
        return Case(data, read(data), {})

    def read(self, data):
        return read(data)

    def mutate(self, random, data):
        """Mostly the header, and its length is put right half of the time."""
        if random.random() < 0.3:
            return mutate(random, data)
        data = bytearray(data)
        end = 8 + struct.unpack("<Q", data[:8])[0]
        at = random.randrange(8, min(end, len(data)))
        kind = random.randrange(4)
        if kind == 0:
            data[at] = random.choice(b'0123456789{}[]",:.eE-+ \n\\ua\0\xff')
        elif kind == 1:
            del data[at]
        elif kind == 2:
            data.insert(at, random.choice(b'0123456789{}[]",: \n'))
        else:
            digits = [i for i in range(8, end) if chr(data[i]).isdigit()]
            if digits:
                data[random.choice(digits)] = random.choice(b"0123456789")
        if random.random() < 0.7 and kind in (1, 2):
            data[:8] = struct.pack("<Q", end - 8 + (1 if kind == 2 else -1))
        return bytes(data)

    def excuse(self, data, answer, theirs, why):
        if theirs is None:
            # An unknown dtype leaves one tensor out.
            return "dtype" if answer.error is None and any(
                kind == "skipped" for kind, _, _ in answer.notes) else None
        return strict(data)


def strict(data):
    """What we refuse and the reference does not: a name twice, a first byte
    that is no '{', and a tensor that is no object of plain fields."""
    length = struct.unpack("<Q", data[:8])[0]
    twice = []

    def pairs(items):
        if len({k for k, _ in items}) != len(items):
            twice.append(True)
        return dict(items)

    found = json.loads(data[8:8 + length], object_pairs_hook=pairs)
    if twice:
        return "name twice"
    if data[8:9] != b"{":
        return "first byte"
    if not all(isinstance(t, dict) and isinstance(t.get("dtype"), str)
               for name, t in found.items() if name != "__metadata__"):
        return "no plain object"
    return None


class HfIndex(Maker):
    """The data of a case is DIRECTORY NUL FILE."""
    name = "hf-index"

    def __init__(self):
        self.kept = tempfile.TemporaryDirectory(prefix="picklefork-index-")
        self.made = 0

    def make(self, random):
        self.made += 1
        directory = os.path.join(self.kept.name, str(self.made % 4))
        os.makedirs(directory, exist_ok=True)
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        shards = random.randrange(1, 6)
        weights, tensors = {}, {}
        for i in range(shards):
            data = make_file(random, "%d." % i)
            file = "model-%05d-of-%05d.safetensors" % (i + 1, shards)
            with open(os.path.join(directory, file), "wb") as out:
                out.write(data)
            found = read(data)
            tensors.update(found)
            weights.update({name: file for name in found})
        index = {"metadata": {"total_size": 1}, "weight_map": weights}
        with open(os.path.join(directory, "model.safetensors.index.json"),
                  "w", encoding="utf-8") as out:
            json.dump(index, out, indent=random.choice((None, 2)),
                      ensure_ascii=random.random() < 0.5)
        return Case(directory.encode() + b"\0model.safetensors.index.json\0",
                    tensors, {})
