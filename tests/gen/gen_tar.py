#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Torch's tar archives (before 0.1.10) that lie, with their manifest.

    tests/gen/gen_tar.py OUTDIR

N-tar-*: headers, names, links, PAX records, and the tables inside (ATTACKS:
1.7).  The same bytes at every run."""

import struct
import sys

from older_out import *             # noqa: F403


def member(name, data=b"", kind=b"0", size=None, sum_off=0, prefix=b"",
           link=b"", size_field=None):
    """A header and its data; every field may be told."""
    if isinstance(name, str):
        name = name.encode()
    if size is None:
        size = len(data)
    head = bytearray(512)
    head[0:len(name)] = name
    head[100:108] = b"0000644\0"
    head[108:116] = head[116:124] = b"0000000\0"
    head[124:136] = size_field or b"%011o\0" % size
    head[136:148] = b"00000000000\0"
    head[148:156] = b" " * 8
    head[156:157] = kind
    head[157:157 + len(link)] = link
    head[257:265] = b"ustar\x0000"
    head[345:345 + len(prefix)] = prefix
    head[148:156] = b"%06o\0 " % (sum(head) + sum_off)
    return bytes(head) + data + bytes(-len(data) % 512)


def tar(members, end=bytes(1024)):
    return b"".join(members) + end


def storages(entries=None, views=(), count=...):
    """entries: (key, class, data, count of elements)."""
    if entries is None:
        entries = [(1, "FloatStorage", DATA, 6)]
    out = pickled(value(len(entries) if count is ... else count))
    for key, name, data, n in entries:
        out += pickled(value((key, "cpu", Raw(GLOBAL("torch", name)))))
        out += struct.pack("<Q", n) + data
    return out + pickled(value(list(views)))


def tensors(entries=None, count=...):
    """entries: (key, storage, rank, sizes, strides, offset)."""
    if entries is None:
        entries = [(2, 1, 2, (2, 3), (3, 1), 0)]
    out = pickled(value(len(entries) if count is ... else count))
    for key, storage, rank, sizes, strides, offset in entries:
        out += pickled(value((key, storage,
                              Raw(GLOBAL("torch", "FloatTensor")))))
        out += struct.pack("<ii", rank, 0)
        out += struct.pack("<%dq" % len(sizes), *sizes)
        out += struct.pack("<%dq" % len(strides), *strides)
        out += struct.pack("<q", offset)
    return out


OBJECT = pickled(state_dict({"good": PERSID("2")}))


def parts(**o):
    return {"sys_info": pickled(value({"protocol_version": 1000})),
            "pickle": o.get("object", OBJECT),
            "storages": o.get("storages", storages()),
            "tensors": o.get("tensors", tensors())}


def archive(before=(), after=(), end=bytes(1024), **o):
    return tar(list(before) + [member(n, d) for n, d in parts(**o).items()]
               + list(after), end)


def good(out):
    out.load("N-tar-good", archive(), "a tar archive", GOOD_ROW)
    out.load("N-tar-binpersid", archive(object=pickled(state_dict(
        {"good": value("2") + BINPERSID}))), "binary persistent ids",
        GOOD_ROW)
    out.load("N-tar-view", archive(
        storages=storages(views=[(9, 1, 2, 3)]),
        tensors=tensors([(2, 9, 1, (3,), (1,), 0)])), "a view of a storage",
        {"good": tensor("F32", (3,), DATA[8:20])})
    out.load("N-tar-storage", archive(object=pickled(state_dict(
        {"s": PERSID("1")}))), "a storage by itself",
        {"s": tensor("F32", (6,), DATA)})
    out.load("N-tar-twice", archive(object=pickled(state_dict(
        {"good": PERSID("2"), "again": PERSID("2")}))),
        "a tensor under two names", GOOD_ROW)
    out.load("N-tar-base256", tar(
        [member(n, d, size_field=b"\x80" + bytes(3)
                + struct.pack(">Q", len(d))) for n, d in parts().items()]),
        "sizes in base 256", GOOD_ROW)
    out.load("N-tar-module", archive(object=pickled(
        value((Raw(GLOBAL("models", "Net")), None, None)) + BINPERSID
        + EMPTY_TUPLE + NEWOBJ + value({"_parameters": Raw(
            state_dict({"good": PERSID("2")}))}) + BUILD)),
        "a module", GOOD_ROW, "unusual", ["models.Net"])
    out.load("N-tar-after", archive(end=bytes(1024) + b"x"),
             "bytes after the end", GOOD_ROW, "unusual", ["after the end"])
    out.load("N-tar-member", archive(after=[member("notes.txt", b"hello")]),
             "a member of nobody's", GOOD_ROW, "unusual", ["notes.txt"])


def containers(out):
    evil = {"verdict": "dangerous"}
    for name, what in (("../../x", "climbs"), ("a/..", "climbs"),
                       ("/etc/x", "absolute"), ("a\\..\\b", "control"),
                       ("a\x1b[2J", "control")):
        out.refuse("N-tar-name-" + "".join(
            c if c.isalnum() else "_" for c in name), archive(
            before=[member(name)]), "the name %r" % name, names=[what],
            **evil)
    for kind in "123467SKLV":
        out.refuse("N-tar-kind-" + kind, archive(
            before=[member("link", b"", kind.encode(), link=b"/etc/passwd")]),
            "a member of kind " + kind, **evil)
    out.refuse("N-tar-link-through", tar(
        [member("storages", b"", b"2", link=b"/etc/passwd")]
        + [member(n, d) for n, d in parts().items()]),
        "`storages` is a symbolic link first", **evil)
    for name in ("storages", "pickle", "tensors"):
        out.refuse("N-tar-two-" + name, archive(
            after=[member(name, parts()[name])]), "two members " + name,
            names=["twice"], **evil)
    for key in ("size", "path", "linkpath", "GNU.sparse.size"):
        record = b" %s=99999\n" % key.encode()
        record = b"%d" % (len(record) + 2) + record
        for kind in (b"x", b"g"):
            out.refuse("N-tar-pax-%s-%s" % (kind.decode(), key), archive(
                before=[member("PaxHeader", record, kind)]),
                "a PAX record for " + key, names=["PAX"], **evil)
    for i, record in enumerate((b"9 a=b\n", b"99 mtime=1\n", b"5 mtime=1\n",
                                b"x mtime=1\n", b"12 mtime:1 \n", b"0 =\n",
                                b"99999999999999999999 mtime=1\n")):
        out.refuse("N-tar-pax-bad-%d" % i, archive(
            before=[member("PaxHeader", record, b"x")]),
            "a malformed PAX record")
    out.refuse("N-tar-prefix", archive(before=[member("x", prefix=b"dir")]),
               "a name in two parts", **evil)
    for name, field in (("2-31", b"%011o\0" % 2**31),
                        ("2-32", b"%011o\0" % 2**32),
                        ("2-63", b"\x80\0\0\0" + struct.pack(">Q", 2**63)),
                        ("max", b"\x80\0\0\0" + b"\xff" * 8),
                        ("over", b"\x80\1" + bytes(10)),
                        ("negative", b"\xff" * 12), ("text", b"hello\0\0\0\0\0"
                                                     b"\0\0")):
        out.refuse("N-tar-field-" + name, archive(
            after=[member("x", size_field=field)]), "a size of " + name)
    out.refuse("N-tar-sum", archive(after=[member("x", sum_off=1)]),
               "a wrong checksum")
    out.refuse("N-tar-no-end", archive(end=b""), "no end of the archive")
    out.refuse("N-tar-many", archive(after=[member("n%d" % i)
                                            for i in range(1100)]),
               "a thousand members", code="PFORK_E_LIMIT", expect="limit")


def tables(out):
    for part in ("storages", "tensors"):
        make = {"storages": storages, "tensors": tensors}[part]
        for n in (-1, 2, 2**31, 2**63 - 1, True, None, "1", 2**64):
            out.refuse("N-tar-%s-count-%s" % (part, n), archive(
                **{part: make(count=n)}), "a count of %r" % (n,))
        out.refuse("N-tar-%s-evil" % part, archive(
            **{part: pickled(EVIL)}), "the count is code",
            verdict="dangerous", names=["os.system"])
        out.load("N-tar-%s-after" % part, archive(
            **{part: make() + pickled(EVIL)}), "code after the table",
            GOOD_ROW, "dangerous", ["os.system"])
    for n in (0, 5, 7, 2**31, 2**32, 2**62, 2**63, 2**64 - 1):
        out.refuse("N-tar-length-%d" % n, archive(storages=storages(
            [(1, "FloatStorage", DATA, n)])), "a storage of %d elements" % n)
    out.refuse("N-tar-class", archive(storages=storages(
        [(1, "Tensor", DATA, 6)])), "a storage of a class that is none")
    out.refuse("N-tar-key-twice", archive(storages=storages(
        [(1, "FloatStorage", DATA, 6)] * 2)), "a key given twice")
    out.refuse("N-tar-key-shared", archive(tensors=tensors(
        [(1, 1, 1, (1,), (1,), 0)])), "a tensor with a storage's key")
    for n in (-1, 65, 2**31 - 1):
        out.refuse("N-tar-rank-%d" % n, archive(tensors=tensors(
            [(2, 1, n, (1,) * 65, (1,) * 65, 0)])), "a rank of %d" % n)
    for name, entry in (
            ("size-negative", (2, 1, 1, (-1,), (1,), 0)),
            ("stride-negative", (2, 1, 1, (3,), (-1,), 0)),
            ("offset-negative", (2, 1, 1, (3,), (1,), -1)),
            ("offset-past", (2, 1, 1, (3,), (1,), 4)),
            ("size-past", (2, 1, 1, (7,), (1,), 0)),
            ("size-wrap", (2, 1, 2, (2**62, 4), (1, 1), 0)),
            ("storage-none", (2, 7, 1, (3,), (1,), 0)),
            ("storage-tensor", (2, 2, 1, (3,), (1,), 0))):
        out.refuse("N-tar-" + name, archive(tensors=tensors([entry])),
                   "geometry: " + name)
    for name, view in (("past", (9, 1, 4, 3)), ("negative", (9, 1, -1, 3)),
                       ("root", (9, 7, 0, 3)), ("key", (1, 1, 0, 3)),
                       ("three", (9, 1, 0)), ("text", "four")):
        out.refuse("N-tar-view-" + name, archive(
            storages=storages(views=[view]),
            tensors=tensors([(2, 9, 1, (3,), (1,), 0)])), "a view: " + name)
    for name, op in (("unknown", PERSID("7")), ("text", PERSID("x")),
                     ("empty", PERSID("")), ("long", PERSID("1" * 30)),
                     ("none", NONE + BINPERSID),
                     ("pair", value((1, 2)) + BINPERSID)):
        out.refuse("N-tar-persid-" + name, archive(object=pickled(
            state_dict({"good": op}))), "a persistent id: " + name)
    out.load("N-tar-evil", archive(object=pickled(EVIL)), "the object is "
             "code", {}, "dangerous", ["os.system"])
    out.load("N-tar-evil-module", archive(object=pickled(
        value((Raw(GLOBAL("os", "system")), None, None)) + BINPERSID
        + value(("true",)) + REDUCE)), "a function as a module's class", {},
        "dangerous", ["os.system"])
    for name in ("storages", "tensors", "pickle"):
        left = [member(n, d) for n, d in parts().items() if n != name]
        out.refuse("N-tar-without-" + name, tar(left), "no member " + name,
                   code="PFORK_E_UNSUPPORTED")


def first_block(before, sum_field=None, fill=b" ", off=0):
    """512 bytes that begin as another format, and are a header all the same:
    `sum_field` makes its eight bytes of the sum, signed or not."""
    head = bytearray(before + fill * (512 - len(before)))
    head[100:148] = b"0000644 0000000 0000000 00000001000 00000000000 "
    head[148:156] = b" " * 8
    head[156:157] = b"0"
    head[329:345] = b" " * 16
    plain = sum(head) + off
    signed = sum(b - 256 if b > 127 else b for b in head)
    head[148:156] = (sum_field or (lambda u, s: b"%06o  " % u))(plain, signed)
    return bytes(head)


def safetensors_tar(members, **o):
    """A safetensors file whose one tensor's bytes are an archive's members;
    its header is the archive's first member."""
    data = b"".join(members) + bytes(1024)
    rest = b'":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' \
        % (len(data), len(data))
    return first_block(struct.pack("<Q", 1016) + b'{"', **o) \
        + b" " * (512 - len(rest)) + rest + data


def gguf_tar(members):
    """A GGUF file: the first value's text reaches over the header's end."""
    def text(b):
        return struct.pack("<Q", len(b)) + b

    data = b"".join(members) + bytes(1024)
    data += bytes(-len(data) % 32)
    before = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text(b"general.name") \
        + struct.pack("<I", 8)
    info = text(b"w") + struct.pack("<IQIQ", 1, len(data), 24, 0)
    length = 1024 - len(before) - 8 - len(info)
    return first_block(before + struct.pack("<Q", length)) \
        + b" " * (512 - len(info)) + info + data


def polyglots(out):
    """torch.load(path) tries tarfile before all but zips, and unpickles
    `storages` before it finds out that something is missing."""
    evil = [member("storages", pickled(EVIL)),
            member("pickle", pickled(value({})))]
    also = {"names": ["also reads as a tar archive"], "verdict": "dangerous"}
    out.load("N-tar-safetensors", safetensors_tar(evil),
             "safetensors and a tar archive", suffix=".safetensors", **also)
    out.load("N-tar-gguf", gguf_tar(evil), "GGUF and a tar archive",
             suffix=".gguf", **also)
    for name, field in (
            ("blank", lambda u, s: b" %06o " % u),
            ("underscore", lambda u, s: b"%03o_%03o " % (u >> 9, u & 511)),
            ("prefix", lambda u, s: b"0O%06o" % u),
            ("plus", lambda u, s: b"+%06o " % u)):
        out.load("N-tar-sum-" + name, safetensors_tar(
            evil, sum_field=field), "a sum as tarfile takes it: " + name,
            suffix=".safetensors", **also)
    wide = "\u0101".encode() * 60          # bytes above 127, as JSON has them
    signed = safetensors_tar(evil, sum_field=lambda u, s: b"%06o  " % s)
    assert signed[148:154].isdigit()
    high = bytearray(first_block(struct.pack("<Q", 1016) + b'{"'))
    high[160:160 + len(wide)] = wide
    high[148:156] = b" " * 8
    high[148:156] = b"%06o  " % sum(b - 256 if b > 127 else b for b in high)
    out.load("N-tar-sum-signed", bytes(high) + signed[512:],
             "the sum of signed bytes", suffix=".safetensors", **also)
    out.load("N-tar-sum-other", safetensors_tar(evil, off=1),
             "a sum that is one more: no archive", suffix=".safetensors")
    out.load("N-tar-sum-mode", safetensors_tar(evil)[:100] + b"x"
             + safetensors_tar(evil, off=ord("x") - ord("0"))[101:],
             "a mode that is no number: no archive", suffix=".safetensors")
    old = bytearray(member("readme", b"hello"))
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"\x80" + sum(old[:512]).to_bytes(7, "big")
    out.refuse("N-tar-old", bytes(old) + bytes(1024), "an archive that is "
               "none of torch's", code="PFORK_E_UNSUPPORTED")


def main():
    out = Out(sys.argv[1], ".tar")
    for part in (good, containers, tables, polyglots):
        part(out)
    out.close()


if __name__ == "__main__":
    main()
