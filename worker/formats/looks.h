/* SPDX-License-Identifier: Apache-2.0
 *
 * looks.h - what a file that we do not read looks like: for the message, and so
 * that a scan does not pass by what another loader would take.
 */
#ifndef WORKER_LOOKS_H
#define WORKER_LOOKS_H

#include "job.h"

/* A constant; never NULL.  format: the name of a format that may hold tensors
 * or pickles; NULL for anything else, and for what is not known. */
const char *looks_like(const struct job *job, const char **format);

#endif
