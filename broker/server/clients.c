/* SPDX-License-Identifier: Apache-2.0
 *
 * clients.c - who is connected: a thread a connection, one that is served or
 * one that is told why not, and of each so many and no more.  A user who is not
 * the server's own takes no more than his part, and a connection counts until
 * its close is over, for he may see to it that this takes long.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"

bool
clients_prepare(struct server *s)
{
	for (size_t i = 0; i < CLIENTS_MAX + TURNED_MAX; i++)
		s->clients[i] = (struct client){ .server = s, .fd = -1 };
	s->freed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->freed >= 0;
}

/* From here on nobody else uses the descriptor's number. */
static int
take_back(struct client *c)
{
	int fd;

	pthread_mutex_lock(&c->server->lock);
	fd = c->fd;
	c->fd = -1;
	pthread_mutex_unlock(&c->server->lock);
	return fd;
}

static void
leave(struct client *c)
{
	struct server *s = c->server;
	bool turned = c->refused != NULL;

	pthread_mutex_lock(&s->lock);
	c->taken = false;
	s->client_count--;
	s->turned -= turned;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (turned)
		(void)eventfd_write(s->freed, 1);
}

static void *
run_client(void *argument)
{
	struct client *c = argument;

	if (c->refused == NULL)
		client_serve(c->server, c->fd);
	else
		(void)client_complain(c->fd, c->code, c->refused);
	release_fd(take_back(c));
	leave(c);
	return NULL;
}

static bool
start(struct client *c)
{
	pthread_attr_t detached;
	pthread_t thread;
	int rc = pthread_attr_init(&detached);

	if (rc != 0)
		return false;
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &detached, run_client, c);
	pthread_attr_destroy(&detached);
	return rc == 0;
}

/* ------------------------------------------------------------- who may -- */

static unsigned
count_of(const struct server *s, uid_t uid)
{
	unsigned count = 0;

	for (size_t i = 0; i < CLIENTS_MAX + TURNED_MAX; i++)
		count += s->clients[i].taken && s->clients[i].uid == uid &&
		    s->clients[i].refused == NULL;
	return count;
}

static bool
is_ours(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

/* Under the lock. */
static void
decide(struct server *s, struct client *c)
{
	c->code = EXIT_BUSY;
	if (!listen_knows(s, c->fd, &c->uid)) {
		c->code = EXIT_REFUSED;
		c->refused = "this server serves its own user";
	} else if (s->client_count - s->turned >= CLIENTS_MAX) {
		c->refused = "busy: too many connections";
	} else if (!is_ours(c->uid) && count_of(s, c->uid) >= UID_MAX) {
		c->refused = "busy: too many connections of your uid";
	} else {
		c->refused = NULL;
	}
}

static struct client *
find_free(struct server *s)
{
	size_t i = 0;

	while (s->clients[i].taken)
		i++;
	return &s->clients[i];
}

/* ---------------------------------------------------------------- life -- */

bool
clients_have_room(struct server *s)
{
	bool room;

	if (s->unstarted != NULL && start(s->unstarted))
		s->unstarted = NULL;
	pthread_mutex_lock(&s->lock);
	room = s->unstarted == NULL && s->turned < TURNED_MAX;
	pthread_mutex_unlock(&s->lock);
	return room;
}

void
clients_take(struct server *s, int fd)
{
	struct client *c;

	pthread_mutex_lock(&s->lock);
	c = find_free(s);
	c->fd = fd;
	decide(s, c);
	c->taken = true;
	s->client_count++;
	s->turned += c->refused != NULL;
	pthread_mutex_unlock(&s->lock);
	if (!start(c))
		s->unstarted = c;
}

void
clients_drain(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < CLIENTS_MAX + TURNED_MAX; i++)
		if (s->clients[i].fd >= 0)
			(void)shutdown(s->clients[i].fd, SHUT_RD);
	/* Nothing of it has been read: it ends with the process. */
	if (s->unstarted != NULL)
		s->client_count--;
	while (s->client_count > 0)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
