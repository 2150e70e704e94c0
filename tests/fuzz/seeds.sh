#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Seeds for the fuzz targets: seeds.sh OUTDIR PICKLEFORK-FUZZ.  Small fixtures
# and every small file that the generators write, by what they are; for the
# broker's side, what the parser says of them.
set -eu
out=$1 tool=$2
here=$(cd "$(dirname "$0")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
rm -rf "$out"
mkdir -p "$out"/{file,pickle,zip,torch-zip,session,wire,legacy,npy,npz,gguf,safetensors}
for script in "$here"/gen/gen_*.py; do
	[ -f "$script" ] || continue
	name=$(basename "$script" .py)
	mkdir -p "$tmp/$name"
	python3 "$script" "$tmp/$name" >/dev/null
done
find "$tmp" "$here/fixtures" -type f -size -24k ! -name '*.json*' ! -name '*.py' |
	while read -r f; do
		name=$(cksum <"$f" | tr ' ' -)
		case "$(head -c 9 "$f" | od -An -tx1 | tr -d ' \n')" in
		504b*) kinds="zip torch-zip npz" ;;
		934e554d*) kinds=npy ;;
		47475546* | 46554747*) kinds=gguf ;;
		????????????????7b) kinds=safetensors ;;
		*) kinds="pickle legacy" ;;
		esac
		for kind in file $kinds; do
			cp "$f" "$out/$kind/$name"
		done
		"$tool" frames "$f" "$tmp/frames" || continue
		[ "$(stat -c %s "$tmp/frames")" -gt 4096 ] ||
			cp "$tmp/frames" "$out/session/$name"
	done
cp "$out"/session/* "$out/wire/"
echo "seeds: $(find "$out/file" -type f | wc -l) files"
