/* SPDX-License-Identifier: Apache-2.0
 *
 * json.c - writes JSON.  Strings come from hostile files: what is not UTF-8
 * becomes U+FFFD, and characters that could deceive a reader of the raw text
 * (controls, bidi marks) are written as \u escapes, which mean the same.
 */
#include "json.h"

#include <math.h>
#include <string.h>

#include "print.h"

static void
put(struct json *j, const char *text, size_t length)
{
	fwrite_unlocked(text, 1, length, j->out);
}

static void
put_char(struct json *j, char c)
{
	putc_unlocked(c, j->out);
}

static void
put_escape(struct json *j, uint32_t point)
{
	static const char letters[] = "\b\f\n\r\t\"\\";
	static const char escapes[] = "bfnrt\"\\";
	const char *letter;
	char text[16];

	letter = point < 0x80 && point != 0 ? strchr(letters, (int)point) :
					      NULL;
	if (letter != NULL)
		snprintf(text, sizeof(text), "\\%c", escapes[letter - letters]);
	else if (point < 0x10000)
		snprintf(text, sizeof(text), "\\u%04x", (unsigned)point);
	else
		snprintf(text, sizeof(text), "\\u%04x\\u%04x",
		    (unsigned)(0xd800 + ((point - 0x10000) >> 10)),
		    (unsigned)(0xdc00 + (point & 0x3ff)));
	put(j, text, strlen(text));
}

/* Where the letters end that stand for themselves, and are ASCII. */
static size_t
plain_run(const char *text, size_t at, size_t length)
{
	while (at < length && text[at] >= 0x20 && text[at] < 0x7f &&
	    text[at] != '"' && text[at] != '\\')
		at++;
	return at;
}

static void
put_string(struct json *j, const char *text, size_t length)
{
	uint32_t point = 0;
	bool valid = true;
	size_t plain = 0;
	size_t at = 0;
	size_t n;

	put_char(j, '"');
	at = plain_run(text, 0, length);
	while ((n = utf8_next(text + at, length - at, &point, &valid)) > 0) {
		if (!valid)
			point = 0xfffd;
		else if (point != '"' && point != '\\' &&
		    (point < 0x7f ? point >= 0x20 :
				    !utf8_is_deceptive(point))) {
			at = plain_run(text, at + n, length);
			continue;
		}
		put(j, text + plain, at - plain);
		put_escape(j, point);
		at += n;
		plain = at;
	}
	put(j, text + plain, at - plain);
	put_char(j, '"');
}

static void
begin(struct json *j, const char *key)
{
	if (j->comma)
		put_char(j, ',');
	j->comma = true;
	if (key == NULL)
		return;
	put_string(j, key, strlen(key));
	put_char(j, ':');
}

void
json_object(struct json *j, const char *key)
{
	begin(j, key);
	put_char(j, '{');
	j->comma = false;
}

void
json_object_end(struct json *j)
{
	put_char(j, '}');
	j->comma = true;
}

void
json_array(struct json *j, const char *key)
{
	begin(j, key);
	put_char(j, '[');
	j->comma = false;
}

void
json_array_end(struct json *j)
{
	put_char(j, ']');
	j->comma = true;
}

void
json_raw(struct json *j, const char *key, const char *text)
{
	begin(j, key);
	put(j, text, strlen(text));
}

void
json_null(struct json *j, const char *key)
{
	json_raw(j, key, "null");
}

void
json_bool(struct json *j, const char *key, bool value)
{
	json_raw(j, key, value ? "true" : "false");
}

void
json_u64(struct json *j, const char *key, uint64_t value)
{
	char digits[24];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	json_raw(j, key, at);
}

void
json_i64(struct json *j, const char *key, int64_t value)
{
	begin(j, key);
	fprintf(j->out, "%lld", (long long)value);
}

void
json_double(struct json *j, const char *key, double value)
{
	char digits[PRINT_DOUBLE + 2];

	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	print_double(digits, value);
	/* A float stays one for readers that tell 1 from 1.0. */
	if (strpbrk(digits, ".e") == NULL)
		memcpy(digits + strlen(digits), ".0", 3);
	json_raw(j, key, digits);
}

void
json_string(struct json *j, const char *key, const char *text)
{
	json_text(j, key, text, strlen(text));
}

void
json_text(struct json *j, const char *key, const char *text, size_t length)
{
	begin(j, key);
	put_string(j, text, length);
}

void
json_hex(struct json *j, const char *key, const void *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;

	begin(j, key);
	put_char(j, '"');
	for (size_t i = 0; i < length; i++) {
		put_char(j, digits[at[i] >> 4]);
		put_char(j, digits[at[i] & 15]);
	}
	put_char(j, '"');
}

void
json_newline(struct json *j)
{
	put_char(j, '\n');
	j->comma = false;
}
