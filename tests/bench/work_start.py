# SPDX-License-Identifier: Apache-2.0
"""Starting: what a worker costs, one and many, from a small and a large host."""
import os
import subprocess
import threading
import time

import pairs
from bench import work
from table import INFO, MET, MISSED, UNMEASURED

LOADS = 60		# of a small file in a round
BALLAST_MIB = 4096
PARKED = 6		# for two threads: what broker/cli takes for them


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


def idle_share():
    """Of the processors, while this program sleeps for a second."""
    def read():
        with open("/proc/stat") as f:
            ticks = [int(n) for n in f.readline().split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    idle, all_ = read()
    time.sleep(1)
    idle2, all2 = read()
    return (idle2 - idle) / max(1, all2 - all_)


def judge_time(b, goal, what, seconds, at_most, beside, samples=None,
               idle=True):
    """A time, not a ratio.  idle: it is one of a machine that does nothing
    else; missing it on another says nothing."""
    verdict = MET if seconds <= at_most else MISSED
    if verdict == MISSED and idle:
        share = idle_share()
        if share < 0.9:
            verdict = UNMEASURED
            beside += f"; the machine is busy ({share:.0%} idle)"
    b.table.add(goal, what, pairs.show_seconds(seconds), beside, None,
                f"<= {pairs.show_seconds(at_most)}", verdict, "self",
                ours_s=seconds, samples=samples)


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
    busy = f"of {len(all_)} loads"
    judge_time(b, "G12", "a small file, cold, p50", pairs.middle(all_), 0.8e-3,
               busy, got)
    judge_time(b, "G12", "a small file, cold, p99",
               pairs.percentile(all_, 99), 4e-3, busy, got)
    s = b.rounds({"ours": b.ask("ours", "load", path),
                  "warm": b.ask("peer", "torch", path, "plain"),
                  "parse": b.ask("parts", "parse", path),
                  "session": b.ask("parts", "session", path)}, 21)
    t.compare("cold", "a small file, cold, in process", s, "ours", "warm", 1,
              label="torch.load in a warm interpreter")
    t.compare("cold", ".. of which", s, "ours", "parse", kind="part",
              label="parse alone")
    t.compare("cold", ".. of which", s, "ours", "session", kind="part",
              label="the broker's session alone")
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
    note = f"of {got['hits']:.0f} loads"
    what = "a small file from a pool, "
    judge_time(b, "G11", what + "p50", got["hit_p50_us"] / 1e6, 1e-4, note, got)
    judge_time(b, "G11", what + "p99", got["hit_p99_us"] / 1e6, 4e-4, note, got)
    judge_time(b, "G11", what + "p99, machine saturated",
               busy["hit_p99_us"] / 1e6, 1e-3,
               f"{b.ncores} processes that only count; p50 "
               f"{busy['hit_p50_us']:.0f} us", busy, idle=False)

    def several(side):
        return lambda: {"each": [side()["s"] for i in range(20)]}
    each = medians(chunks(b, {
        "ours": b.ask("ours", "parked", 60, path),
        "warm": several(b.ask("peer", "torch", path, "plain")),
        "spawn": b.ask("limit", "spawn", b.binary("bench-empty"), 60),
        "parse": several(b.ask("parts", "parse", path))}))
    t = b.table
    t.compare("G11", what + "in process", each, "ours", "warm", 1,
              label="torch.load in a warm interpreter")
    t.compare("G11", ".. and the limit", each, "ours", "spawn", kind="limit",
              label="spawn and wait of an empty static program")
    t.compare("G11", ".. of which", each, "ours", "parse", kind="part",
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
    what = "the wall's cost, ResNet-50, from a pool"
    if not os.path.exists(b.binary("bench-pool")):
        b.table.failed("G13", what, "<= 400 us", "not built")
        return
    each = medians(chunks(b, {
        "ours": b.ask("ours", "parked", 60, path),
        "parse": lambda: {"each": [b.child("parts").ask("parse", path)["s"]
                                   for i in range(20)]}}))
    added = pairs.middle([a - p for a, p in zip(each["ours"], each["parse"])])
    judge_time(b, "G13", what, added, 4e-4, "a load, "
               f"{pairs.show_seconds(pairs.middle(each['ours']))}, less the "
               "parse, in the same rounds", each)


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

    def ours(threads, parked=0):
        return b.ask("ours", "many", threads, prefix, 1000, parked)

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
                    "parked": ours(2, PARKED),
                    "one": ours(1)})
    what = "1,000 small files, in process, 2 cores"
    t.compare("many", what, two, "ours", "torch", 1,
              label="torch.load, two processes")
    t.compare("many", what, two, "ours", "parked", kind="limit",
              label="ours, workers parked")
    t.compare("many", what, two, "ours", "one", 0.7, "limit",
              label="ours, one thread")
    b.drop("peer", "second")
