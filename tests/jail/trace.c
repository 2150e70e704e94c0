/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.c - strace(1) over whole jobs: from the system call that closes the
 * jail on, only the four allowed ones may even be tried; before it, the steps
 * come in their order and no byte of the input is read.
 */
#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checks.h"
#include "child.h"

#define GROUP "trace"
#define TRACE_MAX (1 << 20)

static bool
strace_works(int input)
{
	const char *const argv[] = { "/usr/bin/strace", "-qq", "-o",
		"/dev/null", "/bin/true", NULL };
	struct child c;

	return child_start(&c, argv, input, -1) && child_end(&c) == 0;
}

/* The name at the start of "1234  read(1, ..."; empty for other lines. */
static void
call_name(const char *line, char name[32])
{
	size_t n = 0;

	while (isdigit((unsigned char)*line))
		line++;
	while (*line == ' ')
		line++;
	while (n < 31 && (isalnum((unsigned char)line[n]) || line[n] == '_')) {
		name[n] = line[n];
		n++;
	}
	name[line[n] == '(' ? n : 0] = '\0';
}

static bool
is_allowed(const char *call)
{
	return strcmp(call, "pread64") == 0 || strcmp(call, "write") == 0 ||
	    strcmp(call, "read") == 0 || strcmp(call, "exit_group") == 0;
}

/* What a worker may do between its two filters. */
static bool
is_handover(const char *call)
{
	static const char *const calls[] = { "write", "recvmsg", "fstat",
		"mmap", "prlimit64", "seccomp" };
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(call, calls[i]) == 0)
			return true;
	}
	return false;
}

/* The one file that is asked for, to be refused. */
#define ROOT_IS_SHUT                                           \
	"openat(AT_FDCWD, \"/\", O_RDONLY|O_CLOEXEC|O_DIRECTORY)" \
	" = -1 EACCES"

#if defined(__x86_64__)
/* Before main(): see worker/start.c. */
#define OWN_START "arch_prctl(ARCH_SET_FS, ", "mprotect(",
/* All that a worker does before its first filter; each is its own, and so no
 * library asks for memory, a file, random bytes, or the time. */
static bool
is_preparation(const char *call)
{
	static const char *const calls[] = { "execve", "arch_prctl", "mprotect",
		"close_range", "poll", "openat", "chdir", "fstat", "close",
		"mmap", "madvise",
		"getresuid", "getresgid", "getgroups", "setgroups", "setresgid",
		"setresuid", "prctl", "unshare", "capget", "capset",
		"landlock_create_ruleset", "landlock_restrict_self",
		"prlimit64", "seccomp" };
	size_t i;

	for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if (strcmp(call, calls[i]) == 0)
			return true;
	}
	return false;
}
#else
#define OWN_START
/* glibc reads nothing on its way; nor may we, before. */
static bool
is_preparation(const char *call)
{
	return strcmp(call, "read") != 0 && strcmp(call, "pread64") != 0;
}
#endif

static bool
may_make_user_ns(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* The order in which all steps work, each of them answered with 0 (or, for the
 * rule set, with its descriptor).  What an ordinary user has no part in is not
 * here, nor what this kernel may lack. */
static void
judge_order(const char *text)
{
	static const char *const cold[] = { "execve(", OWN_START
		"close_range(2, 4294967295, 0)", "poll([{fd=2",
		"chdir(\"/\")", "fstat", "mmap(NULL, 6, PROT_READ, MAP_PRIVATE",
		"CLONE_NEWUSER) = 0", "capset(",
		"prctl(PR_SET_NO_NEW_PRIVS, 1", "landlock_create_ruleset(",
		ROOT_IS_SHUT,
		"prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)",
		"RLIMIT_NOFILE, ",
		"seccomp(SECCOMP_SET_MODE_FILTER, 0,", "write(1,", "read(1,",
		NULL };
	static const char *const parked[] = { "execve(", OWN_START
		"close_range(2, 4294967295, 0)", "poll([{fd=2",
		"chdir(\"/\")", "close(0)", "CLONE_NEWUSER) = 0", "capset(",
		"prctl(PR_SET_NO_NEW_PRIVS, 1", "landlock_create_ruleset(",
		ROOT_IS_SHUT,
		"prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)",
		"RLIMIT_NOFILE, ",
		"seccomp(SECCOMP_SET_MODE_FILTER, 0,", "write(1, ",
		"recvmsg(1,", "fstat(0", "mmap(NULL, 6, PROT_READ, MAP_PRIVATE",
		"RLIMIT_NOFILE, ", "RLIMIT_AS, ",
		"seccomp(SECCOMP_SET_MODE_FILTER, 0,", "write(1,", "read(1,",
		NULL };
	const char *const *steps = child_parked ? parked : cold;
	const char *at = text;
	bool user_ns = may_make_user_ns();
	size_t i;

	if (!user_ns)
		skip(GROUP, "no user namespace may be made here");
	for (i = 0; steps[i] != NULL; i++) {
		const char *found = strstr(at, steps[i]);

		if (!user_ns && strstr(steps[i], "CLONE_NEWUSER") != NULL)
			continue;
		check(found != NULL, "order", steps[i]);
		if (found != NULL)
			at = found + 1;
	}
}

static bool
may_call(const char *name, unsigned filters, unsigned last)
{
	if (filters == last)
		return is_allowed(name);
	if (filters > 0)
		return is_handover(name);
	return is_preparation(name);
}

static void
judge_trace(char *text, const char *what)
{
	unsigned filters = 0;
	unsigned last = child_parked ? 2 : 1;
	bool left = false;
	unsigned wrong = 0;
	char *line;

	while ((line = strsep(&text, "\n")) != NULL) {
		char name[32];

		call_name(line, name);
		if (name[0] == '\0')
			continue;
		left = left || strcmp(name, "exit_group") == 0;
		if (!may_call(name, filters, last)) {
			printf("  after %u filters: %s\n", filters, line);
			wrong++;
		}
		if (strcmp(name, "seccomp") == 0 &&
		    strstr(line, "SECCOMP_SET_MODE_FILTER, 0,") != NULL)
			filters += strstr(line, ") = 0") != NULL;
	}
	check(filters == last && left && wrong == 0, GROUP, what);
}

static void
trace_job(const char *worker, int input, const char *what, bool is_first)
{
	static char text[TRACE_MAX];
	char path[] = "/tmp/jail-trace-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	const char *const argv[] = { "/usr/bin/strace", "-f", "-qq", "-o", path,
		worker, "run", "uid=2147418113", "cpu=5", "arena=67108864",
		"net=0", "lent=0", NULL };
	struct frame_head head;
	const uint8_t *payload;
	struct child c;
	ssize_t got = 0;

	if (fd < 0 || !child_start(&c, argv, input, -1)) {
		check(false, GROUP, "start");
		return;
	}
	child_go(&c);
	while (child_frame(&c, &head, &payload))
		;
	(void)child_end(&c);
	got = pread(fd, text, sizeof text - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	close(fd);
	(void)unlink(path);
	if (is_first)
		judge_order(text);
	judge_trace(text, what);
}

void
check_trace(const struct programs *p)
{
	int input = child_input("\x80\x02}q\0.", 6);
	size_t i;

	if (!strace_works(input)) {
		skip(GROUP, "no strace here, or ptrace is not permitted");
		close(input);
		return;
	}
	trace_job(p->worker, input, "empty dict", true);
	close(input);
	/* A sample: each takes some 20 ms. */
	for (i = 0; p->files[i] != NULL && i < 16; i++) {
		input = open(p->files[i], O_RDONLY | O_CLOEXEC);
		trace_job(p->worker, input, p->files[i], false);
		close(input);
	}
}
