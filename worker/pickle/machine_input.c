/* SPDX-License-Identifier: Apache-2.0
 *
 * machine_input.c - the bytes of the stream, as opcodes may read them: never
 * past the end, never across the end of a frame.  A frame may end between an
 * opcode and its argument, as in CPython 3.14.7 (gh-154848); that is noted.
 */
#include "machine_inner.h"

#include <string.h>

/* Leaves a frame that has been read to its end. */
static void
leave_frame(struct machine *m)
{
	if (!m->framed || m->at != m->end)
		return;
	m->framed = false;
	m->end = m->limit;
	machine_odd(m, ODD_FRAME_ARGUMENT);
}

bool
machine_need(struct machine *m, uint64_t count)
{
	if (count == 0)
		return true;
	leave_frame(m);
	if (count <= (uint64_t)(m->end - m->at))
		return true;
	return machine_fail(m, m->framed ?
	    "the argument crosses the end of its frame" :
	    "the argument runs past the end of the data");
}

bool
machine_bytes(struct machine *m, uint64_t count, const uint8_t **at)
{
	if (!machine_need(m, count))
		return false;
	*at = m->at;
	m->at += count;
	return true;
}

bool
machine_count(struct machine *m, unsigned width, uint64_t *count)
{
	const uint8_t *p;

	if (!machine_bytes(m, width, &p))
		return false;
	*count = 0;
	for (unsigned i = width; i-- > 0;)
		*count = *count << 8 | p[i];
	return true;
}

bool
machine_line(struct machine *m, const uint8_t **at, size_t *len)
{
	const uint8_t *newline = NULL;

	leave_frame(m);
	*at = m->at;
	if (m->at < m->end)
		newline = memchr(m->at, '\n', (size_t)(m->end - m->at));
	if (newline == NULL)
		return machine_fail(m, m->framed ?
		    "the line crosses the end of its frame" :
		    "the line has no end");
	*len = (size_t)(newline - m->at);
	m->at = newline + 1;
	return true;
}

bool
machine_proto(struct machine *m)
{
	uint64_t version;

	if (!machine_count(m, 1, &version))
		return false;
	if (version > 5)
		return machine_fail(m, "a protocol above 5");
	if (m->saw_proto)
		machine_odd(m, ODD_PROTO_TWICE);
	else if (m->op != m->start)
		machine_odd(m, ODD_PROTO_LATE);
	m->saw_proto = true;
	m->protocol = (uint8_t)version;
	return true;
}

bool
machine_frame(struct machine *m)
{
	uint64_t length;

	if (!machine_count(m, 8, &length))
		return false;
	if (m->framed && m->at != m->end)
		return machine_fail(m, "begins before the last frame's end");
	if (length > (uint64_t)(m->limit - m->at))
		return machine_fail(m,
		    "the frame runs past the end of the data");
	if (length == 0)
		machine_odd(m, ODD_FRAME_EMPTY);
	m->framed = true;
	m->end = m->at + length;
	return true;
}
