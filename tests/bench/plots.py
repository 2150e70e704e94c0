# SPDX-License-Identifier: Apache-2.0
"""Draws what run.py measured: plots.py BENCH.JSON OUTDIR"""
import json
import os
import sys

from pairs import show_ratio, show_seconds
from svg import Chart

# Which goals a picture shows, by file.
PICTURES = {
    "start": ("Starting: what one worker costs",
              ("cold", "G11", "G12", "G13", "G16")),
    "list": ("Listing: names, dtypes, shapes",
             ("G1", "G2", "list", "deep", "G6", "views", "gguf", "G9")),
    "parts": ("Parts of the parser", ("G7", "G8", "pass")),
    "bytes": ("Bytes: summed, read, snapshotted, inflated",
              ("G3", "G4", "G5", "read", "one", "G10")),
    "batch": ("Many files, and conversion", ("many", "scan", "convert")),
}
SECONDS = {-6: "1 us", -5: "10 us", -4: "100 us", -3: "1 ms", -2: "10 ms",
           -1: "100 ms", 0: "1 s", 1: "10 s", 2: "100 s"}
CLASSES = {"ours": "picklefork", "peer": "the library that people use",
           "limit": "limit: what any program would pay"}


def groups_of(rows):
    """One group a kind of work: ours, then each peer and limit."""
    groups = []
    for row in rows:
        if "ours_s" not in row:
            continue
        if row["work"].startswith("..") and groups:
            bars = groups[-1][1]
            if row["aim"] and row["ours_s"] not in [v for _, v, _, _ in bars]:
                bars.append(("picklefork, " + row["work"].lstrip(". "),
                             row["ours_s"], "ours",
                             show_seconds(row["ours_s"])))
        elif groups and groups[-1][0] == row["work"]:
            bars = groups[-1][1]
        else:
            bars = [("picklefork", row["ours_s"], "ours",
                     show_seconds(row["ours_s"]))]
            groups.append((row["work"], bars))
        if row["kind"] in ("peer", "limit") and "beside_s" in row and \
                row["beside_name"] not in [name for name, _, _, _ in bars]:
            bars.append((row["beside_name"], row["beside_s"], row["kind"],
                         show_seconds(row["beside_s"])))
    return groups


def goals_of(rows):
    """Every goal with a ratio: how far from its aim."""
    bars = []
    for row in rows:
        if not row["aim"] or row["ratio"] is None:
            continue
        share = row["ratio"] / float(row["aim"].split()[-1])
        bars.append((f"{row['goal']}: {row['work'].lstrip('. ')} "
                     f"/ {row['beside_name']}", share,
                     row["verdict"].lower(), show_ratio(share)))
    return [("", bars)]


def main(source, out):
    with open(source) as f:
        rows = json.load(f)["rows"]
    os.makedirs(out, exist_ok=True)
    charts = {}
    for name, (title, goals) in PICTURES.items():
        groups = groups_of([r for r in rows if r["goal"] in goals])
        if groups:
            charts[name] = Chart(title, "time, log scale; shorter is better",
                                 groups, CLASSES,
                                 lambda p: SECONDS.get(p, f"1e{p} s"))
    goals = goals_of(rows)
    if goals[0][1]:
        charts["goals"] = Chart(
            "Every goal that is a ratio: share of what it allows",
            "measured ratio / goal, log scale; left of the line is met", goals,
            {"met": "met", "missed": "missed"}, lambda p: f"{10.0 ** p:g}",
            (1, "goal"), 520)
    for name, chart in charts.items():
        with open(os.path.join(out, name + ".svg"), "w") as f:
            f.write(chart.svg())
    return sorted(charts)


if __name__ == "__main__":
    print("bench-plots:", " ".join(main(*sys.argv[1:3])))
