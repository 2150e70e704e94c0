/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_file.c - whole files: recognise, parse, send.  What is sent must be what
 * the broker accepts: a frame that it refuses is a finding, as is a crash, an
 * input that takes a second, or one that needs 256 MiB.
 */
#include "fuzz_job.h"
#include "fuzz_session.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t flags = GO_SCALARS | GO_VERIFY;
	struct job *job = fuzz_job(data, size, flags);
	const uint8_t *sent;
	size_t length;

	(void)job_run(job);
	fuzz_job_in_time();
	sent = fuzz_sent(&length);
	fuzz_session_must_accept(sent, length, size, flags);
	return 0;
}

FUZZ_MUTATOR(mutate_any)
