# SPDX-License-Identifier: Apache-2.0
"""Listing: names, dtypes, shapes, and nothing of the tensors' bytes unless the
peer cannot do without."""
from bench import work


@work("G6", files=("tiny100k.pt", "tiny100k.data.pkl"))
def tiny_torch(b):
    path = b.file("tiny100k.pt")
    s = b.rounds({
        "ours": b.ask("ours", "load", path),
        "torch.load": b.ask("peer", "torch", path, "plain"),
        "torch.load(mmap=True)": b.ask("peer", "torch", path, "mmap"),
        "torch.load(weights_only=True)": b.ask("peer", "torch", path,
                                               "weights"),
        "parse alone": b.ask("parts", "parse", path),
        "the broker's session alone": b.ask("parts", "session", path),
        "its pickle in the machine alone, fresh memory": b.ask(
            "parts", "pickle", b.file("tiny100k.data.pkl"))})
    what = "100,000 tensors, torch zip, in process"
    t = b.table
    t.compare("G6", what, s, "ours", "torch.load", 0.04)
    t.compare("G6", what, s, "ours", "torch.load(weights_only=True)", 0.02)
    t.compare("G6", what, s, "ours", "torch.load(mmap=True)", 1)
    t.compare("G6", ".. of which", s, "ours", "parse alone", kind="part")
    t.compare("G6", ".. of which", s, "ours",
              "its pickle in the machine alone, fresh memory", kind="part")
    t.compare("G6", ".. of which", s, "ours", "the broker's session alone",
              kind="part")


@work("G7", files=("tiny100k.safetensors", "tiny100k.header.json"))
def tiny_safetensors(b):
    path = b.file("tiny100k.safetensors")
    header = b.file("tiny100k.header.json")
    s = b.rounds({
        "parse": b.ask("parts", "parse", path),
        "simdjson DOM": b.ask("simdjson", "json", header),
        "scanner": b.ask("parts", "json", header),
        "utf8": b.ask("parts", "utf8", header),
        "ours": b.ask("ours", "load", path),
        "safe_open": b.ask("peer", "safetensors", path, "list")},
        max(b.pairs, 9))
    t = b.table
    t.compare("G7", "JSON of 100,000 tensors: the scanner, UTF-8 judged", s,
              "scanner", "simdjson DOM", 1.3, "limit")
    t.compare("G7", ".. of which", s, "scanner", "utf8", kind="part",
              label="is it UTF-8, alone")
    t.compare("G7", ".. the whole parse: names unique, tiling, frames out", s,
              "parse", "simdjson DOM", 1.3, "limit")
    t.compare("G7", ".. of which", s, "parse", "scanner", kind="part",
              label="the scanner alone")
    t.compare("G7", "100,000 tensors, safetensors, in process", s, "ours",
              "safe_open", 1, label="safetensors.safe_open, each slice asked")
    t.compare("G7", ".. of which", s, "ours", "parse", kind="part",
              label="parse alone")


@work("G8", "pass", files=("tiny100k.data.pkl",))
def unpickle(b):
    path = b.file("tiny100k.data.pkl")
    b.child("peer", "unpickle")	# no torch in it: its collector has less to do

    def peer(*more):
        return lambda: b.child("peer", "unpickle").ask("unpickle", path, *more)
    s = b.rounds({
        "warm": b.ask("parts", "pickle-warm", path),
        "C unpickler": peer(),
        "no gc": peer("nogc"),
        "fresh": b.ask("parts", "pickle", path),
        "opcodes": b.ask("parts", "opcodes", path)}, max(b.pairs, 9))
    t = b.table
    t.compare("G8", "pickle machine, data.pkl of 100,000 tensors, warm", s,
              "warm", "C unpickler", 0.10, label="CPython's C unpickler, stubs")
    t.compare("G8", ".. its collector off", s, "warm", "no gc", 0.10,
              label="CPython's C unpickler, gc off")
    t.compare("G8", ".. in a worker's fresh memory", s, "fresh", "C unpickler",
              0.10, label="CPython's C unpickler, stubs")
    t.compare("G8", ".. and the limit", s, "warm", "opcodes", kind="limit",
              label="a bare pass over its opcodes")
    t.compare("pass", "pickle machine, warm", s, "warm", "opcodes", 2, "limit",
              label="a bare pass over its opcodes")


@work("G9", files=("tiny10k.npz",))
def tiny_npz(b):
    path = b.file("tiny10k.npz")
    s = b.rounds({
        "ours": b.ask("ours", "read", path),
        "np.load": b.ask("peer", "numpy", path),
        "load": b.ask("ours", "load", path),
        "parse": b.ask("parts", "parse", path),
        "session": b.ask("parts", "session", path),
        "pread": b.ask("limit", "pread", path)})
    t = b.table
    t.compare("G9", "npz of 10,000 members, all read", s, "ours", "np.load",
              0.01, label="np.load, all read")
    t.compare("G9", ".. of which", s, "ours", "load", kind="part",
              label="the load, nothing read")
    t.compare("G9", ".. of which", s, "ours", "parse", kind="part",
              label="parse alone")
    t.compare("G9", ".. of which", s, "ours", "session", kind="part",
              label="the broker's session alone")
    t.compare("G9", ".. and the limit", s, "ours", "pread", kind="limit",
              label="pread of the file into fresh memory")


@work("gguf", files=("tiny100k.gguf",))
def tiny_gguf(b):
    path = b.file("tiny100k.gguf")
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "gguf": b.ask("peer", "gguf", path)}, warm=0)
    b.table.compare("gguf", "100,000 tensors, GGUF, in process", s, "ours",
                    "gguf", 1, label="gguf.GGUFReader")


@work("views", files=("oneblob100k.pt",))
def oneblob(b):
    path = b.file("oneblob100k.pt")
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "mmap": b.ask("peer", "torch", path, "mmap"),
                  "torch.load": b.ask("peer", "torch", path, "plain")})
    what = "100,000 views of one storage, in process"
    b.table.compare("views", what, s, "ours", "torch.load", 1)
    b.table.compare("views", what, s, "ours", "mmap", 1,
                    label="torch.load(mmap=True)")


@work("deep", files=("optim_adam.pt",))
def optim(b):
    path = b.file("optim_adam.pt")
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "torch.load": b.ask("peer", "torch", path, "plain"),
                  "mmap": b.ask("peer", "torch", path, "mmap"),
                  "weights": b.ask("peer", "torch", path, "weights")})
    what = "optimizer state, 803 tensors, 308 MB, in process"
    t = b.table
    t.compare("deep", what, s, "ours", "torch.load", 1)
    t.compare("deep", what, s, "ours", "mmap", 1,
              label="torch.load(mmap=True)")
    t.compare("deep", what, s, "ours", "weights", 1,
              label="torch.load(weights_only=True)")


@work("G1", files=("resnet50.pt",))
def resnet(b):
    path = b.file("resnet50.pt")
    s = b.rounds({"ours": b.whole(b.cli, "ls", path),
                  "torch.load": b.whole(*b.peer_command("torch", path,
                                                        "plain"))})
    b.table.compare("G1", "ls of ResNet-50, 102 MB, whole process", s, "ours",
                    "torch.load", 0.01, label="python3 -c torch.load")


@work("G2", "list", files=("llm_fp16.pt", "llm_small.pt"))
def llm(b):
    path = b.file("llm_fp16.pt")
    peer = b.peer_command
    s = b.rounds({"ours": b.whole(b.cli, "ls", path),
                  "torch.load": b.whole(*peer("torch", path, "plain")),
                  "mmap": b.whole(*peer("torch", path, "mmap")),
                  "weights": b.whole(*peer("torch", path, "weights"))})
    what = "ls of 2.2 GB, 291 tensors, whole process"
    t = b.table
    t.compare("G2", what, s, "ours", "torch.load", 0.005,
              label="python3 -c torch.load")
    t.compare("G2", what, s, "ours", "mmap", 1,
              label="python3 -c torch.load(mmap=True)")
    t.compare("G2", what, s, "ours", "weights", 1,
              label="python3 -c torch.load(weights_only=True)")
    s = b.rounds({"large": b.whole(b.cli, "ls", path),
                  "small": b.whole(b.cli, "ls", b.file("llm_small.pt"))}, 21)
    t.compare("list", "ls of 2.2 GB, beside itself alone, whole process", s,
              "large", "small", 1.5, "limit", label="ls of 2 MiB with the same tensors")
