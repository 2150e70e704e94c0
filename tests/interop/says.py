# SPDX-License-Identifier: Apache-2.0
"""What a library read, by our naming rules: torch_says, and arrays that stand
in a file under more than one name."""
import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "fixtures"))
import torch  # noqa: E402
import torch_says  # noqa: E402


class Says(torch_says.Reading):
    def __init__(self):
        super().__init__()
        self.shared = {}            # name: address of the storage
        self.made = {}              # name: names of the parts it came in

    def array(self, a, path):
        if a.dtype.name in torch_says.NUMPY and id(a) in self.seen:
            self.aliases[self.name(path)] = self.seen[id(a)]
            return
        self.kept.append(a)
        if a.dtype.name in torch_says.NUMPY:
            self.seen[id(a)] = self.name(path)
        super().array(a, path)

    def tensor(self, t, path):
        """A second name of what comes in parts is one of each part."""
        known = self.seen.get(id(t))
        super().tensor(t, path)
        if known is not None and self.made[known] != [known]:
            alias = next(a for a in reversed(self.aliases)
                         if self.aliases[a] == known)
            del self.aliases[alias]
            for part in self.made[known]:
                self.aliases[alias + part[len(known):]] = part

    def parts(self, t, name):
        before = len(self.tensors)
        super().parts(t, name)
        self.made[name] = list(self.tensors)[before:]
        if t.layout is torch.strided and name in self.tensors and \
                not t.is_quantized and not t.is_conj() and not t.is_neg() \
                and t.untyped_storage().nbytes():
            self.shared[name] = t.untyped_storage().data_ptr()

    def rows(self):
        return {name: (row["dtype"], row["shape"], row["sha256"])
                for name, row in self.tensors.items()}


def says(value):
    found = Says()
    found.walk(value)
    return found


def array_row(array):
    """Of one numpy array, as numpy has it."""
    plain = array.astype(array.dtype.newbyteorder("<"))
    return (torch_says.NUMPY[array.dtype.newbyteorder("=").name],
            list(array.shape), hashlib.sha256(plain.tobytes()).hexdigest())
