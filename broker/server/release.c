/* SPDX-License-Identifier: Apache-2.0
 *
 * release.c - closes what a client has made.  Behind a connection lie the
 * descriptors that were sent and not read, behind a descriptor whatever its
 * sender wished; and a socket with SO_LINGER may have its last close wait for a
 * day.  So no close is made under the lock, nor by the thread that accepts.
 */
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#ifndef sigev_notify_thread_id	/* an old libc has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* From the kernel's linux/close_range.h; an old libc lacks it. */
#define UNSHARE_TABLE (1U << 1)

/* A close that takes longer is interrupted, and again should the signal have
 * come before the close began. */
#define HURRY_NS 20000000L

static void
on_alarm(int number)
{
	(void)number;
}

bool
release_prepare(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t set;

	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	return sigaction(SIGALRM, &action, NULL) == 0 &&
	    pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0;
}

/* What waits for a peer to read ends where a signal is pending.  False: there
 * is no timer to be had, and it takes as long as it takes. */
static bool
start_alarm(timer_t *timer)
{
	struct itimerspec often = { { 0, HURRY_NS }, { 0, HURRY_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGALRM };

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, timer) != 0)
		return false;
	(void)timer_settime(*timer, 0, &often, NULL);
	return true;
}

void
release_linger(int fd)
{
	struct linger none = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

bool
release_others(unsigned last)
{
	timer_t timer;
	bool hurried = start_alarm(&timer);
	bool apart = syscall(SYS_close_range, last + 1, ~0U, UNSHARE_TABLE) ==
	    0;

	if (hurried)
		(void)timer_delete(timer);
	return apart;
}

void
release_fd(int fd)
{
	timer_t timer;
	bool hurried = start_alarm(&timer);

	(void)close(fd);
	if (hurried)
		(void)timer_delete(timer);
}
