/* SPDX-License-Identifier: Apache-2.0
 *
 * test_torch_legacy.c - the legacy stream: what makes one, each prefix of one,
 * and where each lie is said to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

#define BYTES(text) text, sizeof(text) - 1
#define MAGIC "\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19."
#define VERSION "\x80\x02M\xe9\x03."
#define SYSTEM "\x80\x02}."
#define HEAD MAGIC VERSION SYSTEM
#define PERSID(class, count, view) "(X\7\0\0\0storagectorch\n" class "\n" \
	"X\1\0\0\0" "0X\3\0\0\0cpu" count view "tQ"
#define TENSOR(class, count, view, shape) "ctorch._utils\n_rebuild_tensor\n(" \
	PERSID(class, count, view) "K\0" shape "\x85K\1\x85tR"
#define OBJECT(tensor) "\x80\x02}X\1\0\0\0w" tensor "s."
#define GOOD OBJECT(TENSOR("ShortStorage", "K\3", "N", "K\3"))
#define KEYS "\x80\x02]X\1\0\0\0" "0a."
#define RECORD "\3\0\0\0\0\0\0\0" "aAbBcC"

static const char whole[] = HEAD GOOD KEYS RECORD;
/* Offsets of the object, of the keys and of the record. */
#define AT_OBJECT (sizeof(HEAD) - 1)
#define AT_KEYS (sizeof(HEAD GOOD) - 1)
#define AT_RECORD (sizeof(HEAD GOOD KEYS) - 1)

static void
test_whole(void **state)
{
	struct harness h;
	const uint8_t *bytes;
	size_t length;

	(void)state;
	for (uint32_t flags = 0; flags <= GO_DELIVER_STREAM;
	    flags += GO_DELIVER_STREAM) {
		assert_true(harness_run(BYTES(whole), flags, &h));
		assert_string_equal(h.format, "torch-legacy");
		assert_int_equal(h.verdict, VERDICT_CLEAN);
		assert_int_equal(h.tensor_count, 1);
		assert_string_equal(h.tensors[0].name, "w");
		assert_int_equal(h.tensors[0].dtype, DTYPE_I16);
		bytes = harness_bytes(&h, &h.tensors[0], &length);
		assert_int_equal(length, 6);
		assert_memory_equal(bytes, "aAbBcC", 6);
		if (flags == 0)
			assert_int_equal(h.storages[0].offset, AT_RECORD + 8);
		harness_free(&h);
	}
}

/* A legacy file from the 14th byte on; before, no file at all. */
static void
test_prefixes(void **state)
{
	struct harness h;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof whole; n++) {
		assert_false(harness_run(whole, n, 0, &h));
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		assert_int_equal(h.tensor_count, 0);
		if (n >= 14)
			assert_string_equal(h.format, "torch-legacy");
		harness_free(&h);
	}
}

static const struct lie {
	const char *bytes;
	size_t length;
	uint64_t where;
	const char *text;
} lies[] = {
	{ BYTES("L119547037146038801333356L\n." "N."), 28, "version" },
	{ BYTES(MAGIC "\x80\x02K\x01."), 15, "1001" },
	{ BYTES(MAGIC VERSION "\x80\x02]."), 21, "not a dict" },
	{ BYTES(HEAD GOOD "\x80\x02}."), AT_KEYS, "not a list of keys" },
	{ BYTES(HEAD GOOD "\x80\x02]."), AT_KEYS, "lacks a storage" },
	{ BYTES(HEAD GOOD "\x80\x02]X\1\0\0\0" "1a." RECORD), AT_RECORD,
	    "that no tensor has" },
	{ BYTES(HEAD GOOD "\x80\x02]K\0a." RECORD), AT_KEYS + 7, "not text" },
	{ BYTES(HEAD GOOD "\x80\x02](X\1\0\0\0" "0X\1\0\0\0" "0e." RECORD
	    RECORD), AT_KEYS + 18 + 14, "listed twice" },
	{ BYTES(HEAD GOOD KEYS "\4\0\0\0\0\0\0\0" "aAbBcCdD"), AT_RECORD,
	    "not the declared one" },
	{ BYTES(HEAD GOOD KEYS "\3\0\0\0\0\0\0\x80" "aAbBcC"), AT_RECORD,
	    "not the declared one" },
	{ BYTES(HEAD GOOD KEYS "\3\0\0\0\0\0\0\0" "aAbBc"), AT_RECORD,
	    "past the end" },
	{ BYTES(HEAD OBJECT(TENSOR("ShortStorage", "\x8a\x08\0\0\0\0\0\0\0\x40",
	    "N", "K\3")) KEYS "\0\0\0\0\0\0\0\x40"), AT_RECORD + 8,
	    "past the end" },
	{ BYTES(HEAD OBJECT(TENSOR("LongStorage", "\x8a\x08\0\0\0\0\0\0\0\x40",
	    "N", "K\3")) KEYS "\0\0\0\0\0\0\0\x40"), AT_RECORD + 7,
	    "overflows" },
};

static void
test_lies(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		assert_false(harness_run(lies[i].bytes, lies[i].length, 0,
		    &h));
		assert_int_equal(h.fault_code, FAULT_FORMAT);
		if (strstr(h.fault_text, lies[i].text) == NULL ||
		    h.fault_where != lies[i].where)
			fail_msg("%zu: at %llu: %s", i,
			    (unsigned long long)h.fault_where, h.fault_text);
		harness_free(&h);
	}
}

/* What ran before the lie is reported with it. */
static void
test_verdict_first(void **state)
{
	struct harness h;

	(void)state;
	assert_false(harness_run(BYTES(HEAD
	    "\x80\x02" "cos\nsystem\nX\4\0\0\0true\x85R." "\x80\x02}."), 0,
	    &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_non_null(harness_note(&h, NOTE_CALL, "os.system"));
	harness_free(&h);
}

static void
test_views(void **state)
{
	struct harness h;
	const uint8_t *bytes;
	size_t length;

	(void)state;
	assert_true(harness_run(BYTES(HEAD OBJECT(TENSOR("ShortStorage",
	    "K\3", "(X\1\0\0\0vK\1K\2t", "K\2")) KEYS RECORD), 0, &h));
	bytes = harness_bytes(&h, &h.tensors[0], &length);
	assert_int_equal(length, 4);
	assert_memory_equal(bytes, "bBcC", 4);
	harness_free(&h);
	/* One element more than the view has, though the storage has it. */
	assert_false(harness_run(BYTES(HEAD OBJECT(TENSOR("ShortStorage",
	    "K\3", "(X\1\0\0\0vK\0K\2t", "K\3")) KEYS RECORD), 0, &h));
	assert_non_null(strstr(h.fault_text, "outside its storage"));
	harness_free(&h);
}

/* Time grows with the file: 20,000 storages of one element. */
static void
test_many(void **state)
{
	static uint8_t file[4 << 20];
	static const char begin[] = HEAD "\x80\x02](";
	static const char pid[] = "(X\7\0\0\0storagectorch\nByteStorage\n"
	    "X\5\0\0\0";
	size_t n = sizeof begin - 1;
	struct harness h;

	(void)state;
	memcpy(file, begin, n);
	for (unsigned part = 0; part < 3; part++) {
		if (part == 1) {
			memcpy(file + n, "e.\x80\x02](", 6);
			n += 6;
		}
		if (part == 2) {
			memcpy(file + n, "e.", 2);
			n += 2;
		}
		for (unsigned i = 0; i < 20000; i++) {
			uint8_t key[5];

			for (unsigned k = 0, x = i; k < 5; k++, x /= 10)
				key[k] = (uint8_t)('0' + x % 10);
			if (part == 0) {
				memcpy(file + n, pid, sizeof pid - 1);
				n += sizeof pid - 1;
			} else if (part == 1) {
				memcpy(file + n, "X\5\0\0\0", 5);
				n += 5;
			} else {
				memcpy(file + n, "\1\0\0\0\0\0\0\0*", 9);
				n += 9;
				continue;
			}
			memcpy(file + n, key, 5);
			n += 5;
			if (part == 0) {
				memcpy(file + n, "X\3\0\0\0cpuK\1NtQ", 13);
				n += 13;
			}
		}
	}
	assert_true(n < sizeof file);
	assert_true(harness_run(file, n, 0, &h));
	assert_int_equal(h.tensor_count, 20000);
	assert_int_equal(h.storages[19999].offset, n - 1);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_verdict_first),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
