# SPDX-License-Identifier: Apache-2.0
"""Puts the last run into the documents:
    docs.py BENCH.JSON docs/BENCHMARKS.md README.md
Replaces what stands between the lines "<!-- bench: begin -->" and
"<!-- bench: end -->" and nothing else."""
import json
import os
import sys

import machine
import pairs

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
# README's rows: the goal, what the work and the side begin with.
HEADLINES = [
    ("cold", "a small file, cold: spawn", "spawn"),
    ("G11", "a small file from a pool, in process", "torch.load"),
    ("G1", "ls of ResNet-50", "python3"),
    ("G2", "ls of 2.2 GB", "python3 -c torch.load"),
    ("list", "ls of 2.2 GB", "ls of 2 MiB"),
    ("G3", "2.2 GB, every byte summed", "python3 -c torch.load, "),
    ("read", "2.2 GB, 291 tensors, all read, in process, fresh", "pread"),
    ("read", "2.2 GB, 291 tensors, all read, in process, warm", "torch.load"),
    ("G6", "100,000 tensors, torch zip", "torch.load"),
    ("G7", "100,000 tensors, safetensors", "safetensors"),
    ("G10", "102 MB of deflated members, in process, 1 core", "torch.load"),
    ("convert", "convert 102 MB", "python3"),
    ("scan", "scan of 10,000 files, whole process, 2", "picklescan"),
]


def headlines(run):
    lines = ["| work | picklefork | beside | ratio |", "|---|---|---|---|"]
    for goal, work, beside in HEADLINES:
        row = next((r for r in run["rows"] if r["goal"] == goal and
                    r["work"].startswith(work) and
                    r["beside"].startswith(beside) and r["ratio"]), None)
        if row:
            lines.append(f"| {row['work']} | {row['ours']} | {row['beside']} "
                         f"| {pairs.show_ratio(row['ratio'])} |")
    return lines


def table(run):
    lines = ["| goal | work | picklefork | beside | ratio | aim | verdict |",
             "|---|---|---|---|---|---|---|"]
    for r in run["rows"]:
        ratio = "" if r["ratio"] is None else pairs.show_ratio(r["ratio"])
        verdict = f"**{r['verdict']}**" if r["verdict"] not in ("", "met") \
            else r["verdict"]
        lines.append("| " + " | ".join((
            r["goal"], r["work"], r["ours"], r["beside"], ratio, r["aim"],
            verdict)) + " |")
    return lines


def breakdown(rows, at):
    """What follows a row and says what it consists of or what bounds it; where
    nothing does, what says so of the same goal."""
    def says(r):
        return r["goal"] == rows[at]["goal"] and not r["aim"] and \
            r["kind"] in ("part", "limit")
    found = []
    for r in rows[at + 1:]:
        if not r["work"].startswith("..") and r["work"] != rows[at]["work"]:
            break
        if r["work"].startswith("..") and r["aim"]:
            break
        if says(r):
            found.append(r)
    return found or [r for r in rows if says(r)]


def bounds(run):
    lines = []
    for at, r in enumerate(run["rows"]):
        if r["verdict"] != "MISSED":
            continue
        against = "" if r["ratio"] is None else \
            f", {pairs.show_ratio(r['ratio'])} of {r['beside_name']}"
        lines.append(f"- **{r['goal']}**, {r['work'].lstrip('. ')}: "
                     f"{r['ours']}{against} (aim {r['aim']})")
        for part in breakdown(run["rows"], at):
            if part["ratio"] is None:
                lines.append(f"  - {part['beside']}: {part['ours']} "
                             f"({part['work'].removeprefix('.. ')})")
            else:
                lines.append(f"  - {part['beside']}: "
                             f"{100 / part['ratio']:.0f} % of ours")
    return lines or ["No goal was missed."]


def pictures(document):
    """What plots.py has drawn beside the document; bars are on log axes."""
    folder = os.path.join(os.path.dirname(document), "bench")
    return [f"![{name[:-4]}](bench/{name})"
            for name in sorted(os.listdir(folder)) if name.endswith(".svg")]


def put(path, lines):
    with open(path) as f:
        text = f.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"bench-docs: {path} has no place for it")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    with open(path, "w") as f:
        f.write(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after)


source, document, readme = sys.argv[1:]
with open(source) as f:
    run = json.load(f)
if not run["whole"]:
    sys.exit("bench-docs: only a whole run goes into the documents")
named = machine.lines(run["machine"])
put(document, [
    "", *(f"- {line}" for line in named),
    f"- {run['verdicts']}; {run['seconds']:.0f} s in all", "",
    *table(run), "", "### Plots", "", *pictures(document), "",
    "### What bounds each missed goal", "", *bounds(run), ""])
put(readme, ["", *headlines(run), "",
             f"{run['machine']['cpu']}, {run['machine']['kernel']}, torch "
             f"{run['machine']['peers']['torch']}, medians of alternated "
             "rounds, page cache warm.", ""])
print(f"bench-docs: {document}, {readme}")
