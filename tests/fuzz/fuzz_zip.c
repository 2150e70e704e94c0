/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_zip.c - the zip directory, and every member's bytes.
 */
#include "fuzz_job.h"
#include "mutate.h"
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
	const struct job look = { .map = data, .size = size };

	if (zip_is(&look))
		(void)fuzz_parse(data, size, GO_VERIFY, "torch-zip",
		    read_members);
	return 0;
}

FUZZ_MUTATOR(mutate_zip)
