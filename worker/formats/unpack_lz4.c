/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack_lz4.c - LZ4 frames: the frame is read here, its blocks by liblz4's two
 * decoders that take no memory at all.  Every checksum that is there is right.
 * No dictionaries, no skippable frames, one frame a file.
 * Source: lz4 1.9.4, doc/lz4_Frame_format.md.
 */
#include <lz4.h>
#include <string.h>

#include "cursor.h"
#include "unpack.h"
#include "xxh32.h"

#define MAGIC UINT32_C(0x184d2204)
/* Of FLG: version 1 in the upper two bits. */
#define FLAG_INDEPENDENT 0x20
#define FLAG_BLOCK_SUM 0x10
#define FLAG_SIZE 0x08
#define FLAG_SUM 0x04
#define FLAG_RESERVED 0x02
#define FLAG_DICTIONARY 0x01
/* Of a block's size: the bytes stand as they are. */
#define STORED UINT32_C(0x80000000)
/* How far back a block may reach. */
#define REACH (64 * KIB)
/* The magic, FLG, BD, their check, and the end's mark. */
#define FRAME_MIN 11

struct lz4_frame {
	uint8_t flags;
	uint64_t block_max;
	uint64_t size;		/* with FLAG_SIZE */
};

static bool
is(const struct job *job)
{
	return job->size >= FRAME_MIN &&
	    memcmp(job->map, "\x04\x22\x4d\x18", 4) == 0;
}

static struct cursor
input(const struct unpack *u)
{
	return cursor_over(u->in + u->used, (size_t)(u->in_size - u->used));
}

static void
took(struct unpack *u, const struct cursor *c)
{
	if (c->bad)
		unpack_cut(u);
	u->used = (uint64_t)(c->at - u->in);
}

static void
judge_head(struct unpack *u, const struct lz4_frame *f, uint8_t sizes,
    bool right)
{
	if (f->flags >> 6 != 1 || (f->flags & FLAG_RESERVED) != 0 ||
	    (sizes & 0x8f) != 0 || sizes >> 4 < 4)
		die(u->job, FAULT_FORMAT, 4, "lz4: an unknown frame");
	if (!right)
		die(u->job, FAULT_FORMAT, u->used - 1,
		    "lz4: a wrong checksum of the frame's header");
	if (f->flags & FLAG_DICTIONARY)
		die(u->job, FAULT_UNSUPPORTED, 4,
		    "lz4: a frame that needs a dictionary");
}

static struct lz4_frame *
begin(struct unpack *u)
{
	struct lz4_frame *f = unpack_alloc(u, 1, sizeof *f);
	struct cursor c = input(u);
	const uint8_t *described;
	uint8_t sizes;
	uint8_t sum;
	bool right;

	if (f == NULL)
		unpack_too_much(u);
	(void)cursor_u32le(&c);
	described = c.at;
	f->flags = cursor_u8(&c);
	sizes = cursor_u8(&c);
	f->size = f->flags & FLAG_SIZE ? cursor_u64le(&c) : 0;
	if (f->flags & FLAG_DICTIONARY)
		(void)cursor_u32le(&c);
	sum = c.bad ? 0 : (uint8_t)(xxh32(described,
	    (uint64_t)(c.at - described)) >> 8);
	right = cursor_u8(&c) == sum;
	took(u, &c);
	judge_head(u, f, sizes, right);
	/* 64 KiB, 256 KiB, 1 MiB, 4 MiB */
	f->block_max = UINT64_C(1) << (8 + 2 * (sizes >> 4));
	return u->state = f;
}

/* The end's mark is behind us: the content's checksum, and nothing more. */
static void
end(struct unpack *u, const struct lz4_frame *f)
{
	struct cursor c = input(u);
	uint32_t sum = f->flags & FLAG_SUM ? cursor_u32le(&c) : 0;

	took(u, &c);
	if (f->flags & FLAG_SUM && sum != xxh32(u->out, u->made))
		die(u->job, FAULT_FORMAT, u->used - 4, "lz4: a wrong checksum");
	if (f->flags & FLAG_SIZE && f->size != u->made)
		die(u->job, FAULT_FORMAT, 6,
		    "lz4: not as many bytes as the header says");
	unpack_ended(u);
}

static uint64_t
decode(const struct unpack *u, const struct lz4_frame *f, const uint8_t *at,
    uint32_t length)
{
	uint64_t reach = f->flags & FLAG_INDEPENDENT ? 0 :
	    u->made < REACH ? u->made : REACH;
	uint8_t *to = u->out + u->made;
	int made;

	/* Both below 2^31: block_max is 4 MiB at most. */
	made = LZ4_decompress_safe_usingDict((const char *)at, (char *)to,
	    (int)length, (int)f->block_max, (const char *)(to - reach),
	    (int)reach);
	return made < 0 ? UINT64_MAX : (uint64_t)made;
}

static void
block(struct unpack *u, const struct lz4_frame *f)
{
	struct cursor c = input(u);
	uint32_t head = cursor_u32le(&c);
	uint32_t length = head & ~STORED;
	uint64_t where = u->used;
	const uint8_t *at;
	uint64_t made;

	if (!c.bad && head == 0) {
		took(u, &c);
		end(u, f);
		return;
	}
	if (!c.bad && length > f->block_max)
		die(u->job, FAULT_FORMAT, where, "lz4: a block too large");
	at = cursor_bytes(&c, length);
	if (f->flags & FLAG_BLOCK_SUM && cursor_u32le(&c) !=
	    (c.bad ? 0 : xxh32(at, length)) && !c.bad)
		die(u->job, FAULT_FORMAT, where,
		    "lz4: a wrong checksum of a block");
	took(u, &c);
	if (head & STORED) {
		memcpy(u->out + u->made, at, length);
		u->made += length;
		return;
	}
	made = decode(u, f, at, length);
	if (made == UINT64_MAX)
		die(u->job, FAULT_FORMAT, where, "lz4: invalid data");
	u->made += made;
}

static void
more(struct unpack *u, uint64_t upto)
{
	const struct lz4_frame *f = u->state == NULL ? begin(u) : u->state;

	while (!u->ended && !u->full && u->made < upto) {
		if (u->room - u->made < f->block_max)
			u->full = true;
		else
			block(u, f);
	}
	if (u->made == u->room && !u->ended)
		u->full = true;
}

const struct unpack_method unpack_lz4 = {
	"lz4", "no format that is read here: LZ4; unpack it "
	"first, for inside is no pickle", is, more
};
