/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - one connection: lines in, lines out, each within its time.  Trusts
 * the client with nothing: a line is bounded, and so is the time that it may
 * take; every descriptor that comes is judged elsewhere before it comes here,
 * and closed, wanted or not.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

struct input {
	struct server *server;
	int client;
	size_t length;
	bool bad;		/* more than one descriptor came */
	bool unjudged;		/* one came, and waits to be taken */
	struct passed passed;	/* and was not asked for yet */
	struct judging judging;	/* the last that came */
	char bytes[LINE_BYTES];
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False: not in time. */
static bool
wait_for(int client, short events, int64_t until)
{
	struct pollfd p = { .fd = client, .events = events };
	int64_t left;
	int rc;

	do {
		left = until - now_ms();
		if (left <= 0)
			return false;
		rc = poll(&p, 1, (int)left);
	} while (rc < 0 && errno == EINTR);
	return rc > 0;
}

/* ------------------------------------------------------------------ out -- */

static bool
send_all(int client, const char *text, size_t length)
{
	/* All of it: a byte now and then would keep it in memory for ever. */
	int64_t until = now_ms() + SEND_MS + (int64_t)(length / 1024);
	ssize_t sent;

	while (length > 0) {
		if (!wait_for(client, POLLOUT, until))
			return false;
		sent = send(client, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (sent <= 0)
			return false;
		text += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool
send_answer(struct server *s, int client, const char *text, size_t length)
{
	bool sent = send_all(client, text, length);

	pthread_mutex_lock(&s->lock);
	s->untaken -= length;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return sent;
}

bool
client_complain(int client, int code, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line),
	    "{\"schema\":\"picklefork.error/1\",\"exit\":%d,\"text\":\"%s\"}\n",
	    code, text);

	return length > 0 && (size_t)length < sizeof(line) &&
	    send_all(client, line, (size_t)length);
}

/* ------------------------------------------------------------------- in -- */

/* Bytes with a descriptor, as receive has seen; one belongs to a line. */
static bool
receive_judged(struct input *in)
{
	struct judging *g = &in->judging;
	bool second = in->passed.fd >= 0 || in->passed.refused != NULL;

	judge_end(g);
	if (!judge_receive(g, &in->server->judge, in->client, in->bytes +
	    in->length, sizeof(in->bytes) - in->length)) {
		in->unjudged = true;
		return false;
	}
	if (second && g->passed.fd >= 0)
		release_fd(g->passed.fd);
	if (!second)
		in->passed = g->passed;
	in->bad = second || g->more;
	in->length += g->got > 0 ? (size_t)g->got : 0;
	return g->got > 0 && !in->bad;
}

/* Some more bytes.  False: the client has gone, or is at fault.  First a look,
 * without room for descriptors: then they stay where they are. */
static bool
receive(struct input *in)
{
	struct iovec part = { in->bytes + in->length,
		sizeof(in->bytes) - in->length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got = recvmsg(in->client, &message, MSG_PEEK | MSG_DONTWAIT);

	if (got > 0 && (message.msg_flags & MSG_CTRUNC) != 0)
		return receive_judged(in);
	if (got > 0)
		got = recv(in->client, part.iov_base, (size_t)got,
		    MSG_DONTWAIT);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	in->length += (size_t)got;
	return got > 0;
}

enum line {
	LINE_WHOLE,
	LINE_GONE,
	LINE_LATE,
	LINE_LONG,
	LINE_DESCRIPTORS,
	LINE_UNJUDGED,
};

/* Until a whole line is there; *end is where its newline was. */
static enum line
read_line(struct input *in, char **end)
{
	int64_t idle_until = now_ms() + IDLE_MS;
	int64_t line_until = now_ms() + LINE_MS;

	while ((*end = memchr(in->bytes, '\n', in->length)) == NULL) {
		if (in->length == sizeof(in->bytes))
			return LINE_LONG;
		if (in->length == 0)
			line_until = now_ms() + LINE_MS;
		if (!wait_for(in->client, POLLIN,
		    in->length == 0 ? idle_until : line_until))
			return in->length == 0 ? LINE_GONE : LINE_LATE;
		if (!receive(in))
			return in->bad ? LINE_DESCRIPTORS :
			    in->unjudged ? LINE_UNJUDGED : LINE_GONE;
	}
	**end = '\0';
	return LINE_WHOLE;
}

static void
drop_passed(struct input *in)
{
	if (in->passed.fd >= 0)
		release_fd(in->passed.fd);
	in->passed = (struct passed){ .fd = -1 };
}

/* True: the next one may come. */
static bool
serve_line(struct server *s, struct input *in, char *end)
{
	size_t length = (size_t)(end - in->bytes) + 1;
	bool goes_on;
	char *text;
	size_t text_length;

	if (strlen(in->bytes) + 1 != length) {
		(void)client_complain(in->client, EXIT_USAGE,
		    "a request with a NUL in it");
		return false;
	}
	goes_on = request_answer(s, in->bytes, &in->passed, &text,
	    &text_length);
	drop_passed(in);
	if (text == NULL)
		(void)client_complain(in->client, EXIT_INTERNAL, "no memory");
	else if (!send_answer(s, in->client, text, text_length))
		goes_on = false;
	free(text);
	in->length -= length;
	memmove(in->bytes, end + 1, in->length);
	return goes_on;
}

void
client_serve(struct server *s, int client)
{
	static const char *const complaints[] = {
		[LINE_LATE] = "a request has to come within ten seconds",
		[LINE_LONG] = "a request is too long",
		[LINE_DESCRIPTORS] = "more than one descriptor came",
		[LINE_UNJUDGED] = PASSED_UNJUDGED,
	};
	struct input in = { .server = s, .client = client,
		.passed = { .fd = -1 } };
	enum line how;
	char *end;

	while ((how = read_line(&in, &end)) == LINE_WHOLE)
		if (!serve_line(s, &in, end))
			break;
	drop_passed(&in);
	if (how != LINE_WHOLE && how != LINE_GONE)
		(void)client_complain(client, how == LINE_UNJUDGED ?
		    EXIT_BUSY : EXIT_USAGE, complaints[how]);
	judge_end(&in.judging);
}
