#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the harness must see, it sees: planted.sh BUILD.  Each bug of
# fuzz_planted.c is one input, and must be reported as what it is; the inputs
# without a bug must not be.
set -u
build=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0
failed=0
try() { # INPUT, text of the report ('' for none)
	printf %s "$1" >"$dir/$1"
	"$build/fuzz/fuzz/planted" -timeout=10 -rss_limit_mb=1024 \
		-malloc_limit_mb=256 -artifact_prefix="$dir/" "$dir/$1" >"$dir/out" 2>&1
	local status=$?
	if { [ -z "$2" ] && [ $status -eq 0 ]; } ||
		{ [ -n "$2" ] && [ $status -ne 0 ] && grep -q "$2" "$dir/out"; }; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 20 "$dir/out"
		echo "FAILED: planted $1: exit $status, wanted '$2'"
	fi
}
try clean ''
try exact-tensor ''
try hang 'it took over 1 s'
try memory 'out-of-memory'
try tensor-outside 'the broker refuses what the parser sent'
try red-zone 'use-after-poison'
try overread 'heap-buffer-overflow'
try undefined 'signed integer overflow'
echo "fuzz-planted: $passed passed, $failed failed"
[ $failed -eq 0 ]
