#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gen_zips.py OUTDIR: the zip attacks Z1 to Z16 and the bombs B9 of the attack
list, as torch checkpoints, and odd but honest archives that must load.

Each row of manifest.jsonl says what must come of a file: code, the offset of
the record that lies, verdict, tensors.  Deterministic, standard library only.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import zip_fields as fields                                  # noqa: E402
import zip_layouts as layouts                                # noqa: E402
from zip_cases import Out, archive, records, torch           # noqa: E402
from zip_writer import MAX32, Zip, extra                     # noqa: E402


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


def main():
    out = Out(sys.argv[1])
    for part in (honest, fields.names_differ, fields.flags, fields.sums,
                 fields.duplicates, layouts.ends, fields.zip64,
                 fields.descriptors, fields.methods, fields.names,
                 fields.sizes, fields.overlaps, fields.disks, fields.extras,
                 layouts.polyglots, layouts.layout, layouts.bombs):
        part(out)
    out.finish()


if __name__ == "__main__":
    main()
