/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_member.c - changes inside of an archive after which every number is
 * right again, or all but one: a member's bytes (deflated ones are inflated,
 * changed and deflated), the places of two members, a second local record that
 * the directory points to while the first stays.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "mutate_archive.h"

#define MEMBER_MAX 32768

static uint8_t plain[2 * MEMBER_MAX];
static uint8_t packed[2 * MEMBER_MAX];

struct sizes {
	uint32_t crc;
	size_t packed;
	size_t size;
};

/* One number in sixteen is wrong, on purpose, in one of the records. */
static void
lie(struct archive *z, const struct entry *e, struct dice *d)
{
	static const uint8_t fields[] = { 14, 18, 22 };
	uint8_t field = DICE_PICK(fields, d);
	uint8_t *at = z->bytes + e->local + field;

	if (dice_roll(d, 16) != 0)
		return;
	if (dice_roll(d, 2) == 0)
		at = z->bytes + e->at + field + 2;
	put_le(at, 4, get_le(at, 4) + (dice_roll(d, 2) == 0 ? 1 : UINT32_MAX));
	(void)mutate_made(field == 14 ? "zip: crc broken" : "zip: size broken",
	    1);
}

/* Both records and the descriptor, when there is one. */
static void
put_sizes(struct archive *z, const struct entry *e, size_t size,
    const struct sizes *s)
{
	uint8_t *local = z->bytes + e->local;
	uint8_t *central = z->bytes + e->at;
	bool later = (get_le(local + 6, 2) & 8) != 0;
	uint8_t *p = z->bytes + e->data + s->packed;

	put_le(central + 16, 4, s->crc);
	put_le(central + 20, 4, s->packed);
	put_le(central + 24, 4, s->size);
	put_le(local + 14, 4, later ? 0 : s->crc);
	put_le(local + 18, 4, later ? 0 : s->packed);
	put_le(local + 22, 4, later ? 0 : s->size);
	if (later && e->data + s->packed + 16 <= size &&
	    get_le(p, 4) == 0x08074b50) {
		put_le(p + 4, 4, s->crc);
		put_le(p + 8, 4, s->packed);
		put_le(p + 12, 4, s->size);
	}
}

/* What the member holds, into `plain`; 0 when that cannot be had. */
static size_t
unpack(const struct archive *z, const struct entry *e, bool deflated)
{
	static struct libdeflate_decompressor *decompressor;
	size_t size = 0;

	if (!deflated) {
		if (e->packed > MEMBER_MAX)
			return 0;
		memcpy(plain, z->bytes + e->data, e->packed);
		return e->packed;
	}
	if (decompressor == NULL) {
		libdeflate_set_memory_allocator(malloc, free);
		decompressor = libdeflate_alloc_decompressor();
	}
	if (decompressor == NULL || libdeflate_deflate_decompress(decompressor,
	    z->bytes + e->data, e->packed, plain, MEMBER_MAX, &size) != 0)
		return 0;
	return size;
}

static size_t
pack(size_t size, bool deflated)
{
	static struct libdeflate_compressor *compressor;

	if (!deflated) {
		memcpy(packed, plain, size);
		return size;
	}
	if (compressor == NULL) {
		libdeflate_set_memory_allocator(malloc, free);
		compressor = libdeflate_alloc_compressor(1);
	}
	return compressor == NULL ? 0 : libdeflate_deflate_compress(compressor,
	    plain, size, packed, sizeof(packed));
}

size_t
archive_edit_member(struct archive *z, struct dice *d)
{
	struct entry *e = &z->entries[dice_roll(d, z->count)];
	struct sizes s;
	uint64_t method;
	size_t size;

	if (dice_roll(d, 3) == 0) /* the pickle is near the front */
		e = &z->entries[0];
	method = get_le(z->bytes + e->at + 10, 2);
	if (e->packed == 0 || (method != 0 && method != 8))
		return 0;
	s.size = unpack(z, e, method == 8);
	if (s.size == 0)
		return 0;
	size = mutate_inner(plain, s.size, sizeof(plain),
	    (unsigned)dice_roll(d, UINT32_MAX));
	s.size = size > 0 ? size : LLVMFuzzerMutate(plain, s.size, s.size);
	s.crc = libdeflate_crc32(0, plain, s.size);
	s.packed = pack(s.size, method == 8);
	size = s.packed == 0 ? 0 : splice(z->bytes, z->size, z->max, e->data,
	    e->packed, packed, s.packed);
	if (size == 0)
		return 0;
	archive_shift(z, e->data, (uint64_t)s.packed - e->packed);
	put_sizes(z, e, size, &s);
	lie(z, e, d);
	return mutate_made(method == 8 ? "zip: deflated member"
	    : "zip: stored member", size);
}

/* Where the record behind this member's begins: the next local one, or the
 * directory. */
static size_t
record_end(const struct archive *z, size_t local)
{
	size_t end = z->directory;

	for (size_t i = 0; i < z->count; i++)
		if (z->entries[i].local > local && z->entries[i].local < end)
			end = z->entries[i].local;
	return end;
}

size_t
archive_permute(struct archive *z, struct dice *d)
{
	size_t first = z->entries[dice_roll(d, z->count)].local;
	size_t second = record_end(z, first);
	size_t end;

	if (second == z->directory)
		return 0;
	end = record_end(z, second);
	exchange(z->bytes, first, second, end);
	for (size_t i = 0; i < z->count; i++) {
		const struct entry *e = &z->entries[i];

		if (e->local == first)
			put_le(z->bytes + e->at + 42, 4, first + end - second);
		else if (e->local == second)
			put_le(z->bytes + e->at + 42, 4, first);
	}
	return z->size;
}

/* The directory is the record of a copy: what reads from the front finds the
 * other one.  The copy's content differs half of the time. */
size_t
archive_split(struct archive *z, struct dice *d)
{
	struct entry *e = &z->entries[dice_roll(d, z->count)];
	size_t end = record_end(z, e->local);
	size_t length = end - e->local;
	size_t to = z->directory;
	struct sizes s = { 0, e->packed, e->packed };
	size_t size;
	size_t old;

	if (length > sizeof(packed) || e->data > end ||
	    e->packed > end - e->data)
		return 0;
	memcpy(packed, z->bytes + e->local, length);
	size = splice(z->bytes, z->size, z->max, to, 0, packed, length);
	if (size == 0)
		return 0;
	archive_shift(z, to - 1, length);
	put_le(z->bytes + e->at + 42, 4, to);
	old = e->local;
	e->data = to + (e->data - old);
	e->local = to;
	if (get_le(z->bytes + e->at + 10, 2) == 0 && e->packed > 0 &&
	    dice_roll(d, 2) == 0) {
		z->bytes[e->data + dice_roll(d, e->packed)] ^= 1;
		s.crc = libdeflate_crc32(0, z->bytes + e->data, e->packed);
		put_sizes(z, e, size, &s);
	}
	return size;
}
