/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_read.c FILE [RUNS] - reads every tensor of FILE into fresh memory, beside
 * pread(2) of the whole file into fresh memory, alternated in one run.  Prints
 * median rates in GiB/s, and this process's peak memory after a bare listing.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "picklefork.h"

#define PIECE (1u << 20)

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void *
fresh(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static double
plain(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	double start;
	uint8_t *p;
	off_t at = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		exit(1);
	start = now();
	p = fresh((size_t)st.st_size);
	while (at < st.st_size) {
		ssize_t n = pread(fd, p + at, PIECE, at);

		if (n <= 0)
			exit(1);
		at += n;
	}
	start = (double)st.st_size / (now() - start);
	munmap(p, (size_t)st.st_size);
	close(fd);
	return start / (1 << 30);
}

static double
tensors(const pfork_checkpoint *ckpt)
{
	size_t count = pfork_checkpoint_count(ckpt);
	uint64_t total = 0;
	double start;
	pfork_error err;
	uint8_t *p;
	uint64_t at = 0;

	for (size_t i = 0; i < count; i++)
		total += pfork_tensor_nbytes(pfork_checkpoint_at(ckpt, i));
	start = now();
	p = fresh(total);
	for (size_t i = 0; i < count; i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);

		if (pfork_tensor_read(t, p + at, total - at, &err) != PFORK_OK) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
		at += pfork_tensor_nbytes(t);
	}
	start = (double)total / (now() - start);
	munmap(p, total);
	return start / (1 << 30);
}

int
main(int argc, char **argv)
{
	size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 7;
	pfork_options options = { .size = sizeof(options),
	    .worker_path = getenv("PFORK_BENCH_WORKER"),
	    .refuse_at = PFORK_REFUSE_NEVER };
	double rates[2][64];
	pfork_broker *broker;
	pfork_checkpoint *ckpt;
	pfork_error err;
	struct rusage use;

	if (argc < 2 || runs == 0 || runs > 64)
		return 64;
	if (pfork_broker_new(&options, &broker, &err) != PFORK_OK ||
	    pfork_load_path(broker, argv[1], &ckpt, &err) != PFORK_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	getrusage(RUSAGE_SELF, &use);
	plain(argv[1]);
	for (size_t i = 0; i < runs; i++) {
		rates[0][i] = plain(argv[1]);
		rates[1][i] = tensors(ckpt);
	}
	qsort(rates[0], runs, sizeof(double), by_value);
	qsort(rates[1], runs, sizeof(double), by_value);
	printf("{\"pread_gib_s\":%.2f,\"tensors_gib_s\":%.2f,\"ratio\":%.2f,"
	       "\"list_rss_mib\":%.1f}\n", rates[0][runs / 2],
	    rates[1][runs / 2], rates[1][runs / 2] / rates[0][runs / 2],
	    (double)use.ru_maxrss / 1024);
	pfork_checkpoint_unref(ckpt);
	pfork_broker_free(broker);
	return 0;
}
