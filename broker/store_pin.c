/* SPDX-License-Identifier: Apache-2.0
 *
 * store_pin.c - the SHA-256 that the caller promised for a file's bytes.  What
 * is hashed is the very descriptor that a worker gets and tensors are read from
 * later; a change in between is seen by the look at the file's identity that
 * ends every load and read.  A file that a hostile writer can still touch wants
 * PFORK_SNAPSHOT besides: then the copy is what is hashed.
 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store.h"

/* Fits a second-level cache. */
#define PIECE ((size_t)1 << 20)

/* ----------------------------------------------------------------- list -- */

static int
by_file(const void *left, const void *right)
{
	const struct store_pin *a = left;
	const struct store_pin *b = right;

	return strcmp(a->file, b->file);
}

enum pfork_code
store_take_pins(struct pfork_store *s, const pfork_pin *pins, size_t count,
    pfork_error *err)
{
	s->pins = calloc(count + 1, sizeof(s->pins[0]));
	if (s->pins == NULL)
		return store_no_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (pins[i].file == NULL || pins[i].file[0] == '\0')
			return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
			    "pfork_store: a pin has no file");
		s->pins[i].file = strdup(pins[i].file);
		if (s->pins[i].file == NULL)
			return store_no_memory(err);
		memcpy(s->pins[i].sha256, pins[i].sha256, SHA256_BYTES);
		s->pin_count++;
	}
	qsort(s->pins, count, sizeof(s->pins[0]), by_file);
	for (size_t i = 1; i < count; i++)
		if (by_file(&s->pins[i - 1], &s->pins[i]) == 0)
			return error_about(err, PFORK_E_ARGS, 0,
			    PFORK_NO_OFFSET, "pfork_store: a file is pinned "
			    "twice", s->pins[i].file, strlen(s->pins[i].file));
	return PFORK_OK;
}

void
store_free_pins(struct pfork_store *s)
{
	for (size_t i = 0; i < s->pin_count; i++)
		free(s->pins[i].file);
	free(s->pins);
	s->pins = NULL;
	s->pin_count = 0;
}

/* ----------------------------------------------------------------- judge -- */

static enum pfork_code
hash_input(struct store_budget *budget, const struct source *input,
    uint8_t digest[SHA256_BYTES], pfork_error *err)
{
	uint8_t *piece = malloc(PIECE);
	enum pfork_code code = PFORK_OK;
	struct sha256 s;
	size_t length;

	if (piece == NULL)
		return store_no_memory(err);
	sha256_start(&s);
	for (uint64_t at = 0; code == PFORK_OK && at < input->size;
	    at += length) {
		length = input->size - at < PIECE ?
		    (size_t)(input->size - at) : PIECE;
		code = source_read(input, at, piece, length, err);
		if (code == PFORK_OK)
			sha256_add(&s, piece, length);
		if (code == PFORK_OK)
			code = store_spend_time(budget, err);
	}
	sha256_end(&s, digest);
	free(piece);
	return code;
}

static void
to_hex(const uint8_t digest[SHA256_BYTES], char out[2 * SHA256_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * SHA256_BYTES] = '\0';
}

static enum pfork_code
refuse(const uint8_t got[SHA256_BYTES], const uint8_t pinned[SHA256_BYTES],
    pfork_error *err)
{
	char is[2 * SHA256_BYTES + 1];
	char should[2 * SHA256_BYTES + 1];

	to_hex(got, is);
	to_hex(pinned, should);
	return error_set(err, PFORK_E_REFUSED, 0, PFORK_NO_OFFSET,
	    "SHA-256 is %s, pinned %s", is, should);
}

enum pfork_code
store_judge_pin(const struct pfork_store *s, struct store_budget *budget,
    const char *path, const struct source *input, pfork_error *err)
{
	struct store_pin key = { .file = (char *)(uintptr_t)path };
	const struct store_pin *pin = bsearch(&key, s->pins, s->pin_count,
	    sizeof(s->pins[0]), by_file);
	uint8_t digest[SHA256_BYTES] = { 0 };
	enum pfork_code code;

	if (pin == NULL)
		return (s->flags & PFORK_STORE_PINNED) == 0 ? PFORK_OK :
		    error_about(err, PFORK_E_REFUSED, 0, PFORK_NO_OFFSET,
		    "no SHA-256 is pinned for the file", path, strlen(path));
	code = hash_input(budget, input, digest, err);
	if (code == PFORK_OK && memcmp(digest, pin->sha256,
	    sizeof(digest)) != 0)
		code = refuse(digest, pin->sha256, err);
	/* What was hashed is still there; the end of the load looks again. */
	if (code == PFORK_OK)
		code = source_unchanged(input, err);
	return code;
}
