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

/* It takes half a millisecond; a machine under load gets a second. */
#define HOLD_MS 1000
/* Once hung up on it is in the middle of its exit. */
#define EXIT_MS 100
/* After a failure the next attempt is so far off, and twice as far with each
 * further one. */
#define PAUSE_MS 1000
#define PAUSE_MOST_MS (60 * 60 * 1000)
/* "/proc/thread-self/ns/cgroup" */
#define PATH_BYTES 64

enum state { IDLE, MAKING, READY };

struct holder {
	/* READY: it does not change any more.  A process that forks while
	 * another thread is MAKING never gets one; its workers make their
	 * own. */
	atomic_int state;
	atomic_uint asked;
	struct lent lent;
	/* Of who is MAKING. */
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
hear(const struct child *c)
{
	struct pollfd p = { .fd = c->socket, .events = POLLIN };
	uint64_t until = monotonic_ms() + HOLD_MS;
	uint64_t now = until - HOLD_MS;
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

/* Ours would be no wall between a worker and us. */
static bool
is_ours(int fd, const char *name)
{
	char path[PATH_BYTES];
	struct stat its;
	struct stat ours;

	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", name);
	return fstat(fd, &its) != 0 || stat(path, &ours) != 0 ||
	    (its.st_dev == ours.st_dev && its.st_ino == ours.st_ino);
}

static void
close_all(struct lent *l)
{
	for (unsigned i = 0; i < l->count; i++)
		close(l->fds[i]);
	*l = (struct lent){ 0 };
}

/* All of the set, or nothing. */
static bool
open_all(const struct child *c, uint32_t set, struct lent *out)
{
	static const char *const names[HELD_COUNT] = { "user", "ipc", "uts",
		"cgroup", "mnt" };
	struct pollfd gone = { .fd = c->pidfd, .events = POLLIN };
	struct lent l = { .set = set };
	char path[PATH_BYTES];
	int fd;

	for (unsigned i = 0; i < HELD_COUNT; i++) {
		if ((set >> i & 1) == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/ns/%s", (long)c->pid,
		    names[i]);
		fd = move_above(open(path, O_RDONLY | O_CLOEXEC));
		if (fd < 0)
			break;
		l.fds[l.count++] = fd;
		if (is_ours(fd, names[i]))
			break;
		set &= ~(UINT32_C(1) << i);
	}
	/* It is there still, so its number was nobody else's meanwhile. */
	if (set == 0 && poll(&gone, 1, 0) == 0) {
		*out = l;
		return true;
	}
	close_all(&l);
	return false;
}

static bool
make(const struct pfork_broker *b, struct lent *out)
{
	struct child c;
	struct child_end end;
	uint32_t set;
	bool made;

	if (child_spawn_holder(b, &c, NULL) != PFORK_OK)
		return false;
	set = hear(&c);
	made = set != 0 && c.pidfd >= 0 && open_all(&c, set, out);
	child_hang_up(&c);
	child_finish(&c, EXIT_MS, &end);
	return made;
}

/* ---------------------------------------------------------------- lent -- */

static bool
try_to_make(struct holder *h, const struct pfork_broker *b)
{
	uint64_t now = monotonic_ms();

	if (now < h->not_before)
		return false;
	if (make(b, &h->lent))
		return true;
	h->not_before = monotonic_ms() + h->pause;
	h->pause = h->pause * 2 < PAUSE_MOST_MS ? h->pause * 2 :
						  PAUSE_MOST_MS;
	return false;
}

void
holder_lend(const struct pfork_broker *b, bool many, struct lent *out)
{
	struct holder *h = b->holder;
	int idle = IDLE;
	bool made;

	*out = (struct lent){ 0 };
	if (h == NULL)
		return;
	if (atomic_load_explicit(&h->state, memory_order_acquire) == READY) {
		*out = h->lent;
		return;
	}
	if (!many && atomic_load(&h->asked) < HOLDER_AFTER &&
	    atomic_fetch_add(&h->asked, 1) < HOLDER_AFTER)
		return;
	if (!atomic_compare_exchange_strong(&h->state, &idle, MAKING))
		return;
	made = try_to_make(h, b);
	if (made)
		*out = h->lent;
	atomic_store_explicit(&h->state, made ? READY : IDLE,
	    memory_order_release);
}

/* -------------------------------------------------------- begin and end -- */

struct holder *
holder_new(void)
{
	struct holder *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	atomic_init(&h->state, IDLE);
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
	if (h == NULL || atomic_fetch_sub(&h->references, 1) != 1)
		return;
	close_all(&h->lent);
	free(h);
}
