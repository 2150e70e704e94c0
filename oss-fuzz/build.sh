#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# OSS-Fuzz calls this in its own container: CC, CFLAGS, LIB_FUZZING_ENGINE, OUT
# and SRC are its.  The sources are those of the release; SAN is empty because
# the sanitizer's flags are in CFLAGS.
cd "$SRC/picklefork"
targets=$(make -s --no-print-directory fuzz-list)
make -j"$(nproc)" F=oss CC="$CC" SAN= CFLAGS="$CFLAGS -U_FORTIFY_SOURCE" \
	LDFLAGS="$CFLAGS" FUZZ_ENGINE="$LIB_FUZZING_ENGINE" \
	FUZZ_LIBRARIES="-l:libprotobuf-c.a -l:libdeflate.a \
	-l:libbz2.a -l:liblzma.a -l:liblz4.a" fuzz-build
for target in $targets; do
	cp "build/oss/fuzz/$target" "$OUT/fuzz_$target"
	for dict in "$target" "${target%%-*}" "${target##*-}"; do
		[ -f "tests/fuzz/$dict.dict" ] || continue
		cp "tests/fuzz/$dict.dict" "$OUT/fuzz_$target.dict"
		break
	done
	find "tests/fuzz/corpus/$target" "tests/fuzz/corpus/regress/$target" \
		-type f -print0 2>/dev/null |
		xargs -0 -r zip -q -j "$OUT/fuzz_${target}_seed_corpus.zip"
done
