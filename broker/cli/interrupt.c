/* SPDX-License-Identifier: Apache-2.0
 *
 * interrupt.c - see interrupt.h.  A thread waits for the signal, for a handler
 * could neither lock nor print.
 */
#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

/* Without a word, as before: no signal may stay blocked for good. */
static void
die_by_any(const struct interrupt *i)
{
	pthread_sigmask(SIG_UNBLOCK, &i->set, NULL);
	for (;;)
		pause();
}

static void *
wait_for_signal(void *context)
{
	struct interrupt *i = context;
	struct pollfd p = { i->fd, POLLIN, 0 };
	int number;

	while (poll(&p, 1, -1) != 1)
		if (errno != EINTR)
			die_by_any(i);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	/* Before it is taken, so that it is never neither here nor pending. */
	atomic_store(&i->came, true);
	if (sigwait(&i->set, &number) != 0)
		die_by_any(i);
	/* The second one ends us at once, whatever say waits for. */
	pthread_sigmask(SIG_UNBLOCK, &i->set, NULL);
	i->say(i->context);
	raise(number);
	/* The first process of a container is not ended by it. */
	_exit(128 + number);
}

void
interrupt_start(struct interrupt *i, void (*say)(void *context), void *context)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction old;

	memset(i, 0, sizeof(*i));
	i->say = say;
	i->context = context;
	sigemptyset(&i->set);
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		if (sigaction(numbers[n], NULL, &old) == 0 &&
		    old.sa_handler == SIG_DFL)
			sigaddset(&i->set, numbers[n]);
	i->fd = signalfd(-1, &i->set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (i->fd < 0)
		return;
	if (pthread_sigmask(SIG_BLOCK, &i->set, &i->before) != 0) {
		close(i->fd);
		return;
	}
	i->running = pthread_create(&i->thread, NULL, wait_for_signal, i) == 0;
	if (!i->running) {
		pthread_sigmask(SIG_SETMASK, &i->before, NULL);
		close(i->fd);
	}
}

static bool
is_pending(const struct interrupt *i)
{
	sigset_t pending;

	if (sigpending(&pending) != 0)
		return false;
	/* GNU's: what is pending may be blocked by our caller too. */
	return sigandset(&pending, &pending, &i->set) == 0 &&
	    sigisemptyset(&pending) == 0;
}

bool
interrupt_came(const struct interrupt *i)
{
	return i->running && (atomic_load(&i->came) || is_pending(i));
}

bool
interrupt_explains(const struct interrupt *i, enum pfork_code code)
{
	static const struct timespec moment = { 0, 10 * 1000 * 1000 };

	if (i->running && code == PFORK_E_WORKER && !interrupt_came(i))
		(void)nanosleep(&moment, NULL);
	return interrupt_came(i);
}

void
interrupt_end(struct interrupt *i)
{
	if (!i->running)
		return;
	if (!interrupt_came(i))
		pthread_cancel(i->thread);
	pthread_join(i->thread, NULL);
	i->running = false;
	pthread_sigmask(SIG_SETMASK, &i->before, NULL);
	close(i->fd);
}
