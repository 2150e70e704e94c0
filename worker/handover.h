/* SPDX-License-Identifier: Apache-2.0
 *
 * handover.h - how a worker that was started ahead of its job gets it.
 */
#ifndef WORKER_HANDOVER_H
#define WORKER_HANDOVER_H

enum handover {
	HANDOVER_TAKEN,		/* descriptor 0 is the input */
	HANDOVER_NONE,		/* the broker hung up, or never came */
	HANDOVER_WRONG		/* not one byte and one descriptor */
};

/* Waits on this socket; descriptor 0 must be free. */
enum handover handover_take(int socket);

#endif
