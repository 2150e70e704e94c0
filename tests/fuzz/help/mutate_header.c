/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_header.c - formats that begin with counts and a text header: sets a
 * binary number in the first bytes to an edge, or a decimal number anywhere in
 * the first 64 KiB to one; a little-endian length word that ended with a JSON
 * header is mended when that grows.
 */
#include <stdio.h>
#include <string.h>

#include "mutate.h"

#define HEAD 64
#define TEXT 65536

static uint64_t
word(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static size_t
set_binary(uint8_t *data, size_t size, struct dice *d)
{
	static const size_t widths[] = { 1, 2, 4, 8 };
	size_t width = widths[dice_roll(d, 4)];
	size_t room = size < HEAD || dice_roll(d, 2) == 0 ? size : HEAD;
	uint64_t value = dice_edge(d);

	if (room < width)
		return 0;
	memcpy(data + dice_roll(d, room - width + 1), &value, width);
	return size;
}

/* The digits that hold or follow `from`. */
static size_t
digits(const uint8_t *data, size_t room, size_t from, size_t *length)
{
	size_t at = from;

	while (at < room && (data[at] < '0' || data[at] > '9'))
		at++;
	*length = 0;
	while (at + *length < room && data[at + *length] >= '0' &&
	    data[at + *length] <= '9')
		++*length;
	return at;
}

static size_t
set_decimal(uint8_t *data, size_t size, size_t max_size, struct dice *d)
{
	size_t room = size < TEXT ? size : TEXT;
	size_t length;
	size_t at;
	size_t grown;
	char text[24];
	uint64_t header;

	if (room < 10)
		return 0;
	at = digits(data, room, 8 + dice_roll(d, room - 8), &length);
	if (length == 0)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)dice_edge(d));
	header = word(data);
	grown = splice(data, size, max_size, at, length, (uint8_t *)text,
	    strlen(text));
	if (grown > 0 && header <= size - 8 && at < header + 8) {
		header += strlen(text) - length;
		memcpy(data, &header, sizeof(header));
	}
	return grown;
}

size_t
mutate_header(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = dice_of(seed);

	if (dice_roll(&d, 2) == 0)
		return mutate_made("header: binary", set_binary(data, size,
		    &d));
	return mutate_made("header: decimal", set_decimal(data, size, max_size,
	    &d));
}
