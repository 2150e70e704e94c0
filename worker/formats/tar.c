/* SPDX-License-Identifier: Apache-2.0
 *
 * tar.c - see tar.h.  A header is 512 bytes: name 100, mode 8, uid 8, gid 8,
 * size 12, mtime 12, checksum 8, kind 1, link 100, magic 6, version 2, owner
 * 64, device 16, prefix 155.  Numbers are octal text; GNU's base-256 ones are
 * for sizes over 8 GiB.  A reader that extracts is led astray by links, by
 * names that climb, and by PAX records that replace what the header says: all
 * of those are refused here, and the verdict says so.
 */
#include "tar.h"

#include <string.h>

#include "sink.h"

#define BLOCK 512
#define NAME_BYTES 100
#define SIZE_AT 124
#define SIZE_BYTES 12
#define SUM_AT 148
#define SUM_BYTES 8
#define KIND_AT 156
#define PREFIX_AT 345
/* torch writes four, and a PAX header before each. */
#define MEMBERS_MAX 1000

/* Octal digits between blanks, ended by a blank, a NUL or the field's end. */
static bool
read_octal(const uint8_t *at, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	size_t i = 0;
	size_t digits = 0;

	while (i < len && at[i] == ' ')
		i++;
	for (; i < len && at[i] >= '0' && at[i] <= '7'; i++, digits++)
		value = value << 3 | (uint64_t)(at[i] - '0');
	for (; i < len; i++)
		if (at[i] != ' ' && at[i] != '\0')
			return false;
	*out = value;
	return digits > 0;
}

static bool
read_size(const uint8_t *at, uint64_t *out)
{
	uint64_t value = 0;

	if (at[0] != 0x80)
		return read_octal(at, SIZE_BYTES, out);
	/* Base 256: 11 bytes, big-endian, of which 8 may count. */
	for (size_t i = 1; i < SIZE_BYTES; i++) {
		if (value >> 56 != 0)
			return false;
		value = value << 8 | at[i];
	}
	*out = value;
	return true;
}

static bool
sum_is_right(const uint8_t *header)
{
	uint64_t want;
	uint64_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : header[i];
	return read_octal(header + SUM_AT, SUM_BYTES, &want) && want == sum;
}

static bool
is_zero(const uint8_t *header)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (header[i] != 0)
			return false;
	return true;
}

bool
tar_is(const struct job *job)
{
	return job->size >= BLOCK && !is_zero(job->map) &&
	    sum_is_right(job->map);
}

/* ------------------------------------------------------ Python's tarfile -- */

/* What str.strip() takes away of ASCII. */
static bool
python_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

/* As int(text, 8) takes it between blanks: a sign, 0o, '_' between digits; or
 * nothing, for 0.  Where it is stricter, this takes more. */
static bool
python_octal(const uint8_t *at, size_t len, int64_t *out)
{
	bool negative;
	size_t end = 0;
	size_t i = 0;

	while (end < len && at[end] != 0)
		end++;
	while (end > 0 && python_blank(at[end - 1]))
		end--;
	while (i < end && python_blank(at[i]))
		i++;
	negative = i < end && at[i] == '-';
	i += i < end && (at[i] == '-' || at[i] == '+');
	if (end - i >= 2 && at[i] == '0' && (at[i + 1] | 0x20) == 'o')
		i += 2;
	for (*out = 0; i < end; i++) {
		if (at[i] != '_' && (at[i] < '0' || at[i] > '7'))
			return false;
		if (at[i] != '_')
			*out = *out << 3 | (at[i] - '0');
	}
	if (negative)
		*out = -*out;
	return true;
}

/* A field of 8 or 12 bytes.  Base 256 past 63 bits is as good as any number:
 * no sum is so large. */
static bool
python_number(const uint8_t *at, size_t len, int64_t *out)
{
	uint64_t value = at[0] == 0xff ? UINT64_MAX : 0;

	if (at[0] != 0x80 && at[0] != 0xff)
		return python_octal(at, len, out);
	for (size_t i = 1; i < len; i++)
		value = value << 8 | at[i];
	*out = (int64_t)value;
	return true;
}

/* tarfile.TarInfo.frombuf: the sum of signed bytes will do, and the numbers
 * must be some. */
bool
tar_python_is(const struct job *job)
{
	static const struct { uint16_t at, len; } numbers[] = {
		{ 100, 8 }, { 108, 8 }, { 116, 8 }, { SIZE_AT, SIZE_BYTES },
		{ 136, 12 }, { 329, 8 }, { 337, 8 }
	};
	const uint8_t *header = job->map;
	int64_t sum = 0;
	int64_t as_signed = 0;
	int64_t want;
	int64_t any;

	if (job->size < BLOCK ||
	    !python_number(header + SUM_AT, SUM_BYTES, &want))
		return false;
	for (size_t i = 0; i < BLOCK; i++) {
		uint8_t byte = i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' :
		    header[i];

		sum += byte;
		as_signed += (int8_t)byte;
	}
	if (is_zero(header) || (want != sum && want != as_signed))
		return false;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!python_number(header + numbers[i].at, numbers[i].len,
		    &any))
			return false;
	return true;
}

bool
tar_peek(const struct job *job, uint64_t *at, const uint8_t **name,
    size_t *name_len)
{
	const uint8_t *header = job->map + *at;
	uint64_t size;

	if (*at > job->size || job->size - *at < BLOCK || is_zero(header) ||
	    !sum_is_right(header) || !read_size(header + SIZE_AT, &size) ||
	    size > job->size - *at - BLOCK)
		return false;
	*name = header;
	*name_len = strnlen((const char *)header, NAME_BYTES);
	*at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	return true;
}

/* What extracts somewhere else, or reads differently elsewhere. */
static void hostile(struct job *job, uint64_t where, const char *text)
    __attribute__((noreturn));

static void
hostile(struct job *job, uint64_t where, const char *text)
{
	sink_note(job, NOTE_RECORD, VERDICT_DANGEROUS, where, text);
	die(job, FAULT_FORMAT, where, text);
}

/* ----------------------------------------------------------- PAX records -- */

static bool
key_is(const uint8_t *key, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(key, want, len) == 0;
}

/* "LENGTH KEY=VALUE\n": what changes neither name, size nor kind is passed
 * over. */
static void
judge_pax_key(struct job *job, uint64_t where, const uint8_t *key, size_t len)
{
	static const char *const harmless[] = { "mtime", "atime", "ctime",
		"uid", "gid", "uname", "gname", "comment" };

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (key_is(key, len, harmless[i]))
			return;
	if (key_is(key, len, "path") || key_is(key, len, "size") ||
	    key_is(key, len, "linkpath") || (len >= 4 &&
	    memcmp(key, "GNU.", 4) == 0))
		hostile(job, where,
		    "tar: a PAX record replaces what the header says");
	sink_note_about(job, NOTE_RECORD, VERDICT_UNUSUAL, where,
	    "a PAX record that torch does not write", key, len);
}

static void
read_pax(struct job *job, const struct tar_member *m)
{
	const uint8_t *at = job->map + m->data;
	const uint8_t *end = at + m->size;

	while (at < end) {
		const uint8_t *record = at;
		uint64_t where = (uint64_t)(at - job->map);
		const uint8_t *equals;
		uint64_t length = 0;

		for (; at < end && *at >= '0' && *at <= '9' && length <
		    BLOCK * BLOCK; at++)
			length = length * 10 + (uint64_t)(*at - '0');
		if (at == end || *at != ' ' || length >
		    (uint64_t)(end - record) || length <
		    (uint64_t)(at - record) + 3 || record[length - 1] != '\n')
			die(job, FAULT_FORMAT, where,
			    "tar: a malformed PAX record");
		at++;
		equals = memchr(at, '=', (size_t)(record + length - at));
		if (equals == NULL)
			die(job, FAULT_FORMAT, where,
			    "tar: a malformed PAX record");
		judge_pax_key(job, where, at, (size_t)(equals - at));
		at = record + length;
	}
}

/* --------------------------------------------------------------- members -- */

static void
judge_name(struct job *job, const struct tar_member *m)
{
	static const char up[] = "..";

	if (m->name_len == 0)
		die(job, FAULT_FORMAT, m->header, "tar: a member has no name");
	if (m->name[0] == '/')
		hostile(job, m->header, "tar: an absolute name");
	for (size_t i = 0; i < m->name_len; i++) {
		size_t n = 0;

		if (m->name[i] < ' ' || m->name[i] == 0x7f ||
		    m->name[i] == '\\')
			hostile(job, m->header,
			    "tar: a name with a control character or '\\'");
		if (i > 0 && m->name[i - 1] != '/')
			continue;
		while (i + n < m->name_len && m->name[i + n] != '/')
			n++;
		if (n == 2 && memcmp(m->name + i, up, 2) == 0)
			hostile(job, m->header, "tar: a name that climbs");
	}
}

static bool
same_name(const struct tar_member *m, const uint8_t *name, size_t len)
{
	return m->name_len == len && memcmp(m->name, name, len) == 0;
}

static void
add(struct job *job, struct tar *tar, const struct tar_member *m)
{
	judge_name(job, m);
	/* At most MEMBERS_MAX: half a million comparisons. */
	for (uint32_t i = 0; i < tar->count; i++)
		if (same_name(&tar->members[i], m->name, m->name_len))
			hostile(job, m->header,
			    "tar: a name twice: readers take either");
	tar->members = arena_grow(&job->arena, tar->members,
	    sizeof *tar->members, tar->count, tar->count + 1, &tar->capacity);
	tar->members[tar->count++] = *m;
}

static void
read_header(struct job *job, uint64_t at, struct tar_member *m)
{
	const uint8_t *header = job->map + at;

	if (!sum_is_right(header))
		die(job, FAULT_FORMAT, at, "tar: a header's checksum is wrong");
	m->header = at;
	m->data = at + BLOCK;
	m->name = header;
	m->name_len = strnlen((const char *)header, NAME_BYTES);
	if (!read_size(header + SIZE_AT, &m->size))
		die(job, FAULT_FORMAT, at + SIZE_AT,
		    "tar: a member's size is not a number");
	if (m->size > job->size - m->data)
		die(job, FAULT_FORMAT, at + SIZE_AT,
		    "tar: a member runs past the end of the file");
	/* The prefix is a part of the name for POSIX, not for older readers. */
	if (memcmp(header + 257, "ustar", 5) == 0 && header[PREFIX_AT] != 0)
		hostile(job, at + PREFIX_AT, "tar: a name in two parts");
}

static void
read_member(struct job *job, struct tar *tar, const struct tar_member *m)
{
	switch (job->map[m->header + KIND_AT]) {
	case '0':
	case '\0':
		add(job, tar, m);
		break;
	case 'x':
	case 'g':
		read_pax(job, m);
		break;
	case '1':
	case '2':
	case '3':
	case '4':
	case '6':
		hostile(job, m->header, "tar: a link or a device");
	default:
		hostile(job, m->header, "tar: a member that is no plain file");
	}
}

void
tar_open(struct job *job, struct tar *tar)
{
	struct tar_member m;
	uint64_t at = 0;
	uint32_t headers = 0;

	memset(tar, 0, sizeof *tar);
	for (;;) {
		if (at > job->size || job->size - at < BLOCK)
			die(job, FAULT_FORMAT, job->size,
			    "tar: the archive has no end");
		if (is_zero(job->map + at))
			break;
		if (++headers > MEMBERS_MAX)
			die(job, FAULT_LIMIT, at, "tar: too many members");
		read_header(job, at, &m);
		read_member(job, tar, &m);
		at = m.data + (m.size + BLOCK - 1) / BLOCK * BLOCK;
	}
	for (uint64_t i = at; i < job->size; i++)
		if (job->map[i] != 0) {
			sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL, i,
			    "tar: bytes after the end of the archive");
			break;
		}
}

const struct tar_member *
tar_find(const struct tar *tar, const char *name)
{
	for (uint32_t i = 0; i < tar->count; i++)
		if (same_name(&tar->members[i], (const uint8_t *)name,
		    strlen(name)))
			return &tar->members[i];
	return NULL;
}
