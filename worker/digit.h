/* SPDX-License-Identifier: Apache-2.0
 *
 * digit.h - characters of numbers in text, as C and CPython take them whatever
 * the locale.  Pure.
 */
#ifndef WORKER_DIGIT_H
#define WORKER_DIGIT_H

#include <stdbool.h>
#include <stdint.h>

#define DIGIT_NONE 99		/* over every base */

/* 0 to 35, letters of either case; DIGIT_NONE for what is no digit. */
static inline unsigned
digit_value(uint8_t c)
{
	uint8_t small = c | 0x20;

	if (c >= '0' && c <= '9')
		return c - (unsigned)'0';
	if (small >= 'a' && small <= 'z')
		return small - (unsigned)'a' + 10;
	return DIGIT_NONE;
}

/* C's isspace. */
static inline bool
digit_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

#endif
