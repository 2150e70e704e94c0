# SPDX-License-Identifier: Apache-2.0
"""Random torch tensors: every dtype, views of every kind, shared storages."""
import argparse
import collections
import types

import torch

from case import key, odd_text, shape

PLAIN = [getattr(torch, n) for n in (
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 "
    "complex64 complex128").split()]
NEWER = [getattr(torch, n) for n in (
    "uint16 uint32 uint64 complex32 float8_e5m2 float8_e4m3fn "
    "float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu float4_e2m1fn_x2 "
    "bits8 bits16 bits1x8 bits2x4 bits4x2").split()]


def storage(random, dtype, elements):
    """A tensor of one dimension, of random bytes."""
    width = dtype.itemsize
    data = bytearray(random.randbytes(elements * width))
    if dtype == torch.bool:
        data = bytearray(b & 1 for b in data)
    if not data:
        return torch.empty(0, dtype=dtype)
    raw = torch.frombuffer(data, dtype=torch.uint8).clone()
    return torch.empty(0, dtype=dtype).set_(
        raw.untyped_storage(), 0, (elements,), (1,))


def contiguous(random, dtype):
    dims = shape(random)
    count = 1
    for n in dims:
        count *= n
    return storage(random, dtype, count).as_strided(
        dims, torch.empty(dims, device="meta").stride())


def view(random, base):
    """Anything that lies in the storage: strides may be 0 or overlap."""
    elements = base.numel()
    dims, strides, last = [], [], 0
    for _ in range(random.randrange(0, 7)):
        n = random.choice((0, 1, 2, 3, 4))
        step = random.choice((0, 1, 1, 2, 3, 5))
        if last + max(n - 1, 0) * step >= elements:
            n, step = random.choice((1, 1, 2)), 0
        dims.append(n)
        strides.append(step)
        last += max(n - 1, 0) * step
    if elements == 0:
        dims.append(0)
        strides.append(1)
        return base.as_strided(dims, strides, 0)
    return base.as_strided(dims, strides, random.randrange(elements - last))


def changed(random, t):
    """A tensor of another kind over the same elements, where there is one."""
    how = random.randrange(9)
    if how == 0 and t.is_floating_point() and t.element_size() > 1:
        return torch.nn.Parameter(t, requires_grad=random.random() < 0.5)
    if how == 1 and t.dtype in (torch.complex64, torch.complex128):
        return t.conj()
    if how == 2 and t.dtype == torch.complex64 and t.dim():
        return t.conj().imag
    if how == 3 and t.dim() > 1:
        return t.transpose(0, t.dim() - 1)
    return t


def sparse(random):
    t = torch.randn(3, 4, generator=torch.Generator().manual_seed(
        random.getrandbits(32))).relu()
    return random.choice((t.to_sparse, t.to_sparse_csr, t.to_sparse_csc))()


def quantized(random):
    t = torch.linspace(-1, 1, 12).reshape(3, 4)
    if random.random() < 0.5:
        return torch.quantize_per_tensor(t, random.random() + 0.01,
                                         random.randrange(9),
                                         random.choice((torch.qint8,
                                                        torch.quint8,
                                                        torch.qint32)))
    return torch.quantize_per_channel(
        t, torch.rand(3).double() + 0.01, torch.tensor([1, 2, 3]), 0,
        torch.qint8)


def tensors(random, dtypes, odd=True, views=True):
    """Several, some of which share storages."""
    found = []
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        dtype = random.choice(dtypes)
        if random.random() < 0.4:
            found.append(changed(random, contiguous(random, dtype))
                         if odd else contiguous(random, dtype))
            continue
        base = storage(random, dtype, random.choice((0, 1, 3, 24, 60)))
        for _ in range(random.choice((1, 2, 3)) if views else 1):
            t = view(random, base)
            found.append(changed(random, t) if odd else t)
    if odd and random.random() < 0.1:
        found.append(sparse(random))
    if odd and random.random() < 0.1:
        found.append(quantized(random))
    return found


PLAIN_VALUES = (None, True, 1, -5, 2 ** 70, 1.5, "text", b"bytes", (), [])


def nest(random, leaves, depth=0, classes=True):
    """The leaves in containers of containers; some under several names."""
    if not leaves:
        return random.choice(PLAIN_VALUES)
    if len(leaves) == 1 and random.random() < 0.5 and depth:
        return leaves[0]
    at = random.randrange(len(leaves) + 1) if len(leaves) > 1 else 1
    parts = [nest(random, leaves[:at], depth + 1, classes) if depth < 4
             else leaves[0],
             nest(random, leaves[at:], depth + 1, classes)] + leaves[at:][:1]
    if random.random() < 0.2:
        parts.append(leaves[0])
    random.shuffle(parts)
    kind = random.randrange(8)
    if kind == 0:
        return parts
    if kind == 1:
        return tuple(parts)
    named = {}
    for part in parts:
        named[random.randrange(-9, 99) if random.random() < 0.1
              else key(random)] = part
    if random.random() < 0.2:
        named[odd_text(random)] = random.choice(PLAIN_VALUES)
    if kind == 2:
        return collections.OrderedDict(named)
    if kind == 3 and classes and all(isinstance(k, str) for k in named):
        return random.choice((argparse.Namespace,
                              types.SimpleNamespace))(**named)
    return named
