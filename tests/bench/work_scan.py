# SPDX-License-Identifier: Apache-2.0
"""Scanning a directory of 10,000 small files, one in a hundred hostile."""
import os

from bench import work


@work("scan", files=("scan10k",))
def scan(b):
    folder = b.file("scan10k")
    names = b.file("scan10k.list")
    if not os.path.exists(names):
        with open(names, "w") as f:
            for at, _, found in sorted(os.walk(folder)):
                f.writelines(f"{at}/{n}\n" for n in sorted(found))
    peer = b.whole(b.python, "-m", "picklescan", "-l", "CRITICAL", "-p",
                   folder, accept=(0, 1),
                   env=dict(b.env, PYTHONPATH=f"{b.build}/bench-site"))
    spawn = b.ask("limit", "spawn", b.binary("bench-empty"), 10000)

    def ours(jobs, *before):
        return b.whole(*before, b.cli, "scan", "-q", "-j", str(jobs), folder,
                       accept=(1, 2))
    for name in ("limit", "peer"):
        b.child(name)
    b.cores(1)
    one = b.rounds({"ours": ours(1), "picklescan": peer,
                    "spawn": lambda: {"s": sum(spawn()["each"])},
                    "slurp": b.ask("limit", "slurp", names)}, warm=0)
    b.cores(b.ncores)
    t = b.table
    what = "scan of 10,000 files, whole process, 1 core"
    t.compare("scan", what, one, "ours", "picklescan", 1)
    t.compare("scan", ".. and the limit", one, "ours", "spawn", kind="limit",
              label="10,000 empty static programs")
    t.compare("scan", ".. and the limit", one, "ours", "slurp", kind="limit",
              label="open and read of each file, no worker")
    if b.ncores < 2:
        t.unmeasured("scan", "scan of 10,000 files, 2 cores", "",
                     "one core here")
        return
    two = b.rounds({"ours": ours(2), "picklescan": peer,
                    "one": ours(1, "taskset", "-c", "0")}, warm=0)
    what = "scan of 10,000 files, whole process, 2 cores"
    t.compare("scan", what, two, "ours", "picklescan", 1,
              label="picklescan, which uses one")
    t.compare("scan", what, two, "ours", "one", 0.7, "limit",
              label="ours on one core")
