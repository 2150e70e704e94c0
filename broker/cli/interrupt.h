/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.h - the last words of long work that a signal ends.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "picklefork.h"

struct interrupt {
	void (*say)(void *context);
	void *context;
	sigset_t set;		/* what we wait for */
	sigset_t before;	/* the mask as it was */
	int fd;			/* readable while one is pending */
	pthread_t thread;
	bool running;
	atomic_bool came;
};

/* Before the work's threads, which inherit that the signals are blocked.  On
 * SIGINT, SIGTERM or SIGHUP, where not ignored, say(context) is called on a
 * thread of its own, and the process ends by the signal; another one meanwhile
 * ends it at once.  Where no thread can be had, signals do what they did. */
void interrupt_start(struct interrupt *i, void (*say)(void *context),
    void *context);
/* Has a signal come?  What fails then has most likely failed by it: a
 * terminal's goes to the workers too. */
bool interrupt_came(const struct interrupt *i);
/* The same of a load that failed with this code.  Of a group the workers may
 * have been reached first, so where one has died we may still be about to. */
bool interrupt_explains(const struct interrupt *i, enum pfork_code code);
/* Does not return where a signal has come.  The context may be freed after. */
void interrupt_end(struct interrupt *i);

#endif
