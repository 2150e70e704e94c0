#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs into a directory with blanks in its name and uses what is there the
# way a stranger would: a C program that knows only pkg-config, as C17, as
# strict C99 and as C++; linked shared and static; the command; the man pages;
# then everything is removed again.  Argument: the build directory.
set -eu
build=${1:-build}
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix="$work/a prefix with blanks/usr"
mkdir -p "$prefix"
cd "$source"

passed=0
fail() {
	echo "install-test: $*" >&2
	echo "install-test: $passed passed, 1 failed"
	exit 1
}
pass() { passed=$((passed + 1)); }

PYTHONPATH=tests/gen PYTHONDONTWRITEBYTECODE=1 python3 - "$work/model.pt" <<'END'
import struct, sys
from pickle_asm import torch_pickle, torch_tensor
from zip_writer import torch_zip
data = struct.pack("<6f", 1, 2, 3, 4, 5, 42.5)
with open(sys.argv[1], "wb") as f:
    f.write(torch_zip(torch_pickle({"w": torch_tensor()}), {"0": data}))
END

make -s BUILD="$build" PREFIX="$prefix" install >"$work/log" 2>&1 ||
	{ cat "$work/log"; fail "make install failed"; }
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
export LD_LIBRARY_PATH="$prefix/lib"

# pkg-config escapes blanks for a shell to read again.
build_with() { # output, compiler and flags, pkg-config flags
	eval "$2 tests/install/program.c -o \"$work/$1\"" \
	    "$(pkg-config $3 --cflags --libs picklefork)" ||
		fail "$1 does not compile"
	got=$("$work/$1" "$work/model.pt") || fail "$1 does not load: $got"
	[ "$got" = "F32 42.5" ] || fail "$1 says '$got'"
	pass
}
build_with plain "cc" ""
build_with c99 "cc -std=c99 -Wall -Wextra -Wpedantic -Werror" ""
build_with cpp "c++ -x c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror" ""
build_with static "cc -static" "--static"
[ "$(pkg-config --modversion picklefork)" = "0.1.0" ] || fail "version"
readelf -d "$work/plain" | grep -q 'NEEDED.*libpicklefork\.so\.0\]' ||
	fail "the SONAME is not what programs ask for"
pass

# The command finds the installed worker, not one of the build tree.
cd /
worker=$("$prefix/bin/picklefork" doctor --json |
	python3 -c 'import json, sys; print(json.load(sys.stdin)["worker"])')
[ "$worker" = "$prefix/libexec/picklefork/picklefork-worker" ] ||
	fail "doctor names the worker $worker"
[ "$("$prefix/bin/picklefork" ls -q "$work/model.pt")" = \
    "F32    [2, 3]        24 B  w" ] || fail "ls"
pass
if command -v man >/dev/null && man -w man >/dev/null 2>&1; then
	MANPATH="$prefix/share/man" man -w picklefork >/dev/null || fail "man 1"
fi
cd "$source"
make -s BUILD="$build" PREFIX="$prefix" uninstall >/dev/null
left=$(find "$prefix" ! -type d)
[ -z "$left" ] || fail "uninstall leaves $left"
pass

# DESTDIR: the same files under another root, and nothing outside of it.
make -s BUILD="$build" DESTDIR="$work/root dir" PREFIX=/opt/pf install \
	>"$work/log" 2>&1 || { cat "$work/log"; fail "DESTDIR"; }
[ -x "$work/root dir/opt/pf/libexec/picklefork/picklefork-worker" ] ||
	fail "DESTDIR misses the worker"
grep -q "^libdir=/opt/pf/lib$" "$work/root dir/opt/pf/lib/pkgconfig/picklefork.pc" ||
	fail "the .pc file names the DESTDIR"
[ ! -e /opt/pf ] || fail "something was installed outside of DESTDIR"
make -s BUILD="$build" all >/dev/null
pass

# For whoever has a private umask too, others may read what is for all.
(umask 077; make -s BUILD="$build" DESTDIR="$work/private" PREFIX=/opt/pf \
	install >"$work/log" 2>&1) || { cat "$work/log"; fail "umask 077"; }
[ "$(stat -c %a "$work/private/opt/pf/lib/pkgconfig/picklefork.pc")" = 644 ] ||
	fail "the .pc file has the umask's mode"
make -s BUILD="$build" all >/dev/null
pass

# A path beneath the current directory would be another one for every user.
refuses() { # the message, arguments of make
	want=$1
	shift
	if make -s BUILD="$build" "$@" >"$work/log" 2>&1; then
		fail "make $* is not refused"
	fi
	grep -q "$want" "$work/log" || { cat "$work/log"; fail "make $*"; }
	pass
}
for name in PREFIX BINDIR LIBDIR LIBEXECDIR INCLUDEDIR MANDIR; do
	refuses "\*\*\* $name=inst: it must be an absolute path" \
		DESTDIR="$work/no" "$name=inst" install
done
[ ! -e "$work/no" ] || fail "something was installed that was refused"

# And a library that was built so otherwise runs nothing.
mkdir -p "$work/here/inst" "$work/gen"
echo '#define PFORK_WORKER_PATH "inst/picklefork-worker"' >"$work/gen/paths.h"
printf '#!/bin/sh\necho ran >&2\n' >"$work/here/inst/picklefork-worker"
chmod +x "$work/here/inst/picklefork-worker"
make -s BUILD="$build" "$build/release/libbroker.a" \
	"$build/release/libproto.a" >/dev/null
cc -std=c17 -D_GNU_SOURCE -I"$work/gen" -Ibroker -Iinclude -Iproto \
	tests/install/program.c broker/worker_path.c "$build/release/libbroker.a" \
	"$build/release/libproto.a" -lprotobuf-c -lpthread -o "$work/relative" ||
	fail "a program with another worker path does not build"
got=$(cd "$work/here" && "$work/relative" "$work/model.pt" 2>&1) || true
[ "$got" = "the library was built with a worker path that is not absolute" ] ||
	fail "a relative worker path: $got"
pass

# What is misspelt is told before anything is fetched or built.
refuses "TIME=abc: it must be a number over 0" fuzz TARGET=pickle TIME=abc
refuses "TIME=0: it must be" fuzz TIME=0
refuses "TARGET=nonsense: it must be one of: .*torch-zip" fuzz TARGET=nonsense
refuses "TARGET=: it must be one of" fuzz TARGET=
refuses "SMOKE_TIME=1m: it must be" fuzz-smoke SMOKE_TIME=1m
refuses "LONG_TARGET=nonsense: it must" fuzz-long LONG_TARGETS="npy nonsense"
refuses "PAIRS=many: it must be" bench PAIRS=many
refuses "F=assan: it must be one of: .*asan" F=assan unit
echo "install-test: $passed passed, 0 failed"
