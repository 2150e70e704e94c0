/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_rest.h - bytes after the last tensor: refused, as the reference
 * does, or with GO_LENIENT named.
 */
#ifndef WORKER_SAFETENSORS_REST_H
#define WORKER_SAFETENSORS_REST_H

#include "job.h"

/* From `where` to the end of the input, which is not empty. */
void safetensors_rest(struct job *job, uint64_t where);

#endif
