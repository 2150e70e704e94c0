/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - one worker, one file, one life: take what the broker handed over,
 * lock the door, say Hello, wait for Go, parse, leave.  Trusts the broker (its
 * arguments, descriptors and Go) and not one byte of the input, none of which
 * is read before the jail is closed.  No stdio, no malloc after that, and the
 * environment is not looked at.
 *
 *	picklefork-worker VERB uid=N cpu=N arena=N net=0|1 lent=N
 *	VERB: run, canary, park, park-canary or hold
 *
 * fd 0 is the input (a regular file or a memfd), fd 1 a unix stream socket.
 * Parked, it is started ahead of its job: it locks itself in as far as it can
 * without an input, says so, and gets fd 0 over fd 1.  The namespaces that it
 * is lent follow these two (proto/held.h); a holder makes them, and parses
 * nothing.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "frame.h"
#include "handover.h"
#include "held.h"
#include "hold.h"
#include "jail.h"
#include "job.h"
#include "parked_words.h"
#include "wire.h"

/* How a worker ends.  For people and tests: the broker goes by frames. */
enum leave {
	LEAVE_DONE = 0,
	LEAVE_FAULT = 1,	/* said so in a Fault */
	LEAVE_NO_GO = 2,	/* the broker hung up, or sent something else */
	LEAVE_NO_JAIL = 3,	/* said so in Hello */
	LEAVE_CANARY_ALIVE = 4,	/* the filter does not kill */
	LEAVE_DEAF = 5,		/* the broker cannot be written to */
	LEAVE_INPUT = 6,	/* fd 0 or fd 1 is not what was agreed */
	LEAVE_MEMORY = 7,	/* the arena cannot be had */
	LEAVE_USAGE = 64
};

enum { INPUT = 0, BROKER = 1 };

/* Go is ten varints: 95 bytes at most.  More is not a Go. */
#define GO_MAX 128
/* Overruns hit this before anything else that is mapped. */
#define GUARD_BYTES ((size_t)1 << 20)
/* The sink's buffers and tables fit, however small the limit is. */
#define ARENA_MIN MIB
/* Small jobs stay below it: zeroing one huge page costs more than such a job;
 * beyond it, huge pages save an eighth of the time (100,000 tensors). */
#define ARENA_SMALL_PAGES ((size_t)4 << 20)
/* RLIMIT_AS beyond what is named below: the program, its stack and heap. */
#define ADDRESS_SLACK (UINT64_C(16) << 20)

struct orders {
	bool canary;
	bool parked;
	uint64_t uid;
	uint64_t cpu;
	uint64_t arena;
	uint64_t net;
	uint64_t lent;
	bool hold;
};

static struct job job;
static struct jail jail;

static _Noreturn void
leave(enum leave how)
{
	_exit((int)how);
}

/* ------------------------------------------------------------ arguments -- */

/* "name=123", decimal, no sign, no leading zero, nothing after it. */
static bool
take_number(const char *argument, const char *name, uint64_t max, uint64_t *out)
{
	size_t length = strlen(name);
	uint64_t value = 0;
	const char *at;

	if (strncmp(argument, name, length) != 0)
		return false;
	at = argument + length;
	if (at[0] == '\0' || (at[0] == '0' && at[1] != '\0'))
		return false;
	for (; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' ||
		    __builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'),
			&value))
			return false;
	}
	*out = value;
	return value <= max;
}

static bool
take_orders(int argc, char **argv, struct orders *o)
{
	const char *verb;

	if (argc != 7)
		return false;
	verb = argv[1];
	o->parked = strcmp(verb, "park") == 0 ||
	    strcmp(verb, "park-canary") == 0;
	o->canary = strcmp(verb, "canary") == 0 ||
	    strcmp(verb, "park-canary") == 0;
	o->hold = strcmp(verb, "hold") == 0;
	if (!o->canary && !o->parked && !o->hold && strcmp(verb, "run") != 0)
		return false;
	/* The last uid means "none" to the kernel. */
	return take_number(argv[2], "uid=", UINT32_MAX - 1, &o->uid) &&
	    take_number(argv[3], "cpu=", 86400, &o->cpu) && o->cpu > 0 &&
	    take_number(argv[4], "arena=", 64 * GIB, &o->arena) &&
	    take_number(argv[5], "net=", 1, &o->net) &&
	    take_number(argv[6], "lent=", o->hold ? 0 : HELD_ALL, &o->lent);
}

/* ---------------------------------------------------------- preparations -- */

static bool
read_at(void *context, uint64_t offset, void *out, size_t length)
{
	uint8_t *to = out;

	(void)context;
	while (length > 0) {
		ssize_t got;

		if (offset > INT64_MAX)
			return false;
		got = pread(INPUT, to, length, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return true;
}

static void
write_out(void *context, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;

	(void)context;
	while (length > 0) {
		ssize_t put = write(BROKER, from, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			leave(LEAVE_DEAF);
		from += put;
		length -= (size_t)put;
	}
}

/* Mapped before the jail, read after it.  Not glibc's fstat: that is newfstatat
 * with a path, which the filter of a parked worker could not pin down.  On our
 * machines the kernel's struct is glibc's. */
static void
map_input(void)
{
	struct stat st;
	void *map;

	if (syscall(SYS_fstat, INPUT, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < 0)
		leave(LEAVE_INPUT);
	job.size = (uint64_t)st.st_size;
	if (job.size == 0)
		return;
	map = mmap(NULL, job.size, PROT_READ, MAP_PRIVATE, INPUT, 0);
	if (map == MAP_FAILED)
		leave(LEAVE_INPUT);
	job.map = map;
}

static void
check_broker(void)
{
	struct stat st;

	if (fstat(BROKER, &st) != 0 || !S_ISSOCK(st.st_mode))
		leave(LEAVE_INPUT);
}

/* job_run says what happens when it is full. */
static void arena_full_early(void *context) __attribute__((noreturn));

static void
arena_full_early(void *context)
{
	(void)context;
	leave(LEAVE_MEMORY);
}

/* Hints: without them the job is only slower. */
static void
advise_pages(uint8_t *base, size_t size)
{
	size_t small = size < ARENA_SMALL_PAGES ? size : ARENA_SMALL_PAGES;

	(void)madvise(base, small, MADV_NOHUGEPAGE);
	if (size > small)
		(void)madvise(base + small, size - small, MADV_HUGEPAGE);
}

/* Reserved, not committed; nothing can be mapped later. */
static void
reserve_arena(uint64_t bytes)
{
	size_t page = 65536;	/* the largest that a kernel of ours has */
	size_t size;
	uint8_t *base;

	if (bytes < ARENA_MIN)
		bytes = ARENA_MIN;
	size = ((size_t)bytes + page - 1) & ~(page - 1);
	base = mmap(NULL, size + 2 * GUARD_BYTES, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		leave(LEAVE_MEMORY);
	base += GUARD_BYTES;
	if (mprotect(base, size, PROT_READ | PROT_WRITE) != 0)
		leave(LEAVE_MEMORY);
	advise_pages(base, size);
	arena_init(&job.arena, base, size, arena_full_early, NULL);
}

/* From the kernel's 16 random bytes, which are the stack protector's as well:
 * mixed, so that a seed that leaks does not give that away at once. */
static void
seed_hashes(void)
{
	unsigned long at = getauxval(AT_RANDOM);
	size_t i;

	if (at == 0)
		leave(LEAVE_MEMORY);
	memcpy(job.seed, (const void *)at, sizeof job.seed); /* NOLINT */
	for (i = 0; i < 2; i++) {
		/* splitmix64's finisher */
		uint64_t x = job.seed[i] + UINT64_C(0x9e3779b97f4a7c15);

		x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
		job.seed[i] ^= x ^ x >> 31;
	}
}

/* ------------------------------------------------------------ the talk -- */

static void
say_hello(void)
{
	uint32_t had[JAIL_LAYERS];
	uint32_t missing[JAIL_LAYERS];
	uint32_t reasons[JAIL_LAYERS];
	struct wire_hello hello = {
		.version = WIRE_VERSION,
		.layers = had,
		.missing = missing,
		.reasons = reasons,
	};
	/* In the arena's first page, that a job needs anyway; all goes back. */
	size_t mark = arena_mark(&job.arena);
	uint8_t *message = arena_alloc(&job.arena, 1,
	    FRAME_HEAD_BYTES + FRAME_MESSAGE_MAX);
	uint32_t i;
	size_t length;

	for (i = 0; i < JAIL_LAYERS; i++) {
		if (jail.layers >> i & 1) {
			had[hello.layer_count++] = i;
		} else if (jail.reasons[i] != 0) {
			missing[hello.missing_count++] = i;
			reasons[hello.reason_count++] =
			    (uint32_t)jail.reasons[i];
		}
	}
	length = wire_hello_pack(&hello, message + FRAME_HEAD_BYTES);
	frame_head_write(message, FRAME_HELLO, (uint32_t)length);
	length += FRAME_HEAD_BYTES;
	write_out(NULL, message, length);
	arena_trim(&job.arena, message, length);
	arena_rewind(&job.arena, mark);
}

static void
hear(uint8_t *out, size_t length)
{
	while (length > 0) {
		ssize_t got = read(BROKER, out, length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			leave(LEAVE_NO_GO);
		out += got;
		length -= (size_t)got;
	}
}

static void
await_go(void)
{
	struct wire_arena none = { NULL, 0, 0 };
	struct frame_head head;
	struct wire_go go;
	uint8_t bytes[GO_MAX];

	hear(bytes, FRAME_HEAD_BYTES);
	if (!frame_head_read(bytes, &head) || head.type != FRAME_GO ||
	    head.length > sizeof bytes)
		leave(LEAVE_NO_GO);
	hear(bytes, head.length);
	if (!wire_go_unpack(&none, bytes, head.length, &go) ||
	    (go.flags & ~GO_FLAGS_ALL) != 0 || go.shares == 0 ||
	    go.shares > SHARES_MAX || go.share >= go.shares)
		leave(LEAVE_NO_GO);
	job.limits = go.limits;
	job.flags = go.flags;
	job.shares = go.shares;
	job.share = go.share;
}

/* --------------------------------------------------------------- jail -- */

static void
set_address_limit(void)
{
	jail.address_bytes = job.size + job.arena.size + 2 * GUARD_BYTES +
	    ADDRESS_SLACK;
}

/* Whatever was put in the input's place makes room for it. */
static void
make_room(void)
{
	if (close(INPUT) != 0 && errno != EBADF)
		leave(LEAVE_INPUT);
}

/* A worker that cannot be parked leaves without a word: the load for which the
 * broker then starts another one will say what is missing. */
static bool
wait_for_job(void)
{
	const uint8_t ready = PARKED_READY;

	if (!jail_park(&jail))
		leave(LEAVE_NO_JAIL);
	write_out(NULL, &ready, sizeof ready);
	switch (handover_take(BROKER)) {
	case HANDOVER_TAKEN:
		break;
	case HANDOVER_NONE:
		leave(LEAVE_NO_GO);
	case HANDOVER_WRONG:
		leave(LEAVE_INPUT);
	}
	map_input();
	set_address_limit();
	return jail_shut(&jail);
}

/* Until the broker has opened them, and hangs up. */
static _Noreturn void
hold(void)
{
	uint8_t said[] = { HELD_SAYS, (uint8_t)hold_namespaces(&jail) };

	write_out(NULL, said, sizeof said);
	hear(said, 1);
	leave(LEAVE_NO_GO);
}

/* The whole point of a canary: the filter must end it here. */
static _Noreturn void
sing(void)
{
	(void)syscall(SYS_openat, -100 /* AT_FDCWD */, "/", 0);
	leave(LEAVE_CANARY_ALIVE);
}

int
main(int argc, char **argv)
{
	struct orders orders = { .canary = false };

	if (!take_orders(argc, argv, &orders))
		leave(LEAVE_USAGE);
	jail.lent = (uint32_t)orders.lent;
	jail.uid = (uint32_t)orders.uid;
	(void)jail_close_fds(&jail);
	if (chdir("/") != 0)
		leave(LEAVE_INPUT);
	check_broker();
	if (orders.hold)
		hold();
	/* A canary reads nothing, so it needs no file. */
	if (orders.parked)
		make_room();
	else if (!orders.canary)
		map_input();
	reserve_arena(orders.arena);
	seed_hashes();
	jail.cpu_seconds = orders.cpu;
	jail.net_namespace = orders.net == 1;
	set_address_limit();
	if (!(orders.parked ? wait_for_job() : jail_enter(&jail))) {
		say_hello();
		leave(LEAVE_NO_JAIL);
	}
	say_hello();
	if (orders.canary)
		sing();
	await_go();
	/* The limits that are in force already, for whoever asks. */
	job.limits.input_bytes = job.size;
	job.limits.arena_bytes = job.arena.size;
	job.limits.cpu_seconds = orders.cpu;
	job.read_at = read_at;
	job.write_out = write_out;
	leave(job_run(&job) ? LEAVE_DONE : LEAVE_FAULT);
}
