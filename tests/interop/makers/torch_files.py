# SPDX-License-Identifier: Apache-2.0
"""torch.save in both layouts, torch's old tar archives, and plain pickles of
tensors; torch.load and pickle.load are the truth."""
import io
import os
import pickle
import sys
import tarfile
import tempfile
import unittest.mock
import zipfile

import torch

from case import Case, Maker, any_case, frames, opaque, strict_zip
from says import says
import random_tensors

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))), "fixtures", "tar"))
import make_tar  # noqa: E402

torch.set_num_threads(1)
MAYBE = ("clean", "unusual")


def load(data):
    return torch.load(io.BytesIO(data), weights_only=False,
                      map_location="cpu")


def load_file(data):
    """By a name: torch looks for a tar archive in a real file alone."""
    with tempfile.NamedTemporaryFile(prefix="picklefork-") as file:
        file.write(data)
        file.flush()
        return torch.load(file.name, weights_only=False, map_location="cpu")


def case(data, value, verdicts=MAYBE, format=None, storages=True):
    found = says(value)
    return Case(data, found.rows(), found.aliases, verdicts, format,
                found.shared if storages else None)


class Torch(Maker):
    def read(self, data):
        return says(load(data)).rows()

    def excuse(self, data, answer, theirs, why):
        text = answer.error[2] if answer.error else ""
        if answer.format == "pickle" and self.name == "torch-legacy":
            return "bare"           # and no torch file any more
        if not text and theirs is not None and \
                theirs.keys() == answer.tensors.keys() and all(
                    row[0] == "BOOL" or (row[0], list(row[1]), row[2]) ==
                    answer.tensors[name] for name, row in theirs.items()):
            return "bool"           # torch makes 1 of 2, when it copies
        if not text and theirs is not None and all(
                (row[0], list(row[1]), row[2]) == answer.tensors.get(name)
                for name, row in theirs.items()):
            return "storage"        # by itself: bytes here, no tensor there
        for word, name in REFUSED if text else ():
            if word in text:
                return name
        for word, name in TORCH_REFUSED if theirs is None else ():
            if word in why:
                return name
        return any_case(data, answer) or frames(answer) or \
            strict_zip(answer) or opaque(answer)


# What torch takes and we refuse: part of our text, name in DIFFERENCES.md.
REFUSED = (
    ("storage of an unknown class", "module"),  # torch goes by the name alone
    ("storage's length is not the declared one", "length"),
    ("declared twice, and differently", "twice"),
    ("without a key or a length", "twice"),
    ("location is not text", "location"),
    ("metadata is not a dict", "metadata"),
    ("third pickle is not a dict", "sys_info"),
    ("list lacks a storage", "memory"),         # torch leaves it as it is
    ("version is not a number", "record"),
    ("outside its storage", "view"), ("overflows", "view"),
    ("stride is negative", "view"),
)
# What torch refuses and we take.
TORCH_REFUSED = (
    ("restore data location", "location"),      # advice on a device
    ("invalid literal for int", "record"),      # .storage_alignment
    ("does not match expected size", "record"),
    ("can require gradients", "grad"),          # there are none here
    ("requires_grad must be a bool", "grad"),
    ("saved_id must be", "parts"), ("required positional", "parts"),
    ("expected 5, got 4", "parts"), ("MemoryError", "memory"),
    ("UnicodeDecodeError", "record"),           # .data/serialization_id
    ("nnz", "sparse"), ("indices", "sparse"),   # they are told, not judged
)


def deflated(random, data):
    """The archive again, some of its records deflated."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, \
            zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info), random.choice(
                (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    return out.getvalue()


class TorchZip(Torch):
    name = "torch-zip"

    def make(self, random):
        dtypes = random_tensors.PLAIN + random_tensors.NEWER
        big = random.random() < 0.1
        if big:     # torch swaps by the storage's class: no newer dtypes
            dtypes = random_tensors.PLAIN
        # A conjugate in a deflated record is left out, by name: its bytes
        # are not at hand when the bit is known.
        packed = random.random() < 0.15
        leaves = random_tensors.tensors(random, dtypes,
                                        odd=not big and not packed)
        value = random_tensors.nest(random, leaves)
        out = io.BytesIO()
        try:
            with unittest.mock.patch.object(sys, "byteorder",
                                            "big" if big else "little"):
                torch.save(value, out, pickle_protocol=random.choice(
                    (2, 2, 3, 4, 5)))
        except RuntimeError:    # one storage as two types: not written
            return self.make(random)
        data = out.getvalue()
        if packed:
            data = deflated(random, data)
        return case(data, load(data), storages=not big)


class TorchLegacy(Torch):
    name = "torch-legacy"

    def make(self, random):
        # Not the newer dtypes: torch writes them and cannot read them again.
        leaves = random_tensors.tensors(random, random_tensors.PLAIN)
        value = random_tensors.nest(random, leaves)
        out = io.BytesIO()
        try:
            torch.save(value, out, pickle_protocol=random.choice(
                (1, 2, 2, 3, 4, 5)), _use_new_zipfile_serialization=False)
        except RuntimeError:    # one storage as two types: not written
            return self.make(random)
        return case(out.getvalue(), load(out.getvalue()))


class TorchTar(Torch):
    name = "torch-tar"

    def make(self, random):
        leaves = random_tensors.tensors(random, list(make_tar.CLASSES),
                                        odd=False)
        value = random_tensors.nest(random, leaves)
        if not isinstance(value, (dict, list, tuple, torch.Tensor)):
            value = [value]
        out = io.BytesIO()
        format = random.choice((tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT))
        with unittest.mock.patch.object(
                tarfile, "open", lambda *a, **k: tarfile.TarFile(
                    fileobj=out, mode="w", format=format)):
            make_tar.save(None, value, random.choice((2, 2, 3, 4)),
                          random.random() < 0.3, format)
        data = out.getvalue()
        return case(data, load_file(data))

    def read(self, data):
        return says(load_file(data)).rows()

    def excuse(self, data, answer, theirs, why):
        if answer.error and ("tar: " in answer.error[2] or
                             "tar archive" in answer.error[2]):
            return "tar"            # tarfile takes it for the end
        with tarfile.TarFile(fileobj=io.BytesIO(data)) as archive:
            member = next((m for m in archive if m.name == "sys_info"), None)
        if answer.error and member and 0 <= \
                answer.error[1] - member.offset_data <= member.size:
            return "sys_info"       # torch does not read it
        return super().excuse(data, answer, theirs, why)


class PickleTorch(Torch):
    name = "pickle-torch"

    def make(self, random):
        leaves = random_tensors.tensors(
            random, random_tensors.PLAIN, odd=random.random() < 0.3)
        protocol = random.choice((0, 1, 2, 3, 4, 5))
        if protocol < 3:    # see make_derived.py: bits of decoded bytes
            leaves = [t for t in leaves if not (t.is_conj() or t.is_neg())]
        value = random_tensors.nest(random, leaves)
        data = pickle.dumps(value, protocol)
        # Each storage of a plain pickle is a file: what is shared is not
        # known to us before it has been opened.
        return case(data, pickle.loads(data), format="pickle",
                    storages=False)

    def read(self, data):
        return says(pickle.loads(data)).rows()
