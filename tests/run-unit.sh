#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs cmocka programs one after the other and counts their tests.  Each has
# five minutes; the slowest takes some ten seconds.  Tests that cannot be made
# on this machine are named, and count for nothing.
set -u
within=$(dirname "$0")/within.sh
passed=0
failed=0
for program in "$@"; do
	out=$("$within" 300 "$program" 2>&1)
	status=$?
	ok=$(grep -c '^\[       OK \]' <<<"$out")
	bad=$(grep -c '^\[  FAILED  \] [^0-9]' <<<"$out")
	skipped=$(grep -c '^\[  SKIPPED \] [^0-9]' <<<"$out")
	# A program that died, or that ran nothing, has failed.
	if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
	if [ $((ok + bad + skipped)) -eq 0 ]; then bad=1; fi
	if [ "$bad" -gt 0 ]; then
		printf '%s\n' "$out"
		echo "FAILED: $program (exit $status)"
	fi
	grep '^\[  SKIPPED \] [^0-9]' <<<"$out" | sort -u
	passed=$((passed + ok))
	failed=$((failed + bad))
	printf '  %-40s %4d passed, %d failed\n' "${program##*/unit/}" "$ok" "$bad"
done
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
