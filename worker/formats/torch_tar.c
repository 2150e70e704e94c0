/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_tar.c - what torch.save wrote before 0.1.10: a tar archive
 * of `storages` (a count; for each a pickle (key, location, class), an i64
 * count of elements and the elements; then a pickled list of views), `tensors`
 * (a count; for each a pickle (key, storage, class), then i32 rank, 4 bytes,
 * sizes, strides and offset as i64) and `pickle`, whose persistent ids are the
 * keys.  Source:
 * torch/serialization.py (legacy_load) of 2.13; numbers are little-endian.
 * Each persistent id is turned into the words that later files use, so that one
 * vocabulary judges all geometry: torch_tar_words.c.
 */
#include "torch_tar.h"

#include <string.h>

#include "cursor.h"
#include "dtype.h"
#include "formats.h"
#include "sink.h"
#include "siphash.h"
#include "verdict.h"
#include "vocabulary_word.h"

static bool
name_is(const uint8_t *name, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(name, want, len) == 0;
}

/* All three must be there; sys_info is not read by torch either. */
bool
torch_tar_is(struct job *job)
{
	const uint8_t *name;
	size_t len;
	uint64_t at = 0;
	unsigned seen = 0;

	if (!tar_is(job))
		return false;
	/* PAX headers stand between them. */
	for (unsigned i = 0; i < 64 && tar_peek(job, &at, &name, &len); i++) {
		seen |= name_is(name, len, "storages") ? 1u : 0;
		seen |= name_is(name, len, "tensors") ? 2u : 0;
		seen |= name_is(name, len, "pickle") ? 4u : 0;
	}
	return seen == 7;
}

void
torch_tar_lie(struct torch_tar *t, uint64_t where, const char *text)
{
	verdict_nodes(&t->graph, 0);
	die(t->job, FAULT_FORMAT, where, text);
}

static void
enter_member(struct torch_tar *t, const char *name)
{
	const struct tar_member *m = tar_find(&t->tar, name);

	if (m == NULL)
		die_about(t->job, FAULT_FORMAT, 0, "the archive has no member",
		    name, strlen(name));
	t->at = 0;
	t->source = (struct pickle_source){ .at = t->job->map + m->data,
		.len = m->size, .base = m->data, .in_file = true,
		.roomy = true };
}

/* Offset in the input of the next byte. */
static uint64_t
here(const struct torch_tar *t)
{
	return t->source.base + t->at;
}

static struct machine_result
run(struct torch_tar *t)
{
	struct machine_result result;
	struct machine_error error;

	if (!machine_run(&t->graph, &t->source, t->at, false, &result,
	    &error)) {
		verdict_nodes(&t->graph, 0);
		die(t->job, error.code, error.where, error.text);
	}
	t->at = result.end;
	return result;
}

/* An integer that stands alone, and is not a bool. */
static int64_t
run_count(struct torch_tar *t)
{
	uint64_t where = here(t);
	vref v = run(t).value;
	int64_t count;

	if (value_kind(&t->graph, v) != VALUE_INT ||
	    !value_int(&t->graph, v, &count) || count < 0)
		torch_tar_lie(t, where, "a count is not a natural number");
	return count;
}

static int64_t
key_at(struct torch_tar *t, vref tuple, uint32_t i, uint64_t where)
{
	vref v = value_item(&t->graph, tuple, i);
	int64_t key;

	if (value_kind(&t->graph, v) != VALUE_INT ||
	    !value_int(&t->graph, v, &key))
		torch_tar_lie(t, where, "a key is not a number");
	return key;
}

/* (key, ...) of three parts. */
static vref
run_triple(struct torch_tar *t, uint64_t where)
{
	vref v = run(t).value;

	if ((value_kind(&t->graph, v) != VALUE_TUPLE &&
	    value_kind(&t->graph, v) != VALUE_LIST) ||
	    value_count(&t->graph, v) != 3)
		torch_tar_lie(t, where, "an entry is not of three parts");
	return v;
}

/* ---------------------------------------------------------------- the table */

/* The key's slot, or the free one where it belongs; at least half of them are
 * free. */
static struct tar_object *
slot_of(const struct torch_tar *t, int64_t key)
{
	uint64_t hash = siphash(t->job->seed, &key, sizeof key);
	struct tar_object *o;

	for (uint64_t i = hash;; i++) {
		o = &t->objects[i & (t->capacity - 1)];
		if (o->kind == OBJECT_NONE || o->key == key)
			return o;
	}
}

struct tar_object *
torch_tar_find(const struct torch_tar *t, int64_t key)
{
	return t->capacity == 0 ? NULL : slot_of(t, key);
}

static struct tar_object *
new_object(struct torch_tar *t, int64_t key, enum object_kind kind,
    uint64_t where)
{
	struct tar_object *old = t->objects;
	uint32_t had = t->capacity;
	struct tar_object *o;

	if (t->count >= had / 2) {
		t->capacity = had == 0 ? 64 : had * 2;
		t->objects = arena_alloc(&t->job->arena, t->capacity,
		    sizeof *t->objects);
		for (uint32_t i = 0; i < had; i++)
			if (old[i].kind != OBJECT_NONE)
				*slot_of(t, old[i].key) = old[i];
	}
	o = slot_of(t, key);
	if (o->kind != OBJECT_NONE)
		torch_tar_lie(t, where, "a key is given twice");
	t->count++;
	*o = (struct tar_object){ .key = key, .kind = kind, .where = where,
		.word = VREF_MISSING };
	return o;
}

static void
read_storage(struct torch_tar *t)
{
	uint64_t where = here(t);
	vref entry = run_triple(t, where);
	struct tar_object *o = new_object(t, key_at(t, entry, 0, where),
	    OBJECT_STORAGE, where);
	const struct dtype *d;
	struct cursor c;
	uint64_t bytes;

	o->class = value_item(&t->graph, entry, 2);
	if (!torch_storage_class(&t->graph, o->class, &d) || d == NULL ||
	    dtype_element_bytes(d) == 0)
		torch_tar_lie(t, where, "a storage of an unknown class");
	c = cursor_over(t->source.at + t->at,
	    (size_t)(t->source.len - t->at));
	o->count = cursor_u64le(&c);
	if (o->count > INT64_MAX || __builtin_mul_overflow(o->count,
	    (uint64_t)dtype_element_bytes(d), &bytes))
		torch_tar_lie(t, here(t), "a storage's length overflows");
	cursor_bytes(&c, bytes);
	if (c.bad)
		torch_tar_lie(t, here(t),
		    "a storage runs past the end of its member");
	o->data = here(t) + 8;
	o->bytes = bytes;
	t->at += 8 + bytes;
}

/* [(key, root, offset, count), ...] */
static void
read_views(struct torch_tar *t)
{
	uint64_t where = here(t);
	vref list = run(t).value;
	const struct tar_object *root;
	struct tar_object *o;
	int64_t key;

	if (value_kind(&t->graph, list) != VALUE_LIST)
		torch_tar_lie(t, where, "the views are not a list");
	for (uint32_t i = 0; i < value_count(&t->graph, list); i++) {
		vref view = value_item(&t->graph, list, i);

		if (value_count(&t->graph, view) != 4)
			torch_tar_lie(t, where, "a view is not of four parts");
		key = key_at(t, view, 1, where);
		root = torch_tar_find(t, key);
		if (root == NULL || root->kind != OBJECT_STORAGE)
			torch_tar_lie(t, where, "a view of no storage");
		o = new_object(t, key_at(t, view, 0, where), OBJECT_VIEW,
		    where);
		o->view = view;
		o->root = key;
	}
}

/* Each number becomes a value, for the vocabulary to judge. */
static vref
read_numbers(struct torch_tar *t, struct cursor *c, uint32_t rank,
    uint64_t where)
{
	vref numbers[RANK_MAX];

	for (uint32_t i = 0; i < rank; i++)
		numbers[i] = value_from_int(&t->graph,
		    (int64_t)cursor_u64le(c), where);
	return torch_tar_tuple(t, numbers, rank, where);
}

static void
read_tensor(struct torch_tar *t)
{
	uint64_t where = here(t);
	vref entry = run_triple(t, where);
	struct cursor c = cursor_over(t->source.at + t->at,
	    (size_t)(t->source.len - t->at));
	size_t had = c.left;
	uint32_t rank = cursor_u32le(&c);
	const struct tar_object *storage;
	struct tar_object *o;
	vref offset;
	vref size;
	vref stride;

	where = here(t);
	cursor_u32le(&c);
	if (rank > RANK_MAX && !c.bad)
		torch_tar_lie(t, where, "more than 64 dimensions");
	if (c.bad)
		rank = 0;
	size = read_numbers(t, &c, rank, where);
	stride = read_numbers(t, &c, rank, where);
	offset = value_from_int(&t->graph, (int64_t)cursor_u64le(&c), where);
	if (c.bad)
		torch_tar_lie(t, where, "a tensor is cut short");
	storage = torch_tar_find(t, key_at(t, entry, 1, where));
	if (storage == NULL || (storage->kind != OBJECT_STORAGE &&
	    storage->kind != OBJECT_VIEW))
		torch_tar_lie(t, where, "a tensor of no storage");
	o = new_object(t, key_at(t, entry, 0, where), OBJECT_TENSOR, where);
	o->root = key_at(t, entry, 1, where);
	o->offset = offset;
	o->size = size;
	o->stride = stride;
	t->at += had - c.left;
}

/* What a member holds beyond what torch reads. */
static void
leave_member(struct torch_tar *t)
{
	verdict_rest(&t->graph, &t->source, t->at);
}

static void
report_members(struct torch_tar *t)
{
	static const char *const known[] = { "storages", "tensors", "pickle",
		"sys_info" };
	bool is;

	for (uint32_t i = 0; i < t->tar.count; i++) {
		const struct tar_member *m = &t->tar.members[i];

		is = false;
		for (size_t k = 0; k < 4; k++)
			is = is || name_is(m->name, m->name_len, known[k]);
		if (!is)
			sink_note_about(t->job, NOTE_RECORD, VERDICT_UNUSUAL,
			    m->header, "a member that torch does not write",
			    m->name, m->name_len);
	}
	if (tar_find(&t->tar, "sys_info") != NULL) {
		enter_member(t, "sys_info");
		run(t);
		leave_member(t);
	}
}

static bool
find_storage(struct storage_home *home, const uint8_t *key, size_t key_len,
    uint64_t where, uint32_t *id, uint64_t *bytes, const uint8_t **data)
{
	struct torch_tar *t = home->context;
	struct tar_object *o;
	int64_t number;

	(void)where;
	if (!torch_tar_number(key, key_len, &number))
		return false;
	o = torch_tar_find(t, number);
	if (o == NULL || o->kind != OBJECT_STORAGE)
		return false;
	if (o->id == 0)
		o->id = sink_extent(t->job, o->data, o->bytes) + 1;
	*id = o->id - 1;
	*bytes = o->bytes;
	*data = t->job->map + o->data;
	return true;
}

void
torch_tar_parse(struct job *job)
{
	struct torch_tar *t = arena_alloc(&job->arena, 1, sizeof *t);
	struct storage_home home = { .find = find_storage, .job = job,
		.context = t, .views = true };
	struct machine_result object;
	int64_t n;
	vref end;

	t->job = job;
	graph_init(&t->graph, job);
	tar_open(job, &t->tar);
	report_members(t);
	enter_member(t, "storages");
	for (n = run_count(t); n > 0; n--)
		read_storage(t);
	read_views(t);
	leave_member(t);
	enter_member(t, "tensors");
	for (n = run_count(t); n > 0; n--)
		read_tensor(t);
	leave_member(t);
	enter_member(t, "pickle");
	object = run(t);
	end = t->graph.next;
	torch_tar_modules(t, object.first_node, end);
	verdict_nodes(&t->graph, 0);
	leave_member(t);
	torch_tar_words(t, object.first_node, end);
	walk_tensors(&t->graph, object.value, &home);
}
