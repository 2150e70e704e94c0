#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs test targets one after the other, shows what each printed, and closes
# with one counted line: "N passed, N failed".  Arguments: a set (test, ci), and
# the make to use.  A target that prints no count has failed, and so has one
# that is not done in time: 20 minutes, and twice that for a set in a set.
set -u
within=$(dirname "$0")/within.sh
set_name=$1
make=${2:-make}
case "$set_name" in
test) targets="unit check jail liar faults faults-parked faults-lent register cases cli-test server-test install-test" ;;
ci) targets="test asan liar-asan clang interop pickle-diff diff lint analyze prove fuzz-smoke bench-instructions" ;;
*) echo "usage: run-all.sh test|ci [make]" >&2; exit 64 ;;
esac
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in $targets; do
	echo "== $target"
	start=$SECONDS
	limit=1200
	[ "$target" = test ] && limit=2400
	"$within" "$limit" "$make" --no-print-directory "$target" \
		</dev/null 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	# The last counted line of the target: "name: N passed, M failed".
	line=$(grep -aE '(^|: )[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	p=$(sed -E 's/.*[^0-9]?([0-9]+) passed.*/\1/; s/[^0-9]//g' <<<"${line%% passed*}")
	p=${p:-0}
	f=$(sed -E 's/.* passed, ([0-9]+) failed.*/\1/' <<<"$line")
	f=${f:-0}
	if [ -z "$line" ]; then
		# A check without a count is one test.
		[ "$status" -eq 0 ] && p=1 || f=1
	elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	[ "$f" -gt 0 ] && echo "!! $target failed (make exit $status)"
	echo "-- $target: $((SECONDS - start)) s"
	passed=$((passed + p))
	failed=$((failed + f))
done
echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
