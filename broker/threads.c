/* SPDX-License-Identifier: Apache-2.0
 *
 * threads.c - see threads.h.  A guest in the host's process: its signals are
 * not taken, no thread outlives the call.  Must never fail: without threads all
 * work is done on this one.
 */
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

/* A thread costs some 30 us, and clears and copies this in 3 ms. */
#define EACH_MIN ((uint64_t)8 << 20)

size_t
threads_for(uint64_t bytes)
{
	cpu_set_t set;
	size_t most = THREADS_MAX;

	if (bytes < 2 * EACH_MIN)
		return 1;
	/* Fails where there are over 1,024 of them. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0 &&
	    CPU_COUNT(&set) < THREADS_MAX)
		most = (size_t)CPU_COUNT(&set);
	if (bytes / EACH_MIN < most)
		most = (size_t)(bytes / EACH_MIN);
	return most > 0 ? most : 1;
}

uint64_t
threads_slice(uint64_t bytes, size_t count, size_t i)
{
	uint64_t each = (bytes / count + THREADS_SLICE - 1) &
	    ~(THREADS_SLICE - 1);

	/* i < count <= THREADS_MAX, so that the product is under 2^64. */
	return i == count || each * i > bytes ? bytes : each * i;
}

struct thread {
	pthread_t id;
	bool started;
	void (*run)(void *item);
	void *item;
};

static void *
run_one(void *context)
{
	struct thread *t = context;

	t->run(t->item);
	return NULL;
}

/* The host's signal handlers must not run on a thread that it does not know. */
static void
start(struct thread *threads, size_t count)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return;
	for (size_t i = 0; i < count; i++)
		threads[i].started = pthread_create(&threads[i].id, NULL,
		    run_one, &threads[i]) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
threads_run(void (*run)(void *item), void *items, size_t size, size_t count)
{
	struct thread threads[THREADS_MAX] = { 0 };

	for (size_t i = 0; i < count; i++) {
		threads[i].run = run;
		threads[i].item = (uint8_t *)items + i * size;
	}
	if (count > 1)
		start(threads + 1, count - 1);
	for (size_t i = 0; i < count; i++)
		if (!threads[i].started)
			run(threads[i].item);
	for (size_t i = 0; i < count; i++)
		if (threads[i].started)
			pthread_join(threads[i].id, NULL);
}
