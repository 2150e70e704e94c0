/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.c - see verbs.h.  Shared by the benchmark's programs; trusts its
 * command line and whoever writes to its standard input, which is run.py.
 */
#include "verbs.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WORDS_MAX 16

double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

void *
fresh(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap", "no memory");
	return p;
}

const uint8_t *
map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *at;

	if (fd < 0 || fstat(fd, &st) != 0)
		fail(path, "cannot be opened");
	*size = (size_t)st.st_size;
	at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		fail(path, "cannot be mapped");
	close(fd);
	return at;
}

void
verb_cores(int count, char **words)
{
	cpu_set_t set;
	size_t n = strtoul(words[0], NULL, 10);

	(void)count;
	CPU_ZERO(&set);
	for (size_t i = 0; i < n; i++)
		CPU_SET(i, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		fail("cores", "cannot be set");
	printf("{\"cores\":%zu}\n", n);
}

static void
run_verb(const struct verb *verbs, int count, char **words)
{
	for (; verbs->name != NULL; verbs++) {
		if (strcmp(verbs->name, words[0]) != 0)
			continue;
		if (count - 1 < verbs->least)
			fail(words[0], "too few arguments");
		verbs->run(count - 1, words + 1);
		fflush(stdout);
		return;
	}
	fail(words[0], "no such command");
}

int
verbs_main(int argc, char **argv, const struct verb *verbs)
{
	static char line[8192];
	char *words[WORDS_MAX];
	char *rest;
	int count;

	if (argc < 2)
		return 64;
	if (strcmp(argv[1], "-") != 0) {
		run_verb(verbs, argc - 1, argv + 1);
		return 0;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		count = 0;
		rest = line;
		for (char *w; count < WORDS_MAX &&
		    (w = strsep(&rest, "\t\n")) != NULL && *w != '\0';)
			words[count++] = w;
		if (count > 0)
			run_verb(verbs, count, words);
	}
	return 0;
}
