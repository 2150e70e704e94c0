#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Seeds for the fuzz targets: seeds.sh OUTDIR.  Small fixtures and every small
# file that the generators write.
set -eu
out=$1
here=$(cd "$(dirname "$0")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rm -rf "$out"
mkdir -p "$out/file" "$out/pickle" "$out/zip"
for script in "$here"/gen/gen_*.py; do
	[ -f "$script" ] || continue
	name=$(basename "$script" .py)
	mkdir -p "$tmp/$name"
	python3 "$script" "$tmp/$name" >/dev/null
done
find "$tmp" "$here/fixtures" -type f -size -24k ! -name '*.json*' ! -name '*.py' |
	while read -r f; do
		case "$(head -c 2 "$f" | od -An -tx1 | tr -d ' ')" in
		504b) cp "$f" "$out/zip/$(cksum <"$f" | tr ' ' -)" ;;
		*) cp "$f" "$out/pickle/$(cksum <"$f" | tr ' ' -)" ;;
		esac
		cp "$f" "$out/file/$(cksum <"$f" | tr ' ' -)"
	done
echo "seeds: $(ls "$out/file" | wc -l) files"
