# SPDX-License-Identifier: Apache-2.0
"""Real checkpoints that are shipped inside Python packages: each is read by us
and by its library, and every tensor compared by SHA-256.

usage: packages.py BUILD [PACKAGE ...]

packages.json says which.  They are fetched by pip without their dependencies
and unpacked into a temporary directory; none of their code runs, except what a
checkpoint itself runs in torch.load, in a process of its own.
"""
import io
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "diff"))
import answers  # noqa: E402
import checks  # noqa: E402
import fence  # noqa: E402
import makers  # noqa: E402
from case import Case  # noqa: E402

fence.SECONDS = 120
fence.MORE_MEMORY = 8 << 30


class Stubs:
    """torch.load's pickle module: a class that is not installed is a stub."""
    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            try:
                return super().find_class(module, name)
            except (ImportError, AttributeError):
                return type(name, (), {"__module__": module,
                                       "__init__": lambda s, *a, **k: None})
    load = pickle.load
    __name__ = "pickle"


def torch_file(data):
    import torch
    from says import says
    return says(torch.load(io.BytesIO(data), weights_only=False,
                           map_location="cpu", pickle_module=Stubs)).rows()


def onnx_file(data):
    """Names may stand twice in subgraphs: the second has ~2 here."""
    from makers import onnx_files
    found = {}
    made = onnx_files.onnx.load_model_from_string(data)
    for name, array in onnx_files.all_tensors(made.graph):
        base, n = name or "tensor", 2
        name = base
        while name in found:
            name = "%s~%d" % (base, n)
            n += 1
        found[name] = onnx_files.row_of(array)
    return found


def script(data):
    """Only what state_dict names: other attributes have no list."""
    import torch
    from says import torch_says
    module = torch.jit.load(io.BytesIO(data), map_location="cpu")
    found = {}
    for name, t in module.state_dict(keep_vars=True).items():
        row = torch_says.entry(t)
        found[name] = (row["dtype"], row["shape"], row["sha256"])
    return found


def npy(data):
    """An array, or objects that hold some."""
    import numpy
    from says import array_row, says
    array = numpy.load(io.BytesIO(data), allow_pickle=True)
    if array.dtype != object:
        return {"tensor": array_row(array)}
    return says(array.item() if array.shape == () else list(array)).rows()


READ = {
    "torch": torch_file, "script": script, "npy": npy,
    "onnx": onnx_file,
    "npz": lambda data: makers.maker("npz").read(data),
    "safetensors": lambda data: makers.maker("safetensors").read(data),
}


def fetch(package, directory):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet",
                    "--disable-pip-version-check", "--no-deps",
                    "--no-compile", "--target", directory, package],
                   check=True, stderr=subprocess.DEVNULL)


def named(answer):
    """With every name of a tensor that has several."""
    found = dict(answer.tensors)
    for alias, target in answer.aliases.items():
        found[alias] = answer.tensors[target]
    return found


def spread(name):
    """The one object of an array of no dimensions is its element 0 here."""
    return name[2:] if name.startswith("0.") else name


def unordered(rows):
    """Which of several tensors of one name is ~2 is a matter of order."""
    found = {}
    for name, row in rows.items():
        key = (re.sub(r"~[0-9]+$", "", name), row[0], tuple(row[1]), row[2])
        found[key] = found.get(key, 0) + 1
    return found


class Run:
    def __init__(self, build):
        self.answers = answers.Answers(
            os.path.join(build, "answer"),
            os.path.abspath(os.path.join(build, "picklefork-worker")))
        self.passed = self.failed = 0

    def one(self, package, file, kind, data):
        reader = fence.Fence(READ[kind])
        try:
            theirs, why = reader(data), ""
        except fence.Refused as error:
            theirs, why = None, str(error)
        finally:
            reader.end()
        found = self.answers.ask(data, answers.JAIL | answers.JAIL_STREAM |
                                 answers.SAVE)
        answer = found["jail"]
        problems = []
        if answer.error is not None:
            problems.append("%s at %d: %s" % answer.error)
        if theirs is None:
            problems.append("the library: %s" % why)
        if not problems:
            problems = self.compare(found, kind, theirs)
        print("%s %s: %s %s, %d tensors, %s; %d bytes" % (
            package, file, answer.format, answer.verdict,
            len(answer.tensors), "all exact" if not problems else "FAILED",
            len(data)))
        for problem in problems[:5]:
            print("    " + problem[:500])
        self.passed += not problems
        self.failed += bool(problems)

    @staticmethod
    def compare(found, kind, theirs):
        answer = found["jail"]
        ours = {spread(name): row for name, row in named(answer).items()} \
            if kind == "npy" else named(answer)
        if kind == "script":    # constants and attributes too
            ours = {name: row for name, row in ours.items() if name in theirs}
        if kind == "torch":     # the library's reading has no aliases
            ours = {name: row for name, row in ours.items()
                    if name in theirs or name not in answer.aliases}
        if kind == "onnx":
            problems = [] if unordered(ours) == unordered(theirs) else [
                "%r is not %r" % (sorted(ours), sorted(theirs))]
        else:
            problems = checks.differences(ours, theirs, "jail")
        if found["jail-stream"].tensors != answer.tensors:
            problems.append("streamed, it is another")
        case = Case(b"", answer.tensors, answer.aliases)
        return problems + checks.saved(found["save"], case, False, "save")


def main():
    run = Run(sys.argv[1])
    only = sys.argv[2:]
    with open(os.path.join(HERE, "packages.json"), encoding="utf-8") as file:
        rows = json.load(file)
    for row in rows:
        if only and row["package"].split("==")[0] not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="picklefork-") as directory:
            try:
                fetch(row["package"], directory)
            except subprocess.CalledProcessError as error:
                print("%s: FAILED: %s" % (row["package"], error))
                run.failed += 1
                continue
            for file, kind in sorted(row["files"].items()):
                with open(os.path.join(directory, file), "rb") as data:
                    run.one(row["package"], file, kind, data.read())
    print("interop-packages: %d passed, %d failed" % (run.passed, run.failed))
    return 0 if run.failed == 0 and run.passed else 1


if __name__ == "__main__":
    sys.exit(main())
