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
#include "wire.h"

/* A rename in the directory at that moment makes openat2 give up. */
#define TRIES 16

/* Which file it was is said by whoever knows what it is called. */
static enum pfork_code
failed(int errnum, pfork_error *err)
{
	if (errnum == EXDEV)
		return error_set(err, PFORK_E_REFUSED, 0, PFORK_NO_OFFSET,
		    "a file leads out of the store's directory");
	if (errnum == ELOOP)
		return error_set(err, PFORK_E_REFUSED, 0, PFORK_NO_OFFSET,
		    "a symbolic link, which only --root "
		    "(PFORK_STORE_SYMLINKS) follows");
	if (errnum == ENOSYS)
		return error_set(err, PFORK_E_SANDBOX, errnum, PFORK_NO_OFFSET,
		    "openat2 cannot be had here, so that nothing would hold "
		    "a file inside of the store; nothing was opened");
	if (errnum == ENOENT)
		return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
		    "a file of the store is not there");
	if (errnum == EBADF)
		return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
		    "the store's directory is not open any more: the "
		    "descriptor was closed");
	return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "a file of the store cannot be opened: %s", error_errno(errnum));
}

static bool
is_open_to_others(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st->st_uid != 0 && st->st_uid != geteuid());
}

/* -1 and errno. */
static int
open_beneath(const struct pfork_store *s, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
	};
	long got;

	/* In another directory other files have these names. */
	if (!identity_is(s->root, &s->root_id)) {
		errno = EBADF;
		return -1;
	}
	if ((s->flags & PFORK_STORE_SYMLINKS) == 0)
		how.resolve |= RESOLVE_NO_SYMLINKS;
	for (int i = 0; i < TRIES; i++) {
		got = syscall(SYS_openat2, s->root, path, &how, sizeof(how));
		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return child_fd_above((int)got);
}

enum pfork_code
store_open_file(const struct pfork_store *s, const char *path, int *fd,
    bool *others_write, pfork_error *err)
{
	int got = open_beneath(s, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int errnum;

	if (got < 0)
		return failed(errno, err);
	if (fstat(got, &st) != 0) {
		errnum = errno;
		close(got);
		return failed(errnum, err);
	}
	*others_write = is_open_to_others(&st);
	*fd = got;
	return PFORK_OK;
}

/* One that cannot be looked at counts as open. */
static bool
directory_is_open(const struct pfork_store *s, const char *path)
{
	int fd = open_beneath(s, path, O_PATH | O_DIRECTORY);
	struct stat st;
	bool open;

	if (fd < 0)
		return true;
	open = fstat(fd, &st) != 0 || is_open_to_others(&st);
	close(fd);
	return open;
}

bool
store_way_is_open(const struct pfork_store *s, const char *path)
{
	char prefix[WORKER_PATH_MAX];
	size_t length = strlen(path);
	bool open = s->root_is_open;

	if (length >= sizeof(prefix))
		return true;
	memcpy(prefix, path, length + 1);
	for (size_t i = 1; !open && i < length; i++) {
		if (prefix[i] != '/')
			continue;
		prefix[i] = '\0';
		open = directory_is_open(s, prefix);
		prefix[i] = '/';
	}
	return open;
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

enum pfork_code
store_too_late(const struct store_budget *budget, pfork_error *err)
{
	return error_set(err, PFORK_E_TIMEOUT, 0, PFORK_NO_OFFSET,
	    "the limit wall_ms of %llu ms passed while the files of a store "
	    "were opened", (unsigned long long)budget->wall_ms);
}

enum pfork_code
store_spend_time(struct store_budget *budget, pfork_error *err)
{
	uint64_t spent = monotonic_ms() - budget->started;

	if (spent >= budget->wall_ms)
		return store_too_late(budget, err);
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

/* What the parser let out.  A data file's tensors are only parts of those that
 * the index has, which were counted there.  NULL, or the limit that is over. */
static const char *
spend_tensors(struct store_budget *budget, const pfork_checkpoint *c,
    enum store_part how)
{
	struct limits *l = &budget->broker.limits;
	uint64_t contiguous = 0;
	uint64_t entries = c->tensor_count + c->alias_count;

	if (how == PART_DISTCP)
		return spend(&budget->archives, entries) ? NULL : "tensors";
	for (size_t i = 0; i < c->tensor_count; i++)
		contiguous += c->tensors[i].nbytes;
	/* Each further box of a tensor is an entry too. */
	for (size_t i = 1; i < c->piece_count; i++)
		entries += c->pieces[i].tensor == c->pieces[i - 1].tensor;
	budget->contiguous += contiguous;
	if (!spend(&l->tensors, entries))
		return "tensors";
	if (budget->contiguous_limited &&
	    !spend(&l->contiguous_bytes, contiguous))
		return "contiguous_bytes";
	/* 0 would mean the default. */
	if (l->contiguous_bytes == 0 && budget->contiguous_limited)
		l->contiguous_bytes = 1;
	return NULL;
}

/* What this file took is not there for the next one. */
static enum pfork_code
spend_file(struct store_budget *budget, const pfork_checkpoint *c,
    uint64_t size, enum store_part how, pfork_error *err)
{
	struct limits *l = &budget->broker.limits;
	uint64_t streamed = 0;
	const char *over = NULL;

	for (size_t i = 0; i < c->storage_count; i++)
		if (c->storages[i].streamed)
			streamed += c->storages[i].length;
	budget->opened_bytes += size;
	if (!spend(&l->input_bytes, size))
		over = "input_bytes";
	else if (!spend(&l->streamed_bytes, streamed))
		over = "streamed_bytes";
	else if (!spend(&l->names_bytes, c->strings.total))
		over = "names_bytes";
	else if (!spend(&budget->storages, c->storage_count))
		over = "tensors";
	else
		over = spend_tensors(budget, c, how);
	if (over != NULL)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the files of a store together are over the limit %s",
		    over);
	return PFORK_OK;
}

enum pfork_code
store_judge_sum(const struct store_budget *budget, pfork_error *err)
{
	/* Sizes are at most 16 TiB each, and their sum is input_bytes'. */
	if (!budget->contiguous_limited &&
	    budget->contiguous > 8 * budget->opened_bytes + GIB)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the tensors' bytes are over 8 times those of all files "
		    "and 1 GiB, the limit contiguous_bytes");
	return PFORK_OK;
}

/* ---------------------------------------------------------------- loads -- */

/* The settings for one file: what is left, and what Go says beside it. */
static struct pfork_broker
broker_for(const struct pfork_store *s, const struct store_budget *budget,
    enum store_part how)
{
	struct pfork_broker b = budget->broker;

	if (how == PART_DISTCP) {
		b.go_flags = GO_DISTCP;
		b.limits.tensors = budget->archives;
		b.limits.contiguous_bytes = s->broker.limits.contiguous_bytes;
	} else if (how == PART_RAW) {
		b.go_flags = GO_RAW;
	}
	return b;
}

static enum pfork_code
run_worker(const struct pfork_broker *b, struct source *input, bool scan,
    pfork_checkpoint **out, pfork_error *err)
{
	struct pfork_job *job;
	enum pfork_code code = load_job_begin(b, input, false, &job, err);

	if (code != PFORK_OK)
		return code;
	load_job_wait(job);
	return load_job_result(job, scan, out, err);
}

/* No worker, for there is nothing to parse: the broker will read it itself.
 * Takes the input over. */
static enum pfork_code
take_raw(const struct pfork_broker *b, struct source *input,
    pfork_checkpoint **out, pfork_error *err)
{
	pfork_checkpoint *c;
	enum pfork_code code;

	c = checkpoint_new();
	if (c == NULL) {
		input_close(input);
		return store_no_memory(err);
	}
	c->source = *input;
	c->flags = b->flags;
	c->verdict = PFORK_CLEAN;
	code = input_map(c, monotonic_ms() + b->limits.wall_ms, err);
	if (code == PFORK_OK)
		*out = c;
	else
		pfork_checkpoint_unref(c);
	return code;
}

/* The one descriptor that is judged, hashed, handed to the worker and read. */
static enum pfork_code
open_input(const struct pfork_store *s, struct store_budget *budget,
    const char *path, struct source *input, bool *others_write,
    pfork_error *err)
{
	enum pfork_code code = store_spend_time(budget, err);
	int fd = -1;

	if (code == PFORK_OK)
		code = store_open_file(s, path, &fd, others_write, err);
	if (code != PFORK_OK)
		return code;
	code = input_from_fd(&budget->broker, fd, input, err);
	close(fd);
	if (code != PFORK_OK)
		return code;
	code = store_judge_pin(s, budget, path, input, err);
	if (code != PFORK_OK)
		input_close(input);
	return code;
}

enum pfork_code
store_load_file(const struct pfork_store *s, struct store_budget *budget,
    const char *path, enum store_part how, bool scan, pfork_checkpoint **out,
    bool *others_write, pfork_error *err)
{
	struct pfork_broker b;
	struct source input;
	pfork_checkpoint *c = NULL;
	pfork_error why;
	uint64_t size;
	enum pfork_code code;

	*others_write = false;
	code = open_input(s, budget, path, &input, others_write, &why);
	if (scan && load_job_is_fault(code))
		return load_empty_report(&why, out, err);
	if (code != PFORK_OK) {
		if (err != NULL)
			*err = why;
		return code;
	}
	size = input.size;
	b = broker_for(s, budget, how);
	code = how == PART_RAW && b.delivery != PFORK_DELIVER_STREAM ?
	    take_raw(&b, &input, &c, err) :
	    run_worker(&b, &input, scan, &c, err);
	if (c == NULL)
		return code;
	code = spend_file(budget, c, size, how, err);
	if (code == PFORK_OK)
		*out = c;
	else
		pfork_checkpoint_unref(c);
	return code;
}
