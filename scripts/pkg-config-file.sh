#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writes picklefork.pc.  Arguments: include directory, library directory,
# version.  pkg-config splits what it reads at blanks, unless they are escaped.
set -eu
escape() {
	printf '%s' "$1" | sed 's/[^A-Za-z0-9_./+:@%-]/\\&/g'
}
cat <<END
includedir=$(escape "$1")
libdir=$(escape "$2")

Name: picklefork
Description: Open an untrusted machine-learning checkpoint, get its tensors
Version: $3
Requires.private: libprotobuf-c
Libs: -L\${libdir} -lpicklefork
Libs.private: -lpthread
Cflags: -I\${includedir}
END
