/* SPDX-License-Identifier: Apache-2.0
 *
 * test_unpack.c - files that are packed as joblib packs them: every prefix,
 * every wrong bit, bytes behind the end, steps of any size, and memory that is
 * the arena's alone and is left as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bzlib.h>
#include <cmocka.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <lzma.h>

#include "harness.h"
#include "inflate.h"
#include "unpack.h"
#include "xxh32.h"

static size_t
make_deflate(const void *in, size_t length, bool gzip, uint8_t *out,
    size_t room)
{
	struct libdeflate_compressor *c;
	size_t made;

	libdeflate_set_memory_allocator(malloc, free);
	c = libdeflate_alloc_compressor(6);
	made = gzip ?
	    libdeflate_gzip_compress(c, in, length, out, room) :
	    libdeflate_zlib_compress(c, in, length, out, room);

	libdeflate_free_compressor(c);
	return made;
}

static size_t
make_zlib(const void *in, size_t length, uint8_t *out, size_t room)
{
	return make_deflate(in, length, false, out, room);
}

static size_t
make_gzip(const void *in, size_t length, uint8_t *out, size_t room)
{
	return make_deflate(in, length, true, out, room);
}

static size_t
make_bzip2(const void *in, size_t length, uint8_t *out, size_t room)
{
	unsigned made = (unsigned)room;

	assert_int_equal(BZ2_bzBuffToBuffCompress((char *)out, &made,
	    (char *)(uintptr_t)in, (unsigned)length, 1, 0, 0), BZ_OK);
	return made;
}

static size_t
make_xz(const void *in, size_t length, uint8_t *out, size_t room)
{
	size_t made = 0;

	assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, in,
	    length, out, &made, room), LZMA_OK);
	return made;
}

static size_t
make_lzma(const void *in, size_t length, uint8_t *out, size_t room)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_options_lzma options;

	assert_false(lzma_lzma_preset(&options, 1));
	assert_int_equal(lzma_alone_encoder(&s, &options), LZMA_OK);
	s.next_in = in;
	s.avail_in = length;
	s.next_out = out;
	s.avail_out = room;
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	lzma_end(&s);
	return room - s.avail_out;
}

static size_t
make_lz4(const void *in, size_t length, uint8_t *out, size_t room)
{
	LZ4F_preferences_t how = LZ4F_INIT_PREFERENCES;
	size_t made;

	how.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
	how.frameInfo.blockMode = LZ4F_blockLinked;
	made = LZ4F_compressFrame(out, room, in, length, &how);
	assert_false(LZ4F_isError(made));
	return made;
}

static const struct kind {
	const struct unpack_method *method;
	size_t (*make)(const void *in, size_t length, uint8_t *out,
	    size_t room);
} kinds[] = {
	{ &unpack_zlib, make_zlib },
	{ &unpack_gzip, make_gzip },
	{ &unpack_bzip2, make_bzip2 },
	{ &unpack_xz, make_xz },
	{ &unpack_lzma, make_lzma },
	{ &unpack_lz4, make_lz4 },
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* Words that repeat, with a number in each, so that there is a dictionary. */
static uint8_t *
text_of(size_t length)
{
	uint8_t *text = malloc(length);

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = i % 16 == 15 ? (uint8_t)(i / 16) :
		    (uint8_t)"some words; and "[i % 16];
	return text;
}

/* 0: whole, into h's arena at u->out. */
static enum fault_code
run(const struct kind *k, const uint8_t *packed, size_t length, uint64_t step,
    struct harness *h, struct unpack *u)
{
	struct job *job = harness_job(packed, length, 0, h);
	uint64_t upto = 0;

	if (setjmp(job->stop) != 0)
		return job->fault.code;
	if (!k->method->is(job))
		return FAULT_UNSUPPORTED;
	unpack_begin(u, job);
	while (!u->ended && !u->full) {
		upto = upto + step < u->room ? upto + step : u->room;
		k->method->more(u, upto);
	}
	unpack_end(u);
	return u->full ? FAULT_LIMIT : (enum fault_code)0;
}

static void
same(const struct kind *k, const uint8_t *text, size_t length, uint64_t step)
{
	size_t room = length * 2 + 4096;
	uint8_t *packed = malloc(room);
	struct harness h;
	struct unpack u;
	size_t n;

	assert_non_null(packed);
	n = k->make(text, length, packed, room);
	if (run(k, packed, n, step, &h, &u) != 0)
		fail_msg("%s of %zu: %s", k->method->name, length,
		    h.job.fault.text);
	assert_int_equal(u.made, length);
	assert_int_equal(u.used, n);
	assert_memory_equal(u.out, text, length);
	/* What the arena hands out is zero again. */
	for (uint64_t i = length; i < u.room; i++)
		if (u.out[i] != 0)
			fail_msg("%s: byte %llu is left over", k->method->name,
			    (unsigned long long)i);
	for (uint64_t i = 0; i < u.memory_size; i++)
		if (u.memory[i] != 0)
			fail_msg("%s: memory is left over", k->method->name);
	harness_free(&h);
	free(packed);
}

static void
test_lengths(void **state)
{
	static const size_t lengths[] = { 0, 1, 15, 16, 17, 4096, 65535, 65536,
	    65537, 300000, 1 << 20 };
	uint8_t *text = text_of(1 << 20);

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
			same(&kinds[k], text, lengths[i], UINT64_C(1) << 22);
		same(&kinds[k], text, 300000, 65536);
		same(&kinds[k], text, 5000, 1);
	}
	free(text);
}

static void
test_prefixes(void **state)
{
	uint8_t *text = text_of(500);
	uint8_t packed[2048];
	struct harness h;
	struct unpack u;
	size_t n;

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		n = kinds[k].make(text, 500, packed, sizeof packed);
		for (size_t i = 0; i < n; i++) {
			if (run(&kinds[k], packed, i, 4096, &h, &u) == 0)
				fail_msg("%s: %zu of %zu bytes are whole",
				    kinds[k].method->name, i, n);
			harness_free(&h);
		}
		packed[n] = 0;
		assert_int_equal(run(&kinds[k], packed, n + 1, 4096, &h, &u),
		    FAULT_FORMAT);
		assert_int_equal(h.job.fault.where, n);
		harness_free(&h);
	}
	free(text);
}

/* A wrong bit is found, or it meant nothing: never other bytes. */
static void
test_bits(void **state)
{
	uint8_t *text = text_of(200);
	uint8_t packed[2048];
	struct harness h;
	struct unpack u;
	size_t n;

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		n = kinds[k].make(text, 200, packed, sizeof packed);
		for (size_t i = 0; i < n * 8; i++) {
			packed[i / 8] ^= (uint8_t)(1 << i % 8);
			/* lzma has no checksum. */
			if (run(&kinds[k], packed, n, 4096, &h, &u) == 0 &&
			    kinds[k].method != &unpack_lzma &&
			    (u.made != 200 || memcmp(u.out, text, 200) != 0))
				fail_msg("%s: bit %zu", kinds[k].method->name,
				    i);
			harness_free(&h);
			packed[i / 8] ^= (uint8_t)(1 << i % 8);
		}
	}
	free(text);
}

/* 100 MiB in a few bytes: 32 MiB come out, or 1,032 times the packed. */
static void
test_too_large(void **state)
{
	size_t length = 100 << 20;
	uint8_t *zeros = calloc(1, length);
	uint8_t *packed = malloc(length + (1 << 20));
	struct harness h;
	struct unpack u;
	size_t n;

	(void)state;
	assert_non_null(zeros);
	assert_non_null(packed);
	for (size_t k = 0; k < KINDS; k++) {
		n = kinds[k].make(zeros, length, packed, length + (1 << 20));
		assert_int_equal(run(&kinds[k], packed, n, length, &h, &u),
		    FAULT_LIMIT);
		assert_true(u.room <= UNPACK_FREE ||
		    u.room <= n * UNPACK_RATIO);
		harness_free(&h);
	}
	free(zeros);
	free(packed);
}

/* The dictionary of preset 9 is 64 MiB, and so is this arena. */
static void
test_dictionary(void **state)
{
	uint8_t packed[256];
	struct harness h;
	size_t n = 0;

	(void)state;
	assert_int_equal(lzma_easy_buffer_encode(9, LZMA_CHECK_CRC32, NULL,
	    (const uint8_t *)"abc", 3, packed, &n, sizeof packed), LZMA_OK);
	assert_false(harness_run(packed, n, 0, &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
}

/* A good file in arenas of every size: what runs out of memory is a limit, and
 * is never said to be no pickle. */
static void
test_little_memory(void **state)
{
	static const uint8_t pickle[] = "\x80\x04}\x94.";
	struct limits limits = harness_limits();
	uint8_t packed[512];
	struct harness h;
	size_t n;

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		bool whole = false;

		n = kinds[k].make(pickle, sizeof(pickle) - 1, packed,
		    sizeof(packed));
		for (uint64_t kib = 256; kib <= 16384; kib += kib / 2) {
			limits.arena_bytes = kib * KIB;
			if (harness_run_limits(packed, n, 0, &limits, &h))
				whole = true;
			else if (whole || h.fault_code != FAULT_LIMIT)
				fail_msg("%s, %d KiB: %s",
				    kinds[k].method->name, (int)kib,
				    h.fault_text);
			harness_free(&h);
		}
		assert_true(whole);
	}
}

static void
test_memory(void **state)
{
	struct harness h;
	struct job *job = harness_job("x", 1, 0, &h);
	struct unpack u;
	uint8_t *a;
	uint8_t *b;

	(void)state;
	unpack_begin(&u, job);
	a = unpack_alloc(&u, 3, 5);
	b = unpack_alloc(&u, 100, 1);
	assert_true(b >= a + 16);
	assert_int_equal((uintptr_t)a % 16, 0);
	unpack_release(&u, NULL);
	unpack_release(&u, a);
	unpack_release(&u, b);
	assert_ptr_equal(unpack_alloc(&u, 17, 1), b);
	assert_ptr_equal(unpack_alloc(&u, 16, 1), a);
	assert_null(unpack_alloc(&u, UINT64_MAX, 16));
	assert_null(unpack_alloc(&u, u.memory_size, 1));
	assert_null(unpack_alloc(&u, UINT64_MAX - 3, 1));
	assert_non_null(unpack_alloc(&u, u.memory_size - u.memory_used - 32,
	    1));
	harness_free(&h);
}

/* xxHash's own test vectors (doc, and tests/sanity_test_vectors.h). */
static void
test_xxh32(void **state)
{
	(void)state;
	assert_int_equal(xxh32((const uint8_t *)"", 0), 0x02cc5d05);
	assert_int_equal(xxh32((const uint8_t *)"a", 1), 0x550d7456);
	assert_int_equal(xxh32((const uint8_t *)"abc", 3), 0x32d153ff);
	assert_int_equal(xxh32((const uint8_t *)
	    "Nobody inspects the spammish repetition", 39), 0xe2293b2f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_dictionary),
		cmocka_unit_test(test_little_memory),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_xxh32),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
