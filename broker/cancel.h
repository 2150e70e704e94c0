/* SPDX-License-Identifier: Apache-2.0
 *
 * cancel.h - pthread_cancel in a thread that is inside the library waits until
 * the call is over.  Otherwise it would end in the middle of a read or a wait:
 * with a lock held, a worker left, or helper threads that go on and write to
 * the dead thread's stack.  Every public function that may reach one of POSIX's
 * cancellation points begins with CANCEL_WAITS.
 */
#ifndef BROKER_CANCEL_H
#define BROKER_CANCEL_H

#include <pthread.h>

static inline int
cancel_hold(void)
{
	int before;

	/* It fails for a state that there is not. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

static inline void
cancel_restore(const int *before)
{
	(void)pthread_setcancelstate(*before, NULL);
}

/* A declaration: until its block is left, however it is. */
#define CANCEL_WAITS                                           \
	__attribute__((cleanup(cancel_restore), unused)) const \
	    int cancel_before = cancel_hold()

#endif
