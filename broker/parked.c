/* SPDX-License-Identifier: Apache-2.0
 *
 * parked.c - see parked.h.  It is verified twice: parked, when it is under one
 * filter more than who started it, and again after Hello, when it must be under
 * one more still (child_verify).  So each of the two loads has been seen.
 */
#include "parked.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "error.h"
#include "monotonic.h"
#include "parked_words.h"

/* It takes a millisecond; a machine under load gets three seconds. */
#define PARK_MS 3000

/* Its one byte.  Anything else, or more of it, is none. */
static bool
is_ready(const struct child *c)
{
	struct pollfd p = { .fd = c->socket, .events = POLLIN };
	uint64_t until = monotonic_ms() + PARK_MS;
	uint64_t now = until - PARK_MS;
	char bytes[2] = { 0 };

	while (now < until && poll(&p, 1, (int)(until - now)) < 0 &&
	    errno == EINTR)
		now = monotonic_ms();
	return recv(c->socket, bytes, sizeof(bytes), 0) == 1 &&
	    bytes[0] == PARKED_READY;
}

enum pfork_code
parked_start(const struct pfork_broker *b, const char *verb,
    struct child *out, pfork_error *err)
{
	struct child c = CHILD_NONE;
	struct child_end end;
	/* Who keeps workers parked will need many; a canary is alone. */
	enum lending how = strcmp(verb, "park") == 0 ? LEND_MANY : LEND_SOON;
	enum pfork_code code = child_spawn(b, verb, how, -1, &c, err);

	if (code != PFORK_OK)
		return code;
	c.parked = true;
	if (!is_ready(&c))
		code = error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "a worker could not be parked");
	else
		code = child_watch_status(&c, err);
	if (code == PFORK_OK && !child_note(&c))
		code = error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "looking at a parked worker: %s", error_errno(errno));
	if (code == PFORK_OK)
		code = child_verify(&c, err);
	if (code != PFORK_OK) {
		child_finish(&c, 0, &end);
		return code;
	}
	c.filters++;
	c.since = monotonic_ms();
	*out = c;
	return PFORK_OK;
}

bool
parked_give(const struct child *c, int input)
{
	char byte = PARKED_JOB;
	struct iovec part = { &byte, 1 };
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	ssize_t sent;

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(input));
	memcpy(CMSG_DATA(head), &input, sizeof(input));
	do {
		sent = sendmsg(c->socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent == 1;
}
