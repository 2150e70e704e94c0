/* SPDX-License-Identifier: Apache-2.0
 *
 * store_set.c - from an index to one checkpoint over several files.  The index
 * says which tensor is in which file; a worker has read it, so nothing that it
 * says is believed: each name is judged, each file is loaded for itself, and a
 * tensor must be where it is said to be.
 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "error.h"

static const char prefix[] = "weight_map.";
#define PREFIX (sizeof(prefix) - 1)

struct set {
	const struct pfork_store *store;
	struct store_budget *budget;
	pfork_checkpoint *c;
	const char *path;		/* of the index */
	size_t directory;		/* bytes of it, with the last '/' */
	struct set_entry {
		const char *name;	/* of a tensor */
		uint32_t file;
		bool seen;
	} *entries;
	size_t entry_count;
	const char **files;		/* NUL-terminated, in c->strings */
	size_t file_count;
	struct name_table by_name;
	struct name_table by_file;
	uint64_t storages;
	size_t room;			/* in c->members */
	size_t alias_room;
};

static enum pfork_code
no_memory(pfork_error *err)
{
	return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
	    "no memory for the files of a store");
}

static enum pfork_code
bad_index(pfork_error *err, const char *what, const char *name)
{
	return error_about(err, PFORK_E_FORMAT, 0, PFORK_NO_OFFSET, what, name,
	    strlen(name));
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

	if (c->note_count >= notes_max) {
		c->notes_dropped++;
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

/* --------------------------------------------------------------- index -- */

static enum pfork_code
take_file(struct set *set, const struct scalar_entry *s, uint32_t *file,
    pfork_error *err)
{
	const char *name = (const char *)s->bytes;
	uint32_t known;

	/* Scalars are NUL-terminated, and may hold NUL before that. */
	if (s->length != s->full_length ||
	    !store_name_is_sibling(name, s->length))
		return error_about(err, PFORK_E_FORMAT, 0, PFORK_NO_OFFSET,
		    "the index names a file that is no sibling of it", name,
		    s->length);
	known = name_table_find(&set->by_file, name);
	if (known == UINT32_MAX) {
		known = (uint32_t)set->file_count;
		if (set->file_count >= set->store->files)
			return error_set(err, PFORK_E_LIMIT, 0,
			    PFORK_NO_OFFSET, "the index names more files than "
			    "the limit of %u", set->store->files);
		if (name_table_add(&set->by_file, name, known) != 1)
			return no_memory(err);
		set->files[set->file_count++] = name;
	}
	*file = known;
	return PFORK_OK;
}

static enum pfork_code
take_index(struct set *set, pfork_error *err)
{
	const pfork_checkpoint *c = set->c;
	struct set_entry *e;
	enum pfork_code code;
	int added;

	set->entries = calloc(c->scalar_count + 1, sizeof(*set->entries));
	set->files = calloc(set->store->files, sizeof(*set->files));
	if (set->entries == NULL || set->files == NULL)
		return no_memory(err);
	for (size_t i = 0; i < c->scalar_count; i++) {
		const struct scalar_entry *s = &c->scalars[i];

		if (s->kind != PFORK_SCALAR_TEXT ||
		    strncmp(s->name, prefix, PREFIX) != 0)
			continue;
		e = &set->entries[set->entry_count];
		e->name = s->name + PREFIX;
		code = take_file(set, s, &e->file, err);
		if (code != PFORK_OK)
			return code;
		added = name_table_add(&set->by_name, e->name,
		    (uint32_t)set->entry_count);
		if (added != 1)
			return added == 0 ? bad_index(err,
			    "the index names a tensor twice", e->name) :
			    no_memory(err);
		set->entry_count++;
	}
	return PFORK_OK;
}

/* --------------------------------------------------------------- parts -- */

/* The entry of the index for a name in this file, or NULL. */
static struct set_entry *
entry_for(const struct set *set, const char *name, uint32_t file)
{
	uint32_t i = name_table_find(&set->by_name, name);

	return i == UINT32_MAX || set->entries[i].file != file ? NULL :
	    &set->entries[i];
}

static enum pfork_code
add_member(struct set *set, const struct pfork_tensor *t, pfork_error *err)
{
	pfork_checkpoint *c = set->c;
	int added = name_table_add(&c->names, t->name,
	    (uint32_t)c->tensor_count);

	if (added != 1)
		return added == 0 ? bad_index(err,
		    "two files have a tensor of one name", t->name) :
		    no_memory(err);
	c->members[c->tensor_count++] = t;
	return PFORK_OK;
}

/* Tied weights: the index may name the second name alone. */
static enum pfork_code
add_alias(struct set *set, struct set_entry *e, const struct pfork_tensor *t,
    pfork_error *err)
{
	pfork_checkpoint *c = set->c;
	uint32_t target = name_table_find(&c->names, t->name);
	enum pfork_code code;
	int added;

	if (target == UINT32_MAX) {
		code = add_member(set, t, err);
		if (code != PFORK_OK)
			return code;
		target = (uint32_t)c->tensor_count - 1;
	}
	if (c->members[target] != t)
		return bad_index(err, "two files have a tensor of one name",
		    t->name);
	added = name_table_add(&c->names, e->name, target);
	if (added != 1)
		return added == 0 ? bad_index(err,
		    "two files have a tensor of one name", e->name) :
		    no_memory(err);
	c->aliases[c->alias_count].name = e->name;
	c->aliases[c->alias_count++].target = target;
	e->seen = true;
	return PFORK_OK;
}

/* Room for all that the part could add. */
static bool
make_room(struct set *set, const pfork_checkpoint *part)
{
	pfork_checkpoint *c = set->c;
	size_t tensors = c->tensor_count + part->tensor_count;
	size_t aliases = c->alias_count + part->alias_count;
	void *moved;

	if (c->members == NULL || tensors > set->room) {
		set->room = 2 * tensors + 1;
		moved = reallocarray(c->members, set->room,
		    sizeof(c->members[0])); /* NOLINT: pointers */
		if (moved == NULL)
			return false;
		c->members = moved;
	}
	if (c->aliases == NULL || aliases > set->alias_room) {
		set->alias_room = 2 * aliases + 1;
		moved = reallocarray(c->aliases, set->alias_room,
		    sizeof(*c->aliases));
		if (moved == NULL)
			return false;
		c->aliases = moved;
	}
	return true;
}

static enum pfork_code
merge_tensors(struct set *set, const pfork_checkpoint *part, uint32_t file,
    pfork_error *err)
{
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_SKIPPED,
		.level = PFORK_UNUSUAL
	};
	enum pfork_code code = PFORK_OK;
	struct set_entry *e;
	bool fine;

	for (size_t i = 0; code == PFORK_OK && i < part->tensor_count; i++) {
		e = entry_for(set, part->tensors[i].name, file);
		if (e != NULL) {
			e->seen = true;
			code = add_member(set, &part->tensors[i], err);
			continue;
		}
		note.text = part->tensors[i].name;
		fine = store_note(set->c, set->store->broker.limits.notes,
		    "left out, for the index does not name it", &note);
		if (!fine)
			return no_memory(err);
	}
	for (size_t i = 0; code == PFORK_OK && i < part->alias_count; i++) {
		e = entry_for(set, part->aliases[i].name, file);
		if (e != NULL)
			code = add_alias(set, e,
			    &part->tensors[part->aliases[i].target], err);
	}
	return code;
}

static enum pfork_code
merge(struct set *set, pfork_checkpoint *part, uint32_t file,
    pfork_error *err)
{
	pfork_checkpoint *c = set->c;
	uint64_t most = set->store->broker.limits.notes;

	if (set->storages + part->storage_count > UINT32_MAX)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the files of a store have too many storages");
	part->storage_base = (uint32_t)set->storages;
	set->storages += part->storage_count;
	if (!make_room(set, part))
		return no_memory(err);
	for (size_t i = 0; i < part->note_count; i++)
		if (!store_note(c, most, set->files[file], &part->notes[i]))
			return no_memory(err);
	c->notes_dropped += part->notes_dropped;
	if (part->verdict > c->verdict)
		c->verdict = part->verdict;
	return merge_tensors(set, part, file, err);
}

/* Whatever went wrong, which file it was. */
static enum pfork_code
in_file(const char *file, enum pfork_code code, pfork_error *err)
{
	char name[96];
	char text[sizeof(err->text)];

	if (err == NULL)
		return code;
	error_escape(name, sizeof(name), file, strlen(file));
	memcpy(text, err->text, sizeof(text));
	(void)snprintf(err->text, sizeof(err->text), "%s: %.150s", name, text);
	return code;
}

static enum pfork_code
load_part(struct set *set, uint32_t file, pfork_error *err)
{
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_RECORD,
		.level = PFORK_CLEAN, .text = "others may write to this file"
	};
	pfork_checkpoint *part;
	enum pfork_code code;
	bool others_write;
	char path[WORKER_PATH_MAX];
	int length = snprintf(path, sizeof(path), "%.*s%s",
	    (int)set->directory, set->path, set->files[file]);

	if (length < 0 || (size_t)length >= sizeof(path))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the path of a file of the store is too long");
	code = store_load_file(set->store, set->budget, path, &part,
	    &others_write, err);
	if (code != PFORK_OK)
		return in_file(set->files[file], code, err);
	set->c->parts[set->c->part_count++] = part;
	part->file = strdup(set->files[file]);
	if (part->file == NULL || (others_write && !store_note(set->c,
	    set->store->broker.limits.notes, set->files[file], &note)))
		return no_memory(err);
	/* An index of indexes would be a way to go on for ever. */
	if (strcmp(part->format, set->c->format) == 0)
		return bad_index(err, "the index names another index",
		    set->files[file]);
	return merge(set, part, file, err);
}

static enum pfork_code
load_parts(struct set *set, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;

	set->c->parts = calloc(set->file_count + 1,
	    sizeof(set->c->parts[0])); /* NOLINT: pointers */
	set->c->members = calloc(1,
	    sizeof(set->c->members[0])); /* NOLINT: pointers */
	if (set->c->parts == NULL || set->c->members == NULL)
		return no_memory(err);
	for (uint32_t i = 0; code == PFORK_OK && i < set->file_count; i++)
		code = load_part(set, i, err);
	for (size_t i = 0; code == PFORK_OK && i < set->entry_count; i++)
		if (!set->entries[i].seen)
			code = bad_index(err, "the index names a tensor that "
			    "its file does not have", set->entries[i].name);
	return code;
}

enum pfork_code
store_make_set(const struct pfork_store *s, struct store_budget *budget,
    const char *path, pfork_checkpoint *c, pfork_error *err)
{
	const char *slash = strrchr(path, '/');
	struct set set = {
		.store = s, .budget = budget, .c = c, .path = path,
		.directory = slash != NULL ? (size_t)(slash - path) + 1 : 0
	};
	enum pfork_code code;

	/* Ours reports none; one that was taken over might. */
	if (c->tensor_count != 0 || c->alias_count != 0 ||
	    c->storage_count != 0)
		return error_set(err, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
		    "the worker reported an index that has tensors");
	memcpy(set.by_name.seed, c->names.seed, sizeof(set.by_name.seed));
	memcpy(set.by_file.seed, c->names.seed, sizeof(set.by_file.seed));
	if ((s->broker.flags & PFORK_SCALARS) == 0)
		budget->broker.flags &= ~PFORK_SCALARS;
	code = take_index(&set, err);
	if (code == PFORK_OK)
		code = load_parts(&set, err);
	name_table_free(&set.by_name);
	name_table_free(&set.by_file);
	free(set.entries);
	free(set.files);
	return code;
}
