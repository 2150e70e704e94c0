/* SPDX-License-Identifier: Apache-2.0
 *
 * serve.c - picklefork serve: a daemon on a unix socket that answers what `ls
 * --json` and `scan --json` would, by workers that were parked before.  A
 * thread a connection, so many connections and no more.  It does not begin
 * where the jail does not hold, and on SIGTERM it ends what it has begun.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "print.h"
#include "server.h"

/* Without descriptors or threads to be had: try again then. */
#define PAUSE_MS 100

struct connection {
	struct server *server;
	unsigned slot;
};

/* ------------------------------------------------------------- clients -- */

static void *
run_client(void *argument)
{
	struct connection *c = argument;
	struct server *s = c->server;
	int client = s->clients[c->slot];

	client_serve(s, client);
	pthread_mutex_lock(&s->lock);
	s->clients[c->slot] = -1;
	close(client);
	s->client_count--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	free(c);
	return NULL;
}

/* False: there is no room. */
static bool
take_slot(struct server *s, int client, unsigned *slot)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < CLIENTS_MAX && !found; i++) {
		if (s->clients[i] >= 0)
			continue;
		s->clients[i] = client;
		s->client_count++;
		*slot = i;
		found = true;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void
give_slot_back(struct server *s, unsigned slot)
{
	pthread_mutex_lock(&s->lock);
	s->clients[slot] = -1;
	s->client_count--;
	pthread_mutex_unlock(&s->lock);
}

static bool
start_client(struct server *s, unsigned slot)
{
	struct connection *c = malloc(sizeof(*c));
	pthread_attr_t detached;
	pthread_t thread;
	int rc;

	if (c == NULL)
		return false;
	c->server = s;
	c->slot = slot;
	rc = pthread_attr_init(&detached);
	if (rc == 0) {
		pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
		rc = pthread_create(&thread, &detached, run_client, c);
		pthread_attr_destroy(&detached);
	}
	if (rc != 0)
		free(c);
	return rc == 0;
}

/* The message fits an empty socket's buffer: nothing here waits for long. */
static void
turn_away(int client, int code, const char *text)
{
	(void)client_complain(client, code, text);
	close(client);
}

static void
take_client(struct server *s, int client)
{
	unsigned slot;

	if (!listen_knows(s, client)) {
		turn_away(client, EXIT_REFUSED, "this server serves its own "
		    "user");
	} else if (!take_slot(s, client, &slot)) {
		turn_away(client, EXIT_BUSY, "busy: too many connections");
	} else if (!start_client(s, slot)) {
		give_slot_back(s, slot);
		turn_away(client, EXIT_BUSY, "busy: no thread to be had");
	}
}

/* False: the socket is of no use any more. */
static bool
accept_one(struct server *s)
{
	int client = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC);

	if (client >= 0) {
		take_client(s, client);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS)
		(void)poll(NULL, 0, PAUSE_MS);
	return errno != EBADF && errno != EINVAL && errno != ENOTSOCK;
}

/* ----------------------------------------------------------------- life -- */

static int
run(struct server *s, int signals)
{
	struct pollfd p[2] = { { s->listening, POLLIN, 0 },
		{ signals, POLLIN, 0 } };

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR) {
			complain("serve: poll: %s", strerror(errno));
			return EXIT_INTERNAL;
		}
		if (p[1].revents != 0)
			return EXIT_DONE;	/* one that is asked to end */
		if (p[0].revents != 0 && !accept_one(s)) {
			complain("serve: accept: %s", strerror(errno));
			return EXIT_INTERNAL;
		}
	}
}

/* The signal has done its work; another one ends us at once. */
static void
obey_signals(int signals)
{
	struct signalfd_siginfo info;
	sigset_t none;

	sigemptyset(&none);
	(void)!read(signals, &info, sizeof(info));
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* Requests that have come are answered; nobody can send another one.  One that
 * hangs (a file system may stall for ever) keeps us no longer than it may: then
 * the threads end with the process, and workers with the sockets it held. */
static void
drain(struct server *s)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += END_SECONDS;
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i] >= 0)
			(void)shutdown(s->clients[i], SHUT_RD);
	while (s->client_count > 0 && rc == 0)
		rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	if (s->client_count > 0) {
		complain("serve: %u connections did not end in %d seconds",
		    s->client_count, END_SECONDS);
		_exit(EXIT_UNDECIDED);
	}
	pthread_mutex_unlock(&s->lock);
}

/* The real name is opened too, so that it is the one of what is served. */
static bool
open_root(struct server *s, struct root *r, const char *given)
{
	pfork_store_options how = { .size = sizeof(how),
		.flags = PFORK_STORE_SYMLINKS };
	pfork_error err;
	char *escaped;

	r->given = given;
	r->given_length = given[0] == '/' ? strlen(given) : 0;
	while (r->given_length > 0 && given[r->given_length - 1] == '/')
		r->given_length--;
	r->real = realpath(given, NULL);
	if (r->real == NULL) {
		escaped = print_escape(given);
		complain("--root %s: %s", escaped, strerror(errno));
		free(escaped);
		return false;
	}
	if (pfork_store_open(s->broker, r->real, &how, &r->store, &err) ==
	    PFORK_OK)
		return true;
	complain_error(given, &err);
	return false;
}

static int
open_roots(struct server *s)
{
	s->roots = calloc(s->options->root_count + 1, sizeof(*s->roots));
	if (s->roots == NULL)
		return EXIT_INTERNAL;
	for (size_t i = 0; i < s->options->root_count; i++)
		if (!open_root(s, &s->roots[s->root_count++],
		    s->options->roots[i]))
			return EXIT_UNDECIDED;
	return EXIT_DONE;
}

static void
free_roots(struct server *s)
{
	for (size_t i = 0; i < s->root_count; i++) {
		pfork_store_free(s->roots[i].store);
		free(s->roots[i].real);
	}
	free(s->roots);
}

/* The jail must be seen to hold, in a parked worker too. */
static int
probe(struct server *s)
{
	pfork_probe_result result = { .size = sizeof(result) };
	pfork_error err;

	if (pfork_probe(s->broker, &result, &err) == PFORK_OK)
		return EXIT_DONE;
	complain_error(NULL, &err);
	return EXIT_SANDBOX;
}

static int
serve(struct server *s, int signals)
{
	int code = probe(s);

	if (code == EXIT_DONE)
		code = open_roots(s);
	if (code == EXIT_DONE)
		code = listen_open(s);
	if (code == EXIT_DONE) {
		if (!s->options->quiet)
			complain("serving on %s", s->path);
		code = run(s, signals);
	}
	listen_close(s);
	obey_signals(signals);
	drain(s);
	return code;
}

/* Before the first thread, so that all of them block the signals. */
static int
open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
open_lock(struct server *s)
{
	pthread_condattr_t monotonic;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static unsigned
processors(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online > 0 ? (unsigned)online : 1;
}

int
serve_run(struct options *options)
{
	struct server s = { .options = options, .listening = -1 };
	int signals;
	int code;

	if (options->file_count != 0 || options->socket == NULL) {
		complain("serve takes --socket PATH, and no files");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		s.clients[i] = -1;
	s.loads = options->jobs != 0 ? options->jobs : processors();
	options->load.parked_workers = options->parked_given ?
	    options->parked : processors() + 2;
	if (options->load.parked_workers > 64)
		options->load.parked_workers = 64;
	if ((options->load.flags & PFORK_SNAPSHOT) != 0 &&
	    options->limits.input_bytes == 0)
		options->limits.input_bytes = SNAPSHOT_MOST;
	open_lock(&s);
	signals = open_signals();
	if (signals < 0) {
		complain("serve: signals: %s", strerror(errno));
		return EXIT_INTERNAL;
	}
	code = open_broker(options, &s.broker);
	if (code == EXIT_DONE)
		code = serve(&s, signals);
	free_roots(&s);
	pfork_broker_free(s.broker);
	close(signals);
	return code;
}
