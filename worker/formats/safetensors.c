/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors.c - u64 N, N bytes of JSON, data.  Every rule of the reference
 * reader (safetensors 0.8, safetensors/src/tensor.rs: read_metadata and
 * Metadata::validate) and the two of the format's text that it does not
 * enforce: names are unique, the first byte is '{'.
 */
#include <string.h>

#include "cursor.h"
#include "dtype.h"
#include "formats.h"
#include "json_scan.h"
#include "safetensors_parts.h"
#include "safetensors_plain.h"
#include "sink.h"
#include "utf8.h"

/* The reference's MAX_HEADER_SIZE. */
#define HEADER_MAX UINT64_C(100000000)
/* What a broken header may claim and still be taken for one: three bytes of
 * zero before the '{' are no accident. */
#define HEADER_CLAIM_MAX (UINT64_C(1) << 40)
#define LENGTH_BYTES 8

static const char metadata_name[] = "__metadata__";

struct header {
	struct job *job;
	struct json json;
	struct unique keys;		/* of __metadata__ */
	struct entries all;
	bool has_metadata;
	const struct dtype *dtype;	/* of the last entry, and its name: */
	struct json_text dtype_text;
	uint64_t dtype_word;		/* likewise; 0: none yet */
	uint64_t *shapes;		/* room for shapes that are kept */
	uint32_t shapes_left;
	/* The entry being read: */
	struct json_text name;
	uint64_t where;			/* of the name in the file */
	uint64_t elements;
	enum left_out left_out;
	struct plain_entry e;
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
bad_entry(const struct header *h, const char *text)
{
	die_about(h->job, FAULT_FORMAT, h->where, text, h->name.at,
	    h->name.len);
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

/* Nearly every file has "format", and nothing else. */
static bool
is_format(const struct json_text *key)
{
	return key->len == 6 && memcmp(key->at, "format", 6) == 0;
}

/* For whoever keeps the tensors alone: what is not among them. */
static void
note_metadata(struct header *h, uint64_t where, uint64_t others)
{
	if (others > 0)
		sink_note(h->job, NOTE_METADATA, VERDICT_CLEAN, where,
		    "safetensors: text in __metadata__, besides format");
}

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
	uint64_t others = 0;

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
		others += !is_format(&key);
		parts[1].at = key.at;
		parts[1].len = (uint32_t)key.len;
		out.at = value.at;
		out.len = value.len;
		sink_scalar(h->job, &path, &out);
	} while (json_take(&h->json, ','));
	need(h, '}', "neither ',' nor the end of __metadata__");
	note_metadata(h, where, others);
}

/* ------------------------------------------------------------- entries -- */

static void
set_dtype(struct header *h, const struct json_text *text)
{
	h->dtype_text = *text;
	h->dtype = dtype_by_name((const char *)text->at, text->len);
	if (h->dtype != NULL && !h->dtype->safetensors)
		h->dtype = NULL;
}

/* Most tensors of a file have one dtype. */
static void
read_dtype(struct header *h)
{
	struct json_text text;

	(void)read_text(h, &text);
	if (h->dtype_text.at == NULL || text.len != h->dtype_text.len ||
	    memcmp(text.at, h->dtype_text.at, text.len) != 0) {
		set_dtype(h, &text);
		h->dtype_word = 0;
	}
	if (h->dtype == NULL)
		h->left_out = UNKNOWN_DTYPE;
}

/* The product is judged in the order of the reference, where a zero hides what
 * follows it but not what is before it. */
static inline void
multiply(struct header *h, uint64_t dimension)
{
	if (__builtin_mul_overflow(h->elements, dimension, &h->elements))
		bad_entry(h, "safetensors: shape overflows");
}

static void
read_shape(struct header *h)
{
	struct json *j = &h->json;
	uint64_t dimension, rank = 0;

	h->elements = 1;
	need(h, '[', "shape is no array");
	if (!json_take(j, ']')) {
		do {
			if (!json_natural(j, &dimension))
				bad_json(h);
			multiply(h, dimension);
			if (rank < RANK_MAX)
				h->e.shape[rank] = dimension;
			rank++;
		} while (json_take(j, ','));
		need(h, ']', "neither ',' nor the end of the shape");
	}
	if (rank > RANK_MAX) {
		h->left_out = TOO_MANY_DIMENSIONS;
		rank = 0;
	}
	h->e.rank = (uint32_t)rank;
}

static void
read_offsets(struct header *h)
{
	struct json *j = &h->json;

	need(h, '[', "data_offsets is no array");
	if (!json_natural(j, &h->e.begin))
		bad_json(h);
	need(h, ',', "data_offsets is not two numbers");
	if (!json_natural(j, &h->e.end))
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
read_fields(struct header *h)
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
			bad_entry(h, "safetensors: a field is there twice");
		seen |= bit;
		if (bit == DTYPE)
			read_dtype(h);
		else if (bit == SHAPE)
			read_shape(h);
		else if (bit == OFFSETS)
			read_offsets(h);
		else
			skip_field(h, &field, where);
	} while (json_take(&h->json, ','));
	need(h, '}', "neither ',' nor the end of a tensor");
	if (seen != ALL)
		bad_entry(h, "safetensors: dtype, shape or data_offsets is "
		    "missing");
}

/* What the numbers say together. */
static void
judge_entry(struct header *h)
{
	const struct plain_entry *e = &h->e;
	uint64_t bits, bytes;

	if (e->end < e->begin)
		bad_entry(h, "safetensors: data_offsets are reversed");
	if (h->dtype == NULL)
		return;
	if (__builtin_mul_overflow(h->elements, (uint64_t)h->dtype->bits,
	    &bits))
		bad_entry(h, "safetensors: shape overflows");
	if (bits % 8 != 0)
		bad_entry(h, "safetensors: not a whole number of bytes");
	if (e->end - e->begin != bits / 8)
		bad_entry(h, "safetensors: data_offsets do not fit the shape");
	/* Legal for the reference when another dimension is zero. */
	if (h->left_out == TAKEN && !shape_bytes(h->dtype, e->shape, e->rank,
	    &bytes))
		h->left_out = TOO_LARGE;
}

static const uint64_t *
keep_shape(struct header *h)
{
	uint32_t rank = h->e.rank;
	uint64_t *shape;

	if (rank > h->shapes_left) {
		h->shapes = arena_page(&h->job->arena);
		h->shapes_left = ARENA_PAGE / sizeof(*shape);
	}
	shape = h->shapes;
	for (uint32_t i = 0; i < rank; i++)
		shape[i] = h->e.shape[i];
	h->shapes += rank;
	h->shapes_left -= rank;
	return shape;
}

static void
keep_entry(struct header *h)
{
	struct entries *all = &h->all;
	uint32_t page = all->count / ENTRIES_A_PAGE;

	if (all->count % ENTRIES_A_PAGE == 0) {
		all->pages = arena_grow(&h->job->arena, all->pages,
		    sizeof(struct entry *), /* NOLINT: pointers */
		    page, page + 1, &all->page_capacity);
		all->pages[page] = arena_page(&h->job->arena);
	}
	*entry_numbered(all, all->count++) = (struct entry){
		.begin = h->e.begin,
		.end = h->e.end,
		.shape = keep_shape(h),
		.where = (uint32_t)h->where,
		.dtype = (uint16_t)(h->dtype == NULL ? 0 : h->dtype->code),
		.rank = (uint8_t)h->e.rank,
		.left_out = (uint8_t)h->left_out,
	};
}

/* Its name, before all that is said of it. */
static void
begin_entry(struct header *h)
{
	if (h->name.escaped || h->name.len == 0)
		h->all.plain_names = false;
	if (!unique_add(h->job, &h->all.names, h->name.at, h->name.len))
		bad_entry(h, "safetensors: two tensors have one name");
	h->left_out = TAKEN;
}

static void
read_entry(struct header *h)
{
	begin_entry(h);
	read_fields(h);
	judge_entry(h);
	keep_entry(h);
}

/* An entry as the reference writes it.  False: nothing has been taken. */
static bool
read_plain_entry(struct header *h)
{
	const uint8_t *at = h->json.at;
	struct json_text dtype;

	if (!safetensors_plain(&h->json, &h->e))
		return false;
	if (is(&h->e.name, metadata_name)) {
		h->json.at = at;
		return false;
	}
	h->name = h->e.name;
	h->where = offset_of(h, h->name.at);
	begin_entry(h);
	if (h->e.dtype_word != h->dtype_word) {
		dtype = (struct json_text){ h->e.dtype, h->e.dtype_len, false };
		set_dtype(h, &dtype);
		h->dtype_word = h->e.dtype_word;
	}
	if (h->dtype == NULL)
		h->left_out = UNKNOWN_DTYPE;
	h->elements = 1;
	for (uint32_t i = 0; i < h->e.rank; i++)
		multiply(h, h->e.shape[i]);
	judge_entry(h);
	keep_entry(h);
	return true;
}

static void
read_member(struct header *h)
{
	if (read_plain_entry(h))
		return;
	h->where = read_text(h, &h->name);
	need(h, ':', "no ':' after a key");
	if (is(&h->name, metadata_name))
		read_metadata(h, h->where);
	else
		read_entry(h);
}

static void
read_header(struct header *h)
{
	need(h, '{', "no object");
	if (!json_take(&h->json, '}')) {
		do {
			read_member(h);
		} while (json_take(&h->json, ','));
		need(h, '}', "neither ',' nor the end of the header");
	}
	if (!json_end(&h->json))
		bad_json(h);
}

void
safetensors_parse(struct job *job)
{
	struct header h;
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	uint64_t length = cursor_u64le(&c);
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
	h = (struct header){ .job = job,
		.json = json_over(c.at, (size_t)length),
		.all = { .job = job, .plain_names = true } };
	unique_init(job, &h.all.names);
	unique_init(job, &h.keys);
	read_header(&h);
	safetensors_data(&h.all, LENGTH_BYTES + length);
}
