/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_tight.c - a whole file twice: first with room, then with less memory or
 * under a smaller limit, which the last two bytes choose.  The second run gives
 * the same tensors or the same refusal, or ends in a limit: what runs out of
 * memory never passes for something else, and never half.
 */
#include <string.h>

#include "fuzz_outcome.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `how` of 256 parts of what the first run used and some more; or `how` as one
 * of the limits, squared where the small ones are all alike. */
static void
tighten(struct job *job, uint8_t what, uint8_t how, size_t used)
{
	uint64_t few = how;

	switch (what % 16) {
	case 0:
		job->limits.tensors = few;
		break;
	case 1:
		job->limits.nodes = few * few / 16;
		break;
	case 2:
		job->limits.nesting = few % 32;
		break;
	case 3:
		job->limits.notes = few % 8;
		break;
	case 4:
		job->limits.names_bytes = few;
		break;
	case 5:
		job->limits.streamed_bytes = few * few;
		break;
	case 6:
		job->limits.contiguous_bytes = few * few + 1; /* 0: none */
		break;
	default:
		used = used / 128 * few + few;
		if (used < job->arena.size)
			job->arena.size = used;
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t flags = GO_SCALARS | GO_VERIFY;
	struct outcome roomy;
	struct outcome tight;
	struct job *job;

	if (size < 3)
		return 0;
	size -= 2;
	roomy = outcome_of(fuzz_job(data, size, flags));
	job = fuzz_job(data, size, flags);
	tighten(job, data[size], data[size + 1], roomy.arena);
	tight = outcome_of(job);
	if (tight.ckpt != NULL) {
		if (roomy.ckpt == NULL)
			__builtin_trap();
		outcome_must_equal(&roomy, &tight, data);
	} else if (!tight.limited && (roomy.ckpt != NULL || roomy.limited ||
	    roomy.code != tight.code)) {
		__builtin_trap();
	}
	outcome_free(&roomy);
	outcome_free(&tight);
	return 0;
}

/* The file without the two bytes, or these. */
static size_t
mutate_tight(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	uint8_t last[2];

	if (size < 3 || max_size < size)
		return 0;
	memcpy(last, data + size - 2, 2);
	if (seed % 4 == 0) {
		data[size - 1 - seed / 4 % 2] = (uint8_t)(seed / 8);
		return mutate_made("tight: limit", size);
	}
	size = mutate_any(data, size - 2, max_size - 2, seed / 4);
	if (size == 0)
		return 0;
	memcpy(data + size, last, 2);
	return size + 2;
}

FUZZ_MUTATOR(mutate_tight)
