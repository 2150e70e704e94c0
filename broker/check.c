/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c - see check.h.  Every number is taken to have been chosen by an
 * attacker who owns the worker: sums and products are overflow-checked, every
 * code is looked up in a closed set, every length has a cap.
 */
#include "check_inside.h"

#include <string.h>

/* What an entry costs besides its text: the structures that a message with
 * nothing in it still makes us keep. */
#define PART_COST (sizeof(struct tensor_part) + TEXT_COST)
#define SCALAR_COST (sizeof(struct scalar_entry) + TEXT_COST)

/* 2^64 has 20. */
#define INDEX_DIGITS_MAX 20

/* -------------------------------------------------------------- text -- */

/* worker/utf8.c knows this too.  It is written twice on purpose: the trusted
 * side takes no code, and so no mistake, from the side that it judges. */

/* Bytes of the sequence that starts here, 0 when it is not well-formed.
 * (The comments with an @ are what `make prove` proves for every input.) */
/*@ requires left > 0 && \valid_read(at + (0 .. left - 1));
  @ assigns \nothing;
  @ ensures \result <= 4 && \result <= left; */
static size_t
utf8_sequence(const uint8_t *at, size_t left)
{
	uint8_t first = at[0];
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t size;

	if (first < 0x80)
		return 1;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (left < size)
		return 0;
	if (first == 0xe0)
		low = 0xa0;	/* shorter forms exist */
	if (first == 0xed)
		high = 0x9f;	/* surrogates */
	if (first == 0xf0)
		low = 0x90;
	if (first == 0xf4)
		high = 0x8f;	/* over U+10FFFF */
	if (at[1] < low || at[1] > high)
		return 0;
	/*@ loop invariant 2 <= i <= size;
	  @ loop assigns i;
	  @ loop variant size - i; */
	for (size_t i = 2; i < size; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return size;
}

/* One load; the order of the bytes does not matter. */
/*@ requires \valid_read(at + (0 .. 7));
  @ assigns \nothing; */
static uint64_t
eight_bytes(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 |
	    (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
	    (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 |
	    (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;
}

bool
check_utf8(const uint8_t *at, size_t length)
{
	size_t size;

	/*@ loop invariant 0 <= i <= length;
	  @ loop assigns i, size;
	  @ loop variant length - i; */
	for (size_t i = 0; i < length; i += size) {
		/* Eight bytes of ASCII at once. */
		size = 8;
		if (length - i >= size && (eight_bytes(at + i) &
		    UINT64_C(0x8080808080808080)) == 0)
			continue;
		size = utf8_sequence(at + i, length - i);
		if (size == 0)
			return false;
	}
	return true;
}

/* b is not empty. */
static bool
holds_nul(struct wire_bytes b)
{
	return memchr(b.at, '\0', b.len) != NULL;
}

struct finding
check_name(struct wire_bytes name)
{
	if (name.len == 0)
		return lie("a name is empty");
	if (name.len > TENSOR_NAME_MAX)
		return lie("a name is too long");
	if (holds_nul(name))
		return lie("a name holds a NUL byte");
	if (!check_utf8(name.at, name.len))
		return lie("a name is not UTF-8");
	return fine;
}

/* A number as JSON would write it, too: reports do. */
/*@ requires b.len == 0 || \valid_read(b.at + (0 .. b.len - 1));
  @ assigns \nothing; */
static bool
is_index(struct wire_bytes b)
{
	/*@ loop invariant 0 <= i <= b.len;
	  @ loop assigns i;
	  @ loop variant b.len - i; */
	for (size_t i = 0; i < b.len; i++)
		if (b.at[i] < '0' || b.at[i] > '9')
			return false;
	return b.len > 0 && b.len <= INDEX_DIGITS_MAX &&
	    (b.at[0] != '0' || b.len == 1);
}

static struct finding
check_part(struct wire_bytes part, uint8_t kind)
{
	if (kind < PATH_KEY || kind > PATH_INDEX)
		return lie("a path has a part of an unknown kind");
	if (part.len > TENSOR_NAME_MAX)
		return lie("a part of a path is too long");
	if (!check_utf8(part.at, part.len))
		return lie("a part of a path is not UTF-8");
	if (kind == PATH_INDEX && !is_index(part))
		return lie("an index in a path is not a number");
	return fine;
}

struct finding
check_path(const struct wire_tensor *m)
{
	struct finding f = fine;

	if (m->path_count > PATH_PARTS_MAX)
		return lie("a path has too many parts");
	if (m->path_kinds.len != m->path_count)
		return lie("a path has not one kind for each part");
	for (size_t i = 0; i < m->path_count && f.code == PFORK_OK; i++)
		f = check_part(m->path[i], m->path_kinds.at[i]);
	return f;
}

/* ------------------------------------------------------ hello, format -- */

uint64_t
check_layer_bits(const uint32_t *numbers, size_t count)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < count; i++)
		bits |= UINT64_C(1) << (numbers[i] % WIRE_LAYERS_MAX);
	return bits;
}

/* Each once, so that there are no more than WIRE_LAYERS_MAX. */
static bool
layers_are_numbers(const uint32_t *numbers, size_t count)
{
	uint64_t met = 0;

	for (size_t i = 0; i < count; i++) {
		if (numbers[i] >= WIRE_LAYERS_MAX ||
		    (met >> numbers[i] & 1) != 0)
			return false;
		met |= UINT64_C(1) << numbers[i];
	}
	return true;
}

struct finding
check_hello(const struct rules *r, const struct wire_hello *m)
{
	static const struct finding version = { PFORK_E_SANDBOX,
		"worker and library are of different versions" };
	static const struct finding missing = { PFORK_E_SANDBOX,
		"a required layer of the jail is missing" };
	uint64_t layers;

	if (m->version != WIRE_VERSION)
		return version;
	if (!layers_are_numbers(m->layers, m->layer_count) ||
	    !layers_are_numbers(m->missing, m->missing_count) ||
	    m->reason_count != m->missing_count)
		return lie("its lists of layers are malformed");
	layers = check_layer_bits(m->layers, m->layer_count);
	if ((layers & check_layer_bits(m->missing, m->missing_count)) != 0)
		return lie("a layer is both in force and missing");
	if ((r->required_layers & ~layers) != 0)
		return missing;
	return fine;
}

struct finding
check_format(const struct wire_format *m)
{
	if (m->name.len == 0 || m->name.len > FORMAT_NAME_MAX)
		return lie("the format's name is empty or too long");
	for (size_t i = 0; i < m->name.len; i++) {
		uint8_t c = m->name.at[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return lie("the format's name has a strange letter");
	}
	return fine;
}

/* ------------------------------------------------------------ tensors -- */

/* Works the geometry out anew; nothing is taken from the worker's word. */
static struct finding
check_geometry(const struct storage *s, const struct wire_tensor *m,
    struct geometry *g)
{
	g->dtype = dtype_by_code(m->dtype);
	if (g->dtype == NULL)
		return lie("a tensor's dtype is unknown");
	if (m->rank > RANK_MAX || m->stride_count != m->rank)
		return lie("a tensor's rank is over 64 or not its strides'");
	for (size_t i = 0; i < m->rank; i++)
		if (m->strides[i] > INT64_MAX)
			return lie("a stride is negative");
	if (!shape_count(m->shape, m->rank, &g->elements) ||
	    !shape_bytes(g->dtype, m->shape, m->rank, &g->nbytes) ||
	    !shape_span(g->dtype, m->shape, m->strides, m->rank, &g->span))
		return lie("a tensor's shape or strides cannot be");
	if (m->offset > s->length || g->span > s->length - m->offset)
		return lie("a tensor reaches outside its storage");
	g->contiguous = shape_is_contiguous(m->shape, m->strides, m->rank);
	return fine;
}

bool
check_room(const struct rules *r, const struct totals *t)
{
	uint64_t entries = t->tensors + t->aliases + t->more_boxes;

	return entries < r->limits.tensors && entries < UINT32_MAX - 1;
}

static uint64_t
cost_of(const struct wire_tensor *m)
{
	uint64_t cost = m->name.len + TEXT_COST +
	    m->rank * 2 * sizeof(uint64_t) + m->path_count * PART_COST;

	for (size_t i = 0; i < m->path_count; i++)
		cost += m->path[i].len;
	return cost;
}

struct finding
check_count_tensor(const struct rules *r, struct totals *t,
    const struct wire_tensor *m, const struct geometry *g)
{
	struct totals sum = *t;

	if (!check_room(r, t))
		return over("more tensors than the limit `tensors`");
	if (!add_under(&sum.kept, cost_of(m), r->limits.names_bytes))
		return over("names are over the limit names_bytes");
	if (!add_under(&sum.contiguous, g->nbytes, r->limits.contiguous_bytes))
		return over("tensors are over the limit contiguous_bytes");
	sum.tensors++;
	*t = sum;
	return fine;
}

struct finding
check_tensor(const struct rules *r, struct totals *t,
    const struct storage *storages, const struct wire_tensor *m,
    struct geometry *out)
{
	struct geometry g = { 0 };
	struct finding f = check_name(m->name);

	if (f.code == PFORK_OK)
		f = check_path(m);
	if (f.code != PFORK_OK)
		return f;
	if (m->storage >= t->storages)
		return lie("a tensor's storage is unknown");
	f = check_geometry(&storages[m->storage], m, &g);
	if (f.code == PFORK_OK)
		f = check_count_tensor(r, t, m, &g);
	if (f.code == PFORK_OK)
		*out = g;
	return f;
}

struct finding
check_alias(const struct rules *r, struct totals *t,
    const struct wire_alias *m)
{
	struct finding f = check_name(m->name);

	if (f.code != PFORK_OK)
		return f;
	if (m->target >= t->tensors)
		return lie("an alias of an unknown tensor");
	if (!check_room(r, t))
		return over("more aliases than the limit `tensors`");
	/* Its note repeats the name, and its target's. */
	if (!add_under(&t->kept,
	    2 * (m->name.len + TEXT_COST) + TENSOR_NAME_MAX,
	    r->limits.names_bytes))
		return over("names are over the limit names_bytes");
	t->aliases++;
	return fine;
}

/* ----------------------------------------------------- notes, scalars -- */

uint64_t
check_where(const struct rules *r, uint64_t where)
{
	return where <= r->input_size ? where : PFORK_NO_OFFSET;
}

struct finding
check_note(const struct rules *r, struct totals *t, const struct wire_note *m)
{
	/* NOTE_ALIAS is ours alone. */
	if (m->kind < NOTE_GLOBAL || m->kind > NOTE_METADATA ||
	    m->kind == NOTE_ALIAS)
		return lie("a note is of an unknown kind");
	if (m->level < VERDICT_CLEAN || m->level > VERDICT_DANGEROUS)
		return lie("a note has an unknown level");
	if (m->text.len == 0 || m->text.len > NOTE_TEXT_MAX)
		return lie("a note is empty or too long");
	if (holds_nul(m->text) || !check_utf8(m->text.at, m->text.len))
		return lie("a note is not UTF-8 text");
	if (t->notes >= r->limits.notes + note_is_of_loss(m->kind))
		return over("more notes than the limit `notes`");
	if (!add_under(&t->kept, m->text.len + TEXT_COST,
	    r->limits.names_bytes))
		return over("notes are over the limit names_bytes");
	t->notes++;
	if (m->level > t->level)
		t->level = (enum verdict)m->level;
	return fine;
}

static struct finding
check_scalar_value(const struct wire_scalar *m)
{
	switch (m->kind) {
	case SCALAR_BOOL:
		if (m->i != 0 && m->i != 1)
			return lie("a bool is neither true nor false");
		break;
	case SCALAR_NULL:
	case SCALAR_INT:
	case SCALAR_FLOAT:
		break;
	case SCALAR_TEXT:
		if (!check_utf8(m->data.at, m->data.len))
			return lie("a text is not UTF-8");
		return fine;
	case SCALAR_BIGINT:
	case SCALAR_BYTES:
		return fine;
	default:
		return lie("a value is of an unknown kind");
	}
	if (m->data.len != 0 || m->full_length != 0)
		return lie("a number carries bytes");
	return fine;
}

struct finding
check_scalar(const struct rules *r, struct totals *t,
    const struct wire_scalar *m)
{
	struct finding f;

	if (!r->scalars)
		return lie("a value that was not asked for");
	/* The root's own name is empty. */
	if (m->name.len > 0) {
		f = check_name(m->name);
		if (f.code != PFORK_OK)
			return f;
	}
	if (m->data.len > SCALAR_BYTES_MAX || m->full_length < m->data.len)
		return lie("a value's length cannot be");
	f = check_scalar_value(m);
	if (f.code != PFORK_OK)
		return f;
	if (!add_under(&t->kept, m->name.len + m->data.len + SCALAR_COST,
	    r->limits.names_bytes))
		return over("values are over the limit names_bytes");
	return fine;
}

/* --------------------------------------------------------------- ends -- */

struct finding
check_progress(const struct wire_progress *m)
{
	if (m->done > m->total)
		return lie("more progress than there is to do");
	return fine;
}

struct finding
check_done(const struct rules *r, const struct totals *t,
    const struct wire_done *m)
{
	if (m->tensors != t->tensors || m->aliases != t->aliases ||
	    m->storages != t->storages || m->notes != t->notes ||
	    m->pieces != t->pieces)
		return lie("the totals are not what was sent");
	if (m->notes_dropped > 0 && m->notes < r->limits.notes)
		return lie("notes were dropped under the limit");
	/* Who has read to the end has decided: undecided is a Fault's. */
	if (m->verdict < VERDICT_CLEAN || m->verdict > VERDICT_DANGEROUS)
		return lie("the verdict is unknown");
	if (m->verdict < t->level)
		return lie("the verdict is milder than the notes");
	return fine;
}

struct finding
check_fault(const struct wire_fault *m)
{
	if (m->code < FAULT_FORMAT || m->code > FAULT_INTERNAL)
		return lie("a fault has an unknown code");
	if (m->text.len == 0 || m->text.len > FAULT_TEXT_MAX)
		return lie("a fault's text is empty or too long");
	if (m->verdict != VERDICT_UNDECIDED &&
	    m->verdict != VERDICT_DANGEROUS)
		return lie("a fault with a verdict");
	return fine;
}
