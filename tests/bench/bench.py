# SPDX-License-Identifier: Apache-2.0
"""What the kinds of work (work_*.py) share: where things are, the children that
stay warm, the table, and the list of what can be measured."""
import os
import subprocess
import sys

import pairs
from table import Table

HERE = os.path.dirname(os.path.abspath(__file__))
WORKS = []


def work(*goals, files=()):
    """Registers a function of the Bench that measures these goals."""
    def register(f):
        WORKS.append((goals, files, f))
        return f
    return register


class Bench:
    def __init__(self, build, count):
        self.build = os.path.abspath(build)
        self.files = os.path.join(self.build, "bench-files")
        self.pairs = count
        self.table = Table()
        self.env = dict(os.environ, PFORK_BENCH_WORKER=self.binary(
            "picklefork-worker"), BENCH_SUM=self.binary("bench-sum.so"))
        self.cli = self.binary("picklefork")
        self.python = sys.executable
        self.warm = {}
        self.ncores = len(os.sched_getaffinity(0))

    def binary(self, name):
        return os.path.join(self.build, "release", name)

    def file(self, name):
        return os.path.join(self.files, name)

    def make(self, names):
        if names:
            subprocess.run([sys.executable, "-W", "ignore",
                            os.path.join(HERE, "make_files.py"), self.files,
                            *names], check=True)

    def peer_command(self, *words):
        return [sys.executable, "-W", "ignore",
                os.path.join(HERE, "peer.py"), *words]

    def child(self, name, key=None):
        """A child that stays; another key gives another one."""
        if (name, key) not in self.warm:
            command = self.peer_command("-") if name == "peer" else \
                [self.binary("bench-" + name), "-"]
            self.warm[name, key] = pairs.Warm(*command, env=self.env)
        return self.warm[name, key]

    def ask(self, name, *words):
        """A side for pairs.rounds."""
        return lambda: self.child(name).ask(*words)

    def whole(self, *command, **more):
        return lambda: pairs.whole(command, **{"env": self.env, **more})

    def cores(self, count):
        """Of this process, of what it starts, and of the children."""
        os.sched_setaffinity(0, range(count))
        for (name, _), child in self.warm.items():
            if name in ("ours", "peer", "limit"):
                child.ask("cores", count)

    def drop(self, name, key=None):
        """Ends a child, and with it the memory it holds."""
        self.warm.pop((name, key)).close()

    def rounds(self, sides, count=None, warm=1):
        return pairs.rounds(sides, count or self.pairs, warm)

    def close(self):
        for child in self.warm.values():
            child.close()
        self.warm = {}
