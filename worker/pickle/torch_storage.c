/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_storage.c - persistent ids: ('storage', class, key, location, numel),
 * and in legacy files a sixth part, the view (view_key, offset, size) or None.
 * Source: torch/serialization.py of 2.13 (persistent_id, persistent_load) and
 * 0.4 (_legacy_save).  One key has one class and one length in one file; the
 * bytes that a tensor may use are the least of what is claimed and what is
 * there.  Location is advice and is not looked at, but for "meta".
 */
#include "vocabulary_word.h"

#include <string.h>

#include "siphash.h"
#include "wrapped.h"

/* Keys are numbers; one is looked for, for each tensor that names it. */
#define KEY_MAX 512

struct storage_seen {
	uint64_t count;		/* as declared */
	uint16_t dtype;		/* of the class; U8 for untyped ones; NONE
				 * before it was declared */
};
#define SEEN_A_PAGE (ARENA_PAGE / sizeof(struct storage_seen))

static const struct {
	char name[22];
	uint16_t dtype;		/* 0: untyped */
} classes[] = {
	{ "FloatStorage", DTYPE_F32 },
	{ "HalfStorage", DTYPE_F16 },
	{ "BFloat16Storage", DTYPE_BF16 },
	{ "LongStorage", DTYPE_I64 },
	{ "IntStorage", DTYPE_I32 },
	{ "DoubleStorage", DTYPE_F64 },
	{ "BoolStorage", DTYPE_BOOL },
	{ "ByteStorage", DTYPE_U8 },
	{ "CharStorage", DTYPE_I8 },
	{ "ShortStorage", DTYPE_I16 },
	{ "ComplexFloatStorage", DTYPE_C64 },
	{ "ComplexDoubleStorage", DTYPE_C128 },
	{ "QInt8Storage", DTYPE_I8 },
	{ "QUInt8Storage", DTYPE_U8 },
	{ "QInt32Storage", DTYPE_I32 },
	{ "QUInt4x2Storage", DTYPE_QU4X2 },
	{ "QUInt2x4Storage", DTYPE_QU2X4 },
	{ "UntypedStorage", 0 },
	{ "_UntypedStorage", 0 },
};
static const char modules[][16] = { "torch", "torch.storage", "torch.cuda" };

/* The class's number plus 1, or MARK_NOTHING. */
static uint32_t
search_class(const struct graph *g, vref v)
{
	struct global_name global = value_global(g, v);

	for (size_t m = 0; m < sizeof(modules) / sizeof(modules[0]); m++)
		for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]);
		    i++)
			if (global_is(&global, modules[m], classes[i].name))
				return (uint32_t)i + 1;
	return MARK_NOTHING;
}

bool
torch_storage_class(const struct graph *g, vref v, const struct dtype **dtype)
{
	struct value *global;
	uint32_t kept;

	if (value_kind(g, v) != VALUE_GLOBAL)
		return false;
	global = graph_at(g, v);
	kept = global->mark & MARK_NOTHING;
	if (kept == 0) {
		kept = search_class(g, v);
		global->mark |= kept;
	}
	if (kept == MARK_NOTHING)
		return false;
	*dtype = dtype_by_code(classes[kept - 1].dtype);
	return true;
}

/* Bytes of one counted element: sub-byte types are counted in bytes. */
static uint64_t
unit(const struct dtype *d)
{
	unsigned bytes = d == NULL ? 1 : dtype_element_bytes(d);

	return bytes == 0 ? 1 : bytes;
}

/* Bytes that are swapped as one in a big-endian archive. */
static unsigned
swap_width(const struct dtype *d)
{
	unsigned bytes = (unsigned)unit(d);

	if (d != NULL && (d->code == DTYPE_C32 || d->code == DTYPE_C64 ||
	    d->code == DTYPE_C128))
		bytes /= 2;
	return bytes;
}

/* What was said of the storage with this id; zeroes when nothing was yet. */
static struct storage_seen *
seen_at(const struct word *w, uint32_t id)
{
	struct vocabulary *words = w->home->words;

	uint32_t page = id / SEEN_A_PAGE;

	words->seen = arena_grow(&w->job->arena, words->seen,
	    sizeof(struct storage_seen *), /* NOLINT: pointers */
	    words->seen_capacity, page + 1, &words->seen_capacity);
	if (words->seen[page] == NULL) {
		words->seen[page] = arena_page(&w->job->arena);
		words->seen_pages++;
	}
	return &words->seen[page][id % SEEN_A_PAGE];
}

/* The parts of a persistent id. */
struct claim {
	const struct dtype *dtype;
	const uint8_t *key;
	uint64_t key_len;
	uint64_t count;
	uint64_t bytes;
	vref view;
};

static bool
text_is(const struct graph *g, vref v, const char *text)
{
	const uint8_t *at;
	uint64_t len;

	return value_text(g, v, true, &at, &len) && len == strlen(text) &&
	    memcmp(at, text, len) == 0;
}

/* A class that is named like a storage but is none that we know. */
static bool
new_storage_class(const struct graph *g, vref v)
{
	const uint8_t *at;
	uint64_t len;

	return value_kind(g, v) == VALUE_GLOBAL &&
	    value_text(g, graph_at(g, v)->as.global.name, true, &at, &len) &&
	    len > 7 && memcmp(at + len - 7, "Storage", 7) == 0;
}

/* False when left out. */
static bool
read_claim(const struct word *w, vref id, struct claim *c)
{
	const uint8_t *at;
	uint64_t len;
	uint32_t parts = value_count(w->g, id);

	if (value_kind(w->g, id) != VALUE_TUPLE ||
	    (parts != 5 && !(parts == 6 && w->home->views)) ||
	    !text_is(w->g, value_item(w->g, id, 0), "storage"))
		word_die(w, id, "persistent id", "is not a storage's");
	if (!torch_storage_class(w->g, value_item(w->g, id, 1), &c->dtype)) {
		if (!new_storage_class(w->g, value_item(w->g, id, 1)))
			word_die(w, id, "persistent id", "names no class");
		word_leave_out(w, "unknown storage class");
		return false;
	}
	if (!value_text(w->g, value_item(w->g, id, 2), true, &c->key,
	    &c->key_len))
		word_die(w, id, "storage key", "is not text");
	if (c->key_len > KEY_MAX)
		word_die(w, id, "storage key", "is too long");
	if (c->key_len == 0)
		c->key = (const uint8_t *)"";
	if (!value_text(w->g, value_item(w->g, id, 3), true, &at, &len))
		word_die(w, id, "storage location", "is not text");
	if (!word_natural(w, value_item(w->g, id, 4), "storage length",
	    &c->count))
		word_die(w, id, "storage length", "is not an integer");
	if (__builtin_mul_overflow(c->count, unit(c->dtype), &c->bytes))
		word_die(w, id, "storage length", "overflows");
	c->view = value_item(w->g, id, 5);
	if (len == 4 && memcmp(at, "meta", 4) == 0) {
		word_leave_out(w, "it is on the meta device: no data");
		return false;
	}
	return true;
}

/* Judges the claim about storage `found` against earlier ones. */
static void
declare(const struct word *w, vref id, const struct claim *c, uint32_t found,
    bool *first)
{
	uint16_t code = c->dtype == NULL ? DTYPE_U8 : c->dtype->code;
	struct storage_seen *s = seen_at(w, found);

	*first = s->dtype == DTYPE_NONE;
	if (*first) {
		*s = (struct storage_seen){ .count = c->count, .dtype = code };
		return;
	}
	/* torch knows storages by their address, and all empty ones have the
	 * same. */
	if (s->count == 0 && c->count == 0)
		return;
	if (s->dtype != code || s->count != c->count)
		die_about(w->job, FAULT_FORMAT,
		    value_where(w->g, id, w->where),
		    "storage declared twice, and differently", c->key,
		    c->key_len);
}

/* A view that was declared: torch keeps them by their keys, as it does the
 * storages, and hands out what it has under the key. */
struct view_seen {
	uint64_t hash;		/* of the key; 0: free */
	uint64_t offset;	/* bytes */
	uint64_t end;
	uint32_t id;		/* of the storage that it is a part of */
};

/* Where the view with this hash is, or goes: open addressing. */
static struct view_seen *
view_at(struct vocabulary *words, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 1) & (words->view_capacity - 1);

	while (words->views[i].hash != 0 && words->views[i].hash != hash)
		i = (i + 1) & (words->view_capacity - 1);
	return &words->views[i];
}

static void
grow_views(const struct word *w)
{
	struct vocabulary *words = w->home->words;
	struct view_seen *old = words->views;
	uint32_t had = words->view_capacity;

	if (words->view_count < had / 2)
		return;
	words->view_capacity = had == 0 ? 64 : had * 2;
	words->views = arena_alloc(&w->job->arena, words->view_capacity,
	    sizeof(*words->views));
	for (uint32_t i = 0; i < had; i++)
		if (old[i].hash != 0)
			*view_at(words, old[i].hash) = old[i];
}

/* Of a text, or of a number, which the storages of tar archives have. */
static uint64_t
hash_view(const struct word *w, vref id, vref key,
    const struct torch_storage *out)
{
	const uint64_t turned[2] = { w->job->seed[1], w->job->seed[0] };
	const uint8_t *data;
	const uint8_t *at;
	uint64_t bytes;
	uint64_t len;
	uint32_t root;
	int64_t number;

	if (value_int(w->g, key, &number))
		return siphash(turned, &number, sizeof(number)) | 1;
	if (!value_text(w->g, key, true, &at, &len))
		word_die(w, id, "view key", "is not text");
	if (len > KEY_MAX)
		word_die(w, id, "view key", "is too long");
	if (len == 0)
		at = (const uint8_t *)"";
	if (w->home->find(w->home, at, (size_t)len, out->where, &root, &bytes,
	    &data))
		word_die(w, id, "view key", "is a storage's");
	return siphash(w->job->seed, at, (size_t)len) | 1;
}

/* One key is one view, and no storage's. */
static void
declare_view(const struct word *w, vref id, vref key,
    const struct torch_storage *out)
{
	struct view_seen *seen;
	struct view_seen is = { .offset = out->first, .end = out->bytes,
		.id = out->id };

	is.hash = hash_view(w, id, key, out);
	grow_views(w);
	seen = view_at(w->home->words, is.hash);
	if (seen->hash == 0) {
		*seen = is;
		w->home->words->view_count++;
	}
	if (seen->offset != is.offset || seen->end != is.end ||
	    seen->id != is.id)
		word_die(w, id, "view", "is declared twice, and differently");
}

/* Legacy: the tensor's storage is a part of the one with the key. */
static void
apply_view(const struct word *w, vref id, const struct claim *c,
    struct torch_storage *out)
{
	uint64_t offset;
	uint64_t count;

	if (c->view == VREF_MISSING || c->view == VREF_NONE)
		return;
	if (value_kind(w->g, c->view) != VALUE_TUPLE ||
	    value_count(w->g, c->view) != 3)
		word_die(w, id, "storage view", "is not a tuple of three");
	if (!word_natural(w, value_item(w->g, c->view, 1), "view offset",
	    &offset) ||
	    !word_natural(w, value_item(w->g, c->view, 2), "view length",
	    &count))
		word_die(w, id, "storage view", "holds no integers");
	if (__builtin_mul_overflow(offset, unit(c->dtype), &offset) ||
	    __builtin_mul_overflow(count, unit(c->dtype), &count) ||
	    offset > out->bytes || count > out->bytes - offset)
		word_die(w, id, "storage view", "lies outside its storage");
	out->first = offset;
	out->bytes = offset + count;
	declare_view(w, id, value_item(w->g, c->view, 0), out);
}

bool
torch_storage_read(const struct word *w, vref v, const struct dtype *view,
    struct torch_storage *out)
{
	struct claim c;
	uint64_t there;
	bool first;
	vref id;

	if (wrapped_is(w->g, v))
		return wrapped_storage(w, v, out);
	if (value_kind(w->g, v) != VALUE_PERSID) {
		if (!word_is_opaque(w, v))
			word_die(w, v, "storage", "is not a persistent id");
		word_leave_out(w, "its storage is an unknown object");
		return false;
	}
	/* Which one, and of which key, is no matter: nobody honest does. */
	if (w->g->written)
		word_die(w, v, "storage", "is changed by the pickle");
	id = graph_at(w->g, v)->as.ref;
	out->where = graph_where(w->g, v);
	if (!read_claim(w, id, &c))
		return false;
	/* Its writer had other numbers in mind than torch reads here. */
	if (w->home->big_endian && c.dtype == NULL && swap_width(view) > 1) {
		word_leave_out(w, "the big-endian bytes of an untyped storage, "
		    "which torch does not swap");
		return false;
	}
	w->home->swap_width = w->home->big_endian ? swap_width(c.dtype) : 1;
	if (!w->home->find(w->home, c.key, (size_t)c.key_len, out->where,
	    &out->id, &there, &out->data))
		die_about(w->job, FAULT_FORMAT, out->where,
		    "no record for the storage", c.key, (size_t)c.key_len);
	/* One key is one id. */
	declare(w, id, &c, out->id, &first);
	if (first && there > c.bytes)
		sink_note_about(w->job, NOTE_RECORD, VERDICT_UNUSUAL,
		    out->where, "storage record is longer than declared", c.key,
		    (size_t)c.key_len);
	out->dtype = c.dtype;
	out->bytes = there < c.bytes ? there : c.bytes;
	out->first = 0;
	apply_view(w, id, &c, out);
	return true;
}

/* A storage that stands alone: a vector of its elements. */
bool
torch_storage_leaf(struct word *w, vref persid)
{
	struct torch_storage storage;
	struct geometry geometry = { .rank = 1, .strides = { 1 } };
	const struct dtype *dtype;
	vref id = graph_at(w->g, persid)->as.ref;

	if (value_kind(w->g, id) == VALUE_TUPLE &&
	    text_is(w->g, value_item(w->g, id, 0), "module"))
		return false;
	if (!torch_storage_read(w, persid, NULL, &storage))
		return true;
	dtype = storage.dtype != NULL ? storage.dtype : dtype_by_code(DTYPE_U8);
	if (dtype_element_bytes(dtype) == 0)
		dtype = dtype_by_code(DTYPE_U8);
	geometry.count = (storage.bytes - storage.first) /
	    dtype_element_bytes(dtype);
	geometry.shape[0] = geometry.count;
	torch_tensor_send(w, NULL, &storage, dtype, &geometry, 0);
	return true;
}
