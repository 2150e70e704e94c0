/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_zip.c - torch's records: which must be there, what they may hold,
 * and that a storage gives the same bytes in whatever way it is stored.  The
 * archives are put together here, so that a record is a line of a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "harness.h"
#include "inflate.h"

#define BYTES(text) text, sizeof(text) - 1

struct record {
	const char *name;
	const char *bytes;
	size_t length;
};

/* A zip as Python's zipfile writes it. */
struct made {
	uint8_t bytes[256 * 1024];
	size_t length;
	uint8_t directory[4096];
	size_t directory_len;
	size_t data[32];
	unsigned count;
};

static void
put(uint8_t *out, size_t *at, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		out[(*at)++] = (uint8_t)(value >> 8 * i);
}

static void
put_bytes(uint8_t *out, size_t *at, const void *bytes, size_t length)
{
	if (length > 0)
		memcpy(out + *at, bytes, length);
	*at += length;
}

static void
add(struct made *z, const struct record *r, bool deflated)
{
	uint8_t packed[16 * 1024];
	const void *data = r->bytes;
	size_t length = r->length, header = z->length;
	uint32_t crc = inflate_crc32((const uint8_t *)r->bytes, r->length);

	if (deflated) {
		struct libdeflate_compressor *c;

		libdeflate_set_memory_allocator(malloc, free);
		c = libdeflate_alloc_compressor(9);
		length = libdeflate_deflate_compress(c, r->bytes, r->length,
		    packed, sizeof packed);
		assert_int_not_equal(length, 0);
		libdeflate_free_compressor(c);
		data = packed;
	}
	for (int central = 0; central < 2; central++) {
		uint8_t *out = central ? z->directory : z->bytes;
		size_t *at = central ? &z->directory_len : &z->length;

		put(out, at, central ? 0x02014b50 : 0x04034b50, 4);
		if (central)
			put(out, at, 20, 2);
		put(out, at, 20, 2);
		put(out, at, 0x0800, 2);
		put(out, at, deflated ? 8 : 0, 2);
		put(out, at, 0, 4);
		put(out, at, crc, 4);
		put(out, at, length, 4);
		put(out, at, r->length, 4);
		put(out, at, strlen(r->name), 2);
		put(out, at, 0, 2);
		if (central) {
			put(out, at, 0, 6);
			put(out, at, 0, 4);
			put(out, at, header, 4);
		}
		put_bytes(out, at, r->name, strlen(r->name));
	}
	z->data[z->count++] = z->length;
	put_bytes(z->bytes, &z->length, data, length);
}

static void
finish(struct made *z)
{
	size_t directory = z->length;

	put_bytes(z->bytes, &z->length, z->directory, z->directory_len);
	put(z->bytes, &z->length, 0x06054b50, 4);
	put(z->bytes, &z->length, 0, 4);
	put(z->bytes, &z->length, z->count, 2);
	put(z->bytes, &z->length, z->count, 2);
	put(z->bytes, &z->length, z->directory_len, 4);
	put(z->bytes, &z->length, directory, 4);
	put(z->bytes, &z->length, 0, 2);
}

/* {"w": a float32 tensor of shape (2, 3) over storage "0"}. */
#define PICKLE "\x80\x02}X\1\0\0\0wctorch._utils\n_rebuild_tensor_v2\n" \
	"((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0X\3\0\0\0cpu" \
	"K\6tQK\0K\2K\3\x86K\3K\1\x86\x89" "ccollections\nOrderedDict\n)RtRs."
#define EVIL "cos\nsystem\n(S'true'\ntR."

static const uint8_t little[24] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
	13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 };
static const uint8_t big[24] = { 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14,
	13, 12, 19, 18, 17, 16, 23, 22, 21, 20 };

#define LITTLE (const char *)little, sizeof little
#define BIG (const char *)big, sizeof big
#define RECORDS 8
static const struct record good[RECORDS] = {
	{ "a/data.pkl", BYTES(PICKLE) },
	{ "a/byteorder", BYTES("little") },
	{ "a/data/0", LITTLE },
	{ "a/version", BYTES("3\n") },
};
static const struct record turned[RECORDS] = {
	{ "a/data.pkl", BYTES(PICKLE) },
	{ "a/byteorder", BYTES("big") },
	{ "a/data/0", BIG },
	{ "a/version", BYTES("3\n") },
};

/* deflated: a bit for each record. */
static struct made *
make(const struct record *records, unsigned deflated)
{
	static struct made z;

	memset(&z, 0, sizeof z);
	for (unsigned i = 0; i < RECORDS && records[i].name != NULL; i++)
		add(&z, &records[i], (deflated >> i & 1) != 0);
	finish(&z);
	return &z;
}

static void
expect_w(struct harness *h)
{
	size_t length;
	const uint8_t *bytes;

	assert_true(h->done);
	assert_string_equal(h->format, "torch-zip");
	assert_int_equal(h->tensor_count, 1);
	assert_string_equal(h->tensors[0].name, "w");
	assert_int_equal(h->tensors[0].rank, 2);
	bytes = harness_bytes(h, &h->tensors[0], &length);
	assert_int_equal(length, sizeof little);
	assert_memory_equal(bytes, little, sizeof little);
}

/* Every way to store it, every way to ask for it. */
static void
test_storages(void **state)
{
	static const uint32_t flags[] = { 0, GO_DELIVER_STREAM, GO_VERIFY };
	struct harness h;

	(void)state;
	for (unsigned k = 0; k < 3; k++)
		for (unsigned deflated = 0; deflated < 16; deflated++)
			for (int swap = 0; swap < 2; swap++) {
				struct made *z = make(swap ? turned : good,
				    deflated);

				harness_run(z->bytes, z->length, flags[k], &h);
				expect_w(&h);
				assert_int_equal(h.verdict, VERDICT_CLEAN);
				assert_int_equal(h.storages[0].kind,
				    swap || (deflated & 4) != 0 || k == 1 ?
				    STORAGE_STREAM : STORAGE_EXTENT);
				if (h.storages[0].kind == STORAGE_EXTENT)
					assert_int_equal(h.storages[0].offset,
					    z->data[2]);
				harness_free(&h);
			}
}

/* Changes of single records: number, or RECORDS - 1 for one more. */
static const struct change {
	const char *name;
	unsigned at;
	struct record record;
	uint32_t code;		/* 0: loads */
	enum verdict verdict;
	const char *text;	/* in the fault, or in a note */
} changes[] = {
	{ "no storage", 2, { "a/data/1", LITTLE }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "" },
	{ "storage a byte short", 2, { "a/data/0", (const char *)little, 23 },
	    FAULT_FORMAT, VERDICT_UNDECIDED, "" },
	{ "empty storage", 2, { "a/data/0", BYTES("") }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "" },
	{ "byteorder junk", 1, { "a/byteorder", BYTES("medium") },
	    FAULT_FORMAT, VERDICT_UNDECIDED, "byteorder" },
	{ "byteorder empty", 1, { "a/byteorder", BYTES("") }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "byteorder" },
	{ "byteorder longer", 1, { "a/byteorder", BYTES("little\n") },
	    FAULT_FORMAT, VERDICT_UNDECIDED, "byteorder" },
	{ "no byteorder", 1, { "a/.format_version", BYTES("1") }, 0,
	    VERDICT_CLEAN, "" },
	{ "version of text", 3, { "a/version", BYTES("three") }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "version" },
	{ "version empty", 3, { "a/version", BYTES("") }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "version" },
	{ "version of 21 digits", 3,
	    { "a/version", BYTES("111111111111111111111") }, FAULT_FORMAT,
	    VERDICT_UNDECIDED, "version" },
	{ "version of 20 digits", 3,
	    { "a/version", BYTES("99999999999999999999") }, 0,
	    VERDICT_UNUSUAL, "never written" },
	{ "version 10", 3, { "a/version", BYTES("10") }, 0, VERDICT_CLEAN, "" },
	{ "version 11", 3, { "a/version", BYTES("11") }, 0, VERDICT_UNUSUAL,
	    "never written: 11" },
	{ "no version", 3, { "a/.storage_alignment", BYTES("64") }, 0,
	    VERDICT_UNUSUAL, "no version" },
	{ "version in .data", 3, { "a/.data/version", BYTES("3") }, 0,
	    VERDICT_CLEAN, "" },
	{ "strange record", 7, { "a/readme", BYTES("hello") }, 0,
	    VERDICT_UNUSUAL, "does not write: a/readme" },
	{ "record outside", 7, { "readme", BYTES("hello") }, 0,
	    VERDICT_UNUSUAL, "does not write: readme" },
	{ "second checkpoint", 7, { "b/data.pkl", BYTES(PICKLE) }, 0,
	    VERDICT_DANGEROUS, "second checkpoint in the archive: b/data.pkl" },
	{ "evil pickle beside", 7, { "a/x.pkl", BYTES(EVIL) }, 0,
	    VERDICT_DANGEROUS, "os.system" },
	{ "evil pickle, unnamed", 7, { "a/x", BYTES("\x80\x02" EVIL) }, 0,
	    VERDICT_DANGEROUS, "os.system" },
	{ "evil constants", 7, { "a/constants.pkl", BYTES(EVIL) }, 0,
	    VERDICT_DANGEROUS, "os.system" },
	{ "a record that is no pickle", 7, { "a/x.pkl", BYTES("\x80\x02") }, 0,
	    VERDICT_UNUSUAL, "no whole pickle" },
	{ "TorchScript", 7, { "a/code/m.py", BYTES("pass") }, 0,
	    VERDICT_CLEAN, "TorchScript" },
	{ "a directory", 7, { "a/data/", BYTES("") }, 0, VERDICT_CLEAN, "" },
	{ "no root", 0, { "data.pkl", BYTES(PICKLE) }, FAULT_UNSUPPORTED,
	    VERDICT_UNDECIDED, "not in a directory" },
	{ "no pickle", 0, { "a/model.pkl", BYTES(PICKLE) }, FAULT_UNSUPPORTED,
	    VERDICT_UNDECIDED, "without a data.pkl" },
	{ "evil itself", 0, { "a/data.pkl", BYTES(EVIL) }, 0,
	    VERDICT_DANGEROUS, "os.system" },
	{ "malformed pickle", 0, { "a/data.pkl", BYTES("\x80\x02}") },
	    FAULT_FORMAT, VERDICT_UNDECIDED, "" },
	{ "evil, then malformed", 0,
	    { "a/data.pkl", BYTES("cos\nsystem\n(S'true'\ntR}s") },
	    FAULT_FORMAT, VERDICT_DANGEROUS, "" },
};

static void
test_changes(void **state)
{
	struct record records[RECORDS];
	struct harness h;
	struct made *z;

	(void)state;
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		const struct change *c = &changes[i];

		memcpy(records, good, sizeof records);
		records[c->at < 4 ? c->at : 4] = c->record;
		z = make(records, 0);
		harness_run(z->bytes, z->length, 0, &h);
		if ((c->code == 0) != h.done || h.verdict != c->verdict ||
		    (h.faulted && (h.fault_code != c->code ||
		    strstr(h.fault_text, c->text) == NULL)) ||
		    (h.done && *c->text != '\0' &&
		    harness_note(&h, 0, c->text) == NULL))
			fail_msg("%s: code %u, verdict %u, %s", c->name,
			    h.fault_code, h.verdict, h.fault_text);
		if (h.done && c->at != 0)
			expect_w(&h);
		harness_free(&h);
	}
}

static void
test_prefixes(void **state)
{
	struct made *z = make(good, 0);
	struct harness h;

	(void)state;
	for (size_t n = 0; n < z->length; n++) {
		assert_false(harness_run(z->bytes, n, 0, &h));
		if (h.tensor_count != 0 || (h.fault_code != FAULT_FORMAT &&
		    h.fault_code != FAULT_UNSUPPORTED))
			fail_msg("%zu bytes: code %u: %s", n, h.fault_code,
			    h.fault_text);
		harness_free(&h);
	}
}

static void
test_verify(void **state)
{
	struct made *z = make(good, 0);
	struct harness h;

	(void)state;
	z->bytes[z->data[2]] ^= 1;
	assert_true(harness_run(z->bytes, z->length, 0, &h));
	harness_free(&h);
	assert_false(harness_run(z->bytes, z->length, GO_VERIFY, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	assert_non_null(strstr(h.fault_text, "CRC-32 is wrong: 'a/data/0'"));
	harness_free(&h);
	/* Inflated bytes are always looked at. */
	z = make(good, 4);
	z->bytes[z->data[2]] ^= 0x10;
	assert_false(harness_run(z->bytes, z->length, 0, &h));
	assert_int_equal(h.fault_code, FAULT_FORMAT);
	harness_free(&h);
}

#define LARGE (4 << 20)
#define LARGE_COUNT 20

/* What is inflated for a while is given back: 20 storages of 4 MiB would not
 * fit into the harness's 64 MiB otherwise. */
static void
test_rewind(void **state)
{
	static const char head[] = "ctorch._utils\n_rebuild_tensor_v2\n"
	    "((X\7\0\0\0storagectorch\nByteStorage\nX\1\0\0\0";
	static const char tail[] = "X\3\0\0\0cpuJ\0\0\x40\0tQK\0J\0\0\x40\0"
	    "\x85K\1\x85\x89" "ccollections\nOrderedDict\n)RtRs";
	static uint8_t pickle[LARGE_COUNT * 256];
	static struct made z;
	char *zeroes = calloc(1, LARGE);
	char name[] = "a/data/A";
	size_t length = 0;
	struct harness h;

	(void)state;
	put_bytes(pickle, &length, "\x80\x02}", 3);
	for (unsigned k = 0; k < LARGE_COUNT; k++) {
		put_bytes(pickle, &length, "X\1\0\0\0", 5);
		put(pickle, &length, 'A' + k, 1);
		put_bytes(pickle, &length, head, sizeof head - 1);
		put(pickle, &length, 'A' + k, 1);
		put_bytes(pickle, &length, tail, sizeof tail - 1);
	}
	put(pickle, &length, '.', 1);
	add(&z, &(struct record){ "a/data.pkl", (char *)pickle, length },
	    false);
	add(&z, &(struct record){ "a/version", "3", 1 }, false);
	for (unsigned k = 0; k < LARGE_COUNT; k++) {
		name[7] = (char)('A' + k);
		add(&z, &(struct record){ name, zeroes, LARGE }, true);
	}
	free(zeroes);
	finish(&z);
	harness_run(z.bytes, z.length, 0, &h);
	assert_string_equal(h.fault_text, "");
	assert_int_equal(h.tensor_count, LARGE_COUNT);
	assert_int_equal(h.storage_count, LARGE_COUNT);
	assert_int_equal(h.storages[LARGE_COUNT - 1].received, LARGE);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storages),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_rewind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
