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
/* Traps when the job has taken more than a second of processor time since
 * fuzz_job(); FUZZ_SECONDS in the environment is another limit, 0 none. */
void fuzz_job_in_time(void);
/* Small enough that no honest use of them takes a second. */
struct limits fuzz_limits(void);

/* A whole run of one format's parser, to Done (true) or Fault; what it sends is
 * held against the broker's session, and a frame that is refused traps. */
bool fuzz_parse(const uint8_t *bytes, size_t length, uint32_t flags,
    const char *name, void (*parse)(struct job *job));

#endif
