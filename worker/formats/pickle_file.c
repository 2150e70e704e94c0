/* SPDX-License-Identifier: Apache-2.0
 *
 * pickle_file.c - a bare pickle, of any protocol.  From protocol 2 on the first
 * byte tells; protocols 0 and 1 are text with no magic at all, so the beginning
 * is read as opcodes and must make sense: many text files begin with a letter
 * that is an opcode (Python's own site-path files are named .pth); few go on.
 */
#include <string.h>

#include "cursor.h"
#include "formats.h"
#include "pickle_read.h"
#include "sink.h"

#define PROTO 0x80
#define NEWEST 0x98		/* READONLY_BUFFER, the last one there is */
/* What decides: so many opcodes in a row, or a STOP, or a global and two more.
 * English text makes 2 at most. */
#define OPCODES_ENOUGH 8
#define OPCODES_WITH_GLOBAL 3
#define LINE_MAX_BYTES 4096

/* Arguments of the opcodes of protocols 0 and 1 (Lib/pickletools.py). */
enum argument {
	ARG_INVALID = 0,
	ARG_NONE,
	ARG_1,
	ARG_2,
	ARG_4,
	ARG_8,
	ARG_COUNT_1,		/* length, then as many bytes */
	ARG_COUNT_4,
	ARG_NUMBER,		/* a line */
	ARG_QUOTED,
	ARG_TEXT,
	ARG_NAMES		/* two lines: module, name */
};

/* pop: values taken from above the last mark; to_mark: takes the mark. */
struct opcode {
	uint8_t argument, pop, push;
	bool to_mark, mark;
};

static const struct opcode opcodes[128] = {
	['('] = { ARG_NONE, 0, 0, false, true },
	['0'] = { ARG_NONE, 1, 0, false, false },
	['1'] = { ARG_NONE, 0, 0, true, false },
	['2'] = { ARG_NONE, 1, 2, false, false },
	['F'] = { ARG_NUMBER, 0, 1, false, false },
	['G'] = { ARG_8, 0, 1, false, false },
	['I'] = { ARG_NUMBER, 0, 1, false, false },
	['J'] = { ARG_4, 0, 1, false, false },
	['K'] = { ARG_1, 0, 1, false, false },
	['L'] = { ARG_NUMBER, 0, 1, false, false },
	['M'] = { ARG_2, 0, 1, false, false },
	['N'] = { ARG_NONE, 0, 1, false, false },
	['P'] = { ARG_TEXT, 0, 1, false, false },
	['Q'] = { ARG_NONE, 1, 1, false, false },
	['R'] = { ARG_NONE, 2, 1, false, false },
	['S'] = { ARG_QUOTED, 0, 1, false, false },
	['T'] = { ARG_COUNT_4, 0, 1, false, false },
	['U'] = { ARG_COUNT_1, 0, 1, false, false },
	['V'] = { ARG_TEXT, 0, 1, false, false },
	['X'] = { ARG_COUNT_4, 0, 1, false, false },
	['B'] = { ARG_COUNT_4, 0, 1, false, false },
	['C'] = { ARG_COUNT_1, 0, 1, false, false },
	['a'] = { ARG_NONE, 2, 1, false, false },
	['b'] = { ARG_NONE, 2, 1, false, false },
	['c'] = { ARG_NAMES, 0, 1, false, false },
	['d'] = { ARG_NONE, 0, 1, true, false },
	['e'] = { ARG_NONE, 0, 0, true, false },
	['g'] = { ARG_NUMBER, 0, 1, false, false },
	['h'] = { ARG_1, 0, 1, false, false },
	['i'] = { ARG_NAMES, 0, 1, true, false },
	['j'] = { ARG_4, 0, 1, false, false },
	['l'] = { ARG_NONE, 0, 1, true, false },
	['o'] = { ARG_NONE, 0, 1, true, false },
	['p'] = { ARG_NUMBER, 1, 1, false, false },
	['q'] = { ARG_1, 1, 1, false, false },
	['r'] = { ARG_4, 1, 1, false, false },
	['s'] = { ARG_NONE, 3, 1, false, false },
	['t'] = { ARG_NONE, 0, 1, true, false },
	['u'] = { ARG_NONE, 0, 0, true, false },
	['}'] = { ARG_NONE, 0, 1, false, false },
	[']'] = { ARG_NONE, 0, 1, false, false },
	[')'] = { ARG_NONE, 0, 1, false, false },
};

static bool
line_is(struct cursor *c, enum argument argument)
{
	size_t length;
	const uint8_t *line = cursor_line(c, &length);
	uint8_t b;

	if (line == NULL || length > LINE_MAX_BYTES)
		return false;
	if (argument == ARG_QUOTED)
		return length >= 2 && (line[0] == '\'' || line[0] == '"');
	for (size_t i = 0; i < length; i++) {
		b = line[i];
		if (argument == ARG_NUMBER && !(b >= '0' && b <= '9') &&
		    memchr("+-.eELnaif \r", b, 12) == NULL)
			return false;
		/* Names are not judged here, but no name has a blank. */
		if (argument == ARG_NAMES && (b <= ' ' || b == 0x7f))
			return false;
		if (b < ' ' && b != '\t' && b != '\r')
			return false;
	}
	return length > 0 || argument == ARG_TEXT;
}

static bool
argument_is(struct cursor *c, enum argument argument)
{
	switch (argument) {
	case ARG_NONE:
		return true;
	case ARG_1:
	case ARG_2:
	case ARG_4:
	case ARG_8:
		cursor_bytes(c, UINT64_C(1) << (argument - ARG_1));
		return !c->bad;
	case ARG_COUNT_1:
		cursor_bytes(c, cursor_u8(c));
		return !c->bad;
	case ARG_COUNT_4:
		cursor_bytes(c, cursor_u32le(c));
		return !c->bad;
	case ARG_NAMES:		/* two lines */
		if (!line_is(c, argument))
			return false;
		return line_is(c, argument);
	case ARG_NUMBER:
	case ARG_QUOTED:
	case ARG_TEXT:
		return line_is(c, argument);
	case ARG_INVALID:
	default:
		return false;
	}
}

/* Depths of the stack below each open mark are not kept: after a mark is taken
 * the depth is only known to be what it was, which is all that this needs. */
struct shape {
	unsigned depth[OPCODES_ENOUGH + 1];
	unsigned marks;
};

static bool
effect_is(struct shape *s, const struct opcode *op)
{
	unsigned *top;

	if (op->mark) {
		s->depth[++s->marks] = 0;
		return true;
	}
	if (op->to_mark) {
		if (s->marks == 0)
			return false;
		s->marks--;
	}
	top = &s->depth[s->marks];
	if (*top < op->pop)
		return false;
	*top = *top - op->pop + op->push;
	return true;
}

/* strict: the file has another format already, so a pickle that ends before it
 * has named a global, and so harms nobody, is a stray "N." and no second one. */
static bool
text_pickle_is(struct cursor c, bool strict)
{
	struct shape shape = { 0 };
	bool global = false;
	uint8_t code;

	for (unsigned n = 1; n <= OPCODES_ENOUGH; n++) {
		code = cursor_u8(&c);
		if (c.bad)
			return false;
		if (code == '.')
			return !strict && shape.depth[shape.marks] > 0;
		/* What newer protocols have is not for text to imitate. */
		if (code >= PROTO)
			return code <= NEWEST && n > 2;
		if (!argument_is(&c, opcodes[code].argument) ||
		    !effect_is(&shape, &opcodes[code]))
			return false;
		global = global || code == 'c' || code == 'i';
		if (global && n >= OPCODES_WITH_GLOBAL)
			return true;
	}
	return true;
}

bool
pickle_file_is(struct job *job)
{
	if (job->size == 0 || torch_legacy_is(job))
		return false;
	if (job->map[0] == PROTO)
		return job->size >= 2;
	/* A safetensors header's length is any eight bytes. */
	return text_pickle_is(cursor_over(job->map, (size_t)job->size),
	    safetensors_is(job));
}

static bool
find_nothing(struct storage_home *home, const uint8_t *key, size_t key_len,
    uint64_t where, uint32_t *id, uint64_t *bytes, const uint8_t **data)
{
	(void)id;
	(void)bytes;
	(void)data;
	die_about(home->job, FAULT_FORMAT, where,
	    "a bare pickle has no storage records", key, key_len);
}

void
pickle_file_parse(struct job *job)
{
	struct storage_home home = { .find = find_nothing, .job = job };
	struct pickle_source source = {
		.at = job->map, .len = job->size, .base = 0, .in_file = true
	};
	struct graph graph;

	graph_init(&graph, job);
	pickle_read(&graph, &source, &home);
}
