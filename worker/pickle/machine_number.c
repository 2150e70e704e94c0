/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_number.c - integers of any size.  The rules of Python's int literals
 * (PyLong_FromString): blanks round it, one sign, 0x 0o 0b in base 0, single
 * underscores between digits, no leading zeros in base 0.  Decimal digits are
 * capped, for they take quadratic time; powers of two take linear time.
 */
#include "machine_inner.h"

#include <string.h>

#include "digit.h"

/* 10^19 fits 64 bits. */
#define CHUNK_DIGITS 19

__extension__ typedef unsigned __int128 wide;

struct literal {
	const uint8_t *at;	/* digits and underscores */
	size_t len;
	size_t digits;
	unsigned base;
	bool negative;
	bool zero_only;		/* a leading 0 in base 0 */
};

/* "0x", "0o", "0b" or a lone leading zero. */
static void
find_base(struct literal *l)
{
	uint8_t letter = l->len > 1 ? l->at[1] | 0x20 : 0;

	l->base = 10;
	if (l->len == 0 || l->at[0] != '0')
		return;
	if (letter == 'x')
		l->base = 16;
	else if (letter == 'o')
		l->base = 8;
	else if (letter == 'b')
		l->base = 2;
	if (l->base == 10) {
		l->zero_only = true;
		return;
	}
	l->at += 2;
	l->len -= 2;
	if (l->len > 0 && l->at[0] == '_') {
		l->at++;
		l->len--;
	}
}

static bool
digits_good(struct literal *l)
{
	uint8_t last = '_';

	for (size_t i = 0; i < l->len; i++) {
		uint8_t c = l->at[i];

		if (c == '_' ? last == '_' : digit_value(c) >= l->base)
			return false;
		if (l->zero_only && c != '_' && c != '0')
			return false;
		l->digits += c != '_';
		last = c;
	}
	return last != '_';
}

static bool
parse_literal(struct literal *l, const uint8_t *at, size_t len, int base)
{
	while (len > 0 && digit_blank(at[len - 1]))
		len--;
	while (len > 0 && digit_blank(*at)) {
		at++;
		len--;
	}
	if (len > 0 && (*at == '-' || *at == '+')) {
		l->negative = *at == '-';
		at++;
		len--;
	}
	l->at = at;
	l->len = len;
	l->base = 10;
	if (base == 0)
		find_base(l);
	return digits_good(l) &&
	    (l->base != 10 || l->digits <= DECIMAL_DIGITS_MAX);
}

/* words = words * factor + add; they have the room. */
static void
multiply_add(uint64_t *words, size_t *count, uint64_t factor, uint64_t add)
{
	wide carry = add;

	for (size_t i = 0; i < *count; i++) {
		carry += (wide)words[i] * factor;
		words[i] = (uint64_t)carry;
		carry >>= 64;
	}
	if (carry != 0)
		words[(*count)++] = (uint64_t)carry;
}

static void
decimal_words(const struct literal *l, uint64_t *words, size_t *count)
{
	uint64_t chunk = 0;
	uint64_t factor = 1;
	size_t left = l->digits;

	for (size_t i = 0; i < l->len; i++) {
		if (l->at[i] == '_')
			continue;
		chunk = chunk * 10 + digit_value(l->at[i]);
		factor *= 10;
		left--;
		if (left % CHUNK_DIGITS == 0) {
			multiply_add(words, count, factor, chunk);
			chunk = 0;
			factor = 1;
		}
	}
}

static void
binary_words(const struct literal *l, uint64_t *words, size_t *count)
{
	unsigned width = l->base == 16 ? 4 : l->base == 8 ? 3 : 1;
	uint64_t bit = 0;

	for (size_t i = l->len; i-- > 0;) {
		uint64_t digit;

		if (l->at[i] == '_')
			continue;
		digit = digit_value(l->at[i]);
		words[bit / 64] |= digit << bit % 64;
		/* The part of an octal digit that the shift cut off. */
		if (bit % 64 > 61)
			words[bit / 64 + 1] |= digit >> (64 - bit % 64);
		bit += width;
	}
	*count = bit / 64 + 1;
}

vref
number_from_bytes(struct machine *m, const uint8_t *at, uint64_t len)
{
	uint64_t value;
	vref v;

	/* Bytes that only repeat the sign. */
	while (len > 1 && ((at[len - 1] == 0x00 && at[len - 2] < 0x80) ||
			      (at[len - 1] == 0xff && at[len - 2] >= 0x80)))
		len--;
	if (len > 8) {
		v = machine_string(m, VALUE_BIGINT, at, len);
		if (at >= m->start && at < m->limit)
			graph_at(m->g, v)->flags |= m->text_flags;
		return v;
	}
	value = len > 0 && at[len - 1] >= 0x80 ? UINT64_MAX : 0;
	for (uint64_t i = len; i-- > 0;)
		value = value << 8 | at[i];
	return value_from_int(m->g, (int64_t)value, machine_where(m));
}

/* Words to two's complement, in place; there is a spare word for the sign. */
static vref
from_words(struct machine *m, uint64_t *words, size_t count, bool negative)
{
	uint8_t *bytes = (uint8_t *)words;
	uint64_t carry = 1;

	for (size_t i = 0; i <= count; i++) {
		uint64_t word = words[i];

		if (negative) {
			word = ~word + carry;
			carry = carry && word == 0;
		}
		for (unsigned b = 0; b < 8; b++)
			bytes[8 * i + b] = (uint8_t)(word >> 8 * b);
	}
	return number_from_bytes(m, bytes, 8 * (uint64_t)(count + 1));
}

/* 18 digits fit 64 bits: no memory is needed. */
static vref
short_decimal(struct machine *m, const struct literal *l)
{
	int64_t value = 0;

	for (size_t i = 0; i < l->len; i++)
		if (l->at[i] != '_')
			value = value * 10 + (int64_t)digit_value(l->at[i]);
	return value_from_int(m->g, l->negative ? -value : value,
	    machine_where(m));
}

bool
number_int(struct machine *m, const uint8_t *at, size_t len, int base,
    vref *out)
{
	struct literal l = { .at = NULL };
	uint64_t *words;
	size_t count = 0;

	if (!parse_literal(&l, at, len, base))
		return false;
	if (l.base == 10 && l.digits <= 18) {
		*out = short_decimal(m, &l);
		return true;
	}
	words = arena_alloc(m->arena, l.digits / 16 + 3, sizeof *words);
	if (l.base == 10)
		decimal_words(&l, words, &count);
	else
		binary_words(&l, words, &count);
	*out = from_words(m, words, count, l.negative);
	return true;
}
