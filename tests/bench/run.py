# SPDX-License-Identifier: Apache-2.0
# The spine's figures, each beside its baseline, measured in one run:
#   run.py BUILD-DIR VENV-PYTHON
# Prints a table; a goal that is missed is shown as missed.  Asserts nothing.
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time

build, python = sys.argv[1], sys.argv[2]
here = os.path.dirname(os.path.abspath(__file__))
files = os.path.join(build, "bench-files")
cli = os.path.join(build, "release", "picklefork")
env = dict(os.environ, PFORK_BENCH_WORKER=os.path.abspath(
    os.path.join(build, "release", "picklefork-worker")))


def run(*command):
    return json.loads(subprocess.run(command, env=env, check=True,
                                     stdout=subprocess.PIPE).stdout)


def ls(name):
    """Seconds and peak MiB of one `ls`, the broker's process alone."""
    start = time.perf_counter()
    child = subprocess.Popen([cli, "ls", os.path.join(files, name)],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"ls {name}: exit {child.returncode}")
    return took, usage.ru_maxrss / 1024


rows = []


def row(what, figure, baseline, ratio, goal, met):
    rows.append((what, figure, baseline, ratio, goal, "met" if met else "MISSED"))


subprocess.run([python, os.path.join(here, "make_files.py"), files], check=True)

cold = run(os.path.join(build, "release", "bench-cold"),
           os.path.join(files, "small10.pt"),
           os.path.join(build, "release", "bench-empty"), "300")
row("small checkpoint, cold", f"{cold['load_us']:.0f} us",
    f"empty static program {cold['empty_us']:.0f} us",
    f"{cold['ratio']:.2f}", "<= 4", cold["ratio"] <= 4)

times = {"blocks2m.pt": [], "blocks2g.pt": []}
peak = {}
for i in range(21):
    for name in times:
        seconds, rss = ls(name)
        times[name].append(seconds)
        peak[name] = rss
small, large = (statistics.median(times[n]) for n in times)
row("ls of 2 GiB", f"{large * 1e3:.2f} ms", f"ls of 2 MiB {small * 1e3:.2f} ms",
    f"{large / small:.2f}", "<= 1.5", large / small <= 1.5)
row("ls of 2 GiB, peak memory", f"{peak['blocks2g.pt']:.1f} MiB",
    f"2 MiB file {peak['blocks2m.pt']:.1f} MiB", "", "< 32 MiB",
    max(peak.values()) < 32)

read = run(os.path.join(build, "release", "bench-read"),
           os.path.join(files, "blocks2g.pt"), "7")
row("reading all tensors, 2 GiB", f"{read['tensors_gib_s']:.2f} GiB/s",
    f"pread {read['pread_gib_s']:.2f} GiB/s", f"{read['ratio']:.2f}",
    ">= 0.9", read["ratio"] >= 0.9)

many = statistics.median(ls("tiny100k.pt")[0] for i in range(7))
peer = run(python, os.path.join(here, "torch_mmap.py"),
           os.path.join(files, "tiny100k.pt"), "3")
row("100,000 tensors, whole `ls`", f"{many * 1e3:.0f} ms",
    f"torch.load(mmap=True), warm {peer['seconds'] * 1e3:.0f} ms",
    f"{many / peer['seconds']:.3f}", "< 1", many < peer["seconds"])

print(f"\n{platform.machine()}, {os.cpu_count()} CPUs, Linux "
      f"{platform.release()}, torch {peer['torch']}; medians, page cache warm\n")
widths = [max(len(r[i]) for r in rows + [
    ("what", "picklefork", "beside", "ratio", "goal", "")]) for i in range(6)]
for r in [("what", "picklefork", "beside", "ratio", "goal", "")] + rows:
    print("  ".join(c.ljust(w) for c, w in zip(r, widths)).rstrip())
