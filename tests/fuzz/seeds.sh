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
mkdir -p "$out"/{file,pickle,zip,session,tight}
for script in "$here"/gen/gen_*.py; do
	[ -f "$script" ] || continue
	name=$(basename "$script" .py)
	mkdir -p "$tmp/$name"
	python3 "$script" "$tmp/$name" >/dev/null
done
find "$tmp" "$here/fixtures" -type f -size -24k ! -name 'manifest*.json*' ! -name '*.py' |
	while read -r f; do
		name=$(cksum <"$f" | tr ' ' -)
		cp "$f" "$out/file/$name"
		{ cat "$f" && printf '\x07\x80'; } >"$out/tight/$name"
		case "$(head -c 2 "$f" | od -An -tx1 | tr -d ' ')" in
		504b) cp "$f" "$out/zip/$name" ;;
		*) cp "$f" "$out/pickle/$name" ;;
		esac
		"$tool" frames "$f" "$tmp/frames" || continue
		[ "$(stat -c %s "$tmp/frames")" -gt 4096 ] ||
			cp "$tmp/frames" "$out/session/$name"
		# The first frame says which format it is: head, tag, length.
		format=$(tail -c +8 "$tmp/frames" | head -c "$(od -An -tu1 -j 6 -N 1 "$tmp/frames")")
		case "$(od -An -tu1 -j 4 -N 1 "$tmp/frames")$format" in
		*3[a-z]*) mkdir -p "$out/$format" && cp "$f" "$out/$format/$name" ;;
		esac
	done
cp -r "$out/session" "$out/wire"
cp -r "$out/file" "$out/delivery"
echo "seeds: $(find "$out/file" -type f | wc -l) files"
