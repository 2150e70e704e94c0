/* SPDX-License-Identifier: Apache-2.0
 *
 * start_calls.c - the system calls that main.c, jail.c, hold.c and handover.c
 * make, under libc's names, and how a broken worker ends.  Each is the bare
 * call: nothing is kept, nothing retried.  For x86-64; see start.c.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "start.h"

/* One thread. */
static int error_number;

int *
__errno_location(void)
{
	return &error_number;
}

static long
judged(long result)
{
	if (result >= 0 || result < -4095)
		return result;
	error_number = (int)-result;
	return -1;
}

#define CALL(number, a, b, c, d, e, f)                                     \
	judged(start_call(number, (long)(a), (long)(b), (long)(c),         \
	    (long)(d), (long)(e), (long)(f)))
#define CALL3(number, a, b, c) CALL(number, a, b, c, 0, 0, 0)
#define CALL4(number, a, b, c, d) CALL(number, a, b, c, d, 0, 0)

/* What was not passed is read as well, and not looked at by the kernel. */
long
syscall(long number, ...)
{
	long arguments[6];
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	return CALL(number, arguments[0], arguments[1], arguments[2],
	    arguments[3], arguments[4], arguments[5]);
}

int
prctl(int option, ...)
{
	long arguments[4];
	va_list list;
	int i;

	va_start(list, option);
	for (i = 0; i < 4; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	return (int)CALL(SYS_prctl, option, arguments[0], arguments[1],
	    arguments[2], arguments[3], 0);
}

/* --------------------------------------------- descriptors and memory -- */

ssize_t
read(int fd, void *out, size_t length)
{
	return CALL3(SYS_read, fd, out, length);
}

ssize_t
pread(int fd, void *out, size_t length, off_t offset)
{
	return CALL4(SYS_pread64, fd, out, length, offset);
}

ssize_t
write(int fd, const void *bytes, size_t length)
{
	return CALL3(SYS_write, fd, bytes, length);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	return CALL3(SYS_recvmsg, fd, message, flags);
}

int
close(int fd)
{
	return (int)CALL3(SYS_close, fd, 0, 0);
}

/* The kernel's struct is glibc's here. */
int
fstat(int fd, struct stat *out)
{
	return (int)CALL3(SYS_fstat, fd, out, 0);
}

int
chdir(const char *path)
{
	return (int)CALL3(SYS_chdir, path, 0, 0);
}

void *
mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	return (void *)CALL(SYS_mmap, at, length, protection, flags, fd,
	    offset);
}

int
mprotect(void *at, size_t length, int protection)
{
	return (int)CALL3(SYS_mprotect, at, length, protection);
}

int
madvise(void *at, size_t length, int advice)
{
	return (int)CALL3(SYS_madvise, at, length, advice);
}

/* ------------------------------------------------------------- rights -- */

int
getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
	return (int)CALL3(SYS_getresuid, real, effective, saved);
}

int
getresgid(gid_t *real, gid_t *effective, gid_t *saved)
{
	return (int)CALL3(SYS_getresgid, real, effective, saved);
}

int
getgroups(int size, gid_t *list)
{
	return (int)CALL3(SYS_getgroups, size, list, 0);
}

int
unshare(int flags)
{
	return (int)CALL3(SYS_unshare, flags, 0, 0);
}

int
getrlimit(__rlimit_resource_t which, struct rlimit *out)
{
	return (int)CALL4(SYS_prlimit64, 0, which, 0, out);
}

int
setrlimit(__rlimit_resource_t which, const struct rlimit *limit)
{
	return (int)CALL4(SYS_prlimit64, 0, which, limit, 0);
}

unsigned long
getauxval(unsigned long type)
{
	uint64_t value = start_auxiliary(type);

	return value == UINT64_MAX ? 0 : value;
}

/* -------------------------------------------------------------- the end -- */

_Noreturn void
_exit(int status)
{
	start_leave(status);
}

/* What must not be lived through ends by an instruction, not by a call. */
_Noreturn void __stack_chk_fail(void);

_Noreturn void
__stack_chk_fail(void)
{
	__builtin_trap();
}
