/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256.h - SHA-256 (FIPS 180-4), for the pins of a store.  Our own, so that
 * who links the library need not link OpenSSL.  Pure.
 */
#ifndef BROKER_SHA256_H
#define BROKER_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_BLOCK 64

struct sha256 {
	uint32_t state[8];
	uint64_t length;		/* bytes so far */
	uint8_t rest[SHA256_BLOCK];	/* length % 64 of them */
};

void sha256_start(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *bytes, size_t length);
/* s may not be used again but by sha256_start. */
void sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES]);

/* For the tests: the portable one alone. */
void sha256_blocks_plain(uint32_t state[8], const uint8_t *at, size_t blocks);

#endif
