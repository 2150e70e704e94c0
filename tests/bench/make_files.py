# SPDX-License-Identifier: Apache-2.0
# Writes the benchmark's checkpoints with real torch: make_files.py OUTDIR
# Two with the same 128 tensors (2 MiB and 2 GiB), one of 100,000 tiny tensors,
# one small.  Not committed; made once, kept in the build directory.
import os
import sys

import torch

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
torch.manual_seed(1)


def save(name, make):
    path = os.path.join(out, name)
    if not os.path.exists(path):
        torch.save(make(), path + ".tmp")
        os.rename(path + ".tmp", path)


def blocks(elements):
    return {f"blocks.{i // 4}.part.{i % 4}.weight": torch.randn(elements)
            for i in range(128)}


save("small10.pt", lambda: {f"w{i}": torch.randn(32, 32) for i in range(10)})
save("blocks2m.pt", lambda: blocks(2 * 2**20 // 4 // 128))
save("blocks2g.pt", lambda: blocks(2 * 2**30 // 4 // 128))
save("tiny100k.pt", lambda: {f"blocks.{i // 10}.sub.{i % 10}.weight":
                             torch.randn(16) for i in range(100000)})
