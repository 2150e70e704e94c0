#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AFL++ on one target: afl.sh BUILD TARGET SECONDS.  Its findings stay in
# BUILD/afl-out/TARGET.
set -eu
build=$1 target=$2 seconds=$3
here=$(cd "$(dirname "$0")" && pwd)
in=$(mktemp -d)
trap 'rm -rf "$in"' EXIT
printf 0 >"$in/0"
for dir in "$here/corpus/$target" "$build/fuzz-seeds/$target"; do
	[ ! -d "$dir" ] || find "$dir" -type f -size -16k -exec cp -t "$in" {} +
done
dict=$here/$target.dict
mkdir -p "$build/afl-out"
export AFL_NO_COLOR=1 AFL_SKIP_CPUFREQ=1 AFL_NO_UI=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
	AFL_NO_AFFINITY=1 AFL_IGNORE_PROBLEMS=1 AFL_FAST_CAL=1 \
	ASAN_OPTIONS=abort_on_error=1:symbolize=0:detect_leaks=0
afl-fuzz -i "$in" -o "$build/afl-out/$target" -V "$seconds" -t 1000 -m none \
	$([ ! -f "$dict" ] || echo "-x $dict") -- "$build/afl/fuzz/$target" \
	>"$build/afl-$target.log" 2>&1 || { tail -n 30 "$build/afl-$target.log"; exit 1; }
stats=$build/afl-out/$target/default/fuzzer_stats
grep -E '^(execs_done|execs_per_sec|saved_crashes|saved_hangs|bitmap_cvg)' "$stats"
grep -q '^saved_crashes *: 0$' "$stats"
