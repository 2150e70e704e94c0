# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: what was measured, beside what, and whether the goal
was met.  A row without a goal is information: a further peer, a limit, or what
bounds the row above it."""
import json

import pairs

MET, MISSED, UNMEASURED, INFO = "met", "MISSED", "not measurable", ""


class Table:
    def __init__(self):
        self.rows = []

    def add(self, goal, work, ours, beside, ratio, aim, verdict, kind="peer",
            **more):
        self.rows.append(dict(goal=goal, work=work, ours=ours, beside=beside,
                              ratio=ratio, aim=aim, verdict=verdict, kind=kind,
                              **more))

    def compare(self, goal, work, samples, ours, beside, at_most=None,
                kind="peer", label=None):
        """samples of pairs.rounds; ours and beside name two of its sides.
        kind: what `beside` is - peer, limit or part (of ours)."""
        r = pairs.ratio(samples[ours], samples[beside])
        verdict = INFO if at_most is None else MET if r <= at_most else MISSED
        seconds = {n: pairs.middle(samples[n]) for n in (ours, beside)}
        self.add(goal, work, pairs.show_seconds(seconds[ours]),
                 f"{label or beside}, {pairs.show_seconds(seconds[beside])}",
                 r, "" if at_most is None else f"<= {at_most:g}", verdict,
                 kind, ours_s=seconds[ours], beside_s=seconds[beside],
                 beside_name=label or beside,
                 samples={n: samples[n] for n in (ours, beside)})
        return r

    def unmeasured(self, goal, work, aim, why):
        self.add(goal, work, "-", why, None, aim, UNMEASURED)

    def failed(self, goal, work, aim, why):
        self.add(goal, work, "-", why, None, aim, "FAILED")

    def cells(self):
        head = ("goal", "work", "picklefork", "beside", "ratio", "aim",
                "verdict")
        return [head] + [
            (r["goal"], r["work"], r["ours"], r["beside"],
             "" if r["ratio"] is None else pairs.show_ratio(r["ratio"]),
             r["aim"], r["verdict"]) for r in self.rows]

    def text(self):
        cells = self.cells()
        widths = [max(len(c[i]) for c in cells) for i in range(7)]
        return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths))
                         .rstrip() for row in cells)

    def counts(self):
        n = {v: 0 for v in (MET, MISSED, UNMEASURED, "FAILED")}
        for r in self.rows:
            if r["verdict"]:
                n[r["verdict"]] += 1
        return ", ".join(f"{count} {verdict}" for verdict, count in n.items()
                         if count or verdict in (MET, MISSED))

    def save(self, path, machine, took, whole):
        with open(path, "w") as f:
            json.dump({"schema": "picklefork.bench/1", "machine": machine,
                       "whole": whole, "seconds": took,
                       "verdicts": self.counts(),
                       "rows": self.rows}, f, indent=1)
            f.write("\n")
