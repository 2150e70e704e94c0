/* SPDX-License-Identifier: Apache-2.0
 *
 * sha256.c - see sha256.h.  FIPS 180-4, sections 4.1.2, 4.2.2, 5 and 6.2; with
 * the processor's own instructions where it has them (Intel SDM, SHA256RNDS2),
 * which is some eight times as fast.  Trusts nothing; cannot fail.
 */
#include "sha256.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* 4.2.2: the first 32 bits of the fractional parts of the cube roots of the
 * first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t
turn(uint32_t x, unsigned by)
{
	return x >> by | x << (32 - by);
}

static uint32_t
read_u32be(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	    (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

/* 6.2.2, step 1. */
static void
schedule(const uint8_t *at, uint32_t w[64])
{
	uint32_t a;
	uint32_t b;

	for (size_t i = 0; i < 16; i++)
		w[i] = read_u32be(at + 4 * i);
	for (size_t i = 16; i < 64; i++) {
		a = w[i - 15];
		b = w[i - 2];
		w[i] = w[i - 16] + w[i - 7] +
		    (turn(a, 7) ^ turn(a, 18) ^ a >> 3) +
		    (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
	}
}

/* Steps 2 to 4; s is a to h. */
static void
one_block(uint32_t state[8], const uint8_t *at)
{
	uint32_t w[64];
	uint32_t s[8];
	uint32_t t1;
	uint32_t t2;

	schedule(at, w);
	memcpy(s, state, sizeof(s));
	for (size_t i = 0; i < 64; i++) {
		t1 = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
		    ((s[4] & s[5]) ^ (~s[4] & s[6])) + constants[i] + w[i];
		t2 = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) +
		    ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += s[i];
}

void
sha256_blocks_plain(uint32_t state[8], const uint8_t *at, size_t blocks)
{
	for (; blocks > 0; blocks--, at += SHA256_BLOCK)
		one_block(state, at);
}

#if defined(__x86_64__)
#define FAST __attribute__((target("sha,sse4.1")))

static bool
processor_has_sha(void)
{
	unsigned a;
	unsigned b;
	unsigned c;
	unsigned d;

	/* Leaf 1: SSSE3 and SSE4.1; leaf 7: SHA. */
	if (__get_cpuid(1, &a, &b, &c, &d) == 0 ||
	    (c & (1u << 9)) == 0 || (c & (1u << 19)) == 0)
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
	    (b & (1u << 29)) != 0;
}

static FAST inline __m128i
load(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

/* The instructions want the state as ABEF and CDGH. */
static FAST void
blocks_fast(uint32_t state[8], const uint8_t *at, size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL,
	    0x0405060700010203LL);
	__m128i low = _mm_shuffle_epi32(load(state), 0xb1);
	__m128i high = _mm_shuffle_epi32(load(state + 4), 0x1b);
	__m128i abef = _mm_alignr_epi8(low, high, 8);
	__m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
	__m128i w[4];

	for (; blocks > 0; blocks--, at += SHA256_BLOCK) {
		__m128i abef_was = abef;
		__m128i cdgh_was = cdgh;

		for (size_t i = 0; i < 16; i++) {
			__m128i k = load(constants + 4 * i);
			__m128i *now = &w[i % 4];

			if (i < 4)
				*now = _mm_shuffle_epi8(load(at + 16 * i),
				    swap);
			else
				*now = _mm_sha256msg2_epu32(_mm_add_epi32(
				    _mm_sha256msg1_epu32(*now, w[(i + 1) % 4]),
				    _mm_alignr_epi8(w[(i + 3) % 4],
				    w[(i + 2) % 4], 4)), w[(i + 3) % 4]);
			k = _mm_add_epi32(k, *now);
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
			abef = _mm_sha256rnds2_epu32(abef, cdgh,
			    _mm_shuffle_epi32(k, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_was);
		cdgh = _mm_add_epi32(cdgh, cdgh_was);
	}
	low = _mm_shuffle_epi32(abef, 0x1b);
	high = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state,
	    _mm_blend_epi16(low, high, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4),
	    _mm_alignr_epi8(high, low, 8));
}

static void
add_blocks(uint32_t state[8], const uint8_t *at, size_t blocks)
{
	/* Asking costs 100 ns; calls are for whole pieces of a file. */
	if (blocks > 0 && processor_has_sha())
		blocks_fast(state, at, blocks);
	else
		sha256_blocks_plain(state, at, blocks);
}
#else
#define add_blocks sha256_blocks_plain
#endif

void
sha256_start(struct sha256 *s)
{
	/* 5.3.3: of the square roots of the first eight primes. */
	static const uint32_t first[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};

	memset(s, 0, sizeof(*s));
	memcpy(s->state, first, sizeof(first));
}

void
sha256_add(struct sha256 *s, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	size_t held = (size_t)(s->length % SHA256_BLOCK);
	size_t piece;

	s->length += length;
	if (held > 0) {
		piece = SHA256_BLOCK - held < length ? SHA256_BLOCK - held :
						       length;
		memcpy(s->rest + held, at, piece);
		at += piece;
		length -= piece;
		if (held + piece < SHA256_BLOCK)
			return;
		add_blocks(s->state, s->rest, 1);
	}
	add_blocks(s->state, at, length / SHA256_BLOCK);
	at += length / SHA256_BLOCK * SHA256_BLOCK;
	if (length % SHA256_BLOCK > 0)
		memcpy(s->rest, at, length % SHA256_BLOCK);
}

void
sha256_end(struct sha256 *s, uint8_t digest[SHA256_BYTES])
{
	static const uint8_t padding[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = s->length * 8;
	size_t held = (size_t)(s->length % SHA256_BLOCK);
	uint8_t last[8];

	/* 5.1.1: a one, zeros, and the length in bits as the block's end. */
	sha256_add(s, padding, held < 56 ? 56 - held : 120 - held);
	for (size_t i = 0; i < 8; i++)
		last[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(s, last, 8);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		digest[i] = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
}
