#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proofs by Frama-C (25) and Z3 that pure arithmetic has no run-time error:
#   WP   functions that loop over what a file or the worker says, one by one,
#        for every input, from the contracts in the sources (comments with an @)
#   Eva  the broker's check_*() as a whole, on messages and totals of which
#        nothing is known; what WP has proved stands for itself by its contract
# Each goal is counted; one that is not proved has failed.
set -u
cd "$(dirname "$0")/../.."
passed=0
failed=0
# A home of its own: why3 keeps its list of provers there.
HOME=$(mktemp -d) || exit 1
export HOME
log=$HOME/log
trap 'rm -rf "$HOME"' EXIT
why3 config detect >/dev/null 2>&1
common=(-machdep gcc_x86_64)
cpp() { echo "-D_GNU_SOURCE -Itests/analysis -include tests/analysis/frama_gcc.h $*"; }

# name, include paths, further option or "", functions, file
wp() {
	local name=$1 paths=$2 option=$3 functions=$4 file=$5 line total proved
	frama-c "${common[@]}" -cpp-extra-args="$(cpp "$paths")" $option \
		-wp -wp-rte -wp-prover z3 -wp-timeout 60 -wp-par 2 \
		-wp-fct "$functions" "$file" >"$log" 2>&1
	line=$(grep -E 'Proved goals:' "$log" | tail -n 1)
	proved=$(sed -E 's/.*: *([0-9]+) *\/.*/\1/' <<<"$line")
	total=$(sed -E 's/.*\/ *([0-9]+).*/\1/' <<<"$line")
	if [ -z "$line" ] || [ "$total" -eq 0 ]; then
		echo "prove: $name: Frama-C proved nothing:"
		tail -n 20 "$log"
		failed=$((failed + 1))
		return
	fi
	echo "  $name: $proved of $total goals"
	passed=$((passed + proved))
	[ "$proved" -eq "$total" ] && return
	failed=$((failed + total - proved))
	grep -E '^\[wp\].*: (Failed|Unknown|Timeout)' "$log"
}

# Every alarm, and every precondition that is not proved, is a failure.
eva() {
	local name=$1 paths=$2 known=$3 alarms valid open
	shift 3
	frama-c "${common[@]}" -cpp-extra-args="-DFRAMA_EVA $(cpp "$paths")" \
		-no-warn-invalid-bool -eva -eva-precision 4 \
		-eva-auto-loop-unroll 130 -eva-split-return auto \
		-eva-use-spec "$known" -eva-no-print "$@" >"$log" 2>&1
	valid=$(sed -nE 's/.*Preconditions *([0-9]+) valid.*/\1/p' "$log")
	open=$(sed -nE 's/.*Preconditions.* ([0-9]+) unknown *([0-9]+) invalid.*/\1 \2/p' "$log")
	alarms=$(grep -c '^\[eva:alarm\]' "$log")
	if ! grep -q 'ANALYSIS SUMMARY' "$log"; then
		echo "prove: $name: Eva did not get to its end:"
		tail -n 20 "$log"
		failed=$((failed + 1))
		return
	fi
	grep -A2 '^\[eva:alarm\]' "$log"
	echo "  $name: $alarms alarms, $valid preconditions proved, not: $open"
	passed=$((passed + valid))
	if [ "$alarms" -eq 0 ] && [ "$open" = "0 0" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

wp "cursor" "-iquote worker -iquote proto" "" \
	cursor_over,cursor_bytes,little,cursor_u8,cursor_u16le,cursor_u32le,cursor_u64le,cursor_u64be,cursor_line \
	worker/cursor.c
wp "shapes" "-iquote proto" "" \
	shape_count,shape_bytes,shape_span,shape_strides,shape_is_contiguous,dtype_element_bytes,frama_add,frama_mul \
	proto/dtype.c
wp "text from the worker" "-iquote broker -Iinclude -iquote proto" "" \
	utf8_sequence,eight_bytes,check_utf8,is_index broker/check.c
wp "a zip member's interval" \
	"-iquote worker -iquote worker/formats -iquote proto" \
	-warn-unsigned-overflow member_fits worker/formats/zip_local.c
eva "the broker's checks" "-iquote broker -Iinclude -iquote proto" \
	check_utf8,is_index,shape_count,shape_bytes,shape_span,shape_is_contiguous \
	tests/analysis/frama_check.c broker/check.c broker/check_piece.c \
	broker/check_storage.c proto/dtype.c

echo "prove: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
