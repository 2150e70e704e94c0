#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command for so many seconds at most: what hangs is a failure that can
# be read, and not a run that somebody else must end.  The command gets a
# process group of its own, all of which is killed then; its status is ours,
# and 124 is one that did not end.
set -um
seconds=$1
shift
timeout -k 10 "$seconds" "$@" &
pid=$!
trap 'kill -TERM "$pid" 2>/dev/null; wait "$pid"; exit 130' INT TERM HUP
wait "$pid" 2>/dev/null
status=$?
if [ "$SECONDS" -ge "$seconds" ] && { [ $status -eq 124 ] || [ $status -eq 137 ]; }
then
	# Those that did not heed the first signal, and hold our output open.
	kill -KILL -- "-$pid" 2>/dev/null
	echo "!! not done after $seconds s, killed: $*" >&2
	exit 124
fi
exit "$status"
