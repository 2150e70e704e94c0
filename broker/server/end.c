/* SPDX-License-Identifier: Apache-2.0
 *
 * end.c - the end comes in time.  Whatever a client has made may hang when it
 * is used or closed, and so may the rest of the end; a thread that was there
 * from the start, and does nothing else, waits so long and ends the process.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

static void
sleep_until_end(void)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_SECONDS;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	    EINTR)
		continue;
}

/* Not where nobody takes it: the end would wait for that. */
static void
say(unsigned clients)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) <= 0)
		return;
	if (clients > 0)
		complain("serve: %u connections did not end in %d seconds",
		    clients, END_SECONDS);
	else
		complain("serve: the end took more than %d seconds",
		    END_SECONDS);
}

static void *
end_in_time(void *argument)
{
	struct server *s = argument;
	unsigned clients;

	while (sem_wait(&s->ending) != 0)
		continue;
	sleep_until_end();
	pthread_mutex_lock(&s->lock);
	clients = s->client_count;
	pthread_mutex_unlock(&s->lock);
	say(clients);
	_exit(EXIT_UNDECIDED);
}

bool
end_prepare(struct server *s)
{
	pthread_t thread;
	sigset_t all;
	sigset_t before;
	int rc;

	if (sem_init(&s->ending, 0, 0) != 0)
		return false;
	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, end_in_time, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 && pthread_detach(thread) == 0;
}

void
end_begin(struct server *s)
{
	(void)sem_post(&s->ending);
}
