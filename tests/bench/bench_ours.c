/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_ours.c - what a caller of libpicklefork does, over the public header
 * alone.  Each command prints one line of JSON; seconds everywhere.
 *
 *   load FILE [snapshot|stream]	load and let go
 *   read FILE [warm]		.. and read every tensor into one fresh region,
 *				or into one that was read into before
 *   sum FILE [populate]	.. and sum every byte, through PFORK_MAP_INPUT
 *				(and PFORK_POPULATE)
 *   data FILE [WORKERS]	.. and ask for every tensor's address; so many
 *				workers inflate it
 *   several RUNS FILE		RUNS loads, each one's time
 *   parked RUNS FILE		the same, each by a worker that was started ahead,
 *				after a pause in which one can be
 *   many THREADS FILE COUNT [PARKED]
 *				COUNT files "FILE.0" ..., by that many threads,
 *				with so many workers kept started ahead
 *   ballast MIB		from now on this much memory is resident
 *   memory FILE		peak memory of broker and worker for one load
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "picklefork.h"
#include "verbs.h"

#define THREADS_MAX 64
#define RUNS_MAX 100000

static pfork_broker *
broker_of(pfork_options options)
{
	pfork_broker *broker;
	pfork_error err;

	options.size = sizeof(options);
	options.worker_path = getenv("PFORK_BENCH_WORKER");
	options.refuse_at = PFORK_REFUSE_NEVER;
	if (pfork_broker_new(&options, &broker, &err) != PFORK_OK)
		fail("broker", err.text);
	return broker;
}

static pfork_broker *
broker_with(uint32_t flags, enum pfork_delivery delivery)
{
	return broker_of((pfork_options){ .flags = flags,
	    .delivery = delivery });
}

#ifdef BENCH_PARKED
static pfork_broker *
broker_parking(size_t count)
{
	return broker_of((pfork_options){ .parked_workers = (uint32_t)count });
}
#else
static pfork_broker *
broker_parking(size_t count)
{
	if (count > 0)
		fail("many", "none can be parked");
	return broker_with(0, 0);
}
#endif

static pfork_checkpoint *
load(pfork_broker *broker, const char *file)
{
	pfork_checkpoint *ckpt;
	pfork_error err;

	if (pfork_load_path(broker, file, &ckpt, &err) != PFORK_OK)
		fail(file, err.text);
	return ckpt;
}

static void
run_load(int count, char **words)
{
	const char *how = count > 1 ? words[1] : "";
	pfork_broker *broker = broker_with(
	    strcmp(how, "snapshot") == 0 ? PFORK_SNAPSHOT : 0,
	    strcmp(how, "stream") == 0 ? PFORK_DELIVER_STREAM : 0);
	double start = now_s();
	pfork_checkpoint *ckpt = load(broker, words[0]);
	double took = now_s() - start;

	printf("{\"s\":%.9f,\"tensors\":%zu}\n", took,
	    pfork_checkpoint_count(ckpt));
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
}

/* Where tensors are read to: fresh pages, or those of the time before. */
static uint8_t *
region(size_t size, bool warm)
{
	static uint8_t *kept;
	static size_t kept_size;

	if (!warm)
		return fresh(size);
	if (kept_size < size) {
		if (kept != NULL)
			munmap(kept, kept_size);
		kept = fresh(size);
		kept_size = size;
		memset(kept, 1, size);
	}
	return kept;
}

static void
run_read(int count, char **words)
{
	bool warm = count > 1 && strcmp(words[1], "warm") == 0;
	pfork_broker *broker = broker_with(0, 0);
	double start = now_s(), loaded, took;
	pfork_checkpoint *ckpt = load(broker, words[0]);
	size_t n = pfork_checkpoint_count(ckpt);
	uint64_t total = 0, at = 0;
	pfork_error err;
	uint8_t *p;

	loaded = now_s() - start;
	for (size_t i = 0; i < n; i++)
		total += pfork_tensor_nbytes(pfork_checkpoint_at(ckpt, i));
	p = region(total, warm);
	for (size_t i = 0; i < n; i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);

		if (pfork_tensor_read(t, p + at, total - at, &err) != PFORK_OK)
			fail(words[0], err.text);
		at += pfork_tensor_nbytes(t);
	}
	took = now_s() - start;
	printf("{\"s\":%.9f,\"load_s\":%.9f,\"bytes\":%llu}\n", took, loaded,
	    (unsigned long long)total);
	if (!warm)
		munmap(p, total);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
}

static void
run_sum(int count, char **words)
{
	bool populate = count > 1 && strcmp(words[1], "populate") == 0;
	pfork_broker *broker = broker_with(PFORK_MAP_INPUT |
	    (populate ? PFORK_POPULATE : 0), 0);
	double start = now_s(), took;
	pfork_checkpoint *ckpt = load(broker, words[0]);
	size_t n = pfork_checkpoint_count(ckpt);
	uint64_t sum = 0;
	pfork_error err;

	for (size_t i = 0; i < n; i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);
		const void *data;

		if (pfork_tensor_data(t, &data, &err) != PFORK_OK)
			fail(words[0], err.text);
		sum += sum_words(data, pfork_tensor_nbytes(t));
	}
	took = now_s() - start;
	printf("{\"s\":%.9f,\"sum\":%llu}\n", took, (unsigned long long)sum);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
}

static void
run_data(int count, char **words)
{
	pfork_broker *broker = broker_of((pfork_options){ .inflate_workers =
	    count > 1 ? (uint32_t)strtoul(words[1], NULL, 10) : 0 });
	double start = now_s(), took;
	pfork_checkpoint *ckpt = load(broker, words[0]);
	uint64_t bytes = 0;
	pfork_error err;

	for (size_t i = 0; i < pfork_checkpoint_count(ckpt); i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);
		const void *data;

		if (pfork_tensor_data(t, &data, &err) != PFORK_OK)
			fail(words[0], err.text);
		bytes += pfork_tensor_nbytes(t);
	}
	took = now_s() - start;
	printf("{\"s\":%.9f,\"bytes\":%llu}\n", took,
	    (unsigned long long)bytes);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
}

static void
run_several(int count, char **words)
{
	size_t runs = strtoul(words[0], NULL, 10);
	pfork_broker *broker = broker_with(0, 0);

	(void)count;
	if (runs == 0 || runs > RUNS_MAX)
		fail("several", "not so many");
	printf("{\"each\":[");
	for (size_t i = 0; i < runs; i++) {
		double start = now_s();
		pfork_checkpoint *ckpt = load(broker, words[1]);

		printf("%s%.9f", i == 0 ? "" : ",", now_s() - start);
		pfork_checkpoint_unref(ckpt);
	}
	printf("]}\n");
	pfork_broker_free(broker);
}

#ifdef BENCH_PARKED
/* A worker is parked some 0.6 ms after one was taken. */
#define PAUSE_NS 3000000

static void
run_parked(int count, char **words)
{
	static const struct timespec pause = { 0, PAUSE_NS };
	size_t runs = strtoul(words[0], NULL, 10);
	pfork_broker *broker = broker_parking(4);
	pfork_worker_info info = { .size = sizeof(info) };
	size_t hits = 0;

	(void)count;
	printf("{\"each\":[");
	for (size_t i = 0; i < runs; i++) {
		pfork_checkpoint *ckpt;
		double start, took;

		nanosleep(&pause, NULL);
		start = now_s();
		ckpt = load(broker, words[1]);
		took = now_s() - start;
		(void)pfork_checkpoint_worker(ckpt, &info);
		if (info.parked)
			printf("%s%.9f", hits++ == 0 ? "" : ",", took);
		pfork_checkpoint_unref(ckpt);
	}
	printf("],\"hits\":%zu}\n", hits);
	pfork_broker_free(broker);
}
#endif

/* ---------------------------------------------------------- many files -- */

struct share {
	pfork_broker *broker;
	const char *prefix;
	size_t first;
	size_t step;
	size_t count;
	pthread_t thread;
};

static void *
load_share(void *context)
{
	struct share *s = context;
	char path[4096];

	for (size_t i = s->first; i < s->count; i += s->step) {
		snprintf(path, sizeof(path), "%s.%zu", s->prefix, i);
		pfork_checkpoint_unref(load(s->broker, path));
	}
	return NULL;
}

static void
run_many(int count, char **words)
{
	struct share shares[THREADS_MAX];
	size_t threads = strtoul(words[0], NULL, 10);
	pfork_broker *broker;
	double start = now_s();

	broker = broker_parking(count > 3 ? strtoul(words[3], NULL, 10) : 0);
	if (threads == 0 || threads > THREADS_MAX)
		fail("many", "not so many threads");
	for (size_t i = 0; i < threads; i++) {
		shares[i] = (struct share){ .broker = broker,
			.prefix = words[1], .first = i, .step = threads,
			.count = strtoul(words[2], NULL, 10) };
		if (pthread_create(&shares[i].thread, NULL, load_share,
		    &shares[i]) != 0)
			fail("many", "no thread");
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(shares[i].thread, NULL);
	/* It ends those that wait, and reaps. */
	pfork_broker_free(broker);
	printf("{\"s\":%.9f}\n", now_s() - start);
}

/* -------------------------------------------------------- circumstances -- */

static void
run_ballast(int count, char **words)
{
	size_t size = strtoul(words[0], NULL, 10) << 20;
	uint8_t *p = fresh(size);

	(void)count;
	madvise(p, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	printf("{\"bytes\":%zu}\n", size);
}

/* KiB of a line of /proc/self/status. */
static long
status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	if (f == NULL)
		fail("/proc/self/status", "cannot be read");
	while (kib < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	return kib;
}

/* The worker's peak as wait4 has it.  A spawned child's figure starts at its
 * parent's, so the parent's own peak at that time is given too: run as a whole
 * process, where that is small. */
static void
run_memory(int count, char **words)
{
	pfork_broker *broker = broker_with(0, 0);
	long before = status_kib("VmHWM");
	pfork_checkpoint *ckpt = load(broker, words[0]);
	struct rusage worker;

	(void)count;
	getrusage(RUSAGE_CHILDREN, &worker);
	printf("{\"tensors\":%zu,\"worker_peak_kib\":%ld,"
	       "\"before_kib\":%ld,\"peak_kib\":%ld,\"anon_kib\":%ld,"
	       "\"file_kib\":%ld}\n", pfork_checkpoint_count(ckpt),
	    worker.ru_maxrss, before, status_kib("VmHWM"),
	    status_kib("RssAnon"), status_kib("RssFile"));
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "load", 1, run_load },
		{ "read", 1, run_read },
		{ "sum", 1, run_sum },
		{ "data", 1, run_data },
		{ "several", 2, run_several },
#ifdef BENCH_PARKED
		{ "parked", 2, run_parked },
#endif
		{ "many", 3, run_many },
		{ "ballast", 1, run_ballast },
		{ "cores", 1, verb_cores },
		{ "memory", 1, run_memory },
		{ NULL, 0, NULL }
	};

	return verbs_main(argc, argv, verbs);
}
