/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_again.c - which containers are walked again, and how often; see walk.c.
 *
 * What holds plain values alone is walked again where scalars are asked for,
 * on an account of its own, and nothing else is met on the way: to ask for
 * scalars must change neither the aliases nor the verdict.
 */
#include "walk_inside.h"

#define AGAIN_PER_NODE 4
#define AGAIN_BASE 1000

void
walk_again_start(struct walk *w)
{
	w->again_left = (uint64_t)w->g->count * AGAIN_PER_NODE + AGAIN_BASE;
	w->plain_left = w->again_left;
}

bool
walk_spend(struct walk *w, uint64_t amount)
{
	if (amount <= w->again_left) {
		w->again_left -= amount;
		return true;
	}
	w->again_left = 0;
	if (!w->again_said)
		sink_note(w->job, NOTE_NAMES, VERDICT_UNUSUAL,
		    WIRE_NO_OFFSET, "shared containers have more paths than "
		    "are followed: not every alias is listed");
	w->again_said = true;
	return false;
}

static bool
spend_plain(struct walk *w)
{
	if (w->plain_left > 0) {
		w->plain_left--;
		return true;
	}
	if (!w->plain_said)
		sink_note(w->job, NOTE_RECORD, VERDICT_CLEAN, WIRE_NO_OFFSET,
		    "shared containers have more paths than are followed: "
		    "not every value is listed");
	w->plain_said = true;
	return false;
}

bool
walk_spend_step(struct walk *w, const struct frame *f)
{
	return f->plain ? spend_plain(w) : walk_spend(w, 1);
}

bool
walk_may_enter(const struct walk *w, const struct value *node)
{
	if (node->mark == MARK_PLAIN)
		return true;
	return node->mark != MARK_ACTIVE && node->mark != MARK_EMPTY &&
	    (w->depth == 0 || !w->stack[w->depth - 1].plain);
}

bool
walk_enter(struct walk *w, vref v, enum again *again)
{
	struct value *node = graph_at(w->g, v);

	*again = AGAIN_NOT;
	if (!walk_may_enter(w, node))
		return false;
	if (node->mark == MARK_PLAIN) {
		*again = AGAIN_SCALARS;
		/* By this path it may be deeper than by the first: that is no
		 * reason to refuse the file. */
		if (w->nesting >= w->job->limits.nesting)
			w->plain_left = 0;
		if (!spend_plain(w))
			return false;
	} else if (node->mark == MARK_FULL) {
		*again = AGAIN_TENSORS;
		if (!walk_spend(w, 1))
			return false;
	}
	node->mark = MARK_ACTIVE;
	return true;
}

void
walk_set_again(struct frame *f, enum again again)
{
	f->again = f->again || again == AGAIN_TENSORS;
	f->plain = f->plain || again == AGAIN_SCALARS;
}

enum mark
walk_mark(const struct walk *w, const struct frame *f)
{
	if (f->plain)
		return MARK_PLAIN;
	if (f->sent != w->sent || f->again)
		return MARK_FULL;
	return f->scalars != w->scalars ? MARK_PLAIN : MARK_EMPTY;
}
