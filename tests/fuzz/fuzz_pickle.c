/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_pickle.c - the pickle machine, the verdict and the walk over one stream
 * (bytes after STOP are read for the verdict).  Its output is judged like that
 * of a whole file.
 */
#include "formats.h"
#include "fuzz_job.h"
#include "fuzz_session.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job *job = fuzz_job(data, size, GO_SCALARS);
	const uint8_t *sent;
	size_t length;

	if (setjmp(job->stop) == 0) {
		job->sink = sink_new(job);
		sink_format(job, "pickle");
		pickle_file_parse(job);
		sink_done(job);
	} else if (job->sink != NULL && setjmp(job->stop) == 0) {
		sink_fault(job);
	}
	sent = fuzz_sent(&length);
	fuzz_session_must_accept(sent, length, size);
	return 0;
}
