/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.c - see identity.h.  Trusts fstat; a host that closes descriptors
 * while one of its threads is in the library is beyond help.
 */
#include "identity.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

bool
identity_note(int fd, struct identity *id)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return false;
	*id = (struct identity){ st.st_dev, st.st_ino };
	return true;
}

bool
identity_is(int fd, const struct identity *id)
{
	struct identity now;

	if (fd < 0)
		return false;
	/* A file of a server that is gone is ours still. */
	if (!identity_note(fd, &now))
		return errno != EBADF;
	return now.device == id->device && now.inode == id->inode;
}

void
identity_close(int fd, const struct identity *id)
{
	if (identity_is(fd, id))
		close(fd);
}
