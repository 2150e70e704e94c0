/* SPDX-License-Identifier: Apache-2.0
 *
 * start.c - the worker's own start (worker/start.c) under ptrace(2), as main()
 * is reached: its calls, its canary, and what of it can still be written to.
 * Elsewhere than on x86-64 the worker starts as libc has it.
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

#define GROUP "start"

#if defined(__x86_64__)

#define CALLS_MAX 16
#define MAPS_MAX 8192

/* All that it asks of the kernel; without arguments main() only leaves. */
static const long calls[] = { SYS_arch_prctl, SYS_mprotect, SYS_exit_group };
#define CALLS (sizeof calls / sizeof calls[0])

struct started {
	pid_t pid;
	long calls[CALLS_MAX];
	size_t count;
	uint64_t thread;	/* where %fs points */
	uint64_t random[2];	/* the kernel's bytes, if they were found */
};

static bool
stopped_at_call(pid_t pid)
{
	int status = 0;

	return ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 &&
	    waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	    WSTOPSIG(status) == (SIGTRAP | 0x80);
}

static bool
exec_traced(const char *worker, pid_t *pid)
{
	char name[] = "worker";
	char *const argv[] = { name, NULL };
	char *const environment[] = { NULL };
	int status = 0;

	*pid = fork();
	if (*pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(70);
		(void)execve(worker, argv, environment);
		_exit(71);
	}
	return *pid > 0 && waitpid(*pid, &status, 0) == *pid &&
	    WIFSTOPPED(status) && ptrace(PTRACE_SETOPTIONS, *pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) == 0;
}

/* To just before main() leaves for want of arguments, all calls noted. */
static bool
run_to_the_end(const char *worker, struct started *s)
{
	struct user_regs_struct registers;

	if (!exec_traced(worker, &s->pid))
		return false;
	while (s->count < CALLS_MAX && stopped_at_call(s->pid) &&
	    ptrace(PTRACE_GETREGS, s->pid, NULL, &registers) == 0) {
		s->calls[s->count++] = (long)registers.orig_rax;
		s->thread = registers.fs_base;
		if (registers.orig_rax == SYS_exit_group)
			return true;
		if (!stopped_at_call(s->pid))
			return false;
	}
	return false;
}

static uint64_t
peek(const struct started *s, uint64_t at)
{
	return (uint64_t)ptrace(PTRACE_PEEKDATA, s->pid, (void *)at, NULL);
}

static size_t
read_proc(const struct started *s, const char *file, void *out, size_t size)
{
	char path[64];
	size_t have = 0;
	ssize_t got = 1;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)s->pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && have < size && got > 0) {
		got = read(fd, (char *)out + have, size - have);
		have += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return have;
}

static void
find_random(struct started *s)
{
	Elf64_auxv_t vector[64] = { { 0 } };
	size_t i;

	(void)read_proc(s, "auxv", vector, sizeof vector - sizeof vector[0]);
	for (i = 0; vector[i].a_type != AT_NULL; i++) {
		if (vector[i].a_type != AT_RANDOM)
			continue;
		s->random[0] = peek(s, vector[i].a_un.a_val);
		s->random[1] = peek(s, vector[i].a_un.a_val + 8);
	}
}

/* ----------------------------------------------------------------- maps -- */

struct mapping {
	uint64_t from;
	uint64_t to;
	char rights[5];
	char name[64];
};

static bool
next_mapping(const char **at, struct mapping *m)
{
	const char *end = strchr(*at, '\n');
	int name = 0;

	if (end == NULL || sscanf(*at, "%lx-%lx %4s %*s %*s %*s %n", &m->from,
	    &m->to, m->rights, &name) != 3)
		return false;
	(void)snprintf(m->name, sizeof m->name, "%.*s",
	    (int)(end - *at - name), *at + name);
	*at = end + 1;
	return true;
}

/* Text alone is executable, .data, .bss and the stack alone are writable, there
 * is no heap, and what %fs points to is read-only. */
static void
check_maps(const struct started *s)
{
	static char text[MAPS_MAX];
	size_t length = read_proc(s, "maps", text, sizeof text - 1);
	const char *at = text;
	struct mapping m;
	uint64_t writable = 0;
	unsigned executable = 0;
	bool fixed = false;

	text[length] = '\0';
	while (next_mapping(&at, &m)) {
		check(m.rights[1] != 'w' || m.rights[2] != 'x', GROUP,
		    "nothing is writable and executable");
		check(strcmp(m.name, "[heap]") != 0, GROUP, "no heap");
		if (m.from <= s->thread && s->thread + 0x38 <= m.to)
			fixed = strcmp(m.rights, "r--p") == 0;
		if (strncmp(m.name, "[v", 2) == 0)	/* the kernel's */
			continue;
		executable += m.rights[2] == 'x';
		if (strcmp(m.name, "[stack]") == 0)
			check(m.rights[2] == '-', GROUP, "the stack's rights");
		else if (m.rights[1] == 'w')
			writable += m.to - m.from;
	}
	check(executable == 1, GROUP, "one executable mapping");
	check(writable > 0 && writable <= 64 * 1024, GROUP,
	    "no more than .data and .bss is writable");
	check(fixed, GROUP, "the canary cannot be overwritten");
}

static void
check_canary(const struct started *s)
{
	uint64_t canary = peek(s, s->thread + 0x28);

	check(peek(s, s->thread) == s->thread, GROUP, "%fs:0 is itself");
	check(s->random[0] != 0 && canary == (s->random[0] & ~UINT64_C(0xff)),
	    GROUP, "the canary is the kernel's, with a zero byte");
	check(peek(s, s->thread + 0x30) == s->random[1], GROUP,
	    "and the guard of saved addresses");
}

void
check_start(const struct programs *p)
{
	struct started s[2] = { { .count = 0 }, { .count = 0 } };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (!run_to_the_end(p->worker, &s[i])) {
			check(false, GROUP, "ptrace");
			return;
		}
		check(s[i].count == CALLS && memcmp(s[i].calls, calls,
		    sizeof calls) == 0, GROUP, "its calls and no other");
		find_random(&s[i]);
		check_canary(&s[i]);
		check_maps(&s[i]);
	}
	check(peek(&s[0], s[0].thread + 0x28) !=
	    peek(&s[1], s[1].thread + 0x28), GROUP, "another canary each time");
	check(s[0].thread != s[1].thread, GROUP, "another address each time");
	for (i = 0; i < 2; i++) {
		(void)kill(s[i].pid, SIGKILL);
		(void)waitpid(s[i].pid, NULL, 0);
	}
}

#else

void
check_start(const struct programs *p)
{
	(void)p;
	skip(GROUP, "the worker has libc's start on this processor");
}

#endif
