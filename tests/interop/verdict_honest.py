#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes honest checkpoints with the real libraries and asks for their verdict:
none may be dangerous or undecided.

usage: verdict_honest.py CLI [--worker PATH]

torch and numpy are needed; scikit-learn, pandas, omegaconf are used when they
can be imported.  Classes of other projects (transformers, fairseq, Lightning)
are made here under their names: a pickle holds no more of them."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import itertools
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import types
import uuid

import numpy
import torch


def foreign(module, name, base=object, body=None):
    """A class that lives in another project's module."""
    parts = module.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]),
                               types.ModuleType(".".join(parts[:i])))
    made = type(name, (base,), dict(body or {}, __module__=module))
    setattr(sys.modules[module], name, made)
    return made


def foreign_enum(module, name, members):
    made = enum.Enum(name, members, module=module)
    foreign(module, name)
    setattr(sys.modules[module], name, made)
    return made


@dataclasses.dataclass
class Config:
    width: int = 4
    name: str = "x"
    path: pathlib.Path = pathlib.Path("a/b")


class Mode(enum.Enum):
    TRAIN = 1
    EVAL = "eval"


class Flags(enum.Flag):
    A = 1
    B = 2


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4),
            torch.nn.ReLU(), torch.nn.Dropout(0.1))
        self.rnn = torch.nn.LSTM(4, 4)
        self.norm = torch.nn.LayerNorm(4)
        self.emb = torch.nn.Embedding(5, 4)
        self.att = torch.nn.MultiheadAttention(4, 2)
        self.activation = torch.nn.functional.relu


def state():
    return Net().state_dict()


def trained():
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(net.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    scheduler.step()
    return net, optimizer, scheduler


def lightning():
    net, optimizer, scheduler = trained()
    attributes = foreign("pytorch_lightning.utilities.parsing",
                         "AttributeDict", dict)
    return {"epoch": 3, "global_step": 12,
            "pytorch-lightning_version": "2.4.0",
            "state_dict": net.state_dict(), "loops": {"fit": {}},
            "callbacks": {"ModelCheckpoint{'monitor': None}": {
                "best_model_path": "/x/y.ckpt",
                "best_model_score": torch.tensor(0.5)}},
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [scheduler.state_dict()],
            "hparams_name": "kwargs",
            "hyper_parameters": attributes(lr=0.1, layers=[1, 2])}


def with_attributes(cls, **attributes):
    made = cls()
    made.__dict__.update(attributes)
    return made


def fairseq():
    dictionary = foreign("fairseq.data.dictionary", "Dictionary")
    return {"args": argparse.Namespace(arch="transformer", lr=[0.1],
                                       no_save=False),
            "model": state(), "task": with_attributes(dictionary, count=[1]),
            "extra_state": {"train_iterator": {"epoch": 2}}}


def training_arguments():
    strategy = foreign_enum("transformers.trainer_utils", "SchedulerType",
                            {"LINEAR": "linear", "COSINE": "cosine"})
    arguments = foreign("transformers.training_args", "TrainingArguments")
    return with_attributes(arguments, lr_scheduler_type=strategy.LINEAR,
                           output_dir="/tmp/x", device=torch.device("cpu"),
                           started=datetime.datetime(2024, 1, 2))


def cases():
    rng = numpy.random.default_rng(1)
    net, optimizer, scheduler = trained()
    yield "state-dict", state()
    yield "module", Net()
    yield "linear", net
    yield "training", {"net": net.state_dict(), "opt": optimizer.state_dict(),
                       "sched": scheduler.state_dict(), "epoch": 4}
    yield "optimizer", optimizer
    yield "scheduler", scheduler
    yield "parameter", torch.nn.Parameter(torch.ones(3))
    yield "buffers", torch.nn.BatchNorm1d(3)
    yield "tied", {"a": net.weight, "b": net.weight, "c": net.weight.t()}
    yield "sparse", torch.eye(3).to_sparse()
    yield "csr", torch.eye(3).to_sparse_csr()
    yield "dtypes", {str(d): torch.zeros(2, dtype=d) for d in (
        torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool,
        torch.complex64, torch.uint16, torch.float8_e4m3fn)}
    yield "loss", torch.nn.CrossEntropyLoss(torch.ones(3))
    yield "random-states", {"torch": torch.get_rng_state(),
                            "numpy": numpy.random.get_state(),
                            "generator": rng, "old": numpy.random.mtrand
                            .RandomState(3)}
    yield "lightning", lightning()
    yield "fairseq", fairseq()
    yield "training-arguments", training_arguments()
    yield "namespace", {"opt": argparse.Namespace(a=1, b=[2]), "w": state()}
    yield "simple-namespace", types.SimpleNamespace(a=torch.ones(2))
    yield "dataclass", {"config": Config(), "w": torch.ones(2)}
    yield "enums", [Mode.TRAIN, Mode.EVAL, Flags.A | Flags.B]
    yield "dates", [datetime.datetime(2020, 1, 1, 2, 3, 4, 5,
                                      datetime.timezone.utc),
                    datetime.date(2020, 1, 1), datetime.time(1, 2),
                    datetime.timedelta(seconds=3)]
    yield "paths", [pathlib.Path("a"), pathlib.PurePosixPath("b"),
                    pathlib.PureWindowsPath("c:/d")]
    yield "numbers", [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1j,
                      2**100, uuid.UUID(int=7)]
    yield "collections", [collections.OrderedDict(a=1),
                          collections.defaultdict(list, a=[1]),
                          collections.deque([1, 2], 5),
                          collections.Counter("aab"),
                          collections.ChainMap({"a": 1})]
    yield "builtins", [{1, 2}, frozenset([3]), bytearray(b"x"), range(5),
                       slice(1, 2), b"bytes", Ellipsis, type(None), int]
    yield "count", itertools.count(3)
    yield "arrays", {"f": numpy.arange(6.0).reshape(2, 3),
                     "s": numpy.float32(1.5), "o": numpy.array(["a", "b"]),
                     "f-order": numpy.asfortranarray(numpy.ones((2, 3))),
                     "date": numpy.datetime64("2020-01-01")}
    yield "structured", numpy.zeros(3, dtype=[("a", "<f4"), ("b", "<i8")])
    yield "objects", numpy.array([{"a": 1}, [2]], dtype=object)
    yield "polynomials", [numpy.polynomial.Polynomial([1.0, 2.0]),
                          numpy.polynomial.Chebyshev([1.0, 2.0]),
                          numpy.poly1d([1.0, 2.0])]
    yield "generators", [numpy.random.default_rng(3), numpy.random.Generator(
        numpy.random.Philox(3)), numpy.random.Generator(
            numpy.random.SFC64(3)), numpy.random.RandomState(3)]
    yield "masked", numpy.ma.masked_array([1, 2], [True, False])
    yield "weights-as-bytes", {"blob": rng.bytes(1 << 16),
                               "like": b"\x80\x02" + rng.bytes(4096)}
    yield "text", {"vocabulary": ["cat\ndog\nmouse\n", "the", "Y29uZmln"],
                   "code": "import os\nclass Foo:\n  pass\n"}
    yield "functions", {"act": torch.nn.functional.gelu, "f": torch.tanh,
                        "reduce": numpy.mean}
    yield "size", {"size": torch.Size([1, 2]), "dtype": torch.float32,
                   "device": torch.device("cpu")}
    yield "distribution", torch.distributions.Normal(torch.zeros(2),
                                                     torch.ones(2))
    yield "dataset", torch.utils.data.TensorDataset(torch.ones(2, 2))
    yield "transform", with_attributes(foreign(
        "torchvision.transforms.transforms", "Compose"), transforms=[1])
    yield "yolo", {"model": with_attributes(foreign(
        "models.yolo", "Model", torch.nn.Module), yaml={"nc": 80},
        names=["a"]), "ema": None, "date": "2024"}
    yield from optional()


def optional():
    try:
        from omegaconf import OmegaConf
        yield "omegaconf", {"cfg": OmegaConf.create(
            {"a": {"b": [1, 2, "x"]}, "c": None, "d": 1.5}), "w": state()}
        yield "omegaconf-typed", OmegaConf.structured(Plain)
    except ImportError:
        print("no omegaconf")
    try:
        import pandas
        yield "pandas", pandas.DataFrame(
            {"a": [1.5, 2], "b": ["x", "y"],
             "c": pandas.to_datetime(["2020-01-01", "2021-01-01"])})
        yield "series", pandas.Series([1, 2], index=["a", "b"], name="s")
    except ImportError:
        print("no pandas")
    try:
        import scipy.sparse
        yield "sparse-arrays", [
            getattr(scipy.sparse, kind + "_array")(numpy.eye(3))
            for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")]
    except ImportError:
        print("no scipy")
    try:
        yield from sklearn_models()
    except ImportError:
        print("no scikit-learn")


@dataclasses.dataclass
class Plain:
    rate: float = 0.1
    mode: Mode = Mode.TRAIN
    sizes: list = dataclasses.field(default_factory=list)


def sklearn_models():
    from sklearn import (ensemble, feature_extraction, linear_model,
                         neighbors, pipeline, preprocessing, svm)
    x = numpy.arange(24.0).reshape(12, 2) % 7
    y = numpy.arange(12) % 2
    for model in (linear_model.LogisticRegression(),
                  ensemble.RandomForestClassifier(3),
                  ensemble.GradientBoostingClassifier(n_estimators=3),
                  neighbors.KNeighborsClassifier(3, algorithm="kd_tree"),
                  svm.SVC(), preprocessing.StandardScaler(),
                  pipeline.make_pipeline(preprocessing.MinMaxScaler(),
                                         linear_model.Ridge())):
        yield "sklearn-" + type(model).__name__.lower(), model.fit(x, y)
    yield "sklearn-tfidf", feature_extraction.text.TfidfVectorizer().fit(
        ["a cat", "the dog"])


def verdict(options, path):
    argv = [options.cli, "scan", "--json"]
    if options.worker:
        argv += ["--worker", os.path.abspath(options.worker)]
    done = subprocess.run(argv + [path], stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cli")
    parser.add_argument("--worker")
    options = parser.parse_args()
    writers = {"zip": lambda x, p: torch.save(x, p)}
    for protocol in (2, 4, 5):
        writers["p%d" % protocol] = functools.partial(dump, protocol)
    good, bad = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as directory:
        for name, value in cases():
            for how, write in writers.items():
                path = os.path.join(directory, "%s-%s" % (name, how))
                try:
                    write(value, path)
                except (TypeError, AttributeError, pickle.PicklingError,
                        RuntimeError, NotImplementedError) as error:
                    print("not written: %s-%s: %s" % (name, how, error))
                    continue
                report = verdict(options, path)
                if report["verdict"] in ("clean", "unusual"):
                    good[report["verdict"]] += 1
                    continue
                bad += 1
                print("FAILED: %s-%s: %s %s" % (
                    name, how, report["verdict"], report["error"]))
                for note in report["notes"]:
                    if note["level"] == "dangerous":
                        print("    " + note["text"])
    print("verdict of honest files: %d clean, %d unusual, %d failed" % (
        good["clean"], good["unusual"], bad))
    return 0 if bad == 0 and good else 1


def dump(protocol, value, path):
    with open(path, "wb") as f:
        pickle.dump(value, f, protocol)


if __name__ == "__main__":
    sys.exit(main())
