/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_zip.c - zip archives: finds the end record and the directory, and then
 * edits one field of one record, or one of both records of a member; moves,
 * repeats or drops an entry; or does one of mutate_member.c's edits.
 */
#include <string.h>

#include "mutate_archive.h"

#define RECORD_MAX 2048

/* One entry; false when it does not lead to a member. */
static bool
entry_read(const struct archive *z, size_t at, struct entry *e)
{
	const uint8_t *p = z->bytes + at;
	const uint8_t *local;

	if (z->end - at < CENTRAL || get_le(p, 4) != 0x02014b50)
		return false;
	e->at = at;
	e->length = (size_t)(CENTRAL + get_le(p + 28, 2) + get_le(p + 30, 2) +
	    get_le(p + 32, 2));
	e->local = get_le(p + 42, 4);
	e->packed = get_le(p + 20, 4);
	if (e->length > z->end - at || e->local > z->size - LOCAL)
		return false;
	local = z->bytes + e->local;
	e->data = (size_t)(e->local + LOCAL + get_le(local + 26, 2) +
	    get_le(local + 28, 2));
	/* Members stand before the directory, or offsets could not be mended. */
	return get_le(local, 4) == 0x04034b50 && e->data <= z->directory &&
	    e->packed <= z->directory - e->data;
}

bool
archive_read(struct archive *z)
{
	size_t at;

	if (z->size < END + LOCAL)
		return false;
	for (at = z->size - END; get_le(z->bytes + at, 4) != 0x06054b50; at--)
		if (at == 0)
			return false;
	z->end = at;
	z->directory = get_le(z->bytes + at + 16, 4);
	if (z->directory > z->end)
		return false;
	z->count = 0;
	for (at = z->directory; at < z->end && z->count < ENTRIES;
	    at += z->entries[z->count++].length)
		if (!entry_read(z, at, &z->entries[z->count]))
			break;
	return z->count > 0;
}

void
archive_shift(struct archive *z, size_t at, uint64_t by)
{
	size_t end = z->end + (z->end > at ? by : 0);
	uint8_t *p = z->bytes + end;

	for (size_t i = 0; i < z->count; i++) {
		struct entry *e = &z->entries[i];

		e->at += e->at > at ? by : 0;
		if (e->local > at)
			put_le(z->bytes + e->at + 42, 4, e->local + by);
	}
	if (get_le(p, 4) == 0x06054b50 && z->directory > at)
		put_le(p + 16, 4, z->directory + by);
	/* The zip64 end record and its locator, when they stand before it. */
	if (end < 76 || get_le(p - 20, 4) != 0x07064b50 ||
	    get_le(p - 76, 4) != 0x06064b50)
		return;
	put_le(p - 12, 8, end - 76);
	put_le(p - 76 + 48, 8, get_le(p - 76 + 48, 8) + by);
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
static size_t
edit_field(struct archive *z, struct dice *d)
{
	const struct entry *e = &z->entries[dice_roll(d, z->count)];
	struct field f = DICE_PICK(local_fields, d);
	size_t base = e->local;
	uint64_t value;

	switch (dice_roll(d, 3)) {
	case 0:
		break;
	case 1:
		f = DICE_PICK(central_fields, d);
		base = e->at;
		break;
	default:
		f = DICE_PICK(end_fields, d);
		base = z->end;
		break;
	}
	if (base + f.at + f.width > z->size)
		return 0;
	value = get_le(z->bytes + base + f.at, f.width);
	value = dice_roll(d, 2) == 0 ? dice_edge(d)
	    : value + dice_roll(d, 5) - 2;
	put_le(z->bytes + base + f.at, f.width, value);
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
	count = get_le(p + 10, 2) + (what == 0 ? 1 : -UINT64_C(1));
	put_le(p + 8, 2, count);
	put_le(p + 10, 2, count);
	put_le(p + 12, 4, get_le(p + 12, 4) + grown);
	return size;
}

/* The same lie in both records of a member, which then agree. */
static size_t
edit_both(struct archive *z, struct dice *d)
{
	static const struct both {
		uint8_t local;
		uint8_t central;
		uint8_t width;
	} both[] = { { 6, 8, 2 }, { 8, 10, 2 }, { 14, 16, 4 }, { 18, 20, 4 },
		{ 22, 24, 4 }, { LOCAL, CENTRAL, 1 } };
	static const uint8_t letters[] = "/.\\ad0";
	const struct entry *e = &z->entries[dice_roll(d, z->count)];
	struct both f = DICE_PICK(both, d);
	uint8_t *local = z->bytes + e->local + f.local;
	uint8_t *central = z->bytes + e->at + f.central;
	uint64_t value = get_le(central, f.width);

	if (f.local < LOCAL) {
		value = dice_roll(d, 2) == 0 ? dice_edge(d)
		    : value + dice_roll(d, 5) - 2;
		put_le(local, f.width, value);
		put_le(central, f.width, value);
		return z->size;
	}
	f.width = (uint8_t)dice_roll(d, 12); /* a byte of the name */
	if (f.width >= get_le(z->bytes + e->at + 28, 2) ||
	    f.width >= e->data - e->local - LOCAL)
		return 0;
	value = dice_roll(d, 4) == 0 ? dice_edge(d) : DICE_PICK(letters, d);
	local[f.width] = central[f.width] = (uint8_t)value;
	return z->size;
}

size_t
mutate_zip(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct archive z = { .bytes = data, .size = size, .max = max_size };
	struct dice d = dice_of(seed);

	if (!archive_read(&z))
		return 0;
	switch (dice_roll(&d, 10)) {
	case 0:
	case 1:
		return mutate_made("zip: field", edit_field(&z, &d));
	case 2:
		return mutate_made("zip: both", edit_both(&z, &d));
	case 3:
		return mutate_made("zip: directory", edit_directory(&z, &d));
	case 4:
		return mutate_made("zip: permute", archive_permute(&z, &d));
	case 5:
		return mutate_made("zip: split", archive_split(&z, &d));
	default:
		return mutate_made("zip: member", archive_edit_member(&z,
		    &d));
	}
}
