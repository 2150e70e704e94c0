/* SPDX-License-Identifier: Apache-2.0
 *
 * start_memory.c - memcpy and its kin for the worker, with what every x86-64
 * has (SSE2): glibc's choose their code by CPU while the program starts, which
 * takes longer than most jobs.  Never reads outside of what is given, but for
 * the rest of aligned 16 bytes, which cannot be on another page.
 *
 * Compiled so that the compiler does not make calls of these out of these.
 */
#include "start_memory.h"

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

/* AddressSanitizer's idea of the end of an object is finer than a page. */
#define WHOLE_BLOCKS __attribute__((no_sanitize("address")))

typedef uint64_t __attribute__((may_alias, aligned(1))) word64;
typedef uint32_t __attribute__((may_alias, aligned(1))) word32;
typedef uint16_t __attribute__((may_alias, aligned(1))) word16;

WHOLE_BLOCKS static inline __m128i
load(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static inline void
store(void *at, __m128i value)
{
	_mm_storeu_si128((__m128i *)at, value);
}

/* ------------------------------------------------------- copy and fill -- */

/* All is loaded before anything is stored, so both may overlap. */
static inline void
move_to_16(uint8_t *to, const uint8_t *from, size_t n)
{
	if (n >= 8) {
		uint64_t a = *(const word64 *)from;
		uint64_t b = *(const word64 *)(from + n - 8);

		*(word64 *)to = a;
		*(word64 *)(to + n - 8) = b;
	} else if (n >= 4) {
		uint32_t a = *(const word32 *)from;
		uint32_t b = *(const word32 *)(from + n - 4);

		*(word32 *)to = a;
		*(word32 *)(to + n - 4) = b;
	} else if (n >= 2) {
		uint16_t a = *(const word16 *)from;
		uint16_t b = *(const word16 *)(from + n - 2);

		*(word16 *)to = a;
		*(word16 *)(to + n - 2) = b;
	} else if (n == 1) {
		*to = *from;
	}
}

static inline void
move_to_64(uint8_t *to, const uint8_t *from, size_t n)
{
	__m128i a = load(from);
	__m128i d = load(from + n - 16);

	if (n > 32) {
		__m128i b = load(from + 16);
		__m128i c = load(from + n - 32);

		store(to + 16, b);
		store(to + n - 32, c);
	}
	store(to, a);
	store(to + n - 16, d);
}

/* n > 64.  Towards lower addresses, or without overlap: what a round stores, no
 * later one loads; the ends are loaded before and stored after. */
static inline void
move_up(uint8_t *to, const uint8_t *from, size_t n)
{
	__m128i first = load(from);
	__m128i a = load(from + n - 64);
	__m128i b = load(from + n - 48);
	__m128i c = load(from + n - 32);
	__m128i d = load(from + n - 16);
	size_t skip = 16 - ((uintptr_t)to & 15);
	size_t i;

	for (i = skip; i + 64 < n; i += 64) {
		__m128i e = load(from + i);
		__m128i f = load(from + i + 16);
		__m128i g = load(from + i + 32);
		__m128i h = load(from + i + 48);

		store(to + i, e);
		store(to + i + 16, f);
		store(to + i + 32, g);
		store(to + i + 48, h);
	}
	store(to, first);
	store(to + n - 64, a);
	store(to + n - 48, b);
	store(to + n - 32, c);
	store(to + n - 16, d);
}

/* The same from the other end. */
static inline void
move_down(uint8_t *to, const uint8_t *from, size_t n)
{
	__m128i last = load(from + n - 16);
	__m128i a = load(from);
	__m128i b = load(from + 16);
	__m128i c = load(from + 32);
	__m128i d = load(from + 48);
	size_t i;

	for (i = n - ((uintptr_t)(to + n) & 15); i > 64; i -= 64) {
		__m128i e = load(from + i - 16);
		__m128i f = load(from + i - 32);
		__m128i g = load(from + i - 48);
		__m128i h = load(from + i - 64);

		store(to + i - 16, e);
		store(to + i - 32, f);
		store(to + i - 48, g);
		store(to + i - 64, h);
	}
	store(to + n - 16, last);
	store(to, a);
	store(to + 16, b);
	store(to + 32, c);
	store(to + 48, d);
}

void *
START_NAME(memcpy)(void *to, const void *from, size_t n)
{
	if (n <= 16)
		move_to_16(to, from, n);
	else if (n <= 64)
		move_to_64(to, from, n);
	else
		move_up(to, from, n);
	return to;
}

void *
START_NAME(memmove)(void *to, const void *from, size_t n)
{
	if (n <= 16)
		move_to_16(to, from, n);
	else if (n <= 64)
		move_to_64(to, from, n);
	else if ((uintptr_t)to - (uintptr_t)from >= n)
		move_up(to, from, n);
	else
		move_down(to, from, n);
	return to;
}

static inline void
fill_to_16(uint8_t *to, uint64_t bytes, size_t n)
{
	if (n >= 8) {
		*(word64 *)to = bytes;
		*(word64 *)(to + n - 8) = bytes;
	} else if (n >= 4) {
		*(word32 *)to = (uint32_t)bytes;
		*(word32 *)(to + n - 4) = (uint32_t)bytes;
	} else if (n >= 2) {
		*(word16 *)to = (uint16_t)bytes;
		*(word16 *)(to + n - 2) = (uint16_t)bytes;
	} else if (n == 1) {
		*to = (uint8_t)bytes;
	}
}

void *
START_NAME(memset)(void *at, int byte, size_t n)
{
	uint8_t *to = at;
	__m128i value = _mm_set1_epi8((char)byte);
	size_t i;

	if (n <= 16) {
		fill_to_16(to, (uint8_t)byte * UINT64_C(0x0101010101010101), n);
		return at;
	}
	store(to, value);
	for (i = 16 - ((uintptr_t)to & 15); i + 64 <= n; i += 64) {
		store(to + i, value);
		store(to + i + 16, value);
		store(to + i + 32, value);
		store(to + i + 48, value);
	}
	for (; i + 16 < n; i += 16)
		store(to + i, value);
	store(to + n - 16, value);
	return at;
}

/* ------------------------------------------------------------- compare -- */

/* Bit i: bytes i are the same. */
static inline unsigned
same(__m128i a, __m128i b)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
}

static inline int
order(const uint8_t *a, const uint8_t *b, size_t at)
{
	return (int)a[at] - (int)b[at];
}

static inline int
order64(uint64_t a, uint64_t b)
{
	a = __builtin_bswap64(a);
	b = __builtin_bswap64(b);
	return (a > b) - (a < b);
}

static inline int
compare_to_16(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint64_t x;
	uint64_t y;

	if (n >= 8) {
		x = *(const word64 *)a;
		y = *(const word64 *)b;
		if (x != y)
			return order64(x, y);
		return order64(*(const word64 *)(a + n - 8),
		    *(const word64 *)(b + n - 8));
	}
	if (n >= 4) {
		/* First four bytes above the last four. */
		x = (uint64_t)__builtin_bswap32(*(const word32 *)a) << 32 |
		    __builtin_bswap32(*(const word32 *)(a + n - 4));
		y = (uint64_t)__builtin_bswap32(*(const word32 *)b) << 32 |
		    __builtin_bswap32(*(const word32 *)(b + n - 4));
		return (x > y) - (x < y);
	}
	if (n == 0)
		return 0;
	x = (uint64_t)a[0] << 16 | (uint64_t)a[n / 2] << 8 | a[n - 1];
	y = (uint64_t)b[0] << 16 | (uint64_t)b[n / 2] << 8 | b[n - 1];
	return (int)x - (int)y;
}

int
START_NAME(memcmp)(const void *left, const void *right, size_t n)
{
	const uint8_t *a = left;
	const uint8_t *b = right;
	unsigned mask;
	size_t i = 0;

	if (n <= 16)
		return compare_to_16(a, b, n);
	for (; i + 16 < n; i += 16) {
		mask = same(load(a + i), load(b + i));
		if (mask != 0xffff)
			return order(a + i, b + i,
			    (size_t)__builtin_ctz(~mask));
	}
	mask = same(load(a + n - 16), load(b + n - 16));
	return mask == 0xffff ? 0 : order(a + n - 16, b + n - 16,
	    (size_t)__builtin_ctz(~mask));
}

/* What clang makes of a memcmp that is asked for equality. */
int
START_NAME(bcmp)(const void *left, const void *right, size_t n)
{
	return START_NAME(memcmp)(left, right, n);
}

/* -------------------------------------------------------------- search -- */

WHOLE_BLOCKS static inline __m128i
block_at(const uint8_t *aligned)
{
	return *(const __m128i *)(const void *)aligned;
}

/* Whether one is in these aligned 64: no page ends among them. */
WHOLE_BLOCKS static inline bool
is_in_64(const uint8_t *at, __m128i byte)
{
	__m128i a = _mm_cmpeq_epi8(block_at(at), byte);
	__m128i b = _mm_cmpeq_epi8(block_at(at + 16), byte);
	__m128i c = _mm_cmpeq_epi8(block_at(at + 32), byte);
	__m128i d = _mm_cmpeq_epi8(block_at(at + 48), byte);

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b),
	    _mm_or_si128(c, d))) != 0;
}

/* Where the first `wanted` of n bytes is, or n; SIZE_MAX is no end.  What comes
 * after it need not be there, as the standard has it. */
WHOLE_BLOCKS static inline size_t
search(const uint8_t *at, int wanted, size_t n)
{
	const __m128i byte = _mm_set1_epi8((char)wanted);
	const size_t skip = (uintptr_t)at & 15;
	const uint8_t *const start = at - skip;
	const size_t end = n > SIZE_MAX - skip ? SIZE_MAX : n + skip;
	unsigned bits;
	size_t i = 0;

	if (n == 0)
		return 0;
	bits = same(block_at(start), byte) >> skip << skip;
	while (bits == 0) {
		i += 16;
		if (((uintptr_t)(start + i) & 63) == 0) {
			while (i < end && end - i >= 64 &&
			    !is_in_64(start + i, byte))
				i += 64;
		}
		if (i >= end)
			return n;
		bits = same(block_at(start + i), byte);
	}
	i += (size_t)__builtin_ctz(bits);
	return i < end ? i - skip : n;
}

void *
START_NAME(memchr)(const void *at, int byte, size_t n)
{
	size_t i = search(at, byte, n);

	return i == n ? NULL : (void *)((uintptr_t)at + i);
}

size_t
START_NAME(strlen)(const char *text)
{
	return search((const uint8_t *)text, '\0', SIZE_MAX);
}

size_t
START_NAME(strnlen)(const char *text, size_t max)
{
	return search((const uint8_t *)text, '\0', max);
}

/* ---------------------------------------------------------------- text -- */

static inline bool
crosses_page(const uint8_t *at)
{
	return ((uintptr_t)at & 4095) > 4096 - 16;
}

/* Of the first 16 of max bytes: those where both differ or end. */
WHOLE_BLOCKS static inline unsigned
stops_in_16(const uint8_t *a, const uint8_t *b, size_t max)
{
	__m128i x;
	unsigned i;

	if (crosses_page(a) || crosses_page(b)) {
		for (i = 0; i < 16 && i < max; i++) {
			if (a[i] != b[i] || a[i] == '\0')
				return 1u << i;
		}
		return 0;
	}
	x = load(a);
	return (same(x, load(b)) ^ 0xffff) | same(x, _mm_setzero_si128());
}

WHOLE_BLOCKS static inline int
compare_text(const uint8_t *a, const uint8_t *b, size_t max)
{
	size_t i;

	for (i = 0; i < max; i += 16) {
		unsigned stops = stops_in_16(a + i, b + i, max - i);

		if (stops != 0) {
			i += (size_t)__builtin_ctz(stops);
			return i < max ? order(a, b, i) : 0;
		}
	}
	return 0;
}

int
START_NAME(strcmp)(const char *a, const char *b)
{
	return compare_text((const uint8_t *)a, (const uint8_t *)b,
	    SIZE_MAX - 16);
}

int
START_NAME(strncmp)(const char *a, const char *b, size_t max)
{
	return compare_text((const uint8_t *)a, (const uint8_t *)b,
	    max < SIZE_MAX - 16 ? max : SIZE_MAX - 16);
}

size_t
START_NAME(strcspn)(const char *text, const char *reject)
{
	const char *at;
	const char *r;

	for (at = text; *at != '\0'; at++) {
		for (r = reject; *r != '\0'; r++) {
			if (*r == *at)
				return (size_t)(at - text);
		}
	}
	return (size_t)(at - text);
}

/* ----------------------------------------------------- _FORTIFY_SOURCE -- */

void *
START_NAME(__memcpy_chk)(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return START_NAME(memcpy)(to, from, n);
}

void *
START_NAME(__memmove_chk)(void *to, const void *from, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return START_NAME(memmove)(to, from, n);
}

void *
START_NAME(__memset_chk)(void *to, int byte, size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
	return START_NAME(memset)(to, byte, n);
}
