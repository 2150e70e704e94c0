/* SPDX-License-Identifier: Apache-2.0
 *
 * json_scan.h - a small strict JSON scanner (RFC 8259) for headers: the caller
 * says what must come next.  No tree, no memory, no recursion.  What it is
 * given must be valid UTF-8 (utf8.h), which is not looked at again here.
 */
#ifndef WORKER_JSON_SCAN_H
#define WORKER_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	const uint8_t *at;
	const uint8_t *end;
	/* NULL, or what was wrong at `at`: a constant.  After that nothing is
	 * left, and every call fails. */
	const char *wrong;
};

/* Between the quotes, as it stands. */
struct json_text {
	const uint8_t *at;
	size_t len;
	bool escaped;	/* holds a backslash */
};

/* The first byte that is a quote, a backslash or a control, or the end. */
const uint8_t *json_special(const uint8_t *at, const uint8_t *end);

struct json json_over(const uint8_t *at, size_t length);
void json_blanks(struct json *j);
/* Takes c after blanks if it is what comes next.  In line: a header of 100,000
 * tensors asks two million times. */
static inline bool
json_take(struct json *j, char c)
{
	if (j->at < j->end && *j->at <= ' ')
		json_blanks(j);
	if (j->at == j->end || *j->at != (uint8_t)c)
		return false;
	j->at++;
	return true;
}
/* The same, but anything else is wrong. */
bool json_need(struct json *j, char c, const char *wrong);
bool json_string(struct json *j, struct json_text *out);
/* An integer from 0 to 2^64 - 1, without sign, fraction or exponent. */
bool json_natural(struct json *j, uint64_t *out);
/* Takes "null" if it is what comes next. */
bool json_null(struct json *j);
/* Any value, JSON_DEPTH containers deep at most. */
#define JSON_DEPTH 64
bool json_skip(struct json *j);
/* Nothing may follow but blanks. */
bool json_end(struct json *j);

/* Writes the text without its escapes; out has room for text->len bytes, which
 * always suffice.  Returns how many there are. */
size_t json_unescape(const struct json_text *text, uint8_t *out);

#endif
