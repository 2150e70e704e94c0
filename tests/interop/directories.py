# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of several files beside what the real library reads: each is
listed by both deliveries, through the jail.  One line at the end, as
random_files.py prints them."""
import hashlib
import json
import os
import subprocess
import tempfile


class Tally:
    def __init__(self, cli, name):
        self.cli = os.path.abspath(cli)
        self.name = name
        self.passed = self.failed = self.tensors = 0
        self.scratch = tempfile.TemporaryDirectory()

    def listed(self, path, delivery):
        done = subprocess.run(
            [self.cli, "ls", "--json", "--digest", "--delivery", delivery,
             path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60, check=False)
        return json.loads(done.stdout)

    def same(self, what, path, expected, problems=()):
        """expected: {name: (dtype, shape, bytes)}; path: the file that names
        the others."""
        problems = list(problems)
        want = {n: (d, list(s), hashlib.sha256(b).hexdigest())
                for n, (d, s, b) in expected.items()}
        for delivery in ("extent", "stream"):
            report = self.listed(path, delivery)
            found = {t["name"]: (t["dtype"], t["shape"], t["sha256"])
                     for t in report["tensors"]}
            if report["error"] is not None:
                problems.append("%s: %s" % (delivery, report["error"]))
            elif found != want:
                problems.append("%s: %r, expected %r" % (
                    delivery, found, want))
            elif report["verdict"] != "clean":
                problems.append("verdict %s" % report["verdict"])
        self.tensors += len(want)
        if not problems:
            self.passed += 1
            return
        self.failed += 1
        print("FAILED: %s %s" % (self.name, what))
        for problem in problems:
            print("    " + problem)

    def end(self):
        self.scratch.cleanup()
        print("%s: %d files, %d tensors, %d exact" % (
            self.name, self.passed + self.failed, self.tensors, self.passed))
        print("interop %s: %d passed, %d failed" % (
            self.name, self.passed, self.failed))
        return 0 if self.failed == 0 and self.passed > 0 else 1
