#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All targets, briefly, two at a time: smoke.sh BUILD SECONDS TARGET...
set -u
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export here build seconds logs
printf '%s\n' "$@" | xargs -P 2 -I{} sh -c \
	'"$here/run.sh" "$build" "$1" "$seconds" >"$logs/$1" 2>&1; echo $? >"$logs/$1.rc"' sh {}
passed=0
failed=0
for target in "$@"; do
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$target")
	if [ "$(cat "$logs/$target.rc")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		passed=$((passed + 1))
		printf '  %-12s %12s executions\n' "$target" "$runs"
	else
		failed=$((failed + 1))
		tail -n 40 "$logs/$target"
		echo "FAILED: fuzz $target"
	fi
done
echo "fuzz-smoke: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
