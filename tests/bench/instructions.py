# SPDX-License-Identifier: Apache-2.0
"""Counts instructions, which do not depend on the machine's load, beside the
committed figures; over 1.10 of one fails.
    instructions.py PROGRAM WORK-DIR [--write]	(--write: a new baseline)

What is counted is the self cost of our own program's functions and of
libprotobuf-c's, between the doors bench_parse or bench_session.  libc,
libdeflate and the other decompressors are left out: they pick their routines by
the processor's features, so their counts differ from machine to machine.  The
figures still belong to one compiler: Debian 12's gcc 12.2."""
import collections
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

LIMIT = 1.10
HERE = os.path.dirname(os.path.abspath(__file__))
BASELINE = os.path.join(HERE, "instructions.json")
# What is watched, the file, the door.
JOBS = [
    ("torch zip of 5,000 tensors", "tensors5k.pt", "parse"),
    ("session of 5,000 tensors", "tensors5k.pt", "session"),
    ("300,000 opcodes of plain data", "opcodes.pkl", "parse"),
    ("npz directory of 5,000 members", "members5k.npz", "parse"),
    ("safetensors header of 5,000", "tensors5k.safetensors", "parse"),
    ("GGUF of 5,000 tensors", "tensors5k.gguf", "parse"),
    ("verdict on 2,000 strange classes", "module.pt", "parse"),
    ("session of 5,000 notes", "module.pt", "session"),
]


def self_costs(path, program):
    """{function: self cost} of what is ours, from callgrind's output (format:
    Valgrind 3.19 manual, "Callgrind Format Specification").  Names are given
    once, as "(id) name", then by "(id)"; the line after calls= holds the cost
    of the callee, which is not self."""
    names = {"ob": {}, "fn": {}}
    now = {"ob": "", "fn": ""}
    costs = collections.Counter()
    skip = False
    with open(path) as f:
        for line in f:
            found = re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?$", line)
            if found:
                called, kind, number, name = found.groups()
                if name is not None:
                    names[kind][number] = name
                if not called:
                    now[kind] = names[kind][number]
            elif line.startswith("calls="):
                skip = True
            elif line[:1] in "+-*0123456789":
                if not skip and (
                        os.path.basename(now["ob"]) == program or
                        "libprotobuf-c" in now["ob"]):
                    costs[now["fn"]] += int(line.split()[1])
                skip = False
    return costs


def count(job):
    name, file, door = job
    out = os.path.join(work, f"callgrind.{file}.{door}")
    got = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--toggle-collect=bench_{door}",
         f"--callgrind-out-file={out}", program, os.path.join(work, file)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if got.returncode != 0:
        sys.exit(f"instructions: {name}:\n{got.stdout}")
    costs = self_costs(out, os.path.basename(program))
    if sum(costs.values()) < 100000:
        sys.exit(f"instructions: {name}: next to nothing was counted")
    return costs


program, work = sys.argv[1:3]
os.makedirs(work, exist_ok=True)
subprocess.run([sys.executable, os.path.join(HERE, "gen_instructions.py"),
                work], check=True)
with ThreadPoolExecutor(2) as pool:
    found = dict(zip((j[0] for j in JOBS), pool.map(count, JOBS)))
if "--write" in sys.argv:
    with open(BASELINE, "w") as f:
        json.dump({n: sum(c.values()) for n, c in found.items()}, f, indent=1)
        f.write("\n")
with open(BASELINE) as f:
    baseline = json.load(f)
passed = failed = 0
print(f"{'':34}{'instructions':>14}{'baseline':>14}{'ratio':>8}")
for name, costs in found.items():
    total = sum(costs.values())
    base = baseline.get(name)
    ratio = total / base if base else float("inf")
    print(f"{name:34}{total:14,}{base or 0:14,}{ratio:8.3f}")
    if ratio <= LIMIT:
        passed += 1
        if ratio < 1 / LIMIT:
            print("    leaner than the baseline: NEW=--write keeps it so")
        continue
    failed += 1
    print(f"    over {LIMIT} of the baseline; the most is in:")
    for function, cost in costs.most_common(8):
        print(f"    {cost:14,}  {function}")
print(f"instructions: {passed} passed, {failed} failed")
sys.exit(failed != 0)
