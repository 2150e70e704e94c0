/* SPDX-License-Identifier: Apache-2.0
 *
 * identity.h - what a number of ours names.  A host may close all descriptors
 * and open its own: what lives longer than a call is looked at before it is
 * used or closed.  Sockets, pipes and files have an inode each; a pidfd since
 * Linux 6.9, before that all of them share one (child.h).
 */
#ifndef BROKER_IDENTITY_H
#define BROKER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
	dev_t device;
	ino_t inode;
};

/* False: errno. */
bool identity_note(int fd, struct identity *id);
bool identity_is(int fd, const struct identity *id);
/* Closes it if it still is that. */
void identity_close(int fd, const struct identity *id);

#endif
