#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Distributed checkpoints of PyTorch that lie, with their manifest.

    tests/gen/gen_dcp.py OUTDIR

Each is a directory with .metadata and data files; some are a data file alone.
Python's standard library only; the same bytes at every run."""

import sys

from dcp_out import *               # noqa: F403
from older_out import legacy

A, B = "__0_0.distcp", "__1_0.distcp"
TWO = [(A, (0, 0), (1, 3)), (B, (1, 0), (1, 3))]
BIG = (2 ** 31, 2 ** 32, 2 ** 62, 2 ** 63 - 1)


def good():
    """Two boxes in two files, and a value that is no tensor."""
    return Set().tensor("w", (2, 3), TWO).plain("step", A)


def one():
    return Set().tensor("w", (2, 3), [(A, (0, 0), (2, 3))])


def changed(s, name=None, **o):
    """s with the value of its last storage_data changed."""
    key, info = s.storage[-1]
    have = len(s.files[A])
    s.storage[-1] = (key, stored(name or A, o.pop("offset", 0),
                                 o.pop("length", have), **o))
    return s


def honest(out):
    out.load("two", "two rows in two files", good(),
             names=["data file: step"])
    out.load("boxes", "four boxes", Set().tensor("w", (4, 5), [
        (A, (0, 0), (3, 2)), (B, (0, 2), (3, 3)), (A, (3, 0), (1, 2)),
        (B, (3, 2), (1, 3))]))
    out.load("deep", "a box of four dimensions", Set().tensor(
        "w", (2, 3, 2, 2), [(A, (0, 0, 0, 0), (2, 1, 2, 2)),
                            (B, (0, 1, 0, 0), (2, 2, 2, 1)),
                            (B, (0, 1, 0, 1), (2, 2, 2, 1))]))
    out.load("scalar", "no dimension", Set().tensor("w", (), [(A, (), ())]))
    out.load("empty", "no elements", Set().tensor(
        "w", (0, 3), [(A, (0, 0), (0, 3))]))
    out.load("empty-box", "a rank without a row", Set().tensor(
        "w", (2, 3), TWO + [(B, (2, 0), (0, 3))]))
    s = good()
    s.storage.append((index("gone", (0,)), stored(A, 0, 10)))
    out.load("more-data", "storage_data of a name that is not there", s,
             verdict="unusual", names=["gone"])
    out.load("version", "a version of the future", s, verdict="unusual",
             metadata=metadata(s.tensors, s.storage[:-1], version="9"),
             names=["version"])
    out.load("trailing", "a byte after the pickle", good(), verdict="unusual",
             metadata=metadata(good().tensors, good().storage, after=b"x"))


def files(out):
    for ident, name in (
            ("up", "../x"), ("root", "/etc/passwd"), ("dots", ".."),
            ("dot", "."), ("slash", "sub/x"), ("back", "..\\x"),
            ("nul", "x\0"), ("no-name", ""), ("long", "x" * 256)):
        bad = ".." in name or "\0" in name or name[:1] == "/"
        out.refuse("file-" + ident, "a file called %r" % name[:20],
                   changed(one(), name) if name else changed(
                       one(), relative_path=""),
                   verdict="dangerous" if bad else "undecided",
                   names=["dcp: a file's name"])
    out.set("file-missing", "a file that is not there",
            changed(one(), "no-such"), "report", "undecided",
            code="PFORK_E_SYSTEM")
    out.set("file-itself", "the data are .metadata",
            changed(one(), ".metadata"), "report", "undecided",
            code=[FORMAT, UNSUPPORTED], between_files=True)
    end = len(one().files[A])
    for ident, o in (("offset-end", {"offset": end}),
                     ("offset-1", {"offset": 1, "length": end - 1}),
                     ("offset-far", {"offset": 2 ** 62, "length": 1}),
                     ("length-0", {"length": 0}),
                     ("length-less", {"length": end - 1}),
                     ("length-more", {"length": end + 1}),
                     ("length-far", {"length": 2 ** 62})):
        out.apart(ident, "a place that the file does not have",
                  changed(one(), **o))
    s = one().tensor("v", (2, 3), [(A, (0, 0), (2, 3))])
    key, _ = s.storage[0]
    s.storage[0] = (key, stored(A, 0, len(s.files[A])))
    out.apart("length-two", "the length of two archives", s)
    for ident, o in (("offset-less", {"offset": -1}),
                     ("length-neg", {"length": -1}),
                     ("offset-2e63", {"offset": 2 ** 63}),
                     ("length-2e64", {"length": 2 ** 64}),
                     ("sum", {"offset": 2 ** 63 - 1, "length": 2 ** 63 - 1}),
                     ("offset-text", {"offset": "0"}),
                     ("offset-bool", {"offset": True}),
                     ("offset-float", {"offset": 1.0})):
        out.refuse("place-" + ident, "a place that no file has",
                   changed(one(), **o))
    out.refuse("place-none", "no offset", with_info(one(), {
        "relative_path": A}))


def with_info(s, state):
    key, _ = s.storage[-1]
    s.storage[-1] = (key, obj(FILESYSTEM, "_StorageInfo", state))
    return s


def boxes(out):
    def of(boxes, shape=(4, 3)):
        s = Set()
        for number, (start, box) in enumerate(boxes):
            place = s.put(A, archive(floats(box[0] * box[1]), box))
            s.storage.append((index("w", start, number), stored(A, *place)))
        s.tensors["w"] = tensor(shape, boxes)
        return s

    out.apart("overlap", "a row twice and a row not at all",
              of([((0, 0), (2, 3)), ((1, 0), (2, 3))]))
    out.refuse("hole", "a row that no chunk has",
               of([((0, 0), (2, 3)), ((3, 0), (1, 3))]))
    out.refuse("too-many", "more rows than there are",
               of([((0, 0), (3, 3)), ((2, 0), (2, 3))]))
    out.refuse("outside", "a chunk that reaches out",
               of([((0, 0), (2, 3)), ((2, 0), (3, 3))]))
    out.refuse("far", "a chunk that begins outside",
               of([((0, 0), (4, 3)), ((5, 0), (1, 3))]))
    out.refuse("no-chunk", "no chunk", of([]))
    s = of([((0, 0), (4, 3))])
    s.tensors["w"] = tensor((4, 3), [((0, 0), (4, 3)), ((0, 0), (4, 3))])
    out.refuse("chunk-twice", "the same chunk twice", s)
    s = of([((0, 0), (4, 3))])
    s.storage *= 2
    out.refuse("place-twice", "two places for one chunk", s,
               metadata=doubled(s))
    s = of([((0, 0), (2, 3)), ((2, 0), (2, 3))])
    del s.storage[1]
    out.refuse("no-place", "a chunk without a place", s)
    s = of([((0, 0), (4, 3))])
    s.tensors["w"] = tensor((2, 6), [((0, 0), (2, 6))])
    out.apart("shape", "the archive has another shape", s)
    s = of([((0, 0), (4, 3))])
    s.tensors["w"] = tensor((4, 3), [((0, 0), (4, 3))], dtype="int32")
    out.apart("dtype", "the archive has another dtype", s)
    s = of([((0, 0), (4, 3))])
    s.tensors["w"] = tensor((4, 3), [((0,), (4, 3))])
    out.refuse("rank", "offsets of another rank", s)
    for n in BIG + (2 ** 63, 2 ** 64, -1, 1.0, "1", True):
        s = of([((0, 0), (4, 3))])
        s.tensors["w"] = tensor((n, 3), [((0, 0), (4, 3))])
        out.refuse("size-%s" % n, "a size of %r" % (n,), s)
        s.tensors["w"] = tensor((4, 3), [((n, 0), (4, 3))])
        out.refuse("start-%s" % n, "an offset of %r" % (n,), s)
        s.tensors["w"] = tensor((4, 3), [((0, 0), (n, 3))])
        out.refuse("box-%s" % n, "a box of %r" % (n,), s)


def doubled(s):
    """Every pair of storage_data once more."""
    pairs = b"".join(k.pickle + v.pickle for k, v in s.storage)
    return metadata(s.tensors, {}, storage_data=Raw(MARK + pairs + DICT))


def left_out(out):
    def beside(what, why, verdict="clean", **o):
        s = good()
        rows = dict(s.rows)
        s.tensor("x", (2, 3), [(A, (0, 0), (2, 3))], **o)
        out.load("left-" + what, why, s, tensors=rows,
                 names=["left out: x"], verdict=verdict)

    beside("layout", "a sparse layout", layout="torch.sparse_coo")
    beside("dtype", "a quantized dtype", dtype="quint8")
    beside("dtype-none", "a dtype that is none", dtype="float7",
           verdict="unusual")
    s = good()
    rows = dict(s.rows)
    s.tensors["x"] = tensor((1,) * 65, [((0,) * 65, (1,) * 65)])
    out.load("left-rank", "65 dimensions", s, tensors=rows,
             verdict="unusual", names=["left out: x"])
    s = good()
    s.tensor("x", (2, 3), [(A, (0, 0), (2, 3))])
    rows = {"w": s.rows["w"]}
    changed(s, more={"transform_descriptors": ["stream.zstd/1"]})
    out.load("left-zstd", "one that an extension packed", s, tensors=rows,
             names=["left out: x"])
    s = changed(one(), more={"transform_descriptors": ["stream.zstd/1"]})
    out.refuse("all-zstd", "all of them packed", s, code=UNSUPPORTED)
    s = changed(one(), more={"transform_descriptors": "zstd"})
    out.refuse("zstd-text", "descriptors that are no list", s)


def objects_places(out):
    """torch takes what is at an object's place for a file of its own."""
    said = "stands where no archive of its file is"

    def at(ident, what, offset, length, s=None, file=A):
        s = s or good()
        key, _ = s.storage[-1]
        s.storage[-1] = (key, stored(file, offset, length))
        out.set("object-at-" + ident, what, s, "report", "dangerous",
                code=FORMAT, between_files=True, names=[said])

    evil = legacy(object=call("os", "system"))
    s = Set().tensor("w", (len(evil),), [(A, (0,), (len(evil),))])
    inside = s.files[A] = archive_of_bytes(evil)
    s.tensors["w"] = tensor((len(evil),), [((0,), (len(evil),))],
                            dtype="uint8")
    s.storage[0] = (s.storage[0][0], stored(A, 0, len(inside)))
    s.plain("step", A)
    at("record", "an object in the middle of a tensor's bytes",
       inside.index(evil), len(evil), s)
    place = len(good().files[A])
    first = len(archive(floats(3), (1, 3)))
    at("two", "an object over two archives", 0, place)
    at("end", "an object that ends with its file's last byte", 1, place - 1)
    at("half", "an object that is the end of one archive and another",
       first - 10, place - first + 10)
    at("none", "an object of no bytes", first, 0)
    at("past", "an object that reaches out of its file", first, place)
    at("file", "an object in another file, by its place here", first,
       place - first, file=B)
    out.load("object-apart", "an object in a file of its own", one().plain(
        "step", B))
    out.load("object-tensor", "an object whose archive is a tensor's",
             changed(good(), offset=0, length=first))
    out.load("object-alone", "no tensor at all", Set().plain("step", A))
    out.load("object-dict", "an object that holds tensors", one().plain(
        "step", B, state_dict({"a": value(1), "b": value(2.5)})))
    s = one().plain("evil", B, call("os", "system"))
    out.set("object-apart-evil", "os.system in a file without a tensor", s,
            "report", "dangerous", names=["os.system"])
    s = changed(good(), offset=first, length=place - first,
                more={"transform_descriptors": ["stream.zstd/1"]})
    out.load("object-zstd", "an object that is packed beside a tensor that is "
             "not", s, "dangerous", names=["is packed, and not looked at"],
             exit={"scan": 1})


def archive_of_bytes(data):
    return torch_zip(pickled(torch_tensor(
        numel=len(data), size=(len(data),), dtype_storage="ByteStorage"), 2),
        {"0": data})


def pickles(out):
    s = good()
    evil = metadata(s.tensors, s.storage, planner_data=EVIL)
    out.set("evil", "os.system beside honest tensors", s, "report",
            "dangerous", metadata=evil, names=["os.system"])
    head = PROTO(4) + glob(METADATA, "Metadata", 4)
    out.set("evil-cut", "os.system, and the end is missing", s, "refuse",
            "dangerous", metadata=head + EVIL.pickle, names=["os.system"])
    s = good().plain("bad", A, call("os", "system"))
    out.set("evil-value", "os.system in a value that torch unpickles", s,
            "report", "dangerous", names=["os.system"])
    s = Set().tensor("w", (2, 3), [(A, (0, 0), (2, 3))],
                     root=call("os", "system"))
    out.set("evil-tensor", "os.system in place of a tensor", s, "report",
            "dangerous", code=FORMAT, between_files=True,
            names=["os.system"])
    s = good()
    whole = metadata(s.tensors, s.storage)
    out.refuse("cut", "a byte short", s, metadata=whole[:-1])
    out.refuse("root", "a number in place of Metadata", s, metadata=PROTO(4)
               + glob(METADATA, "Metadata", 4) + POP + BININT1(1) + STOP)
    out.refuse("class", "the class alone", s, metadata=PROTO(4)
               + glob(METADATA, "Metadata", 4) + STOP)
    for name in ("state_dict_metadata", "storage_data"):
        for ident, v in (("none", Raw(NONE)), ("list", []), ("text", "x"),
                         ("call", EVIL)):
            bad = ident == "call"
            out.refuse("%s-%s" % (name.split("_")[0] + name[-4:], ident),
                       "%s is no dict" % name, s,
                       verdict="dangerous" if bad else "undecided",
                       metadata=metadata(s.tensors, s.storage, **{name: v}))
    objects(out)
    objects_places(out)


def objects(out):
    def bad(ident, what, entry, **o):
        s = one()
        s.tensors["w"] = entry
        out.refuse("object-" + ident, what, s, **o)

    full = (2, 3), [((0, 0), (2, 3))]
    bad("int", "a number for a tensor", 1)
    bad("other", "another class", obj(METADATA, "StorageMeta", {}))
    bad("state-list", "attributes in a list", tensor(
        *full, chunks=[obj(METADATA, "ChunkStorageMetadata", [1])]))
    bad("no-size", "no size", obj(METADATA, "TensorStorageMetadata", {
        "properties": properties(), "chunks": []}))
    bad("no-properties", "no properties", tensor(*full, properties=Raw(NONE)))
    bad("four", "four properties", tensor(*full, properties_state=(1,) * 4))
    bad("five", "five that are none", tensor(*full, properties_state=(1,) * 5))
    bad("chunks", "chunks in a dict", tensor(*full, chunks={}))
    bad("chunk", "a chunk that is none", tensor(*full, chunks=[1]))
    bad("attributes", "more attributes than a class has", obj(
        METADATA, "TensorStorageMetadata", {str(i): i for i in range(17)}))
    twice = Raw(MARK + value("size", 4) + size((2, 3)).pickle
                + value("size", 4) + size((2, 3)).pickle + DICT)
    bad("twice", "an attribute twice", obj(
        METADATA, "TensorStorageMetadata", twice))
    entry = tensor(*full)
    bad("built", "built twice", Raw(entry.pickle + value({}, 4) + BUILD))
    s = one()
    pair = value("w", 4) + entry.pickle
    out.refuse("object-names", "a name twice", s, metadata=metadata(
        {}, s.storage, state_dict_metadata=Raw(MARK + pair * 2 + DICT)))
    for ident, key in (("number", 1), ("bytes", b"w")):
        s = one()
        s.tensors = {key: s.tensors["w"]}
        out.refuse("object-key-" + ident, "a name that is no text", s)
    s = one()
    s.storage[0] = ("w", s.storage[0][1])
    out.refuse("object-index", "a key that is no MetadataIndex", s)
    s = Set().tensor("n" * 4097, (2, 3), [(A, (0, 0), (2, 3))])
    out.refuse("object-name-long", "a name of 4,097 bytes", s, code=LIMIT)


def data_files(out):
    a, b = archive(floats(6), (2, 3)), archive(floats(2), (2,))
    v = value_archive(value({"lr": 1}))
    first = row_of("F32", (2, 3), floats(6))

    def at(*parts):
        rows, where = {}, 0
        for part in parts:
            if part == a:
                rows["%d+%d" % (where, len(part))] = first
            elif part == b:
                rows["%d+%d" % (where, len(part))] = row_of(
                    "F32", (2,), floats(2))
            where += len(part)
        return rows

    for ident, parts in (("two", (a, b)), ("three", (a, v, b)),
                         ("same", (a, a)), ("values", (v, v))):
        out.file("data-" + ident, "%d archives" % len(parts),
                 b"".join(parts), tensors=at(*parts), names=[".metadata"])
    bad = [("gap", a + b"\0" + b), ("trailing", a + b + b"\0"),
           ("leading", b"\0" + a + b), ("headless", a[1:] + b), ("local", a + b"PK\3\4" + b),
           ("ends", b"PK\5\6" + bytes(18) + a + b),
           ("comment", a + torch_zip(pickled(torch_tensor(), 2),
                                     {"0": floats(6)},
                                     finish={"comment": b"x"}))]
    for ident, data in bad:
        out.file("data-" + ident, "bytes that are no archive's", data,
                 "report", ["undecided", "dangerous"], exit={},
                 code=[FORMAT, UNSUPPORTED])
    out.file("data-cut", "a zip, and most of another behind it", a + b[:-1],
             verdict="unusual", tensors={"tensor": first})
    for n in BIG + (2 ** 63, 2 ** 64 - 1, 0, 1):
        for key in ("cd_size", "cd_offset"):
            z = torch_zip(pickled(torch_tensor(), 2), {"0": floats(6)},
                          finish={"end64_" + key: n,
                                  "end_" + key: 2 ** 32 - 1})
            out.file("data-%s-%x" % (key, n), "a directory of %d" % n,
                     a + z, "report", ["undecided", "dangerous"], exit={},
                     code=FORMAT)
    out.file("data-evil", "os.system in the first of two",
             value_archive(call("os", "system")) + a, "report", "dangerous",
             names=["os.system"])
    out.file("data-no-pickle", "a zip without data.pkl before one with it",
             torch_zip(None, {"0": floats(6)}) + a, "report",
             ["undecided", "dangerous"], exit={}, code=FORMAT)
    end = b"PK\5\6" + bytes(18)
    out.file("data-ends-bomb", "50,000 end records and an archive",
             a + end * 50000 + b, "report", ["undecided", "dangerous"],
             exit={}, code=FORMAT)
    out.file("data-bomb", "2,000 archives", b * 2000, tensors=None,
             names=[".metadata"])


def shared(entry, indexes):
    """One tensor under 3,000 names."""
    s = Set()
    place = stored(A, *s.put(A, archive(floats(1), (1,)))).pickle
    names = [value("w%d" % i, 4) for i in range(3000)]
    body = glob(METADATA, "Metadata", 4) + EMPTY_TUPLE + NEWOBJ + MARK \
        + value("state_dict_metadata", 4) + MARK + names[0] + entry.pickle \
        + BINPUT(0) + b"".join(n + BINGET(0) for n in names[1:]) + DICT \
        + value("storage_data", 4) + MARK \
        + b"".join(i.pickle + place for i in indexes) + DICT + DICT + BUILD
    return s, pickled(body, 4)


def bombs(out):
    """Work that would be the square of the file."""
    n = 3000
    s, text = shared(tensor((n,), [((i,), (1,)) for i in range(n)]),
                     [index("w0", (i,), i) for i in range(n)])
    out.refuse("bomb-chunks", "3,000 chunks of 3,000 names", s, metadata=text)
    s, text = shared(tensor((0, 3), [((0, 0), (0, 3))] * n),
                     [index("w%d" % i, (0, 0)) for i in range(n)])
    out.refuse("bomb-empty", "3,000 empty ones", s, metadata=text)


def main():
    out = Out(sys.argv[1])
    honest(out)
    files(out)
    boxes(out)
    left_out(out)
    pickles(out)
    data_files(out)
    bombs(out)
    out.close()


if __name__ == "__main__":
    main()
