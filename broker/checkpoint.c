/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.c - the public face of a finished load: references, look-ups and
 * plain accessors.  All of it was checked when it came in and is immutable, so
 * nothing here judges or locks.  Must never hand out a pointer that does not
 * live as long as the checkpoint.
 */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cancel.h"
#include "error.h"

/* ---------------------------------------------------------- references -- */

pfork_checkpoint *
pfork_checkpoint_ref(pfork_checkpoint *c)
{
	if (c != NULL)
		atomic_fetch_add_explicit(&c->references, 1,
		    memory_order_relaxed);
	return c;
}

void
pfork_checkpoint_unref(pfork_checkpoint *c)
{
	CANCEL_WAITS;

	if (c == NULL || atomic_fetch_sub_explicit(&c->references, 1,
	    memory_order_acq_rel) != 1)
		return;
	checkpoint_drop_tensors(c);
	name_table_free(&c->names);
	for (size_t i = 0; i < c->part_count; i++)
		pfork_checkpoint_unref(c->parts[i]);
	free(c->parts);
	free(c->file);
	free(c->notes);
	pool_free(&c->strings);
	if (c->source.map != NULL)
		munmap((void *)(uintptr_t)c->source.map, c->source.size);
	if (source_is_ours(&c->source))
		close(c->source.fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---------------------------------------------------------- checkpoint -- */

/* Only for what would wait for ever, or end the other's load: a child in a pid
 * namespace of its own may have the same number. */
bool
checkpoint_is_here(const pfork_checkpoint *c)
{
	return c->process == getpid();
}

const struct pfork_tensor *
checkpoint_tensor(const pfork_checkpoint *c, size_t index)
{
	return c->members != NULL ? c->members[index] : &c->tensors[index];
}

const struct storage *
checkpoint_storage(const pfork_tensor *t)
{
	return t->home != NULL ? &t->home->storages[t->storage] : NULL;
}

enum pfork_code
checkpoint_unchanged(const pfork_checkpoint *c, pfork_error *err)
{
	enum pfork_code code = source_unchanged(&c->source, err);

	for (size_t i = 0; code == PFORK_OK && i < c->part_count; i++)
		code = source_unchanged(&c->parts[i]->source, err);
	return code;
}

const char *
pfork_tensor_file(const pfork_tensor *t)
{
	return t->home != NULL && t->home->file != NULL ? t->home->file : "";
}

const char *
pfork_checkpoint_format(const pfork_checkpoint *c)
{
	return c->format;
}

enum pfork_verdict
pfork_checkpoint_verdict(const pfork_checkpoint *c)
{
	return c->verdict;
}

const pfork_error *
pfork_checkpoint_fault(const pfork_checkpoint *c)
{
	return c->has_fault ? &c->fault : NULL;
}

size_t
pfork_checkpoint_count(const pfork_checkpoint *c)
{
	return c->tensor_count;
}

const pfork_tensor *
pfork_checkpoint_at(const pfork_checkpoint *c, size_t index)
{
	return index < c->tensor_count ? checkpoint_tensor(c, index) : NULL;
}

const pfork_tensor *
pfork_checkpoint_find(const pfork_checkpoint *c, const char *name)
{
	uint32_t index;

	if (name == NULL)
		return NULL;
	index = name_table_find(&c->names, name);
	return pfork_checkpoint_at(c, index);
}

size_t
pfork_checkpoint_alias_count(const pfork_checkpoint *c)
{
	return c->alias_count;
}

bool
pfork_checkpoint_alias(const pfork_checkpoint *c, size_t index,
    pfork_alias *alias)
{
	if (index >= c->alias_count)
		return false;
	alias->name = c->aliases[index].name;
	alias->target = checkpoint_tensor(c, c->aliases[index].target);
	return true;
}

size_t
pfork_checkpoint_note_count(const pfork_checkpoint *c)
{
	return c->note_count;
}

bool
pfork_checkpoint_note(const pfork_checkpoint *c, size_t index, pfork_note *note)
{
	const struct note_entry *n;

	if (index >= c->note_count)
		return false;
	n = &c->notes[index];
	note->kind = (enum pfork_note_kind)n->kind;
	note->level = (enum pfork_verdict)n->level;
	note->offset = n->where;
	note->text = n->text;
	return true;
}

uint64_t
pfork_checkpoint_notes_dropped(const pfork_checkpoint *c)
{
	return c->notes_dropped;
}

size_t
pfork_checkpoint_scalar_count(const pfork_checkpoint *c)
{
	return c->scalar_count;
}

bool
pfork_checkpoint_scalar(const pfork_checkpoint *c, size_t index,
    pfork_scalar *scalar)
{
	const struct scalar_entry *s;

	if (index >= c->scalar_count)
		return false;
	s = &c->scalars[index];
	scalar->name = s->name;
	scalar->kind = (enum pfork_scalar_kind)s->kind;
	scalar->i = s->i;
	scalar->f = s->f;
	scalar->bytes = s->bytes;
	scalar->length = s->length;
	scalar->full_length = s->full_length;
	return true;
}

enum pfork_code
pfork_checkpoint_worker(const pfork_checkpoint *c, pfork_worker_info *info)
{
	size_t size;
	size_t known;

	if (info == NULL || info->size < sizeof(size))
		return PFORK_E_ARGS;
	/* A caller built against a longer struct finds zeros at its end. */
	size = info->size;
	known = size < sizeof(*info) ? size : sizeof(*info);
	memcpy(info, &c->worker, known);
	memset((uint8_t *)info + known, 0, size - known);
	info->size = size;
	return PFORK_OK;
}

/* -------------------------------------------------------------- tensor -- */

const char *
pfork_tensor_name(const pfork_tensor *t)
{
	return t->name;
}

size_t
pfork_tensor_path_length(const pfork_tensor *t)
{
	return t->path_length;
}

const char *
pfork_tensor_path(const pfork_tensor *t, size_t index,
    enum pfork_path_kind *kind, size_t *length)
{
	const struct tensor_part *parts = tensor_parts(t);
	const char *texts = (const char *)(parts + t->path_length);
	size_t begin;

	if (index >= t->path_length)
		return NULL;
	begin = index == 0 ? 0 : parts[index - 1].end + 1;
	if (kind != NULL)
		*kind = (enum pfork_path_kind)parts[index].kind;
	if (length != NULL)
		*length = parts[index].end - begin;
	return texts + begin;
}

const char *
pfork_tensor_dtype(const pfork_tensor *t)
{
	return t->dtype->name;
}

unsigned
pfork_tensor_block_bits(const pfork_tensor *t)
{
	return t->dtype->bits;
}

unsigned
pfork_tensor_block_elements(const pfork_tensor *t)
{
	return t->dtype->block;
}

size_t
pfork_tensor_rank(const pfork_tensor *t)
{
	return t->rank;
}

const uint64_t *
pfork_tensor_shape(const pfork_tensor *t)
{
	return t->shape;
}

const uint64_t *
pfork_tensor_strides(const pfork_tensor *t)
{
	return tensor_strides(t);
}

uint64_t
pfork_tensor_elements(const pfork_tensor *t)
{
	uint64_t elements = 0;

	(void)shape_count(t->shape, t->rank, &elements);
	return elements;
}

uint64_t
pfork_tensor_nbytes(const pfork_tensor *t)
{
	return t->nbytes;
}

bool
pfork_tensor_is_contiguous(const pfork_tensor *t)
{
	return t->contiguous;
}

uint32_t
pfork_tensor_storage(const pfork_tensor *t)
{
	return t->home != NULL ? t->home->storage_base + t->storage :
				 t->storage;
}

uint64_t
pfork_tensor_offset(const pfork_tensor *t)
{
	return t->offset;
}

bool
pfork_tensor_extent(const pfork_tensor *t, uint64_t *offset, uint64_t *length)
{
	const struct storage *s = checkpoint_storage(t);

	if (s == NULL || s->streamed)
		return false;
	if (offset != NULL)
		*offset = s->offset;
	if (length != NULL)
		*length = s->length;
	return true;
}
