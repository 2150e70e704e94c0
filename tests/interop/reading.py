# SPDX-License-Identifier: Apache-2.0
"""What the interop checks of the single formats share: a tally, one run of the
CLI over bytes, and the comparison of what it lists with what a library read."""
import hashlib
import json
import os
import subprocess
import tempfile


class Tally:
    def __init__(self, cli, name):
        self.cli = os.path.abspath(cli)
        self.name = name
        self.passed = self.failed = 0
        self.scratch = tempfile.TemporaryDirectory()

    def check(self, what, problems, data=b""):
        if not problems:
            self.passed += 1
            return
        self.failed += 1
        kept = os.path.join(tempfile.gettempdir(),
                            "interop-%s-%d" % (self.name, self.failed))
        with open(kept, "wb") as file:
            file.write(data)
        print("FAILED: %s %s (%s)" % (self.name, what, kept))
        for problem in problems:
            print("    " + problem)

    def listed(self, data, *more):
        """(report, None) or (None, error code) of ls over these bytes."""
        path = os.path.join(self.scratch.name, "file")
        with open(path, "wb") as file:
            file.write(data)
        done = subprocess.run(
            [self.cli, "ls", "--json", "--digest", *more, path],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=60, check=False)
        report = json.loads(done.stdout)
        if report["error"] is not None:
            return None, report["error"]
        return report, None

    def same(self, what, data, expected, verdict="clean"):
        """expected: {name: (dtype, shape, bytes)}; by both deliveries."""
        problems = []
        for delivery in ("extent", "stream"):
            report, error = self.listed(data, "--delivery", delivery)
            if error is not None:
                problems.append("%s: %s" % (delivery, error))
                continue
            found = {t["name"]: (t["dtype"], t["shape"], t["sha256"])
                     for t in report["tensors"]}
            want = {n: (d, list(s), hashlib.sha256(b).hexdigest())
                    for n, (d, s, b) in expected.items()}
            if found != want:
                problems.append("%s: %r, expected %r" % (
                    delivery, found, want))
            if report["verdict"] != verdict:
                problems.append("verdict %s" % report["verdict"])
        self.check(what, problems, data)

    def end(self):
        self.scratch.cleanup()
        print("interop %s: %d passed, %d failed" % (
            self.name, self.passed, self.failed))
        return 0 if self.failed == 0 and self.passed > 0 else 1
