/* SPDX-License-Identifier: Apache-2.0
 *
 * child.c - see child.h.  A failure of the test's own machinery ends the test
 * program: nothing is passed by not having run.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "held.h"
#include "parked_words.h"
#include "wire.h"

#define LEAKED 9
#define ARGUMENTS_MAX 16
#define DESCRIPTORS_MAX 8

bool child_parked;
const int *child_lent;
size_t child_lent_count;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "jail-test: %s: %s\n", what, strerror(errno));
	exit(70);
}

int
child_input(const void *bytes, size_t length)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	must(fd >= 0, "memfd_create");
	must(write(fd, bytes, length) == (ssize_t)length, "write");
	return fd;
}

void
child_give(struct child *c, const void *bytes, size_t length, const int *fds,
    size_t count)
{
	union {
		char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec part = { (void *)(uintptr_t)bytes, length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *head = &control.align;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	/* It may be dead already; the tests see that by themselves. */
	(void)!sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

/* True: it will be parked. */
static bool
put_parked(const char *const from[], const char *to[ARGUMENTS_MAX])
{
	static const char *const words[][2] = { { "run", "park" },
		{ "canary", "park-canary" }, { "full", "parked" } };
	bool parked = false;
	size_t i;
	size_t j;

	for (i = 0; from[i] != NULL; i++) {
		must(i < ARGUMENTS_MAX - 1, "arguments");
		to[i] = from[i];
		for (j = 0; j < sizeof words / sizeof words[0]; j++) {
			if (!child_parked || strcmp(from[i], words[j][0]) != 0)
				continue;
			to[i] = words[j][1];
			parked = true;
		}
	}
	to[i] = NULL;
	return parked;
}

/* Silence instead of the byte: the tests see what became of it. */
static void
give_job(struct child *c, int input)
{
	char ready;

	if (child_read(c, &ready, 1) != 1)
		return;
	must(ready == PARKED_READY, "parked");
	ready = PARKED_JOB;
	child_give(c, &ready, 1, &input, 1);
}

bool
child_start(struct child *c, const char *const arguments[], int input,
    int output)
{
	static const struct timeval patience = { .tv_sec = 10 };
	char *const environment[] = { NULL };
	const char *argv[ARGUMENTS_MAX];
	bool parked = put_parked(arguments, argv);
	posix_spawn_file_actions_t actions;
	int pair[2];
	int result;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0,
	    "socketpair");
	must(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof patience) == 0, "setsockopt");
	must(posix_spawn_file_actions_init(&actions) == 0, "actions");
	must(posix_spawn_file_actions_adddup2(&actions, input, 0) == 0, "dup2");
	must(posix_spawn_file_actions_adddup2(&actions,
	    output >= 0 ? output : pair[1], 1) == 0, "dup2");
	must(posix_spawn_file_actions_adddup2(&actions, input, LEAKED) == 0,
	    "dup2");
	for (size_t i = 0; i < child_lent_count; i++)
		must(posix_spawn_file_actions_adddup2(&actions, child_lent[i],
		    HELD_FIRST_FD + (int)i) == 0, "dup2");
	result = posix_spawnp(&c->pid, argv[0], &actions, NULL,
	    (char *const *)(uintptr_t)argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	close(pair[1]);
	c->fd = pair[0];
	if (result != 0)
		close(pair[0]);
	else if (parked)
		give_job(c, input);
	return result == 0;
}

size_t
child_read(struct child *c, void *out, size_t length)
{
	size_t have = 0;

	while (have < length) {
		ssize_t got = recv(c->fd, (uint8_t *)out + have, length - have,
		    0);

		if (got <= 0)
			break;
		have += (size_t)got;
	}
	return have;
}

bool
child_frame(struct child *c, struct frame_head *head, const uint8_t **payload)
{
	static uint8_t bytes[FRAME_DATA_MAX];
	uint8_t raw[FRAME_HEAD_BYTES];

	if (child_read(c, raw, sizeof raw) != sizeof raw ||
	    !frame_head_read(raw, head))
		return false;
	*payload = bytes;
	return child_read(c, bytes, head->length) == head->length;
}

struct hello_said
child_hello(struct child *c)
{
	static uint8_t memory[WIRE_ARENA_BYTES];
	struct wire_arena arena = { memory, sizeof memory, 0 };
	struct hello_said said = { .layers = 0 };
	struct wire_hello hello;
	struct frame_head head;
	const uint8_t *payload;
	size_t i;

	if (!child_frame(c, &head, &payload) || head.type != FRAME_HELLO ||
	    !wire_hello_unpack(&arena, payload, head.length, &hello) ||
	    hello.version != WIRE_VERSION ||
	    hello.missing_count != hello.reason_count)
		return said;
	for (i = 0; i < hello.layer_count; i++)
		said.layers |= UINT64_C(1) << (hello.layers[i] & 63);
	for (i = 0; i < hello.missing_count; i++) {
		said.missing |= UINT64_C(1) << (hello.missing[i] & 63);
		said.reasons[hello.missing[i] & 63] = hello.reasons[i];
	}
	return said;
}

void
child_go(struct child *c)
{
	static uint8_t frame[FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX];
	struct wire_go go = { .shares = 1 };
	size_t length;

#define X(name, standard, ceiling) go.limits.name = (standard);
	LIMITS(X)
#undef X
	go.limits.contiguous_bytes = GIB;
	length = wire_go_pack(&go, frame + FRAME_HEAD_BYTES);
	frame_head_write(frame, FRAME_GO, (uint32_t)length);
	length += FRAME_HEAD_BYTES;
	/* It may be dead already; the tests see that by themselves. */
	(void)!send(c->fd, frame, length, MSG_NOSIGNAL);
}

int
child_end(struct child *c)
{
	int status = -1;

	close(c->fd);
	must(waitpid(c->pid, &status, 0) == c->pid, "waitpid");
	return status;
}

bool
child_is_silent(struct child *c, int code)
{
	char byte;
	size_t said = child_read(c, &byte, 1);

	return child_end(c) == code << 8 && said == 0;
}
