/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_pool.c FILE [RUNS [RESIDENT-MiB]] - one small checkpoint, loaded cold
 * and by a parked worker, in one process and turn by turn.  RESIDENT-MiB of
 * memory are touched beforehand: a host that is large (goal G16: 4096).  Each
 * load waits before it until the machine is idle again and a worker is parked,
 * as in a server that is not at its limit.  PFORK_BENCH_WORKER names the worker.
 *
 * Output: one "name value" a line.  hit: a parked worker took the load (goal
 * G11); miss: none did (goal G12).  Times are microseconds, from pfork_load_path
 * to its return.
 *
 *	runs N
 *	hits N
 *	resident_mib N
 *	hit_p50_us T	hit_p99_us T
 *	miss_p50_us T	miss_p99_us T
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "picklefork.h"

#define PARKED 4
/* A worker is parked some 0.6 ms after one was taken. */
#define PAUSE_NS 3000000

struct series {
	double *at;
	size_t count;
};

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static pfork_broker *
make_broker(uint32_t parked)
{
	pfork_options options = { .size = sizeof(options),
		.worker_path = getenv("PFORK_BENCH_WORKER"),
		.refuse_at = PFORK_REFUSE_NEVER, .parked_workers = parked };
	pfork_broker *broker;
	pfork_error err;

	if (pfork_broker_new(&options, &broker, &err) != PFORK_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return broker;
}

/* Notes the time in the series that it belongs to. */
static void
load_once(pfork_broker *broker, const char *file, struct series *hit,
    struct series *miss)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	pfork_worker_info info = { .size = sizeof(info) };
	struct series *series;
	pfork_checkpoint *ckpt;
	pfork_error err;
	double start;
	double took;

	nanosleep(&pause, NULL);
	start = now_us();
	if (pfork_load_path(broker, file, &ckpt, &err) != PFORK_OK) {
		fprintf(stderr, "%s: %s\n", file, err.text);
		exit(1);
	}
	took = now_us() - start;
	(void)pfork_checkpoint_worker(ckpt, &info);
	pfork_checkpoint_unref(ckpt);
	series = info.parked ? hit : miss;
	series->at[series->count++] = took;
}

static void
print(const char *name, struct series *s)
{
	if (s->count == 0)
		return;
	qsort(s->at, s->count, sizeof(*s->at), by_value);
	printf("%s_p50_us %.1f\n%s_p99_us %.1f\n", name, s->at[s->count / 2],
	    name, s->at[s->count * 99 / 100]);
}

static void
become_large(size_t mib)
{
	void *memory;

	if (mib == 0)
		return;
	memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	memset(memory, 1, mib << 20);
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
	size_t mib = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	struct series hit = { NULL, 0 };
	struct series miss = { NULL, 0 };
	pfork_broker *cold;
	pfork_broker *parked;

	if (argc < 2 || runs == 0 || runs > 100000 || mib > 1 << 20)
		return 64;
	hit.at = calloc(2 * runs + 2, sizeof(*hit.at));
	miss.at = calloc(2 * runs + 2, sizeof(*miss.at));
	if (hit.at == NULL || miss.at == NULL)
		return 1;
	become_large(mib);
	cold = make_broker(0);
	parked = make_broker(PARKED);
	load_once(cold, argv[1], &hit, &miss);
	load_once(parked, argv[1], &hit, &miss);
	hit.count = 0;
	miss.count = 0;
	for (size_t i = 0; i < runs; i++) {
		load_once(cold, argv[1], &hit, &miss);
		load_once(parked, argv[1], &hit, &miss);
	}
	printf("runs %zu\nhits %zu\nresident_mib %zu\n", runs, hit.count, mib);
	print("hit", &hit);
	print("miss", &miss);
	pfork_broker_free(cold);
	pfork_broker_free(parked);
	free(hit.at);
	free(miss.at);
	return 0;
}
