#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The -I flags of each room keep broker and worker apart; this closes the ways
# round them: relative includes, and the public header inside the worker.
set -eu
cd "$(dirname "$0")/../.."
bad=$(grep -rnE '#[[:space:]]*include[[:space:]]*"(\.\.|/|broker/|worker/|proto/)' \
	broker worker proto include --include='*.[ch]' || true)
bad+=$(grep -rnE '#[[:space:]]*include[[:space:]]*["<](picklefork\.h|check\.h|session\.h|checkpoint\.h)' \
	worker proto --include='*.[ch]' || true)
bad+=$(grep -rlE '#[[:space:]]*include.*(pb-c\.h|protobuf-c)' broker worker proto --include='*.[ch]' |
	grep -vE '^proto/(wire|wire_inside|wire_tensor|canonical)\.' | sed 's/$/: sees generated protobuf code/' || true)
bad+=$(grep -rnE '#[[:space:]]*include[[:space:]]*"(frame|wire|dtype|limits|checkpoint|session|check|spawn|error)\.h"' \
	broker/cli broker/server --include='*.[ch]' || true)
if [ -n "$bad" ]; then
	echo "check-rooms: a wall has a hole:" >&2
	echo "$bad" >&2
	exit 1
fi
echo "check-rooms: no room includes another one's headers"
