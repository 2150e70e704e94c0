/* SPDX-License-Identifier: Apache-2.0
 *
 * copy.c - see copy.h.  Trusts the size that was judged against input_bytes,
 * and nothing else: a file of holes must not become memory, and a slow one must
 * not keep us beyond the deadline.
 */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "child.h"
#include "error.h"
#include "monotonic.h"
#include "threads.h"

/* Between two of them the clock is looked at. */
#define COPY_AT_ONCE ((uint64_t)64 << 20)
/* What is all zeros in such a piece of a sparse file is left out.  It stands
 * on the stack of a host's thread. */
#define PIECE_BYTES ((size_t)16 << 10)

struct slice {
	int to;			/* an open file of its own: sendfile writes
				 * where that stands */
	const struct source *from;
	int holes;		/* the input, where its offset is nobody's: to
				 * look for holes; -1: it cannot be had */
	uint64_t at;
	uint64_t end;
	uint64_t until;		/* milliseconds of the monotonic clock */
	enum pfork_code code;
	pfork_error err;
};

static void
failed(struct slice *s, int errnum)
{
	s->code = error_set(&s->err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "copying the input into memory: %s", error_errno(errnum));
}

static void
copy_dense(struct slice *s, uint64_t end)
{
	off_t at = (off_t)s->at;
	ssize_t put;

	while (s->code == PFORK_OK && s->at < end) {
		put = sendfile(s->to, s->from->fd, &at, (size_t)(end - s->at));
		if (put < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (put < 0)
			failed(s, errno);
		if (put == 0)
			s->code = error_set(&s->err, PFORK_E_CHANGED, 0, s->at,
			    "the input became shorter while it was copied");
		s->at = (uint64_t)at;
	}
}

static bool
is_zero(const uint8_t *at, size_t length)
{
	return at[0] == 0 && memcmp(at, at + 1, length - 1) == 0;
}

static bool
put_at(int to, const uint8_t *from, size_t length, uint64_t at)
{
	ssize_t put;

	while (length > 0) {
		put = pwrite(to, from, length, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put == 0)
			errno = EIO;
		if (put <= 0)
			return false;
		from += put;
		length -= (size_t)put;
		at += (uint64_t)put;
	}
	return true;
}

/* Where the next data is, or s->end.  Should the file have become shorter, or
 * got data behind us, whoever looks at its size and times tells. */
static uint64_t
next_data(const struct slice *s)
{
	off_t data = s->holes < 0 ? (off_t)s->at :
	    lseek(s->holes, (off_t)s->at, SEEK_DATA);

	if (data < 0)
		return errno == ENXIO ? s->end : s->at;
	if ((uint64_t)data < s->at)
		return s->at;
	return (uint64_t)data < s->end ? (uint64_t)data : s->end;
}

/* Where the data at s->at ends, or s->end; never s->at, whatever is done to the
 * file meanwhile, so that there is an end of it. */
static uint64_t
next_hole(const struct slice *s)
{
	off_t hole = s->holes < 0 ? -1 :
	    lseek(s->holes, (off_t)s->at, SEEK_HOLE);
	uint64_t least = s->end - s->at < PIECE_BYTES ? s->end :
	    s->at + PIECE_BYTES;

	if (hole < 0 || (uint64_t)hole > s->end)
		return s->end;
	return (uint64_t)hole > s->at ? (uint64_t)hole : least;
}

/* Blocks of zeros are no holes to the file system, and left out all the
 * same. */
static void
copy_data(struct slice *s, uint64_t end)
{
	uint8_t piece[PIECE_BYTES];
	size_t length;

	while (s->code == PFORK_OK && s->at < end) {
		length = end - s->at < sizeof(piece) ?
		    (size_t)(end - s->at) : sizeof(piece);
		s->code = source_read(s->from, s->at, piece, length, &s->err);
		if (s->code == PFORK_OK && !is_zero(piece, length) &&
		    !put_at(s->to, piece, length, s->at))
			failed(s, errno);
		s->at += length;
	}
}

/* A hole costs nothing, whatever its size. */
static void
copy_sparse(struct slice *s, uint64_t end)
{
	uint64_t hole;

	while (s->code == PFORK_OK && s->at < end) {
		s->at = next_data(s);
		if (s->at >= end)
			return;
		hole = next_hole(s);
		copy_data(s, hole < end ? hole : end);
	}
}

static void
copy_slice(void *item)
{
	struct slice *s = item;

	while (s->code == PFORK_OK && s->at < s->end) {
		uint64_t end = s->end;

		if (end - s->at > COPY_AT_ONCE)
			end = s->at + COPY_AT_ONCE;
		if (monotonic_ms() >= s->until)
			s->code = PFORK_E_TIMEOUT;
		else if (s->from->sparse)
			copy_sparse(s, end);
		else
			copy_dense(s, end);
	}
}

/* The same file, open once more; -1 where /proc does not let us.  Of this
 * thread's table, as in input.c: by another table's number the host's own file
 * would be written over. */
static int
reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
	return child_fd_above(open(path, flags | O_CLOEXEC));
}

/* To be written from `at` on. */
static int
reopen_for_writing(int fd, uint64_t at)
{
	int again = reopen(fd, O_WRONLY);

	if (again >= 0 && lseek(again, (off_t)at, SEEK_SET) == (off_t)at)
		return again;
	if (again >= 0)
		close(again);
	return -1;
}

/* The first that failed tells why. */
static enum pfork_code
judge_slices(const struct slice *slices, size_t count, uint64_t wall_ms,
    pfork_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (slices[i].code == PFORK_E_TIMEOUT)
			return error_set(err, PFORK_E_TIMEOUT, 0,
			    PFORK_NO_OFFSET, "the limit wall_ms of %llu ms "
			    "passed while the input was copied",
			    (unsigned long long)wall_ms);
		if (slices[i].code == PFORK_OK)
			continue;
		if (err != NULL)
			*err = slices[i].err;
		return slices[i].code;
	}
	return PFORK_OK;
}

/* By several threads: most of the time goes into getting pages. */
enum pfork_code
copy_file(int to, const struct source *from, uint64_t wall_ms,
    pfork_error *err)
{
	struct slice slices[THREADS_MAX] = { 0 };
	size_t wanted = threads_for(from->size);
	size_t count = 1;
	uint64_t until = monotonic_ms() + wall_ms;
	int holes;

	/* So that holes at its end are there too. */
	if (ftruncate(to, (off_t)from->size) != 0)
		return error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "memory for a copy of the input: %s", error_errno(errno));
	/* The caller's offset must not move, and a snapshot without this takes
	 * no more than time. */
	holes = !from->sparse ? -1 :
	    reopen(from->fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	slices[0] = (struct slice){ .to = to, .from = from, .holes = holes,
		.until = until };
	for (; count < wanted; count++) {
		uint64_t at = threads_slice(from->size, wanted, count);

		slices[count] = (struct slice){ .from = from, .at = at,
			.holes = holes, .until = until,
			.to = reopen_for_writing(to, at) };
		if (slices[count].to < 0)
			break;
		slices[count - 1].end = at;
	}
	slices[count - 1].end = from->size;
	threads_run(copy_slice, slices, sizeof(slices[0]), count);
	for (size_t i = 1; i < count; i++)
		close(slices[i].to);
	if (holes >= 0)
		close(holes);
	return judge_slices(slices, count, wall_ms, err);
}
