# SPDX-License-Identifier: Apache-2.0
"""Loads in which something goes wrong: system calls that fail, processes that
are killed, hosts that lack things, inputs that change.

usage: run.py CLI WORKER MEASURE [--long] [--only TEXT] [--list]

Every trial is one run of the command; what must hold is in trial.py.  strace
is needed, and the right to mount (root, or a user namespace) for some: what
cannot be tried here is said aloud.  Python 3.9 and its standard library."""
import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import zipfile

import bombs
import environment
import inputs
import sweeps
import trial

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLE = os.path.join(HERE, "..", "fixtures", "good-plain.pt")
# Processors are idle while a command waits for its worker.
JOBS = (os.cpu_count() or 1) + 1
PLACE = None


def attempt(row):
    name, function, arguments = row
    problems = []
    try:
        function(PLACE, problems.append, *arguments)
    except Exception as error:          # a trial that breaks has failed
        problems.append("the test itself broke: %r" % error)
    return name, problems


def make_shared(path):
    """Three arrays of which two or three workers inflate one each."""
    numbers = random.Random(1)
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for i in range(3):
            count = (1100 << 10) + i
            head = (text % count).ljust(117) + "\n"
            out.writestr("a%d.npy" % i, b"\x93NUMPY\x01\x00v\x00" +
                         head.encode("ascii") + numbers.randbytes(count))


def prepare(cli, worker, directory, shared):
    """Copies, which no rebuild changes meanwhile and nobody else can reach."""
    os.chmod(directory, 0o755)
    paths = []
    for source in (cli, worker, SAMPLE):
        paths.append(os.path.join(directory, os.path.basename(source)))
        shutil.copy(source, paths[-1])
    if shared:
        paths[-1] = os.path.join(directory, "shared.npz")
        make_shared(paths[-1])
    os.environ["TMPDIR"] = os.path.join(directory, "tmp")
    os.mkdir(os.environ["TMPDIR"])
    return trial.Place(*paths)


def main():
    global PLACE
    parser = argparse.ArgumentParser()
    parser.add_argument("cli")
    parser.add_argument("worker")
    parser.add_argument("measure", help="built from measure.c")
    parser.add_argument("--parked", action="store_true",
                        help="the command is the one of parked_cli.c")
    parser.add_argument("--lent", action="store_true",
                        help="the command is the one of lent_cli.c: its "
                        "calls and its worker's")
    parser.add_argument("--shared", action="store_true",
                        help="of a file that several workers inflate: the "
                        "command's calls")
    parser.add_argument("--long", action="store_true",
                        help="every errno, each also from then on")
    parser.add_argument("--only", help="trials whose name contains this")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    passed, failed, skipped = 0, 0, []
    with tempfile.TemporaryDirectory(prefix="pfork-faults-") as directory:
        PLACE = prepare(options.cli, options.worker, directory,
                        options.shared)
        PLACE.parked = options.parked
        PLACE.lent = options.lent
        PLACE.shared = options.shared
        trial.become_reaper()
        trial.learn(PLACE)
        rows = []
        if shutil.which("strace") is None:
            skipped.append("sweeps and inputs: no strace here")
        else:
            rows += sweeps.rows(PLACE, options.long)
        if not options.shared:
            rows += environment.rows(PLACE, options.long, skipped)
        # What stands in a file has nothing to do with what is lent, nor with
        # who inflates it.
        if not options.lent and not options.shared:
            rows += inputs.rows(PLACE, skipped)
            os.mkdir(os.path.join(directory, "bombs"))
            rows += bombs.rows(os.path.abspath(options.measure),
                               os.path.join(directory, "bombs"))
        if options.only:
            rows = [row for row in rows if options.only in row[0]]
        if options.list:
            print("\n".join(row[0] for row in rows))
            return 0
        with multiprocessing.Pool(JOBS, trial.become_reaper) as pool:
            for name, problems in pool.imap_unordered(attempt, rows, 4):
                passed += not problems
                failed += bool(problems)
                for problem in problems:
                    print("FAILED: %s: %s" % (name, problem), flush=True)
    for text in skipped:
        print("SKIPPED: " + text)
    print("faults: %d trials in %.0f s" % (passed + failed,
                                           time.monotonic() - started))
    print("faults: %d passed, %d failed" % (passed, failed))
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
