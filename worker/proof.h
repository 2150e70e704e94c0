/* SPDX-License-Identifier: Apache-2.0
 *
 * proof.h - whether what the kernel was asked for is so.  A filter that the
 * host is under can answer 0 to a call and do nothing.
 */
#ifndef WORKER_PROOF_H
#define WORKER_PROOF_H

#include <stdbool.h>

/* 0 when no descriptor from `first` to 255 is open, or else an errno. */
int proof_closed(unsigned first);
/* 0 when Landlock is in force, as far as can be seen, or else an errno. */
int proof_landlock(void);

/* Before a user namespace is entered, whatever way: false, nothing can be
 * proved. */
bool proof_mark(void);
/* After that: it was. */
bool proof_entered(void);
/* Or, where it was not: as it was before proof_mark. */
void proof_unmark(void);

#endif
