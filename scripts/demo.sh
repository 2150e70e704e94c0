#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows ls, scan and convert on the bundled checkpoint, and says what it did.
set -eu
cli=$1
here=$(cd "$(dirname "$0")/.." && pwd)
file=$here/tests/fixtures/demo.pt
out=$(mktemp -d "${TMPDIR:-/tmp}/picklefork-demo.XXXXXX")
trap 'rm -rf "$out"' EXIT
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n$ %s\n' "$*"; }

cat <<EOF
tests/fixtures/demo.pt is a checkpoint that torch 2.13 wrote after training a
small network: weights, Adam's state, and the argparse.Namespace of the run.
torch.load(weights_only=True) refuses it.  picklefork opens it in a jail.
EOF
say picklefork ls demo.pt
"$cli" ls "$file"
say picklefork scan demo.pt
"$cli" scan "$file"
say picklefork convert demo.pt -o demo.safetensors
"$cli" convert "$file" -o "$out/demo.safetensors"
ls -l "$out/demo.safetensors" | awk '{print $5 " bytes written"}'
say picklefork doctor
"$cli" doctor
