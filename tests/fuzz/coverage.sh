#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Reports of the coverage flavour, text and HTML, in BUILD/coverage:
#   coverage.sh BUILD unit               what the unit tests reached; fails when
#                                        the trusted code is not whole
#   coverage.sh BUILD corpora TARGET...  after the targets' seeds and corpora too
set -eu
build=$(cd "$1" && pwd) what=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$build/coverage
report() { # NAME, gcovr's arguments
	local name=$1
	shift
	gcovr -r "$root" --object-directory "$out" --gcov-ignore-parse-errors \
		--exclude-unreachable-branches \
		--exclude-branches-by-pattern '.*GCOVR_EXCL_BR_LINE.*' -j 2 "$@" --json "$out/$name.json" 2>"$out/$name.log" ||
		{ cat "$out/$name.log"; exit 1; }
	for form in "" --branches; do
		gcovr -r "$root" -a "$out/$name.json" $form \
			--txt "$out/$name${form:+-branches}.txt"
	done
	gcovr -r "$root" -a "$out/$name.json" --html-details "$out/$name.html"
}
everything=(--filter "$root/proto/" --filter "$root/broker/" --filter "$root/worker/"
	--exclude '.*/cli/.*' --exclude '.*/worker/main\.c' --exclude '.*/worker/jail\.c'
	--exclude '.*/filter_gen\.c')
trusted=(--filter "$root/broker/check\.c" --filter "$root/broker/session.*\.c"
	--filter "$root/proto/frame\.c" --filter "$root/proto/wire\.c")
export FUZZ_SECONDS=0 # it is slow
cd "$out" # gcov leaves its files where it stands
if [ "$what" = unit ]; then
	report trusted "${trusted[@]}"
	report unit "${everything[@]}"
	cat trusted.txt trusted-branches.txt
	gcovr -r "$root" -a trusted.json --fail-under-line 100 --fail-under-branch 100 >/dev/null ||
		echo "coverage: the trusted code is not whole: see $out/trusted.html"
	exit 0
fi
for target in "$@"; do
	dirs=()
	for dir in "$build/fuzz-seeds/$target" "$root/tests/fuzz/corpus/$target"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	[ ${#dirs[@]} -eq 0 ] || "$out/replay/$target" "${dirs[@]}"
done
report corpora "${everything[@]}"
cat corpora.txt corpora-branches.txt
echo "coverage: the parsers, by unit tests, seeds and the committed corpus:"
gcovr -r "$root" -a "$out/corpora.json" --filter "$root/worker/" -s \
	--fail-under-line 98 --fail-under-branch 95 | grep -E '^(lines|branches):' ||
	echo "coverage: under 98 % of lines or 95 % of branches"
