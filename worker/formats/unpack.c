/* SPDX-License-Identifier: Apache-2.0
 *
 * unpack.c - see unpack.h.  What is left of the arena is one block while it
 * lasts: two thirds for what comes out, so that the pickle in it can be read
 * beside it, and one third for the library, which is handed out in order.
 */
#include "unpack.h"

#include <string.h>

/* Of the arena, for whoever sends a note meanwhile. */
#define SPARE (64 * KIB)
/* Copies by words may write so far beyond what they made. */
#define SLOP 1024

/* In front of each block of the library's memory. */
struct unpack_block {
	struct unpack_block *next;	/* idle ones */
	uint64_t size;
};

_Static_assert(sizeof(struct unpack_block) % 16 == 0, "keeps alignment");

static uint64_t
room_of(uint64_t packed, uint64_t rest)
{
	uint64_t room = rest / 3 * 2;
	uint64_t ratio;

	if (__builtin_mul_overflow(packed, (uint64_t)UNPACK_RATIO, &ratio))
		return room;
	if (ratio < UNPACK_FREE)
		ratio = UNPACK_FREE;
	return ratio < room ? ratio : room;
}

void
unpack_begin(struct unpack *u, struct job *job)
{
	uint64_t rest = job->arena.size - job->arena.used;

	rest = rest < 2 * SPARE ? 0 : (rest - SPARE) & ~UINT64_C(15);
	*u = (struct unpack){
		.job = job, .in = job->map, .in_size = job->size
	};
	u->out = arena_alloc(&job->arena, rest, 1);
	u->room = room_of(u->in_size, rest);
	u->full = u->room == 0;
	u->memory = u->out + (rest / 3 * 2 & ~UINT64_C(15));
	u->memory_size = (uint64_t)(u->out + rest - u->memory);
}

void
unpack_end(struct unpack *u)
{
	uint64_t slop = u->room - u->made;

	/* The arena hands out zeroes. */
	memset(u->memory, 0, (size_t)u->memory_used);
	memset(u->out + u->made, 0, (size_t)(slop < SLOP ? slop : SLOP));
	arena_trim(&u->job->arena, u->out, u->made);
}

void *
unpack_alloc(struct unpack *u, uint64_t count, uint64_t size)
{
	struct unpack_block **at;
	struct unpack_block *block;
	uint64_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    bytes > u->memory_size)
		return NULL;
	bytes = (bytes + 15) & ~UINT64_C(15);
	for (at = &u->idle; *at != NULL; at = &(*at)->next) {
		if ((*at)->size < bytes)
			continue;
		block = *at;
		*at = block->next;
		return block + 1;
	}
	bytes += sizeof *block;
	if (bytes > u->memory_size - u->memory_used)
		return NULL;
	block = (struct unpack_block *)(void *)(u->memory + u->memory_used);
	block->size = bytes - sizeof *block;
	u->memory_used += bytes;
	return block + 1;
}

void
unpack_release(struct unpack *u, void *at)
{
	struct unpack_block *block = at;

	if (block == NULL)
		return;
	block--;
	block->next = u->idle;
	u->idle = block;
}

void
unpack_ended(struct unpack *u)
{
	if (u->used != u->in_size)
		die(u->job, FAULT_FORMAT, u->used,
		    "unpack: bytes left over after the stream");
	u->ended = true;
}

void
unpack_cut(struct unpack *u)
{
	die(u->job, FAULT_FORMAT, u->in_size,
	    "unpack: the stream ends early");
}

void
unpack_too_much(struct unpack *u)
{
	die(u->job, FAULT_LIMIT, u->used,
	    "unpack: its dictionary needs more memory than there is "
	    "(arena_bytes)");
}
