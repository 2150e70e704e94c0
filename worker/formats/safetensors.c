/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors.c - u64 N, N bytes of JSON, data.  Every rule of the reference
 * reader (safetensors 0.8, safetensors/src/tensor.rs: read_metadata and
 * Metadata::validate) and the two of the format's text that it does not
 * enforce: names are unique, the first byte is '{'.  The data becomes one
 * extent; not a byte of it is touched.
 */
#include <string.h>

#include "cursor.h"
#include "dtype.h"
#include "formats.h"
#include "json_scan.h"
#include "safetensors_rest.h"
#include "sink.h"
#include "unique.h"
#include "utf8.h"

/* The reference's MAX_HEADER_SIZE. */
#define HEADER_MAX UINT64_C(100000000)
/* What a broken header may claim and still be taken for one: three bytes of
 * zero before the '{' are no accident. */
#define HEADER_CLAIM_MAX (UINT64_C(1) << 40)
#define LENGTH_BYTES 8

static const char metadata_name[] = "__metadata__";

struct entry {
	const uint8_t *name;
	uint32_t name_len;
	uint32_t rank;
	uint64_t where;			/* of the name in the file */
	uint64_t begin;			/* in the data */
	uint64_t end;
	const uint64_t *shape;
	const struct dtype *dtype;	/* NULL: one that we do not know */
	const char *left_out;		/* why, or NULL */
};

struct header {
	struct job *job;
	struct json json;
	struct unique names;
	struct unique keys;		/* of __metadata__ */
	struct entry *entries;
	uint32_t count;
	uint32_t capacity;
	bool has_metadata;
	struct json_text dtype_text;	/* of the last entry, and what it is: */
	const struct dtype *dtype;
	/* Of the entry being read. */
	uint64_t shape[RANK_MAX];
	uint64_t elements;
};

bool
safetensors_is(struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	uint64_t length = cursor_u64le(&c);
	const uint8_t *text = cursor_bytes(&c, 2);

	return !c.bad && length >= 2 && length < HEADER_CLAIM_MAX &&
	    text[0] == '{' && memchr("\"} \t\r\n", text[1], 6) != NULL;
}

static uint64_t
offset_of(const struct header *h, const uint8_t *at)
{
	return (uint64_t)(at - h->job->map);
}

static void __attribute__((noreturn))
bad_json(const struct header *h)
{
	die_about(h->job, FAULT_FORMAT, offset_of(h, h->json.at),
	    "safetensors: header is not the JSON that it must be",
	    h->json.wrong, strlen(h->json.wrong));
}

static void
need(struct header *h, char c, const char *wrong)
{
	if (!json_need(&h->json, c, wrong))
		bad_json(h);
}

static void __attribute__((noreturn))
bad_entry(const struct header *h, const struct entry *e, const char *text)
{
	die_about(h->job, FAULT_FORMAT, e->where, text, e->name, e->name_len);
}

static void __attribute__((noinline))
unescape(struct header *h, struct json_text *text)
{
	uint8_t *plain = arena_alloc(&h->job->arena, text->len, 1);

	text->len = json_unescape(text, plain);
	text->at = plain;
}

/* Without its escapes.  Returns its place in the file.  To where the caller
 * reads it: copying a struct of which a byte was just written has to wait. */
static inline uint64_t
read_text(struct header *h, struct json_text *text)
{
	uint64_t where;

	if (!json_string(&h->json, text))
		bad_json(h);
	where = offset_of(h, text->at);
	if (text->escaped)
		unescape(h, text);
	return where;
}

/* Always in line, for lengths that the compiler knows. */
static inline __attribute__((always_inline)) bool
is(const struct json_text *text, const char *name)
{
	return text->len == strlen(name) &&
	    memcmp(text->at, name, strlen(name)) == 0;
}

/* ------------------------------------------------------------ metadata -- */

/* Text to text, or null, which the reference takes for none. */
static void
read_metadata(struct header *h, uint64_t where)
{
	struct path_part parts[2] = {
		{ (const uint8_t *)metadata_name, sizeof(metadata_name) - 1,
		    PATH_KEY },
		{ .kind = PATH_KEY }
	};
	struct path path = { .parts = parts, .count = 2 };
	struct scalar_out out = { .kind = SCALAR_TEXT };
	struct json_text key, value;
	uint64_t key_where;

	if (h->has_metadata)
		die(h->job, FAULT_FORMAT, where,
		    "safetensors: __metadata__ is there twice");
	h->has_metadata = true;
	if (json_null(&h->json))
		return;
	need(h, '{', "__metadata__ is no object");
	if (json_take(&h->json, '}'))
		return;
	do {
		key_where = read_text(h, &key);
		need(h, ':', "no ':' after a key");
		if (!unique_add(h->job, &h->keys, key.at, key.len))
			die_about(h->job, FAULT_FORMAT, key_where,
			    "safetensors: __metadata__ has a key twice",
			    key.at, key.len);
		(void)read_text(h, &value);
		parts[1].at = key.at;
		parts[1].len = (uint32_t)key.len;
		out.at = value.at;
		out.len = value.len;
		sink_scalar(h->job, &path, &out);
	} while (json_take(&h->json, ','));
	need(h, '}', "neither ',' nor the end of __metadata__");
}

/* ------------------------------------------------------------- entries -- */

/* Most tensors of a file have one dtype. */
static void
read_dtype(struct header *h, struct entry *e)
{
	struct json_text text;

	(void)read_text(h, &text);
	if (h->dtype_text.at == NULL || text.len != h->dtype_text.len ||
	    memcmp(text.at, h->dtype_text.at, text.len) != 0) {
		h->dtype_text = text;
		h->dtype = dtype_by_name((const char *)text.at, text.len);
	}
	e->dtype = h->dtype;
	if (e->dtype != NULL && !e->dtype->safetensors)
		e->dtype = NULL;
	if (e->dtype == NULL)
		e->left_out = "its dtype is not known";
}

/* The product is judged in the order of the reference, where a zero hides what
 * follows it but not what is before it. */
static void
read_shape(struct header *h, struct entry *e)
{
	struct json *j = &h->json;
	uint64_t dimension, rank = 0;

	h->elements = 1;
	need(h, '[', "shape is no array");
	if (!json_take(j, ']')) {
		do {
			if (!json_natural(j, &dimension))
				bad_json(h);
			if (__builtin_mul_overflow(h->elements, dimension,
			    &h->elements))
				bad_entry(h, e, "safetensors: shape overflows");
			if (rank < RANK_MAX)
				h->shape[rank] = dimension;
			rank++;
		} while (json_take(j, ','));
		need(h, ']', "neither ',' nor the end of the shape");
	}
	if (rank > RANK_MAX) {
		e->left_out = "it has more than 64 dimensions";
		rank = 0;
	}
	e->rank = (uint32_t)rank;
}

static void
read_offsets(struct header *h, struct entry *e)
{
	struct json *j = &h->json;

	need(h, '[', "data_offsets is no array");
	if (!json_natural(j, &e->begin))
		bad_json(h);
	need(h, ',', "data_offsets is not two numbers");
	if (!json_natural(j, &e->end))
		bad_json(h);
	need(h, ']', "data_offsets is not two numbers");
}

/* The reference skips fields that it does not know; so do we, and say so. */
static void
skip_field(struct header *h, const struct json_text *field, uint64_t where)
{
	sink_note_about(h->job, NOTE_RECORD, VERDICT_UNUSUAL, where,
	    "safetensors: a field that the format does not have", field->at,
	    field->len);
	if (!json_skip(&h->json))
		bad_json(h);
}

static void
read_fields(struct header *h, struct entry *e)
{
	enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4, ALL = 7 };
	struct json_text field;
	unsigned seen = 0, bit;
	uint64_t where;

	need(h, '{', "a tensor is no object");
	do {
		where = read_text(h, &field);
		bit = is(&field, "dtype") ? DTYPE : is(&field, "shape") ?
		    SHAPE : is(&field, "data_offsets") ? OFFSETS : 0;
		need(h, ':', "no ':' after a key");
		if ((seen & bit) != 0)
			bad_entry(h, e, "safetensors: a field is there twice");
		seen |= bit;
		if (bit == DTYPE)
			read_dtype(h, e);
		else if (bit == SHAPE)
			read_shape(h, e);
		else if (bit == OFFSETS)
			read_offsets(h, e);
		else
			skip_field(h, &field, where);
	} while (json_take(&h->json, ','));
	need(h, '}', "neither ',' nor the end of a tensor");
	if (seen != ALL)
		bad_entry(h, e, "safetensors: dtype, shape or data_offsets is "
		    "missing");
}

/* What the numbers say together. */
static void
judge_entry(struct header *h, struct entry *e)
{
	uint64_t bits, bytes;

	if (e->end < e->begin)
		bad_entry(h, e, "safetensors: data_offsets are reversed");
	if (e->dtype == NULL)
		return;
	if (__builtin_mul_overflow(h->elements, (uint64_t)e->dtype->bits,
	    &bits))
		bad_entry(h, e, "safetensors: shape overflows");
	if (bits % 8 != 0)
		bad_entry(h, e, "safetensors: not a whole number of bytes");
	if (e->end - e->begin != bits / 8)
		bad_entry(h, e, "safetensors: data_offsets do not fit the "
		    "shape");
	/* Legal for the reference when another dimension is zero. */
	if (e->left_out == NULL && !shape_bytes(e->dtype, h->shape, e->rank,
	    &bytes))
		e->left_out = "its dimensions are too large";
}

static void
read_entry(struct header *h, const struct json_text *name, uint64_t where)
{
	struct entry *e;
	uint64_t *shape;

	h->entries = arena_grow(&h->job->arena, h->entries,
	    sizeof(*h->entries), h->count, h->count + 1, &h->capacity);
	e = &h->entries[h->count++];
	*e = (struct entry){
		.name = name->at,
		.name_len = (uint32_t)name->len,
		.where = where,
	};
	if (!unique_add(h->job, &h->names, name->at, name->len))
		bad_entry(h, e, "safetensors: two tensors have one name");
	read_fields(h, e);
	judge_entry(h, e);
	if (e->rank == 0)
		return;
	shape = arena_alloc(&h->job->arena, e->rank, sizeof(*shape));
	memcpy(shape, h->shape, e->rank * sizeof(*shape));
	e->shape = shape;
}

static void
read_header(struct header *h)
{
	struct json_text name;
	uint64_t where;

	need(h, '{', "no object");
	if (!json_take(&h->json, '}')) {
		do {
			where = read_text(h, &name);
			need(h, ':', "no ':' after a key");
			if (is(&name, metadata_name))
				read_metadata(h, where);
			else
				read_entry(h, &name, where);
		} while (json_take(&h->json, ','));
		need(h, '}', "neither ',' nor the end of the header");
	}
	if (!json_end(&h->json))
		bad_json(h);
}

/* ---------------------------------------------------------------- data -- */

static bool
in_order(const struct entry *a, const struct entry *b)
{
	return a->begin < b->begin ||
	    (a->begin == b->begin && a->end <= b->end);
}

/* Runs [left, middle) and [middle, right) of `from`, merged into `to`. */
static void
merge(const struct entry *from, struct entry *to, uint32_t left,
    uint32_t middle, uint32_t right)
{
	uint32_t a = left, b = middle;

	for (uint32_t i = left; i < right; i++) {
		if (a < middle && (b == right || in_order(&from[a], &from[b])))
			to[i] = from[a++];
		else
			to[i] = from[b++];
	}
}

/* By data_offsets; writers have them sorted already.  Merge sort from the
 * bottom: no recursion, n log n whatever the order is. */
static void
sort_entries(struct header *h)
{
	struct entry *from = h->entries, *to, *swap;
	uint64_t width, left, middle, right, n = h->count;
	bool sorted = true;

	for (uint32_t i = 1; i < h->count && sorted; i++)
		sorted = in_order(&from[i - 1], &from[i]);
	if (sorted)
		return;
	to = arena_alloc(&h->job->arena, n, sizeof(*to));
	for (width = 1; width < n; width *= 2) {
		for (left = 0; left < n; left += 2 * width) {
			middle = left + width < n ? left + width : n;
			right = middle + width < n ? middle + width : n;
			merge(from, to, (uint32_t)left, (uint32_t)middle,
			    (uint32_t)right);
		}
		swap = from;
		from = to;
		to = swap;
	}
	h->entries = from;
}

/* Each byte of the data belongs to exactly one tensor.  Returns its end. */
static uint64_t
judge_tiling(const struct header *h, uint64_t data)
{
	const struct entry *e;
	uint64_t at = 0, length = h->job->size - data;

	for (uint32_t i = 0; i < h->count; i++) {
		e = &h->entries[i];
		if (e->begin != at)
			bad_entry(h, e, e->begin > at ?
			    "safetensors: a hole before a tensor's data" :
			    "safetensors: two tensors overlap");
		if (e->end > length)
			bad_entry(h, e, "safetensors: the file ends before a "
			    "tensor's data does");
		at = e->end;
	}
	if (at != length)
		safetensors_rest(h->job, data + at);
	return data + at;
}

static void
send_entries(const struct header *h, uint64_t data, uint64_t end)
{
	uint64_t strides[RANK_MAX];
	const struct entry *e;
	struct path_part part = { .kind = PATH_KEY };
	struct tensor_out out = { .path = { &part, 1, NULL } };

	if (h->count == 0)
		return;
	out.storage = sink_extent(h->job, data, end - data);
	for (uint32_t i = 0; i < h->count; i++) {
		e = &h->entries[i];
		part.at = e->name;
		part.len = e->name_len;
		out.where = e->where;
		if (e->left_out != NULL) {
			sink_skip(h->job, &out.path, VERDICT_CLEAN, e->where,
			    e->left_out);
			continue;
		}
		out.dtype = e->dtype->code;
		out.rank = e->rank;
		out.shape = e->shape;
		out.strides = strides;
		out.offset = e->begin;
		if (!shape_strides(e->shape, e->rank, strides))
			die(h->job, FAULT_INTERNAL, e->where,
			    "safetensors: strides overflow");
		sink_tensor(h->job, &out);
	}
}

void
safetensors_parse(struct job *job)
{
	struct header h = { .job = job };
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	uint64_t length = cursor_u64le(&c);
	uint64_t end;
	size_t good;

	if (length > HEADER_MAX)
		die(job, FAULT_FORMAT, 0,
		    "safetensors: header is over 100,000,000 bytes");
	if (length > c.left)
		die(job, FAULT_FORMAT, 0,
		    "safetensors: header is longer than the file");
	good = utf8_good(c.at, (size_t)length);
	if (good != length)
		die(job, FAULT_FORMAT, LENGTH_BYTES + good,
		    "safetensors: header is not UTF-8");
	h.json = json_over(c.at, (size_t)length);
	unique_init(job, &h.names);
	unique_init(job, &h.keys);
	read_header(&h);
	sort_entries(&h);
	end = judge_tiling(&h, LENGTH_BYTES + length);
	send_entries(&h, LENGTH_BYTES + length, end);
}
