/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_parts.h - what the zip files share among themselves: end records, names,
 * local headers.  Parsers of formats see zip.h alone.
 */
#ifndef WORKER_ZIP_PARTS_H
#define WORKER_ZIP_PARTS_H

#include "cursor.h"
#include "zip.h"

#define ZIP_LOCAL_SIG UINT32_C(0x04034b50)
#define ZIP_CENTRAL_SIG UINT32_C(0x02014b50)
#define ZIP_END_SIG UINT32_C(0x06054b50)
#define ZIP_END64_SIG UINT32_C(0x06064b50)
#define ZIP_LOCATOR_SIG UINT32_C(0x07064b50)
#define ZIP_DESCRIPTOR_SIG UINT32_C(0x08074b50)

/* Sizes of the fixed parts, APPNOTE 4.3. */
#define ZIP_LOCAL_LEN 30
#define ZIP_CENTRAL_LEN 46
#define ZIP_END_LEN 22
#define ZIP_END64_LEN 56
#define ZIP_LOCATOR_LEN 20

#define ZIP_FLAG_DESCRIPTOR 0x0008u

#define ZIP_EXTRA_ZIP64 0x0001u
#define ZIP_EXTRA_UNICODE_PATH 0x7075u

/* Fields of a record whose whole length was already taken from a cursor, or
 * read into a window: a call a field would be half the time of a directory. */
static inline uint16_t
zip_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t
zip_u32(const uint8_t *p)
{
	return zip_u16(p) | (uint32_t)zip_u16(p + 2) << 16;
}

static inline uint64_t
zip_u64(const uint8_t *p)
{
	return zip_u32(p) | (uint64_t)zip_u32(p + 4) << 32;
}

struct zip_end {
	uint64_t at;		/* offset of the end record */
	uint64_t count;		/* of entries */
	uint64_t directory;	/* offset of the central directory */
	uint64_t size;		/* its bytes; count * 46 fits into them */
	uint64_t after;		/* bytes behind the end record's comment */
	uint16_t comment;	/* its length */
};

/* Why not; where is the offset of the record that lies. */
struct zip_wrong {
	enum fault_code code;
	uint64_t where;
	const char *text;
	bool two_readings;	/* other readers see another archive */
};

/* Finds and judges the end records.  Looks only: false, and *wrong. */
bool zip_end_read(const struct job *job, struct zip_end *end,
    struct zip_wrong *wrong);

/* An end record ends exactly where the file does. */
bool zip_ends(const struct job *job);

/* Walks the names of the directory without judging them, for recognising
 * formats.  False at the end or at anything odd. */
struct zip_peek {
	struct cursor at;
	uint64_t left;
	const uint8_t *name;
	size_t name_len;
};
bool zip_peek_open(const struct job *job, struct zip_peek *peek);
bool zip_peek_next(struct zip_peek *peek);

/* Dies; when other readers would see another archive, says so first in a note
 * that makes the verdict dangerous. */
void zip_fail(struct job *job, const struct zip_member *member, uint64_t where,
    const char *text) __attribute__((noreturn));
void zip_two_readings(struct job *job, uint64_t where, const char *text,
    const void *name, size_t length) __attribute__((noreturn));

/* NULL when the name may stand, else why not. */
const char *zip_name_wrong(const uint8_t *name, size_t length);
/* Keyed, and the same for names that differ in ASCII case only. */
uint64_t zip_name_hash(const uint64_t seed[2], const uint8_t *name,
    size_t length);
bool zip_name_same_folded(const uint8_t *a, const uint8_t *b, size_t length);

/* An extra field, cut into its parts. */
struct zip_extra {
	const uint8_t *zip64;
	uint16_t zip64_len;
	const uint8_t *path;
	uint16_t path_len;
};
/* NULL, or why not. */
const char *zip_extra_read(const uint8_t *bytes, size_t length,
    struct zip_extra *extra);

/* Flags of the member's central entry. */
uint16_t zip_member_flags(const struct zip_member *member);
/* Offset of the member's central entry. */
uint64_t zip_member_entry(const struct job *job,
    const struct zip_member *member);

/* Reads every local header and descriptor, in the order of the file, sets
 * member->data, and judges that nothing overlaps. */
void zip_locals(struct job *job, struct zip *zip, const struct zip_end *end);

#endif
