/* SPDX-License-Identifier: Apache-2.0
 *
 * wake.c - see wake.h.  Must never block, raise SIGPIPE in the host, or write
 * to a descriptor that is not ours.
 */
#include "wake.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child.h"

bool
wake_open(struct wake *w)
{
	int saved;

	*w = WAKE_NONE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    w->ends) != 0) {
		*w = WAKE_NONE;
		return false;
	}
	for (int i = 0; i < 2; i++)
		w->ends[i] = child_fd_above(w->ends[i]);
	if (identity_note(w->ends[0], &w->ids[0]) &&
	    identity_note(w->ends[1], &w->ids[1]))
		return true;
	saved = errno;
	for (int i = 0; i < 2; i++)
		if (w->ends[i] >= 0)
			close(w->ends[i]);
	*w = WAKE_NONE;
	errno = saved;
	return false;
}

void
wake_close(struct wake *w)
{
	for (int i = 0; i < 2; i++)
		identity_close(w->ends[i], &w->ids[i]);
	*w = WAKE_NONE;
}

void
wake_up(const struct wake *w)
{
	char byte = 0;

	if (!identity_is(w->ends[1], &w->ids[1]))
		return;
	/* When it is full it fails, and then the thread is awake. */
	while (send(w->ends[1], &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno == EINTR)
		;
}

int
wake_mend(struct wake *w)
{
	if (identity_is(w->ends[0], &w->ids[0]) &&
	    identity_is(w->ends[1], &w->ids[1]))
		return w->ends[0];
	wake_close(w);
	return wake_open(w) ? w->ends[0] : -1;
}

void
wake_drain(const struct wake *w)
{
	char bytes[64];

	if (identity_is(w->ends[0], &w->ids[0]))
		while (recv(w->ends[0], bytes, sizeof(bytes),
		    MSG_DONTWAIT) == (ssize_t)sizeof(bytes))
			;
}
