/* SPDX-License-Identifier: Apache-2.0
 *
 * lent.c - a holder and what it makes; and workers that are lent namespaces, or
 * what is none, or the wrong one, or less than they were told: they are in the
 * one that is meant or in one of their own, say the same layers in any case,
 * and keep no descriptor.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"
#include "held.h"
#include "jail.h"

#define GROUP "lent"
/* Above the numbers that child_start gives away. */
#define FD_ABOVE 10
#define LAYERS                                                          \
	(UINT64_C(1) << JAIL_USER_NS | UINT64_C(1) << JAIL_IPC_NS |     \
	    UINT64_C(1) << JAIL_UTS_NS | UINT64_C(1) << JAIL_CGROUP_NS | \
	    UINT64_C(1) << JAIL_MOUNT_NS)

static const char *const names[HELD_COUNT] = { "user", "ipc", "uts", "cgroup",
	"mnt" };
static int held[HELD_COUNT];
static int file;

/* Of a process' namespace; 0: it may not be seen. */
static ino_t
inode(pid_t pid, size_t which)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid,
	    names[which]);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int
open_namespace(pid_t pid, size_t which)
{
	char path[64];
	int fd;
	int moved;

	(void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid,
	    names[which]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
	close(fd);
	return moved;
}

/* False: this host has not all of them. */
static bool
make(const char *worker)
{
	const char *const argv[] = { worker, "hold", "uid=2147418113", "cpu=5",
		"arena=67108864", "net=0", "lent=0", NULL };
	int input = child_input("", 0);
	uint8_t said[2] = { 0, 0 };
	struct child c;
	bool all = true;
	size_t i;

	check(child_start(&c, argv, input, -1) &&
	    child_read(&c, said, 2) == 2 && said[0] == HELD_SAYS && said[1] <= HELD_ALL, GROUP, "a holder");
	for (i = 0; i < HELD_COUNT; i++) {
		bool has = (said[1] >> i & 1) != 0;

		held[i] = open_namespace(c.pid, i);
		all = all && has && held[i] >= 0;
		check(!has || inode(c.pid, i) != inode(getpid(), i), GROUP,
		    "what it says it has is not ours");
	}
	check(child_end(&c) == 2 << 8, GROUP, "it leaves when that was opened");
	close(input);
	return all;
}

/* How a worker fares that is told of `set` and given these. */
struct lent_case {
	const char *name;
	unsigned set;
	int fds[HELD_COUNT];
	size_t count;
	unsigned entered;	/* set of those that are the holder's */
};

static void
check_where(const struct lent_case *l, pid_t pid)
{
	struct stat st;
	size_t i;

	if (inode(pid, 0) == 0) {
		skip(GROUP, "only root may look into one that is not dumpable");
		return;
	}
	for (i = 0; i < HELD_COUNT; i++) {
		ino_t its = inode(pid, i);
		bool same = fstat(held[i], &st) == 0 && st.st_ino == its;

		check(its != 0 && its != inode(getpid(), i), l->name,
		    "it is in none of ours");
		check(same == ((l->entered >> i & 1) != 0), l->name, names[i]);
	}
}

/* All that it could see, were it let. */
static void
check_empty(const char *name, pid_t pid)
{
	char path[64];
	const struct dirent *entry;
	unsigned seen = 0;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/root/", (int)pid);
	dir = opendir(path);
	if (dir == NULL) {
		skip(GROUP, "only root may look into its root");
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		seen += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	check(seen == 0, name, "its root is empty");
	check(mkdirat(dirfd(dir), "x", 0700) != 0 && errno == EROFS, name,
	    "and stays so");
	closedir(dir);
}

static void
check_case(const char *const argv[], const struct lent_case *l)
{
	int input = child_input("\x80\x02}q\0.", 6);
	struct frame_head head = { .type = FRAME_HELLO };
	const uint8_t *payload;
	struct hello_said hello;
	struct child c;
	bool ok;

	child_lent = l->fds;
	child_lent_count = l->count;
	ok = child_start(&c, argv, input, -1);
	child_lent_count = 0;
	check(ok, l->name, "start");
	hello = child_hello(&c);
	check((hello.layers & LAYERS) == LAYERS &&
	    (hello.layers & 0x7f) == 0x7f, l->name, "every layer is had");
	check_where(l, c.pid);
	check_fds(c.pid);
	if ((l->entered >> HELD_MOUNT & 1) != 0)
		check_empty(l->name, c.pid);
	child_go(&c);
	while (child_frame(&c, &head, &payload))
		;
	check(head.type == FRAME_DONE && child_end(&c) == 0, l->name,
	    "the job is done");
	close(input);
}

static void
check_cases(const char *worker)
{
	const struct lent_case cases[] = {
		{ "all", 31, { held[0], held[1], held[2], held[3], held[4] }, 5,
		    31 },
		{ "none", 0, { 0 }, 0, 0 },
		{ "one", 1, { held[0] }, 1, 1 },
		{ "two that are no neighbours", 17, { held[0], held[4] }, 2,
		    17 },
		/* It is its own user namespace's, so not ours to enter. */
		{ "not the first", 30, { held[1], held[2], held[3], held[4] },
		    4, 0 },
		{ "files", 31, { file, file, file, file, file }, 5, 0 },
		{ "one file", 31, { held[0], file, held[2], held[3], held[4] },
		    5, 29 },
		{ "in another order", 31, { held[4], held[3], held[0], held[1],
		    held[2] }, 5, 0 },
		{ "two exchanged", 31, { held[0], held[2], held[1], held[3],
		    held[4] }, 5, 25 },
		{ "fewer than told", 31, { held[0], held[1] }, 2, 3 },
		{ "more than told", 3, { held[0], held[1], held[2], held[3],
		    held[4] }, 5, 3 },
		{ "told, not given", 31, { 0 }, 0, 0 },
	};
	char told[16];
	const char *const argv[] = { worker, "run", "uid=2147418113", "cpu=5",
		"arena=67108864", "net=0", told, NULL };
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(told, sizeof told, "lent=%u", cases[i].set);
		check_case(argv, &cases[i]);
	}
}

/* Our own are no wall: entered, they would be a layer that is none. */
static void
check_our_own(const char *worker)
{
	struct lent_case l = { .name = "our own", .count = HELD_COUNT };
	const char *const argv[] = { worker, "run", "uid=2147418113", "cpu=5",
		"arena=67108864", "net=0", "lent=31", NULL };
	size_t i;

	for (i = 0; i < HELD_COUNT; i++)
		l.fds[i] = open_namespace(getpid(), i);
	check_case(argv, &l);
	for (i = 0; i < HELD_COUNT; i++)
		close(l.fds[i]);
}

/* A host that refuses one of the two ways, or says that it is done. */
static void
check_refused(const char *worker)
{
	static const struct {
		const char *how;
		const char *name;
		long call;
		unsigned entered;
	} cases[] = {
		{ "without", "without setns", SYS_setns, 0 },
		{ "without", "without unshare", SYS_unshare, 31 },
		{ "lying", "setns lies", SYS_setns, 0 },
		{ "lying", "unshare lies", SYS_unshare, 31 },
	};
	char number[16];
	const char *argv[] = { "/proc/self/exe", NULL, number,
		worker, "run", "uid=2147418113", "cpu=5", "arena=67108864", "net=0",
		"lent=31", NULL };
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct lent_case l = { .name = cases[i].name, .count = 5,
			.entered = cases[i].entered };

		memcpy(l.fds, held, sizeof held);
		argv[1] = cases[i].how;
		(void)snprintf(number, sizeof number, "%ld", cases[i].call);
		check_case(argv, &l);
	}
}

/* Neither: the reason is said, as by one that was lent nothing. */
static void
check_unentered(const char *worker, const char *how)
{
	const char *const argv[] = { "/proc/self/exe", how, "272", worker,
		"run", "uid=2147418113", "cpu=5", "arena=67108864", "net=0",
		"lent=31", NULL };
	const int files[HELD_COUNT] = { file, file, file, file, file };
	int input = child_input("", 0);
	struct hello_said hello;
	struct child c;
	bool ok;

	_Static_assert(SYS_unshare == 272, "the number above");
	child_lent = files;
	child_lent_count = HELD_COUNT;
	ok = child_start(&c, argv, input, -1);
	child_lent_count = 0;
	hello = child_hello(&c);
	check(ok && (hello.layers & LAYERS) == 0 &&
	    (hello.missing & LAYERS) == LAYERS &&
	    hello.reasons[JAIL_USER_NS] == EPERM, GROUP,
	    "what cannot be entered or made is missing, with its reason");
	check_fds(c.pid);
	(void)child_end(&c);
	close(input);
}

/* A host whose filter ends whoever calls setns ends the holder, by which its
 * workers are not told to. */
static void
check_holder_calls(const char *worker)
{
	char number[16];
	const char *argv[] = { "/proc/self/exe", NULL, number,
		worker, "hold", "uid=2147418113", "cpu=5", "arena=67108864", "net=0",
		"lent=0", NULL };
	static const struct {
		const char *how;
		const char *name;
		long call;
		unsigned set;
	} cases[] = {
		{ "without", "a holder without setns", SYS_setns, 0 },
		{ "without", "a holder without unshare", SYS_unshare, 0 },
		{ "without", "a holder without mount", SYS_mount, 15 },
		{ "without", "a holder without pivot_root", SYS_pivot_root,
		    15 },
		{ "without", "a holder without umount", SYS_umount2, 15 },
		{ "lying", "a holder whose setns lies", SYS_setns, 0 },
		{ "lying", "a holder whose unshare lies", SYS_unshare, 0 },
	};
	int input = child_input("", 0);
	size_t i;

	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t said[2] = { 0, 0 };
		struct child c;

		argv[1] = cases[i].how;
		(void)snprintf(number, sizeof number, "%ld", cases[i].call);
		check(child_start(&c, argv, input, -1) &&
		    child_read(&c, said, 2) == 2 && said[0] == HELD_SAYS &&
		    said[1] == cases[i].set, GROUP, cases[i].name);
		check(child_end(&c) == 2 << 8, GROUP, cases[i].name);
	}
	close(input);
}

void
check_lent(const struct programs *p)
{
	bool all = make(p->worker);
	size_t i;

	file = fcntl(child_input("x", 1), F_DUPFD_CLOEXEC, FD_ABOVE);
	check(file >= 0, GROUP, "a file");
	if (all) {
		check_cases(p->worker);
		check_our_own(p->worker);
		check_refused(p->worker);
		check_unentered(p->worker, "without");
		check_unentered(p->worker, "lying");
		check_holder_calls(p->worker);
	} else {
		skip(GROUP, "this host has not every namespace");
	}
	for (i = 0; i < HELD_COUNT; i++)
		if (held[i] >= 0)
			close(held[i]);
	close(file);
}
