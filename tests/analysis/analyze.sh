#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Static analysis beyond `make lint`: gcc's -fanalyzer over every source, one by
# one, and clang's analyzer over a whole build (scan-build).  A finding of gcc's
# that is wrong stands in gcc_analyzer.txt with the reason; one that stands
# there and is found no more has failed as well.  Arguments: the folder of
# generated headers, the build folder.
# -Wno-analyzer-malloc-leak: gcc 12 forgets what a pointer within a structure
# owns (strdup into an array's item); LeakSanitizer runs over the unit tests.
set -u
export LC_ALL=C
cd "$(dirname "$0")/../.."
gen=$1
build=$2
known=tests/analysis/gcc_analyzer.txt
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
passed=0
failed=0
export gen out

one() {
	local f=$1 paths="-Iproto"
	case $f in
	broker/cli/*) paths="-Ibroker/cli -Iinclude" ;;
	broker/server/*) paths="-Ibroker/server -Ibroker/cli -Iinclude" ;;
	broker/*) paths="-Ibroker -Iinclude -Iproto" ;;
	worker/*) paths="-Iworker -Iworker/formats -Iworker/pickle -Iproto" ;;
	esac
	gcc -std=c17 -D_GNU_SOURCE -O2 -fanalyzer \
		-Wno-analyzer-malloc-leak -fdiagnostics-plain-output \
		$paths -I"$gen" -c "$f" -o "$out/${f//\//_}.o" \
		2>"$out/${f//\//_}.log" ||
		echo "$f: does not compile" >>"$out/broken"
	# file function warning, once each
	awk -v file="$f" '
		/In function / { n = $0; sub(/.*In function ./, "", n)
			sub(/[^A-Za-z0-9_].*/, "", n); name = n }
		/\[-Wanalyzer-/ { w = $0; sub(/.*\[-W/, "", w); sub(/\].*/, "", w)
			print file, name, w }' "$out/${f//\//_}.log" |
		sort -u >"$out/${f//\//_}.found"
}
export -f one

git ls-files 'broker/*.c' 'worker/*.c' 'proto/*.c' >"$out/sources"
xargs -P "$(nproc)" -I{} bash -c 'one "$1"' bash {} <"$out/sources"
if [ -s "$out/broken" ]; then
	cat "$out/broken"
	failed=$((failed + 1))
fi
cat "$out"/*.found | sort -u >"$out/all"
grep -vE '^(#|$)' "$known" | awk '{ sub(/:$/, "", $3); print $1, $2, $3 }' | sort -u >"$out/known"
while read -r finding; do
	echo "gcc -fanalyzer: $finding"
	grep -h "${finding##* }" "$out/$(tr / _ <<<"${finding%% *}").log"
	failed=$((failed + 1))
done < <(comm -23 "$out/all" "$out/known")
while read -r finding; do
	echo "gcc -fanalyzer: in $known, and found no more: $finding"
	failed=$((failed + 1))
done < <(comm -13 "$out/all" "$out/known")
passed=$((passed + $(wc -l <"$out/sources")))

if scan-build --status-bugs -o "$out/scan" --use-cc=clang \
	make -j2 --no-print-directory F=clang BUILD="$build/scan-build" all \
	>"$out/scan.log" 2>&1; then
	passed=$((passed + 1))
else
	grep -E 'warning:|error:|scan-build:' "$out/scan.log"
	failed=$((failed + 1))
fi
echo "analyze: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
