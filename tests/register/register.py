# SPDX-License-Identifier: Apache-2.0
"""Runs the register of advisories through the command and prints it as a
table.  What each class has to show is in advisories.py.

usage: register.py CLI [--worker PATH] [--only TEXT]

Python 3.9 and its standard library only."""
import argparse
import concurrent.futures
import fnmatch
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

import advisories

HERE = os.path.dirname(os.path.abspath(__file__))
GEN = os.path.join(HERE, "..", "gen")
sys.path.insert(0, GEN)
from advisory_names import ADVISORY_NAMES  # noqa: E402 - after the path

ROWS_MIN = 150          # fewer means that the tables were not read
DEADLINE = 20.0
BOUND_SECONDS = 1.0     # of processor time, worker and command together
REFUSALS = ("PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED", "PFORK_E_LIMIT")


def component(ident, module):
    root = module.split(".")[0]
    if ident.startswith("modelscan"):
        return "modelscan"
    if root in ("torch", "numpy", "joblib", "skops", "transformers", "pip",
                "dill", "cloudpickle", "requests", "aiohttp"):
        return root
    return "stdlib"


def register():
    rows = []
    for ident, module, name in ADVISORY_NAMES:
        what = "%s.%s is not on the list" % (module, name)
        rows.append((ident, component(ident, module), what,
                     "A-%s A-%s-named" % (ident, ident), "called"))
    return rows + advisories.OTHERS


def generate(scratch):
    cases = {}
    for script in sorted(glob.glob(os.path.join(GEN, "gen_*.py"))):
        directory = os.path.join(scratch, os.path.basename(script)[:-3])
        os.makedirs(directory)
        subprocess.run([sys.executable, script, directory], check=True,
                       stdout=subprocess.DEVNULL)
        manifest = os.path.join(directory, "manifest.jsonl")
        with open(manifest, encoding="utf-8") as f:
            for line in f:
                case = json.loads(line)
                case["path"] = os.path.join(directory, case["file"])
                cases[case["id"]] = case
    return cases


def matching(cases, patterns):
    found = []
    for pattern in patterns.split():
        found += fnmatch.filter(cases, pattern)
    return sorted(set(found))


def run(cli, common, case, verb):
    """(report, processor seconds) of one run; None where there is none."""
    argv = [cli, verb, "--json"] + (["--digest"] if verb == "ls" else [])
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(argv + common + case.get("args", [])
                                   + [case["path"]], stdout=out,
                                   stdin=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while True:
            pid, _, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            if time.monotonic() > until:
                process.kill()
            time.sleep(0.001)
        process.returncode = 0
        out.seek(0)
        try:
            report = json.loads(out.read().decode("utf-8"))
        except ValueError:
            report = None
        return report, usage.ru_utime + usage.ru_stime


def is_named(case, report, kind, wrong):
    if report["verdict"] != "dangerous":
        wrong("the verdict is %s" % report["verdict"])
    notes = report["notes"]
    for name in case.get("names") or []:
        if not any(name in note["text"] for note in notes):
            wrong("no note names %s" % name)
    if not any(note["level"] == "dangerous" for note in notes):
        wrong("no note is dangerous")
    # The row's own name, as a call, and not only as a word somewhere.
    if kind == "called" and not case["id"].endswith("-named") and not any(
            note["kind"] == "call" and case["names"][0] in note["text"]
            for note in notes):
        wrong("no note of a call of %s" % case["names"][0])


def is_refused(report, wrong):
    error = report["error"] or {}
    if error.get("code") not in REFUSALS:
        wrong("not refused: %s" % error.get("code"))
    elif report["verdict"] not in ("undecided", "dangerous"):
        wrong("refused, and %s" % report["verdict"])
    if report.get("tensors"):
        wrong("refused, and tensors came out")


def judge(cli, common, case, kind):
    problems = []

    def wrong(text):
        problems.append("%s: %s" % (case["id"], text))

    for verb in ("scan", "ls"):
        report, seconds = run(cli, common, case, verb)
        if report is None:
            wrong("%s: no report" % verb)
            continue
        worker = report.get("worker")
        if worker and (worker["signal"] != 0 or worker["exit"] not in (0, 1)):
            wrong("%s: the worker ended with %s" % (verb, worker))
        error = report["error"] or {}
        if error.get("code") in ("PFORK_E_WORKER", "PFORK_E_PROTOCOL",
                                 "PFORK_E_TIMEOUT"):
            wrong("%s: %s" % (verb, error))
        if kind in ("named", "called"):
            is_named(case, report, kind, wrong)
        elif kind == "refused":
            is_refused(report, wrong)
        elif kind == "either" and report["verdict"] not in ("dangerous",
                                                            "undecided"):
            wrong("%s: the verdict is %s" % (verb, report["verdict"]))
        elif kind == "inert" and error:
            wrong("%s: %s" % (verb, error))
        if kind == "bounded" and seconds > BOUND_SECONDS:
            wrong("%s: %.2f s" % (verb, seconds))
        if case["expect"] == "tensors" and case.get("tensors") is not None \
                and verb == "ls":
            have = {t["name"]: t["sha256"] for t in report["tensors"]}
            want = {n: t["sha256"] for n, t in case["tensors"].items()
                    if "sha256" in t}
            if {n: have.get(n) for n in want} != want:
                wrong("other tensors: %r" % have)
    return report, problems


OUTCOMES = {"called": "nothing runs; the call is named",
            "named": "nothing runs; what it wants is named",
            "refused": "refused, no tensor comes out",
            "either": "named or refused", "inert": "loads as it is",
            "bounded": "an answer within a second",
            "any": "inert: no effect, no crash"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cli")
    parser.add_argument("--worker")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    cli = os.path.abspath(options.cli)
    common = ["--worker", os.path.abspath(options.worker)] \
        if options.worker else []
    rows = [row for row in register() if options.only in row[0]]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        cases = generate(scratch)
        jobs = []
        for row in rows:
            ids = matching(cases, row[3])
            jobs.append((row, ids, [pool.submit(judge, cli, common, cases[i],
                                                row[4]) for i in ids]))
        print("%-24s %-15s %5s  %-38s %s" % ("id", "component", "cases",
                                             "outcome", "what"))
        for row, ids, results in jobs:
            problems = [p for r in results for p in r.result()[1]]
            if not ids:
                problems.append("no case shows it")
            passed += not problems
            failed += bool(problems)
            print("%-24s %-15s %5d  %-38s %s" % (
                row[0], row[1], len(ids),
                "FAILED" if problems else OUTCOMES[row[4]], row[2]))
            for problem in problems:
                print("    FAILED: " + problem)
    idents = [row[0] for row in rows]
    if not options.only and (len(rows) < ROWS_MIN
                             or len(set(idents)) != len(idents)):
        print("FAILED: %d rows, of which %d are distinct" % (
            len(rows), len(set(idents))))
        failed += 1
    print("register: %d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
