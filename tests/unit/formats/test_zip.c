/* SPDX-License-Identifier: Apache-2.0
 *
 * test_zip.c - one small archive (zip_base.h), and every way to make a field of
 * it lie: which code, at which offset.  Every prefix of it, and every change of
 * one of its bytes, must be refused or read to members that lie inside the
 * file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "inflate.h"
#include "zip.h"
#include "zip_base.h"

struct opened {
	bool ok;
	uint32_t code;
	uint64_t where;
	char text[FAULT_TEXT_MAX + 1];
	enum verdict verdict;
	uint32_t count;
	bool inside;
	bool notes;
};

/* Opens and reads every member. */
static struct opened
open_bytes(const uint8_t *bytes, size_t length, uint32_t flags)
{
	static struct harness h;
	static struct zip zip;
	struct job *job = harness_job(bytes, length, flags, &h);
	struct opened o = { .inside = true };
	const struct zip_member *m;

	memset(&zip, 0, sizeof zip);
	if (setjmp(job->stop) == 0) {
		zip_open(job, &zip);
		for (uint32_t i = 0; i < zip.count; i++) {
			m = &zip.members[i];
			o.inside = o.inside && m->data <= length &&
			    m->packed <= length - m->data &&
			    zip_find(job, &zip, m->name, m->name_len) == m;
			zip_bytes(job, m);
		}
		o.ok = true;
		o.count = zip.count;
	} else {
		o.code = job->fault.code;
		o.where = job->fault.where;
		memcpy(o.text, job->fault.text, sizeof o.text);
	}
	o.verdict = sink_verdict(job);
	harness_collect(&h);
	o.notes = h.note_count > 0;
	harness_free(&h);
	return o;
}

static void
test_good(void **state)
{
	struct harness h;
	struct zip zip;
	struct job *job = harness_job(base, sizeof base, GO_VERIFY, &h);
	const struct zip_member *m;

	(void)state;
	assert_int_equal(sizeof base, SIZE);
	assert_true(zip_is(job));
	if (setjmp(job->stop) != 0)
		fail_msg("%s", job->fault.text);
	zip_open(job, &zip);
	assert_int_equal(zip.count, 4);
	m = zip_find(job, &zip, "a/data/0", 8);
	assert_non_null(m);
	assert_int_equal(m->data, 192);
	assert_int_equal(m->packed, 16);
	assert_ptr_equal(zip_bytes(job, m), job->map + 192);
	m = zip_find(job, &zip, "a/x", 3);
	assert_non_null(m);
	assert_int_equal(m->method, ZIP_DEFLATED);
	assert_int_equal(m->size, 54);
	assert_memory_equal(zip_bytes(job, m), "deflated deflated ", 18);
	m = zip_find(job, &zip, "a/e", 3);
	assert_non_null(m);
	assert_int_equal(m->size, 0);
	assert_int_equal(m->data, C0);
	/* Folded for judging, exact for finding. */
	assert_null(zip_find(job, &zip, "A/e", 3));
	assert_null(zip_find(job, &zip, "a/", 2));
	assert_null(zip_find(job, &zip, "", 0));
	harness_collect(&h);
	assert_int_equal(h.note_count, 0);
	harness_free(&h);
}

#define F FAULT_FORMAT
#define U FAULT_UNSUPPORTED
#define MAX32 "\xff\xff\xff\xff"
/* a/data/0 made empty, so that its data and descriptor are 32 bytes more for
 * the extra fields of its local header; and zip64 ones of each length, with
 * what is left of the 44 bytes behind them. */
#define LOCAL64(sizes, extra)                                             \
	SET(C2 + 8, "\0\x08\0\0\0\0\0\0" N0 "\0\0\0"), SET(L2 + 6, "\0"), \
	SET(L2 + 18, sizes "\x08\0\x2c\0" "a/data/0" extra)
#define N0 "\0\0\0\0\0\0\0\0"
#define N1 "\1\0\0\0\0\0\0\0"
#define AT2 "\x8e\0\0\0\0\0\0\0"
#define AT3 "\x8f\0\0\0\0\0\0\0"
#define OF_8(offset) "\1\0\x08\0" offset "FB\x1c\0" N0 N0 N0 "\0\0\0"
#define OF_16(size, packed) \
	"\1\0\x10\0" size packed "FB\x14\0" N0 N0 "\0\0\0"
#define OF_24(size, packed, offset) \
	"\1\0\x18\0" size packed offset "FB\x0c\0" N0 "\0\0\0"
#define OF_17 "\1\0\x11\0" N0 N0 "\0" "FB\x13\0" N0 N0 "\0\0"
#define OF_0 "\1\0\0\0" "FB\x24\0" N0 N0 N0 N0 "\0\0\0"
/* twice: the verdict is dangerous, for two readers see two archives. */
static const struct lie {
	const char *name;
	uint32_t code;
	uint64_t where;
	const char *text;
	bool twice;
	struct splice changes[4];
} lies[] = {
	/* Z1: names. */
	{ "local name differs", F, L2, "local header has another name", true,
	    { SET(L2 + 30, "a/data/1") } },
	{ "local name is shorter", F, L2, "another name", true,
	    { SET(L2 + 26, "\7") } },
	{ "entry's name differs in case", F, L2, "another name", true,
	    { SET(C2 + 46, "A/data/0") } },
	/* Z2, Z8: flags. */
	{ "encrypted", U, C0, "is encrypted", false,
	    { SET(C0 + 8, "\x09"), SET(L0 + 6, "\x09") } },
	{ "strongly encrypted", U, C0, "strongly encrypted", false,
	    { SET(C0 + 8, "\x48") } },
	{ "patch", U, C0, "is a patch", false, { SET(C0 + 8, "\x28") } },
	{ "masked", U, C0, "is masked", false, { SET(C0 + 9, "\x28") } },
	{ "unknown flag", U, C0, "unknown flag", false,
	    { SET(C0 + 8, "\x18") } },
	{ "local flags differ", F, L0, "local flags", false,
	    { SET(L0 + 6, "\x09") } },
	{ "no descriptor bit, zero fields", F, L0, "local CRC-32", false,
	    { SET(C0 + 8, "\0"), SET(L0 + 6, "\0") } },
	/* Z9: methods. */
	{ "shrunk", U, C0, "(shrunk)", false, { SET(C0 + 10, "\1") } },
	{ "deflate64", U, C0, "(deflate64)", false, { SET(C0 + 10, "\x09") } },
	{ "zstd", U, C0, "(zstd)", false, { SET(C0 + 10, "\x5d") } },
	{ "AES", U, C0, "(AES", false, { SET(C0 + 10, "\x63") } },
	{ "unknown method", U, C0, "unknown compression", false,
	    { SET(C0 + 10, "\x37\x13") } },
	{ "local method differs", F, L0, "local method", false,
	    { SET(L0 + 8, "\x08") } },
	/* Z3, Z11: sums and sizes. */
	{ "stored with two sizes", F, C0, "two different sizes", false,
	    { SET(C0 + 20, "\5") } },
	{ "entry's CRC", F, D0, "descriptor differs", false,
	    { SET(C0 + 16, "\0") } },
	{ "both CRCs", F, C1, "CRC-32 is wrong", false,
	    { SET(C1 + 16, "\0"), SET(D1 + 4, "\0") } },
	{ "inflated longer", F, 112, "fewer bytes", false,
	    { SET(C1 + 24, "\x37"), SET(D1 + 12, "\x37") } },
	{ "inflated shorter", F, 112, "more bytes", false,
	    { SET(C1 + 24, "\x35"), SET(D1 + 12, "\x35") } },
	{ "inflated beyond deflate", F, 112, "beyond what deflate", false,
	    { SET(C1 + 24, "\0\0\1"), SET(D1 + 12, "\0\0\1") } },
	{ "bad deflate data", F, 112, "invalid deflate", false,
	    { SET(112, "\x07") } },
	{ "local packed size", F, L3, "local sizes differ", false,
	    { SET(L3 + 18, "\1") } },
	{ "local size", F, L3, "local sizes differ", false,
	    { SET(L3 + 22, "\1") } },
	{ "local size beside a descriptor", F, L2, "local sizes differ",
	    false, { SET(L2 + 18, "\x10\0\0\0\x11") } },
	{ "local packed size beside it", F, L2, "local sizes differ", false,
	    { SET(L2 + 18, "\x11\0\0\0\x10") } },
	/* Local zip64 extras. */
	{ "local zip64 of nothing", F, L2, "odd length", false,
	    { LOCAL64(N0, OF_0) } },
	{ "local zip64 of 17 bytes", F, L2, "odd length", false,
	    { LOCAL64(N0, OF_17) } },
	{ "local zip64 offset", F, L2, "zip64 offset differs", false,
	    { LOCAL64(N0, OF_8(AT3)) } },
	{ "local zip64 offset behind sizes", F, L2, "zip64 offset differs",
	    false, { LOCAL64(N0, OF_24(N0, N0, AT3)) } },
	{ "local zip64 size", F, L2, "zip64 sizes differ", false,
	    { LOCAL64(N0, OF_16(N1, N0)) } },
	{ "local zip64 packed size", F, L2, "zip64 sizes differ", false,
	    { LOCAL64(N0, OF_24(N0, N1, AT2)) } },
	{ "all ones, and no size in the zip64", F, L2, "local sizes differ",
	    false, { LOCAL64(MAX32 MAX32, OF_8(AT2)) } },
	/* Z4: two members of one name. */
	{ "one name, but for case", F, C3, "two members have one name", true,
	    { SET(C3 + 46, "a/X") } },
	{ "the same name twice", F, C3, "two members have one name", true,
	    { SET(C3 + 46, "a/x") } },
	/* Z5: end record. */
	{ "entries of more disks", U, END, "several disks", false,
	    { SET(END + 8, "\3") } },
	{ "another disk", U, END, "several disks", false,
	    { SET(END + 4, "\1") } },
	{ "directory on another disk", U, END, "several disks", false,
	    { SET(END + 6, "\1") } },
	{ "count differs from zip64's", F, END64, "does not agree", true,
	    { SET(END + 8, "\3\0\3") } },
	{ "offset differs from zip64's", F, END64, "does not agree", true,
	    { SET(END + 16, "\0") } },
	{ "count one less", F, C3, "goes on after", false,
	    { SET(END + 8, "\3\0\3"), SET(END64 + 24, "\3\0\0\0\0\0\0\0\3") } },
	{ "count one more", F, END64, "more entries than", false,
	    { SET(END + 8, "\5\0\5"), SET(END64 + 24, "\5\0\0\0\0\0\0\0\5") } },
	{ "count 2^63", F, END64, "more entries than", false,
	    { SET(END + 8, "\xff\xff\xff\xff"),
	    SET(END64 + 24, "\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\x80") } },
	{ "directory beyond the file", F, END64, "outside the file", false,
	    { SET(END + 12, MAX32 MAX32),
	    SET(END64 + 48, "\0\0\0\0\0\0\0\x80") } },
	{ "directory earlier", F, END64, "does not end where", true,
	    { SET(END + 16, MAX32), SET(END64 + 48, "\x0f") } },
	{ "bytes before it all", F, END + 3 - 20, "no zip64 end record", false,
	    { INSERT(0, "pre") } },
	{ "comment beyond the file", F, END, "longer than the file", false,
	    { SET(END + 20, "\1") } },
	{ "a second end record", F, SIZE, "second end record", true,
	    { INSERT(SIZE, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	    SET(END + 20, "\x16") } },
	/* Z6: zip64. */
	{ "locator points nowhere", F, LOCATOR, "no zip64 end record", false,
	    { SET(LOCATOR + 8, "\0\0\0\0\0\0\0\x80") } },
	{ "locator points past the file", F, LOCATOR, "no zip64 end record",
	    false, { SET(LOCATOR + 8, "\x42\2") } },
	{ "locator points at the end record", F, LOCATOR,
	    "no zip64 end record", false, { SET(LOCATOR + 8, "\x2c\2") } },
	{ "locator points elsewhere", F, LOCATOR, "no zip64 end record", false,
	    { SET(LOCATOR + 8, "\xdf") } },
	{ "locator on another disk", U, LOCATOR, "several disks", false,
	    { SET(LOCATOR + 4, "\1") } },
	{ "two disks", U, LOCATOR, "several disks", false,
	    { SET(LOCATOR + 16, "\2") } },
	{ "gap before the locator", F, END64, "before its locator", true,
	    { INSERT(LOCATOR, "gap") } },
	{ "gap after the locator", F, END + 3, "does not end where", true,
	    { INSERT(END, "gap") } },
	{ "no locator", F, END, "zip64 end record is missing", false,
	    { SET(END + 16, MAX32), SET(LOCATOR, "X") } },
	{ "no locator, a disk of all ones", F, END,
	    "zip64 end record is missing", false,
	    { SET(END + 4, "\xff\xff"), SET(LOCATOR, "X") } },
	{ "no locator, a directory's disk of all ones", F, END,
	    "zip64 end record is missing", false,
	    { SET(END + 6, "\xff\xff"), SET(LOCATOR, "X") } },
	{ "zip64 version 2", U, END64, "not of version 1", false,
	    { SET(END64 + 4, "\x48") } },
	{ "zip64 record too short", F, END64, "not of version 1", false,
	    { SET(END64 + 4, "\x2b") } },
	{ "zip64 disk", U, END64, "several disks", false,
	    { SET(END64 + 16, "\1") } },
	{ "size in an extra that is missing", F, C0, "missing or short",
	    false, { SET(C0 + 20, MAX32 MAX32) } },
	/* Z7: descriptors. */
	{ "descriptor without signature", F, D0, "descriptor is missing",
	    false, { SET(D0, "X") } },
	{ "descriptor's CRC", F, D0, "descriptor differs", false,
	    { SET(D0 + 4, "\0") } },
	{ "descriptor's packed size", F, D2, "descriptor differs", false,
	    { SET(D2 + 8, "\x11") } },
	{ "descriptor's size", F, D2, "descriptor differs", false,
	    { SET(D2 + 12, "\x11") } },
	{ "descriptor bit on an empty member", F, C0, "descriptor is missing",
	    false, { SET(C3 + 8, "\x08"), SET(L3 + 6, "\x08") } },
	/* Z10: names. */
	{ "absolute", F, C2, "absolute", false, { SET(C2 + 46, "/") } },
	{ "climbs", F, C3, "climbs", false, { SET(C3 + 46, "../") } },
	{ "drive", F, C2, "drive letter", false, { SET(C2 + 46, "c:") } },
	{ "backslash", F, C2, "backslash", false, { SET(C2 + 47, "\\") } },
	{ "NUL", F, C2, "control", false, { SET(C2 + 50, "\0") } },
	{ "escape", F, C2, "control", false, { SET(C2 + 50, "\x1b") } },
	{ "DEL", F, C2, "control", false, { SET(C2 + 50, "\x7f") } },
	{ "C1 control", F, C2, "control", false, { SET(C2 + 50, "\xc2\x9b") } },
	{ "not UTF-8", F, C2, "not UTF-8", false, { SET(C2 + 50, "\xff") } },
	{ "overlong", F, C2, "not UTF-8", false,
	    { SET(C2 + 50, "\xc0\xaf") } },
	{ "surrogate", F, C2, "not UTF-8", false,
	    { SET(C2 + 48, "\xed\xa0\x80") } },
	{ "UTF-8 cut at the end", F, C2, "not UTF-8", false,
	    { SET(C2 + 53, "\xe2") } },
	{ "empty component", F, C2, "empty component", false,
	    { SET(C2 + 48, "/") } },
	{ "dot component", F, C2, "'.' component", false,
	    { SET(C2 + 46, "./") } },
	{ "dot component at the end", F, C2, "'.' component", false,
	    { SET(C2 + 52, "/.") } },
	{ "directory with data", F, C2, "directory entry has data", false,
	    { SET(C2 + 52, "x/") } },
	{ "symbolic link", U, C2, "symbolic link", false,
	    { SET(C2 + 41, "\xa1"), SET(C2 + 5, "\3") } },
	/* Z12: overlaps. */
	{ "one header for two", F, C3, "overlaps another", false,
	    { SET(C3 + 42, "\x8e\0") } },
	{ "header inside data", F, C2, "overlaps another", false,
	    { SET(C2 + 42, "\x72") } },
	{ "header in the directory", F, C2, "outside the members", true,
	    { SET(C2 + 42, "\x10\1") } },
	{ "header beyond the file", F, C2, "outside the members", true,
	    { SET(C2 + 42, "\0\0\0\x7f") } },
	{ "data in the directory", F, L2, "runs into the directory", false,
	    { SET(C2 + 20, "\x51\0\0\0\x51") } },
	/* Z13. */
	{ "member on another disk", U, C2, "another disk", false,
	    { SET(C2 + 34, "\1") } },
	/* Z14: extras. */
	{ "local extra past the header", F, L2, "runs into the directory",
	    false, { SET(L2 + 28, "\xff\xff") } },
	{ "local extra cut short", F, L2, "extra field is cut", false,
	    { SET(L2 + 40, "\x0f") } },
	{ "local extra of three bytes", F, L0, "extra field is cut", false,
	    { SET(L0 + 28, "\3") } },
	/* Signatures. */
	{ "no local header", F, L2, "no local header", false,
	    { SET(L2, "X") } },
	{ "no entry", F, C1, "no directory entry", false, { SET(C1, "X") } },
	{ "entry past the directory", F, C3, "cut short", false,
	    { SET(C3 + 28, "\4") } },
	{ "entry's comment past it", F, C3, "cut short", false,
	    { SET(C3 + 32, "\1") } },
};

static void
test_lies(void **state)
{
	static uint8_t bytes[sizeof base + 1024];
	struct opened o;
	size_t size;
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const struct lie *l = &lies[i];

		size = splice(bytes, l->changes, 4);
		o = open_bytes(bytes, size, 0);
		if (!o.ok && o.code == l->code && o.where == l->where &&
		    strstr(o.text, l->text) != NULL &&
		    (o.verdict == VERDICT_DANGEROUS) == l->twice)
			continue;
		wrong++;
		print_error("%s: %s, code %u at %llu, verdict %u: %s\n",
		    l->name, o.ok ? "opened" : "refused", o.code,
		    (unsigned long long)o.where, o.verdict, o.text);
	}
	assert_int_equal(wrong, 0);
}

/* What is odd, but one archive to every reader. */
static const struct odd {
	const char *name;
	enum verdict verdict;
	struct splice changes[4];
} odds[] = {
	{ "bytes after the end", VERDICT_UNUSUAL, { INSERT(SIZE, "junk") } },
	{ "comment", VERDICT_UNUSUAL,
	    { INSERT(SIZE, "hello"), SET(END + 20, "\5") } },
	{ "time and date, versions", VERDICT_CLEAN,
	    { SET(C0 + 4, "\x14\3\x14\0"), SET(L0 + 10, "\1\2\3\4"),
	    SET(L0 + 4, "\x14") } },
	{ "deflate's option bits", VERDICT_CLEAN,
	    { SET(C1 + 8, "\x0e"), SET(L1 + 6, "\x0e") } },
	{ "end record of all ones", VERDICT_CLEAN,
	    { SET(END + 4, "\xff\xff\xff\xff\xff\xff\xff\xff" MAX32 MAX32) } },
	{ "local truth beside a descriptor", VERDICT_CLEAN,
	    { SET(L2 + 18, "\x10\0\0\0\x10") } },
	{ "UTF-8 names", VERDICT_CLEAN, { SET(C2 + 50, "\xc3\xa9"),
	    SET(L2 + 34, "\xc3\xa9") } },
	{ "local zip64 offset", VERDICT_CLEAN, { LOCAL64(N0, OF_8(AT2)) } },
	{ "local zip64 sizes", VERDICT_CLEAN, { LOCAL64(N0, OF_16(N0, N0)) } },
	{ "local zip64 of all", VERDICT_CLEAN,
	    { LOCAL64(MAX32 MAX32, OF_24(N0, N0, AT2)) } },
	{ "no UTF-8 flag", VERDICT_CLEAN,
	    { SET(C0 + 9, "\0"), SET(L0 + 7, "\0") } },
};

static void
test_odd(void **state)
{
	static uint8_t bytes[sizeof base + 1024];
	struct opened o;
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
		size = splice(bytes, odds[i].changes, 4);
		o = open_bytes(bytes, size, GO_VERIFY);
		if (!o.ok || o.count != 4 || !o.inside ||
		    o.verdict != odds[i].verdict)
			fail_msg("%s: %s, verdict %u: %s", odds[i].name,
			    o.ok ? "opened" : "refused", o.verdict, o.text);
	}
}

/* The directory in any order: what overlaps is told by that of the file. */
static void
test_orders(void **state)
{
	static const size_t at[] = { C0, C1, C2, C3, END64 };
	static uint8_t bytes[sizeof base];
	struct opened o;

	(void)state;
	for (unsigned k = 0; k < 24; k++) {
		unsigned left[] = { 0, 1, 2, 3 };
		unsigned rest = k;
		size_t to = C0;

		memcpy(bytes, base, sizeof base);
		for (unsigned i = 4; i > 0; rest /= i--) {
			unsigned which = left[rest % i];

			memcpy(bytes + to, base + at[which],
			    at[which + 1] - at[which]);
			to += at[which + 1] - at[which];
			left[rest % i] = left[i - 1];
		}
		o = open_bytes(bytes, sizeof bytes, GO_VERIFY);
		if (!o.ok || o.count != 4 || o.verdict != VERDICT_CLEAN)
			fail_msg("order %u: %s", k, o.text);
	}
}

/* Says of `bytes` what the end records do: so many entries from here on. */
static void
put_directory(uint8_t *bytes, uint8_t count, size_t from)
{
	const size_t size = END64 - from;

	bytes[END + 8] = bytes[END + 10] = count;
	bytes[END64 + 24] = bytes[END64 + 32] = count;
	bytes[END + 12] = bytes[END64 + 40] = (uint8_t)size;
	bytes[END + 16] = bytes[END64 + 48] = (uint8_t)from;
	bytes[END + 17] = bytes[END64 + 49] = (uint8_t)(from >> 8);
}

static void
expect_gap(const uint8_t *bytes, enum note_kind kind, enum verdict level,
    uint64_t where, const char *text, size_t notes)
{
	static struct harness h;
	struct zip zip;
	struct job *job = harness_job(bytes, sizeof base, 0, &h);

	if (setjmp(job->stop) != 0)
		fail_msg("%s: %s", text, job->fault.text);
	zip_open(job, &zip);
	harness_collect(&h);
	assert_int_equal(h.note_count, notes);
	assert_int_equal(h.notes[0].kind, kind);
	assert_int_equal(h.notes[0].level, level);
	assert_int_equal(h.notes[0].where, where);
	assert_non_null(strstr(h.notes[0].text, text));
	harness_free(&h);
}

/* Bytes that are no member's: at the beginning, between two, at the end; and
 * those that a reader who streams would take for one. */
static void
test_gaps(void **state)
{
	static uint8_t bytes[sizeof base];
	const size_t three = END64 - (C2 - C0) - (END64 - C3);

	(void)state;
	/* Without the first entry, whose bytes are a gap themselves. */
	memcpy(bytes, base, sizeof base);
	put_directory(bytes, 3, C1);
	expect_gap(bytes, NOTE_POLYGLOT, VERDICT_DANGEROUS, 0,
	    "a member that is not in the directory", 2);
	bytes[L0] = 'X';
	expect_gap(bytes, NOTE_POLYGLOT, VERDICT_DANGEROUS, 0,
	    "bytes before the first member", 2);
	/* Without the third: one note for both gaps, or one that is worse. */
	memcpy(bytes, base, sizeof base);
	memmove(bytes + three, base + C0, C2 - C0);
	put_directory(bytes, 3, three);
	expect_gap(bytes, NOTE_POLYGLOT, VERDICT_DANGEROUS, L2,
	    "a member that is not in the directory", 2);
	bytes[L2] = 'X';
	expect_gap(bytes, NOTE_RECORD, VERDICT_UNUSUAL, L2,
	    "bytes that belong to no member", 1);
	/* Four bytes, and three, at the end of the last one's extra fields. */
	memcpy(bytes, base, sizeof base);
	bytes[L3 + 28] = 11;
	bytes[L3 + 35] = 7;
	memcpy(bytes + C0 - 4, "PK\3\4", 4);
	expect_gap(bytes, NOTE_POLYGLOT, VERDICT_DANGEROUS, C0 - 4,
	    "a member that is not in the directory", 1);
	bytes[L3 + 28] = 12;
	bytes[L3 + 35] = 8;
	expect_gap(bytes, NOTE_RECORD, VERDICT_UNUSUAL, C0 - 3,
	    "bytes that belong to no member", 1);
}

/* A stored member's CRC is looked at under GO_VERIFY alone. */
static void
test_verify(void **state)
{
	static uint8_t bytes[sizeof base];
	struct opened o;

	(void)state;
	memcpy(bytes, base, sizeof base);
	bytes[192] ^= 1;
	o = open_bytes(bytes, sizeof base, 0);
	assert_true(o.ok);
	o = open_bytes(bytes, sizeof base, GO_VERIFY);
	assert_false(o.ok);
	assert_int_equal(o.code, FAULT_FORMAT);
	assert_int_equal(o.where, C2);
}

static void
test_prefixes(void **state)
{
	(void)state;
	for (size_t n = 0; n < sizeof base; n++) {
		struct opened o = open_bytes(base, n, 0);

		if (o.ok || o.code != FAULT_FORMAT)
			fail_msg("%zu bytes were taken", n);
	}
}

static void
test_every_byte(void **state)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	static uint8_t bytes[sizeof base];

	(void)state;
	for (size_t n = 0; n < sizeof base; n++)
		for (size_t k = 0; k < sizeof flips; k++) {
			struct opened o;

			memcpy(bytes, base, sizeof base);
			bytes[n] ^= flips[k];
			o = open_bytes(bytes, sizeof base, 0);
			if (o.ok && (!o.inside || o.count != 4))
				fail_msg("byte %zu ^ %x", n, flips[k]);
		}
}

/* The end record is looked for as far from the end as the longest comment. */
static void
test_far_end(void **state)
{
	static uint8_t bytes[sizeof base + 65536];
	struct opened o;

	(void)state;
	memcpy(bytes, base, sizeof base);
	o = open_bytes(bytes, sizeof base + 65535, 0);
	assert_true(o.ok);
	assert_int_equal(o.verdict, VERDICT_UNUSUAL);
	o = open_bytes(bytes, sizeof base + 65536, 0);
	assert_false(o.ok);
	assert_non_null(strstr(o.text, "no end record"));
}

/* An archive of nothing: its zip64 end record is all before the locator.  And a
 * locator that is the first thing in the file can point at none. */
static void
test_smallest(void **state)
{
	static uint8_t bytes[SIZE - END64];
	struct opened o;

	(void)state;
	memcpy(bytes, base + END64, sizeof bytes);
	memset(bytes + 24, 0, 32);
	memset(bytes + LOCATOR - END64 + 8, 0, 8);
	memset(bytes + END - END64 + 8, 0, 12);
	o = open_bytes(bytes, sizeof bytes, 0);
	if (!o.ok || o.count != 0)
		fail_msg("%s", o.text);
	/* The directory, of nothing, would end where the end record begins. */
	bytes[END - END64 + 16] = END - LOCATOR;
	o = open_bytes(bytes + LOCATOR - END64, SIZE - LOCATOR, 0);
	assert_false(o.ok);
	assert_non_null(strstr(o.text, "no zip64 end record"));
}

/* No end record at all, and too few bytes for one. */
static void
test_is(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool is;
	} cases[] = {
		{ "", 0, false },
		{ "PK\3\4", 4, false },
		{ "PK\3\4" "0123456789012345678901", 26, true },
		{ "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22, true },
		{ "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 23, false },
		{ "xPK\3\4" "0123456789012345678901", 27, false },
	};
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct job *job = harness_job(cases[i].bytes, cases[i].length,
		    0, &h);

		assert_int_equal(zip_is(job), cases[i].is);
		harness_free(&h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_far_end),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
