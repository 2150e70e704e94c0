/* SPDX-License-Identifier: Apache-2.0
 *
 * talk.c - the worker and a broker that says the wrong thing, hangs up, or
 * hands over the wrong descriptors; and jobs that are run to their end in the
 * jail.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"
#include "wire.h"

/* check_wrong_go sends the bit after the last one. */
_Static_assert(GO_FLAGS_ALL == 0x7f, "the unknown flag is 0x80");

static void
check_usage(const char *worker)
{
	static const struct {
		const char *name;
		const char *argv[8];
	} cases[] = {
		{ "nothing", { NULL } },
		{ "too few", { "run", "uid=1", "cpu=5", "arena=1", "net=0",
		    NULL } },
		{ "too many", { "run", "uid=1", "cpu=5", "arena=1", "net=0",
		    "lent=0", "x", NULL } },
		{ "verb", { "Run", "uid=1", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "no jail", { "nojail", "uid=1", "cpu=5", "arena=1",
		    "net=0", "lent=0" } },
		{ "order", { "run", "cpu=5", "uid=1", "arena=1", "net=0",
		    "lent=0" } },
		{ "no number", { "run", "uid=", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "sign", { "run", "uid=+1", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "minus", { "run", "uid=-1", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "space", { "run", "uid= 1", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "hex", { "run", "uid=0x1", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "octal", { "run", "uid=01", "cpu=5", "arena=1", "net=0",
		    "lent=0" } },
		{ "tail", { "run", "uid=1", "cpu=5s", "arena=1", "net=0",
		    "lent=0" } },
		{ "uid -1", { "run", "uid=4294967295", "cpu=5", "arena=1",
		    "net=0", "lent=0" } },
		{ "uid 2^32", { "run", "uid=4294967296", "cpu=5", "arena=1",
		    "net=0", "lent=0" } },
		{ "cpu 0", { "run", "uid=1", "cpu=0", "arena=1", "net=0",
		    "lent=0" } },
		{ "cpu over", { "run", "uid=1", "cpu=86401", "arena=1",
		    "net=0", "lent=0" } },
		{ "arena over", { "run", "uid=1", "cpu=5",
		    "arena=68719476737", "net=0", "lent=0" } },
		{ "arena 2^64", { "run", "uid=1", "cpu=5",
		    "arena=18446744073709551616", "net=0", "lent=0" } },
		{ "net 2", { "run", "uid=1", "cpu=5", "arena=1", "net=2",
		    "lent=0" } },
		{ "net none", { "run", "uid=1", "cpu=5", "arena=1", "net=",
		    "lent=0" } },
		{ "lent 2^5", { "run", "uid=1", "cpu=5", "arena=1", "net=0",
		    "lent=32" } },
		{ "lent none", { "run", "uid=1", "cpu=5", "arena=1", "net=0",
		    "lent=" } },
		{ "a holder that is lent", { "hold", "uid=1", "cpu=5",
		    "arena=1", "net=0", "lent=1" } },
	};
	int input = child_input("x", 1);
	const char *argv[9] = { worker };
	struct child c;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memcpy(argv + 1, cases[i].argv, sizeof cases[i].argv);
		check(child_start(&c, argv, input, -1) &&
		    child_is_silent(&c, 64), "usage", cases[i].name);
	}
	close(input);
}

static void
check_descriptors(const char *worker)
{
	const char *const argv[] = RUN(worker);
	int input = child_input("x", 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int pair[2];
	struct child c;

	check(child_start(&c, argv, null, -1) && child_is_silent(&c, 6),
	    "descriptors", "a device is no input");
	check(pipe2(pair, O_CLOEXEC) == 0 &&
	    child_start(&c, argv, pair[0], -1) && child_is_silent(&c, 6),
	    "descriptors", "a pipe is no input");
	check(child_start(&c, argv, input, null) && child_is_silent(&c, 6),
	    "descriptors", "a device is no broker");
	close(pair[0]);
	close(pair[1]);
	close(null);
	close(input);
}

static bool
skip_hello(struct child *c)
{
	struct frame_head head;
	const uint8_t *payload;

	return child_frame(c, &head, &payload) && head.type == FRAME_HELLO;
}

/* The seven limits of a Go. */
#define LIMITS_OF_1 \
	"\x08\x01\x10\x01\x18\x01\x20\x01\x28\x01\x30\x01\x38\x01"

static void
check_wrong_go(const char *worker)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t length;
	} cases[] = {
		{ "hang up", "", 0 },
		{ "half a head", "\x10\0\0", 3 },
		{ "half a Go", "\x10\0\0\0\x02\x08", 6 },
		{ "length 0", "\0\0\0\0\x02", 5 },
		{ "length 2^32-1", "\xff\xff\xff\xff\x02", 5 },
		{ "length over Go", "\0\x10\0\0\x02", 5 },
		{ "type 0", "\x01\0\0\0\0a", 6 },
		{ "type 255", "\x01\0\0\0\xff" "a", 6 },
		{ "Hello", "\x02\0\0\0\x01\x08\x01", 7 },
		{ "a Go that is called Done", "\x14\0\0\0\x0b" LIMITS_OF_1
		    "\x40\0\x48\x01\x50\0", 25 },
		{ "not protobuf", "\x04\0\0\0\x02\xff\xff\xff\xff", 9 },
		{ "fields missing", "\x02\0\0\0\x02\x08\x01", 7 },
		{ "unknown flag", "\x15\0\0\0\x02" LIMITS_OF_1
		    "\x40\x80\x01\x48\x01\x50\0", 26 },
		{ "unknown field", "\x16\0\0\0\x02" LIMITS_OF_1
		    "\x40\x01\x48\x01\x50\0\x58\x01", 27 },
		{ "no shares", "\x10\0\0\0\x02" LIMITS_OF_1 "\x40\0", 21 },
		{ "no share", "\x12\0\0\0\x02" LIMITS_OF_1
		    "\x40\0\x48\x01", 23 },
		{ "0 shares", "\x14\0\0\0\x02" LIMITS_OF_1
		    "\x40\0\x48\0\x50\0", 25 },
		{ "17 shares", "\x14\0\0\0\x02" LIMITS_OF_1
		    "\x40\0\x48\x11\x50\0", 25 },
		{ "share 1 of 1", "\x14\0\0\0\x02" LIMITS_OF_1
		    "\x40\0\x48\x01\x50\x01", 25 },
		{ "share 16 of 16", "\x14\0\0\0\x02" LIMITS_OF_1
		    "\x40\0\x48\x10\x50\x10", 25 },
	};
	const char *const argv[] = RUN(worker);
	int input = child_input("x", 1);
	struct child c;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool ok = child_start(&c, argv, input, -1) && skip_hello(&c);

		(void)!send(c.fd, cases[i].bytes, cases[i].length,
		    MSG_NOSIGNAL);
		(void)shutdown(c.fd, SHUT_WR);
		check(ok && child_is_silent(&c, 2), "wrong go", cases[i].name);
	}
	close(input);
}

/* Says Go, listens to the end: the last frame must be Done or Fault and fit the
 * exit code.  A parser that makes any other call dies of SIGSYS here. */
static bool
finishes(const char *worker, int input)
{
	const char *const argv[] = RUN(worker);
	struct frame_head head = { .type = FRAME_HELLO };
	const uint8_t *payload;
	struct child c;
	int status;

	if (!child_start(&c, argv, input, -1))
		return false;
	child_go(&c);
	while (child_frame(&c, &head, &payload))
		;
	status = child_end(&c);
	if (WIFSIGNALED(status))
		printf("  signal %d\n", WTERMSIG(status));
	return (head.type == FRAME_DONE && status == 0) ||
	    (head.type == FRAME_FAULT && status == 1 << 8);
}

static void
check_jobs(const struct programs *p)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t length;
	} cases[] = {
		{ "empty file", "", 0 },
		{ "one byte", "x", 1 },
		{ "garbage", "\xff\xfe garbage that is no format", 30 },
		{ "empty dict", "\x80\x02}q\0.", 6 },
		{ "os.system", "cos\nsystem\n(S'true'\ntR.", 22 },
		{ "cut pickle", "\x80\x02}q", 4 },
		{ "zip magic", "PK\x03\x04", 4 },
	};
	size_t i;
	int input;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		input = child_input(cases[i].bytes, cases[i].length);
		check(finishes(p->worker, input), "job", cases[i].name);
		close(input);
	}
	for (i = 0; p->files[i] != NULL; i++) {
		input = open(p->files[i], O_RDONLY | O_CLOEXEC);
		check(input >= 0 && finishes(p->worker, input), "job",
		    p->files[i]);
		close(input);
	}
}

/* The broker dies between Hello and the first frame: nobody is left behind. */
static void
check_broken_pipe(const char *worker)
{
	const char *const argv[] = RUN(worker);
	int input = child_input("x", 1);
	struct child c;
	bool ok;
	int status;

	ok = child_start(&c, argv, input, -1) && skip_hello(&c) &&
	    shutdown(c.fd, SHUT_RD) == 0;
	child_go(&c);
	status = child_end(&c);
	check(ok && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE,
	    "broken pipe", "SIGPIPE ends it");
	/* A host's habit of ignoring it is inherited through exec. */
	(void)signal(SIGPIPE, SIG_IGN);
	ok = child_start(&c, argv, input, -1) && skip_hello(&c) &&
	    shutdown(c.fd, SHUT_RD) == 0;
	child_go(&c);
	check(ok && child_end(&c) == 5 << 8, "broken pipe",
	    "EPIPE ends it where SIGPIPE is ignored");
	(void)signal(SIGPIPE, SIG_DFL);
	close(input);
}

void
check_talk(const struct programs *p)
{
	check_usage(p->worker);
	check_descriptors(p->worker);
	check_wrong_go(p->worker);
	check_jobs(p);
	check_broken_pipe(p->worker);
}
