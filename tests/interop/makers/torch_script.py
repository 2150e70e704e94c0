# SPDX-License-Identifier: Apache-2.0
"""TorchScript archives; torch.jit.load is the truth.  A few modules are
compiled once, and get other tensors for each file."""
import io
import re
from typing import Dict, List

import torch

from case import Case, Maker, any_case, opaque, strict_zip
from says import torch_says
import random_tensors

torch.set_num_threads(1)


class Inner(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("b0", torch.ones(1))
        self.weight = torch.nn.Parameter(torch.ones(2))

    def forward(self, x):
        return x + self.weight.sum()


class Outer(torch.nn.Module):
    several: List[torch.Tensor]
    by_name: Dict[str, torch.Tensor]

    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.again = Inner()
        self.register_buffer("b1", torch.ones(1))
        self.register_buffer("b2", torch.ones(1))
        self.extra = torch.ones(2)
        self.several = [torch.ones(1), torch.zeros(2)]
        self.by_name = {"k": torch.ones(3)}
        self.note = "text"
        self.number = 3

    def forward(self, x):
        return self.inner(self.again(x)) + torch.full((2,), 1.5)


class TorchScript(Maker):
    name = "torchscript"

    def excuse(self, data, answer, theirs, why):
        if answer.error and "byteorder is neither" in answer.error[2]:
            return "byteorder"      # torch.jit has no use for it
        text = answer.error[2] if answer.error else ""
        if text.endswith(": the text is not UTF-8"):
            return "text"           # std::string to torch.jit
        if "declared twice, and differently" in text:
            return "twice"
        if text.startswith("no record for the storage") and re.search(
                rb"X[^\0]\x00\x00\x00[^\0]+q.h.K\x00tQ|"
                rb"X\x01\x00\x00\x00.q.h.K\x00tQ", data, re.S):
            return "no elements"    # torch.jit does not look for the record
        return any_case(data, answer) or strict_zip(answer) or opaque(answer)

    def __init__(self):
        self.made = 0
        self.module = None

    def make(self, random):
        dtypes = random_tensors.PLAIN
        if random.random() < 0.1:
            return self.traced(random)
        if self.made % 50 == 0:
            self.module = torch.jit.script(Outer())
        self.made += 1
        module = self.module

        def one():
            found = random_tensors.tensors(random, dtypes, odd=False)
            return random.choice(found)

        shared = random_tensors.tensors(random, dtypes, odd=False)
        with torch.no_grad():
            for target, name in ((module, "b1"), (module, "b2"),
                                 (module, "extra"), (module.inner, "b0"),
                                 (module.again, "b0")):
                setattr(target, name, one() if random.random() < 0.5
                        else random.choice(shared))
            for target in (module.inner, module.again):
                target.weight = torch.nn.Parameter(torch.rand(3, 2))
        module.several = [one() for _ in range(random.randrange(3))]
        module.by_name = {random.choice("xyz"): one()}
        return self.case(module, random)

    def traced(self, random):
        constant = random_tensors.storage(random, torch.float32, 6)
        constant = torch.nan_to_num(constant).reshape(2, 3)
        return self.case(torch.jit.trace(
            lambda x: x + constant, torch.ones(1), check_trace=False), random)

    def case(self, module, random):
        out = io.BytesIO()
        torch.jit.save(module, out)
        data = out.getvalue()
        return Case(data, self.read(data), None, ("unusual", "clean"),
                    "torch-zip")

    def read(self, data):
        again = torch.jit.load(io.BytesIO(data), map_location="cpu")
        named = list(again.state_dict(keep_vars=True).items())
        if hasattr(again, "several"):
            named += [("extra", again.extra)]
            named += [("several.%d" % i, t)
                      for i, t in enumerate(again.several)]
            named += [("by_name." + k, t) for k, t in again.by_name.items()]
        found = {}
        for name, t in named:
            row = torch_says.entry(t)
            found[name] = (row["dtype"], row["shape"], row["sha256"])
        for one in again.modules():
            try:
                constants = one.code_with_constants[1].const_mapping
            except RuntimeError:    # it has no forward
                continue
            for name, t in constants.items():
                row = torch_says.entry(t)
                found["constants." + name[1:]] = (row["dtype"], row["shape"],
                                                  row["sha256"])
        return found
