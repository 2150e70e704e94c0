/* SPDX-License-Identifier: Apache-2.0
 *
 * store_file.c - opens a file beneath the store's directory, and loads it.  The
 * kernel resolves the path: nothing here compares texts to find out where a
 * path leads.  No fallback where openat2 is missing.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "error.h"
#include "input.h"
#include "load_job.h"
#include "monotonic.h"

/* A rename in the directory at that moment makes openat2 give up. */
#define TRIES 16

static enum pfork_code
failed(const char *path, int errnum, pfork_error *err)
{
	enum pfork_code code = PFORK_E_SYSTEM;
	const char *what = "a file of the store cannot be opened";

	if (errnum == EXDEV || errnum == ELOOP) {
		code = PFORK_E_REFUSED;
		what = errnum == EXDEV
		    ? "a file leads out of the store's directory"
		    : "a file of the store is a symbolic link";
	} else if (errnum == ENOSYS) {
		code = PFORK_E_SANDBOX;
		what = "openat2 cannot be had here, so that nothing would hold "
		    "a file inside of the store; nothing was opened";
	} else if (errnum == ENOENT) {
		what = "a file of the store is not there";
	}
	return error_about(err, code, code == PFORK_E_REFUSED ? 0 : errnum,
	    PFORK_NO_OFFSET, what, path, strlen(path));
}

static bool
is_open_to_others(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st->st_uid != 0 && st->st_uid != geteuid());
}

enum pfork_code
store_open_file(const struct pfork_store *s, const char *path, int *fd,
    bool *others_write, pfork_error *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
	};
	struct stat st;
	long got;

	if ((s->flags & PFORK_STORE_SYMLINKS) == 0)
		how.resolve |= RESOLVE_NO_SYMLINKS;
	for (int i = 0; i < TRIES; i++) {
		got = syscall(SYS_openat2, s->root, path, &how, sizeof(how));
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (got < 0)
		return failed(path, errno, err);
	got = child_fd_above((int)got);
	if (got < 0)
		return failed(path, errno, err);
	if (fstat((int)got, &st) != 0) {
		close((int)got);
		return failed(path, errno, err);
	}
	*others_write = is_open_to_others(&st);
	*fd = (int)got;
	return PFORK_OK;
}

bool
store_name_is_sibling(const char *name, size_t length)
{
	if (length == 0 || length > 255 ||
	    memchr(name, '/', length) != NULL ||
	    memchr(name, '\0', length) != NULL)
		return false;
	return !(name[0] == '.' && (length == 1 ||
	    (length == 2 && name[1] == '.')));
}

/* -------------------------------------------------------------- budget -- */

static enum pfork_code
spend_time(struct store_budget *budget, pfork_error *err)
{
	uint64_t spent = monotonic_ms() - budget->started;

	if (spent >= budget->wall_ms)
		return error_set(err, PFORK_E_TIMEOUT, 0, PFORK_NO_OFFSET,
		    "the limit wall_ms of %llu ms passed between the files of "
		    "a store", (unsigned long long)budget->wall_ms);
	budget->broker.limits.wall_ms = budget->wall_ms - spent;
	return PFORK_OK;
}

static bool
spend(uint64_t *left, uint64_t amount)
{
	if (amount > *left)
		return false;
	*left -= amount;
	return true;
}

/* What this file took is not there for the next one. */
static enum pfork_code
spend_file(struct store_budget *budget, const pfork_checkpoint *c,
    pfork_error *err)
{
	struct limits *l = &budget->broker.limits;
	uint64_t streamed = 0;
	uint64_t contiguous = 0;

	for (size_t i = 0; i < c->storage_count; i++)
		if (c->storages[i].streamed)
			streamed += c->storages[i].length;
	for (size_t i = 0; i < c->tensor_count; i++)
		contiguous += c->tensors[i].nbytes;
	if (!spend(&l->input_bytes, c->source.size) ||
	    !spend(&l->tensors, c->tensor_count + c->alias_count) ||
	    !spend(&l->streamed_bytes, streamed) ||
	    !spend(&l->names_bytes, c->strings.total) ||
	    (l->contiguous_bytes != 0 &&
	    !spend(&l->contiguous_bytes, contiguous)))
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the files of a store together are over a limit of the "
		    "load");
	/* 0 would mean the default. */
	if (contiguous != 0 && l->contiguous_bytes == 0 &&
	    budget->contiguous_limited)
		l->contiguous_bytes = 1;
	return PFORK_OK;
}

enum pfork_code
store_load_file(const struct pfork_store *s, struct store_budget *budget,
    const char *path, pfork_checkpoint **out, bool *others_write,
    pfork_error *err)
{
	struct source input;
	struct pfork_job *job;
	pfork_checkpoint *c;
	enum pfork_code code = spend_time(budget, err);
	int fd = -1;

	if (code == PFORK_OK)
		code = store_open_file(s, path, &fd, others_write, err);
	if (code != PFORK_OK)
		return code;
	code = input_from_fd(&budget->broker, fd, &input, err);
	close(fd);
	if (code == PFORK_OK)
		code = load_job_begin(&budget->broker, &input, &job, err);
	if (code != PFORK_OK)
		return code;
	load_job_wait(job);
	code = load_job_result(job, false, &c, err);
	if (code != PFORK_OK)
		return code;
	code = spend_file(budget, c, err);
	if (code == PFORK_OK)
		*out = c;
	else
		pfork_checkpoint_unref(c);
	return code;
}
