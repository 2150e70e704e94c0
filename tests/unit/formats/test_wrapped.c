/* SPDX-License-Identifier: Apache-2.0
 *
 * test_wrapped.c - a torch file in the bytes of a pickle: where its storage and
 * its faults are said to be, in the file and out of it, at every prefix.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"

#define HEAD "\x80\x02\x8a\x0al\xfc\x9c" "F\xf9 j\xa8P\x19." \
	"\x80\x02M\xe9\x03." "\x80\x02}."
#define ROOT "\x80\x02(X\7\0\0\0storagectorch\nShortStorage\n" \
	"X\1\0\0\0" "0X\3\0\0\0cpuK\3NtQ."
#define KEYS "\x80\x02]X\1\0\0\0" "0a."
#define RECORD "\3\0\0\0\0\0\0\0" "aAbBcC"
#define INNER HEAD ROOT KEYS RECORD
#define BEFORE "\x80\x04}X\1\0\0\0wctorch._utils\n_rebuild_tensor\n(" \
	"ctorch.storage\n_load_from_bytes\n"
#define AFTER "\x85RK\0K\3\x85K\1\x85tRs."

struct made {
	uint8_t bytes[1024];
	size_t length;
	size_t inner;		/* offset of the bytes */
};

static void
put(struct made *m, const void *bytes, size_t length)
{
	memcpy(m->bytes + m->length, bytes, length);
	m->length += length;
}

static void
make(struct made *m, const char *inner, size_t length)
{
	uint8_t head[2] = { 'C', (uint8_t)length };

	m->length = 0;
	put(m, BEFORE, sizeof(BEFORE) - 1);
	put(m, head, 2);
	m->inner = m->length;
	put(m, inner, length);
	put(m, AFTER, sizeof(AFTER) - 1);
}

static void
test_extent(void **state)
{
	struct made m;
	struct harness h;
	const uint8_t *bytes;
	size_t length;

	(void)state;
	make(&m, INNER, sizeof(INNER) - 1);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 1);
	assert_string_equal(h.tensors[0].name, "w");
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[0].offset,
	    m.inner + sizeof(HEAD ROOT KEYS) - 1 + 8);
	bytes = harness_bytes(&h, &h.tensors[0], &length);
	assert_int_equal(length, 6);
	assert_memory_equal(bytes, "aAbBcC", 6);
	harness_free(&h);
	assert_true(harness_run(m.bytes, m.length, GO_DELIVER_STREAM, &h));
	bytes = harness_bytes(&h, &h.tensors[0], &length);
	assert_memory_equal(bytes, "aAbBcC", 6);
	harness_free(&h);
}

/* As protocol 2 has bytes: text of one character a byte, made a stream. */
static void
test_decoded(void **state)
{
	static const char inner[] = INNER;
	struct made m = { .length = 0 };
	uint8_t text[1024];
	uint8_t head[5] = { 'X' };
	struct harness h;
	const uint8_t *bytes;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof inner; i++) {
		uint8_t b = (uint8_t)inner[i];

		if (b >= 0x80)
			text[n++] = b < 0xc0 ? 0xc2 : 0xc3;
		text[n++] = b >= 0xc0 ? (uint8_t)(b - 0x40) : b;
	}
	head[1] = (uint8_t)n;
	head[2] = (uint8_t)(n >> 8);
	put(&m, BEFORE "c_codecs\nencode\n", sizeof(BEFORE) + 15);
	put(&m, head, 5);
	put(&m, text, n);
	put(&m, "X\6\0\0\0latin1\x86R", 13);
	put(&m, AFTER, sizeof(AFTER) - 1);
	assert_true(harness_run(m.bytes, m.length, 0, &h));
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 1);
	assert_int_equal(h.storages[0].kind, STORAGE_STREAM);
	bytes = harness_bytes(&h, &h.tensors[0], &n);
	assert_int_equal(n, 6);
	assert_memory_equal(bytes, "aAbBcC", 6);
	harness_free(&h);
}

/* Under 14 bytes it is no file, and left out; then each prefix is a fault that
 * stands inside of the bytes. */
static void
test_prefixes(void **state)
{
	struct made m;
	struct harness h;
	bool done;

	(void)state;
	for (size_t n = 0; n + 1 < sizeof(INNER); n++) {
		make(&m, INNER, n);
		done = harness_run(m.bytes, m.length, 0, &h);
		assert_int_equal(h.tensor_count, 0);
		assert_int_equal(done, n < 14);
		if (done)
			assert_non_null(harness_note(&h, NOTE_SKIPPED,
			    "no torch file"));
		else
			assert_in_range(h.fault_where, m.inner, m.inner + n);
		harness_free(&h);
	}
}

/* 300 storages of one model leave little behind. */
static void
test_memory(void **state)
{
	static uint8_t file[256 * 1024];
	static const char one[] = "ctorch._utils\n_rebuild_tensor\n("
	    "ctorch.storage\n_load_from_bytes\nC";
	static const char inner[] = INNER;
	static const char after[] = "\x85RK\0K\3\x85K\1\x85tR";
	struct harness h;
	size_t n = 3;

	(void)state;
	memcpy(file, "\x80\x04(", 3);
	for (unsigned i = 0; i < 300; i++) {
		memcpy(file + n, one, sizeof one - 1);
		n += sizeof one - 1;
		file[n++] = sizeof inner - 1;
		memcpy(file + n, inner, sizeof inner - 1);
		n += sizeof inner - 1;
		memcpy(file + n, after, sizeof after - 1);
		n += sizeof after - 1;
	}
	memcpy(file + n, "l.", 2);
	assert_true(harness_run(file, n + 2, 0, &h));
	assert_int_equal(h.tensor_count, 300);
	assert_int_equal(h.storage_count, 300);
	assert_true(h.job.arena.used < 16 * MIB);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extent),
		cmocka_unit_test(test_decoded),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
