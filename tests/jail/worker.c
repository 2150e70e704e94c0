/* SPDX-License-Identifier: Apache-2.0
 *
 * worker.c - the jailed worker seen from outside: what it says in Hello and
 * what the kernel says of it must agree, and the canary must be seen to die.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"
#include "jail.h"

#define GROUP "worker"
#define REQUIRED UINT64_C(0x7f)
#define TEXT_MAX 8192

static const char *
proc_text(pid_t pid, const char *file)
{
	static char text[TEXT_MAX];
	char path[64];
	ssize_t got = 0;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* Only root, or the root of its own user namespace, may empty the bounding set;
 * elsewhere (in a chroot, say) no-new-privs makes it moot: see jail.c. */
static void
check_bounding_set(const char *status, uint64_t layers)
{
	if (getuid() != 0 && (layers >> JAIL_USER_NS & 1) == 0) {
		printf("  note: the bounding set stays, for want of user-ns\n");
		return;
	}
	check(strstr(status, "\nCapBnd:\t0000000000000000\n") != NULL,
	    "status", "CapBnd is empty");
}

void
check_status(pid_t pid, uint64_t layers)
{
	static const char *const lines[] = { "\nNoNewPrivs:\t1\n",
		"\nSeccomp:\t2\n", "\nThreads:\t1\n",
		"\nCapEff:\t0000000000000000\n",
		"\nCapPrm:\t0000000000000000\n",
		"\nCapInh:\t0000000000000000\n",
		"\nCapAmb:\t0000000000000000\n" };
	const char *status = proc_text(pid, "status");
	unsigned uid = getuid() == 0 ? TEST_UID : getuid();
	char ids[128];
	size_t i;

	for (i = 0; i < sizeof lines / sizeof lines[0]; i++)
		check(strstr(status, lines[i]) != NULL, "status", lines[i] + 1);
	check_bounding_set(status, layers);
	(void)snprintf(ids, sizeof ids, "\nUid:\t%u\t%u\t%u\t%u\n", uid, uid,
	    uid, uid);
	check(strstr(status, ids) != NULL, "status", ids + 1);
	if (getuid() != 0)
		return;
	(void)snprintf(ids, sizeof ids, "\nGid:\t%u\t%u\t%u\t%u\n", uid, uid,
	    uid, uid);
	check(strstr(status, ids) != NULL, "status", ids + 1);
	check(strstr(status, "\nGroups:\t \n") != NULL, "status", "no groups");
}

/* "Max open files            0                    0 ..." */
static void
check_limits(pid_t pid)
{
	static const struct {
		const char *name;
		unsigned long soft;
		unsigned long hard;
	} limits[] = {
		{ "Max core file size", 0, 0 },
		{ "Max file size", 0, 0 },
		{ "Max processes", 0, 0 },
		{ "Max open files", 0, 0 },
		{ "Max locked memory", 0, 0 },
		{ "Max msgqueue size", 0, 0 },
		{ "Max pending signals", 0, 0 },
		{ "Max cpu time", 5, 6 },
		{ "Max stack size", 1 << 20, 1 << 20 },
	};
	const char *text = proc_text(pid, "limits");
	size_t i;

	for (i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		const char *at = strstr(text, limits[i].name);
		unsigned long soft = 77;
		unsigned long hard = 77;

		if (at != NULL)
			(void)sscanf(at + strlen(limits[i].name), "%lu %lu",
			    &soft, &hard);
		check(soft == limits[i].soft && hard == limits[i].hard,
		    "limits", limits[i].name);
	}
	check(strstr(text, "Max address space         unlimited") == NULL,
	    "limits", "address space");
}

void
check_fds(pid_t pid)
{
	char path[64];
	const struct dirent *entry;
	unsigned seen = 0;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL) {
		skip("fds", "only root may look into one that is not dumpable");
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			seen |= 1u << (strtoul(entry->d_name, NULL, 10) & 31);
	}
	closedir(dir);
	check(seen == 3, "fds", "0 and 1 only");
}

static void
check_net(const char *worker)
{
	const char *const argv[] = { worker, "run", "uid=2147418113", "cpu=5",
		"arena=67108864", "net=1", "lent=0", NULL };
	int input = child_input("", 0);
	struct hello_said hello;
	struct child c;

	check(child_start(&c, argv, input, -1), GROUP, "start");
	hello = child_hello(&c);
	check(((hello.layers | hello.missing) >> JAIL_NET_NS & 1) == 1, GROUP,
	    "the network namespace is had or reported when asked for");
	(void)child_end(&c);
	close(input);
}

static void
check_canary(const char *worker)
{
	const char *const argv[] = { worker, "canary", "uid=2147418113",
		"cpu=5", "arena=67108864", "net=0", "lent=0", NULL };
	int input = child_input("", 0);
	struct child c;
	char rest[1];
	int status;

	check(child_start(&c, argv, input, -1), "canary", "start");
	check((child_hello(&c).layers & REQUIRED) == REQUIRED, "canary",
	    "says Hello");
	check(child_read(&c, rest, 1) == 0, "canary", "says nothing more");
	status = child_end(&c);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "canary",
	    "dies of SIGSYS");
	close(input);
}

/* Lost to an order that is wrong these layers would only be reported, as where
 * the kernel has none: here it is asked. */
static void
check_order(pid_t pid, uint64_t layers)
{
	/* LANDLOCK_CREATE_RULESET_VERSION */
	bool has = syscall(444, NULL, 0ul, 1ul) >= 1;
	const char *status = proc_text(pid, "status");

	if (has)
		check((layers >> JAIL_LANDLOCK & 1) == 1, "order",
		    "F7: Landlock comes before RLIMIT_NOFILE");
	else
		skip("order", "this kernel has no Landlock");
	/* F12: since Linux 5.16 seccomp does not do it. */
	if (layers >> JAIL_SPECULATION & 1)
		check(strstr(status, "\nSpeculation_Store_Bypass:\tthread "
		    "vulnerable") == NULL, "order",
		    "F12: speculation is off in the worker");
}

void
check_worker(const struct programs *p)
{
	const char *const argv[] = RUN(p->worker);
	int input = child_input("", 0);
	struct hello_said hello;
	struct child c;
	unsigned i;

	check(child_start(&c, argv, input, -1), GROUP, "start");
	hello = child_hello(&c);
	for (i = 0; i < JAIL_LAYERS; i++) {
		if (hello.missing >> i & 1)
			printf("  note: layer %u is missing: %s\n", i,
			    strerror((int)hello.reasons[i]));
	}
	check((hello.layers & REQUIRED) == REQUIRED, GROUP,
	    "Hello has every required layer");
	check((hello.layers & hello.missing) == 0, GROUP,
	    "no layer is had and missing");
	/* Each layer is one or the other, but the one not asked for. */
	check((hello.layers | hello.missing) ==
	    ((UINT64_C(1) << JAIL_LAYERS) - 1) - (UINT64_C(1) << JAIL_NET_NS),
	    GROUP, "every layer is accounted for");
	check_status(c.pid, hello.layers);
	check_limits(c.pid);
	check_fds(c.pid);
	check_order(c.pid, hello.layers);
	check(child_end(&c) == 2 << 8, GROUP, "leaves when the broker does");
	close(input);
	check_net(p->worker);
	check_canary(p->worker);
}
