#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes tests/fuzz/corpus anew: corpus_min.sh BUILD TARGET...  For each target
# the smallest inputs, of those that are there, that reach all that they all
# reach, up to CORPUS_BYTES for one target, so that all stays under 1 MiB.
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
most=${CORPUS_BYTES:-80000}
for target in "$@"; do
	old=$here/corpus/$target
	new=$build/corpus-min/$target
	rm -rf "$new"
	mkdir -p "$new" "$old"
	dirs=("$old")
	for dir in "$build/fuzz-corpus/$target" "$build/fuzz-seeds/$target"; do
		[ ! -d "$dir" ] || dirs+=("$dir")
	done
	"$build/fuzz/fuzz/$target" -merge=1 -timeout=1 -rss_limit_mb=1024 \
		-max_len=8192 "$new" "${dirs[@]}" >/dev/null 2>&1
	rm -rf "$old"
	mkdir -p "$old"
	sum=0
	while read -r size name; do
		sum=$((sum + size))
		[ $sum -le "$most" ] || break
		cp "$new/$name" "$old/$(cksum <"$new/$name" | tr ' ' -)"
	done < <(find "$new" -type f -printf '%s %f\n' | sort -n)
	echo "corpus: $target: $(find "$old" -type f | wc -l) of $(find "$new" -type f | wc -l) files"
done
