/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_outcome.h - what a whole run came to, kept, so that two runs over the
 * same bytes can be compared.
 */
#ifndef TESTS_FUZZ_OUTCOME_H
#define TESTS_FUZZ_OUTCOME_H

#include "fuzz_job.h"
#include "fuzz_session.h"

struct outcome {
	pfork_checkpoint *ckpt;	/* NULL: a Fault, or over the broker's limits */
	bool limited;		/* because of a limit */
	uint32_t code;		/* enum fault_code of the Fault, or 0 */
	size_t arena;		/* bytes that were in use at the end */
};

/* Runs a job that fuzz_job made (and the caller may have changed), and has the
 * broker judge what it sends.  outcome_free() it. */
struct outcome outcome_of(struct job *job);
void outcome_free(struct outcome *o);

/* Two checkpoints of one input: the same tensors, aliases and verdict, and the
 * same bytes in every storage, wherever they are.  Else it traps. */
void outcome_must_equal(const struct outcome *a, const struct outcome *b,
    const uint8_t *input);

#endif
