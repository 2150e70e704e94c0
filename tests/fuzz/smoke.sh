#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All targets, briefly, two at a time: smoke.sh BUILD SECONDS TARGET...  First
# the committed corpus and every input that was ever a finding, then fuzzing.
set -u
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export here build seconds logs
replay() {
	local dirs=() dir
	for dir in "$here/corpus/$1" "$here/corpus/regress/$1"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	[ ${#dirs[@]} -eq 0 ] || "$build/fuzz/fuzz/$1" -runs=0 -timeout=10 \
		-rss_limit_mb=1024 -malloc_limit_mb=256 "${dirs[@]}"
}
one() {
	if replay "$1" >"$logs/$1" 2>&1; then
		"$here/run.sh" "$build" "$1" "$seconds" >"$logs/$1" 2>&1
	fi
	echo $? >"$logs/$1.rc"
}
export -f replay one
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'one {}'
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
