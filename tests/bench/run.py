# SPDX-License-Identifier: Apache-2.0
"""The benchmark: every kind of work beside its peers and its limit.
    run.py --build BUILD [--only G3,scan] [--pairs N] [--json FILE]
Prints a table and the number of each verdict; writes every sample to FILE
(BUILD/bench.json; with --only BUILD/bench-only.json).  A goal that is missed is
shown, and is no failure."""
import argparse
import importlib.metadata
import os
import subprocess
import sys
import time

import bench
import machine
import pairs
import work_bytes  # noqa: F401
import work_list  # noqa: F401
import work_memory  # noqa: F401
import work_scan  # noqa: F401
import work_start  # noqa: F401

parser = argparse.ArgumentParser()
parser.add_argument("--build", required=True)
parser.add_argument("--only", default="")
parser.add_argument("--pairs", type=int, default=5)
parser.add_argument("--json")
options = parser.parse_args()

only = {w for w in options.only.split(",") if w}
known = {g for goals, _, _ in bench.WORKS for g in goals}
if only - known:
    sys.exit(f"bench: no such goal: {', '.join(sorted(only - known))}; "
             f"there are {', '.join(sorted(known))}")
if options.pairs < 5:
    sys.exit("bench: fewer than five pairs say nothing")

start = time.time()
b = bench.Bench(options.build, options.pairs)
chosen = [w for w in bench.WORKS if not only or only & set(w[0])]
b.make(dict.fromkeys(name for _, files, _ in chosen for name in files))
versions = b.child("peer").ask("versions")
site = os.path.join(b.build, "bench-site")
for found in importlib.metadata.distributions(path=[site]):
    if found.metadata["Name"] == "picklescan":
        versions["picklescan"] = found.version
this = machine.describe(versions, subprocess.run(
    [b.cli, "--version"], stdout=subprocess.PIPE,
    text=True).stdout.strip())
path = options.json or os.path.join(
    b.build, "bench-only.json" if only else "bench.json")
for goals, _, measure in chosen:
    began = time.time()
    try:
        measure(b)
    except (RuntimeError, OSError, subprocess.CalledProcessError,
            BrokenPipeError) as e:
        b.table.failed(goals[0], measure.__name__, "", str(e))
        b.close()
    pairs.progress(f"{', '.join(goals)}: {time.time() - began:.0f} s")
    # A run that is cut short leaves what it has, and is no whole one.
    b.table.save(path, this, time.time() - start, False)
b.close()
print("\n" + "\n".join(machine.lines(this)) + "\n")
print(b.table.text())
print(f"\nbench: {b.table.counts()}; {time.time() - start:.0f} s")
b.table.save(path, this, time.time() - start, not only)
