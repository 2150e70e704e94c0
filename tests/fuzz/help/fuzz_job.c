/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_job.c - see fuzz_job.h.  Nothing of the parsers is patched for fuzzing.
 */
#include "fuzz_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "formats.h"
#include "fuzz_arena.h"
#include "fuzz_session.h"
#include "sink.h"

#define ARENA_BYTES (64 * MIB)

static struct job job;
static uint8_t *sent;
static size_t sent_length;
static size_t sent_room;
static uint64_t began;

/* Of this thread's own time, so that a busy machine makes no hang. */
static uint64_t
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) +
	    (uint64_t)now.tv_nsec;
}

void
fuzz_job_in_time(void)
{
	const char *seconds = getenv("FUZZ_SECONDS");
	uint64_t most = seconds == NULL ? 1 : strtoull(seconds, NULL, 10);
	uint64_t took = nanoseconds() - began;

	if (most == 0 || took <= most * UINT64_C(1000000000))
		return;
	fprintf(stderr, "it took over %llu s: %llu ms\n",
	    (unsigned long long)most, (unsigned long long)took / 1000000);
	__builtin_trap();
}

static bool
read_at(void *context, uint64_t offset, void *out, size_t length)
{
	(void)context;
	if (offset > job.size || length > job.size - offset)
		return false;
	memcpy(out, job.map + offset, length);
	return true;
}

static void
write_out(void *context, const void *bytes, size_t length)
{
	(void)context;
	if (length > sent_room - sent_length) {
		sent_room = (sent_length + length) * 2;
		sent = realloc(sent, sent_room);
		if (sent == NULL)
			abort();
	}
	memcpy(sent + sent_length, bytes, length);
	sent_length += length;
}

static void full(void *context) __attribute__((noreturn));

static void
full(void *context)
{
	die(context, FAULT_LIMIT, WIRE_NO_OFFSET, "the arena is full");
}

struct job *
fuzz_job(const uint8_t *bytes, size_t length, uint32_t flags)
{
	static uint8_t *memory;
	struct arena arena = job.arena;

	if (memory == NULL) {
		memory = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
			abort();
	}
	fuzz_arena_fresh(&arena, memory, ARENA_BYTES);
	memset(&job, 0, sizeof(job));
	job.arena = arena;
	job.arena.full = full;
	job.arena.context = &job;
	job.map = bytes;
	job.size = length;
	job.read_at = read_at;
	job.write_out = write_out;
	job.flags = flags;
	job.seed[0] = 1;
	job.seed[1] = 2;
	job.limits = fuzz_limits();
	sent_length = 0;
	began = nanoseconds();
	return &job;
}

struct limits
fuzz_limits(void)
{
	struct limits limits = {
#define X(name, standard, ceiling) .name = (standard),
		LIMITS(X)
#undef X
	};

	limits.nodes = 200000;
	limits.streamed_bytes = 4 * MIB;
	limits.contiguous_bytes = GIB;
	limits.names_bytes = 2 * MIB;
	return limits;
}

const uint8_t *
fuzz_sent(size_t *length)
{
	*length = sent_length;
	return sent;
}

bool
fuzz_parse(const uint8_t *bytes, size_t length, uint32_t flags,
    const char *name, void (*parse)(struct job *job))
{
	struct job *j = fuzz_job(bytes, length, flags);
	volatile bool done = false;

	if (setjmp(j->stop) == 0) {
		j->sink = sink_new(j);
		sink_format(j, name);
		parse(j);
		sink_done(j);
		done = true;
	} else if (j->sink != NULL && setjmp(j->stop) == 0) {
		sink_fault(j);
	}
	fuzz_job_in_time();
	fuzz_session_must_accept(sent, sent_length, length, flags);
	return done;
}
