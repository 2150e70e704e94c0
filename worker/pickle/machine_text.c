/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_text.c - opcodes that push strings and numbers.  Strings point into
 * the stream where they stand there as they are.  What CPython reads by way of
 * C strings ends at a NUL; we read the same and say so.
 */
#include "machine_inner.h"

#include <string.h>

#include "digit.h"
#include "utf8.h"

/* Decimal without sign, blanks or leading zeros, as all writers have it. */
static bool
plain_decimal(const uint8_t *at, size_t len)
{
	if (len == 0 || (len > 1 && at[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (at[i] < '0' || at[i] > '9')
			return false;
	return true;
}

/* A line that is read as a C string: *len is cut at the first NUL. */
static bool
number_line(struct machine *m, const uint8_t **at, size_t *len, size_t *whole)
{
	const uint8_t *nul;

	if (!machine_line(m, at, whole))
		return false;
	if (*whole == 0)
		return machine_fail(m, "an empty number");
	*len = *whole;
	nul = memchr(*at, '\0', *whole);
	if (nul != NULL) {
		machine_odd(m, ODD_NUL_TEXT);
		*len = (size_t)(nul - *at);
	}
	return true;
}

/* C's strtol(s, &end, 0) when it takes all of the text and does not overflow:
 * blanks, sign, 0x, and a leading 0 for octal.  No text at all is 0. */
static bool
strtol_takes(const uint8_t *at, size_t len, int64_t *out)
{
	size_t i = 0;
	bool negative;
	int base = 10;
	int64_t value = 0;
	size_t first;

	*out = 0;
	if (len == 0)
		return true;
	while (i < len && digit_blank(at[i]))
		i++;
	negative = i < len && at[i] == '-';
	if (i < len && (at[i] == '-' || at[i] == '+'))
		i++;
	if (i < len && at[i] == '0') {
		base = 8;
		if (i + 2 < len && (at[i + 1] | 0x20) == 'x' &&
		    digit_value(at[i + 2]) < 16) {
			base = 16;
			i += 2;
		}
	}
	for (first = i; i < len; i++) {
		int digit = (int)digit_value(at[i]);

		if (digit >= base ||
		    __builtin_mul_overflow(value, base, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return false;
	}
	if (i == first)
		return false;
	/* Built downwards, so that the smallest number fits. */
	if (!negative && __builtin_sub_overflow(INT64_C(0), value, &value))
		return false;
	*out = value;
	return true;
}

/* CPython: strtol with base 0 and, failing that, Python's own int literals.
 * Two characters that mean 0 or 1 ("00", "01") are the booleans. */
bool
machine_int(struct machine *m)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	size_t whole = 0;
	size_t sign;
	int64_t value = 0;
	vref v = VREF_MISSING;

	if (!number_line(m, &at, &len, &whole))
		return false;
	sign = len > 0 && at[0] == '-';
	if (strtol_takes(at, len, &value)) {
		if (whole == 2 && (value == 0 || value == 1)) {
			if (at[0] != '0' || len != 2)
				machine_odd(m, ODD_INT_TEXT);
			machine_push(m, value == 1 ? VREF_TRUE : VREF_FALSE);
			return true;
		}
		v = value_from_int(m->g, value, machine_where(m));
	} else if (!number_int(m, at, len, 0, &v)) {
		return machine_fail(m, "not a number, or over 4300 digits");
	}
	if (!plain_decimal(at + sign, len - sign))
		machine_odd(m, ODD_INT_TEXT);
	machine_push(m, v);
	return true;
}

bool
machine_long(struct machine *m)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	size_t whole = 0;
	size_t sign;
	vref v = VREF_MISSING;

	if (!number_line(m, &at, &len, &whole))
		return false;
	if (at[whole - 1] == 'L' && len == whole)
		len--;
	if (!number_int(m, at, len, 0, &v))
		return machine_fail(m, "not a number, or over 4300 digits");
	sign = len > 0 && at[0] == '-';
	if (!plain_decimal(at + sign, len - sign))
		machine_odd(m, ODD_INT_TEXT);
	machine_push(m, v);
	return true;
}

bool
machine_counted_long(struct machine *m, unsigned width)
{
	const uint8_t *at;
	uint64_t len;

	if (!machine_count(m, width, &len))
		return false;
	if (width == 4 && len > INT32_MAX)
		return machine_fail(m, "a negative length");
	if (!machine_bytes(m, len, &at))
		return false;
	machine_push(m, number_from_bytes(m, at, len));
	return true;
}

bool
machine_float(struct machine *m)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	size_t whole = 0;
	double value;
	vref v = VREF_MISSING;

	if (!number_line(m, &at, &len, &whole))
		return false;
	if (!decimal_to_double(at, len, &value))
		return machine_fail(m, "not a number, or too large");
	machine_node(m, VALUE_FLOAT, &v)->as.f = value;
	machine_push(m, v);
	return true;
}

/* A Python 2 str: text when it is ASCII, else bytes (CPython would refuse those
 * without an encoding; torch and numpy ask for utf-8 or latin1). */
static void
push_old_string(struct machine *m, const uint8_t *at, uint64_t len,
    uint8_t flags)
{
	enum value_kind kind = utf8_ascii(at, len) ? VALUE_TEXT : VALUE_BYTES;
	vref v = machine_string(m, kind, at, len);

	graph_at(m->g, v)->flags |= VALUE_OLD_STRING | flags;
	machine_push(m, v);
}

bool
machine_text_string(struct machine *m)
{
	const uint8_t *at;
	uint8_t *out;
	size_t len;

	if (!machine_line(m, &at, &len))
		return false;
	if (len < 2 || at[0] != at[len - 1] || (at[0] != '\'' && at[0] != '"'))
		return machine_fail(m, "the string must be quoted");
	at++;
	len -= 2;
	if (len == 0 || memchr(at, '\\', len) == NULL) {
		push_old_string(m, at, len, m->text_flags);
		return true;
	}
	out = arena_alloc(m->arena, len, 1);
	if (!unescape_string(at, len, out, &len))
		return machine_fail(m, "a bad escape");
	push_old_string(m, out, len, 0);
	return true;
}

bool
machine_unicode(struct machine *m)
{
	const uint8_t *at;
	uint8_t *out;
	size_t len;
	vref v = VREF_MISSING;

	if (!machine_line(m, &at, &len))
		return false;
	if (len == 0 ||
	    (utf8_ascii(at, len) && memchr(at, '\\', len) == NULL)) {
		v = machine_string(m, VALUE_TEXT, at, len);
		graph_at(m->g, v)->flags |= m->text_flags;
	} else {
		/* Latin-1 at most doubles; escapes shrink. */
		out = arena_alloc(m->arena, len, 2);
		if (!unescape_unicode(at, len, out, &len))
			return machine_fail(m, "a bad escape");
		v = machine_string(m, VALUE_TEXT, out, len);
	}
	machine_push(m, v);
	return true;
}

/* Opcodes whose argument is a length and as many bytes; the loop has the two
 * that are met most. */
static const struct counted {
	uint8_t op;
	uint8_t width;
	uint8_t kind;
} counted[] = {
	{ OP_BINUNICODE8, 8, VALUE_TEXT },
	{ OP_SHORT_BINBYTES, 1, VALUE_BYTES },
	{ OP_BINBYTES, 4, VALUE_BYTES },
	{ OP_BINBYTES8, 8, VALUE_BYTES },
	{ OP_BYTEARRAY8, 8, VALUE_BYTEARRAY },
	{ OP_SHORT_BINSTRING, 1, 0 },
	{ OP_BINSTRING, 4, 0 },
};

bool
machine_counted(struct machine *m, uint8_t op)
{
	const struct counted *c = counted;
	const uint8_t *at;
	uint64_t len;
	vref v = VREF_MISSING;

	while (c->op != op)
		c++;
	if (!machine_count(m, c->width, &len) || !machine_bytes(m, len, &at))
		return false;
	if (c->kind == 0) {
		push_old_string(m, at, len, m->text_flags);
		return true;
	}
	if (c->kind == VALUE_TEXT && !utf8_python(at, len))
		return machine_fail(m, "the text is not UTF-8");
	v = machine_string(m, (enum value_kind)c->kind, at, len);
	graph_at(m->g, v)->flags |= m->text_flags;
	machine_push(m, v);
	return true;
}

/* CPython takes any decimal int literal here. */
static bool
memo_index(struct machine *m, uint64_t *index)
{
	const uint8_t *at = NULL;
	size_t len = 0;
	size_t whole = 0;
	int64_t value = 0;
	vref v = VREF_MISSING;

	if (!number_line(m, &at, &len, &whole))
		return false;
	if (!number_int(m, at, len, 10, &v) || !value_int(m->g, v, &value) ||
	    value < 0)
		return machine_fail(m, "not a memo index");
	if (!plain_decimal(at, len))
		machine_odd(m, ODD_MEMO_NUMBER);
	*index = (uint64_t)value;
	return true;
}

bool
machine_text_get(struct machine *m)
{
	uint64_t index = 0;

	return memo_index(m, &index) && machine_get(m, index);
}

bool
machine_text_put(struct machine *m)
{
	uint64_t index = 0;

	return memo_index(m, &index) && machine_put(m, index);
}
