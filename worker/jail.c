/* SPDX-License-Identifier: Apache-2.0
 *
 * jail.c - puts this process into the jail, step by step, in the one order in
 * which all steps work (docs/ARCHITECTURE.md).  Trusts the kernel alone and
 * believes no result that it can ask for again.  Must never skip a required
 * step silently, allocate memory, or read a byte of the input.
 */
#include "jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "held.h"
#include "hold.h"
#include "proof.h"

/* Kernel facts that Debian 12's headers (6.1) may lack.
 * Source: include/uapi/linux/landlock.h of 6.15, ABI 7. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define LANDLOCK_VERSION 1u		/* LANDLOCK_CREATE_RULESET_VERSION */
#define LANDLOCK_NET_ALL 0x3u		/* bind and connect TCP; ABI 4 */
#define LANDLOCK_SCOPE_ALL 0x3u		/* abstract sockets, signals; ABI 6 */
#define LANDLOCK_ABI_KNOWN 7
/* Source: include/uapi/linux/prctl.h of 6.3. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define MDWE_REFUSE_EXEC_GAIN 1ul	/* PR_MDWE_REFUSE_EXEC_GAIN */

/* The parsers do not recurse; their deepest frames need some 20 KiB. */
#define STACK_BYTES (UINT64_C(1) << 20)
/* Capability numbers are bits of a 64-bit set. */
#define CAPABILITIES_MAX 64

#define BIT(layer) (UINT64_C(1) << (layer))
#define REQUIRED                                                        \
	(BIT(JAIL_SECCOMP) | BIT(JAIL_NO_NEW_PRIVS) |                   \
	    BIT(JAIL_CLOSED_FDS) | BIT(JAIL_RLIMITS) |                  \
	    BIT(JAIL_NOT_DUMPABLE) | BIT(JAIL_NO_CAPABILITIES) |        \
	    BIT(JAIL_UID_DROP))

/* A step answers 0 when it is in force, or else the errno that says why not. */
static void
record(struct jail *j, enum jail_layer layer, int reason)
{
	j->layers &= ~BIT(layer);
	if (reason == 0)
		j->layers |= BIT(layer);
	j->reasons[layer] = reason;
}

/* The reason in a call's result.  Only 0 is success; a result that is neither
 * 0 nor an error (seccomp(2) can give a thread's id) is a failure as well. */
static int
reason_of(long result)
{
	if (result == 0)
		return 0;
	return result < 0 && errno != 0 ? errno : EPROTO;
}

bool
jail_close_fds(struct jail *j)
{
	unsigned first = HELD_FIRST_FD + held_count(j->lent);
	int reason = reason_of(syscall(SYS_close_range, first, ~0u, 0u));

	/* Where some are kept, this is called once more. */
	if (reason == 0 && j->lent == 0)
		reason = proof_closed(first);
	record(j, JAIL_CLOSED_FDS, reason);
	return j->reasons[JAIL_CLOSED_FDS] == 0;
}

/* What root, or the maker of a user namespace, could hand on through exec.
 * A root without CAP_SETPCAP passes when nothing is left to drop. */
static int
empty_bounding_set(void)
{
	unsigned long cap;

	for (cap = 0; cap < CAPABILITIES_MAX; cap++) {
		int refused;
		int held;

		/* Drop first, ask only on a refusal: half the calls. */
		if (prctl(PR_CAPBSET_DROP, cap, 0ul, 0ul, 0ul) == 0)
			continue;
		refused = errno;
		held = prctl(PR_CAPBSET_READ, cap, 0ul, 0ul, 0ul);
		if (held < 0)	/* past the last that this kernel knows */
			return cap > 0 ? 0 : errno;
		if (held > 0)
			return refused;
	}
	return 0;
}

static bool
ids_are(uint32_t uid)
{
	uid_t u[3] = { 0 };
	gid_t g[3] = { 0 };

	return getresuid(&u[0], &u[1], &u[2]) == 0 &&
	    getresgid(&g[0], &g[1], &g[2]) == 0 && u[0] == uid &&
	    u[1] == uid && u[2] == uid && g[0] == uid && g[1] == uid &&
	    g[2] == uid && getgroups(0, NULL) == 0;
}

/* Gives up all capabilities but those of `kept` that are held. */
static int
keep_capabilities(uint32_t kept)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct some[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (kept != 0) {
		if (syscall(SYS_capget, &head, some) != 0)
			return reason_of(-1);
		some[0].permitted &= kept;
		some[0].effective = some[0].permitted;
		some[0].inheritable = 0;
		some[1] = (struct __user_cap_data_struct){ 0, 0, 0 };
	}
	return reason_of(syscall(SYS_capset, &head, some));
}

/* What empties the bounding set comes along to the other uid, for that is done
 * in the user namespace, which hands back a full one.  Where this is locked
 * (securebits), it is done right now, and once more there. */
static int
take_setpcap_along(void)
{
	if (prctl(PR_SET_KEEPCAPS, 1ul, 0ul, 0ul, 0ul) == 0)
		return 0;
	return empty_bounding_set();
}

/* Raw calls: glibc's wrappers would signal threads that we do not have. */
static int
change_uid(uint32_t uid)
{
	int reason = take_setpcap_along();

	if (reason == 0)
		reason = reason_of(syscall(SYS_setgroups, 0ul, NULL));
	if (reason == 0)
		reason = reason_of(syscall(SYS_setresgid, uid, uid, uid));
	if (reason == 0)
		reason = reason_of(syscall(SYS_setresuid, uid, uid, uid));
	(void)prctl(PR_SET_KEEPCAPS, 0ul, 0ul, 0ul, 0ul);
	if (reason == 0)
		reason = keep_capabilities(UINT32_C(1) << CAP_SETPCAP);
	if (reason == 0 && (!ids_are(uid) ||
	    syscall(SYS_setresuid, -1, 0, -1) == 0))
		reason = EPERM;
	return reason;
}

static int
drop_uid(uint32_t uid, bool *was_root)
{
	uid_t real;
	uid_t effective;
	uid_t saved;

	*was_root = true;
	if (getresuid(&real, &effective, &saved) != 0)
		return errno;
	*was_root = real == 0 || effective == 0 || saved == 0;
	if (!*was_root)
		return 0;
	/* -1 means "leave it as it is" to setresuid. */
	if (uid == 0 || uid == UINT32_MAX)
		return EINVAL;
	return change_uid(uid);
}

/* The first ones stand in the order of proto/held.h. */
static const enum jail_layer namespaces[] = { JAIL_USER_NS, JAIL_IPC_NS,
	JAIL_UTS_NS, JAIL_CGROUP_NS, JAIL_MOUNT_NS, JAIL_NET_NS };

_Static_assert(sizeof namespaces / sizeof namespaces[0] == HOLD_KINDS,
    "hold_enter's");

static void
enter_namespaces(struct jail *j)
{
	size_t count = j->net_namespace ? HOLD_KINDS : HELD_COUNT;
	int reasons[HOLD_KINDS];
	size_t i;

	hold_enter(j->lent, count, reasons);
	for (i = 0; i < count; i++)
		record(j, namespaces[i], reasons[i]);
	if (j->lent == 0)
		return;
	j->lent = 0;
	(void)jail_close_fds(j);
}

/* After the namespaces: a new user namespace hands back every capability.  The
 * ambient set is a part of the permitted and the inheritable, so it is empty
 * when those are.  The bounding set must be empty only where root was given up
 * and none came back: an ordinary user without a user namespace may not empty
 * it, nor may one in a user namespace that a security module holds down, and
 * no-new-privs makes it moot. */
static int
empty_capabilities(bool with_bounding)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct now[2] = { { ~0u, ~0u, ~0u },
		{ ~0u, ~0u, ~0u } };
	int bounding = empty_bounding_set();
	int reason;
	size_t i;

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0ul, 0ul, 0ul);
	reason = keep_capabilities(0);
	if (reason != 0)
		return reason;
	if (syscall(SYS_capget, &head, now) != 0)
		return reason_of(-1);
	for (i = 0; i < 2; i++) {
		if ((now[i].effective | now[i].permitted |
		    now[i].inheritable) != 0)
			return EPERM;
	}
	return with_bounding ? bounding : 0;
}

static int
no_new_privs(void)
{
	int reason = reason_of(prctl(PR_SET_NO_NEW_PRIVS, 1ul, 0ul, 0ul, 0ul));

	if (reason == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0ul, 0ul, 0ul, 0ul) != 1)
		reason = EPERM;
	return reason;
}

/* Handles every right that this kernel's ABI has and gives none of them.
 * Must come before RLIMIT_NOFILE, for the rule set is a descriptor. */
static int
landlock(void)
{
	/* By ABI: 2 added REFER, 3 TRUNCATE, 5 IOCTL_DEV. */
	static const uint64_t fs_rights[LANDLOCK_ABI_KNOWN + 1] = { 0, 0x1fff,
		0x3fff, 0x7fff, 0x7fff, 0xffff, 0xffff, 0xffff };
	struct {
		uint64_t fs;
		uint64_t net;
		uint64_t scope;
	} rights = { 0, 0, 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0ul,
	    LANDLOCK_VERSION);
	long fd;
	int reason;

	if (abi < 1)
		return abi < 0 ? errno : EPROTO;
	if (abi > LANDLOCK_ABI_KNOWN)
		abi = LANDLOCK_ABI_KNOWN;
	rights.fs = fs_rights[abi];
	rights.net = abi >= 4 ? LANDLOCK_NET_ALL : 0;
	rights.scope = abi >= 6 ? LANDLOCK_SCOPE_ALL : 0;
	/* An older kernel takes the longer struct as long as the rest is 0. */
	fd = syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0u);
	if (fd < 0)
		return errno;
	reason = reason_of(syscall(SYS_landlock_restrict_self, (int)fd, 0u));
	if (close((int)fd) != 0 && reason == 0)
		reason = errno;
	return reason == 0 ? proof_landlock() : reason;
}

/* Exec has set this back to 1, so only now. */
static int
not_dumpable(void)
{
	int reason = reason_of(prctl(PR_SET_DUMPABLE, 0ul, 0ul, 0ul, 0ul));

	if (reason == 0 && prctl(PR_GET_DUMPABLE, 0ul, 0ul, 0ul, 0ul) != 0)
		reason = EPERM;
	return reason;
}

/* Since 5.16 seccomp no longer does this by itself. */
static int
speculation(void)
{
	static const unsigned long kinds[] = { PR_SPEC_STORE_BYPASS,
		PR_SPEC_INDIRECT_BRANCH };
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		int state = prctl(PR_GET_SPECULATION_CTRL, kinds[i], 0ul, 0ul,
		    0ul);

		if (state < 0)
			return errno;
		/* Not affected, or off for everyone. */
		if (state == PR_SPEC_NOT_AFFECTED ||
		    (state & (int)PR_SPEC_DISABLE) != 0)
			continue;
		if (prctl(PR_SET_SPECULATION_CTRL, kinds[i],
		    (unsigned long)PR_SPEC_FORCE_DISABLE, 0ul, 0ul) != 0)
			return errno;
	}
	return 0;
}

/* A hard limit that is lower already stays: nobody but root can raise it. */
static int
lower_limit(int which, uint64_t soft, uint64_t hard)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit now = { RLIM_INFINITY, RLIM_INFINITY };
	int reason;

	if (getrlimit((__rlimit_resource_t)which, &limit) != 0)
		return errno;
	if (limit.rlim_max > hard)
		limit.rlim_max = hard;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	reason = reason_of(setrlimit((__rlimit_resource_t)which, &limit));
	if (reason == 0 &&
	    (getrlimit((__rlimit_resource_t)which, &now) != 0 ||
		now.rlim_cur > soft || now.rlim_max > hard))
		reason = EPERM;
	return reason;
}

struct limit {
	int which;
	uint64_t soft;
	uint64_t hard;
};

static int
lower_limits(const struct limit *limits, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		int reason = lower_limit(limits[i].which, limits[i].soft,
		    limits[i].hard);

		if (reason != 0)
			return reason;
	}
	return 0;
}

/* What does not depend on the input. */
static int
limit_resources(const struct jail *j)
{
	/* One second after SIGXCPU, which nobody here catches, SIGKILL. */
	const struct limit limits[] = {
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_FSIZE, 0, 0 },
		{ RLIMIT_NPROC, 0, 0 },
		{ RLIMIT_MEMLOCK, 0, 0 },
		{ RLIMIT_MSGQUEUE, 0, 0 },
		{ RLIMIT_SIGPENDING, 0, 0 },
		{ RLIMIT_STACK, STACK_BYTES, STACK_BYTES },
		{ RLIMIT_CPU, j->cpu_seconds, j->cpu_seconds + 1 },
	};

	return lower_limits(limits, sizeof limits / sizeof limits[0]);
}

static int
limit_to_input(const struct jail *j)
{
	const struct limit limits[] = {
		{ RLIMIT_NOFILE, 0, 0 },
		{ RLIMIT_AS, j->address_bytes, j->address_bytes },
	};

	return lower_limits(limits, sizeof limits / sizeof limits[0]);
}

/* Without SECCOMP_FILTER_FLAG_SPEC_ALLOW, so that speculation stays off. */
static int
load_filter(const struct sock_filter *filter, size_t length)
{
	const struct sock_fprog program = {
		.len = (unsigned short)length,
		/* The kernel only reads it. */
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	return reason_of(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0u,
	    &program));
}

uint32_t
jail_hold(struct jail *j)
{
	uint32_t held = 0;
	bool was_root;
	size_t i;

	if (drop_uid(j->uid, &was_root) != 0)
		return 0;
	enter_namespaces(j);
	for (i = 0; i < HELD_COUNT; i++)
		held |= (uint32_t)(j->layers >> namespaces[i] & 1) << i;
	return held;
}

/* All but the limits and the filter. */
static void
give_up_rights(struct jail *j)
{
	bool was_root;

	record(j, JAIL_UID_DROP, drop_uid(j->uid, &was_root));
	enter_namespaces(j);
	record(j, JAIL_NO_CAPABILITIES, empty_capabilities(was_root &&
	    (j->layers & BIT(JAIL_USER_NS)) == 0));
	record(j, JAIL_NO_NEW_PRIVS, no_new_privs());
	record(j, JAIL_LANDLOCK, landlock());
	record(j, JAIL_NOT_DUMPABLE, not_dumpable());
	record(j, JAIL_MDWE, reason_of(prctl(PR_SET_MDWE,
	    MDWE_REFUSE_EXEC_GAIN, 0ul, 0ul, 0ul)));
	record(j, JAIL_SPECULATION, speculation());
}

static bool
is_jailed(const struct jail *j)
{
	return (j->layers & REQUIRED) == REQUIRED;
}

bool
jail_enter(struct jail *j)
{
	int reason;

	give_up_rights(j);
	reason = limit_resources(j);
	record(j, JAIL_RLIMITS, reason != 0 ? reason : limit_to_input(j));
	record(j, JAIL_SECCOMP, load_filter(jail_filter,
	    sizeof jail_filter / sizeof jail_filter[0]));
	/* From here on: pread64, write, read, exit_group. */
	return is_jailed(j);
}

bool
jail_park(struct jail *j)
{
	int reason;

	give_up_rights(j);
	reason = limit_resources(j);
	/* Descriptor 0, and no other. */
	record(j, JAIL_RLIMITS, reason != 0 ? reason :
	    lower_limit(RLIMIT_NOFILE, 1, 1));
	record(j, JAIL_SECCOMP, load_filter(parked_filter,
	    sizeof parked_filter / sizeof parked_filter[0]));
	/* From here on, and until jail_shut: what parked.def allows. */
	return is_jailed(j);
}

bool
jail_shut(struct jail *j)
{
	record(j, JAIL_RLIMITS, limit_to_input(j));
	record(j, JAIL_SECCOMP, load_filter(jail_filter,
	    sizeof jail_filter / sizeof jail_filter[0]));
	return is_jailed(j);
}
