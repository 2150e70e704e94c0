# SPDX-License-Identifier: Apache-2.0
"""Random streams that change what they have used: sizes, bits, attributes,
pairs, states.  A tensor that comes out must be torch's, byte for byte; one that
torch has may be left out, and a file that torch refuses is not compared.

usage: interop_changed.py CLI [COUNT [SEED]]
"""
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "gen"))
from pickle_asm import *            # noqa: F403,E402 - an assembler
from zip_writer import torch_zip    # noqa: E402

DATA = [struct.pack("<16f", *range(n, n + 16)) for n in (1, 101)]


class Stream:
    """Statements that leave nothing on the stack; objects are in the memo."""

    def __init__(self, rand):
        self.rand = rand
        self.out = b""
        self.made = {"list": [], "dict": [], "tensor": [], "pairs": [],
                     "empty": [], "container": [], "object": []}
        self.count = 0

    def keep(self, kind, op):
        self.count += 1
        self.made[kind].append(self.count)
        self.out += op + BINPUT(self.count) + POP

    def get(self, *kinds):
        known = [n for kind in kinds for n in self.made[kind]]
        return BINGET(self.rand.choice(known)) if known else None

    def tensor(self):
        return self.get("tensor") or self.rebuilt()

    def storage(self):
        return torch_storage(self.rand.choice("01"), "FloatStorage", 16)

    def sizes(self):
        old = self.rand.random() < 0.6 and self.get("list")
        return old or value((self.rand.randrange(1, 4),))

    def rebuilt(self):
        bits = self.rand.random() < 0.3 and self.get("dict")
        stride = self.get("list") if self.rand.random() < 0.2 else None
        return GLOBAL("torch._utils", "_rebuild_tensor_v2") + MARK \
            + self.storage() + value(self.rand.randrange(4)) + self.sizes() \
            + (stride or value((1,))) + NEWFALSE + ordered_dict() \
            + (bits or b"") + TUPLE + REDUCE

    def four(self):
        return MARK + self.storage() + value(self.rand.randrange(4)) \
            + self.sizes() + value((1,)) + TUPLE

    def make(self):
        kind = self.rand.randrange(11)
        if kind < 2:
            self.keep("list", value([self.rand.randrange(1, 4)]))
        elif kind == 2:
            self.keep("dict", EMPTY_DICT)
        elif kind < 5:
            self.keep("tensor", self.rebuilt())
        elif kind == 5:
            self.keep("tensor", GLOBAL("torch._utils", "_rebuild_parameter")
                      + self.tensor() + NEWFALSE + ordered_dict() + TUPLE3
                      + REDUCE)
        elif kind == 6:
            self.keep("tensor", GLOBAL(
                "torch._utils", "_rebuild_parameter_with_state") + MARK
                + self.tensor() + NEWFALSE + ordered_dict()
                + (self.get("dict") or EMPTY_DICT) + TUPLE + REDUCE)
        elif kind == 7:
            self.keep("empty", GLOBAL("torch", "FloatTensor") + EMPTY_TUPLE
                      + NEWOBJ)
        elif kind == 8:
            self.keep("pairs", EMPTY_LIST + value("k") + self.tensor()
                      + TUPLE2 + APPEND)
        elif kind == 9:
            name = self.rand.choice(("list", "tuple", "dict", "OrderedDict"))
            given = self.get("pairs", "container") or EMPTY_LIST
            self.keep("container", GLOBAL(
                "collections" if name[0] == "O" else "builtins", name)
                + given + TUPLE1 + self.rand.choice((REDUCE,) * 4 + (NEWOBJ,)))
        else:
            self.keep("object", GLOBAL("argparse", "Namespace") + EMPTY_TUPLE
                      + NEWOBJ + (self.get("dict") or EMPTY_DICT) + BUILD)

    def change(self):
        kind = self.rand.randrange(9)
        target, done = {
            0: ("list", value(self.rand.randrange(1, 3)) + APPEND),
            1: ("list", value(0) + value(self.rand.randrange(1, 4)) + SETITEM),
            2: ("dict", value(self.rand.choice(("neg", "conj", "x")))
                + NEWFALSE + SETITEM),
            3: ("dict", value(self.rand.choice(("data", "x", "y")))
                + self.tensor() + SETITEM),
            4: ("empty", self.four() + BUILD),
            5: ("tensor", self.rand.choice((
                self.four(), value((False, None, None)), MARK + self.tensor()
                + value((None, None, False, False))[1:-1] + TUPLE,
                EMPTY_DICT)) + BUILD),
            6: ("pairs", value(self.rand.choice("kl")) + self.tensor()
                + TUPLE2 + APPEND),
            7: ("container", value("k") + self.tensor() + SETITEM),
            8: ("container", self.tensor() + APPEND),
        }[kind]
        if self.made[target]:
            self.out += self.get(target) + done + POP

    def whole(self):
        for _ in range(self.rand.randrange(3, 14)):
            self.make() if self.rand.random() < 0.6 else self.change()
        entries = b"".join(
            value("o%d" % n) + BINGET(n) for kind in self.made
            for n in self.made[kind] if kind not in ("list", "dict"))
        return PROTO(2) + self.out + EMPTY_DICT + MARK + entries + SETITEMS \
            + STOP


def digests(x, name, found, depth=0):
    if isinstance(x, torch.Tensor):
        raw = x.detach().resolve_conj().resolve_neg().contiguous()
        found[name] = hashlib.sha256(raw.numpy().tobytes()).hexdigest()
        # Left out itself, its attribute comes out under that name.
        found[name + ".data"] = found[name]
        x = vars(x) if depth < 9 else {}
    if hasattr(x, "__dict__") and not isinstance(x, dict):
        x = vars(x)
    items = x.items() if isinstance(x, dict) else enumerate(x) \
        if isinstance(x, (list, tuple)) else ()
    for key, part in items:
        if depth < 9:
            digests(part, "%s.%s" % (name, key) if name else str(key), found,
                    depth + 1)
    return found


def main():
    cli = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rand = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    warnings.simplefilter("ignore")
    passed = failed = refused = tensors = 0
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "t.pt")
        while passed + failed < count:
            with open(path, "wb") as f:
                f.write(torch_zip(Stream(rand).whole(),
                                  {"0": DATA[0], "1": DATA[1]}))
            try:
                theirs = digests(torch.load(path, weights_only=False), "", {})
            except Exception:
                refused += 1
                continue
            got = subprocess.run([cli, "ls", "--json", "--digest", path],
                                 timeout=60,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 check=False).stdout
            ours = {t["name"]: t["sha256"]
                    for t in json.loads(got).get("tensors") or ()}
            tensors += len(ours)
            wrong = [n for n in ours if theirs.get(n) != ours[n]]
            passed += not wrong
            failed += bool(wrong)
            if wrong:
                print("FAILED: %s (of %s)" % (wrong, sorted(theirs)))
                if os.environ.get("KEEP"):
                    os.replace(path, os.environ["KEEP"])
                    break
    print("changed: %d tensors compared, %d files that torch refuses"
          % (tensors, refused))
    print("interop changed: %d passed, %d failed" % (passed, failed))
    return failed > 0 or tensors == 0


if __name__ == "__main__":
    sys.exit(main())
