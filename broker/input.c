/* SPDX-License-Identifier: Apache-2.0
 *
 * input.c - see input.h.  Trusts the caller's right to the file, not the file:
 * it may be of any type, and others may write to it all the time.
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "copy.h"
#include "error.h"
#include "monotonic.h"

/* Linux 6.3; says that the memfd never will be a program. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
/* Linux 5.14. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#define SEALS_ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
/* write takes 2 GiB less a page at most. */
#define COPY_AT_ONCE ((size_t)1 << 30)
/* Between two of them the clock is looked at. */
#define POPULATE_AT_ONCE ((uint64_t)256 << 20)

static enum pfork_code
failed(pfork_error *err, const char *what, int errnum)
{
	return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "%s: %s", what, error_errno(errnum));
}

/* ------------------------------------------------------------ judgement -- */

static const char *
type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "something else";
	}
}

/* Fills everything in *out but its descriptor. */
static enum pfork_code
judge(const struct pfork_broker *b, int fd, struct source *out,
    pfork_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return failed(err, "looking at the input", errno);
	if (!S_ISREG(st.st_mode))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the input is %s, not a regular file",
		    type_name(st.st_mode));
	if (st.st_size <= 0)
		return error_set(err, PFORK_E_FORMAT, 0, 0,
		    "the input is empty");
	if ((uint64_t)st.st_size > b->limits.input_bytes)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the input has %lld bytes, over the limit input_bytes "
		    "of %llu", (long long)st.st_size,
		    (unsigned long long)b->limits.input_bytes);
	memset(out, 0, sizeof(*out));
	out->fd = -1;
	out->size = (uint64_t)st.st_size;
	out->sparse = (uint64_t)st.st_blocks < out->size / 512;
	out->device = st.st_dev;
	out->inode = st.st_ino;
	out->mtime = st.st_mtim;
	out->ctime = st.st_ctim;
	return PFORK_OK;
}

/* --------------------------------------------------------------- memfd -- */

/* The same file, open for reading only; -1 and errno.  Of this thread's table:
 * /proc/self/fd is the main thread's, and another file where that has its own
 * (CLONE_FILES), or no file once it has ended. */
static int
reopen_read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	return child_fd_above(open(path,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

/* Writing over RLIMIT_FSIZE would raise SIGXFSZ in the host. */
static bool
may_write(uint64_t size)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur;
}

static int
memfd_open(uint64_t size)
{
	int fd;

	if (!may_write(size)) {
		errno = EFBIG;
		return -1;
	}
	fd = memfd_create("picklefork", MFD_CLOEXEC | MFD_ALLOW_SEALING |
	    MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("picklefork",
		    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return child_fd_above(fd);
}

/* Seals it for good and swaps it for a read-only descriptor.  Where /proc does
 * not let us, the sealed one will do: it cannot be written through either. */
static enum pfork_code
memfd_seal(int *fd, pfork_error *err)
{
	int reader;

	if (fcntl(*fd, F_ADD_SEALS, SEALS_ALL) != 0)
		return failed(err, "sealing the copy of the input", errno);
	reader = reopen_read_only(*fd);
	if (reader >= 0) {
		close(*fd);
		*fd = reader;
	}
	return PFORK_OK;
}

static enum pfork_code
memfd_finish(const struct pfork_broker *b, int fd, struct source *out,
    pfork_error *err)
{
	struct source s;
	enum pfork_code code = memfd_seal(&fd, err);

	if (code == PFORK_OK)
		code = judge(b, fd, &s, err);
	if (code != PFORK_OK) {
		close(fd);
		return code;
	}
	s.fd = fd;
	*out = s;
	return PFORK_OK;
}

static enum pfork_code
copy_bytes(int to, const uint8_t *from, size_t length, pfork_error *err)
{
	ssize_t put;
	size_t piece;

	while (length > 0) {
		piece = length < COPY_AT_ONCE ? length : COPY_AT_ONCE;
		put = write(to, from, piece);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return failed(err, "copying the input into memory",
			    put < 0 ? errno : EIO);
		from += put;
		length -= (size_t)put;
	}
	return PFORK_OK;
}

/* Replaces *s, whose descriptor stays open, by a sealed copy. */
static enum pfork_code
snapshot(const struct pfork_broker *b, const struct source *s,
    struct source *out, pfork_error *err)
{
	enum pfork_code code;
	int fd = memfd_open(s->size);

	if (fd < 0)
		return failed(err, "memory for a copy of the input", errno);
	code = copy_file(fd, s, b->limits.wall_ms, err);
	if (code == PFORK_OK)
		code = source_unchanged(s, err);
	if (code != PFORK_OK) {
		close(fd);
		return code;
	}
	return memfd_finish(b, fd, out, err);
}

/* ------------------------------------------------------------- openers -- */

/* Takes the descriptor over, also on failure. */
static enum pfork_code
accept_input(const struct pfork_broker *b, int fd, bool copy,
    struct source *out, pfork_error *err)
{
	struct source s = { .fd = -1 };
	struct source copied = { .fd = -1 };
	enum pfork_code code = judge(b, fd, &s, err);

	s.fd = fd;
	if (code == PFORK_OK && copy) {
		code = snapshot(b, &s, &copied, err);
		close(fd);
		if (code == PFORK_OK)
			*out = copied;
		return code;
	}
	if (code == PFORK_OK)
		*out = s;
	else
		close(fd);
	return code;
}

enum pfork_code
input_from_path(const struct pfork_broker *b, const char *path,
    struct source *out, pfork_error *err)
{
	int fd;

	if (path == NULL || path[0] == '\0')
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "no path was given");
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	} while (fd < 0 && errno == EINTR);
	/* A socket answers ENXIO to open. */
	if (fd < 0)
		return failed(err, "opening the input", errno);
	fd = child_fd_above(fd);
	if (fd < 0)
		return failed(err, "opening the input", errno);
	return accept_input(b, fd, (b->flags & PFORK_SNAPSHOT) != 0, out, err);
}

/* A writable descriptor must not reach the worker, and one of O_DIRECT refuses
 * most reads: the same file is opened again for reading.  Where that is not
 * allowed only a copy would do, and none is made that nobody asked for. */
static enum pfork_code
from_reopened(const struct pfork_broker *b, int fd, bool direct,
    struct source *out, pfork_error *err)
{
	bool copy = (b->flags & PFORK_SNAPSHOT) != 0;
	int ours = reopen_read_only(fd);

	if (ours < 0 && direct)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the input's descriptor has O_DIRECT, and the file cannot "
		    "be opened again without: clear that flag");
	if (ours < 0 && !copy)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the input's descriptor is open for writing, and the file "
		    "cannot be opened again for reading: open it read-only, or "
		    "ask for PFORK_SNAPSHOT");
	if (ours < 0)
		ours = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (ours < 0)
		return failed(err, "duplicating the input", errno);
	return accept_input(b, ours, copy, out, err);
}

enum pfork_code
input_from_fd(const struct pfork_broker *b, int fd, struct source *out,
    pfork_error *err)
{
	struct source s;
	enum pfork_code code;
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
	int ours;

	if (flags < 0)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the input is not an open descriptor");
	if ((flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the input's descriptor is not open for reading");
	/* Its type first: opening a device again could do something. */
	code = judge(b, fd, &s, err);
	if (code != PFORK_OK)
		return code;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_DIRECT) != 0)
		return from_reopened(b, fd, (flags & O_DIRECT) != 0, out, err);
	ours = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (ours < 0)
		return failed(err, "duplicating the input", errno);
	return accept_input(b, ours, (b->flags & PFORK_SNAPSHOT) != 0, out,
	    err);
}

enum pfork_code
input_from_memory(const struct pfork_broker *b, const void *bytes,
    size_t length, struct source *out, pfork_error *err)
{
	enum pfork_code code;
	int fd;

	if (bytes == NULL && length > 0)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "bytes is NULL");
	if (length == 0)
		return error_set(err, PFORK_E_FORMAT, 0, 0,
		    "the input is empty");
	if (length > b->limits.input_bytes)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the input has %zu bytes, over the limit input_bytes of "
		    "%llu", length, (unsigned long long)b->limits.input_bytes);
	fd = memfd_open(length);
	if (fd < 0)
		return failed(err, "memory for a copy of the input", errno);
	code = copy_bytes(fd, bytes, length, err);
	if (code != PFORK_OK) {
		close(fd);
		return code;
	}
	return memfd_finish(b, fd, out, err);
}

void
input_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* From the first to the last byte of the input that a tensor has; false: none
 * does.  What no worker has read is the raw file of a store, whose tensors come
 * later: all of it. */
static bool
extents_span(const pfork_checkpoint *c, uint64_t *first, uint64_t *end)
{
	*first = c->worker.size == 0 ? 0 : UINT64_MAX;
	*end = c->worker.size == 0 ? c->source.size : 0;
	for (size_t i = 0; i < c->storage_count; i++) {
		const struct storage *s = &c->storages[i];

		if (s->streamed || s->length == 0)
			continue;
		if (s->offset < *first)
			*first = s->offset;
		if (s->offset + s->length > *end)
			*end = s->offset + s->length;
	}
	return *first < *end;
}

/* One call instead of a fault for every 64 KiB, of which each costs 3 us.  What
 * it cannot fetch (the file may have shrunk), or not in time, nobody has lost.
 * Holes of a file in memory would become memory, so a sparse one is left. */
static void
populate(const pfork_checkpoint *c, uint8_t *map, uint64_t until)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t at;
	uint64_t end;
	uint64_t piece;

	if (c->source.sparse || !extents_span(c, &at, &end))
		return;
	at -= at % page;
	while (at < end && monotonic_ms() < until) {
		piece = end - at < POPULATE_AT_ONCE ? end - at :
						      POPULATE_AT_ONCE;
		if (madvise(map + at, (size_t)piece, MADV_POPULATE_READ) != 0)
			return;
		at += piece;
	}
}

enum pfork_code
input_map(pfork_checkpoint *c, uint64_t until, pfork_error *err)
{
	void *map;

	if ((c->flags & PFORK_MAP_INPUT) == 0)
		return PFORK_OK;
	map = mmap(NULL, (size_t)c->source.size, PROT_READ, MAP_PRIVATE,
	    c->source.fd, 0);
	if (map == MAP_FAILED)
		return error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "mapping the input: %s", error_errno(errno));
	if ((c->flags & PFORK_POPULATE) != 0)
		populate(c, map, until);
	c->source.map = map;
	return PFORK_OK;
}
