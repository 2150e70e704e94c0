#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves from the object files that no parser makes a system call: every
# undefined symbol of the parser archive is defined there, in the proto archive,
# or stands on the list given.  The generated protobuf code may also use what
# protobuf-c exports.
set -eu
parser=$1
proto=$2
shift 2
allowed=$(printf '%s\n' "$@")
known=$(nm --defined-only "$parser" "$proto" 2>/dev/null | awk 'NF==3{print $3}' | sort -u)
bad=$(nm -A --undefined-only "$parser" | sed -E 's/^[^:]*:([^:]*):.* U (.*)$/\1 \2/' |
	while read -r object symbol; do
		case "$symbol" in
		_GLOBAL_OFFSET_TABLE_ | __asan_* | __ubsan_* | __gcov_* | mcount) continue ;;
		esac
		grep -qxF -- "$symbol" <<<"$known" && continue
		grep -qxF -- "$symbol" <<<"$allowed" && continue
		echo "$object calls $symbol"
	done | sort -u)
if [ -n "$bad" ]; then
	echo "check-pure: a parser must not call into the system:" >&2
	echo "$bad" >&2
	exit 1
fi
# The system calls themselves, by instruction, in case of inline assembly.
if objdump -d "$parser" | grep -qE '\s(syscall|sysenter|int +\$0x80)\b'; then
	echo "check-pure: a parser object holds a system call instruction" >&2
	exit 1
fi
echo "check-pure: $(nm "$parser" 2>/dev/null | grep -c '\.o:$') parser objects, no system call"
