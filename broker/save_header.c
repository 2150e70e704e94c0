/* SPDX-License-Identifier: Apache-2.0
 *
 * save_header.c - the JSON at the head of a safetensors file.  Names are UTF-8,
 * checked when they came in, and otherwise whatever the file's author chose:
 * every one goes through the escaping here.
 *
 * Form of the reference (safetensors 0.8, serde_json): no blanks, __metadata__
 * first, tensors in the order of their bytes, padded with blanks to 8.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "save.h"

struct text {
	uint8_t *at;
	size_t used;
	size_t size;
	bool failed;
	bool too_long;		/* and failed */
};

/* With its length word.  Judged while it grows, not at the end: a long name of
 * many aliases makes gigabytes of header from megabytes of names. */
#define TEXT_MAX ((size_t)SAVE_HEADER_MAX + 8)

static void
put(struct text *t, const void *bytes, size_t length)
{
	size_t size = t->size < 4096 ? 4096 : t->size;
	uint8_t *more;

	if (t->failed)
		return;
	if (length > TEXT_MAX - t->used) {
		t->too_long = true;
		t->failed = true;
		return;
	}
	while (size - t->used < length)
		size *= 2;
	if (size != t->size) {
		more = realloc(t->at, size);
		if (more == NULL) {
			t->failed = true;
			return;
		}
		t->at = more;
		t->size = size;
	}
	memcpy(t->at + t->used, bytes, length);
	t->used += length;
}

static void
put_text(struct text *t, const char *text)
{
	put(t, text, strlen(text));
}

/* serde_json's escapes: short ones where JSON has them, \u00xx for the other
 * control characters, everything else as it is. */
static void
put_string(struct text *t, const char *string)
{
	static const char letters[] = "\b\f\n\r\t\"\\";
	static const char escapes[] = "bfnrt\"\\";
	const char *from = string;
	const char *letter;
	char escape[8];

	put_text(t, "\"");
	for (const char *at = string; *at != '\0'; at++) {
		if ((uint8_t)*at >= 0x20 && *at != '"' && *at != '\\')
			continue;
		letter = strchr(letters, *at);
		put(t, from, (size_t)(at - from));
		from = at + 1;
		if (letter != NULL)
			snprintf(escape, sizeof(escape), "\\%c",
			    escapes[letter - letters]);
		else
			snprintf(escape, sizeof(escape), "\\u%04x",
			    (unsigned)(uint8_t)*at);
		put_text(t, escape);
	}
	put_text(t, from);
	put_text(t, "\"");
}

static void
put_number(struct text *t, uint64_t number)
{
	char digits[20];	/* of 2^64 - 1 */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(t, digits + at, sizeof(digits) - at);
}

static void
put_shape(struct text *t, const pfork_tensor *tensor)
{
	bool pairs = tensor->dtype->code == DTYPE_F4X2;
	uint64_t n;

	put_text(t, "[");
	for (size_t i = 0; i < tensor->rank; i++) {
		if (i > 0)
			put_text(t, ",");
		n = tensor->shape[i];
		put_number(t, pairs && i + 1 == tensor->rank ? n * 2 : n);
	}
	if (pairs && tensor->rank == 0)
		put_text(t, "2");
	put_text(t, "]");
}

static void
put_tensor(struct text *t, const struct save_entry *e, uint64_t begin)
{
	put_string(t, e->name);
	put_text(t, ":{\"dtype\":\"");
	put_text(t, save_dtype(e->tensor));
	put_text(t, "\",\"shape\":");
	put_shape(t, e->tensor);
	put_text(t, ",\"data_offsets\":[");
	put_number(t, begin);
	put_text(t, ",");
	put_number(t, begin + e->tensor->nbytes);
	put_text(t, "]}");
}

static void
put_pair(struct text *t, const char *key, const char *value)
{
	if (t->used > 0 && t->at[t->used - 1] != '{')
		put_text(t, ",");
	put_string(t, key);
	put_text(t, ":");
	put_string(t, value);
}

/* The keys of __metadata__ sorted by bytes; ours are put where they belong
 * between the names of the aliases, which are sorted already.  "pt" is what
 * the Hugging Face libraries ask for. */
static void
put_metadata(struct text *t, const struct save_plan *plan,
    const pfork_checkpoint *c)
{
	const char *ours[2][2] = { { "format", "pt" },
		{ "picklefork.origin", c->format } };
	size_t next = 0;

	put_text(t, "\"__metadata__\":{");
	for (size_t i = plan->written; i < plan->count && !t->failed; i++) {
		const struct save_entry *e = &plan->entries[i];

		if (e->skipped)
			continue;
		for (; next < 2 && strcmp(ours[next][0], e->name) < 0; next++)
			put_pair(t, ours[next][0], ours[next][1]);
		put_pair(t, e->name, e->kept);
	}
	for (; next < 2; next++)
		put_pair(t, ours[next][0], ours[next][1]);
	put_text(t, "}");
}

static enum pfork_code
finish(struct save_plan *plan, struct text *t, pfork_error *err)
{
	uint64_t length;

	while (!t->failed && t->used % 8 != 0)
		put_text(t, " ");
	if (t->too_long)
		return error_set(err, PFORK_E_UNSUPPORTED, 0, PFORK_NO_OFFSET,
		    "the header would have more than the %u bytes that "
		    "safetensors allows", SAVE_HEADER_MAX);
	if (t->failed)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for the header");
	length = t->used - 8;
	for (size_t i = 0; i < 8; i++)
		t->at[i] = (uint8_t)(length >> (8 * i));
	plan->header = t->at;
	plan->header_size = t->used;
	return PFORK_OK;
}

enum pfork_code
save_header_make(struct save_plan *plan, const pfork_checkpoint *c,
    pfork_error *err)
{
	struct text t = { 0 };
	enum pfork_code code;

	put(&t, "\0\0\0\0\0\0\0\0{", 9);
	put_metadata(&t, plan, c);
	for (size_t i = 0; i < plan->written && !t.failed; i++) {
		put_text(&t, ",");
		put_tensor(&t, &plan->entries[i], plan->data_size);
		if (__builtin_add_overflow(plan->data_size,
		    plan->entries[i].tensor->nbytes, &plan->data_size)) {
			free(t.at);
			return error_set(err, PFORK_E_UNSUPPORTED, 0,
			    PFORK_NO_OFFSET, "the tensors have 2^64 bytes");
		}
	}
	put_text(&t, "}");
	code = finish(plan, &t, err);
	if (code != PFORK_OK)
		free(t.at);
	return code;
}
