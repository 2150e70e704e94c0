#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows ls, scan and convert on the bundled checkpoint, and says what it did.
set -eu
cli=$(realpath "$1")
here=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp -d "${TMPDIR:-/tmp}/picklefork-demo.XXXXXX")
trap 'rm -rf "$out"' EXIT
cd "$out"
cp "$here/tests/fixtures/demo.pt" .
say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n$ %s\n' "$*"; }

cat <<EOF
tests/fixtures/demo.pt is a checkpoint that torch 2.13 wrote after training a
small network: weights, Adam's state, and the argparse.Namespace of the run.
torch.load(weights_only=True) refuses it.  picklefork opens it in a jail.
EOF
say picklefork ls demo.pt
"$cli" ls demo.pt
say picklefork scan demo.pt
"$cli" scan demo.pt
say picklefork convert demo.pt -o demo.safetensors
"$cli" convert demo.pt -o demo.safetensors
wc -c demo.safetensors
say picklefork doctor
"$cli" doctor
