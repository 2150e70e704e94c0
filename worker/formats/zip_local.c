/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_local.c - local headers and data descriptors, each held against its
 * entry in the directory, in the order of the file, so that an overlap is seen
 * between neighbours and a gap is seen at all.  A reader that streams must see
 * the same members as one that reads the directory.
 *
 * torch writes zeroes into a local header with flag bit 3 set, and the truth to
 * a descriptor behind the data, so a field is either that or the central one.
 * From 4 GiB on its local zip64 extra holds (size, packed) and, or only, the
 * header's offset, and its descriptor is 64-bit (measured, torch 2.13).
 *
 * Read by pread, not through the mapping: each page of a large file touched
 * costs 1.5 us and more, a pread 0.2 us (measured).
 */
#include "zip_parts.h"

#include <string.h>

#include "sink.h"

/* A descriptor, the next header and its name and padding are 24 + 30 + some 120
 * bytes in torch's files; small members fit whole. */
#define WINDOW_BYTES 1024
/* After so many reads of which each was next to the one before, the members are
 * small and many: then more is read at once. */
#define NEAR_READS 8
#define WIDE_BYTES ((size_t)16 * 1024)
/* Fixed part, name, extra: as much as a local header can have. */
#define HEADER_MAX (ZIP_LOCAL_LEN + 65535 + 65535)

struct window {
	struct job *job;
	uint64_t at;		/* offset of bytes[0] */
	uint64_t stop;		/* never read at or over this: the directory */
	size_t len;
	uint8_t *bytes;
	size_t room;
	unsigned near;		/* reads of that kind, in a row */
	bool gap_seen;		/* one note for all of them is enough */
	uint8_t small[WINDOW_BYTES];
};

/* How much to read from `offset` on, where `length` bytes are wanted. */
static size_t
window_width(struct window *w, uint64_t offset, size_t length)
{
	size_t width = WINDOW_BYTES;

	if (offset >= w->at && offset - w->at <= w->len + WINDOW_BYTES)
		w->near += w->near < NEAR_READS;
	else
		w->near = 0;
	if (w->near == NEAR_READS)
		width = WIDE_BYTES;
	if (width < length)
		width = length;
	return w->stop - offset < width ? (size_t)(w->stop - offset) : width;
}

/* length bytes at offset, valid until the next call.  offset + length <= stop
 * was judged by the caller. */
static const uint8_t *
window_at(struct window *w, uint64_t offset, size_t length)
{
	size_t take;

	if (offset >= w->at && offset - w->at <= w->len &&
	    length <= w->len - (offset - w->at))
		return w->bytes + (offset - w->at);
	take = window_width(w, offset, length);
	if (take > w->room) {
		w->bytes = arena_alloc(&w->job->arena, HEADER_MAX, 1);
		w->room = HEADER_MAX;
	}
	if (!job_read_at(w->job, offset, w->bytes, take))
		die(w->job, FAULT_INPUT, offset, "the input could not be read");
	w->at = offset;
	w->len = take;
	return w->bytes;
}

struct local {
	uint32_t sig;
	uint16_t flags, method;
	uint32_t crc;
	uint64_t packed, size;
	uint16_t name_len, extra_len;
};

/* Version needed, time and date change nothing. */
static struct local
read_local(const uint8_t *p)
{
	return (struct local){
		.sig = zip_u32(p),
		.flags = zip_u16(p + 6),
		.method = zip_u16(p + 8),
		.crc = zip_u32(p + 14),
		.packed = zip_u32(p + 18),
		.size = zip_u32(p + 22),
		.name_len = zip_u16(p + 26),
		.extra_len = zip_u16(p + 28),
	};
}

/* Zero stands for "see the descriptor" when there is one. */
static bool
field_agrees(uint64_t local, uint64_t central, bool described)
{
	return local == central || (described && local == 0);
}

/* The local zip64 extra: (size, packed), (offset) or all three. */
static const char *
zip64_wrong(const struct zip_member *m, struct local *l,
    const struct zip_extra *extra, bool described)
{
	struct cursor c = cursor_over(extra->zip64, extra->zip64_len);
	bool sizes = extra->zip64_len == 16 || extra->zip64_len == 24;
	bool offset = extra->zip64_len == 8 || extra->zip64_len == 24;
	uint64_t size, packed;

	if (extra->zip64 == NULL)
		return NULL;
	if (!sizes && !offset)
		return "zip: local zip64 extra has an odd length";
	if (sizes) {
		size = cursor_u64le(&c);
		packed = cursor_u64le(&c);
		if (!field_agrees(size, m->size, described) ||
		    !field_agrees(packed, m->packed, described))
			return "zip: local zip64 sizes differ from directory";
		if (l->size == UINT32_MAX)
			l->size = size;
		if (l->packed == UINT32_MAX)
			l->packed = packed;
	}
	if (offset && cursor_u64le(&c) != zip_member_header(m))
		return "zip: local zip64 offset differs from the directory";
	return NULL;
}

static const char *
local_wrong(const struct zip_member *m, struct local *l, const uint8_t *extra,
    bool *wide)
{
	bool described = (l->flags & ZIP_FLAG_DESCRIPTOR) != 0;
	struct zip_extra parts;
	const char *why;

	if (l->flags != zip_member_flags(m))
		return "zip: local flags differ from the directory";
	if (l->method != m->method)
		return "zip: local method differs from the directory";
	why = zip_extra_read(extra, l->extra_len, &parts);
	if (why == NULL)
		why = zip64_wrong(m, l, &parts, described);
	if (why != NULL)
		return why;
	*wide = parts.zip64 != NULL;
	if (!field_agrees(l->crc, m->crc, described))
		return "zip: local CRC-32 differs from the directory";
	if (!field_agrees(l->packed, m->packed, described) ||
	    !field_agrees(l->size, m->size, described))
		return "zip: local sizes differ from the directory";
	return NULL;
}

/* Returns the length of the descriptor at offset.  A 64-bit one goes with a
 * local zip64 extra (APPNOTE 4.3.9.2); the signature is required, though it is
 * optional there, since every writer that we know of has it. */
static uint64_t
read_descriptor(struct window *w, const struct zip_member *m, uint64_t at,
    bool wide)
{
	size_t length = wide ? 24 : 16;
	const uint8_t *p;
	uint64_t packed, size;

	if (length > w->stop - at)
		zip_fail(w->job, m, at, "zip: data descriptor is missing");
	p = window_at(w, at, length);
	packed = wide ? zip_u64(p + 8) : zip_u32(p + 8);
	size = wide ? zip_u64(p + 16) : zip_u32(p + 12);
	if (zip_u32(p) != ZIP_DESCRIPTOR_SIG)
		zip_fail(w->job, m, at, "zip: data descriptor is missing");
	if (zip_u32(p + 4) != m->crc || packed != m->packed || size != m->size)
		zip_fail(w->job, m, at,
		    "zip: data descriptor differs from the directory");
	return length;
}

/* Whether a local header at `header`, `length` bytes with its name and extra,
 * and `packed` bytes of data behind it end at or before `stop`; no sum here can
 * wrap, whatever the numbers are (`make prove`). */
/*@ requires header <= stop;
  @ assigns \nothing;
  @ ensures \result != 0 <==> header + length + packed <= stop; */
static bool
member_fits(uint64_t header, uint64_t length, uint64_t packed, uint64_t stop)
{
	return length <= stop - header && packed <= stop - header - length;
}

/* Judges one member's local part; returns the offset of its end. */
static uint64_t
read_member(struct window *w, struct zip_member *m)
{
	struct job *job = w->job;
	const uint8_t *bytes;
	struct local l;
	const char *why;
	bool wide = false;
	uint64_t header = zip_member_header(m);
	uint64_t length;

	bytes = window_at(w, header, ZIP_LOCAL_LEN);
	l = read_local(bytes);
	if (l.sig != ZIP_LOCAL_SIG)
		zip_fail(job, m, header, "zip: no local header");
	length = (uint64_t)ZIP_LOCAL_LEN + l.name_len + l.extra_len;
	if (!member_fits(header, length, m->packed, w->stop))
		zip_fail(job, m, header,
		    "zip: member runs into the directory");
	bytes = window_at(w, header, (size_t)length);
	if (l.name_len != m->name_len ||
	    memcmp(bytes + ZIP_LOCAL_LEN, m->name, m->name_len) != 0)
		zip_two_readings(job, header,
		    "zip: local header has another name", m->name,
		    m->name_len);
	why = local_wrong(m, &l, bytes + ZIP_LOCAL_LEN + l.name_len, &wide);
	if (why != NULL)
		zip_fail(job, m, header, why);
	m->lead = (uint32_t)length;
	m->data = header + length;
	length = m->data + m->packed;
	if (l.flags & ZIP_FLAG_DESCRIPTOR)
		length += read_descriptor(w, m, length, wide);
	return length;
}

/* Restores the heap of order[0..count) below `root`, by header offset. */
static void
sift(const struct zip_member *members, uint32_t *order, uint32_t root,
    uint32_t count)
{
	uint32_t moving = order[root];
	uint64_t child;

	while ((child = (uint64_t)root * 2 + 1) < count) {
		if (child + 1 < count &&
		    zip_member_header(&members[order[child + 1]]) >
		    zip_member_header(&members[order[child]]))
			child++;
		if (zip_member_header(&members[order[child]]) <=
		    zip_member_header(&members[moving]))
			break;
		order[root] = order[child];
		root = (uint32_t)child;
	}
	order[root] = moving;
}

/* The members in the order of the file; NULL when the directory has it, as
 * every archive that we know of does.  Heap sort: no worst case, no memory. */
static uint32_t *
file_order(struct job *job, const struct zip *zip)
{
	const struct zip_member *m = zip->members;
	uint32_t *order, last;
	uint32_t i = 1;

	while (i < zip->count && zip_member_header(&m[i - 1]) <=
	    zip_member_header(&m[i]))
		i++;
	if (i >= zip->count)
		return NULL;
	order = arena_alloc(&job->arena, zip->count, sizeof *order);
	for (i = 0; i < zip->count; i++)
		order[i] = i;
	for (i = zip->count / 2; i-- > 0;)
		sift(m, order, i, zip->count);
	for (i = zip->count - 1; i > 0; i--) {
		last = order[i];
		order[i] = order[0];
		order[0] = last;
		sift(m, order, 0, i);
	}
	return order;
}

/* Bytes that belong to no member.  One that a streaming reader would take for
 * a member makes two archives of one, and so does anything before the first:
 * torch.load tells a zip by its first bytes, zipfile by its last. */
static void
judge_gap(struct window *w, uint64_t from, uint64_t to)
{
	enum verdict level = VERDICT_UNUSUAL;
	const char *text = "zip: bytes that belong to no member";
	enum note_kind kind = NOTE_RECORD;

	if (to - from >= 4 && zip_u32(window_at(w, from, 4)) == ZIP_LOCAL_SIG) {
		kind = NOTE_POLYGLOT;
		level = VERDICT_DANGEROUS;
		text = "zip: a member that is not in the directory";
	}
	if (from == 0 && level != VERDICT_DANGEROUS) {
		kind = NOTE_POLYGLOT;
		level = VERDICT_DANGEROUS;
		text = "zip: bytes before the first member";
	}
	if (level != VERDICT_DANGEROUS && w->gap_seen)
		return;
	w->gap_seen = w->gap_seen || level != VERDICT_DANGEROUS;
	sink_note(w->job, kind, level, from, text);
}

void
zip_locals(struct job *job, struct zip *zip, const struct zip_end *end)
{
	struct window w __attribute__((uninitialized));
	uint32_t *order = file_order(job, zip);
	struct zip_member *m;
	uint64_t here = 0, header;

	w.job = job;
	w.at = w.len = 0;
	w.stop = end->directory;
	w.bytes = w.small;
	w.room = sizeof(w.small);
	w.near = 0;
	w.gap_seen = false;
	for (uint32_t i = 0; i < zip->count; i++) {
		m = &zip->members[order == NULL ? i : order[i]];
		header = zip_member_header(m);
		if (header > w.stop || w.stop - header < ZIP_LOCAL_LEN)
			zip_fail(job, m, zip_member_entry(job, m),
			    "zip: local header lies outside the members");
		if (header < here)
			zip_fail(job, m, zip_member_entry(job, m),
			    "zip: member overlaps another");
		if (header > here)
			judge_gap(&w, here, header);
		here = read_member(&w, m);
	}
	if (here < w.stop)
		judge_gap(&w, here, w.stop);
}
