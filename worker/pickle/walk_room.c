/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_room.c - the memory that a walk needs for its path and its stack: from
 * the limits and the number of nodes, never from what a container claims, and
 * kept for the next walk, since an arena gives nothing back.
 */
#include "vocabulary.h"
#include "walk_inside.h"
#include "wrapped.h"

/* Every window that bytes are opened in has a place of its own. */
_Static_assert(WALK_ROOMS > WRAPPED_DEPTH_MAX, "a walk inside a walk");

/* For each counted frame at most two that are not (a call's part, the pair in a
 * state), and what stands before the first. */
static void
make_room(struct walk_room *room, struct job *job, uint64_t deepest,
    size_t above)
{
	room->parts = arena_alloc(&job->arena, above + 3 * deepest + 8,
	    sizeof(*room->parts));
	room->stack = arena_alloc(&job->arena, 3 * deepest + 8,
	    sizeof(*room->stack));
	room->deepest = deepest;
	room->above = above;
}

/* The place that the last walk of this window had, unless it is too small; the
 * next is twice as large as is needed now, as nodes become more and more. */
void
walk_find_room(struct walk *w, size_t above)
{
	struct job *job = w->job;
	struct vocabulary *words = w->home->words;
	struct walk_room *room = &words->rooms[job->window.depth];
	uint64_t nesting = job->limits.nesting;
	uint64_t deepest = nesting < w->g->count ? nesting : w->g->count;

	if (room->deepest < deepest || room->above < above) {
		if (room->deepest > 0)
			deepest = nesting < 2 * deepest ? nesting :
			    2 * deepest;
		make_room(room, job, deepest, 2 * above);
		words->rooms_made++;
	}
	w->parts = room->parts;
	w->stack = room->stack;
}
