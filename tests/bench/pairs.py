# SPDX-License-Identifier: Apache-2.0
"""Measuring side by side: children that stay warm, whole processes, and rounds
in which every side has its turn (A B C, A B C, ...), so that what the machine
does meanwhile happens to all of them."""
import json
import os
import statistics
import subprocess
import sys
import time


class Warm:
    """A program that takes commands (verbs.h, peer.py) and stays."""

    def __init__(self, *command, env=None):
        self.command = command
        self.child = subprocess.Popen(
            command, env=env, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)

    def ask(self, *words):
        self.child.stdin.write("\t".join(map(str, words)) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.command[0]} {words}: no answer")
        return json.loads(line)

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def whole(command, env=None, accept=(0,)):
    """Wall seconds of a process from nothing to reaped; peak KiB beside it."""
    start = time.perf_counter()
    child = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in accept:
        raise RuntimeError(f"{command}: exit {child.returncode}")
    return {"s": took, "peak_kib": usage.ru_maxrss}


def rounds(sides, count, warm=1):
    """sides: {name: function that gives {"s": seconds}}.  Gives the samples of
    each, the first `warm` rounds thrown away."""
    samples = {name: [] for name in sides}
    for i in range(count + warm):
        for name, side in sides.items():
            s = side()["s"]
            if i >= warm:
                samples[name].append(s)
    return samples


def ratio(ours, theirs):
    """Of each round, then the middle one."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def middle(samples):
    return statistics.median(samples)


def percentile(samples, p):
    """The smallest sample that p per cent of them do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * p // 100) - 1)]


def show_seconds(s):
    if s < 0.001:
        return f"{s * 1e6:.0f} us"
    if s < 1:
        return f"{s * 1e3:.3g} ms" if s < 0.1 else f"{s * 1e3:.0f} ms"
    return f"{s:.2f} s"


def show_ratio(r):
    return f"{r:.4f}" if r < 0.01 else f"{r:.3f}" if r < 1 else f"{r:.2f}"


def show_mib(kib):
    return f"{kib / 1024:.1f} MiB"


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)
