/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_zip.c - the zip directory, and every member's bytes.
 */
#include "fuzz_job.h"
#include "sink.h"
#include "zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_members(struct job *job)
{
	struct zip zip;

	zip_open(job, &zip);
	for (uint32_t i = 0; i < zip.count; i++) {
		const struct zip_member *m = &zip.members[i];
		size_t mark = arena_mark(&job->arena);
		const volatile uint8_t *bytes;
		uint8_t sum = 0;

		if (zip_find(job, &zip, m->name, m->name_len) != m)
			__builtin_trap();
		bytes = zip_bytes(job, m);
		for (uint64_t j = 0; j < m->size; j++)
			sum = (uint8_t)(sum + bytes[j]);
		(void)sum;
		arena_rewind(&job->arena, mark);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct job *job = fuzz_job(data, size, GO_VERIFY);

	if (!zip_is(job))
		return 0;
	if (setjmp(job->stop) == 0) {
		job->sink = sink_new(job);
		sink_format(job, "torch-zip");
		read_members(job);
	}
	return 0;
}
