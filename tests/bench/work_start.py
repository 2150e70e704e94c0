# SPDX-License-Identifier: Apache-2.0
"""Starting: what a worker costs, one and many, from a small host and a large."""
import os
import subprocess
import threading

import pairs
from bench import work
from table import INFO, MET, MISSED

LOADS = 60		# of a small file in a round
BALLAST_MIB = 4096


def flat(samples):
    return [s for each in samples for s in each]


def chunks(b, sides, count=None):
    """Rounds of many short samples: {name: [[seconds, ...], ...]}."""
    got = {name: [] for name in sides}
    for i in range((count or b.pairs) + 1):
        for name, side in sides.items():
            each = side()["each"]
            if i > 0:
                got[name].append(each)
    return got


def medians(got):
    return {name: [pairs.middle(each) for each in rounds]
            for name, rounds in got.items()}


def judge_time(b, goal, what, seconds, at_most, beside):
    b.table.add(goal, what, pairs.show_seconds(seconds), beside, None,
                f"<= {pairs.show_seconds(at_most)}",
                MET if seconds <= at_most else MISSED, "self", ours_s=seconds)


@work("cold", "G12", files=("small10.pt",))
def cold(b):
    path = b.file("small10.pt")
    got = chunks(b, {
        "ours": b.ask("ours", "several", LOADS, path),
        "spawn": b.ask("limit", "spawn", b.binary("bench-empty"), LOADS)}, 9)
    t = b.table
    t.compare("cold", "a small file, cold: spawn, jail, parse, reply, reap",
              medians(got), "ours", "spawn", 4, "limit",
              label="spawn and wait of an empty static program")
    all_ = flat(got["ours"])
    busy = f"of {len(all_)} loads; load average {os.getloadavg()[0]:.1f}"
    judge_time(b, "G12", "a small file, cold, p50", pairs.middle(all_), 0.8e-3,
               busy)
    judge_time(b, "G12", "a small file, cold, p99",
               pairs.percentile(all_, 99), 4e-3, busy)
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "warm": b.ask("peer", "torch", path, "plain"),
                  "parse": b.ask("parts", "parse", path)}, 21)
    t.compare("cold", "a small file, cold, in process", s, "ours", "warm", 1,
              label="torch.load in a warm interpreter")
    t.compare("cold", ".. of which", s, "ours", "parse", kind="part",
              label="parse alone")
    s = b.rounds({"ours": b.whole(b.cli, "ls", path),
                  "torch": b.whole(*b.peer_command("torch", path, "plain"))})
    t.compare("cold", "a small file, whole process", s, "ours", "torch", 1,
              label="python3 -c torch.load")


def pool_figures(b, path, *more):
    """What bench-pool says; None where it is not built."""
    if not os.path.exists(b.binary("bench-pool")):
        return None
    said = subprocess.run([b.binary("bench-pool"), path, *map(str, more)],
                          env=b.env, check=True, stdout=subprocess.PIPE,
                          text=True).stdout
    return {name: float(value) for name, value in
            (line.split() for line in said.splitlines())}


def saturated(b, measure):
    """With every processor taken by a process that does nothing else."""
    busy = [subprocess.Popen([b.binary("bench-limit"), "burn", "60"])
            for i in range(b.ncores)]
    try:
        return measure()
    finally:
        for child in busy:
            child.kill()
            child.wait()


@work("G11", files=("small10.pt",))
def pool_hit(b):
    path = b.file("small10.pt")
    got = pool_figures(b, path, 500)
    if got is None:
        b.table.failed("G11", "a small file from a pool", "<= 100 us",
                       "not built")
        return
    busy = saturated(b, lambda: pool_figures(b, path, 500))
    note = f"{got['hits']:.0f} hits; load average {os.getloadavg()[0]:.1f}"
    what = "a small file from a pool, "
    judge_time(b, "G11", what + "p50", got["hit_p50_us"] / 1e6, 1e-4, note)
    judge_time(b, "G11", what + "p99", got["hit_p99_us"] / 1e6, 4e-4, note)
    judge_time(b, "G11", what + "p99, machine saturated",
               busy["hit_p99_us"] / 1e6, 1e-3,
               f"{b.ncores} processes that only count; p50 "
               f"{busy['hit_p50_us']:.0f} us")
    s = b.rounds({"parse": b.ask("parts", "parse", path),
                  "warm": b.ask("peer", "torch", path, "plain")}, 21)
    s["ours"] = [got["hit_p50_us"] / 1e6] * 21
    b.table.compare("G11", what + "in process", s, "ours", "warm", 1,
                    label="torch.load in a warm interpreter")
    b.table.compare("G11", ".. of which", s, "ours", "parse", kind="part",
                    label="parse alone")


@work("G13", files=("resnet50.pt",))
def tax(b):
    path = b.file("resnet50.pt")
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "parse": b.ask("parts", "parse", path),
                  "session": b.ask("parts", "session", path)}, 41)
    added = pairs.middle([a - p for a, p in zip(s["ours"], s["parse"])])
    b.table.add("G13", "the wall's cost, ResNet-50, cold",
                pairs.show_seconds(added),
                f"a load, {pairs.show_seconds(pairs.middle(s['ours']))}, less "
                f"the parse, {pairs.show_seconds(pairs.middle(s['parse']))}",
                None, "", INFO, "self", ours_s=added, samples=s)
    got = pool_figures(b, path, 500)
    if got is None:
        b.table.failed("G13", "the wall's cost, ResNet-50, from a pool",
                       "<= 400 us", "not built")
        return
    hit = got["hit_p50_us"] / 1e6
    judge_time(b, "G13", "the wall's cost, ResNet-50, from a pool",
               hit - pairs.middle(s["parse"]), 4e-4,
               f"a load, {pairs.show_seconds(hit)}, less the same parse")


@work("G16", files=("resnet50.pt",))
def large_host(b):
    path = b.file("resnet50.pt")
    large = b.child("ours", "large")
    large.ask("ballast", BALLAST_MIB)
    got = medians(chunks(b, {
        "large": lambda: large.ask("several", 100, path),
        "small": b.ask("ours", "several", 100, path)}))
    b.table.compare("G16", "a load from a host with 4 GiB resident", got,
                    "large", "small", 1.2, "limit",
                    label="the same from a small host")
    b.drop("ours", "large")


def both(first, second):
    """Two warm peers at once; the time of the slower one."""
    def side():
        answers = []
        threads = [threading.Thread(target=lambda f=f: answers.append(f()))
                   for f in (first, second)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return {"s": max(a["s"] for a in answers)}
    return side


@work("many", files=("many_small",))
def many(b):
    prefix = b.file("many_small/model.pt")
    b.child("ours")
    b.child("peer")
    b.child("peer", "second")
    spawn = b.ask("limit", "spawn", b.binary("bench-empty"), 1000)

    def ours(threads):
        return b.ask("ours", "many", threads, prefix, 1000)

    def peer(key, count):
        return lambda: b.child("peer", key).ask("torch-many", prefix, count)
    b.cores(1)
    one = b.rounds({"ours": ours(1), "torch": peer(None, 1000),
                    "spawn": lambda: {"s": sum(spawn()["each"])}})
    b.cores(b.ncores)
    t = b.table
    what = "1,000 small files, in process, 1 core"
    t.compare("many", what, one, "ours", "torch", 1, label="torch.load")
    t.compare("many", what, one, "ours", "spawn", kind="limit",
              label="1,000 empty static programs")
    if b.ncores < 2:
        t.unmeasured("many", "1,000 small files, 2 cores", "",
                     "one core here")
        return
    two = b.rounds({"ours": ours(2),
                    "torch": both(peer(None, 500), peer("second", 500)),
                    "one": ours(1)})
    what = "1,000 small files, in process, 2 cores"
    t.compare("many", what, two, "ours", "torch", 1,
              label="torch.load, two processes")
    t.compare("many", what, two, "ours", "one", 0.7, "limit",
              label="ours, one thread")
    b.drop("peer", "second")
