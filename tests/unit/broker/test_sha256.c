/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sha256.c - NIST's examples (FIPS 180-4 examples; CAVP short messages),
 * every way to cut a message, and the processor's instructions beside the
 * portable code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sha256.h"

static void
assert_digest(struct sha256 *s, const char *expected)
{
	uint8_t digest[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];

	sha256_end(s, digest);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, expected);
}

static void
test_vectors(void **state)
{
	static const struct {
		const char *message;
		size_t length;
		size_t times;
		const char *digest;
	} rows[] = {
		{ "", 0, 1, "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" },
		{ "abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    56, 1, "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
		{ "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		    112, 1, "cf5b16a778af8380036ce59e7b049237"
		    "0b249b11e8f07a51afac45037afee9d1" },
		{ "aaaaaaaaaa", 10, 100000, "cdc76e5c9914fb9281a1c7e284d73e67"
		    "f1809a48a497200e046d39ccc7112cd0" },
		{ "\xd3", 1, 1, "28969cdfa74a12c82f3bad960b0b000a"
		    "ca2ac329deea5c2328ebc6f2ba9802c1" },
		{ "\x74\xba\x25\x21", 4, 1, "b16aa56be3880d18cd41e68384cf1ec8"
		    "c17680c45a02b1575dc1518923ae8b0e" },
	};
	struct sha256 s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		sha256_start(&s);
		for (size_t n = 0; n < rows[i].times; n++)
			sha256_add(&s, rows[i].message, rows[i].length);
		assert_digest(&s, rows[i].digest);
	}
}

/* However it comes in pieces, at every length around a block's ends. */
static void
test_pieces(void **state)
{
	uint8_t message[200];
	uint8_t whole[SHA256_BYTES];
	uint8_t cut[SHA256_BYTES];
	struct sha256 s;

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 7);
	for (size_t length = 0; length <= sizeof(message); length++) {
		sha256_start(&s);
		sha256_add(&s, message, length);
		sha256_end(&s, whole);
		for (size_t at = 0; at <= length; at++) {
			sha256_start(&s);
			sha256_add(&s, message, at);
			sha256_add(&s, message + at, length - at);
			sha256_end(&s, cut);
			assert_memory_equal(cut, whole, sizeof(cut));
		}
	}
}

static void
test_both_codes(void **state)
{
	uint8_t message[64 * 9];
	struct sha256 s;
	uint32_t plain[8];

	(void)state;
	srand(3);
	for (int i = 0; i < 200; i++) {
		size_t blocks = 1 + (size_t)rand() % 9;

		for (size_t j = 0; j < sizeof(message); j++)
			message[j] = (uint8_t)rand();
		sha256_start(&s);
		memcpy(plain, s.state, sizeof(plain));
		sha256_add(&s, message, blocks * 64);
		sha256_blocks_plain(plain, message, blocks);
		assert_memory_equal(s.state, plain, sizeof(plain));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_both_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
