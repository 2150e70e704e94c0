/* SPDX-License-Identifier: Apache-2.0
 *
 * handover.c - takes the input from the broker, whom it trusts: one byte, with
 * exactly one descriptor, which must land as descriptor 0 (RLIMIT_NOFILE is 1,
 * so that the kernel has nowhere else to put one, and no room for a second).
 * Runs under the first filter; looks at no byte of the input.
 */
#include "handover.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "parked_words.h"

/* Room for more than is agreed, so that more is seen. */
#define BYTES 2
#define DESCRIPTORS 4

union control {
	char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
	struct cmsghdr align;
};

/* One control message with one descriptor, and that is 0. */
static enum handover
judge(struct msghdr *message, const char *bytes, ssize_t got)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (got != 1 || bytes[0] != PARKED_JOB)
		return HANDOVER_WRONG;
	if ((message->msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0 || c == NULL ||
	    c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof fd) ||
	    message->msg_controllen > CMSG_SPACE(sizeof fd))
		return HANDOVER_WRONG;
	memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd == 0 ? HANDOVER_TAKEN : HANDOVER_WRONG;
}

enum handover
handover_take(int socket)
{
	union control control;
	char bytes[BYTES] = { 0 };
	struct iovec part = { bytes, sizeof bytes };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got;

	do {
		memset(&control, 0, sizeof control);
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		message.msg_flags = 0;
		got = recvmsg(socket, &message, 0);
	} while (got < 0 && errno == EINTR);
	/* EAGAIN: the broker set a time after which this worker is too old. */
	if (got <= 0)
		return HANDOVER_NONE;
	return judge(&message, bytes, got);
}
