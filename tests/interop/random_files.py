# SPDX-License-Identifier: Apache-2.0
"""Random files of every format, honest and broken, beside the real libraries.

usage: random_files.py [--count N] [--seed S] [--first I] [--jobs J]
           [--jailed N] [--broken N] [--shown N] [--format NAME] ... BUILD

Each file is made by the real library from a seed of its own, read by us (jailed
and here, extents and streams), saved as safetensors, and read back from there.
Then some of its bytes are changed: what we still take the library must take
with equal bytes, and what it takes we must take, or the reason has a name in
docs/DIFFERENCES.md.
"""
import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "diff"))
import answers  # noqa: E402
import checks  # noqa: E402
import makers  # noqa: E402
from case import seeded  # noqa: E402
from fence import Fence, Refused  # noqa: E402

CLI_EVERY = 40
PREFIX_EVERY = 8
PREFIXES_READ = 8


class Run:
    def __init__(self, options, name):
        self.options = options
        self.name = name
        self.maker = makers.maker(name)
        self.fence = Fence(self.maker.read)
        self.answers = answers.Answers(
            os.path.join(options.build, "answer"),
            os.path.abspath(os.path.join(options.build, "picklefork-worker")))
        self.maker.ask = self.ours
        self.cli = os.path.join(options.build, "picklefork")
        self.scratch = tempfile.TemporaryDirectory(prefix="picklefork-")
        self.counts = collections.Counter()
        self.excuses = collections.Counter()

    def failed(self, number, what, problems, data):
        self.counts["failed"] += 1
        if self.counts["failed"] > self.options.shown:
            return
        kept = os.path.join(tempfile.gettempdir(), "interop-%s-%d-%d-%s" % (
            self.name, self.options.seed, number, what))
        with open(kept, "wb") as file:
            file.write(data)
        print("FAILED: %s file %d of seed %d, %s (%s; again: --first %d "
              "--count 1)" % (self.name, number, self.options.seed, what,
                              kept, number))
        for problem in problems[:5]:
            print("    " + problem[:1000])

    def judge(self, number, what, problems, data):
        if problems:
            self.failed(number, what, problems, data)
        else:
            self.counts["passed"] += 1
        return not problems

    def honest(self, number, case, random):
        jailed = number % self.options.jailed == 0
        ways = answers.HERE | answers.HERE_STREAM | answers.SAVE_HERE
        if jailed:
            ways = answers.HERE | answers.JAIL | answers.JAIL_STREAM | \
                answers.SAVE | answers.SAVE_CLONED
        if self.name == "hf-index":
            ways = answers.STORE
        found = self.answers.ask(case.data, ways)
        problems = []
        for way, answer in found.items():
            if way.startswith("save"):
                problems += checks.saved(answer, case, way == "save-cloned",
                                         way)
            else:
                problems += checks.reading(answer, case, case.format or
                                           self.maker.name, way)
        if jailed and not problems and "jail" in found:
            if not found["jail"].same(found["here"]):
                problems.append("jailed and not jailed readings differ")
            if number % CLI_EVERY == 0:
                problems += checks.by_cli(self.cli, case, found["save"],
                                          self.scratch.name, random.choice)
        self.counts["files"] += 1
        self.counts["tensors"] += len(case.tensors)
        if self.judge(number, "honest", problems, case.data):
            self.counts["exact"] += len(case.tensors)

    def prefixes(self, number, case):
        """Refused, all of them; or it is a whole file to the library too."""
        taken = self.answers.ask(case.data, answers.PREFIXES)["prefixes"]
        problems = []
        self.excuses["prefix"] += len(taken.prefixes)
        # Thousands, where there is padding: the first, the last, some others.
        step = max(len(taken.prefixes) // PREFIXES_READ, 1)
        for length in taken.prefixes[::step] + taken.prefixes[-1:]:
            problems += self.compare(case.data[:length])[1]
        self.counts["refused"] += len(case.data) - len(taken.prefixes)
        self.judge(number, "prefixes", problems, case.data)

    def ours(self, data):
        way = self.maker.way
        return self.answers.ask(data, 1 << answers.WAYS.index(way))[way]

    def compare(self, data):
        """(both refuse it, problems) of a file that may be broken."""
        answer = self.ours(data)
        try:
            theirs = self.fence(data)
            why = ""
        except Refused as error:
            theirs, why = None, str(error)
        if answer.error is not None and theirs is None:
            return True, []
        problems = []
        if answer.error is None and theirs is None:
            problems = ["refused by the library: %s" % why]
        elif answer.error is not None:
            problems = ["the library takes it, we say %s" % (answer.error,)]
        else:
            problems = checks.differences(answer.tensors, theirs, "changed")
        if problems:
            excuse = self.maker.excuse(data, answer, theirs, why)
            if excuse is not None:
                self.excuses[excuse] += 1
                return False, []
        return False, problems

    def broken(self, number, case, random):
        data = self.maker.mutate(random, case.data)
        refused, problems = self.compare(data)
        if self.judge(number, "broken", problems, data) and refused:
            self.counts["refused"] += 1

    def one(self, number):
        random = seeded(self.name, self.options.seed, number)
        case = self.maker.make(random)
        self.honest(number, case, random)
        if self.name == "hf-index":
            return
        if number % PREFIX_EVERY == 0 and len(case.data) <= \
                self.maker.prefix_most:
            self.prefixes(number, case)
        for _ in range(self.options.broken):
            self.broken(number, case, random)

    def all(self):
        start = time.monotonic()
        for number in range(self.options.first,
                            self.options.first + self.options.count):
            self.one(number)
        self.maker.end()
        self.fence.end()            # it holds the pipe to answers too
        if self.answers.close() != 0:
            self.failed(0, "the end", ["answer did not leave well"], b"")
        c = self.counts
        print("%s: %d files, %d tensors, %d exact, %d refused as expected" % (
            self.name, c["files"], c["tensors"], c["exact"], c["refused"]))
        if self.excuses or self.fence.crashes:
            print("    differs by design: %s; the library crashed %d times" % (
                ", ".join("%s %d" % e for e in sorted(self.excuses.items()))
                or "nothing", self.fence.crashes))
        print("    seed %d, %.0f s; %d passed, %d failed" % (
            self.options.seed, time.monotonic() - start, c["passed"],
            c["failed"]))


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--format", action="append", dest="formats",
                   choices=list(makers.WHERE))
    p.add_argument("--count", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--first", type=int, default=0)
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--jailed", type=int, default=1,
                   help="every so many files go through the jail too")
    p.add_argument("--broken", type=int, default=1,
                   help="broken ones made of each file")
    p.add_argument("--shown", type=int, default=10,
                   help="failures printed and kept, a format")
    p.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    return p.parse_args()


def spawn(options, name):
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--one",
         "--count", str(options.count), "--seed", str(options.seed),
         "--first", str(options.first), "--jailed", str(options.jailed),
         "--broken", str(options.broken), "--shown", str(options.shown),
         "--format", name, options.build],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def collect(process, name, totals):
    out = process.communicate()[0].decode("utf-8", "replace")
    print(out, end="", flush=True)
    last = out.rstrip().rsplit("\n", 1)[-1].rsplit("; ", 1)[-1].split()
    if process.returncode == 0 and last[1::2] == ["passed,", "failed"]:
        totals["passed"] += int(last[0])
        totals["failed"] += int(last[2])
    else:
        print("FAILED: %s ended with %d" % (name, process.returncode))
        totals["failed"] += 1


def main():
    options = parse()
    names = options.formats or list(makers.WHERE)
    if options.one:
        Run(options, names[0]).all()
        return 0
    totals = collections.Counter()
    running = []
    for name in names:
        if len(running) == options.jobs:
            collect(*running.pop(0), totals)
        running.append((spawn(options, name), name))
    for process, name in running:
        collect(process, name, totals)
    print("interop random: %d passed, %d failed" % (totals["passed"],
                                                    totals["failed"]))
    return 0 if totals["failed"] == 0 and totals["passed"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
