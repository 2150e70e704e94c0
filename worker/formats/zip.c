/* SPDX-License-Identifier: Apache-2.0
 *
 * zip.c - see zip.h.  The central directory, entry by entry; names and their
 * hash; members' bytes.  End records are judged before (zip_end.c), local
 * headers after (zip_local.c).  Nothing is allocated from a count before the
 * count was held against the directory's size.
 * Source: PKWARE APPNOTE 6.3.10, 4.3.12 and 4.4.
 */
#include "zip_parts.h"

#include <string.h>

#include "inflate.h"
#include "sink.h"

/* made by 3: Unix; file type bits of st_mode, and those of a symbolic link. */
#define HOST_UNIX 3
#define MODE_TYPE 0170000u
#define MODE_SYMLINK 0120000u
#define DOS_DIRECTORY 0x10

void
zip_fail(struct job *job, const struct zip_member *member, uint64_t where,
    const char *text)
{
	die_about(job, FAULT_FORMAT, where, text, member->name,
	    member->name_len);
}

void
zip_two_readings(struct job *job, uint64_t where, const char *text,
    const void *name, size_t length)
{
	if (name == NULL)
		sink_note(job, NOTE_POLYGLOT, VERDICT_DANGEROUS, where, text);
	else
		sink_note_about(job, NOTE_POLYGLOT, VERDICT_DANGEROUS, where,
		    text, name, length);
	if (name == NULL)
		die(job, FAULT_FORMAT, where, text);
	die_about(job, FAULT_FORMAT, where, text, name, length);
}

uint64_t
zip_member_entry(const struct job *job, const struct zip_member *member)
{
	return (uint64_t)(member->name - job->map) - ZIP_CENTRAL_LEN;
}

uint16_t
zip_member_flags(const struct zip_member *member)
{
	return zip_u16(member->name - ZIP_CENTRAL_LEN + 8);
}

bool
zip_is(const struct job *job)
{
	static const uint8_t local[4] = { 'P', 'K', 3, 4 };

	if (job->size < ZIP_END_LEN)
		return false;
	return memcmp(job->map, local, sizeof local) == 0 || zip_ends(job);
}

const char *
zip_extra_read(const uint8_t *bytes, size_t length, struct zip_extra *extra)
{
	struct cursor c = cursor_over(bytes, length);
	const uint8_t *payload;
	uint16_t ident, size;

	*extra = (struct zip_extra){ 0 };
	while (c.left > 0) {
		ident = cursor_u16le(&c);
		size = cursor_u16le(&c);
		payload = cursor_bytes(&c, size);
		if (c.bad)
			return "zip: extra field is cut short";
		if (ident == ZIP_EXTRA_ZIP64) {
			if (extra->zip64 != NULL)
				return "zip: two zip64 extra fields";
			extra->zip64 = payload;
			extra->zip64_len = size;
		} else if (ident == ZIP_EXTRA_UNICODE_PATH) {
			extra->path = payload;
			extra->path_len = size;
		}
	}
	return NULL;
}

/* What is refused by name, though it is no lie. */
static const char *
method_name(uint16_t method)
{
	switch (method) {
	case 1:
		return "zip: method 1 (shrunk) is not supported";
	case 6:
		return "zip: method 6 (imploded) is not supported";
	case 9:
		return "zip: method 9 (deflate64) is not supported";
	case 12:
		return "zip: method 12 (bzip2) is not supported";
	case 14:
		return "zip: method 14 (lzma) is not supported";
	case 20:
	case 93:
		return "zip: method 93 (zstd) is not supported";
	case 95:
		return "zip: method 95 (xz) is not supported";
	case 98:
		return "zip: method 98 (ppmd) is not supported";
	case 99:
		return "zip: method 99 (AES encryption) is not supported";
	default:
		return "zip: unknown compression method";
	}
}

/* Bits 1 and 2 tell how hard deflate tried; 3: descriptor; 11: UTF-8. */
#define FLAGS_KNOWN 0x080eu

static const char *
flags_wrong(uint16_t flags)
{
	if (flags & 0x0001)
		return "zip: member is encrypted";
	if (flags & 0x0040)
		return "zip: member is strongly encrypted";
	if (flags & 0x0020)
		return "zip: member is a patch";
	if (flags & 0x2000)
		return "zip: member's local header is masked";
	if (flags & ~FLAGS_KNOWN)
		return "zip: unknown flag";
	return NULL;
}

struct entry {
	uint16_t made, flags, extra_len, comment_len, disk;
	uint32_t attributes;
	uint64_t where;
};

/* Values of all ones stand in the zip64 extra, in this order, and nothing else
 * does (APPNOTE 4.5.3). */
static void
take_zip64(struct job *job, struct zip_member *m, struct entry *e,
    const struct zip_extra *extra)
{
	struct cursor c = cursor_over(extra->zip64, extra->zip64_len);

	if (m->size == UINT32_MAX)
		m->size = cursor_u64le(&c);
	if (m->packed == UINT32_MAX)
		m->packed = cursor_u64le(&c);
	if (m->data == UINT32_MAX)
		m->data = cursor_u64le(&c);
	if (e->disk == 0xffff && cursor_u32le(&c) == 0)
		e->disk = 0;
	if (c.bad)
		zip_fail(job, m, e->where,
		    "zip: zip64 extra is missing or short");
	if (c.left > 0)
		zip_two_readings(job, e->where,
		    "zip: zip64 extra holds more than was asked for", m->name,
		    m->name_len);
}

static void
judge_entry(struct job *job, const struct zip_member *m, const struct entry *e)
{
	const char *why = zip_name_wrong(m->name, m->name_len);

	if (why != NULL)
		zip_fail(job, m, e->where, why);
	why = flags_wrong(e->flags);
	if (why == NULL && m->method != ZIP_STORED &&
	    m->method != ZIP_DEFLATED)
		why = method_name(m->method);
	if (why == NULL && e->disk != 0)
		why = "zip: member is on another disk";
	if (why == NULL && e->made >> 8 == HOST_UNIX &&
	    (e->attributes >> 16 & MODE_TYPE) == MODE_SYMLINK)
		why = "zip: member is a symbolic link";
	if (why != NULL)
		die_about(job, FAULT_UNSUPPORTED, e->where, why, m->name,
		    m->name_len);
	if (m->method == ZIP_STORED && m->packed != m->size)
		zip_fail(job, m, e->where,
		    "zip: stored member has two different sizes");
	/* torch's miniz goes by the attribute, and hands out memory that it
	 * has not written to. */
	if (m->size != 0 && (m->name[m->name_len - 1] == '/' ||
	    (e->attributes & DOS_DIRECTORY) != 0))
		zip_fail(job, m, e->where, "zip: directory entry has data");
}

/* The second name that Info-ZIP keeps must be the same name (version, CRC-32 of
 * the name, name; APPNOTE 4.6.9). */
static void
judge_extra(struct job *job, const struct zip_member *m,
    const struct zip_extra *extra, uint64_t where)
{
	if (extra->path != NULL && (extra->path_len != 5 + m->name_len ||
	    memcmp(extra->path + 5, m->name, m->name_len) != 0))
		zip_two_readings(job, where, "zip: member has a second name",
		    m->name, m->name_len);
}

/* Version needed (torch writes 0), time, date and internal attributes change
 * nothing, so they are not looked at. */
static struct entry
take_fields(const uint8_t *p, struct zip_member *m)
{
	struct entry e = { .where = 0 };

	e.made = zip_u16(p + 4);
	e.flags = zip_u16(p + 8);
	m->method = zip_u16(p + 10);
	m->crc = zip_u32(p + 16);
	m->packed = zip_u32(p + 20);
	m->size = zip_u32(p + 24);
	m->name_len = zip_u16(p + 28);
	e.extra_len = zip_u16(p + 30);
	e.comment_len = zip_u16(p + 32);
	e.disk = zip_u16(p + 34);
	e.attributes = zip_u32(p + 38);
	m->data = zip_u32(p + 42);
	return e;
}

static void
read_entry(struct job *job, struct cursor *c, struct zip_member *m)
{
	uint64_t where = (uint64_t)(c->at - job->map);
	const uint8_t *fields = cursor_bytes(c, ZIP_CENTRAL_LEN);
	struct entry e;
	struct zip_extra extra;
	const uint8_t *bytes;
	const char *why;

	if (fields == NULL)
		die(job, FAULT_FORMAT, where, "zip: directory is cut short");
	if (zip_u32(fields) != ZIP_CENTRAL_SIG)
		die(job, FAULT_FORMAT, where,
		    "zip: no directory entry where one should be");
	e = take_fields(fields, m);
	e.where = where;
	m->name = cursor_bytes(c, m->name_len);
	bytes = cursor_bytes(c, e.extra_len);
	cursor_bytes(c, e.comment_len);
	if (c->bad)
		die(job, FAULT_FORMAT, where, "zip: directory is cut short");
	why = zip_extra_read(bytes, e.extra_len, &extra);
	if (why != NULL)
		zip_fail(job, m, e.where, why);
	take_zip64(job, m, &e, &extra);
	judge_entry(job, m, &e);
	judge_extra(job, m, &extra, e.where);
}

/* A slot: the member's number plus one, and above it bits of the hash, so that
 * most strangers are seen without touching their names. */
static bool
tag_same(const struct zip *zip, uint32_t slot, uint64_t hash)
{
	return ((slot ^ (uint32_t)(hash >> 32)) & zip->tag_mask) == 0;
}

static struct zip_member *
slot_member(const struct zip *zip, uint32_t slot)
{
	return &zip->members[(slot & ~zip->tag_mask) - 1];
}

/* At most seven eighths full: the slots of a cache line cost as one. */
static void
make_index(struct job *job, struct zip *zip)
{
	uint64_t slots = 8, numbers = 1;

	while (slots * 7 < (uint64_t)zip->count * 8)
		slots *= 2;
	while (numbers <= zip->count)
		numbers *= 2;
	zip->by_hash = arena_alloc(&job->arena, slots, sizeof *zip->by_hash);
	zip->hash_mask = (uint32_t)(slots - 1);
	zip->tag_mask = ~(uint32_t)(numbers - 1);
}

static void
index_names(struct job *job, struct zip *zip)
{
	uint64_t hash, slot;
	const struct zip_member *m, *other;

	make_index(job, zip);
	for (uint32_t i = 0; i < zip->count; i++) {
		m = &zip->members[i];
		hash = zip_name_hash(job->seed, m->name, m->name_len);
		for (slot = hash & zip->hash_mask; zip->by_hash[slot] != 0;
		    slot = (slot + 1) & zip->hash_mask) {
			if (!tag_same(zip, zip->by_hash[slot], hash))
				continue;
			other = slot_member(zip, zip->by_hash[slot]);
			if (other->name_len == m->name_len &&
			    zip_name_same_folded(other->name, m->name,
			    m->name_len))
				zip_two_readings(job,
				    zip_member_entry(job, m),
				    "zip: two members have one name", m->name,
				    m->name_len);
		}
		zip->by_hash[slot] = ((uint32_t)(hash >> 32) &
		    zip->tag_mask) | (i + 1);
	}
}

static void
read_directory(struct job *job, struct zip *zip, const struct zip_end *end)
{
	struct cursor c = cursor_over(job->map + end->directory,
	    (size_t)end->size);

	/* 2^31: hash slots are twice as many, in 32 bits. */
	if (end->count >= UINT32_C(1) << 31)
		die(job, FAULT_LIMIT, end->at, "zip: over 2^31 members");
	zip->count = (uint32_t)end->count;
	zip->members = arena_alloc(&job->arena, zip->count,
	    sizeof *zip->members);
	for (uint32_t i = 0; i < zip->count; i++)
		read_entry(job, &c, &zip->members[i]);
	if (c.left > 0)
		die(job, FAULT_FORMAT, end->directory + end->size - c.left,
		    "zip: directory goes on after its last entry");
}

/* Another worker takes as long to start as this one to inflate so much: there
 * has to be that besides the largest member.  What is in another file is
 * unpacked by each of them, which gains nothing. */
static void
share_out(struct job *job, const struct zip *zip)
{
	uint64_t sum = 0, most = 0, effort;

	if (job->shares <= 1 || job->window.depth > 0)
		return;
	/* No overflow: they stand in the file, and do not overlap. */
	for (uint32_t i = 0; i < zip->count; i++) {
		effort = zip_effort(&zip->members[i]);
		sum += effort;
		if (effort > most)
			most = effort;
	}
	if (sum - most >= SINK_SHARE_MIN)
		sink_share_out(job);
}

void
zip_open(struct job *job, struct zip *zip)
{
	struct zip_end end;
	struct zip_wrong wrong = { 0 };

	if (!zip_end_read(job, &end, &wrong)) {
		if (wrong.two_readings)
			zip_two_readings(job, wrong.where, wrong.text, NULL,
			    0);
		die(job, wrong.code, wrong.where, wrong.text);
	}
	if (end.comment > 0)
		sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL, end.at,
		    "zip: the archive has a comment");
	if (end.after > 0)
		sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL,
		    job->size - end.after, "zip: bytes after the end record");
	read_directory(job, zip, &end);
	index_names(job, zip);
	zip_locals(job, zip, &end);
	share_out(job, zip);
}

const struct zip_member *
zip_find(const struct job *job, const struct zip *zip, const void *name,
    size_t length)
{
	const struct zip_member *m;
	uint64_t hash = zip_name_hash(job->seed, name, length), slot;

	for (slot = hash & zip->hash_mask; zip->by_hash[slot] != 0;
	    slot = (slot + 1) & zip->hash_mask) {
		if (!tag_same(zip, zip->by_hash[slot], hash))
			continue;
		m = slot_member(zip, zip->by_hash[slot]);
		if (m->name_len == length && memcmp(m->name, name, length) == 0)
			return m;
	}
	return NULL;
}

const uint8_t *
zip_bytes(struct job *job, const struct zip_member *m)
{
	const uint8_t *bytes = job->map + m->data;

	if (m->method == ZIP_DEFLATED)
		bytes = inflate_raw(job, bytes, m->packed, m->size, m->data);
	else if (!(job->flags & GO_VERIFY))
		return bytes;
	if (inflate_crc32(bytes, m->size) != m->crc)
		zip_fail(job, m, zip_member_entry(job, m),
		    "zip: member's CRC-32 is wrong");
	return bytes;
}
