/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_frames.c - the worker's output: takes a frame at random, and mutates
 * its payload (mending the length), changes its type, repeats it, drops it,
 * swaps it with another one, or sets one number of its protobuf to an edge.
 */
#include <string.h>

#include "frame.h"
#include "limits.h"
#include "mutate.h"

#define FRAMES 256
#define ROOM (FRAME_MESSAGE_MAX + 16)

struct part {
	size_t at;
	size_t length;	/* with its head */
};

static size_t
frames_of(const uint8_t *data, size_t size, struct part *parts)
{
	size_t count = 0;
	size_t at = 0;

	while (count < FRAMES && size - at >= FRAME_HEAD_BYTES) {
		struct frame_head head;

		if (!frame_head_read(data + at, &head) ||
		    head.length > size - at - FRAME_HEAD_BYTES)
			break;
		parts[count].at = at;
		parts[count].length = FRAME_HEAD_BYTES + head.length;
		at += parts[count++].length;
	}
	return count;
}

/* Bytes of the varint at p; 0 when it is none. */
static size_t
varint(const uint8_t *p, size_t left)
{
	size_t length = 0;

	while (length < left && length < 10)
		if ((p[length++] & 0x80) == 0)
			return length;
	return 0;
}

static size_t
put_varint(uint8_t *out, uint64_t value)
{
	size_t length = 0;

	for (; value > 0x7f; value >>= 7)
		out[length++] = (uint8_t)(value | 0x80);
	out[length++] = (uint8_t)value;
	return length;
}

/* Sets the which-th varint field of the message to an edge; the new length. */
static size_t
set_number(uint8_t *m, size_t length, size_t room, struct dice *d)
{
	size_t skip = dice_roll(d, 8);
	size_t at = 0;

	while (at < length) {
		uint8_t tag = m[at++];
		size_t n = varint(m + at, length - at);
		uint8_t with[10];

		if (n == 0)
			return 0;
		if ((tag & 7) == 0 && skip-- == 0)
			return splice(m, length, room, at, n, with,
			    put_varint(with, dice_edge(d)));
		at += n;
		if ((tag & 7) == 1)
			at += 8 - n;
		if ((tag & 7) == 2) {
			if (n != 1 || m[at - 1] > length - at)
				return 0;
			at += m[at - 1];
		}
	}
	return 0;
}

static size_t
change_payload(uint8_t *data, size_t size, size_t max_size, struct part p,
    struct dice *d)
{
	static uint8_t fresh[ROOM];
	size_t old = p.length - FRAME_HEAD_BYTES;
	size_t length;

	if (old > ROOM - 16)
		return 0;
	memcpy(fresh, data + p.at + FRAME_HEAD_BYTES, old);
	if (dice_roll(d, 2) == 0)
		length = set_number(fresh, old, old + 16, d);
	else
		length = LLVMFuzzerMutate(fresh, old, old + 16);
	if (length == 0)
		return 0;
	size = splice(data, size, max_size, p.at + FRAME_HEAD_BYTES, old,
	    fresh, length);
	if (size > 0)
		frame_head_write(data + p.at, (enum frame_type)data[p.at + 4],
		    (uint32_t)length);
	return size;
}

size_t
mutate_frames(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	static uint8_t copy[ROOM];
	struct part parts[FRAMES];
	struct dice d = dice_of(seed);
	size_t count = frames_of(data, size, parts);
	struct part p;
	size_t to;

	if (count == 0)
		return 0;
	p = parts[dice_roll(&d, count)];
	to = parts[dice_roll(&d, count)].at;
	if (p.length > sizeof(copy))
		return 0;
	memcpy(copy, data + p.at, p.length);
	switch (dice_roll(&d, 8)) {
	case 0: /* once more, somewhere */
		return mutate_made("frames: repeat", splice(data, size,
		    max_size, to, 0, copy, p.length));
	case 1: /* never */
		return mutate_made("frames: drop", splice(data, size, max_size,
		    p.at, p.length, NULL, 0));
	case 2: /* later or earlier */
		if (to > p.at)
			to -= p.length;
		size = splice(data, size, max_size, p.at, p.length, NULL, 0);
		return mutate_made("frames: move", splice(data, size, max_size,
		    to, 0, copy, p.length));
	case 3: /* as another message */
		data[p.at + 4] = (uint8_t)dice_roll(&d, FRAME_TYPE_LAST + 2);
		return mutate_made("frames: type", size);
	default:
		return mutate_made("frames: payload", change_payload(data,
		    size, max_size, p, &d));
	}
}
