/* SPDX-License-Identifier: Apache-2.0
 *
 * hold.c - makes the namespaces that a broker lends to its workers, and enters
 * them.  They are made in a process of its own, which is given no input and
 * leaves when the broker has opened them.  Trusts the kernel; must never say
 * that it has what it has not.
 */
#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "held.h"
#include "proof.h"

static const int kinds[HOLD_KINDS] = { CLONE_NEWUSER, CLONE_NEWIPC,
	CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWNET };

/* No flag of unshare's.  The kernel refuses a call with it, whatever else it
 * asks for; a filter that answers in the kernel's place does not know. */
#define NO_FLAG CLONE_PTRACE

static int
make_one(size_t which)
{
	if (unshare(kinds[which] | NO_FLAG) == 0)
		return EPERM;	/* a lie */
	if (unshare(kinds[which]) == 0)
		return 0;
	return errno != 0 ? errno : EPROTO;
}

/* Here what must be refused is a descriptor that is none. */
static bool
enter_lent(uint32_t lent, size_t which)
{
	uint32_t before = lent & ((UINT32_C(1) << which) - 1);
	unsigned fd = HELD_FIRST_FD + held_count(before);

	return (lent >> which & 1) != 0 &&
	    syscall(SYS_setns, -1, kinds[which]) != 0 &&
	    syscall(SYS_setns, fd, kinds[which]) == 0;
}

static int
enter_one(uint32_t lent, size_t which)
{
	return enter_lent(lent, which) ? 0 : make_one(which);
}

static int
enter_user(uint32_t lent)
{
	bool marked = proof_mark();
	int reason = enter_one(lent, HELD_USER);

	if (reason == 0 && !(marked && proof_entered()))
		reason = EPERM;
	if (reason != 0)
		proof_unmark();
	return reason;
}

/* All or none, says the kernel: so what proves one of them proves all. */
static bool
make_all(size_t count)
{
	int flags = 0;
	size_t i;

	for (i = 0; i < count; i++)
		flags |= kinds[i];
	return proof_mark() && unshare(flags) == 0 && proof_entered();
}

/* Else one at a time, for each may be refused by itself (a container, a
 * sysctl); the first makes the others possible for an ordinary user. */
void
hold_enter(uint32_t lent, size_t count, int reasons[HOLD_KINDS])
{
	bool all = lent == 0 && make_all(count);
	size_t i;

	reasons[0] = all ? 0 : enter_user(lent);
	for (i = 1; i < count; i++)
		reasons[i] = all ? 0 : enter_one(lent, i);
}

/* No descriptor is entered here.  A host whose filter ends whoever calls this
 * ends the holder, and so none of the workers. */
static bool
may_enter(void)
{
	return syscall(SYS_setns, -1, 0) != 0 && errno == EBADF;
}

/* An empty file system that nobody can write to, instead of a copy of all that
 * the host has mounted: that would keep the host's file systems busy for as
 * long as the broker lives, and be a way past a chroot of its.  /proc is where
 * it is put, because the broker needs that too, so it is there. */
static bool
empty_mounts(void)
{
	const unsigned long own = MS_REC | MS_PRIVATE;
	const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV |
	    MS_NOEXEC;

	return syscall(SYS_mount, NULL, "/", NULL, own, NULL) == 0 &&
	    syscall(SYS_mount, "none", "/proc", "tmpfs", flags, NULL) == 0 &&
	    chdir("/proc") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	    syscall(SYS_umount2, ".", MNT_DETACH) == 0 && chdir("/") == 0;
}

/* 0: cannot be seen.  The kernel's struct is glibc's on our machines. */
static ino_t
mounts_now(void)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/ns/mnt", &st,
	    0) == 0 ? st.st_ino : 0;
}

uint32_t
hold_namespaces(struct jail *j)
{
	ino_t before = mounts_now();
	uint32_t held = may_enter() ? jail_hold(j) : 0;
	ino_t after = mounts_now();

	/* Nothing is undone in the host's own, were unshare's 0 a lie: both
	 * must have been seen.  Without this one each worker makes its own. */
	if (before == 0 || after == 0 || before == after || !empty_mounts())
		held &= ~(UINT32_C(1) << HELD_MOUNT);
	return held;
}
