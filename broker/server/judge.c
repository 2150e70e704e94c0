/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.c - takes what a client has sent with a descriptor, by a thread with a
 * descriptor table of its own.  Every worker that is started closes a copy of
 * all that stands in the server's table, and a file system that the client runs
 * may leave a close without an answer: in that table comes only what has been
 * judged, and what is refused is closed where nobody copies it.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

/* One descriptor belongs to a line; the kernel drops what has no room here.
 * Not CMSG_SPACE: its padding is room for a second one. */
#define CONTROL_BYTES CMSG_LEN(sizeof(int))

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

bool
judge_prepare(struct judge *j)
{
	int ends[2];

	pthread_mutex_init(&j->lock, NULL);
	j->nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	j->place = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (j->nothing < 0 || j->place < 0 || socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return false;
	j->in = ends[0];
	j->out = ends[1];
	j->last = j->place > j->out ? j->place : j->out;
	return true;
}

/* The first descriptor of a message; -1: none.  *more: there were others. */
static int
first_of(struct msghdr *message, bool *more)
{
	struct cmsghdr *c;
	int fd = -1;
	int next;

	for (c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len;
		     at += sizeof(fd)) {
			memcpy(&next, (const char *)c + at, sizeof(next));
			if (fd < 0) {
				fd = next;
				continue;
			}
			release_fd(next);
			*more = true;
		}
	}
	*more |= (message->msg_flags & MSG_CTRUNC) != 0;
	return fd;
}

static int
receive_with(int from, char *bytes, size_t room, ssize_t *got, bool *more)
{
	union control control;
	struct iovec part = { bytes, room };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = CONTROL_BYTES };

	*got = recvmsg(from, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	return *got < 0 ? -1 : first_of(&message, more);
}

/* ------------------------------------------------------- the other side -- */

static bool
send_over(int out, int fd)
{
	union control control = { .bytes = { 0 } };
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(out, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

static void
wait_for_word(sem_t *word)
{
	while (sem_wait(word) != 0)
		continue;
}

/* Between two words of ours the client's thread acts, and the other way. */
static void *
judge_one(void *argument)
{
	struct judging *g = argument;
	int fd;

	g->apart = release_others((unsigned)g->judge->last);
	sem_post(&g->word);
	if (!g->apart)
		return NULL;
	fd = receive_with(g->judge->place, g->bytes, g->room, &g->got,
	    &g->more);
	(void)close(g->judge->place);
	if (fd >= 0) {
		release_linger(fd);
		g->passed.refused = passed_refused(fd);
	}
	g->good = fd >= 0 && g->passed.refused == NULL && !g->more;
	sem_post(&g->word);
	if (g->good) {
		wait_for_word(&g->reply);
		g->good = send_over(g->judge->out, fd);
		sem_post(&g->word);
	}
	if (fd >= 0)
		release_fd(fd);
	return NULL;
}

/* -------------------------------------------------------------- our side -- */

/* One at a time: the connection stands where the thread looks for it until it
 * has taken it along. */
static bool
start(struct judging *g, int client)
{
	struct judge *j = g->judge;
	bool started;

	pthread_mutex_lock(&j->lock);
	started = dup3(client, j->place, O_CLOEXEC) >= 0 &&
	    pthread_create(&g->thread, NULL, judge_one, g) == 0;
	if (started)
		wait_for_word(&g->word);
	(void)dup3(j->nothing, j->place, O_CLOEXEC);
	pthread_mutex_unlock(&j->lock);
	return started;
}

static void
fetch(struct judging *g)
{
	ssize_t got;
	char byte;
	bool more = false;

	pthread_mutex_lock(&g->judge->lock);
	sem_post(&g->reply);
	wait_for_word(&g->word);
	if (g->good)
		g->passed.fd = receive_with(g->judge->in, &byte, 1, &got,
		    &more);
	pthread_mutex_unlock(&g->judge->lock);
	if (g->passed.fd < 0)
		g->passed.refused = PASSED_UNJUDGED;
}

bool
judge_receive(struct judging *g, struct judge *j, int client, char *bytes,
    size_t room)
{
	*g = (struct judging){ .judge = j, .bytes = bytes, .room = room,
		.passed = { .fd = -1 } };
	sem_init(&g->word, 0, 0);
	sem_init(&g->reply, 0, 0);
	g->started = start(g, client);
	if (!g->started || !g->apart)
		return false;
	wait_for_word(&g->word);
	if (g->good)
		fetch(g);
	return true;
}

void
judge_end(struct judging *g)
{
	if (g->started)
		(void)pthread_join(g->thread, NULL);
	g->started = false;
}
