#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves of a linked worker that its own start (worker/start.c) is all the start
# that it needs, and that nothing of libc came along:
#	check-start.sh WORKER OBJECT...		the objects of worker/start*.c
# The build runs it on every worker; one that it refuses is not there.
set -eu
export LC_ALL=C
worker=$1
shift
bad=0
refuse() { # what, why
	[ -z "$1" ] || { printf 'check-start: %s: %s\n' "$2" "$(tr '\n' ' ' <<<"$1")" >&2; bad=1; }
}
headers=$(readelf -hlW "$worker")
symbols=$(nm "$worker" | awk '{ print $NF }' | sort -u)

# Position-independent, hardened as ever, and without a loader.
grep -qE '^ +Type: +DYN' <<<"$headers" || refuse "$worker" "no position-independent program"
grep -qE '^ +GNU_RELRO ' <<<"$headers" || refuse "$worker" "no RELRO"
grep -qE '^ +GNU_STACK .* RW +0x' <<<"$headers" || refuse "$worker" "a stack that is not RW"
refuse "$(grep -oE '^ +(INTERP|TLS) ' <<<"$headers" || true)" "a segment that needs libc's start"
refuse "$(awk '/^ +(LOAD|GNU_RELRO)/ && / (RWE|WE|R?WE) /' <<<"$headers")" "writable and executable"

# What start.c has code for.
refuse "$(readelf -rW "$worker" | awk '$3 ~ /^R_/ && $3 != "R_X86_64_RELATIVE"' | head -5)" \
	"a relocation that is not relative (IRELATIVE is an ifunc)"
refuse "$(readelf -dW "$worker" | awk '/^ 0x/ { print $2 }' | tr -d '()' | grep -vxE \
	'(GNU_)?HASH|STRTAB|SYMTAB|STRSZ|SYMENT|DEBUG|RELA(SZ|ENT|COUNT)?|RELR(SZ|ENT)?|FLAGS(_1)?|BIND_NOW|INIT_ARRAY(SZ)?|NULL' || true)" \
	"a tag of the dynamic section"
# liblzma 5.4 has one, which looks at the processor.
refuse "$(readelf -dW "$worker" | awk '/INIT_ARRAYSZ/ && $3 > 8')" "more than one constructor"

# No libc.
refuse "$(nm -u "$worker")" "undefined"
refuse "$(readelf --dyn-syms -W "$worker" | awk '$1 ~ /^[1-9]/ && $4 != "SECTION"')" "a dynamic symbol"
refuse "$(grep -E '^(__libc_|_dl_|_IO_|_nl_|__GI_|__tls|__tunable|__init_|_init$|_fini$|.*printf$|strto|setlocale|.*qsort|abort$|raise$|__errno$)' <<<"$symbols" |
	grep -vx '__fprintf_chk' || true)" "libc's"
# Names of libc that stand for nothing but an illegal instruction.
absent=$(nm "$worker" | awk '$3 == "start_absent" { print $1 }')
[ -n "$absent" ] || refuse "$worker" "no start_absent"
for name in malloc calloc free __assert_fail exit fopen64 fwrite __fprintf_chk; do
	at=$(nm "$worker" | awk -v name="$name" '$3 == name { print $1 }')
	[ -z "$at" ] || [ "$at" = "$absent" ] || refuse "$name" "is not absent"
done

# A system call is made in the start's own functions, and by no library; functions
# look at the canary.
own=$(nm --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort -u)
code=$(objdump -d --no-show-raw-insn "$worker")
[ "$(grep -c '%fs:0x28' <<<"$code")" -gt 100 ] || refuse "$worker" "no stack protector"
callers=$(awk '/^[0-9a-f]+ <.*>:$/ { f = $2; gsub(/[<>:]/, "", f) }
	    $2 == "syscall" || $2 == "sysenter" || ($2 == "int" && $3 == "$0x80") { print f }' <<<"$code" | sort -u)
[ -n "$callers" ] || refuse "$worker" "no system call at all was found"
refuse "$(grep -vxF -f <(printf '%s\n' "$own") <<<"$callers" || true)" "makes a system call"
exit $bad
