# SPDX-License-Identifier: Apache-2.0
"""Runs the built CLI over every fixture and every generated hostile file.

usage: run.py CLI [--only TEXT] [--keep DIR] [--worker PATH]

The rows come from each manifest.jsonl below tests/fixtures (what torch and
other real libraries say), from tests/cases/limits.jsonl (fixtures at the edge
of a limit) and from each tests/gen/gen_*.py, which writes files and a
manifest.jsonl into a temporary directory.  Each row is run three times: scan,
and ls with --digest by both deliveries.  What a row may ask is in
tests/cases/README.md.
Python 3.9 and its standard library only.
"""
import argparse
import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TIMEOUT = 10.0          # seconds, for any file
SMALL = 64 * 1024       # 64 KiB of anything takes under a second
SMALL_SECONDS = 1.0     # of processor time: the machine may be busy
RSS_MAX_MIB = 1300      # the arena's limit is 1 GiB
CODES = {"refuse": ("PFORK_E_FORMAT", "PFORK_E_UNSUPPORTED"),
         "limit": ("PFORK_E_LIMIT",)}
SCHEMA = "picklefork.report/1"


class Ran:
    """One run of the CLI."""

    def __init__(self, argv):
        self.argv = argv
        started = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=err)
            self.timed_out = not self.wait(process, started + TIMEOUT)
            self.wall = time.monotonic() - started
            out.seek(0)
            err.seek(0)
            self.stdout = out.read()
            self.stderr = err.read()

    def wait(self, process, deadline):
        """Reaps it, for its usage; False when it had to be killed."""
        pause = 0.001
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid != 0:
                break
            if time.monotonic() > deadline:
                process.kill()
                _, status, usage = os.wait4(process.pid, 0)
                self.record(process, status, usage)
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.02)
        self.record(process, status, usage)
        return True

    def record(self, process, status, usage):
        self.exit = (os.WEXITSTATUS(status) if os.WIFEXITED(status)
                     else -os.WTERMSIG(status))
        process.returncode = self.exit
        self.cpu = usage.ru_utime + usage.ru_stime
        self.rss = usage.ru_maxrss / 1024.0  # MiB; the larger of CLI, worker


def options_of(row):
    return list(row.get("args", []))


def as_list(value):
    if value is None:
        return []
    return value if isinstance(value, (list, tuple)) else [value]


def check_run(row, ran, size, wrong):
    if ran.timed_out:
        wrong("no answer within %g s" % TIMEOUT)
    elif ran.exit < 0:
        wrong("ended by signal %d" % -ran.exit)
    if size <= SMALL and ran.cpu > SMALL_SECONDS:
        wrong("%.2f s of processor time for %d bytes" % (ran.cpu, size))
    if ran.rss > row.get("rss_mib", RSS_MAX_MIB):
        wrong("%.0f MiB resident" % ran.rss)


def parse_report(ran, wrong):
    try:
        report = json.loads(ran.stdout.decode("utf-8"))
    except ValueError as error:
        wrong("stdout is not JSON in UTF-8: %s" % error)
        return None
    if report.get("schema") != SCHEMA:
        wrong("schema %r" % report.get("schema"))
        return None
    return report


def check_exit(row, verb, ran, wrong):
    expected = row.get("exit", {}).get(verb)
    if expected is not None and ran.exit not in as_list(expected):
        wrong("exit %d, expected %s" % (ran.exit, expected))


def check_error(row, report, size, wrong):
    error = report.get("error")
    code = None if error is None else error.get("code")
    expected = as_list(row.get("code")) or CODES.get(row["expect"], ())
    if row["expect"] == "tensors" and error is not None:
        wrong("error %s" % json.dumps(error))
    elif expected and code not in expected:
        wrong("error code %s, expected %s (%s)" % (
            code, " or ".join(expected), json.dumps(error)))
    if row.get("offset") is not None:
        at = None if error is None else error.get("offset")
        if at not in as_list(row["offset"]):
            wrong("error at byte %s, expected %s (%s)" % (
                at, row["offset"], json.dumps(error)))
    if code == "PFORK_E_FORMAT" and not row.get("between_files") and \
            error.get("offset") not in range(size + 1):
        wrong("malformed at byte %s of %d" % (error.get("offset"), size))
    if error is not None and report.get("tensors"):
        wrong("an error, and tensors")


def check_verdict(row, report, wrong):
    expected = as_list(row.get("verdict"))
    if expected and report.get("verdict") not in expected:
        wrong("verdict %s, expected %s" % (report.get("verdict"),
                                           " or ".join(expected)))
    if report.get("error") is not None and \
            report.get("verdict") not in ("undecided", "dangerous"):
        wrong("an error, and the verdict is %s" % report.get("verdict"))
    texts = [note["text"] for note in report.get("notes", [])]
    for name in row.get("names") or []:
        if not any(name in text for text in texts):
            wrong("no note speaks of %r" % name)


def check_tensors(row, report, wrong):
    expected = row.get("tensors")
    if expected is None:
        return
    found = {}
    for tensor in report.get("tensors", []):
        if tensor["name"] in found:
            wrong("two tensors %r" % tensor["name"])
        found[tensor["name"]] = tensor
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra:
        wrong("missing %r, extra %r" % (missing, extra))
    for name, want in expected.items():
        have = found.get(name)
        if have is None:
            continue
        for key, value in want.items():
            if have.get(key) != value:
                wrong("%s: %s is %r, expected %r" % (name, key,
                                                     have.get(key), value))


def check_aliases(row, report, wrong):
    if row.get("aliases") is None:
        return
    found = {a["name"]: a["target"] for a in report.get("aliases", [])}
    if found != row["aliases"]:
        wrong("aliases %r, expected %r" % (found, row["aliases"]))


def seen(report):
    """What must not depend on the delivery."""
    error = report.get("error")
    return ([[t[k] for k in ("name", "dtype", "shape", "strides", "sha256")]
             for t in report.get("tensors", [])], report.get("aliases"),
            None if error is None else (error["code"], error["offset"]))


def run_row(cli, common, directory, row):
    """Returns (row id, list of what is wrong, list of runs)."""
    problems, runs, listed = [], [], []
    path = os.path.join(directory, row["file"])
    size = os.stat(path).st_size
    # Three times: scan, and ls by both deliveries.
    for label, arguments in (
            ("scan", ["scan", "--json"]),
            ("ls extent", ["ls", "--json", "--digest"]),
            ("ls stream", ["ls", "--json", "--digest",
                           "--delivery", "stream"])):
        verb = arguments[0]
        ran = Ran([cli] + arguments + common + options_of(row) + [path])
        runs.append(ran)

        def wrong(text):
            problems.append("%s: %s" % (label, text))

        check_run(row, ran, size, wrong)
        check_exit(row, verb, ran, wrong)
        report = None if ran.timed_out else parse_report(ran, wrong)
        if report is None:
            if ran.stderr:
                problems.append("stderr: %r" % ran.stderr[:500])
            continue
        check_error(row, report, size, wrong)
        check_verdict(row, report, wrong)
        if verb == "ls":
            check_tensors(row, report, wrong)
            check_aliases(row, report, wrong)
            listed.append(seen(report))
    # Over a limit on streamed bytes the deliveries rightly differ.
    if len(listed) == 2 and listed[0] != listed[1] and \
            row["expect"] != "limit":
        problems.append("the deliveries differ: %r and %r" % tuple(listed))
    return row, problems, runs


def read_manifest(directory, name="manifest.jsonl"):
    with open(os.path.join(directory, name), encoding="utf-8") as lines:
        return [(directory, json.loads(line)) for line in lines
                if line.strip()]


def collect(scratch):
    rows = []
    for manifest in sorted(glob.glob(os.path.join(
            ROOT, "tests", "fixtures", "**", "manifest.jsonl"),
            recursive=True)):
        rows += read_manifest(os.path.dirname(manifest))
    rows += read_manifest(os.path.join(ROOT, "tests", "cases"),
                          "limits.jsonl")
    failed = []
    for script in sorted(glob.glob(os.path.join(ROOT, "tests", "gen",
                                                "gen_*.py"))):
        name = os.path.basename(script)[:-3]
        directory = os.path.join(scratch, name)
        os.makedirs(directory, exist_ok=True)
        done = subprocess.run([sys.executable, script, directory],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            failed.append("%s failed: %s" % (
                name, done.stdout.decode("utf-8", "replace")[-2000:]))
            continue
        rows += read_manifest(directory)
    ids = [row["id"] for _, row in rows]
    failed += ["id %s is used twice" % i for i in set(ids)
               if ids.count(i) > 1]
    return rows, failed


def show(row, problems, runs):
    print("FAILED: %s (%s)" % (row["id"], row["what"]))
    for problem in problems:
        print("    " + problem)
    if problems:
        print("    $ " + " ".join(runs[-1].argv))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("cli")
    parser.add_argument("--worker", help="the worker, when not the default")
    parser.add_argument("--only", help="rows whose id contains this")
    parser.add_argument("--keep", help="write generated files here")
    options = parser.parse_args()
    common = ["--worker", os.path.abspath(options.worker)] \
        if options.worker else []
    cli = os.path.abspath(options.cli)
    passed = failed = 0
    slowest, largest = (0.0, ""), (0.0, "")
    with tempfile.TemporaryDirectory() as scratch:
        rows, broken = collect(options.keep or scratch)
        for text in broken:
            print("FAILED: " + text)
        failed += len(broken)
        if options.only:
            rows = [r for r in rows if options.only in r[1]["id"]]
        with concurrent.futures.ThreadPoolExecutor(
                min(os.cpu_count() or 1, 8)) as pool:
            jobs = [pool.submit(run_row, cli, common, directory, row)
                    for directory, row in rows]
            for job in jobs:
                row, problems, runs = job.result()
                if problems:
                    failed += 1
                    show(row, problems, runs)
                else:
                    passed += 1
                slowest = max(slowest, (max(r.wall for r in runs), row["id"]))
                largest = max(largest, (max(r.rss for r in runs), row["id"]))
    print("cases: slowest %.2f s (%s), most memory %.0f MiB (%s)" % (
        slowest + largest))
    print("cases: %d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
