/* SPDX-License-Identifier: Apache-2.0
 *
 * instructions.c FILE [RUNS] - both sides of the wall in this one process,
 * without jail or socket, for callgrind and perf: the worker's job_run over
 * FILE, then the broker's session over what it sent.  bench_parse and
 * bench_session are never inlined, so that a profiler can count between their
 * doors alone.
 * With RUNS, prints the median milliseconds of each, and the worker's memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "job.h"
#include "session.h"

#define ARENA_BYTES ((size_t)GIB)
#define RUNS_MAX 1000

void bench_parse(struct job *job);
void bench_session(struct session *s, const uint8_t *bytes, size_t length);

static struct job job;
static int input;
static uint8_t *sent;
static size_t sent_length;
static size_t sent_room;

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
	if (length > sent_room - sent_length)
		exit(1);
	memcpy(sent + sent_length, bytes, length);
	sent_length += length;
}

static void full(void *context) __attribute__((noreturn));

static void
full(void *context)
{
	(void)context;
	exit(1);
}

static void *
map(size_t size, int fd)
{
	void *at = mmap(NULL, size, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ,
	    MAP_PRIVATE | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return at;
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

__attribute__((noinline)) void
bench_parse(struct job *j)
{
	if (!job_run(j)) {
		fprintf(stderr, "%s\n", j->fault.text);
		exit(1);
	}
}

__attribute__((noinline)) void
bench_session(struct session *s, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		size_t room;
		uint8_t *to = session_want(s, &room);

		if (to == NULL)
			break;
		if (room > length)
			room = length;
		memcpy(to, bytes, room);
		bytes += room;
		length -= room;
		if (!session_got(s, room))
			break;
	}
	if (!session_eof(s)) {
		fprintf(stderr, "%s\n", s->error.text);
		exit(1);
	}
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds, in memory as fresh as a worker's. */
static double
parse(void)
{
	void *memory = map(ARENA_BYTES, -1);
	double start;

	arena_init(&job.arena, memory, ARENA_BYTES, full, NULL);
	sent_length = 0;
	start = now_ms();
	bench_parse(&job);
	start = now_ms() - start;
	munmap(memory, ARENA_BYTES);
	return start;
}

static double
listen_to(void)
{
	struct rules rules = { .required_layers = 1, .input_size = job.size };
	static const uint32_t layers[] = { 0 };
	const struct wire_hello hello = { .version = WIRE_VERSION,
		.layers = layers, .layer_count = 1 };
	uint8_t *frame;
	size_t room;
	struct session s;
	pfork_checkpoint *ckpt = checkpoint_new();
	double start;

	set_limits(&rules.limits);
	if (ckpt == NULL || !session_init(&s, &rules, ckpt))
		exit(1);
	frame = session_want(&s, &room);
	room = wire_hello_pack(&hello, frame + FRAME_HEAD_BYTES);
	frame_head_write(frame, FRAME_HELLO, (uint32_t)room);
	if (!session_got(&s, FRAME_HEAD_BYTES + room))
		exit(1);
	session_go(&s);
	start = now_ms();
	bench_session(&s, sent, sent_length);
	start = now_ms() - start;
	session_free(&s);
	pfork_checkpoint_unref(ckpt);
	return start;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	static double took[2][RUNS_MAX];
	struct stat st;

	if (argc < 2 || runs == 0 || runs > RUNS_MAX)
		return 64;
	input = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (input < 0 || fstat(input, &st) != 0) {
		perror(argv[1]);
		return 1;
	}
	job.size = (uint64_t)st.st_size;
	job.map = map((size_t)job.size, input);
	job.read_at = read_at;
	job.write_out = write_out;
	job.seed[0] = 1;
	job.seed[1] = 2;
	set_limits(&job.limits);
	sent_room = ARENA_BYTES;
	sent = map(sent_room, -1);
	for (size_t i = 0; i < runs; i++) {
		took[0][i] = parse();
		took[1][i] = listen_to();
	}
	if (argc > 2) {
		qsort(took[0], runs, sizeof(double), by_value);
		qsort(took[1], runs, sizeof(double), by_value);
		printf("{\"parse_ms\":%.3f,\"session_ms\":%.3f,"
		       "\"sent_bytes\":%zu,\"arena_bytes\":%zu}\n",
		    took[0][runs / 2], took[1][runs / 2], sent_length,
		    job.arena.used);
	}
	return 0;
}
