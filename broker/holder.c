/* SPDX-License-Identifier: Apache-2.0
 *
 * holder.c - see holder.h.  Trusts the kernel's names in /proc for what a
 * descriptor is, and the holder, which has been given no input, for nothing.
 * Must never wait for another thread, lend a namespace of our own, or fail a
 * load.
 */
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monotonic.h"

/* How long it may take to speak, and, hung up on, to exit before it is killed.
 * The first takes half a millisecond; a machine under load gets a second, but
 * not on the thread of an event loop. */
static const struct patience {
	uint64_t hold_ms;
	int exit_ms;
} patiences[] = {
	[LEND_SOON] = { 1000, 100 },
	[LEND_MANY] = { 1000, 100 },
	[LEND_PROMPT] = { 10, 0 },
};
/* After an attempt the next one is so far off, and twice as far with each
 * further one. */
#define PAUSE_MS 1000
#define PAUSE_MOST_MS (60 * 60 * 1000)
/* "/proc/thread-self/ns/cgroup" */
#define PATH_BYTES 64

/* It does not change any more once it can be found, and stays until the end:
 * other threads may be reading it. */
struct made {
	struct lent lent;
	struct identity ids[HELD_COUNT];
	struct made *older;	/* is not lent any more */
};

struct holder {
	struct made *_Atomic newest;	/* NULL: none yet */
	/* Taken by who makes one.  A process that forks meanwhile never gets
	 * one; its workers make their own. */
	atomic_flag making;
	atomic_uint asked;
	/* Of who is making. */
	uint64_t not_before;
	uint64_t pause;
	atomic_uint references;
};

/* ---------------------------------------------------------------- made -- */

uint32_t
holder_judge(const uint8_t *said, size_t length)
{
	if (length != 2 || said[0] != HELD_SAYS || said[1] > HELD_ALL)
		return 0;
	return said[1];
}

static uint32_t
hear(const struct child *c, uint64_t patience_ms)
{
	struct pollfd p = { .fd = c->socket, .events = POLLIN };
	uint64_t now = monotonic_ms();
	uint64_t until = now + patience_ms;
	uint8_t said[3];
	ssize_t got;

	while (now < until && poll(&p, 1, (int)(until - now)) < 0 &&
	    errno == EINTR)
		now = monotonic_ms();
	got = recv(c->socket, said, sizeof(said), 0);
	return got > 0 ? holder_judge(said, (size_t)got) : 0;
}

/* Out of the way of the numbers that a worker gets them at. */
static int
move_above(int fd)
{
	int moved;

	if (fd < 0)
		return -1;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, HELD_FIRST_FD + HELD_COUNT);
	close(fd);
	return moved;
}

/* All of them are ours still. */
static bool
is_whole(const struct made *m)
{
	for (unsigned i = 0; i < m->lent.count; i++)
		if (!identity_is(m->lent.fds[i], &m->ids[i]))
			return false;
	return true;
}

/* Ours would be no wall between a worker and us. */
static bool
is_callers(const struct identity *id, const char *name)
{
	char path[PATH_BYTES];
	struct stat ours;

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", name);
	return stat(path, &ours) != 0 ||
	    (id->device == ours.st_dev && id->inode == ours.st_ino);
}

/* What is the host's by now stays open; in one that is fresh nothing is. */
static void
discard(struct made *m, bool fresh)
{
	for (unsigned i = 0; i < m->lent.count; i++)
		if (fresh || identity_is(m->lent.fds[i], &m->ids[i]))
			close(m->lent.fds[i]);
	free(m);
}

/* One more.  False: it cannot be opened, or told from others, or is the
 * caller's own. */
static bool
open_one(struct made *m, pid_t pid, const char *name)
{
	char path[PATH_BYTES];
	struct identity *id = &m->ids[m->lent.count];
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/ns/%s", (long)pid, name);
	fd = move_above(open(path, O_RDONLY | O_CLOEXEC));
	if (fd < 0)
		return false;
	if (!identity_note(fd, id) || is_callers(id, name)) {
		close(fd);
		return false;
	}
	m->lent.fds[m->lent.count++] = fd;
	return true;
}

/* All of the set, or nothing. */
static bool
open_all(struct made *m, const struct child *c, uint32_t set)
{
	static const char *const names[HELD_COUNT] = { "user", "ipc", "uts",
		"cgroup", "mnt" };
	struct pollfd gone = { .fd = c->pidfd, .events = POLLIN };

	m->lent.set = set;
	for (unsigned i = 0; i < HELD_COUNT; i++)
		if ((set >> i & 1) != 0 && !open_one(m, c->pid, names[i]))
			return false;
	/* It is there still, so its number was nobody else's meanwhile. */
	return set != 0 && poll(&gone, 1, 0) == 0;
}

static struct made *
make(const struct pfork_broker *b, const struct patience *patience)
{
	struct made *m;
	struct child c;
	struct child_end end;

	if (child_spawn_holder(b, &c, NULL) != PFORK_OK)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (m != NULL && (c.pidfd < 0 ||
	    !open_all(m, &c, hear(&c, patience->hold_ms)))) {
		discard(m, true);
		m = NULL;
	}
	child_hang_up(&c);
	child_finish(&c, patience->exit_ms, &end);
	return m;
}

/* ---------------------------------------------------------------- lent -- */

/* Whether it goes well or not: what was made may be lost. */
static void
put_off(struct holder *h)
{
	h->not_before = monotonic_ms() + h->pause;
	h->pause = h->pause * 2 < PAUSE_MOST_MS ? h->pause * 2 :
						  PAUSE_MOST_MS;
}

/* The next one, or NULL. */
static const struct made *
try_to_make(const struct pfork_broker *b, enum lending how)
{
	struct holder *h = b->holder;
	struct made *m = NULL;

	if (atomic_flag_test_and_set_explicit(&h->making,
	    memory_order_acquire))
		return NULL;
	if (monotonic_ms() >= h->not_before) {
		m = make(b, &patiences[how]);
		put_off(h);
	}
	if (m != NULL) {
		m->older = atomic_load(&h->newest);
		atomic_store_explicit(&h->newest, m, memory_order_release);
	}
	atomic_flag_clear_explicit(&h->making, memory_order_release);
	return m;
}

void
holder_lend(const struct pfork_broker *b, enum lending how, struct lent *out)
{
	struct holder *h = b->holder;
	const struct made *m;

	*out = (struct lent){ 0 };
	if (h == NULL)
		return;
	m = atomic_load_explicit(&h->newest, memory_order_acquire);
	if (m == NULL || !is_whole(m)) {
		if (how != LEND_MANY && atomic_load(&h->asked) < HOLDER_AFTER &&
		    atomic_fetch_add(&h->asked, 1) < HOLDER_AFTER)
			return;
		m = try_to_make(b, how);
	}
	if (m != NULL)
		*out = m->lent;
}

/* -------------------------------------------------------- begin and end -- */

struct holder *
holder_new(void)
{
	struct holder *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	atomic_init(&h->newest, NULL);
	atomic_flag_clear(&h->making);
	atomic_init(&h->asked, 0);
	atomic_init(&h->references, 1);
	h->pause = PAUSE_MS;
	return h;
}

struct holder *
holder_ref(struct holder *h)
{
	if (h != NULL)
		atomic_fetch_add(&h->references, 1);
	return h;
}

void
holder_unref(struct holder *h)
{
	struct made *older;
	struct made *m;

	if (h == NULL || atomic_fetch_sub(&h->references, 1) != 1)
		return;
	for (m = atomic_load(&h->newest); m != NULL; m = older) {
		older = m->older;
		discard(m, false);
	}
	free(h);
}
