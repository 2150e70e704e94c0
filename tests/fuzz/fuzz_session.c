/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_session.c - the broker against an owned worker: bytes are what the worker
 * says after Go.  What is accepted must hold: every tensor inside its storage.
 */
#include "fuzz_job.h"
#include "fuzz_session.h"
#include "mutate.h"

#define INPUT_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session *s = fuzz_session_open(INPUT_BYTES,
	    GO_SCALARS | GO_PIECES);

	if (s == NULL)
		return 0;
	fuzz_session_feed(s, data, size);
	fuzz_session_must_hold(s);
	fuzz_session_close(s);
	return 0;
}

FUZZ_MUTATOR(mutate_frames)
