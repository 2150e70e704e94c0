# SPDX-License-Identifier: Apache-2.0
"""The real libraries, warm: one command a line on standard input (words parted
by tabs), one line of JSON each; seconds everywhere.  Or one command on the
command line, for a whole process.  What a command does not need is not
imported.

    torch FILE plain|mmap|weights [sum]
    torch-many PREFIX COUNT	safetensors FILE list|sum
    numpy FILE			gguf FILE
    unpickle PICKLE [nogc]	cores N
    versions"""
import gc
import json
import os
import pickle
import sys
import time

MODES = {"plain": {"weights_only": False},
         "mmap": {"weights_only": False, "mmap": True},
         "weights": {"weights_only": True}}


def tensors_of(value):
    """Every tensor in dicts and lists, without recursion."""
    import torch
    todo = [value]
    while todo:
        v = todo.pop()
        if isinstance(v, torch.Tensor):
            yield v
        elif isinstance(v, dict):
            todo.extend(v.values())
        elif isinstance(v, (list, tuple)):
            todo.extend(v)


def sum_bytes(value):
    """Each byte once, by the loop of the other side (sum.c); numpy's own
    takes as long."""
    import ctypes
    sum_words = ctypes.CDLL(os.environ["BENCH_SUM"]).sum_words
    sum_words.restype = ctypes.c_uint64
    sum_words.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return sum(sum_words(t.data_ptr(), t.numel() * t.element_size())
               for t in map(lambda t: t.detach().contiguous(),
                            tensors_of(value)))


def timed(work):
    start = time.perf_counter()
    got = work()
    took = time.perf_counter() - start
    return {"s": took}, got


def do_torch(path, mode, then=""):
    import torch

    def work():
        value = torch.load(path, **MODES[mode])
        if then == "sum":
            sum_bytes(value)
        return value
    return timed(work)[0]


def do_torch_many(prefix, count):
    import torch

    def work():
        for i in range(int(count)):
            torch.load(f"{prefix}.{i}", weights_only=False)
    return timed(work)[0]


def do_safetensors(path, what):
    from safetensors import safe_open
    from safetensors.torch import load_file

    def listing():
        with safe_open(path, framework="pt") as f:
            return [(k, f.get_slice(k).get_dtype(), f.get_slice(k).get_shape())
                    for k in f.keys()]
    return timed(listing if what == "list" else
                 lambda: sum_bytes(load_file(path)))[0]


def do_numpy(path):
    import numpy

    def work():
        with numpy.load(path) as f:
            return [f[k] for k in f.files]
    return timed(work)[0]


def do_gguf(path):
    import gguf
    return timed(lambda: gguf.GGUFReader(path).tensors)[0]


class Stub:
    """Takes what it is given, does nothing."""

    def __init__(self, *args):
        pass

    def __setitem__(self, key, value):
        pass


class Unpickler(pickle.Unpickler):	# the C one, with stubs
    def find_class(self, module, name):
        return Stub

    def persistent_load(self, pid):
        return pid


def do_unpickle(path, collector=""):
    with open(path, "rb") as f:
        if collector == "nogc":
            gc.disable()
        took, value = timed(lambda: Unpickler(f).load())
        gc.enable()
    return took


def do_cores(count):
    os.sched_setaffinity(0, range(int(count)))
    return {}


def do_versions():
    import importlib.metadata as m
    return {p: m.version(p) for p in ("torch", "numpy", "safetensors", "gguf")}


COMMANDS = {n[3:].replace("_", "-"): f for n, f in list(globals().items())
            if n.startswith("do_")}


def run(words):
    print(json.dumps(COMMANDS[words[0]](*words[1:])), flush=True)


if sys.argv[1] == "-":
    for line in sys.stdin:
        run(line.rstrip("\n").split("\t"))
else:
    run(sys.argv[1:])
