/* SPDX-License-Identifier: Apache-2.0
 *
 * looks.h - what a file that we do not read looks like, for the message alone.
 */
#ifndef WORKER_LOOKS_H
#define WORKER_LOOKS_H

#include "job.h"

/* A constant; never NULL. */
const char *looks_like(const struct job *job);

#endif
