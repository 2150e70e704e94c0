/* SPDX-License-Identifier: Apache-2.0
 *
 * turns.c - see turns.h.  Must never be called on a thread of the host's: the
 * way that it is scheduled is the host's to choose.
 */
#include "turns.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Nanoseconds.  The kernel itself gives 1.4 to 3 ms; a small job takes 0.1. */
#define TURN_NS 300000

/* Of linux/sched/types.h, beside which not every libc's sched.h can stand. */
struct attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

void
turns_shorten(void)
{
	struct attributes a = { .size = sizeof(a) };

	if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) != 0 ||
	    (a.policy != SCHED_OTHER && a.policy != SCHED_BATCH))
		return;
	a.flags = 0;
	a.runtime = TURN_NS;
	(void)syscall(SYS_sched_setattr, 0, &a, 0);
}
