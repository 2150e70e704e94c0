/* SPDX-License-Identifier: Apache-2.0
 *
 * save_plan.c - which names are written, which become aliases, and in which
 * order.  The same checkpoint must always give the same plan: nothing here
 * depends on addresses, time or locale.
 *
 * Order of the reference writer (safetensors/src/tensor.rs, `prepare`): dtype
 * from the last of its enum to the first, so that every tensor is aligned to
 * its elements, then name by bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "save.h"

/* The reference's Dtype enum, in its order. */
static const uint16_t dtype_order[] = { DTYPE_BOOL, DTYPE_F4, DTYPE_F6_E2M3,
	DTYPE_F6_E3M2, DTYPE_U8, DTYPE_I8, DTYPE_F8_E5M2, DTYPE_F8_E4M3,
	DTYPE_F8_E8M0, DTYPE_F8_E4M3FNUZ, DTYPE_F8_E5M2FNUZ, DTYPE_I16,
	DTYPE_U16, DTYPE_F16, DTYPE_BF16, DTYPE_I32, DTYPE_U32, DTYPE_F32,
	DTYPE_C64, DTYPE_F64, DTYPE_I64, DTYPE_U64 };

/* Two F4 in a byte are what torch calls one F4X2. */
static unsigned
saved_code(const pfork_tensor *t)
{
	return t->dtype->code == DTYPE_F4X2 ? DTYPE_F4 : t->dtype->code;
}

const char *
save_dtype(const pfork_tensor *t)
{
	const struct dtype *d = dtype_by_code(saved_code(t));

	/* The reference wants whole bytes: no odd number of F4. */
	if (!d->safetensors ||
	    pfork_tensor_elements(t) * t->dtype->bits % 8 != 0)
		return NULL;
	return d->name;
}

/* The last first. */
static uint8_t
dtype_place(const pfork_tensor *t)
{
	uint8_t i = sizeof(dtype_order) / sizeof(dtype_order[0]);

	while (i > 0 && dtype_order[i - 1] != saved_code(t))
		i--;
	return (uint8_t)(UINT8_MAX - i);
}

/* ------------------------------------------------------------- sorting -- */

static int
number_order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int
numbers_order(const uint64_t *a, const uint64_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return number_order(a[i], b[i]);
	return 0;
}

/* 0 for two views of the same bytes in the same manner.  Empty tensors share
 * nothing: only the very same one is equal. */
static int
view_order(const pfork_tensor *a, const pfork_tensor *b)
{
	int order;

	if (a == b)
		return 0;
	if (a->nbytes == 0 || b->nbytes == 0) {
		order = number_order(a->nbytes != 0, b->nbytes != 0);
		return order != 0 ? order : a < b ? -1 : 1;
	}
	order = number_order(pfork_tensor_storage(a),
	    pfork_tensor_storage(b));
	if (order == 0)
		order = number_order(a->offset, b->offset);
	if (order == 0)
		order = number_order(a->dtype->code, b->dtype->code);
	if (order == 0)
		order = number_order(a->rank, b->rank);
	if (order == 0)
		order = numbers_order(a->shape, b->shape, a->rank);
	if (order == 0)
		order = numbers_order(tensor_strides(a), tensor_strides(b),
		    a->rank);
	return order;
}

static int
by_view(const void *left, const void *right)
{
	const struct save_entry *a = left;
	const struct save_entry *b = right;
	int order = view_order(a->tensor, b->tensor);

	return order != 0 ? order : strcmp(a->name, b->name);
}

/* Written ones first, in the file's order; then the others, by name. */
static int
by_place(const void *left, const void *right)
{
	const struct save_entry *a = left;
	const struct save_entry *b = right;
	bool a_written = a->kept == NULL && !a->skipped;
	bool b_written = b->kept == NULL && !b->skipped;
	int order = 0;

	if (a_written != b_written)
		return a_written ? -1 : 1;
	if (a_written)
		order = number_order(a->place, b->place);
	return order != 0 ? order : strcmp(a->name, b->name);
}

/* ------------------------------------------------------------- aliases -- */

/* Not possible as the name of a tensor: the header's own key. */
static bool
is_header_key(const char *name)
{
	return strcmp(name, "__metadata__") == 0;
}

/* Not possible as a key of __metadata__: we write these ourselves. */
static bool
is_metadata_key(const char *name)
{
	return strcmp(name, "format") == 0 ||
	    strcmp(name, "picklefork.origin") == 0;
}

/* Entries [from, to) show the same bytes, in the order of their names.  The
 * first name is kept, as safetensors.torch.save_model does. */
static void
name_aliases(struct save_entry *entries, size_t from, size_t to)
{
	const char *kept = NULL;

	for (size_t i = from; i < to && kept == NULL; i++)
		if (!is_header_key(entries[i].name))
			kept = entries[i].name;
	for (size_t i = from; i < to && kept != NULL; i++)
		if (entries[i].name != kept &&
		    !is_metadata_key(entries[i].name))
			entries[i].kept = kept;
}

static void
find_aliases(struct save_plan *plan)
{
	size_t from = 0;

	qsort(plan->entries, plan->count, sizeof(plan->entries[0]), by_view);
	for (size_t i = 1; i <= plan->count; i++) {
		if (i < plan->count &&
		    view_order(plan->entries[from].tensor,
			plan->entries[i].tensor) == 0)
			continue;
		name_aliases(plan->entries, from, i);
		from = i;
	}
}

/* ---------------------------------------------------------------- plan -- */

/* All tensors are there, and some of their names are not. */
static enum pfork_code
names_missing(const pfork_checkpoint *c, pfork_error *err)
{
	size_t names = c->tensor_count + c->alias_count;

	return error_set(err, PFORK_E_UNSUPPORTED, 0, PFORK_NO_OFFSET,
	    "names of its tensors are missing: there are more than the %zu "
	    "listed", names);
}

/* What was left out when the file was read is not in any list: its note alone
 * tells of it. */
static enum pfork_code
judge_missing(const pfork_checkpoint *c, pfork_error *err)
{
	char first[160];
	const char *text = NULL;
	bool names = false;
	size_t count = 0;

	for (size_t i = 0; i < c->note_count; i++) {
		names = names || c->notes[i].kind == PFORK_NOTE_NAMES;
		if (c->notes[i].kind != PFORK_NOTE_SKIPPED)
			continue;
		if (count++ == 0)
			text = c->notes[i].text;
	}
	if (count == 0)
		return names ? names_missing(c, err) : PFORK_OK;
	error_escape(first, sizeof(first), text, strlen(text));
	return error_set(err, PFORK_E_UNSUPPORTED, 0, PFORK_NO_OFFSET,
	    "%zu tensor%s missing, the first: '%s'", count,
	    count == 1 ? " is" : "s are", first);
}

static enum pfork_code
list_entries(struct save_plan *plan, const pfork_checkpoint *c,
    pfork_error *err)
{
	size_t count = c->tensor_count + c->alias_count;

	plan->entries = calloc(count + 1, sizeof(plan->entries[0]));
	if (plan->entries == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for a list of %zu names", count);
	for (size_t i = 0; i < c->tensor_count; i++) {
		plan->entries[i].name = checkpoint_tensor(c, i)->name;
		plan->entries[i].tensor = checkpoint_tensor(c, i);
	}
	for (size_t i = 0; i < c->alias_count; i++) {
		struct save_entry *e = &plan->entries[c->tensor_count + i];

		e->name = c->aliases[i].name;
		e->tensor = checkpoint_tensor(c,
		    c->aliases[i].target);
	}
	for (size_t i = 0; i < count; i++)
		plan->entries[i].place = dtype_place(plan->entries[i].tensor);
	plan->count = count;
	return PFORK_OK;
}

static enum pfork_code
judge_entry(struct save_entry *e, bool skip, pfork_error *err)
{
	const char *what = NULL;

	if (is_header_key(e->name))
		what = "safetensors keeps this name for itself";
	else if (save_dtype(e->tensor) == NULL)
		what = "safetensors has no dtype for this tensor";
	if (what == NULL)
		return PFORK_OK;
	e->skipped = true;
	if (skip)
		return PFORK_OK;
	return error_about(err, PFORK_E_UNSUPPORTED, 0, PFORK_NO_OFFSET, what,
	    e->name, strlen(e->name));
}

/* The alias of a tensor that is left out is left out too. */
static void
skip_aliases(struct save_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->entries[i].kept != NULL &&
		    save_dtype(plan->entries[i].tensor) == NULL)
			plan->entries[i].skipped = true;
}

enum pfork_code
save_plan_make(struct save_plan *plan, const pfork_checkpoint *c,
    uint32_t flags, pfork_error *err)
{
	enum pfork_code code;

	memset(plan, 0, sizeof(*plan));
	if ((flags & PFORK_SAVE_SKIP_UNSUPPORTED) == 0) {
		code = judge_missing(c, err);
		if (code != PFORK_OK)
			return code;
	}
	code = list_entries(plan, c, err);
	if (code == PFORK_OK && (flags & PFORK_SAVE_CLONE_ALIASES) == 0)
		find_aliases(plan);
	for (size_t i = 0; code == PFORK_OK && i < plan->count; i++)
		if (plan->entries[i].kept == NULL)
			code = judge_entry(&plan->entries[i],
			    (flags & PFORK_SAVE_SKIP_UNSUPPORTED) != 0, err);
	if (code != PFORK_OK)
		return code;
	skip_aliases(plan);
	qsort(plan->entries, plan->count, sizeof(plan->entries[0]), by_place);
	while (plan->written < plan->count &&
	    plan->entries[plan->written].kept == NULL &&
	    !plan->entries[plan->written].skipped)
		plan->written++;
	return save_header_make(plan, c, err);
}

void
save_plan_free(struct save_plan *plan)
{
	free(plan->entries);
	free(plan->header);
	memset(plan, 0, sizeof(*plan));
}
