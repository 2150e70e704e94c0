#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are packed as joblib packs them, by bzip2, xz, lzma and LZ4.

    tests/gen/gen_unpack.py OUTDIR

U-*: streams that end early, go on, or whose checks are wrong; headers that ask
for memory; other formats inside.  B9-unpack-*: bombs.  Standard library only;
the same at every run."""

import bz2
import gzip
import lzma
import struct
import sys
import zlib

import lz4_frame
from gen_joblib import dump, one
from older_out import *             # noqa: F403
from older_out import DATA, EVIL, GOOD_ROW, Out, tensor

MIB = 1 << 20


def xz(data, **o):
    return lzma.compress(data, format=lzma.FORMAT_XZ, **o)


def alone(data):
    return lzma.compress(data, format=lzma.FORMAT_ALONE)


METHODS = (("bzip2", bz2.compress), ("xz", xz), ("lzma", alone),
           ("lz4", lz4_frame.compress))


def broken(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def each(out, name, make):
    data = make(one())
    zeros = dict(data=bytes(4 * MIB), shape=(MIB,))
    name = "U-" + name
    out.load(name, data, "an array", GOOD_ROW)
    out.load(name + "-zeros", make(one(**zeros)), "4 MiB of zeros",
             {"good": tensor("F32", (MIB,), bytes(4 * MIB))})
    out.load(name + "-evil", make(dump(EVIL)), "code inside", {},
             "dangerous", ["os.system"])
    out.refuse(name + "-after", data + b"x", "a byte after it", len(data))
    out.refuse(name + "-twice", data + data, "two streams", len(data))
    out.refuse(name + "-mid", broken(data, len(data) // 2), "a wrong bit")
    for n in (1, 4, len(data) // 2):
        out.refuse("%s-cut%d" % (name, n), data[:-n], "cut short",
                   None if name == "U-bzip2" and n == 4 else
                   len(data) - n)
    for what, inside in (("text", b"hello, world\n" * 10), ("empty", b""),
                         ("zip", b"PK\3\4" + bytes(26) + b"x" * 100),
                         ("zeros", bytes(1000)), ("npy", b"\x93NUMPY\1\0"
                          + struct.pack("<H", 54) + (
                              b"{'descr': '<f4', 'fortran_order': False, "
                              b"'shape': (1,)}").ljust(53) + b"\n" + bytes(4)
                         )):
        out.refuse("%s-in-%s" % (name, what), make(inside), what
                   + " inside", code="PFORK_E_UNSUPPORTED")


def bombs(out):
    """A pickle whose bytes are zeros, and zeros alone."""
    size = 64 * MIB
    pickled = PROTO(4) + b"\x8e" + struct.pack("<Q", size) + bytes(size) + STOP
    for name, make in METHODS[:3]:
        out.refuse("B9-unpack-%s" % name, make(bytes(size)),
                   "64 MiB of zeros", code="PFORK_E_UNSUPPORTED")
        out.refuse("B9-unpack-%s-pickle" % name, make(pickled),
                   "64 MiB of zeros in a pickle", code="PFORK_E_LIMIT",
                   expect="limit")
    many = bz2.compress(b"")[:4] + bz2.compress(pickled)[4:]
    out.refuse("B9-unpack-bzip2-twice", bz2.compress(many),
               "packed twice", code="PFORK_E_UNSUPPORTED")
    out.refuse("B9-unpack-gzip", gzip.compress(bytes(size), mtime=0),
               "64 MiB of zeros", code="PFORK_E_UNSUPPORTED")


def headers_lzma(out):
    data = alone(one())
    out.refuse("U-lzma-2g", data[:1] + struct.pack("<I", 1 << 31) + data[5:],
               "a dictionary of 2 GiB", code="PFORK_E_LIMIT", expect="limit")
    out.refuse("U-lzma-size", data[:5] + struct.pack("<Q", 10) + data[13:],
               "a size that is too small")
    out.refuse("U-lzma-size-more", data[:5] + struct.pack(
        "<Q", len(one()) + 1) + data[13:], "a size that is too large")
    out.refuse("U-lzma-dictionary", data[:1] + struct.pack("<I", 0x10100)
               + data[5:], "a dictionary of no such size",
               code="PFORK_E_UNSUPPORTED")
    out.load("U-lzma-sized", data[:5] + struct.pack("<Q", len(one()))
             + data[13:], "a size, and an end marker as well", GOOD_ROW)


def xz_block(data, at, byte):
    """One byte of the first block's header, and its check made right."""
    size = (data[12] + 1) * 4
    head = bytearray(data[12:12 + size - 4])
    head[at] = byte
    return data[:12] + bytes(head) + struct.pack("<I", zlib.crc32(
        bytes(head))) + data[12 + size:]


def headers_xz(out):
    data = xz(one())
    for check, name in ((lzma.CHECK_NONE, "none"), (lzma.CHECK_CRC32, "crc32"),
                        (lzma.CHECK_SHA256, "sha256")):
        out.load("U-xz-" + name, xz(one(), check=check), "check " + name,
                 GOOD_ROW)
    out.load("U-xz-delta", xz(one(), filters=[
        {"id": lzma.FILTER_DELTA, "dist": 4},
        {"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2}]),
        "a chain of filters", GOOD_ROW)
    out.refuse("U-xz-4g", xz_block(data, 4, 40), "a dictionary of 4 GiB",
               code="PFORK_E_LIMIT", expect="limit")
    out.refuse("U-xz-filter", xz_block(data, 2, 0x22), "an unknown filter",
               code="PFORK_E_UNSUPPORTED")
    flags = b"\0\2"
    out.refuse("U-xz-check", data[:6] + flags + struct.pack(
        "<I", zlib.crc32(flags)) + data[12:], "an unknown check",
        code="PFORK_E_UNSUPPORTED")
    out.refuse("U-xz-head", broken(data, 8), "a wrong check of the header")
    out.refuse("U-xz-padding", data + bytes(4), "stream padding", len(data))


def headers_bzip2(out):
    data = bz2.compress(one())
    out.refuse("U-bzip2-sum", broken(data, 10), "a wrong sum of a block")
    out.refuse("U-bzip2-size0", data[:3] + b"0" + data[4:],
               "blocks of no size", code="PFORK_E_UNSUPPORTED")
    out.refuse("U-bzip2-magic", broken(data, 9), "no magic of a block",
               code="PFORK_E_UNSUPPORTED")


def headers_lz4(out):
    f = lz4_frame
    inside = one()
    end = bytes(4)
    for name, flags in (("plain", 0), ("sums", f.SUM | f.BLOCK_SUM),
                        ("size", f.SIZE), ("all", f.SUM | f.BLOCK_SUM | f.SIZE
                                           | f.INDEPENDENT)):
        out.load("U-lz4-" + name, f.compress(inside, flags), name, GOOD_ROW)
        out.load("U-lz4-stored-" + name, f.compress(inside, flags,
                 stored=True), name + ", stored", GOOD_ROW)
    for sizes in (0x50, 0x60, 0x70):
        out.load("U-lz4-block%x" % sizes, f.compress(inside, sizes=sizes),
                 "larger blocks", GOOD_ROW)
    many = f.head(f.SUM) + b"".join(f.block(inside[i:i + 7]) for i in range(
        0, len(inside), 7)) + end + struct.pack("<I", f.xxh32(inside))
    out.load("U-lz4-blocks", many, "blocks of seven bytes", GOOD_ROW)
    linked = f.head(0) + f.block(inside[:-1]) + struct.pack("<I", 2) \
        + b"\x10" + inside[-1:] + end
    out.load("U-lz4-last", linked, "a block of one byte", GOOD_ROW)
    for name, data, what in (
            ("version", f.head(version=2), "version 2"),
            ("reserved", f.head(f.RESERVED), "a reserved bit"),
            ("sizes3", f.head(sizes=0x30), "blocks of no size"),
            ("sizes-bit", f.head(sizes=0xc0), "a reserved bit of the sizes"),
            ("check", f.head(check=0), "a wrong check of the header"),
            ("content", f.head(f.SIZE, content=9) + f.block(inside) + end,
             "fewer bytes than there are"),
            ("content63", f.head(f.SIZE, content=2**63) + f.block(inside)
             + end, "2^63 bytes"),
            ("large", f.head() + struct.pack("<I", 65537) + bytes(65537),
             "a block larger than its limit"),
            ("large31", f.head() + struct.pack("<I", 2**31 - 1),
             "a block of 2 GiB"),
            ("far", f.head(0) + struct.pack("<I", 4) + b"\x04\1\0\0" + end,
             "a match before the beginning"),
            ("block-sum", f.head(f.BLOCK_SUM) + f.block(
                inside, flags=f.BLOCK_SUM, sum_=1) + end, "a wrong sum"),
            ("skippable", f.compress(inside) + b"\x50\x2a\x4d\x18" + end,
             "a skippable frame after it")):
        out.refuse("U-lz4-" + name, data.ljust(11, b"\0"), what)
    out.refuse("U-lz4-dictionary", f.head(f.DICTIONARY) + end + end,
               "a dictionary", code="PFORK_E_UNSUPPORTED")
    reach = f.head(f.INDEPENDENT) + f.block(b"\x80\4" + b"N0" * 20) \
        + struct.pack("<I", 5) + b"\x0f\1\0\0\0" + end
    out.refuse("U-lz4-reach", reach, "an independent block that reaches back")


def main():
    out = Out(sys.argv[1], ".joblib")
    for name, make in METHODS:
        each(out, name, make)
    for part in (headers_bzip2, headers_xz, headers_lzma, headers_lz4, bombs):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
