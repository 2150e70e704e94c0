#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen_zips.py OUTDIR: the zip attacks Z1 to Z16 and the bombs B9 of the attack
list, as torch checkpoints, and odd but honest archives that must load.

Each row of manifest.jsonl says what must come of a file: code, the offset of
the record that lies, verdict, tensors.  Deterministic, standard library only.
"""
import hashlib
import json
import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pickle_asm as p                                       # noqa: E402
from zip_writer import (Zip, deflate, extra, torch_records,  # noqa: E402
                        torch_zip_open, DESCRIPTOR, LOCAL, MAX32)

W = struct.pack("<6f", *range(6))
B = struct.pack("<4q", 1, -2, 3, -4)
PICKLE = p.torch_pickle({
    "w": p.torch_tensor("0", "FloatStorage", 6, (2, 3)),
    "b": p.torch_tensor("1", "LongStorage", 4, (4,))})
EVIL = p.pickled(p.call("os", "system"), 2)
STORAGES = {"0": W, "1": B}


def tensor(dtype, shape, data):
    return {"dtype": dtype, "shape": list(shape),
            "sha256": hashlib.sha256(data).hexdigest()}


GOOD = {"w": tensor("F32", (2, 3), W), "b": tensor("I64", (4,), B)}
FORMAT, UNSUPPORTED = "PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"
LIMIT = "PFORK_E_LIMIT"


class Out:
    def __init__(self, folder):
        self.folder, self.rows, self.ids = folder, [], set()
        os.makedirs(folder, exist_ok=True)

    def row(self, ident, what, data, **more):
        assert ident not in self.ids, ident
        self.ids.add(ident)
        name = ident + more.pop("suffix", ".pt")
        with open(os.path.join(self.folder, name), "wb") as f:
            f.write(data)
        base = {"id": ident, "file": name, "what": what, "code": None,
                "offset": None, "names": [], "tensors": None}
        base.update(more)
        self.rows.append(base)

    def refuse(self, ident, what, data, offset=None, code=FORMAT, twice=False,
               **more):
        """twice: other readers would see another archive."""
        self.row(ident, what, data, expect="refuse", code=code, offset=offset,
                 exit={"scan": 1 if twice else 2, "ls": 2},
                 verdict="dangerous" if twice else "undecided", **more)

    def loads(self, ident, what, data, verdict="clean", tensors=None, **more):
        self.row(ident, what, data, expect="tensors", verdict=verdict,
                 exit={"scan": 1 if verdict == "dangerous" else 0, "ls": 0},
                 tensors=GOOD if tensors is None else tensors, **more)

    def limit(self, ident, what, data, **more):
        self.row(ident, what, data, expect="limit", code=LIMIT,
                 exit={"scan": 2, "ls": 2}, verdict="undecided", **more)

    def finish(self):
        with open(os.path.join(self.folder, "manifest.jsonl"), "w") as f:
            for row in self.rows:
                f.write(json.dumps(row, sort_keys=True) + "\n")


# data/0 is member 4 of torch's archive, in the order of torch_records.
PKL, STORAGE0, STORAGE1 = 0, 4, 5


def torch(over=None, finish=None, style="torch", prefix=b"", pickle=PICKLE,
          storages=None, **o):
    """(Zip, bytes); over: overrides of data/0 alone."""
    return torch_zip_open(pickle, STORAGES if storages is None else storages,
                          {"data/0": over} if over else None, finish, style,
                          prefix, **o)


def archive(records, style="torch", finish=None, **o):
    """(Zip, bytes) of (name, bytes[, overrides]) as they are."""
    z = Zip(style, **o)
    for name, data, *over in records:
        z.add(name, data, **(over[0] if over else {}))
    return z, z.finish(**(finish or {}))


def records(**o):
    return torch_records(PICKLE, STORAGES, **o)


def honest(out):
    out.loads("Z0-torch", "as torch.save writes it", torch()[1])
    out.loads("Z0-zipfile", "as Python's zipfile writes it",
              torch(style="plain")[1])
    z = Zip("plain")
    for name, data in records():
        z.add(name, data, method=8)
    out.loads("Z0-deflated", "every member deflated", z.finish())
    z = Zip()
    for name, data in records():
        z.add(name, data, method=8, version=20)
    out.loads("Z0-deflated-descriptor", "deflated, with descriptors",
              z.finish())
    out.loads("Z0-no-zip64", "torch's members without a zip64 end record",
              torch(finish={"zip64": False})[1])
    out.loads("Z0-zip64-all-ones", "old end record all ones",
              torch(finish={"end_count": 0xFFFF, "end_count_disk": 0xFFFF,
                            "end_cd_size": MAX32, "end_cd_offset": MAX32})[1])
    for what in ("zip64", "zip64_offset"):
        z = Zip()
        for name, data in records():
            z.add(name, data, **{what: len(data) > 0})
        out.loads("Z0-" + what.replace("_", "-"),
                  "64-bit fields in every member, as in files over 4 GiB",
                  z.finish())
    out.loads("Z0-zip64-plain-local", "0xFFFFFFFF in the local header",
              archive([(n, d, {"zip64": True, "l_packed_size": MAX32,
                               "l_size": MAX32})
                       for n, d in records()], "plain")[1])
    out.loads("Z0-directories", "entries for directories", archive(
        [("archive/", b"", {"c_external": 0o40755 << 16 | 16}),
         ("archive/data/", b"")] + records(), "plain")[1])
    out.loads("Z0-utf8-root", "a root beyond ASCII",
              torch(root="modèle-模型")[1])
    out.loads("Z0-order", "directory in another order than the file",
              torch(finish={"order": [0] + list(range(7, 0, -1))})[1])
    out.loads("Z0-spaced-root", "a root with blanks and dots",
              torch(root="my model v1.0..final")[1])
    out.loads("Z0-time", "times and dates, and versions made and needed",
              archive([(n, d, {"time": 0x6000, "date": 0x5A21,
                               "c_made": 0x031E, "version": 45})
                       for n, d in records()])[1])
    out.loads("Z0-entry-comments", "comments in entries", archive(
        [(n, d, {"c_comment": b"hello"}) for n, d in records()])[1])
    out.loads("Z0-unknown-extras", "extras that nobody knows", archive(
        [(n, d, {"c_extra": extra(0x5455, b"\1" + bytes(4)),
                 "l_extra": extra(0x5455, b"\1" + bytes(8))})
         for n, d in records()], "plain")[1])


def names_differ(out):
    for tag, name in (("key", "archive/data/1x"), ("case", "Archive/data/0"),
                      ("shorter", "archive/data"), ("empty", "")):
        z, data = torch({"l_name": name.encode()})
        out.refuse("Z1-local-name-" + tag,
                   "local name %r, central archive/data/0" % name, data,
                   z.local[STORAGE0], twice=True)
    z, data = torch_zip_open(PICKLE, STORAGES, {
        "data.pkl": {"l_name": b"archive/evil.pkl"}})
    out.refuse("Z1-local-name-pickle", "data.pkl is evil.pkl locally", data,
               z.local[PKL], twice=True)
    z, data = torch({"l_extra": extra(0x7075, b"\1" + struct.pack(
        "<I", zlib.crc32(b"archive/data/0")) + b"archive/data/7")})
    out.loads("Z1-unicode-path-local", "a second name, local extra alone: "
              "no reader takes names from there", data)
    z, data = torch({"c_extra": extra(0x7075, b"\1" + struct.pack(
        "<I", zlib.crc32(b"archive/data/0")) + b"archive/data/7")})
    out.refuse("Z1-unicode-path", "a second name in the Unicode path extra",
               data, z.central[STORAGE0], twice=True)
    z, data = torch({"c_extra": extra(0x7075, b"\1" + struct.pack(
        "<I", zlib.crc32(b"archive/data/0")) + b"archive/data/0")})
    out.loads("Z1-unicode-path-same", "the same name again in an extra", data)


def flags(out):
    for bit, what in ((0x01, "encrypted"), (0x20, "patched data"),
                      (0x40, "strong encryption"), (0x10, "enhanced deflate"),
                      (0x80, "unused bit 7"), (0x1000, "reserved bit 12"),
                      (0x2000, "masked header"), (0x8000, "reserved bit 15")):
        z, data = torch({"flags": 0x0808 | bit})
        out.refuse("Z2-flag-%04x" % bit, "flag on plain data: " + what, data,
                   z.central[STORAGE0], UNSUPPORTED)
        z, data = torch({"l_flags": 0x0808 | bit})
        out.refuse("Z2-local-flag-%04x" % bit, "local flag alone: " + what,
                   data, z.local[STORAGE0])
        z, data = torch({"c_flags": 0x0808 | bit})
        out.refuse("Z2-central-flag-%04x" % bit, "central flag alone: " + what,
                   data, z.central[STORAGE0], UNSUPPORTED)
    out.loads("Z2-level-bits", "deflate's level bits",
              torch({"flags": 0x080E})[1])


def sums(out):
    z, data = torch({"c_crc": 1})
    out.refuse("Z3-crc-central", "wrong CRC-32 in the directory", data,
               z.descriptor[STORAGE0])
    z, data = torch({"l_crc": 1})
    out.refuse("Z3-crc-local", "wrong CRC-32 in the local header", data,
               z.local[STORAGE0])
    z, data = archive([(n, d, {"crc": 1} if n.endswith("data/0") else {})
                       for n, d in records()], "plain")
    out.loads("Z3-crc-stored", "wrong CRC-32 of a stored record, everywhere: "
              "read under --verify alone", data)
    z = Zip("plain")
    for name, data in records():
        z.add(name, data, method=8,
              **({"crc": 1} if name.endswith("data/0") else {}))
    out.refuse("Z3-crc-deflated", "wrong CRC-32 of a deflated record",
               z.finish(), z.central[STORAGE0])
    z = Zip("plain")
    for name, data in records():
        z.add(name, data, method=8,
              **({"crc": 1} if name.endswith("data.pkl") else {}))
    out.refuse("Z3-crc-deflated-pickle", "wrong CRC-32 of a deflated pickle",
               z.finish(), z.central[PKL])


def duplicates(out):
    for tag, name in (("same", "archive/data.pkl"),
                      ("case", "archive/DATA.pkl"),
                      ("root-case", "ARCHIVE/data.pkl")):
        z, data = archive(records() + [(name, EVIL)])
        out.refuse("Z4-duplicate-" + tag, "a second data.pkl as %r" % name,
                   data, z.central[-1], twice=True)
    z, data = archive([("archive/data.pkl", EVIL)] + records())
    out.refuse("Z4-duplicate-first", "the evil data.pkl stands first", data,
               z.central[1], twice=True)
    for tag, name in (("slashes", "archive//data.pkl"),
                      ("dot", "archive/./data.pkl"),
                      ("dotdot", "archive/data/../data.pkl"),
                      ("backslash", "archive\\data.pkl")):
        z, data = archive(records() + [(name, EVIL)])
        out.refuse("Z4-folds-" + tag, "a second data.pkl as %r" % name, data,
                   z.central[-1])


def ends(out):
    empty = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
    for tag, comment in (("whole", empty), ("inner", b"xx" + empty),
                         ("archive", archive([("a/data.pkl", EVIL)])[1])):
        z, data = torch(finish={"comment": comment})
        at = z.end + 22 + comment.rindex(b"PK\5\6")
        out.refuse("Z5-end-in-comment-" + tag,
                   "a second end record inside the comment", data, at,
                   twice=True)
    z, data = torch(finish={"comment": empty + b"tail"})
    out.refuse("Z5-end-in-comment-early", "a second end record in the "
               "comment, not at its end", data, z.end + 22, twice=True)
    z, data = torch(finish={"comment": b"just a comment"})
    out.loads("Z5-comment", "an honest comment", data, "unusual")
    z, data = torch(finish={"end_comment_len": 1})
    out.refuse("Z5-comment-long", "comment length 1 of 0", data, z.end)
    z, data = torch(finish={"end_comment_len": 0xFFFF})
    out.refuse("Z5-comment-65535", "comment length 65,535 of 0", data, z.end)
    z, data = torch(finish={"comment": b"abcd", "end_comment_len": 2})
    out.loads("Z5-comment-short", "comment length 2 of 4", data, "unusual")
    for n in (1, 22, 4096, 65535 - 100):
        z, data = torch(finish={"suffix": b"J" * n})
        out.loads("Z5-trailing-%d" % n, "%d bytes after the end" % n, data,
                  "unusual")
    z, data = torch(finish={"suffix": b"J" * 65600})
    out.refuse("Z5-trailing-far", "end record out of the search", data,
               len(data))
    z, data = torch(finish={"no_end": True})
    out.refuse("Z5-no-end", "no end record", data, len(data))
    out.refuse("Z5-empty-archive", "22 bytes: an end record alone", empty,
               code=[FORMAT, UNSUPPORTED])
    out.refuse("Z5-short", "21 bytes", empty[:21],
               code=[FORMAT, UNSUPPORTED])
    for tag, n in (("less", -1), ("more", 1), ("zero", -8)):
        z, data = torch(finish={"count": 8 + n, "count_disk": 8 + n})
        out.refuse("Z5-count-" + tag, "%d entries counted of 8" % (8 + n),
                   data, z.central[8 + n] if n == -1 else
                   z.directory if n == -8 else None)
    for n in (1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1):
        z, data = torch(finish={"end64_count": n, "end64_count_disk": n,
                                "end_count": 0xFFFF,
                                "end_count_disk": 0xFFFF})
        out.refuse("Z5-count-%x" % n, "%d entries counted of 8" % n, data,
                   z.end64)
    for n in (0, 1, 0x7FFFFFFF, 0xFFFFFFFE):
        z, data = torch(finish={"cd_offset": n, "zip64": False})
        out.refuse("Z5-offset-%x" % n, "directory said to be at %d" % n, data,
                   z.end, twice=n < 2)
    for n in (0, 45, 0xFFFFFFFE):
        z, data = torch(finish={"cd_size": n, "zip64": False})
        out.refuse("Z5-size-%x" % n, "directory said to have %d bytes" % n,
                   data, z.end, twice=n < 46)
    for n in ((1 << 63), (1 << 64) - 1, (1 << 64) - 64):
        z, data = torch(finish={"end64_cd_offset": n, "end_cd_offset": MAX32})
        out.refuse("Z5-offset-%x" % n, "directory said to be at %d" % n, data,
                   z.end64)
    z, data = torch(prefix=b"#!/bin/sh\nexit\n")
    out.loads("Z5-prefix", "bytes before, offsets adjusted", data,
              "dangerous")
    z, data = torch(finish={"zip64": False})
    out.refuse("Z5-prefix-shift", "bytes before, offsets not adjusted",
               b"x" * 64 + data, z.end + 64, twice=True)
    z, data = torch({"gap": b"hidden bytes"})
    out.loads("Z5-gap", "bytes between members", data, "unusual")
    z, data = torch(finish={"gap": b"hidden bytes"})
    out.loads("Z5-gap-directory", "bytes before the directory", data,
              "unusual")
    hidden = archive([("archive/data.pkl", EVIL)])[1]
    z, data = torch({"gap": hidden[:64 + len(EVIL) + 16]})
    out.loads("Z5-hidden-member", "a member that the directory leaves out",
              data, "dangerous")
    out.loads("Z5-hidden-first", "a hidden member before all others",
              torch(prefix=hidden[:64 + len(EVIL) + 16])[1], "dangerous")


def zip64(out):
    for tag, at in (("far", 1 << 62), ("zero", 0), ("ones", (1 << 64) - 1)):
        z, data = torch(finish={"locator_offset": at})
        out.refuse("Z6-locator-" + tag, "locator points to %d" % at, data,
                   z.locator)
    z, data = torch(finish={"gap64": b"\0" * 16})
    out.refuse("Z6-locator-apart", "bytes between record and locator "
               "(CVE-2025-8291)", data, z.end64, twice=True)
    z, data = torch(finish={"gap_end": b"\0" * 4})
    out.refuse("Z6-locator-not-adjacent", "bytes between locator and end",
               data, z.end, twice=True)
    z, data = torch(finish={"locator_disk": 1})
    out.refuse("Z6-locator-disk", "zip64 record on disk 1", data, z.locator,
               UNSUPPORTED)
    z, data = torch(finish={"end64_more": b"\0" * 28, "end64_made": 62})
    out.refuse("Z6-version-2", "zip64 record of version 2", data, z.end64,
               UNSUPPORTED)
    z, data = torch(finish={"end64_size": 43})
    out.refuse("Z6-record-short", "zip64 record of 43 bytes", data, z.end64)
    z, data = torch(finish={"end_count": 7, "end_count_disk": 7})
    out.refuse("Z6-ends-disagree", "7 entries in the old record, 8 in the new",
               data, z.end64, twice=True)
    z, data = torch(finish={"end_cd_offset": 0})
    out.refuse("Z6-offsets-disagree", "two places for the directory", data,
               z.end64, twice=True)
    z, data = torch(finish={"zip64": False, "cd_offset": MAX32})
    out.refuse("Z6-missing", "all ones without a zip64 record", data, z.end)
    z, data = torch({"c_packed_size": MAX32, "c_size": MAX32})
    out.refuse("Z6-extra-missing", "sizes 0xFFFFFFFF without an extra", data,
               z.central[STORAGE0])
    for n in (0, 7, 8, 15):
        z, data = torch({"c_packed_size": MAX32, "c_size": MAX32,
                         "c_extra": extra(1, bytes(n))})
        out.refuse("Z6-extra-%d-bytes" % n, "zip64 extra of %d bytes for two "
                   "sizes" % n, data, z.central[STORAGE0])
    z, data = torch({"c_packed_size": MAX32, "c_size": MAX32, "c_extra":
                     extra(1, struct.pack("<QQ", 24, 25))})
    out.refuse("Z6-extra-two-sizes", "64-bit sizes 24 and 25, stored", data,
               z.central[STORAGE0])
    z, data = torch({"c_packed_size": MAX32, "c_size": MAX32, "c_extra":
                     extra(1, struct.pack("<QQ", 1 << 63, 1 << 63))})
    out.refuse("Z6-extra-huge", "64-bit sizes of 2^63", data,
               z.local[STORAGE0])
    z, data = torch({"c_extra": extra(1, struct.pack("<QQ", 24, 24))})
    out.refuse("Z6-extra-unasked", "64-bit sizes beside true 32-bit ones",
               data, z.central[STORAGE0], twice=True)
    twin = extra(1, struct.pack("<QQ", 24, 24))
    z, data = torch({"c_packed_size": MAX32, "c_size": MAX32,
                     "c_extra": twin + twin})
    out.refuse("Z6-extra-twice", "two zip64 extras", data,
               z.central[STORAGE0])
    z, data = torch({"header_offset": MAX32,
                     "c_extra": extra(1, struct.pack("<Q", (1 << 64) - 30))})
    out.refuse("Z6-offset-huge", "header at 2^64 - 30", data,
               z.central[STORAGE0], twice=True)
    z, data = torch({"l_extra": extra(1, struct.pack("<QQ", 24, 25))})
    out.refuse("Z6-local-sizes", "local 64-bit sizes disagree", data,
               z.local[STORAGE0])
    z, data = torch({"l_extra": extra(1, struct.pack("<Q", 1))})
    out.refuse("Z6-local-offset", "local 64-bit offset disagrees", data,
               z.local[STORAGE0])
    z, data = torch({"l_extra": extra(1, bytes(5))})
    out.refuse("Z6-local-odd", "local zip64 extra of 5 bytes", data,
               z.local[STORAGE0])


def descriptors(out):
    crc = zlib.crc32(W)
    forms = (
        ("unsigned", struct.pack("<III", crc, 24, 24)),
        ("64-bit", struct.pack("<4sIQQ", DESCRIPTOR, crc, 24, 24)),
        ("crc", struct.pack("<4sIII", DESCRIPTOR, crc ^ 1, 24, 24)),
        ("packed", struct.pack("<4sIII", DESCRIPTOR, crc, 25, 24)),
        ("size", struct.pack("<4sIII", DESCRIPTOR, crc, 24, 23)),
        ("missing", b""),
        ("zeroes", bytes(16)),
        ("cut", struct.pack("<4sII", DESCRIPTOR, crc, 24)),
    )
    for tag, form in forms:
        z, data = torch({"descriptor": form})
        # The 64-bit form reads as (24, 0) where (24, 24) is due.
        out.refuse("Z7-descriptor-" + tag, "data descriptor: " + tag, data,
                   z.descriptor[STORAGE0])
    z, data = torch({"zip64": True, "descriptor": struct.pack(
        "<4sIII", DESCRIPTOR, crc, 24, 24)})
    out.refuse("Z7-descriptor-32-bit", "32-bit descriptor, 64-bit extra",
               data, z.descriptor[STORAGE0])
    z, data = torch({"flags": 0x0800})
    out.refuse("Z7-no-bit", "zero fields without bit 3", data,
               z.local[STORAGE0])
    z, data = torch({"l_true": True})
    out.loads("Z7-true-fields", "true local fields and a descriptor", data)
    z, data = torch({"l_size": 23})
    out.refuse("Z7-local-size", "local size 23, descriptor 24", data,
               z.local[STORAGE0])
    z, data = archive([(n, d, {"flags": 0x0808} if n.endswith("/version")
                        else {}) for n, d in records()], "plain")
    out.refuse("Z7-bit-alone", "bit 3, true fields, no descriptor", data,
               z.descriptor[6])


def methods(out):
    z, data = torch({"method": 99, "c_extra": extra(
        0x9901, b"\2\0AE\3\0\0")})
    out.refuse("Z8-aes", "AE-2", data, z.central[STORAGE0], UNSUPPORTED)
    for n in (1, 2, 5, 6, 7, 9, 10, 12, 14, 16, 20, 93, 94, 95, 96, 97, 98,
              0x0108, 0xFFFF):
        z, data = torch({"method": n})
        out.refuse("Z9-method-%d" % n, "compression method %d" % n, data,
                   z.central[STORAGE0], UNSUPPORTED)
    for n, tag in ((0, "stored"), (8, "deflated")):
        z, data = torch({"l_method": 8 - n, "c_method": n,
                         "packed": W if n == 0 else deflate(W)})
        out.refuse("Z9-local-method-" + tag, "%s in the directory, not in the "
                   "local header" % tag, data, z.local[STORAGE0])


def names(out):
    bad = (("dotdot", b"../evil"), ("dotdot-inside", b"archive/../../evil"),
           ("dotdot-end", b"archive/.."), ("absolute", b"/etc/passwd"),
           ("drive", b"C:evil"), ("nul", b"archive/a\0b"),
           ("backslash", b"archive\\evil"), ("bad-utf8", b"archive/\xff\xfe"),
           ("overlong", b"archive/\xc0\xafx"), ("ansi", b"a/\x1b[2Jx"),
           ("newline", b"a/x\ny"), ("c1", b"a/\xc2\x9b2J"), ("del", b"a/\x7f"),
           ("empty", b""), ("slash", b"/"), ("dot", b"./x"),
           ("double", b"a//x"), ("cp437", b"archive/mod\x82le"))
    for tag, name in bad:
        over = {"flags": 0x0008} if tag == "cp437" else {}
        z, data = archive(records() + [(name, b"data", over)])
        out.refuse("Z10-name-" + tag, "member named %r" % name, data,
                   z.central[-1])
    z, data = archive(records() + [("archive/" + "n" * 65527, b"data")],
                      finish={})
    out.loads("Z10-name-65535", "a name of 65,535 bytes", data, "unusual")
    z, data = archive(records() + [("archive/d/", b"data")])
    out.refuse("Z10-directory-data", "a directory entry with data", data,
               z.central[-1])
    z, data = archive(records() + [("archive/link", b"/etc/passwd", {
        "c_made": 0x031E, "c_external": 0o120777 << 16})])
    out.refuse("Z10-symlink", "a symbolic link", data, z.central[-1],
               UNSUPPORTED)


def sizes(out):
    z, data = torch({"packed_size": 25})
    out.refuse("Z11-stored-sizes", "stored, 25 packed, 24 whole", data,
               z.central[STORAGE0])
    packed = deflate(W)

    def deflated(ident, what, offset, **over):
        z = Zip("plain")
        for name, data in records():
            z.add(name, data, method=8,
                  **(over if name.endswith("data/0") else {}))
        data = z.finish()
        out.refuse(ident, what, data, offset(z) if offset else None)

    at = lambda z: z.data[STORAGE0]                          # noqa: E731
    deflated("Z11-deflate-longer", "stream of 24, 23 declared", at, size=23)
    deflated("Z11-deflate-shorter", "stream of 24, 25 declared", at, size=25)
    deflated("Z11-deflate-huge", "2^32 - 2 declared", at, size=MAX32 - 1)
    deflated("Z11-deflate-trailing", "bytes after the stream",
             lambda z: z.data[STORAGE0] + len(packed), packed=packed + b"xx")
    deflated("Z11-deflate-cut", "stream cut short", at, packed=packed[:-1])
    deflated("Z11-deflate-invalid", "invalid block type", at,
             packed=b"\x07" * 8)
    deflated("Z11-deflate-distance", "distance before the beginning", at,
             packed=b"\x4b\x04\x12\x00\x00")
    deflated("Z11-deflate-empty", "no stream at all", at, packed=b"")


def overlaps(out):
    z, data = torch({"header_offset": 0})
    out.refuse("Z12-same-header", "two entries, one local header", data,
               z.central[STORAGE0])
    inner = archive([("archive/data/1", B)], "plain")[1][:44 + len(B)]
    body = bytes(64) + inner + bytes(64)
    z = Zip()
    for name, data in records():
        if name.endswith("data/0"):
            z.add(name, body)
        elif name.endswith("data/1"):
            z.add(name, B, header_offset=z.data[STORAGE0] + 64, local=False)
        else:
            z.add(name, data)
    out.refuse("Z12-inside-member", "a member inside another's data",
               z.finish(), z.central[STORAGE1])
    z = torch()[0]
    z, data = torch({"header_offset": z.directory})
    out.refuse("Z12-header-directory", "local header is the directory", data,
               z.central[STORAGE0], twice=True)
    z, data = torch({"header_offset": z.end})
    out.refuse("Z12-header-end", "local header behind the directory", data,
               z.central[STORAGE0], twice=True)
    z, data = torch({"header_offset": 0x7FFFFFFF})
    out.refuse("Z12-header-far", "local header outside the file", data,
               z.central[STORAGE0], twice=True)
    z, data = torch()
    far = z.directory - z.data[STORAGE0] + 8
    z, data = torch({"size": far, "packed_size": far})
    out.refuse("Z12-data-directory", "data runs into the directory", data,
               z.local[STORAGE0])
    z, data = torch({"l_sig": b"PK\3\5"})
    out.refuse("Z12-no-header", "no local header where one should be", data,
               z.local[STORAGE0])


def disks(out):
    z, data = torch({"c_disk": 1})
    out.refuse("Z13-member-disk", "member on disk 1", data,
               z.central[STORAGE0], UNSUPPORTED)
    for key in ("disk", "cd_disk"):
        z, data = torch(finish={"end_" + key: 1})
        out.refuse("Z13-end-" + key, "end record: disk 1", data, z.end,
                   UNSUPPORTED)
        z, data = torch(finish={"end64_" + key: 1})
        out.refuse("Z13-end64-" + key, "zip64 record: disk 1", data, z.end64,
                   UNSUPPORTED)
    z, data = torch(finish={"end_count_disk": 7})
    out.refuse("Z13-count-disk", "7 of 8 entries on this disk", data, z.end,
               UNSUPPORTED)
    z, data = torch(finish={"end64_count_disk": 7})
    out.refuse("Z13-count-disk64", "7 of 8 entries on this disk", data, z.end64,
               UNSUPPORTED)


def extras(out):
    z, data = torch({"l_extra_len": 0xFFFF})
    out.refuse("Z14-local-past", "local extra of 65,535 bytes that are not "
               "there", data, z.local[STORAGE0])
    z, data = torch({"c_extra_len": 0xFFFF})
    out.refuse("Z14-central-past", "central extra past the directory", data,
               z.central[STORAGE0])
    z, data = torch({"l_extra": extra(0x4246, b"Z" * 8, 9)})
    out.refuse("Z14-part-past", "a part longer than the extra", data,
               z.local[STORAGE0])
    z, data = torch({"c_extra": b"\1\0\0"})
    out.refuse("Z14-three-bytes", "an extra of three bytes", data,
               z.central[STORAGE0])
    z, data = torch({"l_extra": extra(0x4246, b"Z" * 65531)})
    out.loads("Z14-padding-65535", "padding of 65,535 bytes", data)
    z, data = torch({"c_comment_len": 0xFFFF})
    out.refuse("Z14-comment-past", "entry's comment past the directory", data,
               z.central[STORAGE0])
    z, data = torch({"c_name_len": 0xFFFF})
    out.refuse("Z14-name-past", "entry's name past the directory", data,
               z.central[STORAGE0])


def polyglots(out):
    tar = bytearray(512)
    tar[0:4] = b"evil"
    tar[257:265] = b"ustar\x0000"
    for tag, prefix in (("tar", bytes(tar)), ("pickle", EVIL),
                        ("gguf", b"GGUF\3\0\0\0" + bytes(24)),
                        ("png", b"\x89PNG\r\n\x1a\n" + bytes(24)),
                        ("safetensors", struct.pack("<Q", 2) + b"{}")):
        out.loads("Z15-%s-zip" % tag, "%s in front of a zip" % tag,
                  torch(prefix=prefix)[1], "dangerous")
    out.refuse("Z15-png", "a PNG named .pt", b"\x89PNG\r\n\x1a\n" + bytes(64),
               0, UNSUPPORTED)
    out.row("Z15-zip-pickle", "a pickle behind a zip", torch(
        finish={"suffix": EVIL})[1], expect="tensors", tensors=GOOD,
        exit={"ls": 0}, verdict=["unusual", "dangerous"])


def layout(out):
    z, data = archive([r for r in records() if not r[0].endswith("data.pkl")])
    out.refuse("Z16-no-pickle", "no data.pkl", data,
               code=[FORMAT, UNSUPPORTED])
    out.loads("Z16-two-roots", "a second root with a data.pkl",
              archive(records() + [("other/data.pkl", EVIL)])[1], "dangerous",
              names=["os.system"])
    z, data = archive([("other/data.pkl", EVIL)] + records())
    out.row("Z16-two-roots-first", "the evil root stands first", data,
            expect="report", verdict="dangerous", names=["os.system"],
            exit={"scan": 1})
    z, data = archive([("data.pkl", PICKLE), ("data/0", W), ("data/1", B)])
    out.refuse("Z16-top-level", "data.pkl at the top", data,
               code=[FORMAT, UNSUPPORTED])
    z, data = archive([("readme", b"hi")] + records())
    out.refuse("Z16-first-not-in-root", "first member in no directory", data,
               z.central[0])
    out.loads("Z16-stray", "a record that torch does not write",
              archive(records() + [("archive/notes.txt", b"hi")])[1], "unusual",
              names=["notes.txt"])
    out.loads("Z16-stray-pickle", "a stray record that is an evil pickle",
              archive(records() + [("archive/evil.pkl", EVIL)])[1], "dangerous",
              names=["os.system"])
    out.loads("Z16-stray-pickle-unnamed", "an evil pickle without its suffix",
              archive(records() + [("archive/notes", EVIL)])[1], "dangerous",
              names=["os.system"])
    swapped = {"0": struct.pack(">6f", *range(6)),
               "1": struct.pack(">4q", 1, -2, 3, -4)}
    out.loads("Z16-big-endian", "byteorder big",
              torch(storages=swapped, byteorder=b"big")[1])
    z = Zip("plain")
    for name, data in torch_records(PICKLE, swapped, byteorder=b"big"):
        z.add(name, data, method=8)
    out.loads("Z16-big-endian-deflated", "byteorder big, deflated",
              z.finish())
    for tag, text in (("junk", b"middle"), ("empty", b""),
                      ("newline", b"little\n"), ("case", b"Little"),
                      ("long", b"little" * 1000)):
        z, data = torch(byteorder=text)
        out.refuse("Z16-byteorder-" + tag, "byteorder %r" % text[:20], data,
                   z.data[3])
    out.loads("Z16-no-byteorder", "before torch 2.1", torch(
        byteorder=None, format_version=None, alignment=None,
        serialization_id=None)[1])
    z, data = torch(version=b"9" * (1 << 20))
    out.refuse("Z16-version-digits", "version of a million digits", data,
               z.data[6])
    for tag, text, verdict in (("0", b"0\n", "unusual"),
                               ("11", b"11\n", "unusual"),
                               ("20-digits", b"9" * 20, "unusual"),
                               ("10", b"10\n", "clean"),
                               ("no-newline", b"3", "clean")):
        out.loads("Z16-version-" + tag, "version %r" % text,
                  torch(version=text)[1], verdict)
    for tag, text in (("minus", b"-1\n"), ("empty", b""), ("text", b"three"),
                      ("newline", b"\n")):
        z, data = torch(version=text)
        out.refuse("Z16-version-" + tag, "version %r" % text, data,
                   z.data[6])
    out.loads("Z16-no-version", "no version", torch(version=None)[1],
              "unusual")
    out.loads("Z16-dot-data-version", "version in .data/", torch(
        version=None, more=[(".data/version", b"10\n")])[1])
    for key, values in (("format_version", (b"junk", b"9" * 5000)),
                        ("alignment", (b"0", b"-64", b"9" * 5000))):
        for n, value in enumerate(values):
            out.loads("Z16-%s-%d" % (key.replace("_", "-"), n),
                      "%s %r" % (key, value[:20]), torch(**{key: value})[1])
    out.loads("Z16-torchscript", "TorchScript's records", torch(more=[
        ("constants.pkl", p.pickled(p.EMPTY_TUPLE, 2)),
        ("code/__torch__.py", b"class M(Module):\n  pass\n"),
        ("code/__torch__.py.debug_pkl", b"\x80\x02].")])[1])
    out.loads("Z16-constants-evil", "constants.pkl calls os.system", torch(
        more=[("constants.pkl", EVIL)])[1], "dangerous", names=["os.system"])
    z, data = torch(storages={"1": B})
    out.refuse("Z16-no-storage", "data/0 is missing", data)
    z, data = torch(storages={"0": W[:-1], "1": B})
    out.refuse("Z16-storage-short", "data/0 a byte short (CVE-2026-24747)",
               data)
    z, data = torch(storages={"0": b"", "1": B})
    out.refuse("Z16-storage-empty", "data/0 is empty", data)
    out.loads("Z16-storage-long", "data/0 a float longer",
              torch(storages={"0": W + bytes(4), "1": B})[1],
              ["unusual", "clean"])
    deep = p.torch_pickle({
        "w": p.torch_tensor("a/b", "FloatStorage", 6, (2, 3)),
        "b": p.torch_tensor("1", "LongStorage", 4, (4,))})
    out.loads("Z16-key-slash", "a key with a slash", torch(
        pickle=deep, storages={"a/b": W, "1": B})[1])
    for tag, key in (("dotdot", "../data.pkl"), ("empty", ""),
                     ("nul", "0\0"), ("long", "0" * 70000),
                     ("case", "A")):
        bad = p.torch_pickle({
            "w": p.torch_tensor(key, "FloatStorage", 6, (2, 3))})
        out.refuse("Z16-key-" + tag, "storage key %r" % key[:20], torch(
            pickle=bad, storages={"0": W, "1": B, "a": W})[1])


def fifield(count):
    """Quoted overlap: each file is a deflate stored block that quotes the next
    local header, then the same kernel (Fifield 2019)."""
    kernel_data = bytes(1 << 20)
    kernel = deflate(kernel_data)
    crc = zlib.crc32(kernel_data)
    names = [b"a/data/%d" % i for i in range(count)]
    parts, sizes = [], []
    tail, size = kernel, len(kernel_data)
    plain = kernel_data
    for name in reversed(names):
        header = struct.pack("<4sHHHHHIIIHH", LOCAL, 20, 0, 8, 0, 0x21, crc,
                             len(tail), size, len(name), 0) + name
        parts.append(header)
        sizes.append((len(tail), size, crc))
        quote = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF)
        plain = header + plain
        crc = zlib.crc32(plain)
        tail, size = quote + header + tail, size + len(header)
    out = tail[5:]
    z = Zip("plain")
    z.add("a/data.pkl", PICKLE)
    start = len(z.out)
    z.out += out
    at = start
    for name, (packed, size, crc) in zip(names, reversed(sizes)):
        z.add(name, b"", method=8, local=False, header_offset=at,
              packed_size=packed, size=size, crc=crc, flags=0)
        at += 30 + len(name) + 5
    return z, z.finish()


def bombs(out):
    zeros = bytes(64 << 20)
    one = p.torch_pickle({"w": p.torch_tensor(
        "0", "FloatStorage", len(zeros) // 4, (len(zeros) // 4,))})
    z = Zip("plain")
    for name, data in torch_records(one, {"0": zeros}):
        z.add(name, data, method=8)
    out.loads("B9-deflate-1000", "64 MiB of zeroes in 64 KiB, honest",
              z.finish(), tensors={"w": tensor("F32", (len(zeros) // 4,),
                                               zeros)})
    # A flushed block refers to nothing before it, so it may be repeated.
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = c.compress(bytes(1 << 20)) + c.flush(zlib.Z_FULL_FLUSH)
    packed = block * 2048 + c.flush()
    z = Zip("plain")
    for name, data in torch_records(one, {"0": b""}):
        if name.endswith("data/0"):
            z.add(name, b"", method=8, packed=packed, size=2048 << 20)
        else:
            z.add(name, data)
    out.limit("B9-deflate-2-gib", "2 GiB of zeroes in 2 MiB", z.finish())
    z = Zip("plain")
    for name, data in torch_records(b"", {"0": W}):
        if name.endswith("data.pkl"):
            z.add(name, b"", method=8, packed=packed, size=2048 << 20)
        else:
            z.add(name, data)
    out.limit("B9-pickle-2-gib", "a pickle of 2 GiB in 2 MiB", z.finish())
    z = Zip("plain")
    for name, data in torch_records(PICKLE, STORAGES):
        z.add(name, data)
    z.add("archive/data/9", b"", method=8, packed=packed, size=2048 << 20)
    out.loads("B9-not-referred-to", "a bomb that no tensor asks for is never "
              "inflated", z.finish())
    z, data = fifield(250)
    out.refuse("B9-quoted-overlap", "Fifield's quoted overlap, 250 files",
               data, z.central[2])
    z = Zip("plain")
    z.add("a/data.pkl", PICKLE)
    kernel = deflate(zeros[:1 << 20])
    z.add("a/data/0", zeros[:1 << 20], method=8, packed=kernel)
    for n in range(1, 1000):
        z.add("a/data/%d" % n, b"", method=8, local=False, packed=kernel,
              header_offset=z.local[1], size=1 << 20)
    out.refuse("B9-full-overlap", "1,000 entries, one kernel", z.finish(),
               z.central[2])
    for n in (65535, 65536, 200000):
        z = Zip("plain")
        for name, data in records():
            z.add(name, data)
        for k in range(n - 8):
            z.add("archive/data/%x" % (k + 16), b"")
        out.loads("B9-empty-members-%d" % n, "%d members" % n,
                  z.finish(zip64=n > 65535))
    inner = torch()[1]
    for _ in range(5):
        inner = archive([("archive/data.pkl", EVIL),
                         ("archive/data/0", inner)])[1]
    out.row("B9-nested", "zip in zip, six deep: never opened", inner,
            expect="report", verdict="dangerous", exit={"scan": 1},
            names=["os.system"])


def main():
    out = Out(sys.argv[1])
    for part in (honest, names_differ, flags, sums, duplicates, ends, zip64,
                 descriptors, methods, names, sizes, overlaps, disks, extras,
                 polyglots, layout, bombs):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
