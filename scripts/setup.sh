#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, and only that, with apt; says so first.  Argument:
# `build` (to compile and run), `fuzz` (also to fuzz), `test` (also to test),
# `ci` (also to lint), `bench` (peers of the benchmarks).
set -eu
build="gcc make pkg-config libc6-dev libseccomp-dev protobuf-c-compiler
 protobuf-compiler libprotobuf-c-dev libdeflate-dev libbz2-dev liblzma-dev
 liblz4-dev libssl-dev binutils"
fuzz="$build clang libclang-rt-14-dev python3"
test="$build python3 python3-venv libcmocka-dev strace procps g++"
ci="$test clang clang-tidy clang-format cppcheck libclang-rt-14-dev gcovr git
 valgrind clang-tools frama-c-base why3 z3 libzip4"
bench="$test libsimdjson-dev"
case "${1:-build}" in
build) want=$build ;;
fuzz) want=$fuzz ;;
test) want=$test ;;
ci) want=$ci ;;
bench) want=$bench ;;
*) echo "usage: setup.sh build|fuzz|test|ci|bench" >&2; exit 64 ;;
esac
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	echo "setup: no apt here; install the equivalents of:" $want >&2
	exit 0
fi
missing=
for package in $want; do
	state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
	case "$state" in
	ii*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0
echo "setup: installing with apt:$missing"
run=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "setup: not root and no sudo; as root, run:" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	run=sudo
fi
$run apt-get update -qq
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	--no-install-recommends $missing >/dev/null
