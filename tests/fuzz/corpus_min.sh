#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes tests/fuzz/corpus anew: corpus_min.sh BUILD TARGET...  For each target
# the fewest inputs, of those that are there and not too large, that reach all
# edges that they all reach; of these the smallest, so that all of it stays under
# 2 MiB.  (The rest comes from the generators: seeds.sh.)
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for target in "$@"; do
	old=$here/corpus/$target
	most=3000 room=90000
	case $target in
	torch-zip) room=300000 ;;
	torch-tar) most=16000 room=150000 ;; # blocks of 512
	esac
	rm -rf "${tmp:?}"/*
	mkdir -p "$tmp/all" "$tmp/new" "$old"
	for dir in "$old" "$build/fuzz-corpus/$target" "$build/fuzz-seeds/$target"; do
		[ ! -d "$dir" ] || find "$dir" -type f -size -"$((most + 1))"c \
			-exec cp -t "$tmp/all" {} +
	done
	"$build/fuzz/fuzz/$target" -set_cover_merge=1 -use_counters=0 -timeout=10 \
		-rss_limit_mb=1024 "$tmp/new" "$tmp/all" >/dev/null 2>&1
	rm -rf "$old"
	mkdir -p "$old"
	used=0
	while read -r size name; do
		used=$((used + size))
		[ $used -le "$room" ] || break
		cp "$tmp/new/$name" "$old/$(cksum <"$tmp/new/$name" | tr ' ' -)"
	done < <(find "$tmp/new" -type f -printf '%s %f\n' | sort -n)
	echo "corpus: $target: $(find "$old" -type f | wc -l) of $(find "$tmp/new" -type f | wc -l) files"
done
echo "corpus: $(du -sb "$here/corpus" | cut -f1) bytes"
