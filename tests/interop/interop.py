# SPDX-License-Identifier: Apache-2.0
"""Our output against the real libraries, run in .venv by `make interop`.

Each fixture is converted and read back with safetensors, and each of its
tensors extracted and read back with numpy; what torch.load gives is the truth.
A checkpoint of 5 GiB, sparse on disk, is made here.
"""
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
FIXTURES = os.path.join(ROOT, "tests", "fixtures")
sys.path.insert(0, FIXTURES)
import model_classes  # noqa: E402,F401  (torch.load needs them)
import torch_says  # noqa: E402

# What safetensors has no name for.
NOT_SAFETENSORS = {"C32", "C128", "BITS8", "BITS16", "BITS1X8", "BITS2X4",
                   "BITS4X2", "QU4X2", "QU2X4"}
NUMPY = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16",
         "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64",
         "U64": "uint64", "F16": "float16", "F32": "float32",
         "F64": "float64", "C64": "complex64", "C128": "complex128"}
NOTHING_TO_DO = 3


class Tally:
    passed = 0
    failed = 0

    @classmethod
    def check(cls, name, problems):
        if problems:
            cls.failed += 1
            print("FAILED: " + name)
            for problem in problems:
                print("    " + problem)
        else:
            cls.passed += 1


def run(cli, *arguments):
    return subprocess.run([cli] + list(arguments), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)


def complaint(done):
    return "exit %d: %s" % (done.returncode,
                            done.stderr.decode("utf-8", "replace").strip())


def digest(data):
    return hashlib.sha256(data).hexdigest()


# ------------------------------------------------------------ safetensors --

def raw_safetensors(data):
    """Header and {name: (dtype, shape, bytes)}, by the format's own text."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    body = data[8 + length:]
    return metadata, {
        name: (t["dtype"], t["shape"],
               body[t["data_offsets"][0]:t["data_offsets"][1]])
        for name, t in header.items()}


def by_name(metadata, found):
    """Under every name: a tensor that several names share is written once,
    and __metadata__ maps the other names to that one."""
    whole = dict(found)
    for name, target in metadata.items():
        if target in found and name not in found:
            whole[name] = found[target]
    return whole


def as_f4(want):
    """safetensors counts single F4 elements; torch's dtype counts pairs."""
    if want["dtype"] != "F4X2":
        return want
    shape = want["shape"]
    return dict(want, dtype="F4", shape=shape[:-1] + [2 * shape[-1]])


def compare(expected, found, problems):
    for name in sorted(set(expected) ^ set(found)):
        problems.append("%s: %s" % (
            name, "missing" if name in expected else "not expected"))
    for name in set(expected) & set(found):
        want = expected[name]
        dtype, shape, data = found[name]
        if (dtype, shape, digest(data)) != (want["dtype"], want["shape"],
                                            want["sha256"]):
            problems.append("%s: %s %s differs from torch's %s %s" % (
                name, dtype, shape, want["dtype"], want["shape"]))


def check_convert(cli, path, expected, out, *more):
    problems = []
    done = run(cli, "convert", "--skip-unsupported", *more, path, "-o", out)
    expected = {name: want for name, want in expected.items()
                if want["dtype"] not in NOT_SAFETENSORS}
    if not expected and done.returncode == NOTHING_TO_DO:
        return problems
    if done.returncode != 0:
        return [complaint(done)]
    with open(out, "rb") as file:
        data = file.read()
    metadata, found = raw_safetensors(data)
    if "--clone-aliases" in more:
        metadata = {}
    compare({name: as_f4(want) for name, want in expected.items()},
            by_name(metadata, found), problems)
    # The reference reader must take it: load_file is what users call.
    try:
        tensors = safetensors.torch.load_file(out)
    except (safetensors.SafetensorError, KeyError, RuntimeError) as error:
        return problems + ["safetensors refuses it: %r" % error]
    compare(expected, by_name(metadata, {
        name: (torch_says.NAMES[t.dtype], list(t.shape),
               torch_says.contiguous_bytes(t))
        for name, t in tensors.items()}), problems)
    again = run(cli, "convert", "--skip-unsupported", "--force", *more,
                "--delivery", "stream", path, "-o", out)
    with open(out, "rb") as file:
        if again.returncode != 0 or file.read() != data:
            problems.append("not the same bytes the second time, streamed")
    return problems


# ---------------------------------------------------------------- extract --

def check_extract(cli, path, name, want, out):
    problems = []
    done = run(cli, "extract", "--force", "--raw", "-o", out, "--", path, name)
    if done.returncode != 0:
        return [complaint(done)]
    with open(out, "rb") as file:
        if digest(file.read()) != want["sha256"]:
            problems.append("raw bytes differ")
    if want["dtype"] not in NUMPY:
        return problems
    done = run(cli, "extract", "--force", "-o", out, "--", path, name)
    if done.returncode != 0:
        return problems + [complaint(done)]
    # numpy itself reads at most 64 dimensions since 2.0.
    array = numpy.load(out, allow_pickle=False)
    if array.dtype != numpy.dtype(NUMPY[want["dtype"]]):
        problems.append("dtype %s" % array.dtype)
    if list(array.shape) != want["shape"]:
        problems.append("shape %s" % (array.shape,))
    if digest(numpy.ascontiguousarray(array).tobytes()) != want["sha256"]:
        problems.append("elements differ")
    return problems


def check_fixture(cli, file, scratch):
    path = os.path.join(FIXTURES, file)
    reading = torch_says.read(path)
    named = dict(reading.tensors)
    named.update({a: named[t] for a, t in reading.aliases.items()})
    Tally.check("convert " + file, check_convert(
        cli, path, named, os.path.join(scratch, file + ".safetensors")))
    if reading.aliases:
        Tally.check("convert --clone-aliases " + file, check_convert(
            cli, path, named, os.path.join(scratch, file + ".cloned"),
            "--clone-aliases"))
    problems = []
    for name, want in reading.tensors.items():
        problems += ["%r: %s" % (name, problem) for problem in check_extract(
            cli, path, name, want, os.path.join(scratch, "extracted"))]
    Tally.check("extract " + file, problems)


# ------------------------------------------------------------- 5 GiB file --

def poke(path, record, elements):
    """Writes 0.5 + n % 1000 as element n of a stored record."""
    with open(path, "r+b") as file:
        file.seek(record.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
        start = record.header_offset + 30 + name + extra
        for element in elements:
            file.seek(start + 4 * element)
            file.write(struct.pack("<f", 0.5 + element % 1000))


def make_sparse(path):
    """Storages of 3 and 2 GiB: offsets that need zip64.  Their bytes are a
    hole: never in memory, never on disk."""
    count, more = 3 << 28, 2 << 28
    big, second = torch.empty(count), torch.empty(more)
    with torch.serialization.skip_data():
        torch.save({"all": big, "tail": big[-5:],
                    "middle": big[count // 2:count // 2 + 4],
                    "rows": big.view(3, -1)[:, :2],
                    "second": second, "end": second[-3:],
                    "small": torch.arange(3.0)}, path)
    with zipfile.ZipFile(path) as archive:
        records = sorted(archive.infolist(), key=lambda i: i.file_size)
    assert records[-1].file_size == 4 * count
    poke(path, records[-1], (0, 1, count // 3, count // 2, count // 2 + 3,
                             2 * count // 3 + 1, count - 5, count - 1))
    poke(path, records[-2], (0, more - 3, more - 1))
    assert os.stat(path).st_blocks * 512 < 1 << 20


def check_sparse(cli, scratch):
    path = os.path.join(scratch, "sparse.pt")
    make_sparse(path)
    state = torch.load(path, weights_only=True, mmap=True)
    done = run(cli, "ls", "--json", path)
    if done.returncode != 0:
        Tally.check("ls of 5 GiB", [complaint(done)])
        return
    report = json.loads(done.stdout)
    found = {t["name"]: (t["dtype"], t["shape"], t["strides"], t["nbytes"])
             for t in report["tensors"]}
    expected = {name: (torch_says.NAMES[t.dtype], list(t.shape),
                       list(t.stride()), t.numel() * t.element_size())
                for name, t in state.items()}
    Tally.check("ls of 5 GiB", [] if found == expected else [
        "found %r, expected %r" % (found, expected)])
    for name in ("tail", "middle", "rows", "end", "small"):
        out = os.path.join(scratch, "out.npy")
        done = run(cli, "extract", "--force", path, name, "-o", out)
        problems = [] if done.returncode == 0 else [complaint(done)]
        if not problems and not numpy.array_equal(
                numpy.load(out), state[name].numpy()):
            problems.append("%r, expected %r" % (numpy.load(out),
                                                 state[name]))
        Tally.check("extract %s of 5 GiB" % name, problems)


# ------------------------------------------- inflated by several workers --

def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_torch(path):
    state = {"w%d" % i: noise(i, 700 + 50 * i, 1000) for i in range(6)}
    state.update({"half": noise(7, 900, 1000).half(), "tied": state["w3"],
                  "view": state["w2"].t(), "b": torch.arange(10),
                  "long": torch.arange(800000) * 1000003})
    plain = path + ".plain"
    torch.save(state, plain)
    with zipfile.ZipFile(plain) as archive, \
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for record in archive.infolist():
            out.writestr(record.filename, archive.read(record))
    state = torch.load(path, weights_only=True)
    return {name: t.contiguous().numpy() for name, t in state.items()}


def make_numpy(path):
    arrays = {"w%d" % i: noise(20 + i, 700 + 50 * i, 1000).numpy()
              for i in range(6)}
    arrays["swapped"] = arrays["w1"].astype(">f8")
    arrays["fortran"] = numpy.asfortranarray(arrays["w2"])
    arrays["noise"] = numpy.random.default_rng(1).integers(
        0, 256, 3 << 20, dtype=numpy.uint8)
    arrays["small"] = numpy.arange(7)
    numpy.savez_compressed(path, **arrays)
    with numpy.load(path) as file:
        return {name: file[name] for name in file.files}


def check_shared(cli, scratch, name, make):
    """By one processor one worker, by all of them several: one output."""
    path = os.path.join(scratch, name)
    expected = make(path)
    outputs = []
    processors = os.sched_getaffinity(0)
    for some in ({min(processors)}, processors):
        out = os.path.join(scratch, "out.safetensors")
        os.sched_setaffinity(0, some)
        done = run(cli, "convert", "--force", "--clone-aliases", path, "-o",
                   out)
        os.sched_setaffinity(0, processors)
        if done.returncode != 0:
            Tally.check("convert %s" % name, [complaint(done)])
            return
        with open(out, "rb") as file:
            outputs.append(file.read())
    found = safetensors.numpy.load(outputs[1])
    problems = ["%s differs" % key for key in expected
                if key not in found or
                not numpy.array_equal(found[key], expected[key])]
    if sorted(found) != sorted(expected):
        problems.append("other names: %r" % sorted(found))
    if outputs[0] != outputs[1]:
        problems.append("one worker gives other bytes")
    if len(processors) == 1:
        problems.append("one processor alone: nothing was shared")
    Tally.check("convert %s by several workers" % name, problems)


def main():
    cli = os.path.abspath(sys.argv[1])
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as scratch:
        for file in sorted(os.listdir(FIXTURES)):
            if file.endswith(".pt") and only in file:
                check_fixture(cli, file, scratch)
        if only in "sparse":
            check_sparse(cli, scratch)
        if only in "shared":
            check_shared(cli, scratch, "shared.pt", make_torch)
            check_shared(cli, scratch, "shared.npz", make_numpy)
    print("interop: %d passed, %d failed" % (Tally.passed, Tally.failed))
    return 0 if Tally.failed == 0 and Tally.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
