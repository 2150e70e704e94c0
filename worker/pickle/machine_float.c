/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_float.c - decimal text to the nearest double, ties to even, without
 * locale or heap.  Few digits and a small power of ten are exact in one
 * operation (Clinger 1990); 128 bits decide nearly all others.  What is left is
 * done in decimal: the digits are shifted by powers of two until 53 bits stand
 * before the point.  800 digits decide every case (767 do); what follows them
 * only breaks ties.  Bounded by those 800 digits and the 1,100 bits that a
 * double's exponent spans: some 50 us at worst, for 760 bytes.
 */
#include "machine_inner.h"

#include <math.h>
#include <string.h>

#define DIGITS 800
/* A shift is 59 bits at most: 9 * 2^59 and its carry fit 64 bits.  2^59 has
 * fewer digits than this. */
#define SHIFT_DIGITS 19
/* Decimal exponents beyond this are 0 or too large whatever the digits. */
#define EXPONENT_MAX 100000000

struct decimal {
	uint8_t digit[DIGITS + SHIFT_DIGITS];
	int count;
	int point;	/* digits before the decimal point; may be negative */
	bool more;	/* digits that are not zero were dropped */
};

struct scan {
	const uint8_t *at;
	const uint8_t *end;
};

static bool
word_is(const struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(s->end - s->at) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((s->at[i] | 0x20) != (uint8_t)word[i])
			return false;
	return true;
}

static bool
is_digit(const struct scan *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static void
add_digit(struct decimal *d, uint8_t digit)
{
	if (d->count == 0 && digit == 0)
		return;
	if (d->count < DIGITS)
		d->digit[d->count++] = digit;
	else if (digit != 0)
		d->more = true;
}

/* digits [. digits]; false when there is none. */
static bool
scan_digits(struct scan *s, struct decimal *d)
{
	int64_t point = 0;
	bool any = false;
	bool fraction = false;

	for (;; s->at++) {
		if (!fraction && s->at < s->end && *s->at == '.') {
			fraction = true;
			continue;
		}
		if (!is_digit(s))
			break;
		any = true;
		add_digit(d, *s->at - '0');
		/* A zero before the first digit moves the point, after it. */
		if (fraction)
			point -= d->count == 0;
		else
			point += d->count > 0;
	}
	if (point > EXPONENT_MAX)
		point = EXPONENT_MAX;
	if (point < -EXPONENT_MAX)
		point = -EXPONENT_MAX;
	d->point = (int)point;
	return any;
}

/* e[+-]digits, all of it, or nothing at all. */
static bool
scan_exponent(struct scan *s, struct decimal *d)
{
	bool negative = false;
	int exponent = 0;

	if (s->at == s->end)
		return true;
	if ((*s->at++ | 0x20) != 'e')
		return false;
	if (s->at < s->end && (*s->at == '-' || *s->at == '+'))
		negative = *s->at++ == '-';
	if (!is_digit(s))
		return false;
	for (; is_digit(s); s->at++)
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*s->at - '0');
	d->point += negative ? -exponent : exponent;
	return s->at == s->end;
}

static void
trim(struct decimal *d)
{
	while (d->count > 0 && d->digit[d->count - 1] == 0)
		d->count--;
	if (d->count == 0)
		d->point = 0;
}

/* d *= 2^shift. */
static void
shift_up(struct decimal *d, unsigned shift)
{
	uint64_t carry = 0;
	int to = d->count + SHIFT_DIGITS;
	int zeros = 0;

	for (int from = d->count; from-- > 0;) {
		carry += (uint64_t)d->digit[from] << shift;
		d->digit[--to] = (uint8_t)(carry % 10);
		carry /= 10;
	}
	while (to > 0) {
		d->digit[--to] = (uint8_t)(carry % 10);
		carry /= 10;
	}
	d->count += SHIFT_DIGITS;
	while (d->digit[zeros] == 0)
		zeros++;
	d->count -= zeros;
	d->point += SHIFT_DIGITS - zeros;
	memmove(d->digit, d->digit + zeros, (size_t)d->count);
	for (; d->count > DIGITS; d->count--)
		d->more = d->more || d->digit[d->count - 1] != 0;
	trim(d);
}

/* d /= 2^shift. */
static void
shift_down(struct decimal *d, unsigned shift)
{
	uint64_t mask = (UINT64_C(1) << shift) - 1;
	uint64_t left = 0;
	int from = 0;
	int to = 0;

	while (left >> shift == 0) {
		left = left * 10 + (from < d->count ? d->digit[from] : 0);
		from++;
	}
	d->point -= from - 1;
	while (from < d->count || left != 0) {
		uint8_t digit = (uint8_t)(left >> shift);

		if (to < DIGITS)
			d->digit[to++] = digit;
		else if (digit != 0)
			d->more = true;
		left = (left & mask) * 10;
		if (from < d->count)
			left += d->digit[from];
		from++;
	}
	d->count = to;
	trim(d);
}

/* Either way, by 59 bits at most: bits_of_digits has no larger step, and a
 * point of -330 or more leaves the last shift above -30. */
static void
shift(struct decimal *d, int bits)
{
	if (bits > 0)
		shift_up(d, (unsigned)bits);
	else if (bits < 0)
		shift_down(d, (unsigned)-bits);
}

/* The integer nearest to d < 2^54, ties to even. */
static uint64_t
rounded(const struct decimal *d)
{
	uint64_t n = 0;
	bool up;

	for (int i = 0; i < d->point; i++)
		n = n * 10 + (i < d->count ? d->digit[i] : 0);
	if (d->point < 0 || d->point >= d->count)
		return n;
	up = d->digit[d->point] >= 5;
	if (d->digit[d->point] == 5 && d->point + 1 == d->count && !d->more)
		up = n % 2 == 1;
	return n + up;
}

/* The largest power of two by which a number with so many digits before the
 * point can be divided and stay at least 1/2. */
static int
bits_of_digits(int digits)
{
	static const uint8_t bits[] = { 0, 3, 6, 9, 13, 16, 19, 23, 26, 29, 33,
		36, 39, 43, 46, 49, 53, 56 };

	return digits < (int)sizeof bits ? bits[digits] : 56;
}

/* False when it is too large. */
static bool
by_shifting(struct decimal *d, double *out)
{
	int exponent = 0;
	uint64_t n;

	/* To 1/2 <= d < 1, exactly. */
	while (d->point > 0) {
		int step = bits_of_digits(d->point);

		shift(d, -step);
		exponent += step;
	}
	while (d->point < 0 || (d->point == 0 && d->digit[0] < 5)) {
		int step = d->point == 0 ? 1 : bits_of_digits(-d->point);

		shift(d, step);
		exponent -= step;
	}
	/* 53 bits before the point; fewer for subnormals. */
	shift(d, exponent < -1021 ? exponent + 1074 : 53);
	n = rounded(d);
	if (exponent < -1021)
		exponent = -1021;
	*out = ldexp((double)n, exponent - 53);
	return *out < HUGE_VAL;
}

/* At most 15 digits times a power of ten that is exact. */
static bool
by_one_operation(const struct decimal *d, double *out)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6,
		1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
		1e18, 1e19, 1e20, 1e21, 1e22 };
	int exponent = d->point - d->count;
	uint64_t n = 0;

	if (d->count > 15 || d->more || exponent > 22 || exponent < -22)
		return false;
	for (int i = 0; i < d->count; i++)
		n = n * 10 + d->digit[i];
	*out = exponent < 0 ? (double)n / powers[-exponent] :
			      (double)n * powers[exponent];
	return true;
}

/* By its first 19 digits, where the others make no difference.  Infinity is
 * left to by_shifting. */
static bool
by_power(const struct decimal *d, double *out)
{
	int used = d->count < 19 ? d->count : 19;
	uint64_t n = 0;
	double above;

	for (int i = 0; i < used; i++)
		n = n * 10 + d->digit[i];
	if (!power_to_double(n, d->point - used, out) || *out == HUGE_VAL)
		return false;
	/* Zeroes at the end are trimmed, digits far behind them are not. */
	if (d->count <= 19 && !d->more)
		return true;
	return power_to_double(n + 1, d->point - used, &above) &&
	    above == *out;
}

static bool
finite_decimal(struct scan *s, double *out)
{
	struct decimal d;

	d.count = 0;
	d.more = false;
	if (!scan_digits(s, &d) || !scan_exponent(s, &d))
		return false;
	trim(&d);
	*out = 0;
	/* 2^-1075 is 2.5e-324, 2^1024 is 1.8e308. */
	if (d.count == 0 || d.point < -330)
		return true;
	if (d.point > 310)
		return false;
	return by_one_operation(&d, out) || by_power(&d, out) ||
	    by_shifting(&d, out);
}

bool
decimal_to_double(const uint8_t *at, size_t len, double *out)
{
	struct scan s = { at, at + len };
	bool negative = false;
	double value;

	if (s.at < s.end && (*s.at == '-' || *s.at == '+'))
		negative = *s.at++ == '-';
	if (word_is(&s, "inf") || word_is(&s, "infinity"))
		value = HUGE_VAL;
	else if (word_is(&s, "nan"))
		value = (double)NAN;
	else if (!finite_decimal(&s, &value))
		return false;
	*out = negative ? -value : value;
	return true;
}
