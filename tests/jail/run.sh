#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the jail tests as this user and, when that is root, as nobody as well.
# The programs are copied to where nobody can reach them.
#
#	tests/jail/run.sh BUILD/release
set -u
built=$1
dir=$(mktemp -d /tmp/pfork-jail-XXXXXX) || exit 1
trap 'rm -rf "$dir"' EXIT
cp "$built/picklefork-worker" "$built/jail-probe" "$built/jail-test" "$dir" ||
    exit 1
passed=0
failed=0
# Files to be parsed inside, where the generators can be run.
mkdir "$dir/files"
for gen in tests/gen/gen_*.py; do
	mkdir "$dir/files/$(basename "$gen" .py)"
	if ! python3 "$gen" "$dir/files/$(basename "$gen" .py)" \
	    >/dev/null 2>"$dir/error"; then
		cat "$dir/error"
		echo "  FAILED: $gen did not run"
		failed=$((failed + 1))
	fi
done
chmod -R a+rX "$dir"
mapfile -t files < <(find "$dir/files" -type f ! -name manifest.jsonl \
    -size -1024k | sort)
# Each library that unpacks must have been met in there: a call that the filter
# does not know would have ended the worker.
for method in bzip2 xz lzma lz4; do
	for size in "" -zeros; do
		file=$dir/files/gen_unpack/U-$method$size.joblib
		if ! grep -qxF "$file" <(printf '%s\n' "${files[@]}"); then
			echo "  FAILED: nothing that $method packed: $file"
			failed=$((failed + 1))
		fi
	done
done
run() {
	local out
	out=$("$@" "$dir/jail-test" "$dir/picklefork-worker" "$dir/jail-probe" \
	    ${files[@]+"${files[@]}"})
	local status=$?
	printf '%s\n' "$out"
	local last
	last=$(tail -n 1 <<<"$out")
	if [[ $last =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
	else
		echo "  FAILED: the test program died (exit $status)"
		failed=$((failed + 1))
	fi
}
run
if [ "$(id -u)" -eq 0 ]; then
	if command -v setpriv >/dev/null; then
		run setpriv --reuid=65534 --regid=65534 --clear-groups
	else
		echo "  SKIPPED: no setpriv, so not run as an ordinary user"
	fi
fi
echo "jail: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
