/* SPDX-License-Identifier: Apache-2.0
 *
 * report.c - one file's report as JSON.  The keys and their meaning are a
 * promise: additions only (schema picklefork.report/1).
 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "print.h"
#include "suffix.h"

uint64_t
report_bytes(const pfork_checkpoint *ckpt)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < pfork_checkpoint_count(ckpt); i++)
		sum += pfork_tensor_nbytes(pfork_checkpoint_at(ckpt, i));
	return sum;
}

/* ------------------------------------------------------------- tensors -- */

static void
put_path(struct json *j, const pfork_tensor *t)
{
	enum pfork_path_kind kind;
	const char *part;
	size_t length;

	json_array(j, "path");
	for (size_t i = 0; i < pfork_tensor_path_length(t); i++) {
		part = pfork_tensor_path(t, i, &kind, &length);
		/* An index is decimal digits, by the broker's check. */
		if (kind == PFORK_PATH_INDEX)
			json_raw(j, NULL, part);
		else
			json_text(j, NULL, part, length);
	}
	json_array_end(j);
}

static void
put_numbers(struct json *j, const char *key, const uint64_t *numbers,
    size_t count)
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_u64(j, NULL, numbers[i]);
	json_array_end(j);
}

static void
put_tensor(struct json *j, const pfork_tensor *t)
{
	size_t rank = pfork_tensor_rank(t);

	json_string(j, "name", pfork_tensor_name(t));
	put_path(j, t);
	json_string(j, "dtype", pfork_tensor_dtype(t));
	put_numbers(j, "shape", pfork_tensor_shape(t), rank);
	put_numbers(j, "strides", pfork_tensor_strides(t), rank);
	json_u64(j, "nbytes", pfork_tensor_nbytes(t));
	json_u64(j, "storage", pfork_tensor_storage(t));
	json_u64(j, "offset", pfork_tensor_offset(t));
}

static void
put_tensors(struct json *j, const pfork_checkpoint *ckpt, struct digest *digest,
    pfork_error *err, _Atomic(uint64_t) *digested)
{
	size_t count = ckpt == NULL ? 0 : pfork_checkpoint_count(ckpt);
	uint8_t sha256[DIGEST_BYTES];
	bool failed = false;

	json_array(j, "tensors");
	for (size_t i = 0; i < count && ferror(j->out) == 0; i++) {
		const pfork_tensor *t = pfork_checkpoint_at(ckpt, i);

		json_object(j, NULL);
		put_tensor(j, t);
		if (digest != NULL && !failed)
			failed = digest_tensor(digest, t, sha256, digested,
			    err) != PFORK_OK;
		if (digest != NULL && failed)
			json_null(j, "sha256");
		else if (digest != NULL)
			json_hex(j, "sha256", sha256, sizeof(sha256));
		json_object_end(j);
	}
	json_array_end(j);
}

static void
put_aliases(struct json *j, const pfork_checkpoint *ckpt)
{
	pfork_alias alias;

	json_array(j, "aliases");
	for (size_t i = 0;
	     ckpt != NULL && pfork_checkpoint_alias(ckpt, i, &alias); i++) {
		json_object(j, NULL);
		json_string(j, "name", alias.name);
		json_string(j, "target", pfork_tensor_name(alias.target));
		json_object_end(j);
	}
	json_array_end(j);
}

/* --------------------------------------------------------------- notes -- */

static void
put_offset(struct json *j, uint64_t offset)
{
	if (offset == PFORK_NO_OFFSET)
		json_null(j, "offset");
	else
		json_u64(j, "offset", offset);
}

static void
put_notes(struct json *j, const pfork_checkpoint *ckpt)
{
	pfork_note note;

	json_array(j, "notes");
	for (size_t i = 0;
	     ckpt != NULL && pfork_checkpoint_note(ckpt, i, &note); i++) {
		json_object(j, NULL);
		json_string(j, "kind", pfork_note_kind_name(note.kind));
		json_string(j, "text", note.text);
		put_offset(j, note.offset);
		json_string(j, "level", pfork_verdict_name(note.level));
		json_object_end(j);
	}
	json_array_end(j);
	json_u64(j, "notes_dropped",
	    ckpt == NULL ? 0 : pfork_checkpoint_notes_dropped(ckpt));
}

/* ------------------------------------------------------------- scalars -- */

const char *
report_scalar_kind(enum pfork_scalar_kind kind)
{
	switch (kind) {
	case PFORK_SCALAR_NULL:
		return "null";
	case PFORK_SCALAR_BOOL:
		return "bool";
	case PFORK_SCALAR_INT:
		return "int";
	case PFORK_SCALAR_BIGINT:
		return "bigint";
	case PFORK_SCALAR_FLOAT:
		return "float";
	case PFORK_SCALAR_TEXT:
		return "text";
	case PFORK_SCALAR_BYTES:
		break;
	}
	return "bytes";
}

char *
report_bigint(const uint8_t *bytes, size_t length)
{
	bool negative = length > 0 && bytes[length - 1] >= 0x80;
	unsigned carry = 1;
	uint8_t *absolute = calloc(length + 1, 1);
	size_t size = 2 * length + 8;
	char *out = malloc(size);
	size_t used;

	if (absolute == NULL || out == NULL) {
		free(absolute);
		free(out);
		return NULL;
	}
	for (size_t i = 0; i < length; i++) {
		carry += negative ? (uint8_t)~bytes[i] : 0;
		absolute[i] = negative ? (uint8_t)carry : bytes[i];
		carry >>= 8;
	}
	while (length > 0 && absolute[length - 1] == 0)
		length--;
	used = (size_t)snprintf(out, size, "%s0x%x", negative ? "-" : "",
	    length > 0 ? (unsigned)absolute[length - 1] : 0u);
	for (size_t i = length; i-- > 1;)
		used += (size_t)snprintf(out + used, size - used, "%02x",
		    (unsigned)absolute[i - 1]);
	free(absolute);
	return out;
}

static void
put_bigint(struct json *j, const pfork_scalar *s)
{
	char *text = report_bigint(s->bytes, s->length);

	if (text == NULL || s->length < s->full_length)
		json_null(j, "value");
	else
		json_string(j, "value", text);
	free(text);
}

/* JSON has no NaN and no infinity: their names, as Python prints them. */
static void
put_float(struct json *j, double f)
{
	if (f != f)
		json_string(j, "value", "nan");
	else if (f > 1.7976931348623157e308)
		json_string(j, "value", "inf");
	else if (f < -1.7976931348623157e308)
		json_string(j, "value", "-inf");
	else
		json_double(j, "value", f);
}

static void
put_scalar(struct json *j, const pfork_scalar *s)
{
	json_string(j, "name", s->name);
	json_string(j, "kind", report_scalar_kind(s->kind));
	switch (s->kind) {
	case PFORK_SCALAR_NULL:
		json_null(j, "value");
		break;
	case PFORK_SCALAR_BOOL:
		json_bool(j, "value", s->i != 0);
		break;
	case PFORK_SCALAR_INT:
		json_i64(j, "value", s->i);
		break;
	case PFORK_SCALAR_BIGINT:
		put_bigint(j, s);
		break;
	case PFORK_SCALAR_FLOAT:
		put_float(j, s->f);
		break;
	case PFORK_SCALAR_TEXT:
		json_text(j, "value", (const char *)s->bytes, s->length);
		break;
	case PFORK_SCALAR_BYTES:
		json_hex(j, "value_hex", s->bytes, s->length);
		break;
	}
	if (s->length < s->full_length)
		json_u64(j, "full_length", s->full_length);
}

static void
put_scalars(struct json *j, const pfork_checkpoint *ckpt)
{
	pfork_scalar scalar;

	json_array(j, "scalars");
	for (size_t i = 0;
	     ckpt != NULL && pfork_checkpoint_scalar(ckpt, i, &scalar); i++) {
		json_object(j, NULL);
		put_scalar(j, &scalar);
		json_object_end(j);
	}
	json_array_end(j);
}

/* -------------------------------------------------------------- report -- */

static void
put_file(struct json *j, const char *file)
{
	size_t left = strlen(file);
	const char *at = file;
	uint32_t point;
	bool valid = true;
	size_t n;

	json_string(j, "file", file);
	while (valid && (n = utf8_next(at, left, &point, &valid)) > 0) {
		at += n;
		left -= n;
	}
	/* A name that is not UTF-8 can only be told byte by byte. */
	if (!valid)
		json_hex(j, "file_hex", file, strlen(file));
}

static void
put_format(struct json *j, const char *file, const pfork_checkpoint *ckpt)
{
	const char *format = ckpt == NULL ? "" : pfork_checkpoint_format(ckpt);
	const char *promise = ckpt == NULL ? NULL :
	    suffix_differs(file, format);

	json_string(j, "format", format);
	if (promise == NULL)
		json_null(j, "name_says");
	else
		json_string(j, "name_says", promise);
}

static void
put_error(struct json *j, const pfork_error *err)
{
	if (err->code == PFORK_OK) {
		json_null(j, "error");
		return;
	}
	json_object(j, "error");
	json_string(j, "code", pfork_code_name(err->code));
	put_offset(j, err->offset);
	json_string(j, "text", err->text);
	json_object_end(j);
}

static void
put_layers(struct json *j, const char *key, uint64_t layers)
{
	const char *name;

	json_array(j, key);
	for (unsigned bit = 0; bit < 64; bit++) {
		name = pfork_layer_name(UINT64_C(1) << bit);
		if ((layers >> bit & 1) != 0 && name != NULL)
			json_string(j, NULL, name);
	}
	json_array_end(j);
}

static void
put_worker(struct json *j, const pfork_checkpoint *ckpt)
{
	pfork_worker_info info = { .size = sizeof(info) };
	char wall[32];

	if (ckpt == NULL || pfork_checkpoint_worker(ckpt, &info) != PFORK_OK ||
	    (info.layers == 0 && info.wall_ms <= 0.0)) {
		json_null(j, "worker");
		return;
	}
	json_object(j, "worker");
	put_layers(j, "layers", info.layers);
	put_layers(j, "missing", info.missing);
	snprintf(wall, sizeof(wall), "%.3f", info.wall_ms);
	json_raw(j, "wall_ms", wall);
	json_i64(j, "exit", info.exit_status);
	json_i64(j, "signal", info.exit_signal);
	json_bool(j, "parked", info.parked);
	json_object_end(j);
}

void
report_json(struct json *j, const struct options *options, const char *file,
    const pfork_checkpoint *ckpt, pfork_error *err,
    _Atomic(uint64_t) *digested)
{
	struct digest *digest = options->digest ? digest_new() : NULL;

	if (options->digest && digest == NULL && err->code == PFORK_OK) {
		err->code = PFORK_E_SYSTEM;
		err->offset = PFORK_NO_OFFSET;
		snprintf(err->text, sizeof(err->text),
		    "OpenSSL offers no SHA-256");
	}
	json_object(j, NULL);
	json_string(j, "schema", "picklefork.report/1");
	put_file(j, file);
	put_format(j, file, ckpt);
	put_tensors(j, ckpt, digest, err, digested);
	put_aliases(j, ckpt);
	put_notes(j, ckpt);
	if ((options->load.flags & PFORK_SCALARS) != 0)
		put_scalars(j, ckpt);
	json_string(j, "verdict", pfork_verdict_name(ckpt == NULL ?
	    PFORK_UNDECIDED : pfork_checkpoint_verdict(ckpt)));
	put_error(j, err);
	put_worker(j, ckpt);
	json_object_end(j);
	digest_free(digest);
}
