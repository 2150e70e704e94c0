/* SPDX-License-Identifier: Apache-2.0
 *
 * store_index.c - the tensors that a Hugging Face index names, from its files.
 * The index says which tensor is in which file; a worker has read it, so
 * nothing that it says is believed: each name is judged, each file is loaded
 * for itself, and a tensor must be where it is said to be.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

static const char prefix[] = "weight_map.";
#define PREFIX (sizeof(prefix) - 1)

struct index {
	struct store_set *set;
	struct index_entry {
		const char *name;	/* of a tensor */
		uint32_t file;
		bool seen;
	} *entries;
	size_t entry_count;
	const char **files;		/* NUL-terminated, in c->strings */
	size_t file_count;
	struct name_table by_name;
	struct name_table by_file;
	size_t room;			/* in c->members */
	size_t alias_room;
};

static enum pfork_code
bad_index(pfork_error *err, const char *what, const char *name)
{
	return error_about(err, PFORK_E_FORMAT, 0, PFORK_NO_OFFSET, what, name,
	    strlen(name));
}

/* --------------------------------------------------------------- index -- */

static enum pfork_code
take_file(struct index *x, const struct scalar_entry *s, uint32_t *file,
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
	known = name_table_find(&x->by_file, name);
	if (known == UINT32_MAX) {
		known = (uint32_t)x->file_count;
		if (x->file_count >= x->set->store->files)
			return error_set(err, PFORK_E_LIMIT, 0,
			    PFORK_NO_OFFSET, "the index names more files than "
			    "the limit of %u", x->set->store->files);
		if (name_table_add(&x->by_file, name, known) != 1)
			return store_no_memory(err);
		x->files[x->file_count++] = name;
	}
	*file = known;
	return PFORK_OK;
}

static enum pfork_code
take_index(struct index *x, pfork_error *err)
{
	const pfork_checkpoint *c = x->set->c;
	struct index_entry *e;
	enum pfork_code code;
	int added;

	x->entries = calloc(c->scalar_count + 1, sizeof(*x->entries));
	x->files = calloc(x->set->store->files, sizeof(*x->files));
	if (x->entries == NULL || x->files == NULL)
		return store_no_memory(err);
	for (size_t i = 0; i < c->scalar_count; i++) {
		const struct scalar_entry *s = &c->scalars[i];

		if (s->kind != PFORK_SCALAR_TEXT ||
		    strncmp(s->name, prefix, PREFIX) != 0)
			continue;
		e = &x->entries[x->entry_count];
		e->name = s->name + PREFIX;
		code = take_file(x, s, &e->file, err);
		if (code != PFORK_OK)
			return code;
		added = name_table_add(&x->by_name, e->name,
		    (uint32_t)x->entry_count);
		if (added != 1)
			return added == 0 ? bad_index(err,
			    "the index names a tensor twice", e->name) :
			    store_no_memory(err);
		x->entry_count++;
	}
	return PFORK_OK;
}

/* --------------------------------------------------------------- parts -- */

/* The entry of the index for a name in this file, or NULL. */
static struct index_entry *
entry_for(const struct index *x, const char *name, uint32_t file)
{
	uint32_t i = name_table_find(&x->by_name, name);

	return i == UINT32_MAX || x->entries[i].file != file ? NULL :
	    &x->entries[i];
}

static enum pfork_code
add_member(struct index *x, const struct pfork_tensor *t, pfork_error *err)
{
	pfork_checkpoint *c = x->set->c;
	int added = name_table_add(&c->names, t->name,
	    (uint32_t)c->tensor_count);

	if (added != 1)
		return added == 0 ? bad_index(err,
		    "two files have a tensor of one name", t->name) :
		    store_no_memory(err);
	c->members[c->tensor_count++] = t;
	return PFORK_OK;
}

/* Tied weights: the index may name the second name alone. */
static enum pfork_code
add_alias(struct index *x, struct index_entry *e, const struct pfork_tensor *t,
    pfork_error *err)
{
	pfork_checkpoint *c = x->set->c;
	uint32_t target = name_table_find(&c->names, t->name);
	enum pfork_code code;
	int added;

	if (target == UINT32_MAX) {
		code = add_member(x, t, err);
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
		    store_no_memory(err);
	c->aliases[c->alias_count].name = e->name;
	c->aliases[c->alias_count++].target = target;
	e->seen = true;
	return PFORK_OK;
}

/* Room for all that the part could add. */
static bool
make_room(struct index *x, const pfork_checkpoint *part)
{
	pfork_checkpoint *c = x->set->c;
	size_t tensors = c->tensor_count + part->tensor_count;
	size_t aliases = c->alias_count + part->alias_count;
	void *moved;

	if (c->members == NULL || tensors > x->room) {
		x->room = 2 * tensors + 1;
		moved = reallocarray(c->members, x->room,
		    sizeof(c->members[0])); /* NOLINT: pointers */
		if (moved == NULL)
			return false;
		c->members = moved;
	}
	if (c->aliases == NULL || aliases > x->alias_room) {
		x->alias_room = 2 * aliases + 1;
		moved = reallocarray(c->aliases, x->alias_room,
		    sizeof(*c->aliases));
		if (moved == NULL)
			return false;
		c->aliases = moved;
	}
	return true;
}

/* As a worker says it of a tensor that it leaves out. */
static bool
note_unnamed(const struct index *x, const char *name)
{
	char text[TENSOR_NAME_MAX + 64];
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_SKIPPED,
		.level = PFORK_UNUSUAL, .text = text
	};

	snprintf(text, sizeof(text), "left out: %.*s: the index does not name "
	    "it", TENSOR_NAME_MAX, name);
	return store_note(x->set->c, x->set->store->broker.limits.notes, NULL,
	    &note);
}

static enum pfork_code
merge_tensors(struct index *x, const pfork_checkpoint *part, uint32_t file,
    pfork_error *err)
{
	enum pfork_code code = PFORK_OK;
	struct index_entry *e;

	for (size_t i = 0; code == PFORK_OK && i < part->tensor_count; i++) {
		e = entry_for(x, part->tensors[i].name, file);
		if (e != NULL) {
			e->seen = true;
			code = add_member(x, &part->tensors[i], err);
			continue;
		}
		if (!note_unnamed(x, part->tensors[i].name))
			return store_no_memory(err);
	}
	for (size_t i = 0; code == PFORK_OK && i < part->alias_count; i++) {
		e = entry_for(x, part->aliases[i].name, file);
		if (e != NULL)
			code = add_alias(x, e,
			    &part->tensors[part->aliases[i].target], err);
	}
	return code;
}

static enum pfork_code
load_part(struct index *x, uint32_t file, pfork_error *err)
{
	struct store_set *set = x->set;
	pfork_checkpoint *part;
	enum pfork_code code = store_add_part(set, x->files[file],
	    PART_CHECKPOINT, &part, err);

	/* A scan goes on, for what the other files want. */
	if (code != PFORK_OK || part == NULL)
		return code;
	/* An index of indexes would be a way to go on for ever. */
	if (strcmp(part->format, set->c->format) == 0)
		return bad_index(err, "the index names another index",
		    x->files[file]);
	if (!make_room(x, part))
		return store_no_memory(err);
	return merge_tensors(x, part, file, err);
}

static enum pfork_code
load_parts(struct index *x, pfork_error *err)
{
	pfork_checkpoint *c = x->set->c;
	enum pfork_code code = PFORK_OK;

	c->members = calloc(1, sizeof(c->members[0])); /* NOLINT: pointers */
	if (c->members == NULL)
		return store_no_memory(err);
	for (uint32_t i = 0; code == PFORK_OK && i < x->file_count; i++)
		code = load_part(x, i, err);
	for (size_t i = 0; code == PFORK_OK && !c->has_fault &&
	    i < x->entry_count; i++)
		if (!x->entries[i].seen)
			code = bad_index(err, "the index names a tensor that "
			    "its file does not have", x->entries[i].name);
	return code;
}

enum pfork_code
store_make_index(struct store_set *set, pfork_error *err)
{
	const pfork_checkpoint *c = set->c;
	struct index x = { .set = set };
	enum pfork_code code;

	/* Ours reports none; one that was taken over might. */
	if (c->tensor_count != 0 || c->alias_count != 0 ||
	    c->storage_count != 0)
		return error_set(err, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
		    "the worker reported an index that has tensors");
	memcpy(x.by_name.seed, c->names.seed, sizeof(x.by_name.seed));
	memcpy(x.by_file.seed, c->names.seed, sizeof(x.by_file.seed));
	code = take_index(&x, err);
	if (code == PFORK_OK)
		code = load_parts(&x, err);
	name_table_free(&x.by_name);
	name_table_free(&x.by_file);
	free(x.entries);
	free(x.files);
	return code;
}
