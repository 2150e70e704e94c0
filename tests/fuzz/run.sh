#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes one target: run.sh BUILD TARGET SECONDS.  The corpus that it finds is
# kept in BUILD/fuzz-corpus/TARGET; crashes go to BUILD/fuzz-crashes.  An input
# may take a second of processor time (fuzz_job.c); the ten here are by the clock.
set -u
build=$1 target=$2 seconds=$3
here=$(cd "$(dirname "$0")" && pwd)
corpus=$build/fuzz-corpus/$target
mkdir -p "$corpus" "$build/fuzz-crashes"
seeds=$build/fuzz-seeds/$target
[ -d "$seeds" ] || seeds=
dict=$here/$target.dict
[ -f "$dict" ] || dict=$here/${target%%-*}.dict # flax-msgpack
[ -f "$dict" ] || dict=$here/${target##*-}.dict # torch-zip
[ -f "$dict" ] || dict=
committed=$here/corpus/$target
[ -d "$committed" ] || committed=
exec "$build/fuzz/fuzz/$target" -max_total_time="$seconds" -timeout=10 \
	-rss_limit_mb=1024 -malloc_limit_mb=256 -max_len=65536 \
	-print_final_stats=1 -artifact_prefix="$build/fuzz-crashes/$target-" \
	${dict:+-dict="$dict"} "$corpus" ${seeds:+"$seeds"} ${committed:+"$committed"}
