/* SPDX-License-Identifier: Apache-2.0
 *
 * proof.c - asks for a step of the jail by another call than the one that made
 * it, for that one may have been answered by a host's filter, with 0.  Trusts
 * that no filter lies of both.  Must never leave a descriptor, nor take what it
 * cannot see for a proof.
 */
#include "proof.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The low ones alone are looked at: where close_range does nothing, all that
 * the host leaks is still open, and its first descriptors have low numbers.
 * Every start pays for each. */
#define NUMBERS 256

/* What the broker waits with too, so no host that runs it is without. */
static long
look(struct pollfd *each, size_t count)
{
#ifdef SYS_poll
	return syscall(SYS_poll, each, count, 0);
#else
	struct timespec none = { 0, 0 };

	return syscall(SYS_ppoll, each, count, &none, NULL, 0ul);
#endif
}

static bool
are_closed(unsigned first, unsigned count)
{
	struct pollfd each[NUMBERS];
	unsigned i;

	for (i = 0; i < count; i++)
		each[i] = (struct pollfd){ .fd = (int)(first + i) };
	if (look(each, count) != (long)count)
		return false;
	for (i = 0; i < count; i++) {
		if ((each[i].revents & POLLNVAL) == 0)
			return false;
	}
	return true;
}

int
proof_closed(unsigned first)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned many = NUMBERS;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return errno;
	/* More at once are refused. */
	if (limit.rlim_cur < many)
		many = (unsigned)limit.rlim_cur;
	if (many == 0)
		return EPERM;
	for (; first < NUMBERS; first += many) {
		if (!are_closed(first, many))
			return EPERM;
	}
	return 0;
}

/* To read a directory is a right of every ABI, and none was given.  Where "/"
 * may not be read by anybody but root, this shows nothing, and the kernel's
 * word counts. */
int
proof_landlock(void)
{
	long fd = syscall(SYS_openat, AT_FDCWD, "/",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd < 0)
		return errno == EACCES ? 0 : EPERM;
	close((int)fd);
	return EPERM;
}

/* Who enters a user namespace is given new securebits, all of them off.  One
 * may be set without any right; where it is locked, the lock itself is on. */
bool
proof_mark(void)
{
	(void)prctl(PR_SET_KEEPCAPS, 1ul, 0ul, 0ul, 0ul);
	return prctl(PR_GET_SECUREBITS, 0ul, 0ul, 0ul, 0ul) > 0;
}

bool
proof_entered(void)
{
	return prctl(PR_GET_SECUREBITS, 0ul, 0ul, 0ul, 0ul) == 0;
}

void
proof_unmark(void)
{
	(void)prctl(PR_SET_KEEPCAPS, 0ul, 0ul, 0ul, 0ul);
}
