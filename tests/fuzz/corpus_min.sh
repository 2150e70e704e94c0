#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes tests/fuzz/corpus anew: corpus_min.sh BUILD TARGET...  For each target
# the smallest inputs, of those that are there, that reach all that they all
# reach; of these CORPUS_FILES of every size up to CORPUS_BYTES, so that all of
# it stays under 1 MiB.  (The rest comes from the generators: seeds.sh.)
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
most=${CORPUS_BYTES:-1500}
files=${CORPUS_FILES:-100}
for target in "$@"; do
	old=$here/corpus/$target
	new=$build/corpus-min/$target
	rm -rf "$new"
	mkdir -p "$new" "$old"
	dirs=("$old")
	for dir in "$build/fuzz-corpus/$target" "$build/fuzz-seeds/$target"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	"$build/fuzz/fuzz/$target" -merge=1 -timeout=10 -rss_limit_mb=1024 \
		-max_len=8192 "$new" "${dirs[@]}" >/dev/null 2>&1
	rm -rf "$old"
	mkdir -p "$old"
	find "$new" -type f -size -"$((most + 1))"c -printf '%s %f\n' | sort -n >"$new.list"
	step=$((($(wc -l <"$new.list") + files - 1) / files))
	while read -r _ name; do
		cp "$new/$name" "$old/$(cksum <"$new/$name" | tr ' ' -)"
	done < <(awk -v step="$step" 'NR % step == 0' "$new.list")
	echo "corpus: $target: $(find "$old" -type f | wc -l) of $(find "$new" -type f | wc -l) files"
done
