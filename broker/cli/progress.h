/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.h - one line on a terminal for work that takes over half a second.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum progress_unit { BYTES, FILES };

struct progress {
	char *label;		/* escaped */
	_Atomic(uint64_t) done;
	_Atomic(uint64_t) total; /* 0: not known; time is shown instead */
	enum progress_unit unit;
	bool running;
	bool stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
};

/* Nothing happens when stderr is no terminal, or when quiet. */
void progress_start(struct progress *p, bool quiet, const char *label,
    enum progress_unit unit, uint64_t total);
/* Wipes the line. */
void progress_end(struct progress *p);

#endif
