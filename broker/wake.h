/* SPDX-License-Identifier: Apache-2.0
 *
 * wake.h - how the keeper's thread is woken: a byte through a socket, whose
 * ends, unlike an eventfd, can be told from what the host opens at their
 * numbers.  The lock is the keeper's.
 */
#ifndef BROKER_WAKE_H
#define BROKER_WAKE_H

#include "identity.h"

struct wake {
	int ends[2];	/* the thread's, everybody's; -1: none */
	struct identity ids[2];
};
#define WAKE_NONE ((struct wake){ .ends = { -1, -1 } })

/* False: errno, and there are none. */
bool wake_open(struct wake *w);
void wake_close(struct wake *w);
/* Where the ends are the host's by now, nobody is woken. */
void wake_up(const struct wake *w);
/* The thread's end, to wait for; opens others where they are the host's.  -1:
 * they cannot be had. */
int wake_mend(struct wake *w);
/* Takes what has been sent. */
void wake_drain(const struct wake *w);

#endif
