/* SPDX-License-Identifier: Apache-2.0
 *
 * print.c - foreign text for people.  Trusts nothing in the text; must never
 * let a control sequence, a bidi mark or a broken byte through.
 */
#include "print.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --------------------------------------------------------------- UTF-8 -- */

/* RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF. */
size_t
utf8_next(const char *text, size_t length, uint32_t *point, bool *valid)
{
	const uint8_t *at = (const uint8_t *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need;

	if (length == 0)
		return 0;
	*point = at[0];
	*valid = true;
	if (at[0] < 0x80)
		return 1;
	*valid = false;
	need = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	if (at[0] < 0xc2 || at[0] > 0xf4 || need > length)
		return 1;
	*point = at[0] & (0x7fu >> need);
	for (size_t i = 1; i < need; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			*point = at[0];
			return 1;
		}
		*point = *point << 6 | (at[i] & 0x3fu);
	}
	if (*point < least[need] || *point > 0x10ffff ||
	    (*point >= 0xd800 && *point <= 0xdfff)) {
		*point = at[0];
		return 1;
	}
	*valid = true;
	return need;
}

struct range {
	uint32_t first;
	uint32_t last;
};

static bool
in_ranges(uint32_t point, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}
#define IN(point, ranges) \
	in_ranges(point, ranges, sizeof(ranges) / sizeof(ranges[0]))

/* Unicode's Cc and Cf, the separators Zl and Zp, the variation selectors and
 * fillers that show nothing, private use and noncharacters at the end. */
bool
utf8_is_deceptive(uint32_t point)
{
	static const struct range hidden[] = { { 0, 0x1f }, { 0x7f, 0x9f },
		{ 0xad, 0xad }, { 0x34f, 0x34f }, { 0x600, 0x605 },
		{ 0x61c, 0x61c }, { 0x6dd, 0x6dd }, { 0x70f, 0x70f },
		{ 0x890, 0x891 }, { 0x8e2, 0x8e2 },
		{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0x2800, 0x2800 },
		{ 0x3164, 0x3164 }, { 0xe000, 0xf8ff }, { 0xfe00, 0xfe0f },
		{ 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff }, { 0x110bd, 0x110bd },
		{ 0x110cd, 0x110cd }, { 0x13430, 0x1343f },
		{ 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
		{ 0xe0000, 0x10ffff } };

	return IN(point, hidden);
}

static unsigned
columns(uint32_t point)
{
	static const struct range none[] = { { 0x300, 0x36f },
		{ 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x1ab0, 0x1aff },
		{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f } };
	static const struct range two[] = { { 0x1100, 0x115f },
		{ 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
		{ 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0xffe0, 0xffe6 },
		{ 0x1f300, 0x1faff }, { 0x20000, 0x3fffd } };

	if (point < 0x300)
		return 1;
	return IN(point, none) ? 0 : IN(point, two) ? 2 : 1;
}

/* ---------------------------------------------------------------- text -- */

/* What may be shown as it is; quote is one more that may not, or 0. */
static bool
is_plain(uint32_t point, bool valid, char quote)
{
	if (!valid || point < 0x20 || point == '\\' || point == (uint8_t)quote)
		return false;
	return point < 0x7f || !utf8_is_deceptive(point);
}

static int
put_escape(FILE *out, uint32_t point, bool valid)
{
	if (valid && (point == '\\' || point == '"'))
		return fprintf(out, "\\%c", (char)point);
	if (!valid || point < 0x20 || point == 0x7f)
		return fprintf(out, "\\x%02x", (unsigned)point);
	return fprintf(out, "\\u{%x}", (unsigned)point);
}

static size_t
put_text(FILE *out, const char *text, size_t length, char quote)
{
	size_t shown = 0;
	uint32_t point = 0;
	bool valid = true;
	size_t plain = 0;	/* where what is not written yet begins */
	size_t at = 0;
	size_t n;
	int put;

	while ((n = utf8_next(text + at, length - at, &point, &valid)) > 0) {
		at += n;
		if (is_plain(point, valid, quote)) {
			shown += columns(point);
			continue;
		}
		fwrite_unlocked(text + plain, 1, at - n - plain, out);
		put = put_escape(out, point, valid);
		shown += put > 0 ? (size_t)put : 0;
		plain = at;
	}
	fwrite_unlocked(text + plain, 1, length - plain, out);
	return shown;
}

size_t
print_text(FILE *out, const char *text, size_t length)
{
	return put_text(out, text, length, 0);
}

void
print_quoted(FILE *out, const char *text, size_t length)
{
	putc('"', out);
	(void)put_text(out, text, length, '"');
	putc('"', out);
}

char *
print_escape(const char *text)
{
	char *out = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&out, &size);

	if (memory != NULL) {
		print_text(memory, text, strlen(text));
		if (fclose(memory) == 0 && out != NULL)
			return out;
	}
	fputs("picklefork: no memory\n", stderr);
	exit(70);
}

/* ------------------------------------------------------------- numbers -- */

void
print_size(char out[PRINT_SIZE], uint64_t bytes)
{
	static const char units[][4] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	double number = (double)bytes;
	size_t unit = 0;

	/* 1023.96 would be shown as 1024.0. */
	while (number >= (unit == 0 ? 1024.0 : 1023.95) && unit < 6) {
		number /= 1024.0;
		unit++;
	}
	if (unit == 0)
		snprintf(out, PRINT_SIZE, "%u B", (unsigned)bytes);
	else
		snprintf(out, PRINT_SIZE, "%.1f %s", number, units[unit]);
}

void
print_double(char out[PRINT_DOUBLE], double number)
{
	/* 17 digits always do (IEEE 754), and 15 often. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, PRINT_DOUBLE, "%.*g", digits, number);
		if (strtod(out, NULL) == number)
			return;
	}
	/* A NaN equals nothing; its sign says nothing. */
	if (number != number)
		snprintf(out, PRINT_DOUBLE, "nan");
}

/* As much of text as fits; returns how much would be used if all did. */
static size_t
put_part(char *out, size_t size, size_t used, const char *text, size_t length)
{
	if (used < size)
		memcpy(out + used, text,
		    length < size - used ? length : size - used);
	return used + length;
}

size_t
print_shape(char *out, size_t size, const uint64_t *shape, size_t rank)
{
	size_t used = put_part(out, size, 0, "[", 1);
	char digits[20];
	size_t first;
	uint64_t n;

	for (size_t i = 0; i < rank; i++) {
		first = sizeof(digits);
		n = shape[i];
		do {
			digits[--first] = (char)('0' + n % 10);
			n /= 10;
		} while (n != 0);
		if (i > 0)
			used = put_part(out, size, used, ", ", 2);
		used = put_part(out, size, used, digits + first,
		    sizeof(digits) - first);
	}
	used = put_part(out, size, used, "]", 1);
	if (size > 0)
		out[used < size ? used : size - 1] = '\0';
	return used;
}

/* ------------------------------------------------------------- colours -- */

bool
print_colours(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no != NULL && no[0] != '\0')
		return false;
	if (term == NULL || strcmp(term, "dumb") == 0)
		return false;
	/* Ours has no descriptor (begin_output). */
	return isatty(out == stdout ? STDOUT_FILENO : fileno(out)) == 1;
}

void
print_colour(FILE *out, enum colour colour)
{
	static const char *const codes[] = { "0", "1;31", "32", "33", "1",
		"2" };

	fprintf(out, "\033[%sm", codes[colour]);
}
