# SPDX-License-Identifier: Apache-2.0
"""Writes the benchmark's files with the real libraries, seeds fixed:
    make_files.py OUTDIR [NAME ...]	(no name: all of them)
Not committed; made once, kept in the build directory.  Each is written to a
temporary name first, so that what is there is whole."""
import argparse
import json
import os
import pickle
import random
import struct
import sys
import zipfile

import numpy
import torch

out = sys.argv[1]
FILES = {}
SMALL = 1000		# files of many_small
SCAN = 10000		# files of scan10k


def makes(name):
    def register(make):
        FILES[name] = make
        return make
    return register


def tiny(count):
    """`count` tensors of 16 floats, as optimizers and adapters have them."""
    values = torch.randn(count, 16)
    return {f"blocks.{i // 10}.sub.{i % 10}.weight": values[i].clone()
            for i in range(count)}


def resnet50():
    """The 320 tensors of torchvision's ResNet-50 state dict, 102 MB."""
    state = {}

    def conv(name, cout, cin, k):
        state[name + ".weight"] = torch.randn(cout, cin, k, k)

    def norm(name, n):
        for what in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{what}"] = torch.randn(n)
        state[name + ".num_batches_tracked"] = torch.tensor(1)

    conv("conv1", 64, 3, 7)
    norm("bn1", 64)
    cin = 64
    for layer, (width, blocks) in enumerate(
            ((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for b in range(blocks):
            at = f"layer{layer}.{b}"
            conv(at + ".conv1", width, cin, 1)
            norm(at + ".bn1", width)
            conv(at + ".conv2", width, width, 3)
            norm(at + ".bn2", width)
            conv(at + ".conv3", width * 4, width, 1)
            norm(at + ".bn3", width * 4)
            if b == 0:
                conv(at + ".downsample.0", width * 4, cin, 1)
                norm(at + ".downsample.1", width * 4)
            cin = width * 4
    state["fc.weight"] = torch.randn(1000, 2048)
    state["fc.bias"] = torch.randn(1000)
    return state


def llm(d, ff, vocabulary):
    """A decoder of 32 layers in fp16: 291 tensors."""
    block = torch.randn(1 << 20).half()

    def tensor(*shape):
        t = torch.empty(shape, dtype=torch.float16)
        flat = t.view(-1)
        for at in range(0, flat.numel(), block.numel()):
            part = flat[at:at + block.numel()]
            part.copy_(block[:part.numel()])
        return t

    state = {"model.embed_tokens.weight": tensor(vocabulary, d)}
    for i in range(32):
        at = f"model.layers.{i}."
        for name in "qkvo":
            state[f"{at}self_attn.{name}_proj.weight"] = tensor(d, d)
        for name, shape in (("gate", (ff, d)), ("up", (ff, d)),
                            ("down", (d, ff))):
            state[f"{at}mlp.{name}_proj.weight"] = tensor(*shape)
        state[at + "input_layernorm.weight"] = tensor(d)
        state[at + "post_attention_layernorm.weight"] = tensor(d)
    state["model.norm.weight"] = tensor(d)
    state["lm_head.weight"] = tensor(vocabulary, d)
    return state


@makes("small10.pt")
def small10(path):
    torch.save({f"w{i}": torch.randn(32, 32) for i in range(10)}, path)


@makes("many_small")
def many_small(path):
    os.makedirs(path)
    for i in range(SMALL):
        torch.save({f"w{k}": torch.randn(32, 32) for k in range(10)},
                   f"{path}/model.pt.{i}")


@makes("resnet50.pt")
def resnet(path):
    torch.save(resnet50(), path)


@makes("resnet50_deflated.pt")
def deflated(path):
    """Each member deflated, as archivers leave it; torch reads it."""
    torch.save(resnet50(), path + ".stored")
    with zipfile.ZipFile(path + ".stored") as stored, \
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    os.unlink(path + ".stored")


@makes("optim_adam.pt")
def optim(path):
    """Parameters and Adam's state of 267 of them, deep and mixed: 803 tensors
    and 5,000 floats of history."""
    model = {f"layer.{i}.weight": torch.randn(96, 1000) for i in range(267)}
    state = {i: {"step": torch.tensor(float(i)),
                 "exp_avg": torch.randn(96, 1000),
                 "exp_avg_sq": torch.rand(96, 1000)} for i in range(267)}
    model["last.bias"] = torch.randn(7)
    model["last.scale"] = torch.randn(7)
    torch.save({"model": model,
                "optimizer": {"state": state, "param_groups": [
                    {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8,
                     "params": list(range(267))}]},
                "epoch": 7,
                "loss_history": [random.random() for i in range(5000)],
                "args": {"lr": 1e-3, "name": "run"}}, path)


@makes("tiny100k.pt")
def tiny_pt(path):
    torch.save(tiny(100000), path)


@makes("tiny100k.data.pkl")
def tiny_pickle(path):
    need("tiny100k.pt")
    with zipfile.ZipFile(f"{out}/tiny100k.pt") as z:
        name = next(n for n in z.namelist() if n.endswith("/data.pkl"))
        with open(path, "wb") as f:
            f.write(z.read(name))


@makes("tiny100k.safetensors")
def tiny_safetensors(path):
    from safetensors.torch import save_file
    save_file(tiny(100000), path)


@makes("tiny100k.header.json")
def tiny_header(path):
    need("tiny100k.safetensors")
    with open(f"{out}/tiny100k.safetensors", "rb") as f, open(path, "wb") as to:
        to.write(f.read(struct.unpack("<Q", f.read(8))[0]))


@makes("tiny100k.gguf")
def tiny_gguf(path):
    import gguf
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in tiny(100000).items():
        writer.add_tensor(name, value.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@makes("oneblob100k.pt")
def oneblob(path):
    """100,000 views of one storage."""
    blob = torch.randn(1600000)
    torch.save({f"blocks.{i // 10}.sub.{i % 10}.weight":
                blob[16 * i:16 * i + 16] for i in range(100000)}, path)


@makes("tiny10k.npz")
def tiny_npz(path):
    with open(path, "wb") as f:
        numpy.savez(f, **{k: v.numpy() for k, v in tiny(10000).items()})


@makes("llm_fp16.pt")
def llm_pt(path):
    torch.save(llm(1600, 4384, 32000), path)


@makes("llm_small.pt")
def llm_small(path):
    """The names and count of llm_fp16.pt, 2 MiB."""
    torch.save(llm(48, 132, 1000), path)


@makes("llm_fp16.safetensors")
def llm_safetensors(path):
    from safetensors.torch import save_file
    save_file(llm(1600, 4384, 32000), path)


@makes("one2g.pt")
def one2g(path):
    t = torch.empty(1 << 29)
    block = torch.randn(1 << 20)
    t.view(-1, 1 << 20)[:] = block
    torch.save({"weight": t}, path)


@makes("scan10k")
def scan10k(path):
    """What a model store holds, small: 50 % torch, 20 % pickles, 15 % npy,
    10 % npz, 5 % safetensors; one pickle in a hundred files calls os.system."""
    from safetensors.numpy import save

    class Hostile:
        def __reduce__(self):
            return os.system, ("true",)

    def bytes_of(write):
        with open(path + ".one", "wb+") as f:
            write(f)
            f.seek(0)
            return f.read()

    kinds = []
    for k in range(50):
        a = numpy.random.rand(4, 16 + k).astype("f4")
        kinds.append([
            (".pt", bytes_of(lambda f: torch.save(
                {f"w{j}": torch.from_numpy(a) + j for j in range(4)}, f))),
            (".pkl", pickle.dumps({"name": f"m{k}", "w": a, "args":
                                   argparse.Namespace(lr=1e-3, n=k)})),
            (".npy", bytes_of(lambda f: numpy.save(f, a))),
            (".npz", bytes_of(lambda f: numpy.savez(f, a=a, b=a))),
            (".safetensors", save({"a": a, "b": a}))])
    os.unlink(path + ".one")
    for i in range(SCAN):
        at = i % 100
        which = 0 if at < 50 else 1 if at < 70 else 2 if at < 85 else \
            3 if at < 95 else 4
        suffix, content = kinds[i % 50][which]
        if at == 69:
            content = pickle.dumps({"w": 1, "x": Hostile()})
        folder = f"{path}/{i // 1000}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/m{i}{suffix}", "wb") as f:
            f.write(content)


def need(name):
    path = os.path.join(out, name)
    if os.path.exists(path):
        return
    print(f"bench: writing {name}", file=sys.stderr, flush=True)
    seed = sum(name.encode())
    torch.manual_seed(seed)
    numpy.random.seed(seed)
    random.seed(seed)
    FILES[name](path + ".tmp")
    os.rename(path + ".tmp", path)


os.makedirs(out, exist_ok=True)
for wanted in sys.argv[2:] or FILES:
    need(wanted)
if len(sys.argv) == 2:
    print(json.dumps(sorted(FILES)))
