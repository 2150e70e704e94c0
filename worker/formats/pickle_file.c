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
#define EXT1 0x82
#define EXT4 0x84
#define NEWEST 0x98		/* READONLY_BUFFER, the last one there is */
#define STACK_GLOBAL 0x93
/* What decides: so many opcodes in a row, or a STOP, or a global and two more.
 * English text makes 2 at most.  No pickle that runs anything may be missed, or
 * a directory's scan would pass it by: each test here takes whatever Python's
 * Modules/_pickle.c takes, and some more. */
#define OPCODES_ENOUGH 8
#define OPCODES_WITH_GLOBAL 3
/* Nothing honest that is no pickle goes on for so long; some 20 ms. */
#define OPCODES_AGAINST (1u << 22)

/* Arguments of the opcodes (Lib/pickletools.py). */
enum argument {
	ARG_INVALID = 0,
	ARG_NONE,
	ARG_1,
	ARG_2,
	ARG_4,
	ARG_8,
	ARG_COUNT_1,		/* length, then as many bytes */
	ARG_COUNT_4,
	ARG_COUNT_8,
	ARG_NUMBER,		/* a line */
	ARG_FLOAT,
	ARG_QUOTED,
	ARG_TEXT,
	ARG_NAMES		/* two lines: module, name */
};

/* pop: values taken from above the last mark; to_mark: takes the mark. */
struct opcode {
	uint8_t argument, pop, push;
	bool to_mark, mark;
};

static const struct opcode opcodes[NEWEST + 1] = {
	['('] = { ARG_NONE, 0, 0, false, true },
	['0'] = { ARG_NONE, 1, 0, false, false },
	['1'] = { ARG_NONE, 0, 0, true, false },
	['2'] = { ARG_NONE, 1, 2, false, false },
	['F'] = { ARG_FLOAT, 0, 1, false, false },
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
	/* Protocol 2 and later: Python takes them without a PROTO too. */
	[0x80] = { ARG_1, 0, 0, false, false },		/* PROTO */
	[0x81] = { ARG_NONE, 2, 1, false, false },	/* NEWOBJ */
	[0x82] = { ARG_1, 0, 1, false, false },		/* EXT1 */
	[0x83] = { ARG_2, 0, 1, false, false },
	[0x84] = { ARG_4, 0, 1, false, false },
	[0x85] = { ARG_NONE, 1, 1, false, false },	/* TUPLE1 */
	[0x86] = { ARG_NONE, 2, 1, false, false },
	[0x87] = { ARG_NONE, 3, 1, false, false },
	[0x88] = { ARG_NONE, 0, 1, false, false },	/* NEWTRUE */
	[0x89] = { ARG_NONE, 0, 1, false, false },
	[0x8a] = { ARG_COUNT_1, 0, 1, false, false },	/* LONG1 */
	[0x8b] = { ARG_COUNT_4, 0, 1, false, false },
	[0x8c] = { ARG_COUNT_1, 0, 1, false, false },	/* SHORT_BINUNICODE */
	[0x8d] = { ARG_COUNT_8, 0, 1, false, false },
	[0x8e] = { ARG_COUNT_8, 0, 1, false, false },	/* BINBYTES8 */
	[0x8f] = { ARG_NONE, 0, 1, false, false },	/* EMPTY_SET */
	[0x90] = { ARG_NONE, 0, 0, true, false },	/* ADDITEMS */
	[0x91] = { ARG_NONE, 0, 1, true, false },	/* FROZENSET */
	[0x92] = { ARG_NONE, 3, 1, false, false },	/* NEWOBJ_EX */
	[STACK_GLOBAL] = { ARG_NONE, 2, 1, false, false },
	[0x94] = { ARG_NONE, 1, 1, false, false },	/* MEMOIZE */
	[0x95] = { ARG_8, 0, 0, false, false },		/* FRAME */
	[0x96] = { ARG_COUNT_8, 0, 1, false, false },	/* BYTEARRAY8 */
	[0x97] = { ARG_NONE, 0, 1, false, false },	/* NEXT_BUFFER */
	[NEWEST] = { ARG_NONE, 1, 1, false, false },
};

/* Python reads no more than the beginning: blanks, a sign, 0x1f, 1_000, .5,
 * nan; whatever comes after a NUL; and in an empty line a zero. */
static bool
number_is(const uint8_t *line, size_t length, enum argument argument)
{
	static const char *const words[] = { "NAN", "INF" };
	size_t i = 0;

	if (length == 0)
		return true;
	while (i < length && (line[i] == ' ' ||
	    (line[i] >= '\t' && line[i] <= '\r')))
		i++;
	if (i < length && (line[i] == '+' || line[i] == '-'))
		i++;
	if (i == length)
		return false;
	if ((line[i] >= '0' && line[i] <= '9') || line[i] == '.' ||
	    line[i] == '\0')
		return true;
	for (size_t w = 0; argument == ARG_FLOAT && w < 2; w++)
		if (length - i >= 3 && (line[i] & 0xdf) == words[w][0] &&
		    (line[i + 1] & 0xdf) == words[w][1] &&
		    (line[i + 2] & 0xdf) == words[w][2])
			return true;
	return false;
}

static bool
line_is(struct cursor *c, enum argument argument)
{
	size_t length;
	const uint8_t *line = cursor_line(c, &length);

	if (line == NULL)
		return false;
	if (argument == ARG_QUOTED)
		return length >= 2 && (line[0] == '\'' || line[0] == '"');
	if (argument == ARG_NUMBER || argument == ARG_FLOAT)
		return number_is(line, length, argument);
	if (argument == ARG_TEXT)
		return true;
	/* Names are not judged here, but no name has a blank. */
	for (size_t i = 0; i < length; i++)
		if (line[i] <= ' ' || line[i] == 0x7f)
			return false;
	return length > 0;
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
	case ARG_COUNT_8:
		cursor_bytes(c, cursor_u64le(c));
		return !c->bad;
	case ARG_NAMES:
		if (!line_is(c, argument))
			return false;
		/* Python takes a last line that has no end. */
		if (c->left > 0 && memchr(c->at, '\n', c->left) == NULL)
			return true;
		return line_is(c, argument);
	case ARG_NUMBER:
	case ARG_FLOAT:
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
	/* POP takes a mark where there is nothing above it. */
	if (op == &opcodes['0'] && s->marks > 0 && s->depth[s->marks] == 0) {
		s->marks--;
		return true;
	}
	top = &s->depth[s->marks];
	if (*top < op->pop)
		return false;
	*top = *top - op->pop + op->push;
	return true;
}

static bool
text_pickle_is(struct cursor c)
{
	struct shape shape = { 0 };
	bool global = false;
	uint8_t code;

	for (unsigned n = 1; n <= OPCODES_ENOUGH; n++) {
		code = cursor_u8(&c);
		if (c.bad)
			return false;
		if (code == '.')
			return shape.depth[shape.marks] > 0;
		/* What newer protocols have is not for text to imitate. */
		if (code > NEWEST || (code >= PROTO && n > 2))
			return code <= NEWEST;
		if (!argument_is(&c, opcodes[code].argument) ||
		    !effect_is(&shape, &opcodes[code]))
			return false;
		global = global || code == 'c' || code == STACK_GLOBAL;
		/* INST calls at once. */
		if (code == 'i' || (global && n >= OPCODES_WITH_GLOBAL))
			return true;
	}
	return true;
}

/* Of a file that is a safetensors one: what it would run as a pickle, too, is
 * what matters, however far on.  The length of its header and names in all
 * scripts are opcodes often enough (an 'X' of 4,184 bytes that ends within a
 * letter), but name nothing.  Depths are counted over marks, and both counts
 * are the most that there can be: more is taken than Python takes. */
static bool
pickle_runs(struct cursor c)
{
	uint64_t depth = 0;
	uint64_t marks = 0;
	bool global = false;

	for (unsigned n = 0; n < OPCODES_AGAINST; n++) {
		uint8_t code = cursor_u8(&c);
		const struct opcode *op;

		if (c.bad || code > NEWEST || code == '.')
			return false;
		op = &opcodes[code];
		if (!argument_is(&c, op->argument) ||
		    (depth < op->pop && (code != '0' || marks == 0)) ||
		    (op->to_mark && marks == 0))
			return false;
		if (global || code == 'i')
			return true;
		global = code == 'c' || code == STACK_GLOBAL;
		/* It takes a value, or the mark: neither is sure to go. */
		if (code == '0' && marks > 0)
			continue;
		depth = depth - op->pop + op->push;
		marks = marks + op->mark - op->to_mark;
	}
	return true;
}

bool
pickle_file_is(struct job *job)
{
	if (job->size == 0 || torch_legacy_is(job) || torch_dcp_is(job))
		return false;
	/* "PK" is a persistent id as well, but who loads pickles alone stops
	 * there, and torch reads such a file as a zip: no second reading. */
	if (job->size >= 4 && memcmp(job->map, "PK\3\4", 4) == 0)
		return false;
	/* A MessagePack map of two to four begins as EXT1 to EXT4 do: no Python
	 * has an extension registered, so none reads on. */
	if (job->map[0] >= EXT1 && job->map[0] <= EXT4 && flax_is(job))
		return false;
	/* A safetensors header's length is any eight bytes: one honest file in
	 * 32 begins with PROTO. */
	if (safetensors_is(job))
		return pickle_runs(cursor_over(job->map, (size_t)job->size));
	if (job->map[0] == PROTO)
		return job->size >= 2;
	return text_pickle_is(cursor_over(job->map, (size_t)job->size));
}

void
pickle_file_parse(struct job *job)
{
	struct storage_home home = { .find = pickle_no_storages, .job = job };
	struct pickle_source source = {
		.at = job->map, .len = job->size, .base = 0, .in_file = true,
		.joblib = true
	};
	struct graph graph;

	graph_init(&graph, job);
	pickle_read(&graph, &source, &home);
}
