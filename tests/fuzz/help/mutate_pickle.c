/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_pickle.c - pickles, opcode by opcode: deletes, repeats, swaps and moves
 * whole opcodes, puts others with the same effect on the stack in their place,
 * inserts short sequences whose effect is known (and takes it back later), sets
 * arguments and memo numbers, splits, drops and bends frames, and mends (or not)
 * the frames afterwards.  The table of arguments is pickletools' (CPython 3.14).
 */
#include <string.h>

#include "mutate.h"

#define OPS 2048

enum arg {
	ARG_UNKNOWN, ARG_NONE, ARG_1, ARG_2, ARG_4, ARG_8, ARG_LINE,
	ARG_TWO_LINES, ARG_LENGTH_1, ARG_LENGTH_4, ARG_LENGTH_8
};

struct op {
	size_t at;
	size_t length;
};

static enum arg
arg_of(uint8_t code)
{
	if (code == 0)
		return ARG_UNKNOWN;
	if (strchr("(.012NQRabd}eltut)so]\x81\x85\x86\x87\x88\x89\x8f\x90"
	    "\x91\x93\x94\x97\x98", code) != NULL)
		return ARG_NONE;
	if (strchr("Khq\x80\x82", code) != NULL)
		return ARG_1;
	if (strchr("M\x83", code) != NULL)
		return ARG_2;
	if (strchr("Jjr\x84", code) != NULL)
		return ARG_4;
	if (strchr("G\x95", code) != NULL)
		return ARG_8;
	if (strchr("FILPSVgp", code) != NULL)
		return ARG_LINE;
	if (strchr("ci", code) != NULL)
		return ARG_TWO_LINES;
	if (strchr("UC\x8a\x8c", code) != NULL)
		return ARG_LENGTH_1;
	if (strchr("TBX\x8b", code) != NULL)
		return ARG_LENGTH_4;
	if (strchr("\x8d\x8e\x96", code) != NULL)
		return ARG_LENGTH_8;
	return ARG_UNKNOWN;
}

static size_t
counted(const uint8_t *at, size_t left, size_t width)
{
	uint64_t length = 0;

	if (left < width)
		return SIZE_MAX;
	memcpy(&length, at, width);
	return length > left - width ? SIZE_MAX : width + (size_t)length;
}

static size_t
lines(const uint8_t *at, size_t left, unsigned count)
{
	size_t length = 0;

	while (count-- > 0) {
		const uint8_t *end = memchr(at + length, '\n', left - length);

		if (end == NULL)
			return SIZE_MAX;
		length = (size_t)(end - at) + 1;
	}
	return length;
}

/* Bytes of the argument; SIZE_MAX when it is not there in full. */
static size_t
arg_length(const uint8_t *at, size_t left, enum arg arg)
{
	switch (arg) {
	case ARG_NONE:
		return 0;
	case ARG_1:
		return 1;
	case ARG_2:
		return 2;
	case ARG_4:
		return 4;
	case ARG_8:
		return 8;
	case ARG_LINE:
		return lines(at, left, 1);
	case ARG_TWO_LINES:
		return lines(at, left, 2);
	case ARG_LENGTH_1:
		return counted(at, left, 1);
	case ARG_LENGTH_4:
		return counted(at, left, 4);
	case ARG_LENGTH_8:
		return counted(at, left, 8);
	case ARG_UNKNOWN:
		break;
	}
	return SIZE_MAX;
}

static size_t
ops_of(const uint8_t *data, size_t size, struct op *ops)
{
	size_t count = 0;
	size_t at = 0;

	while (at < size && count < OPS) {
		size_t arg = arg_length(data + at + 1, size - at - 1,
		    arg_of(data[at]));

		if (arg > size - at - 1)
			break;
		ops[count].at = at;
		ops[count++].length = 1 + arg;
		at += 1 + arg;
	}
	return count;
}

/* Each frame to end where the next one begins, or the stream does. */
static void
mend_frames(uint8_t *data, size_t size)
{
	static struct op ops[OPS];
	size_t count = ops_of(data, size, ops);
	size_t frame = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		bool stop = data[ops[i].at] == '.';
		size_t end = ops[i].at + (stop ? 1 : 0);
		uint64_t length = end - frame - 9;

		if (data[ops[i].at] != 0x95 && !stop)
			continue;
		if (frame != SIZE_MAX)
			memcpy(data + frame + 1, &length, sizeof(length));
		frame = stop ? SIZE_MAX : ops[i].at;
	}
}

static const struct snippet snippets[] = {
	/* One value more. */
	SNIPPET("N"), SNIPPET(")"), SNIPPET("]"), SNIPPET("}"),
	SNIPPET("\x8f"), SNIPPET("K\1"), SNIPPET("J\xff\xff\xff\xff"),
	SNIPPET("\x8a\x09\0\0\0\0\0\0\0\x80\0"), SNIPPET("G?\xf0\0\0\0\0\0\0"),
	SNIPPET("\x8c\1a"), SNIPPET("C\1a"), SNIPPET("\x88"), SNIPPET("("),
	SNIPPET("\x96\1\0\0\0\0\0\0\0a"), SNIPPET("h\0"), SNIPPET("h\1"),
	SNIPPET("h\5"), SNIPPET("2"), SNIPPET("\x97"), SNIPPET("P1\n"),
	SNIPPET("cos\nsystem\n"), SNIPPET("ccollections\nOrderedDict\n"),
	SNIPPET("ctorch._utils\n_rebuild_tensor_v2\n"),
	SNIPPET("ctorch._utils\n_rebuild_parameter\n"),
	SNIPPET("ctorch\nFloatStorage\n"), SNIPPET("ctorch\nSize\n"),
	SNIPPET("cnumpy.core.multiarray\n_reconstruct\n"),
	SNIPPET("cnumpy\ndtype\n"), SNIPPET("c_codecs\nencode\n"),
	SNIPPET("((X\7\0\0\0storageq\0ctorch\nFloatStorage\n"
	    "X\1\0\0\0" "0X\3\0\0\0cpuK\4tQK\0K\4\x85K\1\x85\x89)t"),
	/* None more, none less. */
	SNIPPET("\x94"), SNIPPET("q\0"), SNIPPET("q\5"), SNIPPET("N0"),
	SNIPPET("(1"), SNIPPET("\x98"), SNIPPET("\x95\0\0\0\0\0\0\0\0"),
	/* Fewer, or another one. */
	SNIPPET("0"), SNIPPET("1"), SNIPPET("a"), SNIPPET("e"), SNIPPET("s"),
	SNIPPET("u"), SNIPPET("t"), SNIPPET("l"), SNIPPET("d"), SNIPPET("b"),
	SNIPPET("R"), SNIPPET("Q"), SNIPPET("o"), SNIPPET("\x81"),
	SNIPPET("\x92"), SNIPPET("\x93"), SNIPPET("\x85"), SNIPPET("\x86"),
	SNIPPET("\x87"), SNIPPET("\x90"), SNIPPET("\x91"), SNIPPET("."),
};

static size_t
set_argument(uint8_t *data, size_t size, struct op o, struct dice *d)
{
	uint64_t value = dice_roll(d, 2) == 0 ? dice_edge(d) : dice_roll(d, 16);
	enum arg arg = arg_of(data[o.at]);
	size_t width = arg == ARG_4 || arg == ARG_LENGTH_4 ? 4 : 1;

	if (arg == ARG_NONE || arg == ARG_LINE || arg == ARG_TWO_LINES)
		return 0;
	if (arg == ARG_8 || arg == ARG_LENGTH_8)
		width = 8;
	if (arg == ARG_2)
		width = 2;
	memcpy(data + o.at + 1, &value, width);
	return size;
}

/* The same argument for another opcode. */
static size_t
set_opcode(uint8_t *data, size_t size, struct op o, struct dice *d)
{
	enum arg arg = arg_of(data[o.at]);

	for (unsigned tries = 0; tries < 64; tries++) {
		uint8_t code = (uint8_t)dice_roll(d, 256);

		if (arg_of(code) == arg && code != data[o.at]) {
			data[o.at] = code;
			return size;
		}
	}
	return 0;
}

/* What an opcode adds to the stack, where that does not depend on marks; 9
 * where it does. */
static int
effect_of(uint8_t code)
{
	if (code == 0)
		return 9;
	if (strchr("N)]}KJMILFGSTUVXCBcghjP2\x8f\x8a\x8b\x8c\x8d\x8e\x96"
	    "\x88\x89", code) != NULL)
		return 1;
	if (strchr("pqrQ\x94\x95\x80\x85\x97\x98", code) != NULL)
		return 0;
	if (strchr("0abR\x81\x86\x93", code) != NULL)
		return -1;
	return strchr("s\x87\x92", code) != NULL ? -2 : 9;
}

/* Another opcode, with its argument, that does the same to the stack. */
static size_t
replace_alike(uint8_t *data, size_t size, size_t max_size, struct op o,
    struct dice *d)
{
	int effect = effect_of(data[o.at]);

	for (unsigned tries = 0; tries < 64 && effect != 9; tries++) {
		const struct snippet *s = &DICE_PICK(snippets, d);
		uint8_t code = s->at[0];
		size_t arg = arg_length(s->at + 1, s->length - 1, arg_of(code));

		if (effect_of(code) == effect && arg + 1 == s->length)
			return splice(data, size, max_size, o.at, o.length,
			    s->at, s->length);
	}
	return 0;
}

/* One value more here, and away with one some opcodes later. */
static size_t
insert_balanced(uint8_t *data, size_t size, size_t max_size,
    const struct op *ops, size_t count, struct dice *d)
{
	const struct snippet *s = &DICE_PICK(snippets, d);
	size_t i = dice_roll(d, count);
	size_t j = i + dice_roll(d, count - i < 8 ? count - i : 8);

	if (effect_of(s->at[0]) != 1 || size + s->length + 1 > max_size)
		return 0;
	size = splice(data, size, max_size, ops[j].at, 0, (const uint8_t *)"0",
	    1);
	return splice(data, size, max_size, ops[i].at, 0, s->at, s->length);
}

static size_t
swap(uint8_t *data, size_t size, const struct op *ops, size_t count,
    struct dice *d)
{
	size_t i = dice_roll(d, count);
	size_t runs = 1 + dice_roll(d, 4);

	if (i + 2 * runs > count)
		return 0;
	exchange(data, ops[i].at, ops[i + runs].at, ops[i + 2 * runs - 1].at +
	    ops[i + 2 * runs - 1].length);
	return size;
}

/* A put or get with another number: one that is in use, or near it. */
static size_t
edit_memo(uint8_t *data, size_t size, const struct op *ops, size_t count,
    struct dice *d)
{
	size_t i = dice_roll(d, count);
	size_t tries = 0;
	size_t width;

	while (strchr("qhrj", data[ops[i].at]) == NULL || data[ops[i].at] == 0)
		if (++tries == 32)
			return 0;
		else
			i = (i + 1) % count;
	width = ops[i].length - 1;
	if (dice_roll(d, 8) == 0) /* put for get, and back */
		data[ops[i].at] ^= data[ops[i].at] == 'q' ||
		    data[ops[i].at] == 'h' ? 'q' ^ 'h' : 'r' ^ 'j';
	else
		put_le(data + ops[i].at + 1, width, get_le(data + ops[i].at +
		    1, width) + dice_roll(d, 7) - 3);
	return size;
}

/* A frame over some opcodes, no frame, or one that ends elsewhere. */
static size_t
edit_frame(uint8_t *data, size_t size, size_t max_size, const struct op *ops,
    size_t count, struct dice *d)
{
	uint8_t frame[9] = { 0x95 };
	size_t first = dice_roll(d, count);
	size_t last = first + dice_roll(d, count - first);
	uint64_t length = ops[last].at + ops[last].length - ops[first].at;

	for (size_t i = first; i < count; i++) {
		uint8_t *op = data + ops[i].at;

		if (*op != 0x95)
			continue;
		if (dice_roll(d, 3) == 0)
			return splice(data, size, max_size, ops[i].at, 9, NULL,
			    0);
		if (dice_roll(d, 2) == 0)
			put_le(op + 1, 8, get_le(op + 1, 8) + dice_roll(d, 21) -
			    10);
		else
			put_le(op + 1, 8, dice_edge(d));
		return size;
	}
	put_le(frame + 1, 8, length + (dice_roll(d, 4) == 0 ? dice_roll(d, 5) -
	    2 : 0));
	return splice(data, size, max_size, ops[first].at, 0, frame, 9);
}

/* A run of whole opcodes, once more, in another place. */
static size_t
copy_run(uint8_t *data, size_t size, size_t max_size, const struct op *ops,
    size_t count, struct dice *d)
{
	static uint8_t run[4096];
	size_t first = dice_roll(d, count);
	size_t last = first + dice_roll(d, count - first < 16 ? count - first
	    : 16);
	size_t length = ops[last].at + ops[last].length - ops[first].at;

	if (length > sizeof(run))
		return 0;
	memcpy(run, data + ops[first].at, length);
	return splice(data, size, max_size, ops[dice_roll(d, count)].at, 0, run,
	    length);
}

static size_t
change(uint8_t *data, size_t size, size_t max_size, const struct op *ops,
    size_t count, struct dice *d)
{
	struct op o = ops[dice_roll(d, count)];
	const struct snippet *s = &DICE_PICK(snippets, d);

	switch (dice_roll(d, 13)) {
	case 0:
		return mutate_made("pickle: delete", splice(data, size,
		    max_size, o.at, o.length, NULL, 0));
	case 1:
		return mutate_made("pickle: copy", copy_run(data, size,
		    max_size, ops, count, d));
	case 2:
		return mutate_made("pickle: insert", splice(data, size,
		    max_size, o.at, 0, s->at, s->length));
	case 3:
		return mutate_made("pickle: insert balanced", insert_balanced(
		    data, size, max_size, ops, count, d));
	case 4:
		return mutate_made("pickle: replace", splice(data, size,
		    max_size, o.at, o.length, s->at, s->length));
	case 5:
	case 6:
		return mutate_made("pickle: replace alike", replace_alike(data,
		    size, max_size, o, d));
	case 7:
		return mutate_made("pickle: opcode", set_opcode(data, size, o,
		    d));
	case 8:
		return mutate_made("pickle: swap", swap(data, size, ops, count,
		    d));
	case 9:
		return mutate_made("pickle: memo", edit_memo(data, size, ops,
		    count, d));
	default:
		return mutate_made("pickle: argument", set_argument(data, size,
		    o, d));
	}
}

size_t
mutate_pickle(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static struct op ops[OPS];
	struct dice d = dice_of(seed);
	size_t rounds = 1 + dice_roll(&d, 4);
	size_t was = size;
	size_t count = ops_of(data, size, ops);

	if (count > 0 && dice_roll(&d, 16) == 0)
		return mutate_made("pickle: frame", edit_frame(data, size,
		    max_size, ops, count, &d));
	for (size_t i = 0; i < rounds && count > 0; i++) {
		size_t fresh = change(data, size, max_size, ops, count, &d);

		if (fresh == 0 && i == 0)
			return 0;
		if (fresh > 0)
			size = fresh;
		count = ops_of(data, size, ops);
	}
	if (size != was && dice_roll(&d, 8) != 0) {
		mend_frames(data, size);
		(void)mutate_made("pickle: frames mended", size);
	}
	return count == 0 && size == was ? 0 : size;
}
