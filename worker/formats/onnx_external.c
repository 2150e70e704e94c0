/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx_external.c - a tensor of ONNX whose elements stand in another file:
 * pairs of texts, of which "location" is needed, "offset" and "length" are
 * decimal numbers.  The broker opens the file; what is not the name of one
 * beside the model is refused, or left out when it only stands deeper.
 * Source: onnx 1.23, onnx/external_data_helper.py (ExternalDataInfo,
 * _validate_external_data_file_bounds), docs/ExternalData.md.
 */
#include <string.h>

#include "onnx_tensor.h"
#include "sibling.h"
#include "unique.h"

enum key { LOCATION, OFFSET, LENGTH, CHECKSUM, BASEPATH, KEYS };

/* basepath says where a writer was, checksum is never checked by onnx. */
static const char *const keys[KEYS] = {
	[LOCATION] = "location", [OFFSET] = "offset", [LENGTH] = "length",
	[CHECKSUM] = "checksum", [BASEPATH] = "basepath"
};

static const struct sibling_texts sibling_texts = {
	"onnx: the name of a data file is empty or too long",
	"onnx: the name of a data file leads out of the directory"
};

/* Only attacks lead out of the model's directory (CVE-2024-27318). */
static bool
leads_out(const uint8_t *at, uint64_t len)
{
	uint64_t begin = 0;

	if (len > 0 && at[0] == '/')
		return true;
	for (uint64_t i = 0; i <= len; i++) {
		if (i < len && at[i] != '/' && at[i] != '\\')
			continue;
		if (i - begin == 2 && at[begin] == '.' && at[begin + 1] == '.')
			return true;
		begin = i + 1;
	}
	return false;
}

/* One note for each file, not for each tensor. */
static void
note_file(struct onnx *o, const struct pb_field *value)
{
	if (o->files.slots == NULL)
		unique_init(o->job, &o->files);
	if (!unique_add(o->job, &o->files, value->at, (size_t)value->len))
		return;
	sink_note_about(o->job, NOTE_RECORD, leads_out(value->at, value->len) ?
	    VERDICT_DANGEROUS : VERDICT_CLEAN, onnx_offset(o, value->at),
	    "onnx: data in another file", value->at, (size_t)value->len);
}

/* Digits alone: what Python's int() takes besides, no writer writes. */
static uint64_t
decimal(const struct onnx *o, const struct pb_field *f)
{
	uint64_t n = 0;

	if (f->len == 0)
		onnx_bad(o, f->at, "onnx: a place that is no number");
	for (uint64_t i = 0; i < f->len; i++)
		if (f->at[i] < '0' || f->at[i] > '9' ||
		    __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, f->at[i] - '0', &n))
			onnx_bad(o, f->at, "onnx: a place that is no number");
	return n;
}

static enum key
key_of(const struct pb_field *f)
{
	enum key k = LOCATION;

	while (k < KEYS && (f->len != strlen(keys[k]) ||
	    memcmp(f->at, keys[k], (size_t)f->len) != 0))
		k++;
	return k;
}

void
onnx_external_read(struct onnx *o, const struct pb_field *message,
    struct onnx_far *far)
{
	struct cursor c = pb_inside(message);
	struct pb_field f;
	struct pb_field key = { .at = message->at };
	struct pb_field value = { .at = message->at };
	enum key which;

	while (onnx_next(o, &c, &f)) {
		onnx_need_bytes(o, &f);
		if (f.number == 1)
			key = f;
		if (f.number == 2)
			value = f;
	}
	which = key_of(&key);
	if (which == KEYS)
		return;		/* as onnx does, with a warning */
	if ((far->seen & 1u << which) != 0)
		onnx_bad(o, message->at, "onnx: a key of external_data twice");
	far->seen |= 1u << which;
	if (which == LOCATION) {
		far->file = value.at;
		far->file_len = value.len;
		note_file(o, &value);
	} else if (which == OFFSET) {
		far->offset = decimal(o, &value);
	} else if (which == LENGTH) {
		far->length = decimal(o, &value);
	}
}

/* Names with a directory in them may be honest, and are not ours to follow. */
static bool
is_deeper(const struct onnx_far *far)
{
	return !leads_out(far->file, far->file_len) &&
	    memchr(far->file, '\0', (size_t)far->file_len) == NULL &&
	    memchr(far->file, '/', (size_t)far->file_len) != NULL;
}

void
onnx_external_need(const struct onnx *o, const struct onnx_tensor *t)
{
	if ((t->far.seen & 1u << LOCATION) == 0)
		onnx_bad(o, t->message->at,
		    "onnx: data in another file that is not named");
	if (t->raw || t->runs > 0)
		onnx_bad(o, t->at, "onnx: a tensor has its data twice");
}

void
onnx_external_judge(struct onnx *o, struct onnx_tensor *t)
{
	struct onnx_far *far = &t->far;
	uint64_t end;

	if (is_deeper(far)) {
		t->left_out = "its data is in a file of another directory";
		return;
	}
	sibling_judge(o->job, far->file, (size_t)far->file_len,
	    onnx_offset(o, far->file), &sibling_texts);
	/* Without a length: onnx reads to the end of the file. */
	if ((far->seen & 1u << LENGTH) == 0)
		far->length = t->nbytes;
	if (far->length != t->nbytes)
		onnx_bad(o, t->message->at,
		    "onnx: the data does not fit the shape");
	if (__builtin_add_overflow(far->offset, far->length, &end) ||
	    end > INT64_MAX)
		onnx_bad(o, t->message->at, "onnx: a place where no file ends");
}

/* Nothing stands in the file, which onnx leaves empty where it is the tensor's
 * own; so nobody need open it. */
static void
send_empty(struct onnx *o, const struct piece_out *p)
{
	uint64_t strides[RANK_MAX];
	struct tensor_out out = {
		.path = p->path, .dtype = p->dtype, .rank = p->rank,
		.shape = p->shape, .strides = strides, .where = p->where
	};

	if (!shape_strides(p->shape, p->rank, strides))
		die(o->job, FAULT_FORMAT, p->where,
		    "onnx: strides overflow");
	out.storage = sink_stream(o->job, 0);
	(void)sink_tensor(o->job, &out);
}

void
onnx_external_send(struct onnx *o, const struct onnx_tensor *t,
    const char *suffix)
{
	static const uint64_t start[RANK_MAX];
	struct piece_out out = {
		.path = { o->parts, o->path, suffix },
		.dtype = t->dtype->code, .rank = t->rank, .shape = t->shape,
		.start = start, .size = t->shape, .kind = PIECE_RAW,
		.file = t->far.file, .file_length = (size_t)t->far.file_len,
		.offset = t->far.offset, .length = t->far.length,
		.where = onnx_offset(o, t->message->at)
	};

	if (t->nbytes == 0)
		send_empty(o, &out);
	else
		(void)sink_piece(o->job, &out);
	sink_progress(o->job, out.where, o->job->size);
}
