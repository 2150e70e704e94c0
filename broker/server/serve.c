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
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "print.h"
#include "server.h"

/* Without descriptors or threads to be had: try again then. */
#define PAUSE_MS 100

/* Once, until somebody has been accepted again. */
static void
say_short(struct server *s, int errnum)
{
	if (s->short_of != errnum)
		complain("serve: accept: %s%s; who connects waits",
		    strerror(errnum), errnum == EMFILE ?
		    " (ulimit -n, LimitNOFILE=)" : "");
	s->short_of = errnum;
}

/* False: the socket is of no use any more. */
static bool
accept_one(struct server *s)
{
	int client = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC);

	if (client >= 0) {
		clients_take(s, client);
		s->short_of = 0;
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
	    errno == ENOBUFS) {
		say_short(s, errno);
		(void)poll(NULL, 0, PAUSE_MS);
		return true;
	}
	return errno != EBADF && errno != EINVAL && errno != ENOTSOCK;
}

/* ----------------------------------------------------------------- life -- */

/* While all that may be told why they are not served are being told, nobody is
 * accepted. */
static int
run(struct server *s, int signals)
{
	struct pollfd p[3] = { { signals, POLLIN, 0 }, { s->freed, POLLIN, 0 },
		{ s->listening, POLLIN, 0 } };
	eventfd_t count;

	for (;;) {
		p[2].fd = clients_have_room(s) ? s->listening : -1;
		if (poll(p, 3, s->unstarted != NULL ? PAUSE_MS : -1) < 0 &&
		    errno != EINTR) {
			complain("serve: poll: %s", strerror(errno));
			return EXIT_INTERNAL;
		}
		if (p[0].revents != 0)
			return EXIT_DONE;	/* one that is asked to end */
		if (p[1].revents != 0)
			(void)eventfd_read(s->freed, &count);
		if (p[2].revents != 0 && !accept_one(s)) {
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
	return exit_for(err.code);
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
	end_begin(s);
	obey_signals(signals);
	clients_drain(s);
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

/* What may be missing later is made now; -1, or the signals. */
static int
prepare(struct server *s)
{
	int signals;

	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (!judge_prepare(&s->judge) || !release_prepare() ||
	    !clients_prepare(s))
		return -1;
	signals = open_signals();
	return signals >= 0 && end_prepare(s) ? signals : -1;
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
	s.loads = options->jobs != 0 ? options->jobs : processors();
	options->load.parked_workers = options->parked_given ?
	    options->parked : processors() + 2;
	if (options->load.parked_workers > 64)
		options->load.parked_workers = 64;
	if ((options->load.flags & PFORK_SNAPSHOT) != 0 &&
	    options->limits.input_bytes == 0)
		options->limits.input_bytes = SNAPSHOT_MOST;
	signals = prepare(&s);
	if (signals < 0) {
		complain("serve: signals, threads: %s", strerror(errno));
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
