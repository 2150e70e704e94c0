/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_delivery.c - a whole file twice: its storages as extents where they
 * stand in it, then all of them through the pipe.  Both must give the same
 * tensors, byte for byte; or the same refusal.  Only the pipe may run into a
 * limit that the extents do not.
 */
#include "fuzz_outcome.h"
#include "mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint32_t flags = GO_SCALARS | GO_VERIFY;
	struct outcome extents = outcome_of(fuzz_job(data, size, flags));
	struct outcome piped = outcome_of(fuzz_job(data, size,
	    flags | GO_DELIVER_STREAM));

	if (piped.ckpt != NULL) {
		for (size_t i = 0; i < piped.ckpt->storage_count; i++)
			if (!piped.ckpt->storages[i].streamed)
				__builtin_trap();
		if (extents.ckpt == NULL)
			__builtin_trap();
		outcome_must_equal(&extents, &piped, data);
	} else if (!piped.limited && (extents.ckpt != NULL || extents.limited ||
	    extents.code != piped.code)) {
		__builtin_trap();
	}
	outcome_free(&extents);
	outcome_free(&piped);
	return 0;
}

FUZZ_MUTATOR(mutate_any)
