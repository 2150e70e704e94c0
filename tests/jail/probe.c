/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - a process that makes one named attempt to get out, with the jail
 * (mode "full": the real jail.o, entered as the worker enters it) or without
 * (mode "control": shows that the attempt itself is real).  Says 'J' on fd 1
 * just before the attempt and 'S' after it, should it live to.  The attempts
 * are harmless: they act on this process alone, or send signal 0.
 *
 *	jail-probe full|control NAME	jail-probe full spin	jail-probe list
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jail.h"

/* Newer than some headers. */
enum { OPENAT2 = 437, CLONE3 = 435, IO_URING_SETUP = 425, PIDFD_OPEN = 434 };
#define X32 0x40000000

static char page[4096] __attribute__((aligned(4096)));

/* Most attempts are one call with up to four arguments. */
static const struct call {
	const char *name;
	long number;
	unsigned long a[4];
} calls[] = {
	{ "open", SYS_openat, { (unsigned long)AT_FDCWD, 1, O_RDONLY, 0 } },
	{ "create", SYS_openat, { (unsigned long)AT_FDCWD, 2,
	    O_CREAT | O_WRONLY | O_EXCL, 0600 } },
	{ "openat2", OPENAT2, { (unsigned long)AT_FDCWD, 1, 0, 0 } },
	{ "unlink", SYS_unlinkat, { (unsigned long)AT_FDCWD, 2, 0, 0 } },
	{ "stat", SYS_newfstatat, { (unsigned long)AT_FDCWD, 1, 0, 0 } },
	{ "chdir", SYS_chdir, { 1, 0, 0, 0 } },
	{ "execveat", SYS_execveat, { (unsigned long)AT_FDCWD, 2, 0, 0 } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER, 0, 0, 0 } },
	{ "setns", SYS_setns, { 0, 0, 0, 0 } },
	{ "socket-inet", SYS_socket, { AF_INET, SOCK_STREAM, 0, 0 } },
	{ "socket-unix", SYS_socket, { AF_UNIX, SOCK_STREAM, 0, 0 } },
	{ "socket-netlink", SYS_socket, { AF_NETLINK, SOCK_RAW, 0, 0 } },
	{ "sendmsg", SYS_sendmsg, { 1, 0, 0, 0 } },
	{ "recvmsg", SYS_recvmsg, { 1, 0, 0, 0 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1, 0, 0, 0 } },
	{ "pidfd_open", PIDFD_OPEN, { 1, 0, 0, 0 } },
	{ "prlimit", SYS_prlimit64, { 0, 7, 0, 0 } },
	{ "io_uring_setup", IO_URING_SETUP, { 1, 0, 0, 0 } },
	{ "bpf", SYS_bpf, { 0, 0, 0, 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0, 0, 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0, 0, 0, 0 } },
	{ "keyctl", SYS_keyctl, { 0, 0, 0, 0 } },
	{ "add_key", SYS_add_key, { 0, 0, 0, 0 } },
	{ "memfd_create", SYS_memfd_create, { 1, 0, 0, 0 } },
	{ "inotify", SYS_inotify_init1, { 0, 0, 0, 0 } },
	{ "mount", SYS_mount, { 0, 0, 0, 0 } },
	{ "mmap-rwx", SYS_mmap, { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS } },
	{ "mprotect-exec", SYS_mprotect, { 3, 4096, PROT_READ | PROT_EXEC,
	    0 } },
	{ "munmap", SYS_munmap, { 3, 4096, 0, 0 } },
	{ "brk", SYS_brk, { 0, 0, 0, 0 } },
	{ "prctl-dumpable", SYS_prctl, { PR_SET_DUMPABLE, 1, 0, 0 } },
	{ "seccomp", SYS_seccomp, { 2, 0, 3, 0 } },
	{ "setresuid", SYS_setresuid, { 0, 0, 0, 0 } },
	{ "getrandom", SYS_getrandom, { 3, 8, 0, 0 } },
	{ "getpid", SYS_getpid, { 0, 0, 0, 0 } },
	{ "clock_gettime", SYS_clock_gettime, { 0, 3, 0, 0 } },
	{ "futex", SYS_futex, { 3, 1, 1, 0 } },
	{ "dup", SYS_dup, { 1, 0, 0, 0 } },
	{ "fcntl-setfl", SYS_fcntl, { 1, F_SETFL, O_NONBLOCK, 0 } },
	{ "ftruncate", SYS_ftruncate, { 0, 0, 0, 0 } },
	{ "lseek", SYS_lseek, { 0, 0, 0, 0 } },
	{ "ioctl-tiocsti", SYS_ioctl, { 0, 0x5412, 3, 0 } },
	{ "ioctl-high-bits", SYS_ioctl, { 0, 0x100005412, 3, 0 } },
	/* The four allowed calls, off by one or by 2^32. */
	{ "write-fd0", SYS_write, { 0, 3, 1, 0 } },
	{ "write-fd2", SYS_write, { 2, 3, 1, 0 } },
	{ "write-high-bits", SYS_write, { 0x100000001, 3, 0, 0 } },
	{ "write-minus-1", SYS_write, { ~0ul, 3, 1, 0 } },
	{ "read-fd0", SYS_read, { 0, 3, 1, 0 } },
	{ "read-high-bits", SYS_read, { 0x100000001, 3, 0, 0 } },
	{ "pread-fd1", SYS_pread64, { 1, 3, 1, 0 } },
	{ "pread-high-bits", SYS_pread64, { 0x100000000, 3, 1, 0 } },
	{ "pwrite-fd0", SYS_pwrite64, { 0, 3, 1, 0 } },
	{ "writev", SYS_writev, { 1, 3, 0, 0 } },
	/* Numbers that are not, or not ours. */
	{ "nr-minus-1", -1, { 0, 0, 0, 0 } },
	{ "nr-1000", 1000, { 0, 0, 0, 0 } },
	{ "nr-2^33-1", 0x1ffffffff, { 0, 0, 0, 0 } },
	{ "x32-write", X32 + 1, { 1, 3, 1, 0 } },
	{ "x32-exit_group", X32 + 231, { 0, 0, 0, 0 } },
};

/* 1, 2 and 3 in a pointer's place stand for these. */
static unsigned long
pointer(const struct call *c, size_t i)
{
	static const char root[] = "/";
	static const char marker[] = "/nonexistent/picklefork-marker";
	bool is_path = c->number == SYS_openat || c->number == OPENAT2 ||
	    c->number == SYS_unlinkat || c->number == SYS_newfstatat ||
	    c->number == SYS_execveat;

	if (is_path && i == 1)
		return (unsigned long)(c->a[1] == 1 ? root : marker);
	if ((c->number == SYS_chdir || c->number == SYS_memfd_create) && i == 0)
		return (unsigned long)root;
	if (c->a[i] == 3)
		return (unsigned long)page;
	return c->a[i];
}

static void
try_call(const struct call *c)
{
	(void)syscall(c->number, pointer(c, 0), pointer(c, 1), pointer(c, 2),
	    pointer(c, 3), -1ul, 0ul);
}

static void
try_execve(void)
{
	static char program[] = "/bin/true";
	char *const argv[] = { program, NULL };
	char *const envp[] = { NULL };

	(void)syscall(SYS_execve, program, argv, envp);
}

/* A child that leaves at once. */
static void
try_clone(void)
{
	if (syscall(SYS_clone, (unsigned long)SIGCHLD, 0ul, 0ul, 0ul, 0ul) == 0)
		_exit(0);
}

static void
try_clone3(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (syscall(CLONE3, &args, sizeof args) == 0)
		_exit(0);
}

static void
try_ptrace(void)
{
	(void)syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL);
}

static void
try_kill(void)
{
	(void)syscall(SYS_kill, 1, 0);
}

static void
try_stop(void)
{
	(void)syscall(SYS_tgkill, 1, 1, 0);
}

static void
try_sigaction(void)
{
	(void)signal(SIGSYS, SIG_IGN);
	(void)syscall(SYS_getppid);
}

#if defined(__x86_64__)
/* i386's getpid is 20. */
static void
try_int80(void)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory",
	    "r8", "r9", "r10", "r11");
}
#endif

/* Not a call: RLIMIT_CPU must end it, SIGXCPU after one second. */
static void
spin(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static const struct {
	const char *name;
	void (*make)(void);
} others[] = {
	{ "execve", try_execve },
	{ "fork", try_clone },
	{ "clone3", try_clone3 },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "tgkill", try_stop },
	{ "ignore-sigsys", try_sigaction },
#if defined(__x86_64__)
	{ "int80", try_int80 },
#endif
};

static void
say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		_exit(70);
}

static bool
attempt(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(name, calls[i].name) == 0) {
			say("J");
			try_call(&calls[i]);
			return true;
		}
	}
	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(name, others[i].name) == 0) {
			say("J");
			others[i].make();
			return true;
		}
	}
	return false;
}

static void
list(void)
{
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		say(calls[i].name);
		say("\n");
	}
	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		say(others[i].name);
		say("\n");
	}
}

int
main(int argc, char **argv)
{
	struct jail jail = {
		.uid = 0x7fff0001,
		.cpu_seconds = 1,
		.address_bytes = UINT64_C(1) << 30,
	};

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		list();
		_exit(0);
	}
	if (argc != 3)
		_exit(64);
	if (strcmp(argv[1], "full") == 0) {
		(void)jail_close_fds(&jail);
		if (!jail_enter(&jail))
			_exit(3);
	}
	if (strcmp(argv[2], "spin") == 0)
		spin();
	if (!attempt(argv[2]))
		_exit(64);
	say("S");
	_exit(0);
}
