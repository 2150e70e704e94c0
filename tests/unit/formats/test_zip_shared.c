/* SPDX-License-Identifier: Apache-2.0
 *
 * test_zip_shared.c - several workers and one archive: all come to the same
 * answer about whose a member is, each byte is sent once, nobody but share 0
 * says anything else, and put together it is what one worker alone sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "deflated.h"
#include "harness.h"

#define LARGE ((size_t)MIB + 1000)
#define MOST 16

static struct harness alone;
static struct harness each[MOST];

/* Nothing but storages and their bytes. */
static void
only_bytes(const struct harness *h)
{
	assert_int_equal(h->tensor_count, 0);
	assert_int_equal(h->alias_count, 0);
	assert_int_equal(h->note_count, 0);
	assert_int_equal(h->scalar_count, 0);
	assert_int_equal(h->piece_count, 0);
	assert_int_equal(h->totals.tensors, 0);
	assert_int_equal(h->totals.aliases, 0);
	assert_int_equal(h->totals.notes, 0);
	assert_int_equal(h->totals.notes_dropped, 0);
	assert_int_equal(h->totals.storages, alone.storage_count);
	assert_string_equal(h->format, alone.format);
}

/* Who sends storage `i`; exactly one does. */
static uint32_t
sender(size_t i, uint32_t shares)
{
	const struct harness_storage *one = &alone.storages[i];
	uint32_t found = MOST;

	for (uint32_t k = 0; k < shares; k++) {
		const struct harness_storage *s = &each[k].storages[i];

		assert_int_equal(s->length, one->length);
		if (one->kind == STORAGE_EXTENT) {
			assert_int_equal(s->kind, STORAGE_EXTENT);
			assert_int_equal(s->offset, one->offset);
			continue;
		}
		assert_int_equal(s->offset, WIRE_NO_OFFSET);
		if (s->kind == STORAGE_ELSEWHERE) {
			assert_int_equal(s->received, 0);
			continue;
		}
		assert_int_equal(s->kind, STORAGE_STREAM);
		assert_int_equal(found, MOST);
		found = k;
		assert_int_equal(s->received, one->length);
		assert_memory_equal(s->bytes, one->bytes, one->length);
	}
	assert_true(one->kind == STORAGE_EXTENT || found < shares);
	return found;
}

static void
same_tensors(void)
{
	assert_int_equal(each[0].tensor_count, alone.tensor_count);
	assert_int_equal(each[0].note_count, alone.note_count);
	assert_int_equal(each[0].verdict, alone.verdict);
	for (size_t i = 0; i < alone.tensor_count; i++) {
		assert_string_equal(each[0].tensors[i].name,
		    alone.tensors[i].name);
		assert_int_equal(each[0].tensors[i].storage,
		    alone.tensors[i].storage);
		assert_int_equal(each[0].tensors[i].shape[0],
		    alone.tensors[i].shape[0]);
	}
}

/* by[i]: who sent storage i.  Bytes that each one sent, in sent. */
static void
share_by(const struct deflated *z, uint32_t flags, uint32_t shares,
    uint32_t by[64], uint64_t sent[MOST])
{
	assert_true(harness_run(z->bytes, z->length, flags, &alone));
	for (uint32_t k = 0; k < shares; k++) {
		if (!harness_run_share(z->bytes, z->length, flags, shares, k,
		    &each[k]))
			fail_msg("share %u: %s", k, each[k].fault_text);
		assert_int_equal(each[k].storage_count, alone.storage_count);
		if (k > 0)
			only_bytes(&each[k]);
	}
	same_tensors();
	memset(sent, 0, MOST * sizeof(*sent));
	for (size_t i = 0; i < alone.storage_count; i++) {
		by[i] = sender(i, shares);
		if (by[i] < shares)
			sent[by[i]] += alone.storages[i].length;
	}
}

static void
share(const struct deflated *z, uint32_t shares, uint32_t by[64],
    uint64_t sent[MOST])
{
	share_by(z, 0, shares, by, sent);
}

static void
let_go(uint32_t shares)
{
	harness_free(&alone);
	for (uint32_t k = 0; k < shares; k++)
		harness_free(&each[k]);
}

static void
test_torch(void **state)
{
	static const size_t sizes[] = { 100, LARGE, 3 * LARGE, 5000, LARGE,
		2 * LARGE, 0, LARGE, LARGE };
	static const uint32_t two[] = { 0, 1, 0, 0, 1, 1, 0, 0, 1 };
	struct deflated z = { 0 };
	uint64_t sent[MOST];
	uint32_t by[64];

	(void)state;
	deflated_add_torch(&z, sizes, 9);
	deflated_end(&z);
	for (uint32_t shares = 1; shares <= MOST; shares++) {
		share(&z, shares, by, sent);
		assert_int_equal(alone.tensor_count, 9);
		for (size_t i = 0; i < 9; i++)
			if (sizes[i] < MIB || shares == 1)
				assert_int_equal(by[i], 0);
		for (uint32_t k = 0; k < shares && shares <= 3; k++)
			assert_true(sent[k] >= 2 * LARGE);
		if (shares == 2)
			assert_memory_equal(by, two, sizeof(two));
		let_go(shares);
	}
	deflated_free(&z);
}

/* At the edges of what is worth another worker. */
static void
test_worth(void **state)
{
	/* Bytes of the members, and how many the second one sends.  Each block
	 * of a member is 5 bytes longer than what it holds. */
	static const struct {
		size_t sizes[3];
		size_t second;
	} rows[] = {
		/* One alone. */
		{ { 8 * LARGE, 100, 0 }, 0 },
		{ { 2 * LARGE, LARGE, 0 }, 2 * LARGE },
		{ { MIB - 1000, MIB - 1000, MIB - 1000 }, 0 },
		/* A large one, and small ones that make up for the start. */
		{ { MIB / 2 + 1000, MIB / 2 + 1000, LARGE }, LARGE },
		{ { MIB / 4, MIB / 4, 9 * LARGE }, 0 },
	};
	uint64_t sent[MOST];
	uint32_t by[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct deflated z = { 0 };

		deflated_add_torch(&z, rows[i].sizes, 3);
		deflated_end(&z);
		share(&z, 2, by, sent);
		if (sent[1] != rows[i].second)
			fail_msg("row %zu: %llu", i,
			    (unsigned long long)sent[1]);
		let_go(2);
		deflated_free(&z);
	}
}

/* Arrays of every kind that an npz may hold, among large ones. */
static void
add_odd_ones(struct deflated *z)
{
	size_t length;
	uint8_t *bytes = deflated_npy(LARGE, 3, &length);
	static const char objects[] = "\x93NUMPY\1\0\x76\0"
	    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
	    "                                                             \n"
	    "\x80\x02]q\0K\1a.";

	/* The header is in one block with the rest, or in two. */
	deflated_add(z, "whole.npy", bytes, length, 0);
	deflated_add(z, "split.npy", bytes, length, 60);
	deflated_add_stored(z, "stored.npy", bytes, length);
	/* Big-endian. */
	memcpy(bytes + 21, ">u2", 3);
	memcpy(bytes + 10, "{'descr': '>u2', 'fortran_order': True, "
	    "'shape': (500,2,), }           ", 71);
	deflated_add(z, "rest.npy", bytes, length, DEFLATED_NPY_HEADER);
	deflated_add(z, "swapped.npy", bytes, DEFLATED_NPY_HEADER + 2000,
	    DEFLATED_NPY_HEADER);
	/* Not numbers: left out by name. */
	memcpy(bytes + 10, "{'descr': '|S2', 'fortran_order': True, "
	    "'shape': (500,2,), }           ", 71);
	deflated_add(z, "text.npy", bytes, length, DEFLATED_NPY_HEADER);
	deflated_add(z, "objects.npy", objects, sizeof(objects) - 1, 0);
	deflated_add(z, "README", bytes + 128, LARGE, 0);
	free(bytes);
}

static uint32_t
storage_of(const char *name)
{
	const struct harness_tensor *t = harness_find(&alone, name);

	assert_non_null(t);
	return t->storage;
}

static void
test_npz(void **state)
{
	struct deflated z = { 0 };
	uint64_t sent[MOST];
	uint32_t by[64];

	(void)state;
	deflated_add_npy(&z, "a.npy", 100, 1);
	deflated_add_npy(&z, "b.npy", LARGE, 2);
	deflated_add_npy(&z, "c.npy", 5000, 3);
	add_odd_ones(&z);
	deflated_add_npy(&z, "d.npy", 2 * LARGE, 4);
	deflated_add_npy(&z, "e.npy", LARGE, 5);
	deflated_end(&z);
	for (uint32_t shares = 1; shares <= 4; shares++) {
		share(&z, shares, by, sent);
		assert_true(alone.tensor_count >= 8);
		/* a, and c; b is the first that is given away. */
		assert_int_equal(by[0], 0);
		assert_int_equal(by[1], shares > 1);
		assert_int_equal(by[2], 0);
		/* What its first block does not tell, share 0 keeps. */
		assert_int_equal(by[storage_of("whole")], 0);
		assert_int_equal(by[storage_of("split")], 0);
		assert_int_equal(by[storage_of("rest")], 0);
		for (uint32_t k = 0; k < shares && shares <= 3; k++)
			assert_true(sent[k] >= LARGE);
		let_go(shares);
		/* Where extents are streams as well. */
		share_by(&z, GO_DELIVER_STREAM, shares, by, sent);
		let_go(shares);
	}
	deflated_free(&z);
}

/* What share 0 has done before the others come is not made up for. */
static void
test_late(void **state)
{
	static const size_t before_and_after[] = { MIB - 1000, MIB - 1000,
		MIB - 1000, LARGE, LARGE, LARGE, LARGE };
	static const uint32_t who[] = { 0, 0, 0, 1, 0, 0, 1 };
	struct deflated z = { 0 };
	uint64_t sent[MOST];
	uint32_t by[64];

	(void)state;
	deflated_add_torch(&z, before_and_after, 7);
	deflated_end(&z);
	share(&z, 2, by, sent);
	assert_memory_equal(by, who, sizeof(who));
	let_go(2);
	deflated_free(&z);
}

/* Twenty large ones: nobody is given much more than another. */
static void
test_even(void **state)
{
	struct deflated z = { 0 };
	size_t sizes[20];
	uint64_t sent[MOST];
	uint32_t by[64];

	(void)state;
	for (size_t i = 0; i < 20; i++)
		sizes[i] = LARGE + i * 7000;
	deflated_add_torch(&z, sizes, 20);
	deflated_end(&z);
	for (uint32_t shares = 2; shares <= 4; shares++) {
		uint64_t least = UINT64_MAX, most = 0;

		share(&z, shares, by, sent);
		for (uint32_t k = 0; k < shares; k++) {
			least = sent[k] < least ? sent[k] : least;
			most = sent[k] > most ? sent[k] : most;
		}
		assert_true(most - least < 2 * LARGE);
		let_go(shares);
	}
	deflated_free(&z);
}

/* What is broken is found by the one whose it is, and by nobody else. */
static void
test_broken(void **state)
{
	static const size_t sizes[] = { LARGE, LARGE };
	struct deflated z = { 0 };

	(void)state;
	deflated_add_torch(&z, sizes, 2);
	deflated_end(&z);
	/* A byte of the second storage, which is share 0's. */
	z.bytes[z.last + 70000] ^= 1;
	assert_false(harness_run_share(z.bytes, z.length, 0, 2, 0, &each[0]));
	assert_int_equal(each[0].fault_code, FAULT_FORMAT);
	assert_non_null(strstr(each[0].fault_text, "CRC-32"));
	assert_true(harness_run_share(z.bytes, z.length, 0, 2, 1, &each[1]));
	harness_free(&each[0]);
	harness_free(&each[1]);
	z.bytes[z.last + 70000] ^= 1;
	/* And of the first one. */
	z.bytes[z.last - LARGE / 2] ^= 1;
	assert_true(harness_run_share(z.bytes, z.length, 0, 2, 0, &each[0]));
	assert_false(harness_run_share(z.bytes, z.length, 0, 2, 1, &each[1]));
	assert_int_equal(each[1].fault_code, FAULT_FORMAT);
	harness_free(&each[0]);
	harness_free(&each[1]);
	deflated_free(&z);
}

/* The bytes of others are under the limit as well. */
static void
test_limit(void **state)
{
	static const size_t sizes[] = { LARGE, LARGE };
	struct deflated z = { 0 };
	struct job *job;

	(void)state;
	deflated_add_torch(&z, sizes, 2);
	deflated_end(&z);
	for (uint64_t limit = 2 * LARGE - 1; limit <= 2 * LARGE; limit++)
		for (uint32_t k = 0; k < 2; k++) {
			job = harness_job(z.bytes, z.length, 0, &each[k]);
			job->limits.streamed_bytes = limit;
			job->shares = 2;
			job->share = k;
			assert_int_equal(job_run(job), limit == 2 * LARGE);
			if (limit < 2 * LARGE)
				assert_int_equal(job->fault.code, FAULT_LIMIT);
			harness_free(&each[k]);
		}
	deflated_free(&z);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_torch),
		cmocka_unit_test(test_worth),
		cmocka_unit_test(test_npz),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
