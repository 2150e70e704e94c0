/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.c - see keeper.h.  Trusts no worker: one that waits has been verified,
 * and is verified again by its load.  Must never give one worker two jobs, wait
 * for a worker while it holds the lock, or act in a process that forked from
 * its own: that one has the descriptors, not the thread or the children.
 */
#include "keeper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "monotonic.h"
#include "parked.h"
#include "wake.h"
#include "workers.h"

/* One that was killed is in the middle of its exit. */
#define EXIT_MS 100
/* One that is hung up on leaves by itself; together they take this long. */
#define LEAVE_MS 1000
/* One that has waited so long is replaced; child.c says why. */
#define RETIRE_MS (30 * 60 * 1000)
/* The thread looks round this often without being woken, so that nothing hangs
 * on a wake-up that failed. */
#define LOOK_MS 1000
/* After a failure to start one, or one that died as soon as it was parked: a
 * host that kills them all must not make us start a thousand each second.
 * Doubled with each further one, until things go well for as long again. */
#define PAUSE_MS 100
#define PAUSE_MOST_MS 10000
#define FRAIL_MS 100

struct keeper {
	const struct pfork_broker *broker;
	uint32_t wanted;
	const uint32_t *here;	/* a page that a forked process finds empty */
	pthread_t thread;
	/* The thread's own. */
	uint64_t not_before;	/* none is started */
	uint64_t pause;
	/* What follows is the lock's. */
	pthread_mutex_t lock;
	pthread_cond_t grown;
	struct wake wake;	/* look again */
	struct workers parked;
	struct workers dying;
	uint32_t references;
	bool closing;
};

/* ---------------------------------------------------------- the thread -- */

/* Once for all that goes wrong until then. */
static void
put_off(struct keeper *k)
{
	uint64_t now = monotonic_ms();

	if (now < k->not_before)
		return;
	if (now > k->not_before + 2 * k->pause)
		k->pause = PAUSE_MS;
	k->not_before = now + k->pause;
	k->pause = k->pause * 2 < PAUSE_MOST_MS ? k->pause * 2 :
						  PAUSE_MOST_MS;
}

/* All that wait, then all that are dying. */
static nfds_t
watch_all(const struct keeper *k, struct pollfd p[static 2 * KEEPER_MOST])
{
	nfds_t count = 0;

	for (uint32_t i = 0; i < k->parked.count; i++)
		p[count++] = (struct pollfd){ k->parked.at[i].pidfd, POLLIN,
			0 };
	for (uint32_t i = 0; i < k->dying.count; i++)
		p[count++] = (struct pollfd){ k->dying.at[i].pidfd, POLLIN, 0 };
	return count;
}

/* Those that are dead go to `dead`; those that have waited for too long are put
 * down, and die. */
static void
sort_out(struct keeper *k, struct workers *dead)
{
	struct pollfd p[2 * KEEPER_MOST];
	uint32_t parked = k->parked.count;
	uint64_t now = monotonic_ms();

	workers_ask(p, watch_all(k, p));
	for (uint32_t i = k->dying.count; i-- > 0;)
		if (p[parked + i].revents != 0 ||
		    !child_is_ours(&k->dying.at[i])) {
			struct child gone = workers_take(&k->dying, i);

			workers_add(dead, &gone);
		}
	for (uint32_t i = parked; i-- > 0;) {
		/* Also one whose descriptors the host has closed. */
		bool died = p[i].revents != 0;
		struct child gone;

		if (!died && (k->dying.count == KEEPER_MOST ||
		    now - k->parked.at[i].since <= RETIRE_MS))
			continue;
		gone = workers_take(&k->parked, i);
		died = died || !child_is_ours(&gone);
		if (now - gone.since < FRAIL_MS)
			put_off(k);
		/* It has no job: should we not kill it, it leaves. */
		if (!died)
			(void)child_put_down(&gone);
		workers_add(died ? dead : &k->dying, &gone);
	}
}

/* Reaps what is over.  False: it is time to end. */
static bool
clean_up(struct keeper *k)
{
	struct workers dead = { .count = 0 };
	bool closing;

	pthread_mutex_lock(&k->lock);
	sort_out(k, &dead);
	closing = k->closing;
	pthread_mutex_unlock(&k->lock);
	workers_finish(&dead, 0);
	return !closing;
}

/* Starts one.  False: it cannot be had now. */
static bool
park_one(struct keeper *k)
{
	struct child c;

	if (parked_start(k->broker, "park", &c, NULL) != PFORK_OK)
		return false;
	pthread_mutex_lock(&k->lock);
	workers_add(&k->parked, &c);
	pthread_cond_broadcast(&k->grown);
	pthread_mutex_unlock(&k->lock);
	return true;
}

static uint32_t
lacking(struct keeper *k)
{
	uint32_t count;

	pthread_mutex_lock(&k->lock);
	count = k->wanted - k->parked.count;
	pthread_mutex_unlock(&k->lock);
	return count;
}

/* Where they are too many to wait for (see workers_ask): until somebody wants
 * something, or sleeps where that cannot be waited for either.  Never returns
 * at once, which would keep a processor busy. */
static void
rest_blind(struct pollfd *wake, int ms)
{
	struct timespec sleep;

	if (ms > LOOK_MS)
		ms = LOOK_MS;
	sleep.tv_sec = ms / 1000;
	sleep.tv_nsec = ms % 1000 * 1000000L;
	if (poll(wake, 1, ms) < 0)
		(void)nanosleep(&sleep, NULL);
}

/* Until a worker has died, somebody wants something, or ms have passed. */
static void
rest(struct keeper *k, int ms)
{
	struct pollfd p[2 * KEEPER_MOST + 1];
	nfds_t count;

	pthread_mutex_lock(&k->lock);
	count = watch_all(k, p);
	p[count] = (struct pollfd){ wake_mend(&k->wake), POLLIN, 0 };
	pthread_mutex_unlock(&k->lock);
	if (poll(p, count + 1, ms) < 0)
		rest_blind(&p[count], ms);
	/* The ends are changed by this thread alone. */
	wake_drain(&k->wake);
}

/* Milliseconds until one may be started. */
static int
time_off(const struct keeper *k)
{
	uint64_t now = monotonic_ms();

	return now < k->not_before ? (int)(k->not_before - now) : 0;
}

static void *
keep(void *argument)
{
	struct keeper *k = argument;

	while (clean_up(k)) {
		if (lacking(k) == 0)
			rest(k, LOOK_MS);
		else if (time_off(k) > 0)
			rest(k, time_off(k));
		else if (!park_one(k))
			/* The load that finds none starts one itself, and says
			 * what is wrong. */
			put_off(k);
	}
	return NULL;
}

/* The host's signals are for its own threads. */
static int
start_thread(struct keeper *k)
{
	sigset_t all;
	sigset_t before;
	int rc;

	sigfillset(&all);
	rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc != 0)
		return rc;
	rc = pthread_create(&k->thread, NULL, keep, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* ---------------------------------------------------------- begin, end -- */

/* Not getpid: in a new pid namespace the child may have our number. */
static uint32_t *
forgotten_by_fork(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	uint32_t *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, size, MADV_WIPEONFORK) != 0) {
		int saved = errno;

		munmap(page, size);
		errno = saved;
		return NULL;
	}
	*page = 1;
	return page;
}

static bool
is_here(const struct keeper *k)
{
	return *(const volatile uint32_t *)k->here != 0;
}

static void
discard(struct keeper *k)
{
	wake_close(&k->wake);
	if (k->here != NULL)
		munmap((void *)(uintptr_t)k->here,
		    (size_t)sysconf(_SC_PAGESIZE));
	free(k);
}

enum pfork_code
keeper_new(const struct pfork_broker *b, uint32_t wanted, struct keeper **out,
    pfork_error *err)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int rc = ENOMEM;

	if (k == NULL)
		goto fail;
	k->broker = b;
	k->wanted = wanted;
	k->pause = PAUSE_MS;
	k->references = 1;
	k->wake = WAKE_NONE;
	k->here = forgotten_by_fork();
	if (k->here == NULL || !wake_open(&k->wake)) {
		rc = errno;
		goto fail;
	}
	rc = pthread_mutex_init(&k->lock, NULL);
	if (rc == 0)
		rc = pthread_cond_init(&k->grown, NULL);
	if (rc == 0)
		rc = start_thread(k);
	if (rc != 0)
		goto fail;
	*out = k;
	return PFORK_OK;
fail:
	if (k != NULL)
		discard(k);
	return error_set(err, PFORK_E_SYSTEM, rc, PFORK_NO_OFFSET,
	    "keeping workers parked: %s", error_errno(rc));
}

/* In a process that forked: the children are not ours, nor is the lock to be
 * had.  What the entries name is open here as well. */
static void
abandon(struct keeper *k)
{
	struct workers *all[] = { &k->parked, &k->dying };

	for (size_t i = 0; i < 2; i++) {
		for (uint32_t j = 0; j < all[i]->count; j++)
			child_let_go(&all[i]->at[j]);
		all[i]->count = 0;
	}
}

void
keeper_stop(struct keeper *k)
{
	if (!is_here(k)) {
		abandon(k);
		return;
	}
	pthread_mutex_lock(&k->lock);
	k->closing = true;
	wake_up(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_mutex_lock(&k->lock);
	workers_finish(&k->parked, LEAVE_MS);
	workers_finish(&k->dying, EXIT_MS);
	pthread_mutex_unlock(&k->lock);
}

struct keeper *
keeper_ref(struct keeper *k)
{
	if (k != NULL)
		__atomic_add_fetch(&k->references, 1, __ATOMIC_RELAXED);
	return k;
}

void
keeper_unref(struct keeper *k)
{
	if (k == NULL ||
	    __atomic_sub_fetch(&k->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (is_here(k)) {
		pthread_cond_destroy(&k->grown);
		pthread_mutex_destroy(&k->lock);
	}
	discard(k);
}

/* ---------------------------------------------------------- for loads -- */

/* The one that began to wait last: its memory is the warmest. */
static bool
take_parked(struct keeper *k, struct child *out)
{
	bool found = false;
	bool low = false;

	pthread_mutex_lock(&k->lock);
	if (!k->closing && k->parked.count > 0) {
		*out = workers_take(&k->parked, k->parked.count - 1);
		found = true;
		low = k->parked.count * 2 < k->wanted;
	}
	/* Otherwise the end of this load is early enough. */
	if (low)
		wake_up(&k->wake);
	pthread_mutex_unlock(&k->lock);
	return found;
}

bool
keeper_employ(struct keeper *k, int input, struct child *out)
{
	struct child c;

	if (!is_here(k))
		return false;
	while (take_parked(k, &c)) {
		/* A host that has given up its rights since may not kill it,
		 * and one that has closed its descriptors has others there. */
		if (child_is_ours(&c) && child_may_kill(&c) &&
		    parked_give(&c, input)) {
			*out = c;
			return true;
		}
		if (!keeper_bury(k, &c)) {
			struct child_end end;

			child_finish(&c, 0, &end);
		}
	}
	return false;
}

bool
keeper_bury(struct keeper *k, struct child *c)
{
	bool taken = false;

	if (!is_here(k))
		return false;
	pthread_mutex_lock(&k->lock);
	/* Under the lock: the thread may reap it from then on.  One that may
	 * not be killed is not hung up on either: its load goes on listening.
	 */
	if (!k->closing && k->dying.count < k->wanted && child_kill(c)) {
		child_hang_up(c);
		(void)child_note(c);
		workers_add(&k->dying, c);
		wake_up(&k->wake);
		taken = true;
	}
	pthread_mutex_unlock(&k->lock);
	if (taken)
		*c = CHILD_NONE;
	return taken;
}

bool
keeper_wait(struct keeper *k, uint32_t count, int ms)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ms % 1000 * 1000000L;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&k->lock);
	while (rc == 0 && k->parked.count < count)
		rc = pthread_cond_timedwait(&k->grown, &k->lock, &until);
	pthread_mutex_unlock(&k->lock);
	return rc == 0;
}
