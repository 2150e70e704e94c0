/* SPDX-License-Identifier: Apache-2.0
 *
 * handover.c - a parked worker and what it may be given: one byte with one
 * descriptor of a regular file, and then nothing of the kind again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"
#include "frame.h"

#define GROUP "handover"
#define PARK(worker) { (worker), "park", "uid=2147418113", "cpu=5", \
	"arena=67108864", "net=0", "lent=0", NULL }

enum { FILE_OK, DIRECTORY, PIPE, SOCKET, DEVICE, PATH_ONLY, WRITE_ONLY, KINDS };

static int fds[KINDS];
static int other_ends[2];

static bool
open_all(void)
{
	int pair[2];

	fds[FILE_OK] = child_input("\x80\x02}q\0.", 6);
	fds[DIRECTORY] = open("/", O_RDONLY | O_CLOEXEC);
	if (pipe2(pair, O_CLOEXEC) != 0)
		return false;
	fds[PIPE] = pair[0];
	other_ends[0] = pair[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	fds[SOCKET] = pair[0];
	other_ends[1] = pair[1];
	fds[DEVICE] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	fds[PATH_ONLY] = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	fds[WRITE_ONLY] = open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fds[WRITE_ONLY] >= 0 && write(fds[WRITE_ONLY], "x", 1) != 1)
		return false;
	return fds[DIRECTORY] >= 0 && fds[DEVICE] >= 0 && fds[PATH_ONLY] >= 0 &&
	    fds[WRITE_ONLY] >= 0;
}

static void
close_all(void)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		close(fds[i]);
	close(other_ends[0]);
	close(other_ends[1]);
}

static bool
start(struct child *c, const char *worker)
{
	const char *const argv[] = PARK(worker);
	char ready = 0;

	/* Whatever is in the input's place does not come to be read. */
	return child_start(c, argv, fds[FILE_OK], -1) &&
	    child_read(c, &ready, 1) == 1 && ready == 'P';
}

/* Given this it leaves, and says nothing. */
static void
check_refused(const char *worker)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t length;
		int kinds[5];
		size_t count;
		int code;
	} cases[] = {
		{ "nothing", "", 0, { 0 }, 0, 2 },
		{ "no descriptor", "J", 1, { 0 }, 0, 6 },
		{ "another word", "G", 1, { FILE_OK }, 1, 6 },
		{ "its own word", "P", 1, { FILE_OK }, 1, 6 },
		{ "two bytes", "JJ", 2, { FILE_OK }, 1, 6 },
		{ "a Go", "\x10\0\0\0\x02\x08", 6, { 0 }, 0, 6 },
		{ "two descriptors", "J", 1, { FILE_OK, FILE_OK }, 2, 6 },
		{ "five descriptors", "J", 1, { 0, 0, 0, 0, 0 }, 5, 6 },
		{ "a directory", "J", 1, { DIRECTORY }, 1, 6 },
		{ "a pipe", "J", 1, { PIPE }, 1, 6 },
		{ "a socket", "J", 1, { SOCKET }, 1, 6 },
		{ "a device", "J", 1, { DEVICE }, 1, 6 },
		{ "a path", "J", 1, { PATH_ONLY }, 1, 6 },
		{ "not to be read", "J", 1, { WRITE_ONLY }, 1, 6 },
	};
	struct child c;
	size_t i;
	size_t j;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int given[5];
		bool ok = start(&c, worker);

		for (j = 0; j < cases[i].count; j++)
			given[j] = fds[cases[i].kinds[j]];
		if (cases[i].length > 0)
			child_give(&c, cases[i].bytes, cases[i].length, given,
			    cases[i].count);
		(void)shutdown(c.fd, SHUT_WR);
		check(ok && child_is_silent(&c, cases[i].code), GROUP,
		    cases[i].name);
	}
}

/* A second job: it is not taken, nor is its descriptor. */
static void
check_second(const char *worker)
{
	struct child c;
	bool ok = start(&c, worker);

	child_give(&c, "J", 1, fds, 1);
	check(ok && (child_hello(&c).layers & 1) == 1, GROUP, "a job");
	child_give(&c, "JJJJJ", 5, fds, 1);
	(void)shutdown(c.fd, SHUT_WR);
	check(child_is_silent(&c, 2), GROUP, "a second job is no Go");
	/* Both at once: the second is what follows the first. */
	ok = start(&c, worker);
	child_give(&c, "J", 1, fds, 1);
	child_give(&c, "J", 1, fds, 1);
	(void)shutdown(c.fd, SHUT_WR);
	check(ok && child_hello(&c).layers != 0 && child_is_silent(&c, 2),
	    GROUP, "a second job behind the first");
}

/* The broker dies while it waits: it does not stay. */
static void
check_hang_up(const char *worker)
{
	struct child c;
	bool ok = start(&c, worker);

	check(ok && child_end(&c) == 2 << 8, GROUP, "leaves with the broker");
}

void
check_handover(const struct programs *p)
{
	check(open_all(), GROUP, "descriptors of every kind");
	check_refused(p->worker);
	check_second(p->worker);
	check_hang_up(p->worker);
	close_all();
}
