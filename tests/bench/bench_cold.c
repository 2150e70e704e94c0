/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_cold.c FILE EMPTY-PROGRAM [RUNS] - one small checkpoint, cold (spawn,
 * jail, parse, reply, reap), beside posix_spawn and wait of an empty static
 * program, alternated in one run.  Prints medians in microseconds.
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

#include "picklefork.h"

extern char **environ;

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

static double
spawn_empty(const char *program)
{
	char *argv[] = { "empty", NULL };
	double start = now_us();
	pid_t pid;
	int status;

	if (posix_spawn(&pid, program, NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		perror(program);
		exit(1);
	}
	return now_us() - start;
}

static double
load_once(pfork_broker *broker, const char *file)
{
	pfork_checkpoint *ckpt;
	pfork_error err;
	double start = now_us();
	double took;

	if (pfork_load_path(broker, file, &ckpt, &err) != PFORK_OK) {
		fprintf(stderr, "%s: %s\n", file, err.text);
		exit(1);
	}
	took = now_us() - start;
	pfork_checkpoint_unref(ckpt);
	return took;
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 3 ? strtoul(argv[3], NULL, 10) : 200;
	pfork_options options = { .size = sizeof(options),
	    .worker_path = getenv("PFORK_BENCH_WORKER"),
	    .refuse_at = PFORK_REFUSE_NEVER };
	double *empty;
	double *load;
	pfork_broker *broker;
	pfork_error err;

	if (argc < 3 || runs == 0 || runs > 100000)
		return 64;
	empty = calloc(runs, sizeof(*empty));
	load = calloc(runs, sizeof(*load));
	if (empty == NULL || load == NULL)
		return 1;
	if (pfork_broker_new(&options, &broker, &err) != PFORK_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	spawn_empty(argv[2]);
	load_once(broker, argv[1]);
	for (size_t i = 0; i < runs; i++) {
		empty[i] = spawn_empty(argv[2]);
		load[i] = load_once(broker, argv[1]);
	}
	qsort(empty, runs, sizeof(*empty), by_value);
	qsort(load, runs, sizeof(*load), by_value);
	printf("{\"empty_us\":%.1f,\"load_us\":%.1f,\"load_p99_us\":%.1f,"
	       "\"ratio\":%.2f}\n", empty[runs / 2], load[runs / 2],
	    load[runs * 99 / 100], load[runs / 2] / empty[runs / 2]);
	pfork_broker_free(broker);
	free(empty);
	free(load);
	return 0;
}
