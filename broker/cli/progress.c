/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.c - a thread draws the line, so that work which cannot call back
 * (a load, a single large read) is shown too.  Purely for people: nothing
 * depends on it, and where no thread can be had there is no line.
 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "print.h"

#define FIRST_MS 500
#define EVERY_MS 100
#define LABEL_COLUMNS 40

static double
seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	    (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void
draw(struct progress *p, double seconds)
{
	uint64_t done = atomic_load(&p->done);
	uint64_t total = atomic_load(&p->total);
	char a[PRINT_SIZE];
	char b[PRINT_SIZE];
	char c[PRINT_SIZE];
	char line[160];

	if (total == 0) {
		snprintf(line, sizeof(line), "%.0f s", seconds);
	} else if (p->unit == FILES) {
		snprintf(line, sizeof(line), "%llu of %llu files",
		    (unsigned long long)done, (unsigned long long)total);
	} else {
		print_size(a, done);
		print_size(b, total);
		print_size(c, (uint64_t)((double)done / seconds));
		snprintf(line, sizeof(line), "%3u %%  %s of %s  %s/s",
		    (unsigned)((double)done * 100.0 / (double)total), a, b, c);
	}
	fprintf(stderr, "\r\033[K%s  %s", p->label, line);
	fflush(stderr);
}

static void
later(struct timespec *when, long ms)
{
	clock_gettime(CLOCK_MONOTONIC, when);
	when->tv_nsec += ms * 1000000L;
	when->tv_sec += when->tv_nsec / 1000000000L;
	when->tv_nsec %= 1000000000L;
}

static void *
ticker(void *context)
{
	struct progress *p = context;
	struct timespec start;
	struct timespec when;
	bool drawn = false;

	clock_gettime(CLOCK_MONOTONIC, &start);
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		later(&when, drawn ? EVERY_MS : FIRST_MS);
		while (!p->stop && pthread_cond_timedwait(&p->wake, &p->lock,
		    &when) == 0)
			;
		if (p->stop)
			break;
		draw(p, seconds_since(&start));
		drawn = true;
	}
	pthread_mutex_unlock(&p->lock);
	if (drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	return NULL;
}

/* The end of a path says more than its beginning. */
static char *
shorten(const char *label)
{
	const char *slash = strrchr(label, '/');
	char *escaped = print_escape(slash == NULL ? label : slash + 1);
	size_t end = LABEL_COLUMNS;

	if (strlen(escaped) <= end)
		return escaped;
	/* Not inside of a character. */
	while (end > 0 && ((uint8_t)escaped[end] & 0xc0) == 0x80)
		end--;
	escaped[end] = '\0';
	return escaped;
}

void
progress_start(struct progress *p, bool quiet, const char *label,
    enum progress_unit unit, uint64_t total)
{
	pthread_condattr_t monotonic;
	const char *term = getenv("TERM");

	memset(p, 0, sizeof(*p));
	atomic_store(&p->total, total);
	p->unit = unit;
	if (quiet || isatty(STDERR_FILENO) != 1 || term == NULL ||
	    strcmp(term, "dumb") == 0)
		return;
	p->label = shorten(label);
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	p->running = pthread_create(&p->thread, NULL, ticker, p) == 0;
}

void
progress_end(struct progress *p)
{
	if (p->running) {
		pthread_mutex_lock(&p->lock);
		p->stop = true;
		pthread_cond_signal(&p->wake);
		pthread_mutex_unlock(&p->lock);
		pthread_join(p->thread, NULL);
		p->running = false;
	}
	free(p->label);
	p->label = NULL;
}
