/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.c - runs a command and says on stderr what it and the children that
 * it waited for used: "exit STATUS rss KIB cpu_us N wall_us N".  A script cannot
 * ask itself: the kernel counts the memory of the process that spawned as the
 * child's, so the one that spawns must be small.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long
micros(struct timeval t)
{
	return t.tv_sec * 1000000L + t.tv_usec;
}

int
main(int argc, char **argv)
{
	struct timespec begin;
	struct timespec end;
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 2)
		return 64;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0) {
		execv(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 70;
	clock_gettime(CLOCK_MONOTONIC, &end);
	fprintf(stderr, "\nexit %d rss %ld cpu_us %ld wall_us %ld\n",
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
	    usage.ru_maxrss, micros(usage.ru_utime) + micros(usage.ru_stime),
	    (end.tv_sec - begin.tv_sec) * 1000000L +
	    (end.tv_nsec - begin.tv_nsec) / 1000);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 70;
}
