/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_take.c - see fuzz_take.h.
 */
#include "fuzz_take.h"

uint8_t
take_u8(struct take *t)
{
	if (t->left == 0)
		return 0;
	t->left--;
	return *t->at++;
}

uint32_t
take_under(struct take *t, uint32_t sides)
{
	return take_u8(t) % sides;
}

uint64_t
take_u64(struct take *t)
{
	uint8_t how = take_u8(t);
	uint64_t value = 0;

	if (how < 160)
		return how;
	if (how < 224) /* 2^0 .. 2^63, and one less or more */
		return (UINT64_C(1) << (how - 160)) + take_under(t, 3) - 1;
	for (int i = 0; i < 8; i++)
		value = value << 8 | take_u8(t);
	return value;
}

struct wire_bytes
take_bytes(struct take *t, size_t most)
{
	struct wire_bytes b = { t->at, take_u64(t) % (most + 1) };

	if (b.len > t->left)
		b.len = t->left;
	b.at = t->at;
	t->at += b.len;
	t->left -= b.len;
	return b;
}
