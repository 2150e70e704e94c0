/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_cursor.c - the cursor beside a model of it that keeps an index and cannot
 * be wrong about a pointer.  The first half of the bytes says what to read, the
 * second half is read.
 */
#include "cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	const uint8_t *bytes;
	size_t size;
	size_t at;
	bool bad;
};

static bool
take(struct model *m, uint64_t length)
{
	m->bad = m->bad || length > m->size - m->at;
	if (!m->bad)
		m->at += length;
	return !m->bad;
}

static uint64_t
number(struct model *m, unsigned width, bool big)
{
	uint64_t value = 0;

	if (!take(m, width))
		return 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)m->bytes[m->at - width + i] <<
		    8 * (big ? width - 1 - i : i);
	return value;
}

static bool
same_line(struct cursor *c, struct model *m)
{
	size_t length;
	size_t end = m->at;
	size_t start = m->at;
	const uint8_t *line = cursor_line(c, &length);

	while (end < m->size && m->bytes[end] != '\n')
		end++;
	if (m->bad || end == m->size) {
		m->bad = true;
		return line == NULL && length == 0;
	}
	m->at = end + 1;
	return line == m->bytes + start && length == end - start;
}

static bool
same(struct cursor *c, struct model *m, uint8_t op)
{
	uint64_t length = op >> 3;
	const uint8_t *here = m->bytes + m->at;

	switch (op & 7) {
	case 0:
		return cursor_u8(c) == number(m, 1, false);
	case 1:
		return cursor_u16le(c) == number(m, 2, false);
	case 2:
		return cursor_u32le(c) == number(m, 4, false);
	case 3:
		return cursor_u64le(c) == number(m, 8, false);
	case 4:
		return cursor_u64be(c) == number(m, 8, true);
	case 5:
		return same_line(c, m);
	case 6:
		length = UINT64_MAX >> (length * 2);
		break;
	default:
		break;
	}
	return cursor_bytes(c, length) == (take(m, length) ? here : NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t half = size / 2;
	struct cursor c = cursor_over(data + half, size - half);
	struct model m = { data + half, size - half, 0, false };

	for (size_t i = 0; i < half; i++)
		if (!same(&c, &m, data[i]) || c.bad != m.bad ||
		    c.at != m.bytes + m.at || c.left != m.size - m.at)
			__builtin_trap();
	return 0;
}
