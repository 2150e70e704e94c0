# SPDX-License-Identifier: Apache-2.0
"""Z1 to Z4, Z6 to Z14: a field of a member or of a zip64 record lies."""
import struct
import zlib

from zip_cases import (B, EVIL, PICKLE, PKL, STORAGE0, STORAGE1, STORAGES,
                       UNSUPPORTED, W, archive, records, torch)
from zip_writer import (DESCRIPTOR, MAX32, Zip, deflate, extra,
                        torch_zip_open)


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
    z, data = torch({"c_external": 0x10})
    out.refuse("Z2-directory-bit", "a record with data is a directory to DOS, "
               "and to torch's reader", data, z.central[STORAGE0])
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
    # No reader of checkpoints folds these: they are two names.
    z, data = archive(records() + [("archive/caf\u00e9", b"1"),
                                   ("archive/cafe\u0301", b"2")])
    out.loads("Z4-nfc", "two names that are one in NFC", data, "unusual")


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
