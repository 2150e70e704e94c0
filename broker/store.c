/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - opens a store and loads from it.  Trusts the caller's choice of the
 * directory and of the first file; what that file says is store_set.c's.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cancel.h"
#include "child.h"
#include "error.h"
#include "holder.h"
#include "keeper.h"
#include "monotonic.h"
#include "wire.h"

#define FILES_DEFAULT 1024
#define FILES_CEILING 65536

static enum pfork_code
bad(pfork_error *err, const char *what)
{
	return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
	    "pfork_store: %s", what);
}

static enum pfork_code
take_options(struct pfork_store *s, const pfork_store_options *from,
    pfork_error *err)
{
	pfork_store_options o = { 0 };

	if (from != NULL) {
		if (from->size < sizeof(size_t) || from->size > sizeof(o))
			return bad(err, "options.size is not a size of "
			    "pfork_store_options");
		memcpy(&o, from, from->size);
	}
	if ((o.flags & ~(PFORK_STORE_SYMLINKS | PFORK_STORE_PINNED)) != 0)
		return bad(err, "options.flags has an unknown bit");
	if (o.files > FILES_CEILING)
		return bad(err, "options.files is over its ceiling of 65536");
	if ((o.pins == NULL) != (o.pin_count == 0))
		return bad(err, "options.pins and options.pin_count disagree");
	s->flags = o.flags;
	s->files = o.files != 0 ? o.files : FILES_DEFAULT;
	return store_take_pins(s, o.pins, o.pin_count, err);
}

static enum pfork_code
open_root(struct pfork_store *s, const char *path, pfork_error *err)
{
	struct stat st;
	int errnum;

	do {
		s->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (s->root < 0 && errno == EINTR);
	if (s->root >= 0)
		s->root = child_fd_above(s->root);
	if (s->root < 0 || fstat(s->root, &st) != 0) {
		errnum = errno;
		if (s->root >= 0)
			close(s->root);
		s->root = -1;
		return error_set(err, PFORK_E_SYSTEM, errnum, PFORK_NO_OFFSET,
		    "opening the store's directory: %s", error_errno(errnum));
	}
	s->root_id = (struct identity){ st.st_dev, st.st_ino };
	s->root_is_open = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
	    (st.st_uid != 0 && st.st_uid != geteuid());
	return PFORK_OK;
}

enum pfork_code
pfork_store_open(pfork_broker *broker, const char *path,
    const pfork_store_options *options, pfork_store **store, pfork_error *err)
{
	CANCEL_WAITS;
	struct pfork_store *s;
	enum pfork_code code;

	if (broker == NULL || store == NULL || path == NULL || path[0] == '\0')
		return bad(err, "a pointer is NULL, or the path is empty");
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory");
	s->broker = *broker;
	keeper_ref(s->broker.keeper);
	holder_ref(s->broker.holder);
	s->root = -1;
	code = take_options(s, options, err);
	if (code == PFORK_OK)
		code = open_root(s, path, err);
	if (code == PFORK_OK)
		*store = s;
	else
		pfork_store_free(s);
	return code;
}

void
pfork_store_free(pfork_store *store)
{
	CANCEL_WAITS;

	if (store == NULL)
		return;
	identity_close(store->root, &store->root_id);
	store_free_pins(store);
	keeper_unref(store->broker.keeper);
	holder_unref(store->broker.holder);
	free(store);
}

static void
budget_init(struct store_budget *budget, const struct pfork_store *s)
{
	memset(budget, 0, sizeof(*budget));
	budget->broker = s->broker;
	budget->broker.go_flags = GO_PIECES;
	budget->started = monotonic_ms();
	budget->contiguous_limited = s->broker.limits.contiguous_bytes != 0;
	budget->wall_ms = s->broker.limits.wall_ms;
	budget->storages = s->broker.limits.tensors;
	budget->archives = s->broker.limits.tensors;
	/* What an index says are scalars. */
	budget->broker.flags |= PFORK_SCALARS;
}

static bool
note_others(const struct pfork_store *s, pfork_checkpoint *c, const char *file,
    bool others_write)
{
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_RECORD,
		.level = PFORK_CLEAN
	};

	note.text = "others may write to this file";
	if (others_write && !store_note(c, s->broker.limits.notes, file, &note))
		return false;
	note.text = "others may write to the directory";
	return !store_way_is_open(s, file) ||
	    store_note(c, s->broker.limits.notes, NULL, &note);
}

static enum pfork_code
load(struct pfork_store *s, const char *file, bool scan,
    pfork_checkpoint **ckpt, pfork_error *err)
{
	struct store_budget budget;
	pfork_checkpoint *c;
	enum pfork_code code;
	bool others_write;

	if (s == NULL || file == NULL || file[0] == '\0' || ckpt == NULL)
		return bad(err, "a pointer is NULL, or the file's name empty");
	budget_init(&budget, s);
	code = store_load_file(s, &budget, file, PART_CHECKPOINT, scan, &c,
	    &others_write, err);
	if (code != PFORK_OK)
		return code;
	budget.broker.go_flags = 0;
	if (!note_others(s, c, file, others_write))
		code = store_no_memory(err);
	if (code == PFORK_OK && !c->has_fault)
		code = store_make_set(s, &budget, file, scan, c, err);
	if (code != PFORK_OK) {
		pfork_checkpoint_unref(c);
		return code;
	}
	if ((s->broker.flags & PFORK_SCALARS) == 0)
		c->scalar_count = 0;
	*ckpt = c;
	return PFORK_OK;
}

enum pfork_code
pfork_store_load(pfork_store *store, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;

	return load(store, file, false, ckpt, err);
}

enum pfork_code
pfork_store_scan(pfork_store *store, const char *file, pfork_checkpoint **ckpt,
    pfork_error *err)
{
	CANCEL_WAITS;

	return load(store, file, true, ckpt, err);
}
