/* SPDX-License-Identifier: Apache-2.0
 *
 * child.h - starts a worker or a probe the way a careless host would: with
 * descriptors leaked into it; and talks frames with it.
 */
#ifndef TESTS_JAIL_CHILD_H
#define TESTS_JAIL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

struct child {
	pid_t pid;
	int fd;		/* our end of its fd 1 */
};

/* Workers are started with "park" for "run", "park-canary" for "canary" and
 * probes with "parked" for "full", and get their input as a job. */
extern bool child_parked;

/* What is lent to those that are started: so many descriptors from number 2 on.
 * They must be over 9. */
extern const int *child_lent;
extern size_t child_lent_count;

/* A memfd with these bytes. */
int child_input(const void *bytes, size_t length);
/* fd 0 is input, fd 1 a socket to us (or `output` when not -1); 2 and 9 leak.
 * Every answer must come within ten seconds. */
bool child_start(struct child *c, const char *const argv[], int input,
    int output);
/* One message: bytes, and descriptors (count at most 8). */
void child_give(struct child *c, const void *bytes, size_t length,
    const int *fds, size_t count);
/* Everything up to the end of file, or the next length bytes. */
size_t child_read(struct child *c, void *out, size_t length);
/* One frame; *payload stays valid until the next.  False at the end. */
bool child_frame(struct child *c, struct frame_head *head,
    const uint8_t **payload);
/* Reads Hello.  layers is 0 when it is none. */
struct hello_said {
	uint64_t layers;
	uint64_t missing;
	uint32_t reasons[64];	/* by layer */
};
struct hello_said child_hello(struct child *c);
/* Sends a Go with all defaults. */
void child_go(struct child *c);
/* Closes, waits, gives waitpid's status. */
int child_end(struct child *c);
/* Ends it; whether it said nothing more and left with this code. */
bool child_is_silent(struct child *c, int code);

#endif
