/* SPDX-License-Identifier: Apache-2.0
 *
 * host.c - see host.h.  Asks the kernel, never the library.
 */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

const char *
host_worker(void)
{
	const char *worker = getenv("PFORK_TEST_WORKER");

	if (worker == NULL)
		fail_msg("PFORK_TEST_WORKER is not set");
	return worker;
}

pfork_broker *
host_broker(const pfork_options *options)
{
	pfork_options o = *options;
	pfork_broker *b = NULL;
	pfork_error err;

	o.size = sizeof(o);
	if (o.worker_path == NULL)
		o.worker_path = host_worker();
	if (pfork_broker_new(&o, &b, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	return b;
}

const char *
host_liar(const char *lie)
{
	static char path[4096];
	const char *worker = host_worker();
	const char *slash = strrchr(worker, '/');

	if (slash == NULL) {
		fail_msg("PFORK_TEST_WORKER is no path");
		return NULL;
	}
	snprintf(path, sizeof(path), "%.*s/liars/liar-%s",
	    (int)(slash - worker), worker, lie);
	if (access(path, X_OK) != 0)
		fail_msg("no %s: make liar", path);
	return path;
}

/* PROTO 2, EMPTY_DICT, STOP. */
const uint8_t host_pickle[4] = { 0x80, 2, '}', '.' };

int
host_input(void)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	return write(fd, host_pickle, sizeof(host_pickle)) ==
	    sizeof(host_pickle) ? fd : -1;
}

size_t
host_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

void
host_no_children(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}
