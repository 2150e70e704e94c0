/* SPDX-License-Identifier: Apache-2.0
 *
 * save.c - writes a checkpoint as safetensors.  The kernel moves the bytes
 * where it can; memory stays bounded whatever the size of a tensor.  Must never
 * leave a length or an offset in the header that the data does not have: on any
 * error the caller throws the file away.
 */
#include "save.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cancel.h"
#include "error.h"
#include "read.h"

/* Between two calls of progress. */
#define COPY_PIECE (16 * MIB)

enum method { COPY_RANGE, SENDFILE, BLOCKS };

struct writer {
	int fd;
	enum method method;
	uint8_t *block;		/* read_piece of the largest, when needed */
	size_t block_size;
	uint64_t done;
	uint64_t total;
	const pfork_save_options *options;
	pfork_error *err;
};

static enum pfork_code
write_failed(struct writer *w, int errnum)
{
	return error_set(w->err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
	    "writing the output: %s", strerrordesc_np(errnum));
}

/* True: try again.  A descriptor that does not block is waited for. */
static bool
retry(const struct writer *w, int errnum)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };

	if (errnum == EINTR)
		return true;
	if (errnum != EAGAIN)
		return false;
	(void)poll(&p, 1, -1);
	return true;
}

static enum pfork_code
advance(struct writer *w, uint64_t bytes)
{
	w->done += bytes;
	if (w->options->progress == NULL ||
	    w->options->progress(w->options->context, w->done, w->total))
		return PFORK_OK;
	return error_set(w->err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
	    "stopped by the caller");
}

static enum pfork_code
write_all(struct writer *w, const uint8_t *at, size_t length)
{
	ssize_t put;
	size_t left = length;

	while (left > 0) {
		put = write(w->fd, at, left);
		if (put < 0 && retry(w, errno))
			continue;
		if (put < 0)
			return write_failed(w, errno);
		at += put;
		left -= (size_t)put;
	}
	return advance(w, length);
}

/* ------------------------------------------------------- by the kernel -- */

/* What these calls answer where they do not fit the two files. */
static bool
does_not_fit(int errnum)
{
	return errnum == EXDEV || errnum == EINVAL || errnum == ENOSYS ||
	    errnum == EOPNOTSUPP || errnum == EBADF || errnum == EPERM ||
	    errnum == ETXTBSY || errnum == EISDIR;
}

static ssize_t
move(const struct writer *w, int from, off_t *offset, size_t length)
{
	if (w->method == COPY_RANGE)
		return copy_file_range(from, offset, w->fd, NULL, length, 0);
	return sendfile(w->fd, from, offset, length);
}

/* Copies what it can of [*offset, end); goes on to the next method where this
 * one does not fit. */
static enum pfork_code
copy_extent(struct writer *w, const struct source *s, off_t *offset,
    off_t end)
{
	enum pfork_code code = PFORK_OK;
	size_t piece;
	ssize_t moved;

	while (code == PFORK_OK && *offset < end && w->method != BLOCKS) {
		piece = (size_t)(end - *offset);
		if (piece > COPY_PIECE)
			piece = COPY_PIECE;
		moved = move(w, s->fd, offset, piece);
		if (moved > 0)
			code = advance(w, (uint64_t)moved);
		else if (moved == 0)
			code = error_set(w->err, PFORK_E_CHANGED, 0,
			    (uint64_t)*offset,
			    "the input became shorter while it was in use");
		else if (does_not_fit(errno))
			w->method++;
		else if (!retry(w, errno))
			code = write_failed(w, errno);
	}
	return code;
}

/* -------------------------------------------------------------- blocks -- */

static enum pfork_code
write_blocks(struct writer *w, const pfork_tensor *t, uint64_t first)
{
	enum pfork_code code = PFORK_OK;
	size_t piece = read_piece(t);
	uint8_t *more;

	if (piece > w->block_size) {
		more = realloc(w->block, piece);
		if (more == NULL)
			return error_set(w->err, PFORK_E_SYSTEM, ENOMEM,
			    PFORK_NO_OFFSET, "no memory for %zu bytes", piece);
		w->block = more;
		w->block_size = piece;
	}
	while (code == PFORK_OK && first < t->nbytes) {
		if (piece > t->nbytes - first)
			piece = (size_t)(t->nbytes - first);
		code = read_part(t, first, w->block, piece, w->err);
		if (code == PFORK_OK)
			code = write_all(w, w->block, piece);
		first += piece;
	}
	return code;
}

static enum pfork_code
write_tensor(struct writer *w, const pfork_tensor *t)
{
	const struct storage *s = checkpoint_storage(t);
	enum pfork_code code = PFORK_OK;
	uint64_t done = 0;
	off_t at;

	if (t->nbytes == 0)
		return PFORK_OK;
	if (s != NULL && t->contiguous && s->streamed) {
		while (code == PFORK_OK && done < t->nbytes) {
			size_t piece = t->nbytes - done < COPY_PIECE ?
			    (size_t)(t->nbytes - done) :
			    COPY_PIECE;

			code = write_all(w, s->bytes + t->offset + done, piece);
			done += piece;
		}
		return code;
	}
	if (s != NULL && t->contiguous) {
		at = (off_t)(s->offset + t->offset);
		code = copy_extent(w, &t->home->source, &at,
		    at + (off_t)t->nbytes);
		done = (uint64_t)at - (s->offset + t->offset);
		if (code != PFORK_OK || done == t->nbytes)
			return code;
	}
	return write_blocks(w, t, done);
}

/* -------------------------------------------------------------- public -- */

static enum pfork_code
check_arguments(const pfork_checkpoint *c, uint32_t flags, pfork_error *err)
{
	const char *what = NULL;

	if (c == NULL)
		what = "no checkpoint";
	else if (c->has_fault)
		what = "this checkpoint was not read to its end";
	else if ((flags & ~(PFORK_SAVE_CLONE_ALIASES |
	    PFORK_SAVE_SKIP_UNSUPPORTED)) != 0)
		what = "unknown flags";
	if (what == NULL)
		return PFORK_OK;
	return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET, "%s", what);
}

/* What the caller's header knew of them; the rest is 0. */
static enum pfork_code
take_options(pfork_save_options *to, const pfork_save_options *from,
    pfork_error *err)
{
	if (from == NULL)
		return PFORK_OK;
	if (from->size < sizeof(size_t) || from->size > sizeof(*to))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "pfork_save_options.size is not set");
	memcpy(to, from, from->size);
	return PFORK_OK;
}

static void
tell_names(const struct save_plan *plan, pfork_save_each each, void *context)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct save_entry *e = &plan->entries[i];

		each(context, e->name, e->tensor, e->skipped ?
		    PFORK_SAVED_LEFT_OUT : e->kept != NULL ?
		    PFORK_SAVED_ALIAS : PFORK_SAVED_WRITTEN);
	}
}

static bool
uses_input(const struct save_plan *plan)
{
	for (size_t i = 0; i < plan->written; i++)
		if (read_from_input(plan->entries[i].tensor))
			return true;
	return false;
}

enum pfork_code
pfork_save_safetensors(const pfork_checkpoint *c, int fd,
    const pfork_save_options *options, pfork_error *err)
{
	CANCEL_WAITS;
	pfork_save_options o = { 0 };
	struct writer w = { .fd = fd, .options = &o, .err = err };
	struct save_plan plan = { 0 };
	enum pfork_code code;

	code = take_options(&o, options, err);
	if (code == PFORK_OK)
		code = check_arguments(c, o.flags, err);
	if (code != PFORK_OK)
		return code;
	code = save_plan_make(&plan, c, o.flags, err);
	if (code != PFORK_OK)
		goto out;
	w.total = plan.header_size + plan.data_size;
	code = write_all(&w, plan.header, plan.header_size);
	for (size_t i = 0; code == PFORK_OK && i < plan.written; i++)
		code = write_tensor(&w, plan.entries[i].tensor);
	if (code == PFORK_OK && uses_input(&plan))
		code = checkpoint_unchanged(c, err);
	if (code == PFORK_OK && o.each != NULL)
		tell_names(&plan, o.each, o.context);
out:
	free(w.block);
	save_plan_free(&plan);
	return code;
}

enum pfork_code
pfork_save_names(const pfork_checkpoint *c, uint32_t flags,
    pfork_save_each each, void *context, pfork_error *err)
{
	CANCEL_WAITS;
	struct save_plan plan = { 0 };
	enum pfork_code code = check_arguments(c, flags, err);

	if (code == PFORK_OK)
		code = save_plan_make(&plan, c, flags, err);
	if (code == PFORK_OK)
		tell_names(&plan, each, context);
	save_plan_free(&plan);
	return code;
}
