# SPDX-License-Identifier: Apache-2.0
"""What a random file is, and what a format gives for the comparison.

A maker is a class with `name` and
  make(random)      a Case: bytes that the real library wrote, and what the real
                    library reads from them
  read(data)        {name: (dtype, shape, sha256)} as the real library reads
                    these bytes, or an exception: it refuses them.  Called in a
                    process of its own: a mutated file may kill it.
  excuse(data, answer, theirs, why)
                    why one may refuse what the other takes, as a name of
                    docs/DIFFERENCES.md, or None; theirs is None when the
                    library refuses, and why is its complaint
"""
import hashlib
import io
import random as random_module
import zipfile

LETTERS = ("abcXYZ_0189-./:~ \"'\\{}[]%\t\n\r\x1b\x7f"
           "\u00e9\u20ac\u202e\ufeff\U0001f374")


class Case:
    def __init__(self, data, tensors, aliases=None, verdicts=("clean",),
                 format=None, storages=None):
        self.data = data
        self.tensors = tensors      # {name: (dtype, shape, sha256)}
        self.aliases = aliases      # {name: name}; None: not compared
        self.verdicts = verdicts
        self.format = format        # as we call it; None: the maker's name
        self.storages = storages    # {name: anything equal when shared}


class Maker:
    name = ""
    prefix_most = 4096
    way = "here"                    # how broken files are read
    ask = None                      # our Answer to other bytes; the run sets it

    def make(self, random):
        raise NotImplementedError

    def read(self, data):
        raise NotImplementedError

    def excuse(self, data, answer, theirs, why):
        return None

    def mutate(self, random, data):
        return mutate(random, data)

    def end(self):
        """What the excuses needed, a process maybe, is needed no more."""


def frames(answer):
    """An opcode across the end of its frame, a frame across the end."""
    return "frames" if answer.error and \
        ("the end of its frame" in answer.error[2] or
         "the frame runs past" in answer.error[2]) else None


def strict_zip(answer):
    """Our zip reader refuses what most others let pass: tests/diff has the
    rules, one by one."""
    return "zip" if answer.error and answer.error[2].startswith(
        ("zip: ", "inflate: ")) else None


def any_case(data, answer):
    """torch finds a record by its name in any case."""
    if not answer.error or not answer.error[2].endswith(
            "a zip archive without a data.pkl"):
        return None
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return "case" if any(
            name.lower().endswith("/data.pkl") for name in
            archive.namelist()) else None


def opaque(answer):
    """It was read, and something in it was named instead of run or read: what
    a class or a dtype would refuse is not ours to say."""
    return "inert" if answer.error is None and any(
        kind in ("opaque", "skipped") or level != "clean"
        for kind, level, _ in answer.notes) else None


def left_out(answer, theirs):
    """What we lack is left out, as notes say; the rest is equal."""
    lacking = theirs.keys() - answer.tensors.keys()
    return "inert" if 0 < len(lacking) <= sum(
        kind == "skipped" for kind, _, _ in answer.notes) and all(
            name in theirs and tuple(row) == (
                theirs[name][0], list(theirs[name][1]), theirs[name][2])
            for name, row in answer.tensors.items()) else None


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def odd_text(random, most=12):
    return "".join(random.choice(LETTERS)
                   for _ in range(random.randrange(1, most)))


def key(random):
    if random.random() < 0.5:
        return random.choice(("weight", "bias", "0", "a.b", "layer")) + \
            str(random.randrange(9))
    return odd_text(random)


def shape(random, most=6):
    rank = random.choice((0, 1, 1, 2, 2, 3, 4, 5, 6)) % (most + 1)
    return tuple(random.choice((0, 1, 2, 2, 3, 3, 4, 5)) if
                 random.random() < 0.9 else 0 for _ in range(rank))


def mutate(random, data):
    """One to three bytes are changed, put in or left out, or the end is."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if not data:
            break
        at = random.randrange(len(data))
        how = random.randrange(8)
        if how < 3:
            data[at] ^= 1 << random.randrange(8)
        elif how == 3:
            data[at] = random.choice((0, 1, 0x7f, 0x80, 0xff,
                                      random.randrange(256)))
        elif how == 4:
            del data[at:at + random.choice((1, 1, 2, 8))]
        elif how == 5:
            data[at:at] = random.randbytes(random.choice((1, 1, 2, 8)))
        elif how == 6:
            end = min(len(data), at + random.randrange(1, 16))
            to = random.randrange(len(data))
            data[to:to] = data[at:end]
        else:
            del data[at:]
    return bytes(data)


def seeded(name, seed, number):
    """The source of one file: any file can be made again alone."""
    return random_module.Random("%s/%d/%d" % (name, seed, number))
