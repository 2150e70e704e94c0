/* SPDX-License-Identifier: Apache-2.0
 *
 * start.h - the worker's own start, in place of libc's, on x86-64: what its
 * parts need of one another.  The rest has libc's names and libc's prototypes.
 */
#ifndef START_H
#define START_H

#include <stdint.h>

/* Left with when the process cannot be set up: nothing has been said, and no
 * byte of the input read.  main.c's statuses are below. */
#define START_REFUSED 8

/* Of what the kernel put above the environment; UINT64_MAX: not there. */
uint64_t start_auxiliary(uint64_t type);
/* Out, at once; to be called with anything broken. */
_Noreturn void start_leave(int status);

static inline long
start_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
	    : "=a"(result)
	    : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return result;
}

#endif
