#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Form and static analysis.  Each check is counted; the last line says how many.
set -u
cd "$(dirname "$0")/../.."
gen=$1
passed=0
failed=0
verdict() { # name, status
	if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "lint: $1 failed"
	fi
}
sources=$(git ls-files 'broker/*.[ch]' 'worker/*.[ch]' 'proto/*.[ch]' 'include/*.h')
code=$(grep '\.c$' <<<"$sources")

# Every file opens with its licence, and has a header comment.
bad=$(grep -L 'SPDX-License-Identifier: Apache-2.0' $sources)
[ -z "$bad" ] || echo "no SPDX line: $bad"
verdict "SPDX lines" "$([ -z "$bad" ]; echo $?)"

# 80 columns, tabs of 8.
bad=$(for f in $sources; do expand -t8 "$f" | awk -v f="$f" 'length($0) > 80 {print f ":" NR ": " length($0) " columns"}'; done)
[ -z "$bad" ] || echo "$bad"
verdict "80 columns" "$([ -z "$bad" ]; echo $?)"

# Files of 500 lines, functions of 60.
bad=$(for f in $code; do awk -v f="$f" 'END { if (NR > 500) print f ": " NR " lines" }' "$f"; done)
[ -z "$bad" ] || echo "$bad"
verdict "files of at most 500 lines" "$([ -z "$bad" ]; echo $?)"
bad=$(for f in $code; do awk -v f="$f" '/Over 60 lines/ { allowed = NR } /^\{/ { start = NR } /^\}/ { if (allowed && start - allowed < 8) start = 0; if (start && NR - start > 61) print f ":" start ": " NR - start " lines in a function"; start = 0 }' "$f"; done)
[ -z "$bad" ] || echo "$bad"
verdict "functions of at most 60 lines" "$([ -z "$bad" ]; echo $?)"

# The family that never ends well.
bad=$(grep -nE '\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|alloca|strtok|system|popen|tmpnam|mktemp)\(' $code)
[ -z "$bad" ] || echo "$bad"
verdict "no banned function" "$([ -z "$bad" ]; echo $?)"

# Each room with its own include paths, as the Makefile has them.
room_includes() {
	case "$1" in
	broker/cli/*) echo "-Iinclude -Ibroker/cli" ;;
	broker/server/*) echo "-Iinclude -Ibroker/cli -Ibroker/server" ;;
	broker/*) echo "-Iinclude -Ibroker -Iproto -I$gen" ;;
	worker/*) echo "-Iworker -Iworker/formats -Iworker/pickle -Iproto -I$gen" ;;
	*) echo "-Iproto -I$gen" ;;
	esac
}
export gen
export -f room_includes
out=$(for room in broker/cli broker/server broker worker proto; do
	files=$(grep "^$room/" <<<"$code")
	[ "$room" != broker ] || files=$(grep -vE '^broker/(cli|server)/' <<<"$files")
	cppcheck --std=c11 --enable=warning,portability,performance --inline-suppr \
		--suppress=missingIncludeSystem --suppress='*:'"$gen"'/*' --error-exitcode=1 \
	--suppressions-list=tests/lint/cppcheck.txt --quiet -j2 \
	-D_GNU_SOURCE -D__x86_64__ $(room_includes "$room/x") $files 2>&1 ||
		echo "cppcheck: $room"
done)
status=$([ -z "$out" ]; echo $?)
printf '%s' "$out" | tail -n 40
verdict "cppcheck" $status

checks='-*,clang-analyzer-core*,clang-analyzer-deadcode*,clang-analyzer-unix*'
checks+=',clang-analyzer-security.insecureAPI.UncheckedReturn'
checks+=',bugprone-sizeof-expression,bugprone-suspicious-memset-usage'
checks+=',bugprone-suspicious-string-compare,bugprone-infinite-loop'
checks+=',bugprone-undefined-memory-manipulation,bugprone-integer-division'
checks+=',bugprone-misplaced-widening-cast'
checks+=',misc-misplaced-const,misc-redundant-expression'
export checks
out=$(printf '%s\n' $code | xargs -P 2 -I{} bash -c 'clang-tidy --quiet \
	--warnings-as-errors="*" --checks="$checks" "$1" -- -std=c17 \
	-D_GNU_SOURCE $(room_includes "$1") 2>/dev/null' bash {})
status=$?
printf '%s' "$out" | grep -E 'error:|warning:' | sort -u | head -n 40
verdict "clang-tidy" $status

# A text that fills its array to the last byte has no zero at its end, and C
# takes it: gcc says so for C++ only.
bad=$(for f in $code; do
	# shellcheck disable=SC2046
	gcc -std=c17 -D_GNU_SOURCE -fsyntax-only -Wc++-compat \
	    $(room_includes "$f") "$f" 2>&1 | grep -F 'is too long for C++'
done)
[ -z "$bad" ] || echo "$bad"
verdict "texts that end in their arrays" "$([ -z "$bad" ]; echo $?)"

bad=$(for f in $(git ls-files '*.sh') .ci/run; do bash -n "$f" 2>&1; done)
[ -z "$bad" ] || echo "$bad"
verdict "shell syntax" "$([ -z "$bad" ]; echo $?)"

echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
