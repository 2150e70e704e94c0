/* SPDX-License-Identifier: Apache-2.0
 *
 * test_siphash.c - worker/siphash.c against CPython's own SipHash-1-3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "siphash.h"

/* PYTHONHASHSEED=0 python3.11 -c 'print(hex(hash(bytes(range(N))) % 2**64))';
 * that seed is a key of zeros. */
static const struct {
	size_t length;
	uint64_t hash;
} vectors[] = {
	{ 1, UINT64_C(0x68a914128e01e473) },
	{ 7, UINT64_C(0x2f098ab0c751325a) },
	{ 8, UINT64_C(0xead411e67ebe2eea) },
	{ 15, UINT64_C(0xf30eb725bb91c9ea) },
	{ 16, UINT64_C(0x8972188433a5c5b7) },
	{ 31, UINT64_C(0x169739443111d49b) },
};

static void
test_vectors(void **state)
{
	static const uint64_t zeros[2];
	uint8_t message[31];

	(void)state;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++)
		if (siphash(zeros, message, vectors[i].length) !=
		    vectors[i].hash)
			fail_msg("length %zu", vectors[i].length);
}

static void
test_key(void **state)
{
	static const uint64_t keys[][2] = { { 0, 0 }, { 1, 0 }, { 0, 1 } };
	uint64_t first = siphash(keys[0], "name", 4);

	(void)state;
	assert_true(siphash(keys[1], "name", 4) != first);
	assert_true(siphash(keys[2], "name", 4) != first);
	/* A length is part of what is hashed, and nothing is no pointer. */
	assert_true(siphash(keys[0], "\0", 1) != siphash(keys[0], NULL, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
