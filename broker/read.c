/* SPDX-License-Identifier: Apache-2.0
 *
 * read.c - tensor bytes, contiguous and in C order, into the caller's memory.
 * The geometry was proved when the tensor came in.  The input may change under
 * us: reads are judged, and the file is looked at again after the last one.
 * Must never write past the `size` that the caller gave.
 */
#include "read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "assembled.h"
#include "cancel.h"
#include "error.h"
#include "threads.h"

/* From here on a tensor is loaded by one thread at a time. */
#define LARGE (64 * MIB)
#define HUGE_PAGE (2 * MIB)
#define DATA_ALIGNMENT 64
/* read_piece's most. */
#define PIECE_MOST (256 * MIB)

/* ------------------------------------------------------ several threads -- */

struct slice {
	const struct source *source;
	uint64_t offset;
	uint8_t *out;
	size_t length;
	enum pfork_code code;
	pfork_error err;
};

static void
read_slice(void *item)
{
	struct slice *s = item;

	s->code = source_read(s->source, s->offset, s->out, s->length, &s->err);
}

static enum pfork_code
read_extent(const struct source *s, uint64_t offset, uint8_t *out,
    size_t length, pfork_error *err)
{
	struct slice slices[THREADS_MAX];
	size_t count = threads_for(length);
	size_t at;

	if (count == 1)
		return source_read(s, offset, out, length, err);
	for (size_t i = 0; i < count; i++) {
		at = (size_t)threads_slice(length, count, i);
		slices[i].source = s;
		slices[i].offset = offset + at;
		slices[i].out = out + at;
		slices[i].length =
		    (size_t)threads_slice(length, count, i + 1) - at;
	}
	threads_run(read_slice, slices, sizeof(slices[0]), count);
	for (size_t i = 0; i < count; i++)
		if (slices[i].code != PFORK_OK) {
			if (err != NULL)
				*err = slices[i].err;
			return slices[i].code;
		}
	return PFORK_OK;
}

/* --------------------------------------------------------------- parts -- */

/* The storage's bytes: here, or at `base` of the input. */
struct gathering {
	struct view view;
	const uint8_t *memory;
	const struct source *source;
	uint64_t base;
	uint8_t *out;
	enum pfork_code code;
	pfork_error err;
};

static enum pfork_code
gather_one(const struct gathering *g, pfork_error *err)
{
	if (g->memory == NULL)
		return gather_source(&g->view, g->source, g->base, g->out,
		    err);
	gather_memory(&g->view, g->memory + g->view.offset, g->out);
	return PFORK_OK;
}

static void
gather_part(void *item)
{
	struct gathering *g = item;

	g->code = gather_one(g, &g->err);
}

/* How many threads a view is worth.  One that overlaps itself is left to one:
 * each would hold the span of its part. */
static size_t
gatherers(const struct view *v)
{
	uint64_t bytes = v->element;
	size_t count;

	for (size_t i = 0; i < v->rank; i++)
		bytes *= v->dims[i].count;
	if (v->rank == 0 || view_overlaps(v))
		return 1;
	count = threads_for(bytes);
	return v->dims[0].count < count ? (size_t)v->dims[0].count : count;
}

/* Each thread takes some of the steps of the first dimension, those that lie
 * furthest apart in the input: none reads what another one does. */
static enum pfork_code
gather_by_threads(const struct gathering *whole, size_t count,
    pfork_error *err)
{
	struct gathering parts[THREADS_MAX];
	const struct view_dim *d = &whole->view.dims[0];
	uint64_t step = 0;

	for (size_t i = 0; i < count; i++) {
		parts[i] = *whole;
		parts[i].view.offset += step * d->in;
		parts[i].out += step * d->out;
		parts[i].view.dims[0].count =
		    (d->count - step) / (count - i);
		step += parts[i].view.dims[0].count;
	}
	threads_run(gather_part, parts, sizeof(parts[0]), count);
	for (size_t i = 0; i < count; i++)
		if (parts[i].code != PFORK_OK) {
			if (err != NULL)
				*err = parts[i].err;
			return parts[i].code;
		}
	return PFORK_OK;
}

static enum pfork_code
gather(const struct gathering *g, pfork_error *err)
{
	size_t count = gatherers(&g->view);

	return count > 1 ? gather_by_threads(g, count, err) :
			   gather_one(g, err);
}

enum pfork_code
read_view(const pfork_checkpoint *home, uint32_t storage, const struct view *v,
    uint8_t *out, pfork_error *err)
{
	const struct storage *s = &home->storages[storage];
	const struct source *source = &home->source;
	struct gathering g = { .view = *v, .source = source,
	    .base = s->offset, .out = out };

	if (s->streamed)
		g.memory = s->bytes;
	else if (source->map != NULL)
		g.memory = source->map + s->offset;
	else if (view_is_run(v))
		return read_extent(source, s->offset + v->offset, out,
		    (size_t)view_span(v, 0), err);
	return gather(&g, err);
}

/* Elements [at, at + count) in C order, as the fewest boxes. */
static enum pfork_code
read_ranges(const pfork_tensor *t, uint64_t at, uint64_t count, uint8_t *out,
    pfork_error *err)
{
	enum pfork_code code = PFORK_OK;
	struct range r;
	struct view v;
	uint64_t done;

	for (; code == PFORK_OK && count > 0;
	    out += done * dtype_element_bytes(t->dtype)) {
		done = range_next(t, &at, &count, &r);
		if (t->assembly != NULL) {
			code = assembled_read(t, &r, out, err);
			continue;
		}
		view_of_tensor(&v, t, &r);
		code = read_view(t->home, t->storage, &v, out, err);
	}
	return code;
}

/* Of a strided tensor, large ones: with small ones the same parts of the input
 * are read for each.  Bounded, for a view of a small file may be huge. */
size_t
read_piece(const pfork_tensor *t)
{
	uint64_t piece = 4 * MIB;

	if (!t->contiguous || t->assembly != NULL) {
		piece = (t->nbytes / 16) & ~(MIB - 1);
		if (piece < 64 * MIB)
			piece = 64 * MIB;
		if (piece > PIECE_MOST)
			piece = PIECE_MOST;
	}
	return t->nbytes < piece ? (size_t)t->nbytes : (size_t)piece;
}

enum pfork_code
read_part(const pfork_tensor *t, uint64_t first, void *buffer, size_t size,
    pfork_error *err)
{
	const struct storage *s = checkpoint_storage(t);
	unsigned element = dtype_element_bytes(t->dtype);

	if (size == 0)
		return PFORK_OK;
	if (!t->contiguous || s == NULL)
		return read_ranges(t, first / element, size / element, buffer,
		    err);
	if (s->streamed) {
		memcpy(buffer, s->bytes + t->offset + first, size);
		return PFORK_OK;
	}
	return read_extent(&t->home->source, s->offset + t->offset + first,
	    buffer, size, err);
}

bool
read_from_input(const pfork_tensor *t)
{
	const struct storage *s = checkpoint_storage(t);

	return t->nbytes > 0 && (s == NULL || !s->streamed);
}

/* A look at each file that a box is in, not at all of the set's: there may be a
 * thousand files, and half a million such tensors. */
static enum pfork_code
boxes_unchanged(const struct assembly *a, pfork_error *err)
{
	const pfork_checkpoint *last = NULL;
	enum pfork_code code = PFORK_OK;

	for (size_t i = 0; code == PFORK_OK && i < a->count; i++)
		if (a->boxes[i].home != last) {
			last = a->boxes[i].home;
			code = source_unchanged(&last->source, err);
		}
	return code;
}

/* Is what was read still what was loaded? */
static enum pfork_code
still_unchanged(const pfork_tensor *t, pfork_error *err)
{
	if (!read_from_input(t))
		return PFORK_OK;
	return t->assembly != NULL ? boxes_unchanged(t->assembly, err) :
				     source_unchanged(&t->home->source, err);
}

enum pfork_code
pfork_tensor_read_part(const pfork_tensor *t, uint64_t first, void *buffer,
    size_t size, pfork_error *err)
{
	CANCEL_WAITS;
	enum pfork_code code;
	unsigned element;

	if (t == NULL || (buffer == NULL && size > 0))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "no tensor, or no buffer");
	if (first > t->nbytes || size > t->nbytes - first)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the part ends past the tensor's %llu bytes",
		    (unsigned long long)t->nbytes);
	element = dtype_element_bytes(t->dtype);
	if (element > 1 && (first % element != 0 || size % element != 0))
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the part cuts an element of %u bytes", element);
	code = read_part(t, first, buffer, size, err);
	if (code == PFORK_OK && size > 0)
		code = still_unchanged(t, err);
	return code;
}

enum pfork_code
pfork_tensor_read(const pfork_tensor *t, void *buffer, size_t size,
    pfork_error *err)
{
	if (t != NULL && size < t->nbytes)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "the buffer holds %zu bytes; the tensor has %llu", size,
		    (unsigned long long)t->nbytes);
	return pfork_tensor_read_part(t, 0, buffer,
	    t == NULL ? 0 : (size_t)t->nbytes, err);
}

/* ---------------------------------------------------------------- data -- */

/* Bytes that need no copy, or NULL. */
static const uint8_t *
in_place(const pfork_tensor *t)
{
	static const _Alignas(DATA_ALIGNMENT) uint8_t nothing[DATA_ALIGNMENT];
	const struct storage *s = checkpoint_storage(t);

	if (t->nbytes == 0)
		return nothing;
	if (!t->contiguous || s == NULL)
		return NULL;
	if (s->streamed)
		return t->offset % DATA_ALIGNMENT == 0 ? s->bytes + t->offset :
							 NULL;
	if (t->home->source.map != NULL)
		return t->home->source.map + s->offset + t->offset;
	return NULL;
}

static uint8_t *
data_memory(uint64_t nbytes)
{
	size_t alignment = nbytes >= 4 * MIB ? HUGE_PAGE : DATA_ALIGNMENT;
	void *memory;

	if (nbytes > SIZE_MAX - HUGE_PAGE ||
	    posix_memalign(&memory, alignment, (size_t)nbytes) != 0)
		return NULL;
	/* Clearing huge pages is four times as fast. */
	if (alignment == HUGE_PAGE)
		(void)madvise(memory, (size_t)nbytes, MADV_HUGEPAGE);
	return memory;
}

static enum pfork_code
load_data(const pfork_tensor *t, uint8_t **out, pfork_error *err)
{
	uint8_t *memory = data_memory(t->nbytes);
	enum pfork_code code;

	if (memory == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for a tensor of %llu bytes",
		    (unsigned long long)t->nbytes);
	code = pfork_tensor_read(t, memory, (size_t)t->nbytes, err);
	if (code != PFORK_OK)
		free(memory);
	else
		*out = memory;
	return code;
}

/* Small tensors are loaded by whoever comes, and the first one in wins; large
 * ones by one thread at a time, so that none is in memory twice.  The lock only
 * saves memory: a process that forked does without, for it may have been held
 * by a thread that is not here. */
static enum pfork_code
keep_data(pfork_tensor *t, const uint8_t **data, pfork_error *err)
{
	pthread_mutex_t *lock =
	    t->nbytes >= LARGE && checkpoint_is_here(t->owner) ?
	    &t->owner->lock : NULL;
	const uint8_t *expected;
	uint8_t *mine = NULL;
	enum pfork_code code = PFORK_OK;

	if (lock != NULL)
		pthread_mutex_lock(lock);
	expected = atomic_load(&t->data);
	if (expected == NULL)
		code = load_data(t, &mine, err);
	if (code == PFORK_OK && mine != NULL) {
		if (atomic_compare_exchange_strong(&t->data, &expected,
		    (const uint8_t *)mine)) {
			expected = mine;
		} else {
			free(mine);
		}
	}
	if (code == PFORK_OK)
		*data = expected;
	if (lock != NULL)
		pthread_mutex_unlock(lock);
	return code;
}

enum pfork_code
pfork_tensor_data(const pfork_tensor *t, const void **data, pfork_error *err)
{
	CANCEL_WAITS;
	const uint8_t *at;
	enum pfork_code code = PFORK_OK;

	if (t == NULL || data == NULL)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "no tensor, or nowhere to put the address");
	at = in_place(t);
	if (at == NULL)
		at = atomic_load(&t->data);
	if (at == NULL)
		code = keep_data((pfork_tensor *)(uintptr_t)t, &at, err);
	if (code == PFORK_OK)
		*data = at;
	return code;
}
