/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_zip.c - zip archives: finds the end record and the directory, and then
 * edits one field of one record, moves, repeats or drops an entry, or changes a
 * member's bytes and mends every number that depends on them (or all but one).
 * Source of the layouts: PKWARE APPNOTE 6.3.
 */
#include <stdbool.h>
#include <string.h>

#include "inflate.h"
#include "mutate.h"

#define ENTRIES 64
#define RECORD_MAX 2048
#define LOCAL 30
#define CENTRAL 46
#define END 22

struct entry {
	size_t at;		/* in the directory */
	size_t length;
	size_t local;
	size_t data;
	size_t packed;
};

struct archive {
	uint8_t *bytes;
	size_t size;
	size_t max;
	size_t end;		/* of the end record, its offset */
	size_t directory;
	size_t count;
	struct entry entries[ENTRIES];
};

static uint64_t
get(const uint8_t *at, size_t width)
{
	uint64_t value = 0;

	memcpy(&value, at, width);
	return value;
}

static void
put(uint8_t *at, size_t width, uint64_t value)
{
	memcpy(at, &value, width);
}

/* One entry; false when it does not lead to a member. */
static bool
entry_read(const struct archive *z, size_t at, struct entry *e)
{
	const uint8_t *p = z->bytes + at;
	const uint8_t *local;

	if (z->end - at < CENTRAL || get(p, 4) != 0x02014b50)
		return false;
	e->at = at;
	e->length = (size_t)(CENTRAL + get(p + 28, 2) + get(p + 30, 2) +
	    get(p + 32, 2));
	e->local = get(p + 42, 4);
	e->packed = get(p + 20, 4);
	if (e->length > z->end - at || e->local > z->size - LOCAL)
		return false;
	local = z->bytes + e->local;
	e->data = (size_t)(e->local + LOCAL + get(local + 26, 2) +
	    get(local + 28, 2));
	/* Members stand before the directory, or offsets could not be mended. */
	return get(local, 4) == 0x04034b50 && e->data <= z->directory &&
	    e->packed <= z->directory - e->data;
}

static bool
archive_read(struct archive *z)
{
	size_t at;

	if (z->size < END + LOCAL)
		return false;
	for (at = z->size - END; get(z->bytes + at, 4) != 0x06054b50; at--)
		if (at == 0)
			return false;
	z->end = at;
	z->directory = get(z->bytes + at + 16, 4);
	if (z->directory > z->end)
		return false;
	z->count = 0;
	for (at = z->directory; at < z->end && z->count < ENTRIES;
	    at += z->entries[z->count++].length)
		if (!entry_read(z, at, &z->entries[z->count]))
			break;
	return z->count > 0;
}

/* Adds to every offset that lies behind `at`: what was there has grown. */
static void
shift(struct archive *z, size_t at, uint64_t by)
{
	size_t end = z->end + (z->end > at ? by : 0);
	uint8_t *p = z->bytes + end;

	for (size_t i = 0; i < z->count; i++) {
		struct entry *e = &z->entries[i];

		e->at += e->at > at ? by : 0;
		if (e->local > at)
			put(z->bytes + e->at + 42, 4, e->local + by);
	}
	if (get(p, 4) == 0x06054b50 && z->directory > at)
		put(p + 16, 4, z->directory + by);
	/* The zip64 end record and its locator, when they stand before it. */
	if (end < 76 || get(p - 20, 4) != 0x07064b50 ||
	    get(p - 76, 4) != 0x06064b50)
		return;
	put(p - 12, 8, end - 76);
	put(p - 76 + 48, 8, get(p - 76 + 48, 8) + by);
}

/* Field offsets and widths. */
struct field {
	uint8_t at;
	uint8_t width;
};
static const struct field local_fields[] = { { 0, 4 }, { 4, 2 }, { 6, 2 },
	{ 8, 2 }, { 14, 4 }, { 18, 4 }, { 22, 4 }, { 26, 2 }, { 28, 2 },
	{ 30, 1 } };
static const struct field central_fields[] = { { 4, 2 }, { 6, 2 }, { 8, 2 },
	{ 10, 2 }, { 16, 4 }, { 20, 4 }, { 24, 4 }, { 28, 2 }, { 30, 2 },
	{ 32, 2 }, { 34, 2 }, { 42, 4 }, { 46, 1 } };
static const struct field end_fields[] = { { 4, 2 }, { 6, 2 }, { 8, 2 },
	{ 10, 2 }, { 12, 4 }, { 16, 4 }, { 20, 2 } };
#define PICK(fields, d) (fields)[dice_roll(d, \
	sizeof(fields) / sizeof((fields)[0]))]

static size_t
edit_field(struct archive *z, struct dice *d)
{
	const struct entry *e = &z->entries[dice_roll(d, z->count)];
	struct field f = PICK(local_fields, d);
	size_t base = e->local;
	uint64_t value;

	switch (dice_roll(d, 3)) {
	case 0:
		break;
	case 1:
		f = PICK(central_fields, d);
		base = e->at;
		break;
	default:
		f = PICK(end_fields, d);
		base = z->end;
		break;
	}
	if (base + f.at + f.width > z->size)
		return 0;
	value = get(z->bytes + base + f.at, f.width);
	value = dice_roll(d, 2) == 0 ? dice_edge(d)
	    : value + dice_roll(d, 5) - 2;
	put(z->bytes + base + f.at, f.width, value);
	return z->size;
}

/* Repeats, drops or swaps entries of the directory; the end record follows. */
static size_t
edit_directory(struct archive *z, struct dice *d)
{
	static uint8_t copy[RECORD_MAX];
	const struct entry *e = &z->entries[dice_roll(d, z->count)];
	size_t to = z->entries[dice_roll(d, z->count)].at;
	unsigned what = (unsigned)dice_roll(d, 3);
	size_t size = z->size;
	uint64_t count;
	uint64_t grown = 0;
	uint8_t *p;

	if (e->length > sizeof(copy))
		return 0;
	memcpy(copy, z->bytes + e->at, e->length);
	if (what != 0) {
		size = splice(z->bytes, size, z->max, e->at, e->length, NULL,
		    0);
		to -= to > e->at ? e->length : 0;
		grown -= e->length;
	}
	if (what != 1) {
		size = splice(z->bytes, size, z->max, to, 0, copy, e->length);
		grown += e->length;
	}
	if (size == 0 || grown == 0)
		return size;
	p = z->bytes + (size_t)(z->end + grown);
	count = get(p + 10, 2) + (what == 0 ? 1 : -UINT64_C(1));
	put(p + 8, 2, count);
	put(p + 10, 2, count);
	put(p + 12, 4, get(p + 12, 4) + grown);
	return size;
}

/* Another archive in the same place, of which every number is right. */
static size_t
edit_member(struct archive *z, struct dice *d)
{
	static uint8_t fresh[1 << 16];
	struct entry *e = &z->entries[dice_roll(d, z->count)];
	size_t length = e->packed;
	size_t size;
	uint32_t crc;
	uint8_t *p;

	if (dice_roll(d, 3) != 0) /* the pickle is near the front */
		e = &z->entries[0];
	length = e->packed;
	if (length == 0 || length > sizeof(fresh) / 2 ||
	    get(z->bytes + e->at + 10, 2) != 0)
		return 0;
	memcpy(fresh, z->bytes + e->data, length);
	size = mutate_pickle(fresh, length, sizeof(fresh),
	    (unsigned)dice_roll(d, UINT32_MAX));
	if (size == 0)
		size = LLVMFuzzerMutate(fresh, length, length);
	crc = inflate_crc32(fresh, size);
	length = size;
	size = splice(z->bytes, z->size, z->max, e->data, e->packed, fresh,
	    length);
	if (size == 0)
		return 0;
	shift(z, e->data, (uint64_t)length - e->packed);
	p = z->bytes + e->at;
	put(p + 16, 4, crc);
	put(p + 20, 4, length);
	put(p + 24, 4, length);
	p = z->bytes + e->local;
	put(p + 14, 4, get(p + 6, 2) & 8 ? 0 : crc);
	put(p + 18, 4, get(p + 6, 2) & 8 ? 0 : length);
	put(p + 22, 4, get(p + 6, 2) & 8 ? 0 : length);
	p = z->bytes + e->data + length; /* the descriptor, when there is one */
	if (get(z->bytes + e->local + 6, 2) & 8 &&
	    e->data + length + 16 <= size && get(p, 4) == 0x08074b50) {
		put(p + 4, 4, crc);
		put(p + 8, 4, length);
		put(p + 12, 4, length);
	}
	return size;
}

size_t
mutate_zip(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct archive z = { .bytes = data, .size = size, .max = max_size };
	struct dice d = dice_of(seed);

	if (!archive_read(&z))
		return 0;
	switch (dice_roll(&d, 4)) {
	case 0:
		return edit_field(&z, &d);
	case 1:
		return edit_directory(&z, &d);
	default:
		return edit_member(&z, &d);
	}
}

size_t
mutate_any(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	if (size < 4)
		return 0;
	if (data[0] == 'P' && data[1] == 'K')
		return mutate_zip(data, size, max_size, seed);
	if (data[0] == 0x80 || data[size - 1] == '.')
		return mutate_pickle(data, size, max_size, seed);
	return mutate_header(data, size, max_size, seed);
}
