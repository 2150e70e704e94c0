/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_job.h - one parser job in this process, without a jail, over the fuzzer's
 * bytes: memory that is reused, limits that make a hang or a bomb a finding, and
 * everything that the sink sends kept for the broker's own session to judge.
 */
#ifndef TESTS_FUZZ_JOB_H
#define TESTS_FUZZ_JOB_H

#include "job.h"

/* A fresh job over the bytes; the memory is the last job's, cleared. */
struct job *fuzz_job(const uint8_t *bytes, size_t length, uint32_t flags);
/* What the sink has written since. */
const uint8_t *fuzz_sent(size_t *length);

#endif
