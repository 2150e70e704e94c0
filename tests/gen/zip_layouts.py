# SPDX-License-Identifier: Apache-2.0
"""Z5, Z15, Z16, B9: end records, polyglots, records of torch, and bombs."""
import struct
import zlib

import pickle_asm as p
from zip_cases import (B, EVIL, FORMAT, GOOD, PICKLE, STORAGES, UNSUPPORTED,
                       W, archive, records, tensor, torch)
from zip_writer import (LOCAL, MAX32, Zip, deflate, torch_records)


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
