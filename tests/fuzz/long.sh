#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every target in turn, again and again, for so many seconds in all:
#   long.sh BUILD SECONDS LOG TARGET...
# LOG gets a line for each round: time, target, executions, edges covered, and
# "ok" or the artifact; LOG.mutations what the mutators made in each.  A finding
# ends nothing; the corpus is kept.
set -u
build=$1 seconds=$2 log=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
round=${ROUND:-120}
until=$((SECONDS + seconds))
out=$(mktemp)
trap 'rm -f "$out"' EXIT
findings=0
echo "# $(git -C "$here" describe --always --dirty --abbrev=12 2>/dev/null || echo 'no git'), rounds of $round s" >>"$log"
while [ $SECONDS -lt $until ]; do
	for target in "$@"; do
		left=$((until - SECONDS))
		[ $left -gt 0 ] || break
		"$here/run.sh" "$build" "$target" $((left < round ? left : round)) >"$out" 2>&1
		status=$?
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out")
		edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$out" | tail -n 1)
		sed -n "s/^mutation: /$target /p" "$out" >>"$log.mutations"
		result=ok
		if [ $status -ne 0 ]; then
			findings=$((findings + 1))
			result=$(sed -n 's/.*Test unit written to //p' "$out" | head -n 1)
			result=${result:-"exit $status"}
			cp "$out" "$log.$target.txt"
		fi
		echo "$(date -u +%FT%TZ) $target ${runs:-0} ${edges:-0} $result" | tee -a "$log"
	done
done
awk '!/^#/ { runs[$2] += $3; all += $3 } END { for (t in runs) printf "  %-12s %14d executions\n", t, runs[t]
	printf "fuzz-long: %d executions in this log\n", all }' "$log"
echo "fuzz-long: $findings findings"
[ $findings -eq 0 ]
