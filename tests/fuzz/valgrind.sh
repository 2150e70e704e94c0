#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Replays the corpora under valgrind: valgrind.sh BUILD TARGET...  It sees reads
# of what was never written, in the libraries too.
set -u
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
export FUZZ_SECONDS=0 # it is slow there
failed=0
passed=0
for target in "$@"; do
	dirs=()
	for dir in "$here/corpus/$target" "$here/corpus/regress/$target"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	[ ${#dirs[@]} -gt 0 ] || continue
	if valgrind --quiet --error-exitcode=99 "$build/valgrind/replay/$target" "${dirs[@]}"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: valgrind $target"
	fi
done
echo "fuzz-valgrind: $passed passed, $failed failed"
[ $failed -eq 0 ]
