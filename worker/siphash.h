/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.h - SipHash-1-3 (Aumasson, Bernstein 2012), for tables whose keys the
 * file chooses: under the job's random seed nobody can aim for collisions.  The
 * variant with fewer rounds, as CPython and Rust use it for the same purpose.
 * Words are read in the machine's order: no hash leaves this process.  Pure.
 */
#ifndef WORKER_SIPHASH_H
#define WORKER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[2], const void *at, size_t length);

/* Its parts, for who changes words on their way in: siphash_begin, a word for
 * each eight bytes, and siphash_end with the last 0 to 7, low byte first. */
struct siphash {
	uint64_t a, b, c, d;
};

static inline struct siphash
siphash_begin(const uint64_t key[2])
{
	struct siphash v = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};

	return v;
}

static inline uint64_t
siphash_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline struct siphash
siphash_round(struct siphash v)
{
	v.a += v.b;
	v.b = siphash_rotate(v.b, 13) ^ v.a;
	v.a = siphash_rotate(v.a, 32);
	v.c += v.d;
	v.d = siphash_rotate(v.d, 16) ^ v.c;
	v.a += v.d;
	v.d = siphash_rotate(v.d, 21) ^ v.a;
	v.c += v.b;
	v.b = siphash_rotate(v.b, 17) ^ v.c;
	v.c = siphash_rotate(v.c, 32);
	return v;
}

static inline struct siphash
siphash_word(struct siphash v, uint64_t word)
{
	v.d ^= word;
	v = siphash_round(v);
	v.a ^= word;
	return v;
}

static inline uint64_t
siphash_end(struct siphash v, uint64_t rest, size_t length)
{
	v = siphash_word(v, rest | (uint64_t)length << 56);
	v.c ^= 0xff;
	v = siphash_round(siphash_round(siphash_round(v)));
	return v.a ^ v.b ^ v.c ^ v.d;
}

#endif
