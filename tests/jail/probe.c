/* SPDX-License-Identifier: Apache-2.0
 *
 * probe.c - a process that makes one named attempt to get out, with the jail
 * (mode "full": the real jail.o, entered as the worker enters it) or without
 * (mode "control": shows that the attempt itself is real), or with all of the
 * jail but its filter (mode "rest": what the other layers are good for), or as a
 * worker that waits for its job (mode "waiting") or has got it (mode "parked",
 * which is "full" in two parts).  Says
 * 'J' on fd 1 just before the attempt and 'S' after it, should it live to, and
 * then the errno that it got.  The attempts are harmless: they act on this
 * process alone, or send signal 0.
 *
 *	jail-probe full|parked|waiting|rest|control NAME
 *	jail-probe full|parked spin
 *	jail-probe list
 */
#include <errno.h>
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

#include "handover.h"
#include "jail.h"
#include "parked_words.h"

/* Mode "rest": the whole jail but its filter.  The linker sends jail.o's calls
 * here too (mk/jail.mk), and what the attempt answered is kept for the table. */
static bool no_filter;
static long answer;

long __real_syscall(long number, ...);
long __wrap_syscall(long number, unsigned long a, unsigned long b,
    unsigned long c, unsigned long d, unsigned long e, unsigned long f);
long
__wrap_syscall(long number, unsigned long a, unsigned long b, unsigned long c,
    unsigned long d, unsigned long e, unsigned long f)
{
	long result;

	if (no_filter && number == SYS_seccomp)
		return 0;
	result = __real_syscall(number, a, b, c, d, e, f);
	answer = result == -1 ? errno : 0;
	return result;
}

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
	/* More of the file system. */
	{ "fchmodat", SYS_fchmodat, { (unsigned long)AT_FDCWD, 2, 0600, 0 } },
	{ "mkdirat", SYS_mkdirat, { (unsigned long)AT_FDCWD, 2, 0700, 0 } },
	{ "mknodat", SYS_mknodat, { (unsigned long)AT_FDCWD, 2, 0600, 0 } },
	{ "readlinkat", SYS_readlinkat, { (unsigned long)AT_FDCWD, 1, 3, 8 } },
	{ "faccessat", SYS_faccessat, { (unsigned long)AT_FDCWD, 1, 0, 0 } },
	{ "name_to_handle_at", SYS_name_to_handle_at, {
	    (unsigned long)AT_FDCWD, 1, 0, 0 } },
	{ "getdents64", SYS_getdents64, { 0, 3, 64, 0 } },
	{ "statx", SYS_statx, { 0, 0, 0, 0 } },
	{ "chroot", SYS_chroot, { 1, 0, 0, 0 } },
	{ "pivot_root", SYS_pivot_root, { 0, 0, 0, 0 } },
	{ "open_tree", 428, { ~0ul, 0, 0, 0 } },
	{ "fsopen", 430, { 0, 0, 0, 0 } },
	{ "fanotify", SYS_fanotify_init, { 0, 0, 0, 0 } },
	/* Other processes, and the host. */
	{ "process_vm_writev", SYS_process_vm_writev, { 1, 0, 0, 0 } },
	{ "pidfd_getfd", 438, { ~0ul, 0, 0, 0 } },
	{ "pidfd_send_signal", 424, { ~0ul, 0, 0, 0 } },
	{ "process_madvise", 440, { ~0ul, 0, 0, 0 } },
	{ "kcmp", SYS_kcmp, { 1, 1, 0, 0 } },
	{ "setpriority", SYS_setpriority, { 0, 0, 0, 0 } },
	{ "sched_setscheduler", SYS_sched_setscheduler, { 0, 99, 0, 0 } },
	{ "getppid", SYS_getppid, { 0, 0, 0, 0 } },
	{ "uname", SYS_uname, { 3, 0, 0, 0 } },
	{ "sysinfo", SYS_sysinfo, { 3, 0, 0, 0 } },
	{ "syslog", SYS_syslog, { 10, 0, 0, 0 } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "clock_settime", SYS_clock_settime, { 0, 0, 0, 0 } },
	{ "init_module", SYS_init_module, { 0, 0, 0, 0 } },
	{ "iopl", SYS_iopl, { 3, 0, 0, 0 } },
	/* The network, and other ways to talk. */
	{ "socket-alg", SYS_socket, { 38, SOCK_SEQPACKET, 0, 0 } },
	{ "socket-vsock", SYS_socket, { 40, SOCK_STREAM, 0, 0 } },
	{ "socket-packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0, 0 } },
	{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_STREAM, 0, 3 } },
	{ "sendto", SYS_sendto, { 1, 3, 0, 0 } },
	{ "shmget", SYS_shmget, { 0, 4096, 0600, 0 } },
	{ "semget", SYS_semget, { 0, 0, 0, 0 } },
	{ "msgget", SYS_msgget, { 1, 0, 0, 0 } },
	{ "mq_open", SYS_mq_open, { 0, 0, 0, 0 } },
	{ "pipe2", SYS_pipe2, { 3, 0, 0, 0 } },
	{ "eventfd2", SYS_eventfd2, { 0, 0, 0, 0 } },
	{ "epoll_create1", SYS_epoll_create1, { 0, 0, 0, 0 } },
	{ "io_setup", SYS_io_setup, { 0, 0, 0, 0 } },
	{ "io_uring_enter", 426, { 0, 0, 0, 0 } },
	/* Memory and descriptors. */
	{ "mmap-8-gib", SYS_mmap, { 0, 8ul << 30, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS } },
	{ "mremap", SYS_mremap, { 3, 4096, 4096, 0 } },
	{ "madvise", SYS_madvise, { 3, 4096, 0, 0 } },
	{ "mlock", SYS_mlock, { 3, 4096, 0, 0 } },
	{ "memfd_secret", 447, { 0, 0, 0, 0 } },
	{ "vmsplice", SYS_vmsplice, { 1, 0, 0, 0 } },
	{ "splice", SYS_splice, { 0, 0, 1, 0 } },
	{ "sendfile", SYS_sendfile, { 1, 0, 0, 0 } },
	{ "copy_file_range", SYS_copy_file_range, { 0, 0, 1, 0 } },
	{ "readv", SYS_readv, { 1, 3, 0, 0 } },
	{ "preadv", SYS_preadv, { 0, 3, 0, 0 } },
	{ "close", SYS_close, { 5, 0, 0, 0 } },
	{ "fstat", SYS_fstat, { 0, 3, 0, 0 } },
	{ "poll", SYS_poll, { 0, 0, 0, 0 } },
	/* Itself. */
	{ "personality", SYS_personality, { 0xffffffff, 0, 0, 0 } },
	{ "arch_prctl", SYS_arch_prctl, { 0x1003, 3, 0, 0 } },
	{ "modify_ldt", SYS_modify_ldt, { 0, 3, 16, 0 } },
	{ "landlock", 444, { 0, 0, 1, 0 } },
	{ "capset", SYS_capset, { 0, 0, 0, 0 } },
	{ "setgroups", SYS_setgroups, { 0, 0, 0, 0 } },
	{ "rt_sigprocmask", SYS_rt_sigprocmask, { 0, 0, 0, 8 } },
	{ "sigaltstack", SYS_sigaltstack, { 0, 0, 0, 0 } },
	{ "nanosleep", SYS_nanosleep, { 0, 0, 0, 0 } },
	{ "sched_yield", SYS_sched_yield, { 0, 0, 0, 0 } },
	{ "rseq", 334, { 0, 0, 0, 0 } },
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
	bool is_path = c->a[0] == (unsigned long)AT_FDCWD;

	if (is_path && i == 1)
		return (unsigned long)(c->a[1] == 1 ? root : marker);
	if ((c->number == SYS_chdir || c->number == SYS_chroot ||
	    c->number == SYS_memfd_create) && i == 0)
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

/* ------------------------------------------------ no call, but a fault -- */

/* As the arena is: writable, not executable, between guards.  Without the jail
 * the same memory is made without either, so that the attempt is real. */
#define ARENA ((size_t)65536)
#define DEEP ((size_t)3 << 20)	/* over the jail's stack, under any other */
static uint8_t *arena;

static bool
make_arena(bool jailed)
{
	int all = PROT_READ | PROT_WRITE | (jailed ? 0 : PROT_EXEC);
	void *base = mmap(NULL, 3 * ARENA, jailed ? PROT_NONE : all,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return false;
	arena = (uint8_t *)base + ARENA;
	return mprotect(arena, ARENA, all) == 0;
}

/* ret, on both machines that have it. */
static void
fault_execute(void)
{
	void (*code)(void);

	arena[0] = 0xc3;
	memcpy(&code, &arena, sizeof code);
	code();
}

static void
fault_past_end(void)
{
	*(volatile uint8_t *)(arena + ARENA) = 1;
}

static void
fault_before_start(void)
{
	*(volatile uint8_t *)(arena - 1) = 1;
}

static void
fault_stack(void)
{
	volatile uint8_t deep[DEEP];
	size_t i;

	for (i = sizeof deep; i >= 4096; i -= 4096)
		deep[i - 1] = 1;
}

static const struct {
	const char *name;
	void (*make)(void);
} others[] = {
	{ "fault-execute-arena", fault_execute },
	{ "fault-past-arena", fault_past_end },
	{ "fault-before-arena", fault_before_start },
	{ "fault-stack", fault_stack },
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
			answer = 0;
			try_call(&calls[i]);
			return true;
		}
	}
	for (i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (strcmp(name, others[i].name) == 0) {
			say("J");
			answer = 0;
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

/* As main.c does it; the input is not looked at. */
static bool
enter_parked(struct jail *jail, bool waiting)
{
	const char ready[] = { PARKED_READY, '\0' };

	(void)close(0);
	if (!jail_park(jail))
		return false;
	if (waiting)
		return true;
	say(ready);
	return handover_take(1) == HANDOVER_TAKEN && jail_shut(jail);
}

static bool
enter(struct jail *jail, const char *mode)
{
	bool waiting = strcmp(mode, "waiting") == 0;

	(void)jail_close_fds(jail);
	if (waiting || strcmp(mode, "parked") == 0)
		return enter_parked(jail, waiting);
	return jail_enter(jail);
}

int
main(int argc, char **argv)
{
	char said[4] = "000";
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
	no_filter = strcmp(argv[1], "rest") == 0;
	if (!make_arena(strcmp(argv[1], "control") != 0))
		_exit(4);
	if (strcmp(argv[1], "control") != 0 && !enter(&jail, argv[1]))
		_exit(3);
	if (strcmp(argv[2], "spin") == 0)
		spin();
	if (!attempt(argv[2]))
		_exit(64);
	say("S");
	said[0] = (char)('0' + answer / 100);
	said[1] = (char)('0' + answer / 10 % 10);
	said[2] = (char)('0' + answer % 10);
	say(said);
	_exit(0);
}
