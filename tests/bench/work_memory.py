# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one load: the worker's as wait4 has it, the broker's from
/proc/self/status.  Each load is a process of its own: a spawned child's figure
starts at its parent's."""
import json
import subprocess

import pairs
from bench import work
from table import INFO, MET, MISSED


def memory(b, name):
    """The middle of three; KiB."""
    got = [json.loads(subprocess.run(
        [b.binary("bench-ours"), "memory", b.file(name)], env=b.env,
        check=True, stdout=subprocess.PIPE).stdout) for i in range(3)]
    middle = sorted(got, key=lambda g: g["worker_peak_kib"])[1]
    return dict(middle, samples=got)


def judge(b, goal, work_, kib, at_most, aim, beside, samples=None,
          kind="part"):
    verdict = INFO if at_most is None else MET if kib <= at_most else MISSED
    b.table.add(goal, work_, pairs.show_mib(kib), beside, None, aim, verdict,
                kind, ours_kib=kib, samples=samples)


@work("G14", "G15", files=("resnet50.pt", "llm_small.pt", "llm_fp16.pt",
                           "tiny100k.pt", "tiny100k.data.pkl"))
def peaks(b):
    some = memory(b, "resnet50.pt")
    many = memory(b, "tiny100k.pt")
    large = memory(b, "llm_fp16.pt")
    small = memory(b, "llm_small.pt")
    n = many["tensors"]
    judge(b, "G14", f"worker's peak, {some['tensors']} tensors",
          some["worker_peak_kib"], 8 * 1024, "<= 8 MiB",
          f"its parent before: {pairs.show_mib(some['before_kib'])}",
          some["samples"])
    each = many["worker_peak_kib"] * 1024 / n
    judge(b, "G14", f"worker's peak, {n} tensors: {each:.0f} B a tensor",
          many["worker_peak_kib"], 400 * n / 1024, "<= 400 B a tensor",
          "with what it mapped of the file", many["samples"])
    parts = b.child("parts").ask("parse", b.file("tiny100k.pt"))
    pickle = b.child("parts").ask("pickle", b.file("tiny100k.data.pkl"))
    for what, size in (
            ("the parser's arena, all of it", parts["arena"]),
            ("the pickle machine's part of it", pickle["arena"])):
        judge(b, "G14", f".. of which: {size / n:.0f} B a tensor",
              size / 1024, None, "", what)
    for got, aim in ((some, "<= 2 MiB and 256 B a tensor"),
                     (many, "<= 2 MiB and 256 B a tensor")):
        own = got["peak_kib"] - got["file_kib"]
        judge(b, "G15", f"broker's peak, {got['tensors']} tensors: "
              f"{max(0, own * 1024 - 2**21) / got['tensors']:.0f} B a "
              "tensor over 2 MiB", own, 2048 + got["tensors"] / 4, aim,
              f"mapped pages left out: {pairs.show_mib(got['file_kib'])}",
              got["samples"])
    judge(b, "G15", "broker's whole peak, file of 2.2 GB", large["peak_kib"],
          small["peak_kib"] * 1.1, "<= 1.1 of the other",
          f"file of 2 MiB: {pairs.show_mib(small['peak_kib'])}",
          large["samples"])
