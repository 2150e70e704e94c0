/* SPDX-License-Identifier: Apache-2.0
 *
 * sibling.h - the names of other files that a file gives.  They are reported,
 * never opened here; one that would lead out of the directory is a lie, and one
 * that only an attack would give is dangerous.
 */
#ifndef WORKER_SIBLING_H
#define WORKER_SIBLING_H

#include "job.h"

/* Dies, after a note, when the name is no sibling's.  The texts are `format`'s
 * own, for the messages: "index: a file's name leads out of the directory". */
struct sibling_texts {
	const char *empty;	/* or too long */
	const char *leads_out;
};
void sibling_judge(struct job *job, const uint8_t *name, size_t length,
    uint64_t where, const struct sibling_texts *texts);
/* CLEAN, or DANGEROUS when the name is absolute, holds a NUL or a "..". */
enum verdict sibling_level(const uint8_t *name, size_t length);

#endif
