/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_limit.c - the least that each job can cost here: what a program does
 * that has no wall, checks nothing and believes everything.
 *
 *   spawn PROGRAM [RUNS]	posix_spawn and wait
 *   pread FILE			the file into fresh memory
 *   snapshot FILE		the file into a fresh memfd
 *   sum FILE			map it, sum every byte
 *   memcpy FILE		the file's bytes, warm to warm
 *   inflate FILE		every deflated member of a zip, by libdeflate
 *   copy FILE OUT		copy_file_range to OUT, then fsync
 *   burn SECONDS		take a processor and do nothing with it
 *   slurp LIST			open and read each file of a list
 */
#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verbs.h"

#define PIECE ((size_t)1 << 20)

extern char **environ;

static void
run_spawn(int count, char **words)
{
	size_t runs = count > 1 ? strtoul(words[1], NULL, 10) : 1;
	static char name[] = "empty";
	char *argv[] = { name, NULL };

	printf("{\"each\":[");
	for (size_t i = 0; i < runs; i++) {
		double start = now_s();
		pid_t pid;
		int status;

		if (posix_spawn(&pid, words[0], NULL, NULL, argv, environ) !=
		    0 || waitpid(pid, &status, 0) != pid || status != 0)
			fail(words[0], "did not run");
		printf("%s%.9f", i == 0 ? "" : ",", now_s() - start);
	}
	printf("]}\n");
}

static int
open_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		fail(path, strerror(errno));
	*size = (size_t)st.st_size;
	return fd;
}

static void
pread_all(int fd, uint8_t *to, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t want = size - at < PIECE ? size - at : PIECE;
		ssize_t n = pread(fd, to + at, want, (off_t)at);

		if (n <= 0)
			fail("pread", strerror(errno));
		at += (size_t)n;
	}
}

static void
run_pread(int count, char **words)
{
	size_t size;
	double start = now_s();
	int fd = open_file(words[0], &size);
	uint8_t *p = fresh(size);

	(void)count;
	pread_all(fd, p, size);
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, size);
	munmap(p, size);
	close(fd);
}

static void
run_snapshot(int count, char **words)
{
	size_t size, left;
	double start = now_s();
	int fd = open_file(words[0], &size);
	int to = memfd_create("limit", MFD_CLOEXEC);

	(void)count;
	if (to < 0 || ftruncate(to, (off_t)size) != 0)
		fail("memfd", strerror(errno));
	for (left = size; left > 0;) {
		ssize_t n = sendfile(to, fd, NULL, left);

		if (n <= 0)
			fail("sendfile", strerror(errno));
		left -= (size_t)n;
	}
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, size);
	close(to);
	close(fd);
}

static void
run_sum(int count, char **words)
{
	size_t size;
	double start = now_s();
	const uint8_t *map = map_file(words[0], &size);
	uint64_t sum = sum_words(map, size);

	(void)count;
	printf("{\"s\":%.9f,\"sum\":%llu}\n", now_s() - start,
	    (unsigned long long)sum);
	munmap((void *)(uintptr_t)map, size);
}

static void
run_memcpy(int count, char **words)
{
	static uint8_t *to;
	static size_t room;
	size_t size;
	const uint8_t *map = map_file(words[0], &size);
	double start;

	(void)count;
	if (room < size) {
		if (to != NULL)
			munmap(to, room);
		to = fresh(size);
		room = size;
		memset(to, 1, room);
	}
	sum_words(map, size);
	start = now_s();
	memcpy(to, map, size);
	printf("{\"s\":%.9f,\"bytes\":%zu,\"last\":%u}\n", now_s() - start,
	    size, (unsigned)to[size - 1]);
	munmap((void *)(uintptr_t)map, size);
}

/* ------------------------------------------------------------- inflate -- */

static uint64_t
le(const uint8_t *at, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n |= (uint64_t)at[i] << 8 * i;
	return n;
}

/* Files of our own making: nothing is checked.  PKWARE APPNOTE 6.3, 4.3.7,
 * 4.3.12, 4.3.16; no zip64. */
static void
run_inflate(int count, char **words)
{
	size_t size, bytes = 0, room = 64 * PIECE;
	const uint8_t *map = map_file(words[0], &size);
	const uint8_t *end = map + size - 22;
	const uint8_t *at = map + le(end + 16, 4);
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	uint8_t *to = fresh(room);
	double start;

	(void)count;
	memset(to, 1, room);
	start = now_s();
	for (uint64_t i = le(end + 10, 2); i > 0; i--) {
		size_t packed = le(at + 20, 4), whole = le(at + 24, 4), got;
		const uint8_t *local = map + le(at + 42, 4);
		const uint8_t *data = local + 30 + le(local + 26, 2) +
		    le(local + 28, 2);

		if (le(at + 10, 2) == 8) {
			if (whole > room || libdeflate_deflate_decompress(d,
			    data, packed, to, whole, &got) != 0)
				fail(words[0], "does not inflate");
			bytes += whole;
		}
		at += 46 + le(at + 28, 2) + le(at + 30, 2) + le(at + 32, 2);
	}
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, bytes);
	libdeflate_free_decompressor(d);
	munmap(to, room);
	munmap((void *)(uintptr_t)map, size);
}

/* --------------------------------------------------------------- files -- */

static void
run_copy(int count, char **words)
{
	size_t size, left;
	double start = now_s();
	int fd = open_file(words[0], &size);
	int to = open(words[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0644);

	(void)count;
	if (to < 0)
		fail(words[1], strerror(errno));
	for (left = size; left > 0;) {
		ssize_t n = copy_file_range(fd, NULL, to, NULL, left, 0);

		if (n <= 0)
			fail("copy_file_range", strerror(errno));
		left -= (size_t)n;
	}
	if (fsync(to) != 0)
		fail("fsync", strerror(errno));
	printf("{\"s\":%.9f,\"bytes\":%zu}\n", now_s() - start, size);
	close(to);
	close(fd);
	unlink(words[1]);
}

static void
run_burn(int count, char **words)
{
	double end = now_s() + strtod(words[0], NULL);

	(void)count;
	while (now_s() < end)
		;
	printf("{}\n");
}

static void
run_slurp(int count, char **words)
{
	static uint8_t buffer[PIECE];
	FILE *list = fopen(words[0], "re");
	char path[4096];
	size_t files = 0;
	double start = now_s();

	(void)count;
	if (list == NULL)
		fail(words[0], strerror(errno));
	while (fgets(path, sizeof(path), list) != NULL) {
		size_t size;
		int fd;

		path[strcspn(path, "\n")] = '\0';
		fd = open_file(path, &size);
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		close(fd);
		files++;
	}
	printf("{\"s\":%.9f,\"files\":%zu}\n", now_s() - start, files);
	fclose(list);
}

int
main(int argc, char **argv)
{
	static const struct verb verbs[] = {
		{ "spawn", 1, run_spawn },
		{ "pread", 1, run_pread },
		{ "snapshot", 1, run_snapshot },
		{ "sum", 1, run_sum },
		{ "memcpy", 1, run_memcpy },
		{ "inflate", 1, run_inflate },
		{ "copy", 2, run_copy },
		{ "slurp", 1, run_slurp },
		{ "burn", 1, run_burn },
		{ "cores", 1, verb_cores },
		{ NULL, 0, NULL }
	};

	return verbs_main(argc, argv, verbs);
}
