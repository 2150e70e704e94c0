# SPDX-License-Identifier: Apache-2.0
"""Our zip directory beside Python's zipfile and libzip.

usage: zip_diff.py [--count N] [--seed S] BUILD

Archives are generated with fields that lie, and mutated.  The rules:
  - what we take, zipfile and libzip take, with equal members;
  - what both take we take, or our reason stands in STRICTER below;
  - every prefix of an archive is refused;
  - the order of the members changes nothing.
Differences by design are counted by name; docs/DIFFERENCES.md says why.
"""
import argparse
import collections
import hashlib
import io
import os
import random
import struct
import sys
import warnings
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "gen"))
import answers  # noqa: E402
import libzip  # noqa: E402
import zip_writer  # noqa: E402

NAMES = ["a/data.pkl", "a/data/0", "a/data/1", "a/version", "x", "b.npy",
         "deep/er/and/deeper", "sp ace", "a/\u00e9", "A/DATA.PKL", "d/",
         "n" * 70]
# Part of our text: the name of the difference.  What is not here and refused
# by us alone is a finding.
STRICTER = (
    ("two members have one name", "one name"),
    ("differ from", "local"), ("differs from", "local"),
    ("another name", "local"), ("data descriptor is missing", "local"),
    ("no local header", "local"), ("zip64 extra", "zip64"),
    ("zip64 end record", "zip64"), ("two zip64", "zip64"),
    ("odd length", "zip64"), ("second end record", "two ends"),
    ("overlaps another", "overlap"), ("runs into the directory", "overlap"),
    ("does not end where the end records begin", "directory"),
    ("goes on after its last entry", "directory"),
    ("more entries than", "directory"), ("member's name", "name"),
    ("empty name", "name"), ("second name", "name"),
    ("has data", "directory entry"), ("symbolic link", "link"),
    ("extra field is cut short", "extra"), ("flag", "flag"),
    ("is a patch", "flag"), ("encrypted", "flag"), ("masked", "flag"),
    ("not supported", "method"), ("unknown compression", "method"),
    ("disk", "disk"), ("locator points", "zip64"),
    ("two different sizes", "sizes"), ("declared size", "sizes"),
    ("bytes than declared", "sizes"), ("invalid deflate data", "deflate"), ("lies outside the members", "local"),
    ("comment is longer", "comment"), ("not a zip archive", "sniff"),
)
FIELDS = ("sig version flags method time date crc packed_size size name_len "
          "extra_len").split()
ENDS = ("disk cd_disk count_disk count cd_size cd_offset").split()
EDGES = (0, 1, 2, 8, 9, 12, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff)


def number(rng, bits):
    if rng.random() < 0.5:
        return rng.choice(EDGES) & ((1 << bits) - 1)
    if rng.random() < 0.5:
        return (1 << rng.randrange(bits)) - rng.randrange(2)
    return rng.getrandbits(bits)


def lie(rng, o):
    """One override of a member."""
    kind = rng.randrange(9)
    side = rng.choice(("l_", "c_", ""))
    if kind < 4:
        field = rng.choice(FIELDS[1:])
        bits = 32 if field in ("crc", "packed_size", "size") else 16
        if side == "" and field in ("name_len", "extra_len"):
            side = rng.choice(("l_", "c_"))
        o[side + field] = number(rng, bits)
    elif kind == 4:
        o[rng.choice(("l_name", "c_name"))] = rng.choice(NAMES).encode()
    elif kind == 5:
        o[rng.choice(("l_extra", "c_extra"))] = zip_writer.extra(
            rng.choice((1, 0x7075, 0x4246, 0x5455, 0x9999)),
            rng.randbytes(rng.randrange(30)),
            rng.choice((None, None, 0, 5, 0xffff)))
    elif kind == 6:
        o[rng.choice(("c_disk", "c_internal", "c_external"))] = number(rng, 16)
    elif kind == 7:
        o["descriptor"] = rng.choice((b"", rng.randbytes(16), struct.pack(
            "<III", 0, 0, 0)))
    else:
        o["header_offset"] = number(rng, 16)


def generate(rng):
    """An archive; and the same with its directory in another order, when no
    field lies."""
    style = rng.choice(("torch", "plain"))
    z = zip_writer.Zip(style, prefix=rng.choice((b"",) * 9 + (b"junk",)))
    members = [NAMES[i] for i in sorted(rng.sample(range(len(NAMES)),
                                                   rng.randrange(0, 6)))]
    if rng.random() < 0.05 and members:
        members.append(rng.choice(members))
    honest = rng.random() < 0.4
    for name in members:
        data = rng.randbytes(rng.choice((0, 1, 9, 64))) * rng.choice((1, 3))
        if name.endswith("/"):
            data = b""
        o = {}
        if rng.random() < 0.1:
            o["zip64"] = True
        if rng.random() < 0.1:
            o["zip64_offset"] = True
        if not honest and rng.random() < 0.5:
            lie(rng, o)
        if not honest and rng.random() < 0.05:
            o["gap"] = rng.choice((b"gap", zip_writer.LOCAL, bytes(30)))
        o.setdefault("method", rng.choice((0, 0, 8)))
        z.add(name, data, **o)
    end = {}
    if rng.random() < 0.1:
        end["comment"] = rng.choice((b"comment", b"PK\5\6" + bytes(18)))
    if rng.random() < 0.2:
        end["zip64"] = rng.random() < 0.5
    if not honest and rng.random() < 0.3:
        field = rng.choice(ENDS)
        end[rng.choice(("end_", "end64_", "")) + field] = number(rng, 16)
    if not honest and rng.random() < 0.1:
        end["suffix"] = rng.choice((b"x", bytes(30), b"PK\5\6"))
    order = list(range(len(members)))
    if rng.random() < 0.3:
        rng.shuffle(order)
    if honest and rng.random() < 0.2:
        entries = len(z.out)
        one = z.finish(**dict(end))
        del z.out[entries:]
        z.central = []
        return one, z.finish(order=order[::-1], **end)
    return z.finish(order=order, **end), None


def mutate(rng, data):
    data = bytearray(data)
    marks = [i for s in (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6")
             for i in range(len(data)) if data[i:i + 4] == s]
    for _ in range(rng.choice((1, 1, 2))):
        if not data:
            break
        at = rng.choice(marks) + rng.randrange(46) if marks and \
            rng.random() < 0.8 else rng.randrange(len(data))
        at = min(at, len(data) - 1)
        how = rng.randrange(5)
        if how < 2:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            data[at] = rng.choice((0, 1, 8, 255))
        elif how == 3:
            del data[at:at + rng.choice((1, 2, 4))]
        else:
            data[at:at] = rng.randbytes(rng.choice((1, 2, 4)))
    return bytes(data)


def by_zipfile(data):
    """[(name, size, sha256)], or an exception."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = []
        for info in archive.infolist():
            made = archive.read(info)
            found.append((info.filename, len(made),
                          hashlib.sha256(made).hexdigest()))
        return found


def attempt(function, data):
    try:
        return function(data), None
    except Exception as error:                  # any of them is a refusal
        return None, "%s: %s" % (type(error).__name__, error)


class Run:
    def __init__(self, options):
        self.answers = answers.Answers(
            os.path.join(options.build, "answer"),
            os.path.abspath(os.path.join(options.build, "picklefork-worker")))
        self.counts = collections.Counter()
        self.design = collections.Counter()
        self.failures = 0

    def failed(self, what, data):
        self.failures += 1
        if self.failures <= 10:
            print("DIFFER %s\n  %s" % (what[:900], data.hex()[:4000]))

    def members(self, data):
        answer = self.answers.ask(data, answers.ZIP)["zip"]
        return (None if answer.error else answer.members), answer.error

    def one(self, data):
        ours, error = self.members(data)
        first, why = attempt(by_zipfile, data)
        second, other = attempt(libzip.read, data)
        self.counts["archives"] += 1
        if ours is not None:
            self.counts["taken"] += 1
            if ours == first == second:
                return
            name = lenient(data, ours, first, why, second, other)
            if name is None:
                self.failed("we take %r\n  zipfile %r\n  libzip %r" % (
                    ours, first or why, second or other), data)
            else:
                self.design[name] += 1
            return
        self.counts["refused"] += 1
        if first is None or first != second:
            return
        for text, name in STRICTER:
            if text in error[2]:
                self.design[name] += 1
                return
        self.failed("both take %r, we say %s" % (first, error), data)

    def prefixes(self, data):
        for length in range(len(data)):
            if self.members(data[:length])[0] is not None:
                self.failed("prefix of %d bytes is taken" % length, data)
        self.counts["prefixes"] += len(data)

    def orders(self, one, other):
        ours, _ = self.members(one)
        again, _ = self.members(other)
        self.counts["orders"] += 1
        if (ours is None) != (again is None) or \
                (ours and sorted(ours) != sorted(again)):
            self.failed("another order: %r, %r" % (ours, again), one)


def lenient(data, ours, first, why, second, other):
    """What we take and another does not, or differently."""
    if first is None and data.count(b"PK\5\6") > 1:
        return "end in junk"        # zipfile goes by the last signature
    if ours == second and first and [row[1:] for row in first] == \
            [row[1:] for row in ours] and not all(
                row[0].isascii() for row in ours):
        return "cp437"              # a name that is not said to be UTF-8
    if why and "zip file version" in why and ours == second:
        return "zip version"        # nothing depends on it
    return None


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--count", type=int, default=20000)
    p.add_argument("--seed", type=int, default=1)
    options = p.parse_args()
    warnings.simplefilter("ignore")
    rng = random.Random(options.seed)
    run = Run(options)
    for number_ in range(options.count):
        data, other = generate(rng)
        if other is not None:
            run.orders(data, other)
            if number_ % 20 == 0:
                run.prefixes(data)
        if rng.random() < 0.4:
            data = mutate(rng, data)
        run.one(data)
    run.answers.close()
    c = run.counts
    print("zip-diff: %d archives of seed %d: %d taken, %d refused; %d orders, "
          "%d prefixes; by design: %s" % (
              c["archives"], options.seed, c["taken"], c["refused"],
              c["orders"], c["prefixes"],
              ", ".join("%s %d" % d for d in sorted(run.design.items()))))
    if c["taken"] < c["archives"] // 10:
        print("zip-diff: too few archives were taken")
        run.failures += 1
    print("zip-diff: %d passed, %d failed" % (
        c["archives"] + c["orders"] - run.failures, run.failures))
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
