# SPDX-License-Identifier: Apache-2.0
"""Bytes: summed, read, snapshotted, inflated, converted."""
import os

from bench import work


@work("G3", "G4", files=("llm_fp16.pt",))
def summed(b):
    path = b.file("llm_fp16.pt")
    peer = b.peer_command
    s = b.rounds({"ours": b.whole(b.binary("bench-ours"), "sum", path),
                  "torch": b.whole(*peer("torch", path, "plain", "sum")),
                  "mmap": b.whole(*peer("torch", path, "mmap", "sum"))})
    what = "2.2 GB, every byte summed, whole process"
    t = b.table
    t.compare("G3", what, s, "ours", "torch", 0.15,
              label="python3 -c torch.load, the same sum")
    t.compare("G3", what, s, "ours", "mmap", 1,
              label="python3 -c torch.load(mmap=True), the same sum")
    s = b.rounds({"ours": b.whole(b.binary("bench-ours"), "sum", path),
                  "limit": b.whole(b.binary("bench-limit"), "sum", path)}, 9)
    t.compare("G4", what, s, "ours", "limit", 1.1, "limit",
              label="the mapped file summed, no worker")


@work("G5", files=("llm_fp16.pt",))
def snapshot(b):
    path = b.file("llm_fp16.pt")
    s = b.rounds({
        "ours": b.whole(b.binary("bench-ours"), "load", path, "snapshot"),
        "torch": b.whole(*b.peer_command("torch", path, "plain")),
        "limit": b.whole(b.binary("bench-limit"), "snapshot", path)})
    t = b.table
    what = "2.2 GB, private snapshot, whole process"
    t.compare("G5", what, s, "ours", "torch", 0.4,
              label="python3 -c torch.load")
    t.compare("G5", what, s, "ours", "limit", kind="limit",
              label="the file into a fresh memfd, no worker")


@work("read", files=("llm_fp16.pt", "llm_fp16.safetensors"))
def read(b):
    path = b.file("llm_fp16.pt")
    st = b.file("llm_fp16.safetensors")
    s = b.rounds({"fresh": b.ask("ours", "read", path),
                  "pread": b.ask("limit", "pread", path),
                  "warm": b.ask("ours", "read", path, "warm"),
                  "torch": b.ask("peer", "torch", path, "plain"),
                  "memcpy": b.ask("limit", "memcpy", path)})
    what = "2.2 GB, 291 tensors, all read, in process"
    t = b.table
    t.compare("read", what + ", fresh memory", s, "fresh", "pread", 1.11,
              "limit", label="pread of the file into fresh memory")
    t.compare("read", what + ", warm memory", s, "warm", "torch", 1,
              label="torch.load, its heap warm")
    t.compare("read", ".. and the limit", s, "warm", "memcpy", kind="limit",
              label="memcpy, warm to warm")
    b.drop("ours")
    b.drop("limit")
    s = b.rounds({
        "ours": b.whole(b.binary("bench-ours"), "read", path),
        "torch": b.whole(*b.peer_command("torch", path, "plain"))})
    t.compare("read", "2.2 GB, 291 tensors, all read, whole process", s,
              "ours", "torch", 1, label="python3 -c torch.load")
    s = b.rounds({"ours": b.ask("ours", "sum", st, "populate"),
                  "peer": b.ask("peer", "safetensors", st, "sum")})
    t.compare("read", "2.2 GB safetensors, every byte summed, in process", s,
              "ours", "peer", 1, label="safetensors.load_file, the same sum")


@work("one", files=("one2g.pt",))
def one(b):
    path = b.file("one2g.pt")
    s = b.rounds({"ours": b.ask("ours", "read", path),
                  "pread": b.ask("limit", "pread", path),
                  "torch": b.ask("peer", "torch", path, "plain")})
    what = "one tensor of 2 GiB, read, in process"
    t = b.table
    t.compare("one", what, s, "ours", "pread", 1.11, "limit",
              label="pread of the file into fresh memory")
    t.compare("one", what, s, "ours", "torch", 1, label="torch.load")


@work("G10", files=("resnet50_deflated.pt",))
def deflated(b):
    path = b.file("resnet50_deflated.pt")
    for name in ("ours", "peer", "limit"):
        b.child(name)
    for cores, at_most in ((1, 0.6), (2, 0.35)):
        what = f"102 MB of deflated members, in process, {cores} core" + \
            "s" * (cores > 1)
        if b.ncores < cores:
            b.table.unmeasured("G10", what, f"<= {at_most}", "too few cores")
            continue
        b.cores(cores)
        s = b.rounds({"ours": b.ask("ours", "data", path, str(cores)),
                      "torch": b.ask("peer", "torch", path, "plain"),
                      "libdeflate": b.ask("limit", "inflate", path)})
        t = b.table
        t.compare("G10", what, s, "ours", "torch", at_most,
                  label="torch.load")
        t.compare("G10", ".. and the limit", s, "ours", "libdeflate",
                  kind="limit", label="libdeflate alone, one core")
    b.cores(b.ncores)


CONVERT = """
import os, sys, torch
from safetensors.torch import save_file
save_file(torch.load(sys.argv[1], weights_only=False), sys.argv[2])
fd = os.open(sys.argv[2], os.O_RDONLY)
os.fsync(fd)
"""


@work("convert", files=("resnet50.pt", "llm_fp16.pt"))
def convert(b):
    out = b.file("converted.safetensors")
    for name, size in (("resnet50.pt", "102 MB"), ("llm_fp16.pt", "2.2 GB")):
        path = b.file(name)

        def fresh(side):
            def run():
                if os.path.exists(out):
                    os.unlink(out)
                return side()
            return run
        s = b.rounds({
            "ours": fresh(b.whole(b.cli, "convert", path, "-o", out)),
            "peer": fresh(b.whole(b.python, "-W", "ignore", "-c", CONVERT,
                                  path, out)),
            "copy": fresh(b.ask("limit", "copy", path, out))},
            warm=1 if size == "102 MB" else 0)
        if os.path.exists(out):
            os.unlink(out)
        what = f"convert {size}, torch to safetensors, synced, whole process"
        t = b.table
        t.compare("convert", what, s, "ours", "peer", 1,
                  label="python3: torch.load, save_file, fsync")
        t.compare("convert", ".. and the limit", s, "ours", "copy",
                  kind="limit", label="copy_file_range of the file, fsync")
