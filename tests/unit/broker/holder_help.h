/* SPDX-License-Identifier: Apache-2.0
 *
 * holder_help.h - loads the smallest file again and again, and says whether
 * each worker has the layers that one has here by itself.  For the tests of
 * lent namespaces.
 */
#ifndef TESTS_HOLDER_HELP_H
#define TESTS_HOLDER_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host.h"
#include "picklefork.h"

#define NAMESPACES                                                     \
	(PFORK_LAYER_USER_NS | PFORK_LAYER_MOUNT_NS |                  \
	    PFORK_LAYER_IPC_NS | PFORK_LAYER_UTS_NS |                  \
	    PFORK_LAYER_CGROUP_NS)

static int input = -1;
/* What a worker here has by itself; hosts differ. */
static uint64_t usual;

static pfork_broker *
broker_of(const char *worker)
{
	pfork_options o = { .size = sizeof(o), .worker_path = worker };

	return host_broker(&o);
}

/* The layers of a worker that did its job. */
static uint64_t
load(pfork_broker *b)
{
	pfork_worker_info info = { .size = sizeof(info) };
	pfork_checkpoint *c = NULL;
	pfork_error err;

	if (pfork_load_fd(b, input, &c, &err) != PFORK_OK)
		fail_msg("%s", err.text);
	assert_int_equal(pfork_checkpoint_worker(c, &info), PFORK_OK);
	pfork_checkpoint_unref(c);
	return info.layers;
}

static int
set_up(void **state)
{
	pfork_broker *b;

	(void)state;
	input = host_input();
	if (input < 0)
		return -1;
	b = broker_of(host_worker());
	usual = load(b);
	pfork_broker_free(b);
	/* Most of what follows would show nothing. */
	if ((usual & NAMESPACES) != NAMESPACES)
		print_message("no namespaces are to be had here\n");
	return 0;
}

static bool
can_lend(void)
{
	return (usual & NAMESPACES) == NAMESPACES;
}

static bool
loads_as_usual(pfork_broker *b, unsigned times)
{
	pfork_worker_info info = { .size = sizeof(info) };
	bool ok = true;

	for (unsigned i = 0; i < times; i++) {
		pfork_checkpoint *c = NULL;

		ok = pfork_load_fd(b, input, &c, NULL) == PFORK_OK &&
		    pfork_checkpoint_worker(c, &info) == PFORK_OK &&
		    info.layers == usual && ok;
		pfork_checkpoint_unref(c);
	}
	return ok;
}

#endif
