#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Interop with real torch.  Arguments: the CLI, the make to use.  Without the
# virtual environment it is skipped, loudly; in CI that is a failure.
set -u
cli=$1
make=${2:-make}
if ! $make --no-print-directory venv; then
	echo "########################################################"
	echo "## SKIPPED: interop (no .venv with torch could be made) ##"
	echo "########################################################"
	[ "${CI:-}" = true ] && exit 1
	exit 0
fi
failed=0
.venv/bin/python -W ignore tests/interop/interop.py "$cli" || failed=1
for script in tests/interop/interop_*.py; do
	.venv/bin/python -W ignore "$script" "$cli" || failed=1
done
exit $failed
