# SPDX-License-Identifier: Apache-2.0
"""Resource bombs: small files that ask for much.  Each has its answer within a
second of processor time and 64 MiB of memory, the mapped file not counted."""
import glob
import json
import os
import subprocess
import sys

import trial

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
MEMORY = 64 * MIB
CPU_SECONDS = 1.0
CASES_MIN = 30          # fewer means that the generators were not run
# What these really hold, and hand out: zeroes.
HONEST = {"B9-deflate-1000": 64 * MIB, "B9-npz-zeros": 150 * 10**6}


def bomb_trial(place, wrong, measure, path, verb, codes, allowed):
    argv = [measure] + place.command(verb, "/nonexistent", sample=path)
    out = os.environ["TMPDIR"] + "/bomb.%d" % os.getpid()
    os.makedirs(out, exist_ok=True)
    result = trial.run(argv, wrong, out)
    words = result.err.decode("utf-8", "replace").split("\n")[-2].split()
    used = dict(zip(words[0::2], map(int, words[1::2])))
    if result.code not in codes:
        wrong("exit %d, expected %s" % (result.code, codes))
    if used["rss"] * 1024 > allowed:
        wrong("%d MiB of memory, %d allowed" % (used["rss"] // 1024,
                                                allowed // MIB))
    if used["cpu_us"] > CPU_SECONDS * 1e6:
        wrong("%.2f s of processor time" % (used["cpu_us"] / 1e6))


def rows(measure, directory):
    made = []
    for script in sorted(glob.glob(os.path.join(HERE, "..", "gen",
                                                "gen_*.py"))):
        target = os.path.join(directory, os.path.basename(script)[:-3])
        os.makedirs(target)
        subprocess.run([sys.executable, script, target], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(target, "manifest.jsonl"),
                  encoding="utf-8") as f:
            cases = [json.loads(line) for line in f]
        for case in cases:
            path = os.path.join(target, case["file"])
            if not case["id"][0] == "B" or not case["id"][1].isdigit():
                os.unlink(path)
                continue
            allowed = MEMORY + os.stat(path).st_size + \
                HONEST.get(case["id"], 0)
            for verb in ("scan", "ls"):
                code = case["exit"].get(verb)
                codes = (0, 1, 2) if code is None else \
                    tuple(code) if isinstance(code, list) else (code,)
                made.append(("bomb %s %s" % (verb, case["id"]), bomb_trial,
                             (measure, path, verb, codes, allowed)))
    if len(made) < 2 * CASES_MIN:
        raise SystemExit("faults: only %d bombs" % len(made))
    return made
