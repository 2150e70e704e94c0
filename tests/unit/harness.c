/* SPDX-License-Identifier: Apache-2.0
 *
 * harness.c - see harness.h.  For tests alone: it uses the heap and mmap, and
 * trusts nothing that a parser sends, so that a parser that sends nonsense
 * fails its own test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "dtype.h"
#include "frame.h"
#include "harness.h"

#define HARNESS_ARENA (64 * MIB)

/* --------------------------------------------------------------- memory -- */

/* Room for one more item, by doubling: ASan's realloc always copies. */
static void *
grown(void *list, size_t count, size_t size)
{
	if ((count & (count - 1)) == 0)
		list = realloc(list, (count == 0 ? 1 : count * 2) * size);
	assert_non_null(list);
	memset((char *)list + count * size, 0, size);
	return list;
}

/* Freed by harness_free. */
static void *
keep(struct harness *h, size_t size)
{
	void *block = calloc(1, size + 1);

	assert_non_null(block);
	h->blocks = grown(h->blocks, h->block_count, sizeof(*h->blocks));
	h->blocks[h->block_count++] = block;
	return block;
}

static char *
keep_text(struct harness *h, struct wire_bytes text)
{
	char *copy = keep(h, text.len);

	if (text.len > 0)
		memcpy(copy, text.at, text.len);
	return copy;
}

#define NEXT(list, count) \
	(list = grown(list, count, sizeof(*list)), &list[count++])

static void *
map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* ---------------------------------------------------------------- hooks -- */

static bool
read_at(void *context, uint64_t offset, void *out, size_t length)
{
	const struct harness *h = context;

	if (offset > h->job.size || length > h->job.size - offset)
		return false;
	if (length > 0)
		memcpy(out, h->job.map + offset, length);
	return true;
}

static void
write_out(void *context, const void *bytes, size_t length)
{
	struct harness *h = context;

	h->writes++;
	while (length > h->sent_room - h->sent_len) {
		h->sent_room = h->sent_room == 0 ? 65536 : h->sent_room * 2;
		h->sent = realloc(h->sent, h->sent_room);
		assert_non_null(h->sent);
	}
	memcpy(h->sent + h->sent_len, bytes, length);
	h->sent_len += length;
}

static void arena_full(void *context) __attribute__((noreturn));

static void
arena_full(void *context)
{
	die(context, FAULT_LIMIT, WIRE_NO_OFFSET, "arena_bytes");
}

/* -------------------------------------------------------------- running -- */

struct limits
harness_limits(void)
{
	struct limits limits = {
#define X(name, standard, ceiling) .name = standard,
		LIMITS(X)
#undef X
	};

	limits.arena_bytes = HARNESS_ARENA;
	return limits;
}

/* The input ends where a page without access begins: reading one byte too far
 * is seen in every flavour. */
static void
set_up(struct harness *h, const void *bytes, size_t length, uint32_t flags,
    const struct limits *limits)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (length + page - 1) / page * page;

	memset(h, 0, sizeof(*h));
	h->input_map_size = whole + page;
	h->input_map = map(h->input_map_size);
	h->job.map = h->input_map + whole - length;
	if (length > 0)
		memcpy(h->input_map + whole - length, bytes, length);
	assert_int_equal(mprotect(h->input_map + whole, page, PROT_NONE), 0);
	if (whole > 0)
		assert_int_equal(mprotect(h->input_map, whole, PROT_READ), 0);
	h->job.size = length;
	h->job.read_at = read_at;
	h->job.write_out = write_out;
	h->job.context = h;
	h->job.limits = *limits;
	h->job.flags = flags;
	h->job.seed[0] = UINT64_C(0x0706050403020100);
	h->job.seed[1] = UINT64_C(0x0f0e0d0c0b0a0908);
	arena_init(&h->job.arena, map((size_t)limits->arena_bytes),
	    (size_t)limits->arena_bytes, arena_full, &h->job);
}

bool
harness_run_limits(const void *bytes, size_t length, uint32_t go_flags,
    const struct limits *limits, struct harness *out)
{
	bool ok;

	set_up(out, bytes, length, go_flags, limits);
	ok = job_run(&out->job);
	harness_collect(out);
	assert_int_equal(out->done, ok);
	assert_int_equal(out->faulted, !ok);
	return ok;
}

bool
harness_run(const void *bytes, size_t length, uint32_t go_flags,
    struct harness *out)
{
	struct limits limits = harness_limits();

	return harness_run_limits(bytes, length, go_flags, &limits, out);
}

bool
harness_run_share(const void *bytes, size_t length, uint32_t go_flags,
    uint32_t shares, uint32_t share, struct harness *out)
{
	struct limits limits = harness_limits();

	set_up(out, bytes, length, go_flags, &limits);
	out->job.shares = shares;
	out->job.share = share;
	(void)job_run(&out->job);
	harness_collect(out);
	return out->done;
}

struct job *
harness_job(const void *bytes, size_t length, uint32_t go_flags,
    struct harness *out)
{
	struct limits limits = harness_limits();

	set_up(out, bytes, length, go_flags, &limits);
	out->job.sink = sink_new(&out->job);
	return &out->job;
}

void
harness_free(struct harness *h)
{
	for (size_t i = 0; i < h->block_count; i++)
		free(h->blocks[i]);
	free(h->blocks);
	free(h->tensors);
	free(h->storages);
	free(h->aliases);
	free(h->notes);
	free(h->scalars);
	free(h->pieces);
	free(h->sent);
	if (h->job.arena.base != NULL)
		munmap(h->job.arena.base, h->job.arena.size);
	if (h->input_map != NULL)
		munmap(h->input_map, h->input_map_size);
	memset(h, 0, sizeof(*h));
}

/* ------------------------------------------------------------- decoding -- */

struct frame_in {
	enum frame_type type;
	const uint8_t *payload;
	size_t length;
};

#define DECODE(name, f, message)                                          \
	do {                                                              \
		if (!wire_##name##_unpack(arena, (f)->payload,            \
		    (f)->length, &(message)))                             \
			fail_msg("a " #name " frame cannot be read");     \
	} while (0)

static void
on_storage(struct harness *h, struct wire_arena *arena,
    const struct frame_in *f)
{
	struct wire_storage m;
	struct harness_storage *s;

	DECODE(storage, f, m);
	assert_int_equal(m.id, h->storage_count);
	s = NEXT(h->storages, h->storage_count);
	s->kind = m.kind;
	s->offset = m.offset;
	s->length = m.length;
	if (m.kind == STORAGE_EXTENT) {
		assert_true(m.offset <= h->job.size);
		assert_true(m.length <= h->job.size - m.offset);
		s->bytes = h->job.map + m.offset;
	} else if (m.kind == STORAGE_ELSEWHERE) {
		assert_true(h->job.shares > 1);
	} else {
		assert_int_equal(m.kind, STORAGE_STREAM);
		s->bytes = keep(h, (size_t)m.length);
	}
}

static void
on_data(struct harness *h, const struct frame_in *f)
{
	struct harness_storage *s;

	assert_true(h->storage_count > 0);
	s = &h->storages[h->storage_count - 1];
	assert_int_equal(s->kind, STORAGE_STREAM);
	assert_true(f->length <= s->length - s->received);
	memcpy((uint8_t *)(uintptr_t)s->bytes + s->received, f->payload,
	    f->length);
	s->received += f->length;
}

static char **
keep_path(struct harness *h, const struct wire_bytes *path, size_t count)
{
	char **kept = keep(h, count * sizeof(*kept));

	for (size_t i = 0; i < count; i++)
		kept[i] = keep_text(h, path[i]);
	return kept;
}

static void
on_tensor(struct harness *h, struct wire_arena *arena,
    const struct frame_in *f)
{
	struct wire_tensor m;
	struct harness_tensor *t;

	DECODE(tensor, f, m);
	assert_true(m.rank <= RANK_MAX);
	assert_int_equal(m.rank, m.stride_count);
	assert_int_equal(m.path_count, m.path_kinds.len);
	assert_true(m.storage < h->storage_count);
	t = NEXT(h->tensors, h->tensor_count);
	t->name = keep_text(h, m.name);
	t->name_len = m.name.len;
	t->path_count = m.path_count;
	t->path = keep_path(h, m.path, m.path_count);
	t->path_kinds = (uint8_t *)keep_text(h, m.path_kinds);
	t->dtype = m.dtype;
	t->rank = m.rank;
	for (size_t i = 0; i < m.rank; i++) {
		t->shape[i] = m.shape[i];
		t->strides[i] = m.strides[i];
	}
	t->storage = m.storage;
	t->offset = m.offset;
}

/* Tensors that pieces made: boxes of one follow each other. */
static size_t
piece_tensors(const struct harness *h)
{
	size_t count = 0;

	for (size_t i = 0; i < h->piece_count; i++)
		count += i == 0 || strcmp(h->pieces[i].name,
		    h->pieces[i - 1].name) != 0;
	return count;
}

static void
on_piece(struct harness *h, struct wire_arena *arena,
    const struct frame_in *f)
{
	struct wire_piece m;
	struct harness_piece *p;

	assert_true((h->job.flags & GO_PIECES) != 0);
	DECODE(piece, f, m);
	assert_true(m.rank <= RANK_MAX);
	assert_int_equal(m.start_count, m.rank);
	assert_int_equal(m.size_count, m.rank);
	p = NEXT(h->pieces, h->piece_count);
	p->name = keep_text(h, m.name);
	assert_int_equal(m.path_count, m.path_kinds.len);
	p->path_count = m.path_count;
	p->path = keep_path(h, m.path, m.path_count);
	p->path_kinds = (uint8_t *)keep_text(h, m.path_kinds);
	p->dtype = m.dtype;
	p->rank = m.rank;
	for (size_t i = 0; i < m.rank; i++) {
		p->shape[i] = m.shape[i];
		p->start[i] = m.start[i];
		p->size[i] = m.size[i];
	}
	p->kind = m.kind;
	p->file = keep_text(h, m.file);
	p->offset = m.offset;
	p->length = m.length;
}

static void
on_text(struct harness *h, struct wire_arena *arena, const struct frame_in *f)
{
	struct wire_alias alias;
	struct wire_note note;
	struct harness_alias *a;
	struct harness_note *n;

	if (f->type == FRAME_ALIAS) {
		DECODE(alias, f, alias);
		assert_true(alias.target < h->tensor_count + piece_tensors(h));
		a = NEXT(h->aliases, h->alias_count);
		a->name = keep_text(h, alias.name);
		a->target = alias.target;
		return;
	}
	DECODE(note, f, note);
	assert_true(note.text.len <= NOTE_TEXT_MAX);
	n = NEXT(h->notes, h->note_count);
	n->kind = note.kind;
	n->level = note.level;
	n->text = keep_text(h, note.text);
	n->where = note.where;
}

static void
on_scalar(struct harness *h, struct wire_arena *arena,
    const struct frame_in *f)
{
	struct wire_scalar m;
	struct harness_scalar *s;

	DECODE(scalar, f, m);
	s = NEXT(h->scalars, h->scalar_count);
	s->name = keep_text(h, m.name);
	s->kind = m.kind;
	s->i = m.i;
	s->f = m.f;
	s->data = (uint8_t *)keep_text(h, m.data);
	s->data_len = m.data.len;
	s->full_length = m.full_length;
}

static void
on_end(struct harness *h, struct wire_arena *arena, const struct frame_in *f)
{
	struct wire_fault fault;

	assert_false(h->done || h->faulted);
	if (f->type == FRAME_DONE) {
		DECODE(done, f, h->totals);
		h->done = true;
		h->verdict = h->totals.verdict;
		assert_int_equal(h->totals.tensors,
		    h->tensor_count + piece_tensors(h));
		assert_int_equal(h->totals.pieces, h->piece_count);
		assert_int_equal(h->totals.aliases, h->alias_count);
		assert_int_equal(h->totals.storages, h->storage_count);
		assert_int_equal(h->totals.notes, h->note_count);
		return;
	}
	DECODE(fault, f, fault);
	assert_true(fault.text.len <= FAULT_TEXT_MAX);
	h->faulted = true;
	h->fault_code = fault.code;
	h->fault_where = fault.where;
	h->verdict = fault.verdict;
	if (fault.text.len > 0)
		memcpy(h->fault_text, fault.text.at, fault.text.len);
}

static void
on_rest(struct harness *h, struct wire_arena *arena, const struct frame_in *f)
{
	struct wire_format format;
	struct wire_progress progress;

	if (f->type == FRAME_PROGRESS) {
		DECODE(progress, f, progress);
		assert_true(progress.done <= progress.total);
		h->progress_count++;
		return;
	}
	assert_int_equal(f->type, FRAME_FORMAT);
	DECODE(format, f, format);
	assert_true(format.name.len <= FORMAT_NAME_MAX);
	assert_int_equal(h->format[0], 0);
	memcpy(h->format, format.name.at, format.name.len);
}

static void
on_frame(struct harness *h, struct wire_arena *arena, const struct frame_in *f)
{
	const struct harness_storage *last = h->storage_count == 0 ? NULL :
	    &h->storages[h->storage_count - 1];

	if (f->type != FRAME_DATA && f->type != FRAME_FAULT && last != NULL &&
	    last->kind == STORAGE_STREAM && last->received != last->length)
		fail_msg("a frame inside of a storage's stream");
	assert_false(h->done || h->faulted);
	if (f->type == FRAME_STORAGE)
		on_storage(h, arena, f);
	else if (f->type == FRAME_DATA)
		on_data(h, f);
	else if (f->type == FRAME_TENSOR)
		on_tensor(h, arena, f);
	else if (f->type == FRAME_PIECE)
		on_piece(h, arena, f);
	else if (f->type == FRAME_ALIAS || f->type == FRAME_NOTE)
		on_text(h, arena, f);
	else if (f->type == FRAME_SCALAR)
		on_scalar(h, arena, f);
	else if (f->type == FRAME_DONE || f->type == FRAME_FAULT)
		on_end(h, arena, f);
	else
		on_rest(h, arena, f);
}

void
harness_collect(struct harness *h)
{
	struct wire_arena arena = { .size = (size_t)WIRE_ARENA_BYTES };
	struct frame_head head;
	struct frame_in f;

	arena.at = map(arena.size);
	if (h->job.sink != NULL)
		sink_flush(&h->job);
	while (h->decoded < h->sent_len) {
		assert_true(h->sent_len - h->decoded >= FRAME_HEAD_BYTES);
		if (!frame_head_read(h->sent + h->decoded, &head))
			fail_msg("a bad frame head");
		h->decoded += FRAME_HEAD_BYTES;
		assert_true(head.length <= h->sent_len - h->decoded);
		f.type = head.type;
		f.payload = h->sent + h->decoded;
		f.length = head.length;
		on_frame(h, &arena, &f);
		h->decoded += head.length;
	}
	munmap(arena.at, arena.size);
}

/* -------------------------------------------------------------- looking -- */

const struct harness_tensor *
harness_find(const struct harness *h, const char *name)
{
	for (size_t i = 0; i < h->tensor_count; i++)
		if (strcmp(h->tensors[i].name, name) == 0)
			return &h->tensors[i];
	return NULL;
}

const struct harness_note *
harness_note(const struct harness *h, uint32_t kind, const char *text)
{
	for (size_t i = 0; i < h->note_count; i++)
		if ((kind == 0 || h->notes[i].kind == kind) &&
		    strstr(h->notes[i].text, text) != NULL)
			return &h->notes[i];
	return NULL;
}

const uint8_t *
harness_bytes(struct harness *h, const struct harness_tensor *t, size_t *length)
{
	const struct dtype *d = dtype_by_code(t->dtype);
	const struct harness_storage *s = &h->storages[t->storage];
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t bytes;
	uint64_t span;
	uint64_t at;
	uint64_t step;
	uint8_t *out;

	assert_non_null(d);
	assert_true(shape_bytes(d, t->shape, t->rank, &bytes));
	assert_true(shape_span(d, t->shape, t->strides, t->rank, &span));
	assert_true(t->offset <= s->length && span <= s->length - t->offset);
	*length = (size_t)bytes;
	out = keep(h, *length);
	step = dtype_element_bytes(d);
	if (step == 0)
		step = bytes;	/* sub-byte types are contiguous: one piece */
	for (uint64_t done = 0; done < bytes; done += step) {
		at = 0;
		for (size_t i = 0; i < t->rank; i++)
			at += index[i] * t->strides[i];
		memcpy(out + done, s->bytes + t->offset + at * step,
		    (size_t)step);
		for (size_t i = t->rank; i-- > 0;) {
			if (++index[i] < t->shape[i])
				break;
			index[i] = 0;
		}
	}
	return out;
}
