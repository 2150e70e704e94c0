/* SPDX-License-Identifier: Apache-2.0
 *
 * test_jail.c - runs the groups and counts.  See run.sh for how it is called.
 *
 *	jail-test WORKER PROBE [FILE...]	jail-test time WORKER EMPTY
 *	jail-test without CALL PROGRAM ARGUMENT...
 *	jail-test lying CALL PROGRAM ARGUMENT...
 *	jail-test locked CALL PROGRAM ARGUMENT...
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

static unsigned passed;
static unsigned failed;

void
check(bool ok, const char *group, const char *name)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("  FAILED %s: %s\n", group, name);
}

void
skip(const char *group, const char *why)
{
	printf("  SKIPPED %s: %s\n", group, why);
}

int
main(int argc, char **argv)
{
	struct programs p = { .worker = NULL };

	if (argc < 3)
		return 64;
	(void)signal(SIGPIPE, SIG_DFL);
	if (argc == 4 && strcmp(argv[1], "time") == 0)
		return time_start(argv[2], argv[3]);
	if (argc > 4 && strcmp(argv[1], "without") == 0)
		return exec_without(argv[2], EPERM, argv + 3);
	if (argc > 4 && strcmp(argv[1], "lying") == 0)
		return exec_without(argv[2], 0, argv + 3);
	if (argc > 4 && strcmp(argv[1], "locked") == 0)
		return lock_capabilities() ?
		    exec_without(argv[2], EPERM, argv + 3) : 70;
	p.worker = argv[1];
	p.probe = argv[2];
	p.files = (const char *const *)(argv + 3);
	check_start(&p);
	check_worker(&p);
	check_talk(&p);
	check_escapes(&p);
	check_loss(&p);
	check_trace(&p);
	check_waiting(&p);
	check_handover(&p);
	check_lent(&p);
	/* The same, started ahead of their jobs. */
	child_parked = true;
	check_worker(&p);
	check_talk(&p);
	check_escapes(&p);
	check_loss(&p);
	check_lent(&p);
	check_trace(&p);
	printf("  uid %u: %u passed, %u failed\n", (unsigned)getuid(), passed,
	    failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
