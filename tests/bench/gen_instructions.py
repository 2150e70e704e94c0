# SPDX-License-Identifier: Apache-2.0
"""Writes the file that instructions.sh counts on: 5,000 small tensors as
torch.save would have written them, memo and all.  gen_instructions.py OUT"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "gen"))
from pickle_asm import (  # noqa: E402
    BINGET, BINPERSID, BINPUT, BINUNICODE, EMPTY_DICT, EMPTY_TUPLE, GLOBAL,
    LONG_BINPUT, MARK, NEWFALSE, PROTO, REDUCE, SETITEMS, STOP, TUPLE, TUPLE1,
    integer)
from zip_writer import torch_zip  # noqa: E402

COUNT = 5000


class Memo:
    """PUTs each value, as the pickler does; GETs what it has put before."""

    def __init__(self):
        self.next = 0
        self.known = {}

    def put(self, pickle):
        n, self.next = self.next, self.next + 1
        return pickle + (BINPUT(n) if n < 256 else LONG_BINPUT(n))

    def once(self, pickle):
        if pickle in self.known:
            return BINGET(self.known[pickle])
        self.known[pickle] = self.next
        return self.put(pickle)


def tensor(memo, key):
    rebuild = memo.once(GLOBAL("torch._utils", "_rebuild_tensor_v2"))
    storage = memo.once(BINUNICODE("storage"))
    storage += memo.once(GLOBAL("torch", "FloatStorage"))
    storage += memo.put(BINUNICODE(key)) + memo.once(BINUNICODE("cpu"))
    storage = memo.put(MARK + storage + integer(16) + TUPLE) + BINPERSID
    size = memo.put(integer(16) + TUPLE1)
    stride = memo.put(integer(1) + TUPLE1)
    hooks = memo.once(GLOBAL("collections", "OrderedDict"))
    hooks = memo.put(hooks + EMPTY_TUPLE + REDUCE)
    return memo.put(rebuild + memo.put(
        MARK + storage + integer(0) + size + stride + NEWFALSE + hooks +
        TUPLE) + REDUCE)


memo = Memo()
pickle = PROTO(2) + memo.put(EMPTY_DICT)
for first in range(0, COUNT, 1000):
    pickle += MARK
    for i in range(first, first + 1000):
        name = "blocks.%d.sub.%d.weight" % (i // 10, i % 10)
        pickle += memo.put(BINUNICODE(name)) + tensor(memo, str(i))
    pickle += SETITEMS
with open(sys.argv[1], "wb") as out:
    out.write(torch_zip(pickle + STOP, {
        str(i): bytes([i % 251]) * 64 for i in range(COUNT)}))
