# SPDX-License-Identifier: Apache-2.0
"""Random distributed checkpoints, written by real torch: by one rank, and by
several whose plans are made one after the other in this process (they are what
dcp.save would have sent around).  We list what dcp.load reads, byte for byte,
and one in eight is converted and read again with real safetensors.

usage: interop_dcp.py CLI [COUNT [SEED]]
"""
import os
import random
import shutil
import subprocess
import sys
import warnings

import torch
from safetensors import safe_open
from torch.distributed.checkpoint import FileSystemWriter
from torch.distributed.checkpoint.default_planner import DefaultSavePlanner
from torch.distributed.checkpoint.metadata import (ChunkStorageMetadata,
                                                   MetadataIndex,
                                                   TensorProperties)
from torch.distributed.checkpoint.planner import (TensorWriteData, WriteItem,
                                                  WriteItemType)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures", "dcp"))
from directories import Tally  # noqa: E402
from make_dcp import load  # noqa: E402
from torch_says import NAMES, contiguous_bytes  # noqa: E402

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16,
          torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64,
          torch.uint16, torch.uint32, torch.uint64, torch.bool,
          torch.complex64, torch.float8_e4m3fn, torch.float8_e5m2]
VALUES = [7, 0.5, None, "text", [1, 2, (3,)], (1, "a"), {1, 2}, True]


class Boxes(torch.Tensor):
    """The boxes of a tensor that one rank has."""

    def __create_write_items__(self, fqn, _):
        return [WriteItem(
            index=MetadataIndex(fqn, start), type=WriteItemType.SHARD,
            tensor_data=TensorWriteData(
                chunk=ChunkStorageMetadata(torch.Size(start),
                                           torch.Size(size)),
                properties=TensorProperties(dtype=self.whole.dtype),
                size=self.whole.size()))
            for start, size in self.boxes]

    def __create_chunk_list__(self):
        return [ChunkStorageMetadata(torch.Size(a), torch.Size(b))
                for a, b in self.boxes]

    def __get_tensor_shard__(self, index):
        size = dict(self.boxes)[tuple(index.offset)]
        view = self.whole
        for dim, (a, n) in enumerate(zip(index.offset, size)):
            view = view.narrow(dim, a, n)
        return view


def boxes_of(whole, boxes):
    made = torch.empty(0).as_subclass(Boxes)
    made.whole, made.boxes = whole, boxes
    return made


def make_tensor(rand):
    dtype = rand.choice(DTYPES)
    shape = [rand.randrange(0 if rand.random() < 0.1 else 1, 7)
             for _ in range(rand.randrange(0, 5))]
    count = 1
    for n in shape:
        count *= n
    raw = torch.tensor([rand.randrange(2 if dtype == torch.bool else 256)
                        for _ in range(count * dtype.itemsize)],
                       dtype=torch.uint8)
    made = raw.view(dtype).reshape(shape)
    how = rand.randrange(6)
    if how == 0 and len(shape) > 1:
        made = made.transpose(0, -1)
    elif how == 1 and shape and shape[0] > 1:
        made = made[1:]
    elif how == 2 and len(shape) == 4:
        made = made.contiguous(memory_format=torch.channels_last)
    return made


def cut(rand, start, size, depth):
    """Boxes that fill this one; torch knows them apart by where they begin, so
    none of them is empty but the whole."""
    dims = [d for d, n in enumerate(size) if n > 1]
    if depth == 0 or not dims or rand.random() < 0.2:
        return [(tuple(start), tuple(size))]
    d = rand.choice(dims)
    at = rand.randrange(1, size[d])
    low, high, begin = list(size), list(size), list(start)
    low[d], high[d], begin[d] = at, size[d] - at, start[d] + at
    return cut(rand, start, low, depth - 1) + cut(rand, begin, high,
                                                  depth - 1)


def make_states(rand, ranks):
    """The state dict of each rank."""
    states = [{} for _ in range(ranks)]
    for number in range(rand.randrange(1, 7)):
        name = rand.choice(
            ["w%d", "layer.%d.bias", "\u00e9t\u00e9 %d"]) % number
        where = rand.random()
        if where < 0.2:
            for s in states:
                s[name] = rand.choice(VALUES)
            continue
        whole = make_tensor(rand)
        if where < 0.5:
            for s in states:
                s[name] = whole         # on every rank: one of them saves it
            continue
        owned = [[] for _ in states]
        for box in cut(rand, [0] * whole.dim(), list(whole.shape), 4):
            rand.choice(owned).append(box)
        for s, boxes in zip(states, owned):
            if boxes:
                s[name] = boxes_of(whole, boxes)
    if rand.random() < 0.3:
        nested = {"n": torch.ones(2), "list": [torch.zeros(1), 4]}
        for s in states:
            s["nested"] = nested
    # Every file that holds a value holds a tensor too, so that it is opened.
    for rank, s in enumerate(states):
        s["own.%d" % rank] = torch.full((rank + 1,), float(rank))
    return states


def save(directory, states):
    """What dcp.save does, each rank in its turn."""
    writers = [FileSystemWriter(directory, sync_files=False) for _ in states]
    planners = [DefaultSavePlanner() for _ in states]
    plans = []
    for rank, state in enumerate(states):
        planners[rank].set_up_planner(state, None, rank == 0)
        writers[rank].set_up_storage_writer(rank == 0)
        plans.append(writers[rank].prepare_local_plan(
            planners[rank].create_local_plan()))
    plans, metadata = planners[0].create_global_plan(plans)
    plans = writers[0].prepare_global_plan(plans)
    results = []
    for rank, plan in enumerate(plans):
        plan = planners[rank].finish_plan(plan)
        results.append(writers[rank].write_data(plan, planners[rank]).wait())
    writers[0].finish(metadata, results)


def converted(tally, path, expected):
    out = os.path.join(tally.scratch.name, "out.safetensors")
    done = subprocess.run([tally.cli, "convert", path, "-o", out],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    if done.returncode != 0:
        return ["convert: %s" % done.stderr.decode()]
    problems = []
    with safe_open(out, "pt") as found:
        if set(found.keys()) != set(expected):
            problems.append("converted: %r" % sorted(found.keys()))
        for name in set(found.keys()) & set(expected):
            t = found.get_tensor(name)
            if (NAMES[t.dtype], tuple(t.shape),
                    contiguous_bytes(t)) != expected[name]:
                problems.append("converted: %s differs" % name)
    os.unlink(out)
    return problems


def main():
    warnings.simplefilter("ignore")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    rand = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tally = Tally(sys.argv[1], "torch-dcp")
    directory = os.path.join(tally.scratch.name, "checkpoint")
    path = os.path.join(directory, ".metadata")
    for i in range(count):
        shutil.rmtree(directory, ignore_errors=True)
        ranks = rand.randrange(1, 5)
        save(directory, make_states(rand, ranks))
        tensors, _ = load(directory)
        expected = {n: (NAMES[t.dtype], tuple(t.shape), contiguous_bytes(t))
                    for n, t in tensors.items()}
        problems = []
        if i % 8 == 0:
            problems = converted(tally, path, expected)
        tally.same("%d, %d ranks" % (i, ranks), path, expected, problems)
    return tally.end()


if __name__ == "__main__":
    sys.exit(main())
