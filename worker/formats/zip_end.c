/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_end.c - the end records of a zip archive: where the directory is.  All
 * fields are lies until they agree: the directory must end exactly where the
 * end records begin, because readers that compute its place in two ways
 * (Python's zipfile from the end, miniz from the offset) would otherwise read
 * two archives.  Looks only; never dies.
 * Source: PKWARE APPNOTE 6.3.10, 4.3.14 to 4.3.16.
 */
#include "zip_parts.h"

#include <string.h>

/* The largest comment, 65,535 bytes, and the record itself. */
#define SEARCH_BYTES (UINT64_C(65535) + ZIP_END_LEN)

static const uint8_t end_sig[4] = { 'P', 'K', 5, 6 };

static bool
fail(struct zip_wrong *wrong, enum fault_code code, uint64_t where,
    const char *text)
{
	*wrong = (struct zip_wrong){ code, where, text, false };
	return false;
}

static bool
fail_two(struct zip_wrong *wrong, uint64_t where, const char *text)
{
	*wrong = (struct zip_wrong){ FAULT_FORMAT, where, text, true };
	return false;
}

static uint64_t
record_stop(const struct job *job, uint64_t at)
{
	struct cursor c = cursor_over(job->map + at + 20, 2);

	return at + ZIP_END_LEN + cursor_u16le(&c);
}

/* The last signature is the record, as all readers have it.  An earlier one
 * whose comment would end with the file is a second archive. */
static bool
find_record(const struct job *job, uint64_t *at, struct zip_wrong *wrong)
{
	uint64_t begin = job->size > SEARCH_BYTES ?
	    job->size - SEARCH_BYTES : 0;
	const uint8_t *p = job->map + begin;
	const uint8_t *last = job->map + job->size - ZIP_END_LEN;
	bool found = false, whole = false;

	while (p <= last &&
	    (p = memchr(p, 'P', (size_t)(last - p) + 1)) != NULL) {
		if (memcmp(p, end_sig, sizeof end_sig) == 0) {
			*at = (uint64_t)(p - job->map);
			if (whole)
				return fail_two(wrong, *at,
				    "zip: a second end record in the comment");
			found = true;
			whole = record_stop(job, *at) == job->size;
		}
		p++;
	}
	if (!found)
		return fail(wrong, FAULT_FORMAT, job->size,
		    "zip: no end record (cut short?)");
	return true;
}

/* A field of the old record: the same as the new one's, or all ones. */
static bool
agrees(uint64_t old, uint64_t ones, uint64_t new)
{
	return old == ones || old == new;
}

struct old_end {
	uint32_t disk, cd_disk, count_disk, count;
	uint64_t size, directory;
	uint16_t comment;
};

static struct old_end
read_old(const struct job *job, uint64_t at)
{
	struct cursor c = cursor_over(job->map + at + 4, ZIP_END_LEN - 4);
	struct old_end old;

	old.disk = cursor_u16le(&c);
	old.cd_disk = cursor_u16le(&c);
	old.count_disk = cursor_u16le(&c);
	old.count = cursor_u16le(&c);
	old.size = cursor_u32le(&c);
	old.directory = cursor_u32le(&c);
	old.comment = cursor_u16le(&c);
	return old;
}

/* The zip64 end record at `at`, which must end at `stop`, its locator. */
static bool
read_end64(const struct job *job, uint64_t at, uint64_t stop,
    const struct old_end *old, struct zip_end *end, struct zip_wrong *wrong)
{
	struct cursor c;
	uint64_t length, disks, count_disk;

	if (stop < ZIP_END64_LEN || at > stop - ZIP_END64_LEN)
		return fail(wrong, FAULT_FORMAT, stop,
		    "zip: locator points at no zip64 end record");
	c = cursor_over(job->map + at, ZIP_END64_LEN);
	if (cursor_u32le(&c) != ZIP_END64_SIG)
		return fail(wrong, FAULT_FORMAT, stop,
		    "zip: locator points at no zip64 end record");
	length = cursor_u64le(&c);
	cursor_u32le(&c);	/* versions: nothing depends on them */
	disks = cursor_u64le(&c);
	count_disk = cursor_u64le(&c);
	end->count = cursor_u64le(&c);
	end->size = cursor_u64le(&c);
	end->directory = cursor_u64le(&c);
	if (length != ZIP_END64_LEN - 12)
		return fail(wrong, length < ZIP_END64_LEN - 12 ?
		    FAULT_FORMAT : FAULT_UNSUPPORTED, at,
		    "zip: zip64 end record is not of version 1");
	if (at != stop - ZIP_END64_LEN)
		return fail_two(wrong, at,
		    "zip: zip64 end record does not stand before its locator");
	if (disks != 0 || count_disk != end->count)
		return fail(wrong, FAULT_UNSUPPORTED, at,
		    "zip: spread over several disks");
	if (!agrees(old->count, 0xffff, end->count) ||
	    !agrees(old->count_disk, 0xffff, end->count) ||
	    !agrees(old->size, UINT32_MAX, end->size) ||
	    !agrees(old->directory, UINT32_MAX, end->directory))
		return fail_two(wrong, at,
		    "zip: zip64 end record does not agree with the end record");
	return true;
}

static bool
read_ends(const struct job *job, struct zip_end *end, uint64_t *stop,
    struct zip_wrong *wrong)
{
	struct old_end old = read_old(job, end->at);
	struct cursor c = cursor_over(NULL, 0);
	uint32_t disk, disks;
	uint64_t end64;

	end->comment = old.comment;
	if ((old.disk != 0 && old.disk != 0xffff) ||
	    (old.cd_disk != 0 && old.cd_disk != 0xffff) ||
	    old.count_disk != old.count)
		return fail(wrong, FAULT_UNSUPPORTED, end->at,
		    "zip: spread over several disks");
	if (end->at >= ZIP_LOCATOR_LEN)
		c = cursor_over(job->map + end->at - ZIP_LOCATOR_LEN,
		    ZIP_LOCATOR_LEN);
	if (cursor_u32le(&c) == ZIP_LOCATOR_SIG) {
		*stop = end->at - ZIP_LOCATOR_LEN;
		disk = cursor_u32le(&c);
		end64 = cursor_u64le(&c);
		disks = cursor_u32le(&c);
		if (disk != 0 || disks > 1)
			return fail(wrong, FAULT_UNSUPPORTED, *stop,
			    "zip: spread over several disks");
		if (!read_end64(job, end64, *stop, &old, end, wrong))
			return false;
		*stop = end64;
		return true;
	}
	/* 65,535 entries are honest without zip64; sizes of all ones never. */
	if (old.size == UINT32_MAX || old.directory == UINT32_MAX ||
	    old.disk != 0 || old.cd_disk != 0)
		return fail(wrong, FAULT_FORMAT, end->at,
		    "zip: zip64 end record is missing");
	end->count = old.count;
	end->size = old.size;
	end->directory = old.directory;
	*stop = end->at;
	return true;
}

bool
zip_end_read(const struct job *job, struct zip_end *end,
    struct zip_wrong *wrong)
{
	uint64_t stop, record;

	*end = (struct zip_end){ 0 };
	if (job->size < ZIP_END_LEN)
		return fail(wrong, FAULT_FORMAT, job->size,
		    "zip: too short for an end record");
	if (!find_record(job, &end->at, wrong))
		return false;
	if (record_stop(job, end->at) > job->size)
		return fail(wrong, FAULT_FORMAT, end->at,
		    "zip: comment is longer than the file");
	end->after = job->size - record_stop(job, end->at);
	if (!read_ends(job, end, &stop, wrong))
		return false;
	record = stop;	/* the record that has the last word */
	if (end->directory > stop || end->size > stop - end->directory)
		return fail(wrong, FAULT_FORMAT, record,
		    "zip: directory lies outside the file");
	if (end->size != stop - end->directory)
		return fail_two(wrong, record,
		    "zip: directory does not end where the end records begin");
	if (end->count > end->size / ZIP_CENTRAL_LEN)
		return fail(wrong, FAULT_FORMAT, record,
		    "zip: more entries than the directory can hold");
	return true;
}

bool
zip_ends(const struct job *job)
{
	struct zip_wrong wrong;
	uint64_t at;

	return job->size >= ZIP_END_LEN && find_record(job, &at, &wrong) &&
	    record_stop(job, at) == job->size;
}

bool
zip_peek_open(const struct job *job, struct zip_peek *peek)
{
	struct zip_end end;
	struct zip_wrong wrong;

	if (!zip_end_read(job, &end, &wrong))
		return false;
	peek->at = cursor_over(job->map + end.directory, (size_t)end.size);
	peek->left = end.count;
	return true;
}

bool
zip_peek_next(struct zip_peek *peek)
{
	struct cursor *c = &peek->at;
	uint64_t skip;

	if (peek->left == 0 || cursor_u32le(c) != ZIP_CENTRAL_SIG)
		return false;
	cursor_bytes(c, 24);
	peek->name_len = cursor_u16le(c);
	skip = cursor_u16le(c);		/* extra */
	skip += cursor_u16le(c);	/* comment */
	cursor_bytes(c, 12);
	peek->name = cursor_bytes(c, peek->name_len);
	cursor_bytes(c, skip);
	peek->left--;
	return !c->bad;
}
