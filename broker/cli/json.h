/* SPDX-License-Identifier: Apache-2.0
 *
 * json.h - writes JSON, one value after the other; commas are its own affair.
 * Every string is valid UTF-8 on its way out, whatever came in.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool comma;		/* a value stands before this one */
};

/* key NULL: an item of an array, or the whole. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_null(struct json *j, const char *key);
void json_bool(struct json *j, const char *key, bool value);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_i64(struct json *j, const char *key, int64_t value);
/* null for what JSON has no number for. */
void json_double(struct json *j, const char *key, double value);
void json_string(struct json *j, const char *key, const char *text);
void json_text(struct json *j, const char *key, const char *text,
    size_t length);
void json_hex(struct json *j, const char *key, const void *bytes,
    size_t length);
/* Already JSON. */
void json_raw(struct json *j, const char *key, const char *text);
void json_newline(struct json *j);

#endif
