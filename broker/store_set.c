/* SPDX-License-Identifier: Apache-2.0
 *
 * store_set.c - from a file that names others to one checkpoint over all of
 * them: loads the parts, and takes their notes and verdicts.  A load ends at
 * the first error; a scan records it as the fault of the set, and goes on for
 * what the other files want.
 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "error.h"
#include "input.h"
#include "load_job.h"

enum pfork_code
store_no_memory(pfork_error *err)
{
	return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
	    "no memory for the files of a store");
}

bool
store_note(pfork_checkpoint *c, uint64_t notes_max, const char *file,
    const struct note_entry *note)
{
	/* A part of the text was judged before: only the name is new. */
	char text[NOTE_TEXT_MAX + 1024];
	struct wire_note m = {
		.kind = note->kind, .level = note->level, .where = note->where
	};
	int length;

	if (c->note_count >= notes_max + note_is_of_loss(note->kind)) {
		checkpoint_drop_notes(c, 1);
		return true;
	}
	length = snprintf(text, sizeof(text), "%s%s%s",
	    file != NULL ? file : "", file != NULL ? ": " : "", note->text);
	if (length < 0 || (size_t)length >= sizeof(text))
		m.text = (struct wire_bytes){ (const uint8_t *)note->text,
			strlen(note->text) };
	else
		m.text = (struct wire_bytes){ (const uint8_t *)text,
			(size_t)length };
	return build_note(c, &m) == BUILD_OK;
}

/* --------------------------------------------------------------- faults -- */

/* Whatever went wrong, which file it was. */
static void
name_file(const char *file, pfork_error *err)
{
	char name[96];
	char text[sizeof(err->text)];

	error_escape(name, sizeof(name), file, strlen(file));
	memcpy(text, err->text, sizeof(text));
	(void)snprintf(err->text, sizeof(err->text), "%s: %.150s", name, text);
}

/* An error that lies in the files and not in us.  ARGS is a sibling that is no
 * regular file, SYSTEM one that cannot be opened. */
static bool
is_in_file(const pfork_error *why)
{
	if (why->code == PFORK_E_SYSTEM)
		return why->errnum != ENOMEM && why->errnum != EMFILE &&
		    why->errnum != ENFILE && why->errnum != EAGAIN;
	return load_job_is_fault(why->code) ||
	    why->code == PFORK_E_REFUSED || why->code == PFORK_E_ARGS;
}

/* The first fault is the one that is told. */
static void
record_fault(pfork_checkpoint *c, const pfork_error *why)
{
	if (c->has_fault)
		return;
	c->has_fault = true;
	c->fault = *why;
}

/* ---------------------------------------------------------------- parts -- */

static bool
take_notes(struct store_set *set, const char *file,
    const pfork_checkpoint *part, bool others_write)
{
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_RECORD,
		.level = PFORK_CLEAN, .text = "others may write to this file"
	};
	uint64_t most = set->store->broker.limits.notes;

	if (others_write && !store_note(set->c, most, file, &note))
		return false;
	for (size_t i = 0; i < part->note_count; i++)
		if (!store_note(set->c, most, file, &part->notes[i]))
			return false;
	checkpoint_drop_notes(set->c, part->notes_dropped);
	if (part->verdict > set->c->verdict)
		set->c->verdict = part->verdict;
	return true;
}

static enum pfork_code
keep_part(struct store_set *set, const char *file, pfork_checkpoint *part,
    pfork_error *err)
{
	pfork_checkpoint *c = set->c;
	pfork_checkpoint **parts = reallocarray(c->parts, c->part_count + 1,
	    sizeof(c->parts[0])); /* NOLINT: pointers */

	if (parts == NULL) {
		pfork_checkpoint_unref(part);
		return store_no_memory(err);
	}
	c->parts = parts;
	c->parts[c->part_count++] = part;
	part->file = strdup(file);
	if (part->file == NULL)
		return store_no_memory(err);
	part->storage_base = (uint32_t)set->storages;
	if (part->storage_count > UINT32_MAX - set->storages)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the files of a store have too many storages");
	set->storages += part->storage_count;
	return PFORK_OK;
}

static enum pfork_code
load_sibling(struct store_set *set, const char *file, enum store_part how,
    pfork_checkpoint **part, bool *others_write, pfork_error *err)
{
	char path[WORKER_PATH_MAX];
	int length = snprintf(path, sizeof(path), "%.*s%s",
	    (int)set->directory, set->path, file);

	if (length < 0 || (size_t)length >= sizeof(path))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the path of a file of the store is too long");
	return store_load_file(set->store, set->budget, path, how, set->scan,
	    part, others_write, err);
}

enum pfork_code
store_add_part(struct store_set *set, const char *file, enum store_part how,
    pfork_checkpoint **part, pfork_error *err)
{
	pfork_checkpoint *c = NULL;
	pfork_error why = { .code = PFORK_OK };
	bool others_write = false;

	*part = NULL;
	(void)load_sibling(set, file, how, &c, &others_write, &why);
	if (c != NULL && !take_notes(set, file, c, others_write)) {
		(void)store_no_memory(&why);
	} else if (c != NULL && !c->has_fault) {
		*part = c;
		return keep_part(set, file, c, err);
	} else if (c != NULL) {
		why = c->fault;
	}
	pfork_checkpoint_unref(c);
	name_file(file, &why);
	if (set->scan && is_in_file(&why)) {
		record_fault(set->c, &why);
		return PFORK_OK;
	}
	if (err != NULL)
		*err = why;
	return why.code;
}

/* ----------------------------------------------------------------- sets -- */

/* A set with a fault is no set: the notes are left, and a verdict that is never
 * clean. */
static void
leave_report(pfork_checkpoint *c)
{
	checkpoint_drop_tensors(c);
	if (c->source.fd >= 0)
		input_close(&c->source);
	if (c->verdict != PFORK_DANGEROUS)
		c->verdict = PFORK_UNDECIDED;
}

static enum pfork_code
make_kind(struct store_set *set, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;

	if (strcmp(set->c->format, "hf-index") == 0)
		code = store_make_index(set, err);
	else if (set->c->piece_count > 0 ||
	    strcmp(set->c->format, "torch-dcp") == 0)
		code = store_make_pieces(set, err);
	if (code == PFORK_OK)
		code = store_judge_sum(set->budget, err);
	return code;
}

enum pfork_code
store_make_set(const struct pfork_store *s, struct store_budget *budget,
    const char *path, bool scan, pfork_checkpoint *c, pfork_error *err)
{
	const char *slash = strrchr(path, '/');
	struct store_set set = {
		.store = s, .budget = budget, .c = c, .path = path,
		.directory = slash != NULL ? (size_t)(slash - path) + 1 : 0,
		.scan = scan, .storages = c->storage_count
	};
	pfork_error why = { .code = PFORK_OK };
	enum pfork_code code;

	if ((s->broker.flags & PFORK_SCALARS) == 0)
		budget->broker.flags &= ~PFORK_SCALARS;
	code = make_kind(&set, &why);
	if (code != PFORK_OK && scan && load_job_is_fault(code)) {
		record_fault(c, &why);
		code = PFORK_OK;
	}
	if (c->has_fault)
		leave_report(c);
	if (code != PFORK_OK && err != NULL)
		*err = why;
	return code;
}
