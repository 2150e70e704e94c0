/* SPDX-License-Identifier: Apache-2.0
 *
 * loss.c - the worker where a system call is refused from outside, as in a
 * container: a required layer that is lost must be reported and nothing parsed;
 * a best-effort one must be reported, and the job done.  Never silence.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"
#include "jail.h"

#define GROUP "loss"
#define LANDLOCK_CREATE 444
#define LANDLOCK_RESTRICT 446
#define CLOSE_RANGE 436

struct loss {
	const char *name;
	long call;
	enum jail_layer layer;
	bool required;
	bool as_root_only;
};

static const struct loss refusals[] = {
	{ "seccomp", SYS_seccomp, JAIL_SECCOMP, true, false },
	{ "prctl", SYS_prctl, JAIL_NO_NEW_PRIVS, true, false },
	{ "close_range", CLOSE_RANGE, JAIL_CLOSED_FDS, true, false },
	{ "prlimit64", SYS_prlimit64, JAIL_RLIMITS, true, false },
	{ "capset", SYS_capset, JAIL_NO_CAPABILITIES, true, false },
	{ "capget", SYS_capget, JAIL_NO_CAPABILITIES, true, false },
	{ "setgroups", SYS_setgroups, JAIL_UID_DROP, true, true },
	{ "setresgid", SYS_setresgid, JAIL_UID_DROP, true, true },
	{ "setresuid", SYS_setresuid, JAIL_UID_DROP, true, true },
	{ "landlock_create_ruleset", LANDLOCK_CREATE, JAIL_LANDLOCK, false,
	    false },
	{ "landlock_restrict_self", LANDLOCK_RESTRICT, JAIL_LANDLOCK, false,
	    false },
	{ "unshare", SYS_unshare, JAIL_USER_NS, false, false },
};

/* Where nothing may be taken along to another uid besides. */
static const struct loss locked[] = {
	{ "unshare, locked", SYS_unshare, JAIL_USER_NS, false, true },
};

/* Where they are not refused but answered with 0, and nothing is done.  What
 * can be asked for again is; the filter itself is counted by the broker. */
static const struct loss lies[] = {
	{ "prctl lies", SYS_prctl, JAIL_NO_NEW_PRIVS, true, false },
	{ "prlimit64 lies", SYS_prlimit64, JAIL_RLIMITS, true, false },
	{ "setresgid lies", SYS_setresgid, JAIL_UID_DROP, true, true },
	{ "setresuid lies", SYS_setresuid, JAIL_UID_DROP, true, true },
	{ "close_range lies", CLOSE_RANGE, JAIL_CLOSED_FDS, true, false },
	{ "poll lies", SYS_poll, JAIL_CLOSED_FDS, true, false },
	{ "landlock_restrict_self lies", LANDLOCK_RESTRICT, JAIL_LANDLOCK,
	    false, false },
	{ "unshare lies", SYS_unshare, JAIL_USER_NS, false, false },
	{ "unshare lies: mount", SYS_unshare, JAIL_MOUNT_NS, false, false },
	{ "unshare lies: ipc", SYS_unshare, JAIL_IPC_NS, false, false },
	{ "unshare lies: uts", SYS_unshare, JAIL_UTS_NS, false, false },
	{ "unshare lies: cgroup", SYS_unshare, JAIL_CGROUP_NS, false, false },
};

#if defined(__x86_64__)
/* What the worker's own start asks for: without it, not a word, neither a run
 * without canary nor one whose constants can be written to.  A kernel that lies
 * of the canary's place kills it. */
static const struct {
	const char *how;
	const char *name;
	long call;
	int status;
} unstarted[] = {
	{ "without", "arch_prctl", SYS_arch_prctl, 8 << 8 },
	{ "without", "mprotect", SYS_mprotect, 8 << 8 },
	{ "lying", "arch_prctl lies", SYS_arch_prctl, SIGSEGV },
};

static void
check_unstarted(const struct programs *p)
{
	int input = child_input("\x80\x02}q\0.", 6);
	struct child c;
	char number[16];
	char rest;
	size_t i;

	for (i = 0; i < sizeof unstarted / sizeof unstarted[0]; i++) {
		const char *const argv[] = { "/proc/self/exe",
			unstarted[i].how, number, p->worker, "run",
			"uid=2147418113", "cpu=5", "arena=67108864", "net=0",
			NULL };

		(void)snprintf(number, sizeof number, "%ld",
		    unstarted[i].call);
		check(child_start(&c, argv, input, -1) &&
		    child_read(&c, &rest, 1) == 0, GROUP, unstarted[i].name);
		check((child_end(&c) & ~0x80) == unstarted[i].status, GROUP,
		    "and how it ends");
	}
	close(input);
}
#else
static void
check_unstarted(const struct programs *p)
{
	(void)p;
}
#endif

bool
lock_capabilities(void)
{
	return prctl(PR_SET_SECUREBITS, (unsigned long)SECBIT_KEEP_CAPS_LOCKED,
	    0ul, 0ul, 0ul) == 0;
}

int
exec_without(const char *number, uint32_t errnum, char **argv)
{
	char *const environment[] = { NULL };
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
		    (uint32_t)strtoul(number, NULL, 10), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul) != 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u, &program) != 0)
		return 70;
	(void)execve(argv[0], argv, environment);
	return 71;
}

/* Parked it leaves without a word: nobody has given it anything. */
static void
check_unparked(const struct loss *l, struct child *c)
{
	char rest;

	check(child_read(c, &rest, 1) == 0, GROUP, l->name);
	check(child_end(c) == 3 << 8, GROUP, "leaves as not jailed");
}

static void
check_required(const struct loss *l, struct child *c)
{
	struct hello_said hello = child_hello(c);
	char rest;

	child_go(c);
	check((hello.layers >> l->layer & 1) == 0 &&
	    (hello.missing >> l->layer & 1) == 1 &&
	    hello.reasons[l->layer] == EPERM, GROUP, l->name);
	check(child_read(c, &rest, 1) == 0, GROUP, "nothing is parsed");
	check(child_end(c) == 3 << 8, GROUP, "leaves as not jailed");
}

static void
check_best_effort(const struct loss *l, struct child *c)
{
	struct hello_said hello = child_hello(c);
	struct frame_head head = { .type = FRAME_HELLO };
	const uint8_t *payload;

	check_status(c->pid, hello.layers);
	child_go(c);
	while (child_frame(c, &head, &payload))
		;
	check((hello.layers >> l->layer & 1) == 0 &&
	    hello.reasons[l->layer] == EPERM, GROUP, l->name);
	check(head.type == FRAME_DONE || head.type == FRAME_FAULT, GROUP,
	    "the job is done all the same");
	check((child_end(c) & ~(1 << 8)) == 0, GROUP, "leaves as done");
}

static void
check_each(const struct programs *p, const char *how, const struct loss *losses,
    size_t count)
{
	char number[16];
	const char *const argv[] = { "/proc/self/exe", how, number,
		p->worker, "run", "uid=2147418113", "cpu=5", "arena=67108864",
		"net=0", "lent=0", NULL };
	int input = child_input("\x80\x02}q\0.", 6);
	struct child c;
	size_t i;

	for (i = 0; i < count; i++) {
		if (losses[i].as_root_only && getuid() != 0)
			continue;
		(void)snprintf(number, sizeof number, "%ld", losses[i].call);
		if (!child_start(&c, argv, input, -1))
			check(false, GROUP, "start");
		else if (losses[i].required && child_parked)
			check_unparked(&losses[i], &c);
		else if (losses[i].required)
			check_required(&losses[i], &c);
		else
			check_best_effort(&losses[i], &c);
	}
	close(input);
}

void
check_loss(const struct programs *p)
{
	check_each(p, "without", refusals,
	    sizeof refusals / sizeof refusals[0]);
	check_each(p, "lying", lies, sizeof lies / sizeof lies[0]);
	check_each(p, "locked", locked, sizeof locked / sizeof locked[0]);
	check_unstarted(p);
}
