/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.c - see cursor.h.  The one place where input bytes are bounds-checked.
 */
#include "cursor.h"

#include <string.h>

struct cursor
cursor_over(const void *bytes, size_t length)
{
	return (struct cursor){ .at = bytes, .left = length, .bad = false };
}

const uint8_t *
cursor_bytes(struct cursor *c, uint64_t length)
{
	const uint8_t *here = c->at;

	if (c->bad || length > c->left) {
		c->bad = true;
		return NULL;
	}
	c->at += length;
	c->left -= (size_t)length;
	return here;
}

/*@ requires cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1)) &&
  @     width <= 8;
  @ assigns *c;
  @ ensures cursor_fine(c) && \separated(c, c->at + (0 .. c->left - 1)); */
static uint64_t
little(struct cursor *c, unsigned width)
{
	const uint8_t *p = cursor_bytes(c, width);
	uint64_t value = 0;

	if (p == NULL)
		return 0;
	/*@ loop invariant 0 <= i <= width;
	  @ loop assigns i, value;
	  @ loop variant i; */
	for (unsigned i = width; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

uint8_t
cursor_u8(struct cursor *c)
{
	return (uint8_t)little(c, 1);
}

uint16_t
cursor_u16le(struct cursor *c)
{
	return (uint16_t)little(c, 2);
}

uint32_t
cursor_u32le(struct cursor *c)
{
	return (uint32_t)little(c, 4);
}

uint64_t
cursor_u64le(struct cursor *c)
{
	return little(c, 8);
}

uint64_t
cursor_u64be(struct cursor *c)
{
	return __builtin_bswap64(little(c, 8));
}

const uint8_t *
cursor_line(struct cursor *c, size_t *length)
{
	const uint8_t *here = c->at;
	const uint8_t *end = NULL;

	if (!c->bad && c->left > 0)
		end = memchr(here, '\n', c->left);
	if (end == NULL) {
		c->bad = true;
		*length = 0;
		return NULL;
	}
	*length = (size_t)(end - here);
	c->at += *length + 1;
	c->left -= *length + 1;
	return here;
}
