/* SPDX-License-Identifier: Apache-2.0
 *
 * time.c - what a cold worker costs, beside the cheapest process there is: an
 * empty static program, spawned and reaped in the same run, turn by turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

#define ROUNDS 300

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

int
time_start(const char *worker, const char *empty)
{
	static double hello[ROUNDS];
	static double job[ROUNDS];
	static double nothing[ROUNDS];
	const char *const run[] = RUN(worker);
	const char *const idle[] = { empty, NULL };
	int input = child_input("\x80\x02}q\0.", 6);
	struct frame_head head;
	const uint8_t *payload;
	struct child c;
	double base;
	double start;
	size_t i;

	for (i = 0; i < ROUNDS; i++) {
		start = now_us();
		if (!child_start(&c, run, input, -1) ||
		    !child_frame(&c, &head, &payload))
			return 1;
		hello[i] = now_us() - start;
		child_go(&c);
		while (child_frame(&c, &head, &payload))
			;
		(void)child_end(&c);
		job[i] = now_us() - start;
		start = now_us();
		if (!child_start(&c, idle, input, -1) || child_end(&c) != 0)
			return 1;
		nothing[i] = now_us() - start;
	}
	close(input);
	base = median(nothing, ROUNDS);
	printf("empty program, spawn to reaped: %.0f us\n", base);
	printf("worker, spawn to Hello:         %.0f us (%.2fx)\n",
	    median(hello, ROUNDS), median(hello, ROUNDS) / base);
	printf("worker, spawn to reaped:        %.0f us (%.2fx)\n",
	    median(job, ROUNDS), median(job, ROUNDS) / base);
	return 0;
}
