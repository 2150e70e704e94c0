/* SPDX-License-Identifier: Apache-2.0
 *
 * start_math.c - ldexp and frexp by the bits of an IEEE double, for the worker
 * that has no libm.  Rounds once, to even, as the processor does.
 */
#include "start_math.h"

#include <stdint.h>

#define EXPONENT_BITS UINT64_C(0x7ff)

union bits {
	double value;
	uint64_t word;
};

/* 2^exponent, of normal numbers. */
static double
power(int exponent)
{
	union bits b = { .word = (uint64_t)(exponent + 1023) << 52 };

	return b.value;
}

/* By products, for they round; the last one alone may, so the steps down leave
 * all 53 bits: no result before it is subnormal. */
double
START_NAME(ldexp)(double value, int exponent)
{
	int i;

	for (i = 0; i < 2 && exponent > 1023; i++) {
		value *= power(1023);
		exponent -= 1023;
	}
	for (i = 0; i < 2 && exponent < -1022; i++) {
		value *= power(-1022 + 53);
		exponent += 1022 - 53;
	}
	if (exponent > 1023)
		exponent = 1023;
	if (exponent < -1022)
		exponent = -1022;
	return value * power(exponent);
}

double
START_NAME(frexp)(double value, int *exponent)
{
	union bits b = { .value = value };
	int found = (int)(b.word >> 52 & EXPONENT_BITS);

	*exponent = 0;
	/* Zero, infinite, or no number. */
	if (value == 0 || found == (int)EXPONENT_BITS)
		return value;
	if (found == 0) {	/* subnormal */
		b.value *= power(64);
		found = (int)(b.word >> 52 & EXPONENT_BITS) - 64;
	}
	*exponent = found - 1022;
	b.word = (b.word & ~(EXPONENT_BITS << 52)) | UINT64_C(1022) << 52;
	return b.value;
}
