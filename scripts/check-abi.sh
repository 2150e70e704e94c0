#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Only pfork_* may be exported, all that the header declares, and nothing that
# it does not.  Arguments: shared library, static library, header.
set -eu
shared=$(nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | sort -u)
static=$(nm -g --defined-only "$2" | awk 'NF == 3 { print $3 }' | sort -u)
declared=$(grep -oE '\bpfork_[a-z_]+\(' "$3" | tr -d '(' | sort -u)
for library in shared static; do
	[ -n "${!library}" ] || { echo "check-abi: $library exports nothing"; exit 1; }
	odd=$(comm -3 <(echo "${!library}") <(echo "$declared"))
	if [ -n "$odd" ]; then
		echo "check-abi: the $library library and the header differ:"
		echo "$odd"
		echo "(left: exported only; right: declared only)"
		exit 1
	fi
done
echo "check-abi: $(wc -l <<<"$shared") functions, all of them pfork_*"
