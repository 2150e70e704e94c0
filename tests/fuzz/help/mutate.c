/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate.c - what the mutators share.
 */
#include "mutate.h"

#include <stdio.h>
#include <string.h>

#include "xorshift.h"

#define KINDS 64

static struct made {
	const char *kind;
	unsigned long long count;
} made[KINDS];

size_t
mutate_made(const char *kind, size_t size)
{
	size_t i = 0;

	if (size == 0)
		return 0;
	while (i < KINDS - 1 && made[i].kind != NULL && made[i].kind != kind)
		i++;
	made[i].kind = kind;
	made[i].count++;
	return size;
}

static void print_made(void) __attribute__((destructor));

static void
print_made(void)
{
	for (size_t i = 0; i < KINDS && made[i].kind != NULL; i++)
		fprintf(stderr, "mutation: %s %llu\n", made[i].kind,
		    made[i].count);
}

struct dice
dice_of(unsigned seed)
{
	struct dice d = { seed * UINT64_C(0x9e3779b97f4a7c15) + 1 };

	return d;
}

size_t
dice_roll(struct dice *d, size_t sides)
{
	return (size_t)(xorshift(&d->state) >> 11) % sides;
}

uint64_t
dice_edge(struct dice *d)
{
	static const unsigned bits[] = { 0, 1, 7, 8, 15, 16, 24, 31, 32, 48, 53,
		63 };
	uint64_t edge = UINT64_C(1) << DICE_PICK(bits, d);

	switch (dice_roll(d, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - dice_roll(d, 3);
	case 2:
		return dice_roll(d, 300);
	default:
		return edge + dice_roll(d, 3) - 1;
	}
}

size_t
splice(uint8_t *data, size_t size, size_t max_size, size_t at, size_t old,
    const uint8_t *with, size_t length)
{
	if (size - old + length > max_size)
		return 0;
	memmove(data + at + length, data + at + old, size - at - old);
	if (length > 0)
		memcpy(data + at, with, length);
	return size - old + length;
}

static void
reverse(uint8_t *data, size_t from, size_t to)
{
	while (from + 1 < to) {
		uint8_t byte = data[from];

		data[from++] = data[--to];
		data[to] = byte;
	}
}

void
exchange(uint8_t *data, size_t a, size_t b, size_t c)
{
	reverse(data, a, b);
	reverse(data, b, c);
	reverse(data, a, c);
}

uint64_t
get_le(const uint8_t *at, size_t width)
{
	uint64_t value = 0;

	memcpy(&value, at, width);
	return value;
}

void
put_le(uint8_t *at, size_t width, uint64_t value)
{
	memcpy(at, &value, width);
}

size_t
mutate_inner(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size < 4)
		return 0;
	if (size > 10 && memcmp(data, "\x93NUMPY", 6) == 0)
		return mutate_npy(data, size, max_size, seed);
	if (memcmp(data, "GGUF", 4) == 0)
		return mutate_gguf(data, size, max_size, seed);
	if (data[0] == '{' || (size > 8 && data[8] == '{'))
		return mutate_json(data, size, max_size, seed);
	if (data[0] == 0x80 || data[size - 1] == '.' || seed % 4 == 0)
		return mutate_pickle(data, size, max_size, seed / 4);
	return mutate_header(data, size, max_size, seed / 4);
}

size_t
mutate_any(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size > 4 && data[0] == 'P' && data[1] == 'K')
		return mutate_zip(data, size, max_size, seed);
	return mutate_inner(data, size, max_size, seed);
}
