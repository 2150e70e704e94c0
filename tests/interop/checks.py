# SPDX-License-Identifier: Apache-2.0
"""One file through every way of reading it, beside what its library read: each
function gives a list of what is wrong."""
import json
import math
import os
import struct
import subprocess

import numpy
import safetensors

from case import sha256

SAFE = {"BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3",
        "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16",
        "I32", "U32", "F32", "C64", "F64", "I64", "U64"}
NUMPY = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16",
         "U16": "uint16", "I32": "int32", "U32": "uint32", "I64": "int64",
         "U64": "uint64", "F16": "float16", "F32": "float32",
         "F64": "float64", "C64": "complex64", "C128": "complex128"}


def differences(found, expected, what):
    """Of two {name: (dtype, shape, sha256)}."""
    problems = []
    for name in sorted(set(found) ^ set(expected)):
        problems.append("%s: %r is %s" % (
            what, name, "missing" if name in expected else "not expected"))
    for name in sorted(set(found) & set(expected)):
        ours, theirs = found[name], expected[name]
        if (ours[0], list(ours[1]), ours[2]) != (
                theirs[0], list(theirs[1]), theirs[2]):
            problems.append("%s: %r is %r, expected %r" % (what, name, ours,
                                                           theirs))
    return problems


def partition(numbers):
    groups = {}
    for name, number in numbers.items():
        groups.setdefault(number, set()).add(name)
    return sorted(map(sorted, groups.values()))


def reading(answer, case, format, what):
    """What one way of reading gave."""
    if answer.error is not None:
        return ["%s: %s" % (what, answer.error)]
    if case.aliases is None:
        # The library does not say which names share one object.
        named = {alias: answer.tensors[target]
                 for alias, target in answer.aliases.items()}
        problems = differences({**answer.tensors, **named}, case.tensors,
                               what)
        case.tensors, case.aliases = answer.tensors, answer.aliases
        return problems
    problems = differences(answer.tensors, case.tensors, what)
    if answer.format != format:
        problems.append("%s: format %s" % (what, answer.format))
    if answer.verdict not in case.verdicts:
        problems.append("%s: verdict %s: %s" % (what, answer.verdict, [
            n for n in answer.notes if n[1] == "dangerous"]))
    if case.aliases is not None and answer.aliases != case.aliases:
        problems.append("%s: aliases %r, expected %r" % (
            what, answer.aliases, case.aliases))
    if case.storages is not None:
        ours = partition({name: answer.storages[name]
                          for name in case.storages
                          if name in answer.storages})
        if ours != partition(case.storages):
            problems.append("%s: storages are shared by %r, expected %r" % (
                what, ours, partition(case.storages)))
    return problems


def storable(tensors):
    """What safetensors has dtypes for; it counts single F4 elements."""
    found = {}
    for name, (dtype, shape, digest) in tensors.items():
        if dtype == "F4X2":
            found[name] = ("F4", list(shape[:-1]) + [2 * shape[-1]]
                           if shape else [2], digest)
        elif dtype in SAFE and (dtype != "F4" or
                                math.prod(shape) % 2 == 0):
            found[name] = (dtype, list(shape), digest)
    return found


def saved(answer, case, cloned, what):
    """Our safetensors file, read by the reference reader."""
    if answer.error is not None:
        return ["%s: %s" % (what, answer.error)]
    try:
        found = {name: (t["dtype"], t["shape"], sha256(bytes(t["data"])))
                 for name, t in safetensors.deserialize(answer.saved)}
    except safetensors.SafetensorError as error:
        return ["%s: safetensors refuses it: %r" % (what, error)]
    expected = storable(case.tensors)
    expected.update({a: expected[t] for a, t in (case.aliases or {}).items()
                     if t in expected})
    if not cloned:
        problems = []
        length = struct.unpack("<Q", answer.saved[:8])[0]
        metadata = json.loads(answer.saved[8:8 + length]).get(
            "__metadata__", {})
        # Of the names of the same elements one is written, and the others
        # lead to it.  Which one is the reference writer's choice.
        for name in set(expected) - set(found):
            target = metadata.get(name)
            if target not in found:
                problems.append("%s: %r is neither written nor an alias" % (
                    what, name))
            else:
                found[name] = found[target]
        if problems:
            return problems
    return differences(found, expected, what)


def run(cli, *arguments):
    done = subprocess.run([cli] + list(arguments), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, check=False)
    return done, "%s: exit %d: %s" % (
        arguments[0], done.returncode,
        done.stderr.decode("utf-8", "replace").strip())


def by_cli(cli, case, answer, scratch, choose):
    """The command line says the same, and extracts and converts the same."""
    path = os.path.join(scratch, "input")
    out = os.path.join(scratch, "out")
    with open(path, "wb") as file:
        file.write(case.data)
    done, complaint = run(cli, "ls", "--json", "--digest", path)
    if done.returncode != 0:
        return [complaint]
    report = json.loads(done.stdout)
    found = {t["name"]: (t["dtype"], t["shape"], t["sha256"])
             for t in report["tensors"]}
    problems = differences(found, case.tensors, "ls")
    if storable(case.tensors):
        done, complaint = run(cli, "convert", "--skip-unsupported", "--force",
                              path, "-o", out)
        if done.returncode != 0:
            return problems + [complaint]
        with open(out, "rb") as file:
            if file.read() != answer.saved:
                problems.append("convert: not what the library saves")
    if found:
        problems += extracted(cli, path, out, choose(sorted(found)), case)
    return problems


def extracted(cli, path, out, name, case):
    dtype, shape, digest = case.tensors[name]
    done, complaint = run(cli, "extract", "--force", "--raw", "-o", out, "--",
                          path, name)
    if done.returncode != 0:
        return [complaint]
    with open(out, "rb") as file:
        if sha256(file.read()) != digest:
            return ["extract --raw: %r differs" % name]
    if dtype not in NUMPY:
        return []
    done, complaint = run(cli, "extract", "--force", "-o", out, "--", path,
                          name)
    if done.returncode != 0:
        return [complaint]
    array = numpy.load(out, allow_pickle=False)
    if (array.dtype, list(array.shape), sha256(
            numpy.ascontiguousarray(array).tobytes())) != (
                numpy.dtype(NUMPY[dtype]), list(shape), digest):
        return ["extract: numpy reads another %r" % name]
    return []
