#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Counts instructions, which do not depend on the machine's load: of the worker's
# parse and of the broker's session over 5,000 tensors, beside the committed
# figures.  Fails when one is over 1.10 of its baseline.
#   instructions.sh PROGRAM WORK-DIR [--write]	(--write: a new baseline)
set -eu
program=$1
work=$2
here=$(dirname "$0")
mkdir -p "$work"
python3 "$here/gen_instructions.py" "$work/tensors5k.pt"
for what in parse session; do
	valgrind --tool=callgrind --toggle-collect=bench_$what \
	    --callgrind-out-file="$work/callgrind.$what" \
	    "$program" "$work/tensors5k.pt" 2> "$work/$what.log" ||
	    { cat "$work/$what.log" >&2; exit 1; }
done
exec python3 - "$here/instructions.json" "$work" "${3-}" <<'END'
import json
import re
import sys

path, work, write = sys.argv[1:]
found = {}
for what in ("parse", "session"):
    with open(f"{work}/callgrind.{what}") as f:
        found[what] = int(re.search(r"^(?:summary|totals): (\d+)", f.read(),
                                    re.M).group(1))
if write == "--write":
    with open(path, "w") as f:
        json.dump(found, f, indent=1)
        f.write("\n")
with open(path) as f:
    base = json.load(f)
print(f"{'what':10}{'instructions':>14}{'baseline':>14}{'ratio':>8}")
worse = False
for what, count in found.items():
    ratio = count / base[what]
    worse = worse or ratio > 1.10
    print(f"{what:10}{count:14,}{base[what]:14,}{ratio:8.3f}")
if worse:
    sys.exit("instructions: over 1.10 of the baseline")
END
