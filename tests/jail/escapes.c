/* SPDX-License-Identifier: Apache-2.0
 *
 * escapes.c - each attempt that the probe knows, first without the jail (must
 * live, or the attempt proves nothing), then inside (must die of SIGSYS, after
 * the jail was entered and before anything came of it).
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

#define LIST_MAX 4096
/* Fewer means that the list was not read. */
#define ATTEMPTS_MIN 60

/* What the probe said ('J' tried, 'S' survived) and how it ended. */
static int
probe(const char *program, const char *mode, const char *name, char said[3])
{
	const char *const argv[] = { program, mode, name, NULL };
	int input = child_input("0123456789abcdef", 16);
	struct child c;
	int status;

	memset(said, 0, 3);
	if (!child_start(&c, argv, input, -1)) {
		close(input);
		return -1;
	}
	(void)child_read(&c, said, 2);
	status = child_end(&c);
	close(input);
	return status;
}

static void
check_attempt(const char *program, const char *name)
{
	char said[3];
	int status = probe(program, "control", name, said);

	if (WIFSIGNALED(status) && strcmp(name, "int80") == 0)
		skip("control", "this kernel has no int 0x80");
	else
		check(said[0] == 'J' && WIFEXITED(status) &&
		    WEXITSTATUS(status) == 0, "control", name);
	status = probe(program, "full", name, said);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV &&
	    strcmp(name, "int80") == 0)
		return;
	check(strcmp(said, "J") == 0 && WIFSIGNALED(status) &&
	    WTERMSIG(status) == SIGSYS, "full", name);
}

void
check_escapes(const struct programs *p)
{
	const char *const argv[] = { p->probe, "list", NULL };
	int input = child_input("", 0);
	char list[LIST_MAX];
	unsigned count = 0;
	char said[3];
	int status;
	char *rest = list;
	char *name;
	struct child c;
	size_t got;

	if (!child_start(&c, argv, input, -1)) {
		check(false, "escapes", "start");
		return;
	}
	got = child_read(&c, list, sizeof list - 1);
	list[got] = '\0';
	check(child_end(&c) == 0, "escapes", "list");
	close(input);
	while ((name = strsep(&rest, "\n")) != NULL && *name != '\0') {
		check_attempt(p->probe, name);
		count++;
	}
	status = probe(p->probe, "full", "spin", said);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "escapes",
	    "a spinning process ends");
	check(count >= ATTEMPTS_MIN, "escapes", "all attempts were made");
}
