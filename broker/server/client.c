/* SPDX-License-Identifier: Apache-2.0
 *
 * client.c - one connection: lines in, lines out, each within its time.  Trusts
 * the client with nothing: a line is bounded, and so is the time that it may
 * take; every descriptor that comes is closed, wanted or not.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

/* One descriptor belongs to a line; the kernel closes what has no room here.
 * Not CMSG_SPACE: its padding is room for a second one. */
#define CONTROL_BYTES CMSG_LEN(sizeof(int))

struct input {
	int client;
	int fd;			/* came, and was not asked for yet; -1 */
	size_t length;
	bool bad;		/* more than one descriptor came */
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

/* Keeps the first descriptor, closes every other one. */
static void
take_descriptors(struct input *in, struct msghdr *message)
{
	struct cmsghdr *c;
	int fd;

	for (c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(fd) <= c->cmsg_len;
		     at += sizeof(fd)) {
			memcpy(&fd, (const char *)c + at, sizeof(fd));
			release_linger(fd);
			if (in->fd < 0) {
				in->fd = fd;
				continue;
			}
			release_fd(fd);
			in->bad = true;
		}
	}
	if ((message->msg_flags & MSG_CTRUNC) != 0)
		in->bad = true;
}

/* Some more bytes.  False: the client has gone, or is at fault. */
static bool
receive(struct input *in)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { in->bytes + in->length,
		sizeof(in->bytes) - in->length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = CONTROL_BYTES };
	ssize_t got = recvmsg(in->client, &message,
	    MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	take_descriptors(in, &message);
	in->length += (size_t)got;
	return got > 0 && !in->bad;
}

enum line { LINE_WHOLE, LINE_GONE, LINE_LATE, LINE_LONG, LINE_DESCRIPTORS };

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
			return in->bad ? LINE_DESCRIPTORS : LINE_GONE;
	}
	**end = '\0';
	return LINE_WHOLE;
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
	goes_on = request_answer(s, in->bytes, in->fd, &text, &text_length);
	if (in->fd >= 0)
		release_fd(in->fd);
	in->fd = -1;
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
	};
	struct input in = { .client = client, .fd = -1 };
	enum line how;
	char *end;

	while ((how = read_line(&in, &end)) == LINE_WHOLE)
		if (!serve_line(s, &in, end))
			break;
	if (in.fd >= 0)
		release_fd(in.fd);
	if (how != LINE_WHOLE && how != LINE_GONE)
		(void)client_complain(client, EXIT_USAGE, complaints[how]);
}
