/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_parts.c - single parts of the parser, without jail or socket, and the
 * least that any program would have to do in their place.
 *
 *   parse FILE		the worker's whole job, in fresh memory
 *   session FILE	.. then the broker's session over what it sent
 *   pickle PICKLE	the pickle machine alone, in fresh memory
 *   pickle-warm PICKLE	.. in memory that has been used before
 *   opcodes PICKLE	a bare pass over its opcodes and their arguments
 *   utf8 TEXT		is it UTF-8
 *   json TEXT		.. and the JSON scanner alone
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job.h"
#include "json_scan.h"
#include "machine.h"
#include "session.h"
#include "utf8.h"
#include "verbs.h"

#define ARENA_BYTES ((size_t)GIB)

static struct job job;
static int input;
static uint8_t *sent;
static size_t sent_length;

static bool
read_at(void *context, uint64_t offset, void *out, size_t length)
{
	(void)context;
	return pread(input, out, length, (off_t)offset) == (ssize_t)length;
}

static void
write_out(void *context, const void *bytes, size_t length)
{
	(void)context;
	if (length > ARENA_BYTES - sent_length)
		fail("parse", "sends too much");
	memcpy(sent + sent_length, bytes, length);
	sent_length += length;
}

static void full(void *context) __attribute__((noreturn));

static void
full(void *context)
{
	(void)context;
	fail("parse", "arena is full");
}

static void
set_limits(struct limits *limits)
{
	*limits = (struct limits){
#define X(name, standard, ceiling) .name = (standard),
		LIMITS(X)
#undef X
	};
	limits->contiguous_bytes = TIB;
}

/* As worker/main.c would have it. */
static void
open_job(const char *path)
{
	size_t size;

	memset(&job, 0, sizeof(job));
	job.map = map_file(path, &size);
	job.size = size;
	input = open(path, O_RDONLY | O_CLOEXEC);
	job.read_at = read_at;
	job.write_out = write_out;
	job.seed[0] = 1;
	set_limits(&job.limits);
	arena_init(&job.arena, fresh(ARENA_BYTES), ARENA_BYTES, full, NULL);
	if (sent == NULL)
		sent = fresh(ARENA_BYTES);
	sent_length = 0;
	if (input < 0)
		fail(path, "cannot be opened");
}

static void
close_job(void)
{
	munmap(job.arena.base, ARENA_BYTES);
	munmap((void *)(uintptr_t)job.map, job.size);
	close(input);
}

static double
parse(const char *path)
{
	double start;

	open_job(path);
	start = now_s();
	if (!job_run(&job))
		fail(path, job.fault.text);
	return now_s() - start;
}

static void
run_parse(int count, char **words)
{
	double took = parse(words[0]);

	(void)count;
	printf("{\"s\":%.9f,\"sent\":%zu,\"arena\":%zu}\n", took, sent_length,
	    job.arena.used);
	close_job();
}

static void
greet(struct session *s)
{
	static const uint32_t layers[] = { 0 };
	const struct wire_hello hello = { .version = WIRE_VERSION,
		.layers = layers, .layer_count = 1 };
	size_t room;
	uint8_t *frame = session_want(s, &room);

	room = wire_hello_pack(&hello, frame + FRAME_HEAD_BYTES);
	frame_head_write(frame, FRAME_HELLO, (uint32_t)room);
	if (!session_got(s, FRAME_HEAD_BYTES + room))
		fail("session", s->error.text);
	session_go(s);
}

static void
run_session(int count, char **words)
{
	struct rules rules = { .required_layers = 1 };
	struct session s;
	pfork_checkpoint *ckpt = checkpoint_new();
	const uint8_t *at;
	size_t left, room;
	double start;

	(void)count;
	parse(words[0]);
	rules.input_size = job.size;
	set_limits(&rules.limits);
	if (ckpt == NULL || !session_init(&s, &rules, ckpt))
		fail("session", "no memory");
	greet(&s);
	at = sent;
	left = sent_length;
	start = now_s();
	while (left > 0) {
		uint8_t *to = session_want(&s, &room);

		if (to == NULL)
			break;
		room = room < left ? room : left;
		memcpy(to, at, room);
		at += room;
		left -= room;
		if (!session_got(&s, room))
			break;
	}
	if (!session_eof(&s))
		fail("session", s.error.text);
	printf("{\"s\":%.9f}\n", now_s() - start);
	session_free(&s);
	pfork_checkpoint_unref(ckpt);
	close_job();
}

/* -------------------------------------------------------------- pickle -- */

static uint64_t
machine(void)
{
	struct pickle_source source = { .at = job.map, .len = job.size,
		.in_file = true };
	struct machine_result result;
	struct machine_error error;
	struct graph g;

	if (setjmp(job.stop) != 0)
		fail("pickle", job.fault.text);
	graph_init(&g, &job);
	if (!machine_run(&g, &source, 0, true, &result, &error))
		fail("pickle", error.text);
	return result.opcodes;
}

static void
time_machine(const char *path, bool warm)
{
	double start;
	uint64_t opcodes;

	open_job(path);
	sum_words(job.map, job.size);
	if (warm) {
		machine();
		/* Cleared here, so that it is not cleared while timed. */
		memset(job.arena.base, 0, job.arena.used);
		arena_init(&job.arena, job.arena.base, ARENA_BYTES, full,
		    NULL);
	}
	start = now_s();
	opcodes = machine();
	printf("{\"s\":%.9f,\"opcodes\":%llu,\"arena\":%zu}\n",
	    now_s() - start, (unsigned long long)opcodes, job.arena.used);
	close_job();
}

static void
run_pickle(int count, char **words)
{
	(void)count;
	time_machine(words[0], false);
}

static void
run_pickle_warm(int count, char **words)
{
	(void)count;
	time_machine(words[0], true);
}

static inline uint64_t
little(const uint8_t *at, const uint8_t *end, size_t bytes)
{
	uint64_t n = 0;

	if ((size_t)(end - at) < bytes)
		fail("opcodes", "cut short");
	memcpy(&n, at, bytes);
	return n;
}

static const uint8_t *
after_line(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *line = memchr(at, '\n', (size_t)(end - at));

	if (line == NULL)
		fail("opcodes", "cut short");
	return line + 1;
}

/* What follows each opcode: Python 3.14, Lib/pickletools.py.  A switch, not a
 * table of sizes: a predicted jump does not wait for the byte before it. */
static inline const uint8_t *
pass_one(const uint8_t *at, const uint8_t *end, uint8_t op)
{
	uint64_t skip;

	switch (op) {
	case 'K': case 'q': case 'h': case 0x80: case 0x82:
		skip = 1;
		break;
	case 'M': case 0x83:
		skip = 2;
		break;
	case 'J': case 'r': case 'j': case 0x84:
		skip = 4;
		break;
	case 'G': case 0x95:
		skip = 8;
		break;
	case 'U': case 'C': case 0x8a: case 0x8c:
		skip = 1 + little(at, end, 1);
		break;
	case 'T': case 'B': case 'X': case 0x8b:
		skip = 4 + little(at, end, 4);
		break;
	case 0x8d: case 0x8e: case 0x96:
		skip = 8 + little(at, end, 8);
		break;
	case 'I': case 'L': case 'S': case 'V': case 'F': case 'g': case 'p':
	case 'P':
		return after_line(at, end);
	case 'c': case 'i':
		return after_line(after_line(at, end), end);
	default:
		return at;
	}
	if ((uint64_t)(end - at) < skip)
		fail("opcodes", "cut short");
	return at + skip;
}

static void
run_opcodes(int count, char **words)
{
	size_t size;
	const uint8_t *map = map_file(words[0], &size);
	const uint8_t *at = map, *end = map + size;
	uint64_t opcodes = 0;
	uint8_t op = 0;
	double start;

	(void)count;
	sum_words(map, size);
	start = now_s();
	while (at < end && op != '.') {
		op = *at++;
		at = pass_one(at, end, op);
		opcodes++;
	}
	printf("{\"s\":%.9f,\"opcodes\":%llu}\n", now_s() - start,
	    (unsigned long long)opcodes);
	munmap((void *)(uintptr_t)map, size);
}

/* ---------------------------------------------------------------- json -- */

static void
run_utf8(int count, char **words)
{
	size_t size;
	const uint8_t *map = map_file(words[0], &size);
	double start;

	(void)count;
	sum_words(map, size);
	start = now_s();
	if (utf8_good(map, size) != size)
		fail(words[0], "is no UTF-8");
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, size);
	munmap((void *)(uintptr_t)map, size);
}

static void
run_json(int count, char **words)
{
	size_t size;
	const uint8_t *map = map_file(words[0], &size);
	struct json j = json_over(map, size);
	double start;

	(void)count;
	sum_words(map, size);
	start = now_s();
	if (utf8_good(map, size) != size || !json_skip(&j) || !json_end(&j))
		fail(words[0], "is no JSON");
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, size);
	munmap((void *)(uintptr_t)map, size);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "parse", 1, run_parse },
		{ "session", 1, run_session },
		{ "pickle", 1, run_pickle },
		{ "pickle-warm", 1, run_pickle_warm },
		{ "opcodes", 1, run_opcodes },
		{ "utf8", 1, run_utf8 },
		{ "json", 1, run_json },
		{ NULL, 0, NULL }
	};

	return verbs_main(argc, argv, verbs);
}
