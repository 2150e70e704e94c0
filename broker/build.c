/* SPDX-License-Identifier: Apache-2.0
 *
 * build.c - makes and fills a checkpoint.  Trusts its numbers, because check.c
 * has judged each of them; copies every byte, because a message's memory is
 * used again for the next one.  Must never leave a half-added entry behind.
 */
#include "build.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

/* Transparent huge pages pay from here on (fewer faults while receiving). */
#define HUGE_PAGES_MIN (4 * MIB)

pfork_checkpoint *
checkpoint_new(void)
{
	pfork_checkpoint *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (getrandom(c->names.seed, sizeof(c->names.seed), 0) !=
		(ssize_t)sizeof(c->names.seed) ||
	    pthread_mutex_init(&c->lock, NULL) != 0) {
		free(c);
		return NULL;
	}
	atomic_init(&c->references, 1);
	c->source.fd = -1;
	c->verdict = PFORK_UNDECIDED;
	c->worker.exit_status = -1;
	c->process = getpid();
	return c;
}

static void
storage_free(struct storage *s)
{
	if (!s->streamed || s->bytes == NULL)
		return;
	if (s->length >= STORAGE_MAP_MIN)
		munmap(s->bytes, (size_t)s->length);
	else
		free(s->bytes);
	s->bytes = NULL;
}

static void
tensor_free(struct pfork_tensor *t)
{
	const uint8_t *data = atomic_load(&t->data);

	free((void *)(uintptr_t)data);
}

/* The strings stay in the pool until the checkpoint goes: notes use it too. */
void
checkpoint_drop_tensors(pfork_checkpoint *c)
{
	for (size_t i = 0; c->members == NULL && i < c->tensor_count; i++)
		tensor_free(&c->tensors[i]);
	for (size_t i = 0; i < c->storage_count; i++)
		storage_free(&c->storages[i]);
	name_table_free(&c->names);
	free(c->tensors);
	free(c->members);
	free(c->storages);
	free(c->pieces);
	free(c->aliases);
	free(c->scalars);
	c->tensors = NULL;
	c->members = NULL;
	c->storages = NULL;
	c->pieces = NULL;
	c->aliases = NULL;
	c->scalars = NULL;
	c->tensor_count = c->tensor_capacity = 0;
	c->storage_count = c->storage_capacity = 0;
	c->piece_count = c->piece_capacity = 0;
	c->alias_count = c->alias_capacity = 0;
	c->scalar_count = c->scalar_capacity = 0;
}

/* Room for one more item, by doubling.  False: no memory, nothing changed. */
static bool
room(void **items, size_t size, size_t count, size_t *capacity)
{
	size_t wanted;
	void *moved;

	if (count < *capacity)
		return true;
	wanted = *capacity == 0 ? 16 : *capacity * 2;
	moved = reallocarray(*items, wanted, size);
	if (moved == NULL)
		return false;
	*items = moved;
	*capacity = wanted;
	return true;
}

#define ROOM(c, items, one)                                             \
	room((void **)&(c)->items, sizeof(*(c)->items), (c)->one##_count, \
	    &(c)->one##_capacity)

/* Memory is committed by the kernel only as bytes arrive. */
static uint8_t *
storage_bytes(uint64_t length)
{
	void *at;

	if (length < STORAGE_MAP_MIN)
		return aligned_alloc(64, ((size_t)length + 63) & ~(size_t)63);
	at = mmap(NULL, (size_t)length, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (length >= HUGE_PAGES_MIN)
		(void)madvise(at, (size_t)length, MADV_HUGEPAGE);
	return at;
}

enum build
build_storage(pfork_checkpoint *c, const struct wire_storage *m)
{
	struct storage s = { 0 };

	s.streamed = m->kind != STORAGE_EXTENT;
	s.elsewhere = m->kind == STORAGE_ELSEWHERE;
	s.length = m->length;
	if (!ROOM(c, storages, storage))
		return BUILD_NO_MEMORY;
	if (!s.streamed)
		s.offset = m->offset;
	else if (s.length > 0 && !s.elsewhere) {
		s.bytes = storage_bytes(s.length);
		if (s.bytes == NULL)
			return BUILD_NO_MEMORY;
	}
	c->storages[c->storage_count++] = s;
	return BUILD_OK;
}

/* length bytes and a NUL; returns what follows them. */
static char *
put_text(char *to, struct wire_bytes from)
{
	if (from.len > 0)
		memcpy(to, from.at, from.len);
	to[from.len] = '\0';
	return to + from.len + 1;
}

static char *
copy_path(const struct wire_tensor *m, struct tensor_part *parts)
{
	char *texts = (char *)(parts + m->path_count);
	char *at = texts;

	for (size_t i = 0; i < m->path_count; i++) {
		at = put_text(at, m->path[i]);
		parts[i].end = (uint32_t)(at - texts - 1) & 0x3fffffff;
		parts[i].kind = m->path_kinds.at[i] & 3u;
	}
	return at;
}

static bool
is_own_path(const struct wire_tensor *m)
{
	return m->path_count == 1 && m->path[0].len == m->name.len &&
	    memcmp(m->path[0].at, m->name.at, m->name.len) == 0;
}

/* Everything of a tensor that has no fixed size: see struct pfork_tensor. */
static bool
copy_texts(pfork_checkpoint *c, const struct wire_tensor *m,
    struct pfork_tensor *t)
{
	size_t numbers = m->rank * sizeof(uint64_t);
	size_t size = 2 * numbers + m->path_count * sizeof(struct tensor_part);
	bool own = is_own_path(m);
	uint64_t *block;
	char *name;

	if (!own)
		size += m->name.len + 1;
	for (size_t i = 0; i < m->path_count; i++)
		size += m->path[i].len + 1;
	block = pool_alloc(&c->strings, size);
	if (block == NULL)
		return false;
	if (numbers > 0) {
		memcpy(block, m->shape, numbers);
		memcpy(block + m->rank, m->strides, numbers);
	}
	name = copy_path(m, (struct tensor_part *)(block + 2 * m->rank));
	t->shape = block;
	t->rank = (uint8_t)m->rank;
	t->path_length = (uint16_t)m->path_count;
	if (own)
		name -= m->name.len + 1;
	else
		put_text(name, m->name);
	t->name = name;
	return true;
}

/* BUILD_TAKEN when it was there. */
static enum build
enter_name(pfork_checkpoint *c, const char *name, size_t length,
    uint32_t target)
{
	int added = name_table_put(&c->names, name, length, target);

	if (added == 1)
		return BUILD_OK;
	return added == 0 ? BUILD_TAKEN : BUILD_NO_MEMORY;
}

enum build
build_tensor(pfork_checkpoint *c, const struct wire_tensor *m,
    const struct geometry *g)
{
	struct pfork_tensor *t;
	enum build how;

	if (!ROOM(c, tensors, tensor))
		return BUILD_NO_MEMORY;
	t = &c->tensors[c->tensor_count];
	atomic_init(&t->data, NULL);
	t->owner = c;
	t->home = c;
	t->assembly = NULL;
	t->dtype = g->dtype;
	t->nbytes = g->nbytes;
	t->contiguous = g->contiguous;
	t->offset = m->offset;
	t->storage = m->storage;
	if (!copy_texts(c, m, t))
		return BUILD_NO_MEMORY;
	/* Last: an entered name must have its tensor. */
	how = enter_name(c, t->name, m->name.len, (uint32_t)c->tensor_count);
	if (how == BUILD_OK)
		c->tensor_count++;
	return how;
}

static bool
copy_box(pfork_checkpoint *c, const struct wire_piece *m,
    struct piece_entry *p)
{
	size_t size = m->rank * sizeof(uint64_t);
	uint64_t *numbers = pool_alloc(&c->strings, 2 * size);

	p->file = pool_text(&c->strings, m->file.at, m->file.len);
	if (numbers == NULL || p->file == NULL)
		return false;
	if (size > 0) {
		memcpy(numbers, m->start, size);
		memcpy(numbers + m->rank, m->size, size);
	}
	p->start = numbers;
	p->size = numbers + m->rank;
	p->offset = m->offset;
	p->length = m->length;
	p->kind = (uint8_t)m->kind;
	return true;
}

/* The tensor that boxes make up, over no storage yet. */
static enum build
build_whole(pfork_checkpoint *c, const struct wire_piece *m,
    const struct geometry *g)
{
	uint64_t strides[RANK_MAX];
	struct wire_tensor whole = {
		.name = m->name, .path = m->path, .path_count = m->path_count,
		.path_kinds = m->path_kinds, .shape = m->shape,
		.rank = m->rank, .strides = strides, .stride_count = m->rank
	};
	enum build how;

	/* Cannot fail: the shape's product was judged. */
	(void)shape_strides(m->shape, m->rank, strides);
	how = build_tensor(c, &whole, g);
	if (how == BUILD_OK)
		c->tensors[c->tensor_count - 1].home = NULL; /* for now */
	return how;
}

enum build
build_piece(pfork_checkpoint *c, const struct wire_piece *m,
    const struct geometry *g, bool more)
{
	struct piece_entry *p;
	enum build how = BUILD_OK;

	if (!ROOM(c, pieces, piece))
		return BUILD_NO_MEMORY;
	p = &c->pieces[c->piece_count];
	if (!copy_box(c, m, p))
		return BUILD_NO_MEMORY;
	if (!more)
		how = build_whole(c, m, g);
	if (how != BUILD_OK)
		return how;
	p->tensor = (uint32_t)c->tensor_count - 1;
	c->piece_count++;
	return BUILD_OK;
}

enum build
build_alias(pfork_checkpoint *c, const struct wire_alias *m)
{
	struct alias_entry *a;
	enum build how;

	if (!ROOM(c, aliases, alias))
		return BUILD_NO_MEMORY;
	a = &c->aliases[c->alias_count];
	a->target = m->target;
	a->name = pool_text(&c->strings, m->name.at, m->name.len);
	if (a->name == NULL)
		return BUILD_NO_MEMORY;
	how = enter_name(c, a->name, m->name.len, m->target);
	if (how == BUILD_OK)
		c->alias_count++;
	return how;
}

static enum build
add_note(pfork_checkpoint *c, uint32_t kind, uint32_t level, uint64_t where,
    const char *text)
{
	struct note_entry *n;

	if (text == NULL || !ROOM(c, notes, note))
		return BUILD_NO_MEMORY;
	n = &c->notes[c->note_count++];
	n->text = text;
	n->where = where;
	n->kind = (uint8_t)kind;
	n->level = (uint8_t)level;
	return BUILD_OK;
}

enum build
build_note(pfork_checkpoint *c, const struct wire_note *m)
{
	return add_note(c, m->kind, m->level, m->where,
	    pool_text(&c->strings, m->text.at, m->text.len));
}

enum build
build_alias_note(pfork_checkpoint *c)
{
	static const char between[] = " is the tensor ";
	const struct alias_entry *a = &c->aliases[c->alias_count - 1];
	const char *target = c->tensors[a->target].name;
	size_t name_length = strlen(a->name);
	size_t target_length = strlen(target);
	char *text = pool_alloc(&c->strings,
	    name_length + target_length + sizeof(between));
	char *at = text;

	if (text == NULL)
		return BUILD_NO_MEMORY;
	memcpy(at, a->name, name_length);
	at += name_length;
	memcpy(at, between, sizeof(between) - 1);
	at += sizeof(between) - 1;
	memcpy(at, target, target_length + 1);
	return add_note(c, NOTE_ALIAS, VERDICT_CLEAN, PFORK_NO_OFFSET, text);
}

enum build
build_scalar(pfork_checkpoint *c, const struct wire_scalar *m)
{
	struct scalar_entry *s;

	if (!ROOM(c, scalars, scalar))
		return BUILD_NO_MEMORY;
	s = &c->scalars[c->scalar_count];
	memset(s, 0, sizeof(*s));
	s->name = pool_text(&c->strings, m->name.at, m->name.len);
	s->bytes = (const uint8_t *)pool_text(&c->strings, m->data.at,
	    m->data.len);
	if (s->name == NULL || s->bytes == NULL)
		return BUILD_NO_MEMORY;
	s->length = m->data.len;
	s->full_length = m->full_length;
	s->kind = (uint8_t)m->kind;
	if (m->kind == SCALAR_BOOL || m->kind == SCALAR_INT)
		s->i = m->i;
	if (m->kind == SCALAR_FLOAT)
		s->f = m->f;
	c->scalar_count++;
	return BUILD_OK;
}
