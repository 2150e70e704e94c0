/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.h - a benchmark's program takes commands: one on its command line, then
 * it ends (a whole process is timed from outside), or, with "-", one a line on
 * standard input (the process stays warm).  Each answers with one line of JSON.
 */
#ifndef BENCH_VERBS_H
#define BENCH_VERBS_H

#include <stddef.h>
#include <stdint.h>

struct verb {
	const char *name;
	int least;		/* arguments */
	void (*run)(int count, char **words);
};

/* Ends with a table entry without a name.  Returns the exit status. */
int verbs_main(int argc, char **argv, const struct verb *verbs);

/* cores N: from now on on the first N processors only. */
void verb_cores(int count, char **words);

double now_s(void);
/* Prints to standard error and leaves with 1. */
void fail(const char *what, const char *why) __attribute__((noreturn));
/* Fresh pages, 4 KiB ones unless the machine says otherwise. */
void *fresh(size_t size);
/* The whole of a file, mapped for reading. */
const uint8_t *map_file(const char *path, size_t *size);
/* All the bytes, as 64-bit words and what is left: what a consumer does with
 * them (sum.c; the Python side calls the same). */
uint64_t sum_words(const void *bytes, size_t size);

#endif
