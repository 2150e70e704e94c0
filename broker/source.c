/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c - reads the input file that a checkpoint stands on.  The caller has
 * proved that the range lies inside the file as it was when the load began; the
 * file itself may still be cut or rewritten by others at any moment, so a short
 * read is an answer (CHANGED), never a surprise.  Moves no file offset.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint.h"
#include "error.h"

enum pfork_code
source_read(const struct source *s, uint64_t offset, void *out, size_t length,
    pfork_error *err)
{
	uint8_t *at = out;
	size_t done = 0;
	ssize_t got;

	while (done < length) {
		got = pread(s->fd, at + done, length - done,
		    (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, PFORK_E_SYSTEM, errno,
			    offset + done, "reading the input: %s",
			    strerrordesc_np(errno));
		if (got == 0)
			return error_set(err, PFORK_E_CHANGED, 0, offset + done,
			    "the input became shorter while it was in use");
		done += (size_t)got;
	}
	return PFORK_OK;
}

bool
source_is_ours(const struct source *s)
{
	const struct identity id = { s->device, s->inode };

	return identity_is(s->fd, &id);
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

enum pfork_code
source_unchanged(const struct source *s, pfork_error *err)
{
	struct stat now;
	const char *what = NULL;

	if (fstat(s->fd, &now) != 0)
		return error_set(err, PFORK_E_SYSTEM, errno, PFORK_NO_OFFSET,
		    "looking at the input: %s", strerrordesc_np(errno));
	if (now.st_dev != s->device || now.st_ino != s->inode)
		what = "is another file";
	else if ((uint64_t)now.st_size != s->size)
		what = "has another size";
	else if (!same_time(&now.st_mtim, &s->mtime))
		what = "was written to";
	else if (!same_time(&now.st_ctim, &s->ctime))
		what = "was changed";
	if (what != NULL)
		return error_set(err, PFORK_E_CHANGED, 0, PFORK_NO_OFFSET,
		    "the input %s since it was loaded", what);
	return PFORK_OK;
}
