/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_power.c - digits times a power of ten in 128 bits: the quick way to a
 * double.  It knows how wrong it may be, and says so when that decides the
 * rounding; machine_float.c then takes the long way.  Powers are
 * made of ten's powers of two, cut to 128 bits.
 */
#include "machine_inner.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

#define WIDE(high, low) ((wide)UINT64_C(high) << 64 | UINT64_C(low))
#define TOP ((wide)1 << 127)
/* Each factor is too small by less than 2^-127 of itself, each of nine products
 * by less than 2^-126: 2^-122 in all, 64 units of the last place. */
#define ERROR_MAX 1024

struct scaled {
	wide mantissa;	/* its top bit is set */
	int exponent;	/* value = mantissa * 2^exponent */
};

/* 10^(2^k) and 10^-(2^k), cut to 128 bits. */
static const struct scaled powers[2][9] = {
	{
		{ WIDE(0xa000000000000000, 0x0000000000000000), -124 },
		{ WIDE(0xc800000000000000, 0x0000000000000000), -121 },
		{ WIDE(0x9c40000000000000, 0x0000000000000000), -114 },
		{ WIDE(0xbebc200000000000, 0x0000000000000000), -101 },
		{ WIDE(0x8e1bc9bf04000000, 0x0000000000000000), -74 },
		{ WIDE(0x9dc5ada82b70b59d, 0xf020000000000000), -21 },
		{ WIDE(0xc2781f49ffcfa6d5, 0x3cbf6b71c76b25fb), 85 },
		{ WIDE(0x93ba47c980e98cdf, 0xc66f336c36b10137), 298 },
		{ WIDE(0xaa7eebfb9df9de8d, 0xddbb901b98feeab7), 723 },
	},
	{
		{ WIDE(0xcccccccccccccccc, 0xcccccccccccccccc), -131 },
		{ WIDE(0xa3d70a3d70a3d70a, 0x3d70a3d70a3d70a3), -134 },
		{ WIDE(0xd1b71758e219652b, 0xd3c36113404ea4a8), -141 },
		{ WIDE(0xabcc77118461cefc, 0xfdc20d2b36ba7c3d), -154 },
		{ WIDE(0xe69594bec44de15b, 0x4c2ebe687989a9b3), -181 },
		{ WIDE(0xcfb11ead453994ba, 0x67de18eda5814af2), -234 },
		{ WIDE(0xa87fea27a539e9a5, 0x3f2398d747b36224), -340 },
		{ WIDE(0xddd0467c64bce4a0, 0xac7cb3f6d05ddbde), -553 },
		{ WIDE(0xc0314325637a1939, 0xfa911155fefb5308), -978 },
	},
};

/* The top 128 bits of the product. */
static struct scaled
multiply(struct scaled a, struct scaled b)
{
	wide ah = a.mantissa >> 64;
	wide al = (uint64_t)a.mantissa;
	wide bh = b.mantissa >> 64;
	wide bl = (uint64_t)b.mantissa;
	wide middle = (al * bl >> 64) + (uint64_t)(ah * bl) +
	    (uint64_t)(al * bh);
	struct scaled product = {
		.mantissa = ah * bh + (ah * bl >> 64) + (al * bh >> 64) +
		    (middle >> 64),
		.exponent = a.exponent + b.exponent + 128,
	};

	if (product.mantissa < TOP) {
		product.mantissa = product.mantissa << 1 |
		    (middle >> 63 & 1);
		product.exponent--;
	}
	return product;
}

bool
power_to_double(uint64_t digits, int exponent, double *out)
{
	struct scaled value = { (wide)digits << 64, -64 };
	const struct scaled *power = powers[exponent < 0];
	unsigned left = (unsigned)(exponent < 0 ? -exponent : exponent);
	wide low;
	wide half;
	int cut = 128 - 53;

	if (digits == 0 || left > 511)
		return false;
	while (value.mantissa < TOP) {
		value.mantissa <<= 1;
		value.exponent--;
	}
	for (; left != 0; left >>= 1, power++)
		if (left & 1)
			value = multiply(value, *power);
	/* A subnormal has fewer bits: its last is 2^-1074. */
	if (value.exponent + cut < -1074)
		cut = -1074 - value.exponent;
	if (cut > 126)
		return false;
	half = (wide)1 << (cut - 1);
	low = value.mantissa & (2 * half - 1);
	if ((low > half ? low - half : half - low) <= ERROR_MAX)
		return false;
	*out = ldexp((double)((uint64_t)(value.mantissa >> cut) +
			 (low > half)), value.exponent + cut);
	return true;
}
