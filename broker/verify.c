/* SPDX-License-Identifier: Apache-2.0
 *
 * verify.c - looks at a worker from outside before it is told to go: Hello is
 * only its word, /proc/PID/status is the kernel's.  Whatever cannot be seen
 * counts as missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "child.h"

/* The file has some 1,500 bytes; Groups and Cpus_allowed can make it longer. */
#define STATUS_BYTES (64 * 1024)
/* "/proc/PID/status" */
#define STATUS_PATH 64

enum field { PPID, UID, GID, THREADS, CAP_INH, CAP_PRM, CAP_EFF, CAP_AMB,
	NO_NEW_PRIVS, SECCOMP, FILTERS, FIELDS };

#define NUMBERS_MAX 4

static const struct {
	const char *name;
	int base;
	size_t count;
} fields[FIELDS] = {
	[PPID] = { "PPid:", 10, 1 },
	/* Real, effective, saved and file system id. */
	[UID] = { "Uid:", 10, 4 },
	[GID] = { "Gid:", 10, 4 },
	[THREADS] = { "Threads:", 10, 1 },
	[CAP_INH] = { "CapInh:", 16, 1 },
	[CAP_PRM] = { "CapPrm:", 16, 1 },
	[CAP_EFF] = { "CapEff:", 16, 1 },
	[CAP_AMB] = { "CapAmb:", 16, 1 },
	[NO_NEW_PRIVS] = { "NoNewPrivs:", 10, 1 },
	[SECCOMP] = { "Seccomp:", 10, 1 },
	[FILTERS] = { "Seccomp_filters:", 10, 1 },
};

struct status {
	uint64_t of[FIELDS][NUMBERS_MAX];
	bool met[FIELDS];
	bool good[FIELDS];	/* it has the numbers that it should have */
};

/* Exactly `count` numbers of this base, to the end of the line. */
static bool
numbers(const char *at, int base, uint64_t *out, size_t count)
{
	char *end;

	for (size_t i = 0; i < count; i++) {
		at += strspn(at, " \t");
		if (*at == '\n' || *at == '-' || *at == '\0')
			return false;
		out[i] = strtoull(at, &end, base);
		if (end == at)
			return false;
		at = end;
	}
	return *at == '\n';
}

/* A line that says one of the fields; the first that does counts. */
static void
take_line(const char *line, struct status *s)
{
	for (size_t i = 0; i < FIELDS; i++) {
		const char *name = fields[i].name;

		if (line[0] != name[0] || s->met[i] ||
		    strncmp(line, name, strlen(name)) != 0)
			continue;
		s->met[i] = true;
		s->good[i] = numbers(line + strlen(name), fields[i].base,
		    s->of[i], fields[i].count);
		return;
	}
}

static void
take_status(const char *text, struct status *s)
{
	memset(s, 0, sizeof(*s));
	while (text != NULL) {
		take_line(text, s);
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
}

static bool
is(const struct status *s, enum field field, uint64_t wanted)
{
	return s->good[field] && s->of[field][0] == wanted;
}

static bool
none_is_root(const struct status *s, enum field ids)
{
	if (!s->good[ids])
		return false;
	for (size_t i = 0; i < fields[ids].count; i++)
		if (s->of[ids][i] == 0)
			return false;
	return true;
}

const char *
child_judge_status(const char *text, pid_t parent, bool root, uint64_t filters)
{
	/* Bounding is left out: without the others it cannot be used. */
	static const enum field sets[] = { CAP_INH, CAP_PRM, CAP_EFF, CAP_AMB };
	struct status s;

	take_status(text, &s);
	if (!is(&s, PPID, (uint64_t)parent))
		return "it is not our child";
	if (!is(&s, THREADS, 1))
		return "it has more than one thread";
	if (!is(&s, NO_NEW_PRIVS, 1))
		return "no-new-privs is not set";
	if (!is(&s, SECCOMP, 2))
		return "no seccomp filter is in force";
	/* A filter that the host is under would pass for the worker's own, and
	 * can make seccomp(2) say 0 without doing anything.  One that was
	 * parked is looked at twice, at each filter that it loads. */
	if (!is(&s, FILTERS, filters + 1))
		return "its own seccomp filter is not in force";
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (!is(&s, sets[i], 0))
			return "it still has capabilities";
	if (root && (!none_is_root(&s, UID) || !none_is_root(&s, GID)))
		return "it still is root";
	return NULL;
}

static enum pfork_code
unseen(pfork_error *err, const char *whose, int errnum)
{
	if (error_is_shortage(errnum))
		return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
		    "looking at the worker's jail: %s; nothing was parsed",
		    error_errno(errnum));
	return error_set(err, PFORK_E_SANDBOX, errnum, PFORK_NO_OFFSET,
	    "the worker's jail cannot be verified: /proc/%s/status cannot be "
	    "read: %s; nothing was parsed", whose, error_errno(errnum));
}

/* 0 or an errno.  From the start: the kernel writes the text anew for it. */
static int
read_all(int fd, char *out, size_t size)
{
	size_t used = 0;
	ssize_t got;

	for (;;) {
		got = pread(fd, out + used, size - 1 - used, (off_t)used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		used += (size_t)got;
		if (got == 0 || used == size - 1)
			break;
	}
	out[used] = '\0';
	return used == size - 1 ? EFBIG : 0;
}

/* The whole file, to be freed; NULL: errno. */
static char *
read_open(int fd)
{
	char *text = malloc(STATUS_BYTES);
	int rc = text == NULL ? ENOMEM : read_all(fd, text, STATUS_BYTES);

	if (rc == 0)
		return text;
	free(text);
	errno = rc;
	return NULL;
}

static char *
read_status(const char *path)
{
	char *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int saved;

	if (fd < 0)
		return NULL;
	text = read_open(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

enum pfork_code
child_count_filters(uint64_t *filters, pfork_error *err)
{
	/* Filters are each thread's own, and this one's go to the child. */
	char *text = read_status("/proc/thread-self/status");
	struct status s;

	if (text == NULL)
		return unseen(err, "thread-self", errno);
	take_status(text, &s);
	free(text);
	*filters = s.of[FILTERS][0];
	if (!s.good[FILTERS])
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the worker's jail cannot be verified: this kernel does "
		    "not count seccomp filters (Linux 5.9 is needed); nothing "
		    "was parsed");
	return PFORK_OK;
}

/* Signal 0 sends nothing. */
bool
child_may_kill(const struct child *c)
{
	return syscall(SYS_pidfd_send_signal, c->pidfd, 0, NULL, 0) == 0 ||
	    errno == ESRCH;
}

static void
path_of(const struct child *c, char path[static STATUS_PATH])
{
	snprintf(path, STATUS_PATH, "/proc/%ld/status", (long)c->pid);
}

/* It is our child and not reaped, so the number is still its own; the open file
 * is this process's for good. */
enum pfork_code
child_watch_status(struct child *c, pfork_error *err)
{
	char path[STATUS_PATH];

	path_of(c, path);
	c->status = child_fd_above(open(path, O_RDONLY | O_CLOEXEC));
	return c->status >= 0 ? PFORK_OK : unseen(err, "PID", errno);
}

enum pfork_code
child_verify(const struct child *c, pfork_error *err)
{
	char path[STATUS_PATH];
	char *text;
	const char *wrong;

	path_of(c, path);
	text = c->status >= 0 ? read_open(c->status) : read_status(path);
	if (text == NULL)
		return unseen(err, "PID", errno);
	wrong = child_judge_status(text, getpid(), geteuid() == 0, c->filters);
	free(text);
	/* Without that no limit on time would hold. */
	if (wrong == NULL && !child_may_kill(c))
		wrong = "we may not kill it (is CAP_KILL missing?)";
	if (wrong != NULL)
		return error_set(err, PFORK_E_SANDBOX, 0, PFORK_NO_OFFSET,
		    "the worker's jail is not what it says: %s; nothing was "
		    "parsed", wrong);
	return PFORK_OK;
}
