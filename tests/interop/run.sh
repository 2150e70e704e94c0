#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Interop with the real libraries.  Arguments: the directory of the build, the
# make to use, and options of random_files.py.  Without the virtual environment
# it is skipped, loudly; in CI that is a failure.  With options the random files
# alone run.
set -u
build=$1
make=${2:-make}
shift 2
if ! $make --no-print-directory venv; then
	echo "########################################################"
	echo "## SKIPPED: interop (no .venv with torch could be made) ##"
	echo "########################################################"
	[ "${CI:-}" = true ] && exit 1
	exit 0
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
python() {
	.venv/bin/python -W ignore "$@" 2>&1 | tee -a "$log"
	[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
}
if [ $# -eq 0 ]; then
	python tests/interop/interop.py "$build/picklefork"
	for script in tests/interop/interop_*.py; do
		[ -e "$script" ] && python "$script" "$build/picklefork"
	done
fi
python tests/interop/random_files.py "$@" "$build"
# One count for all of them.
sed -nE 's/^interop[^:]*: ([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$log" |
	awk '{ p += $1; f += $2 } END { printf "interop in all: %d passed, %d failed\n", p, f }'
exit $failed
