/* SPDX-License-Identifier: Apache-2.0
 *
 * walk.c - see walk.h.  Depth first, in the order of the file, with a stack of
 * its own: the graph is hostile, shares nodes and contains itself.
 *
 * What is reached twice.  A tensor is sent once; each further path to its node
 * is an alias.  A container is walked once; when it is reached again and holds
 * tensors it is walked again for the aliases, as Python's state_dict() would
 * name them, but all such work together is bounded: a DAG of n nodes may have
 * 2^n paths.  When that is spent one note says so and the rest goes unnamed;
 * walk_again.c keeps the accounts.  A container inside itself is not entered
 * again.
 */
#include "walk.h"

#include <string.h>

#include "verdict.h"
#include "vocabulary.h"
#include "walk_inside.h"
#include "walk_keys.h"
#include "wrapped.h"

/* Long keys may be shared by many dicts: bytes that may be hashed and compared
 * are 8 times the input, and this. */
#define KEY_BYTES_BASE (16 * MIB)

/* -------------------------------------------------------------- the stack */

static struct frame *
push(struct walk *w, enum frame_kind kind, vref node, vref seq, bool counted)
{
	struct frame *f = &w->stack[w->depth];
	const struct frame *above = w->depth > 0 ? f - 1 : NULL;

	if (counted && w->nesting++ >= w->job->limits.nesting)
		die(w->job, FAULT_LIMIT,
		    value_where(w->g, node, WIRE_NO_OFFSET),
		    "containers are nested over the limit nesting");
	w->depth++;
	f->kind = kind;
	f->node = node;
	f->seq = seq;
	f->next = 0;
	f->counted = counted;
	f->attributes = false;
	f->spread = false;
	f->without = false;
	f->settled = false;
	f->also = VREF_MISSING;
	f->again = above != NULL && above->again;
	f->plain = above != NULL && above->plain;
	f->parts = w->path.count;
	f->sent = w->sent;
	f->scalars = w->scalars;
	return f;
}

static void
pop(struct walk *w)
{
	struct frame *f = &w->stack[--w->depth];
	struct value *node;

	if (f->counted) {
		w->nesting--;
		node = graph_at(w->g, f->node);
		if (node->mark >= MARK_RECORD)
			w->records[node->mark - MARK_RECORD].active = false;
		else
			node->mark = walk_mark(w, f);
	}
	w->path.count = f->parts;
}

static void
enter_container(struct walk *w, vref v, enum frame_kind kind, bool attributes)
{
	struct frame *f;
	enum again again;

	if (!walk_enter(w, v, &again))
		return;
	if (kind == FRAME_ENTRIES && again == AGAIN_NOT)
		keys_settle(w->g, v, &w->key_bytes_left);
	f = push(w, kind, v, v, true);
	f->attributes = attributes;
	walk_set_again(f, again);
}

/* ------------------------------------------------------------------ calls */

/* Sends an alias for each tensor of the record. */
static void
send_aliases(struct walk *w, const struct record *r, uint64_t where)
{
	const struct vocabulary *words = w->home->words;
	struct path path = w->path;

	if (r->count == 0)
		sink_alias(w->job, &path, SINK_SKIPPED, where);
	for (uint32_t i = 0; i < r->count; i++) {
		path.suffix = words->sent[r->first + i].suffix;
		sink_alias(w->job, &path, words->sent[r->first + i].tensor,
		    where);
	}
	w->sent++;
}

/* What comes with a tensor: attributes of a subclass, items of an array. */
static void
enter_also(struct walk *w, vref v, bool again)
{
	struct record *r = &w->records[graph_at(w->g, v)->mark - MARK_RECORD];
	struct frame *f;

	if (r->active || r->also == VREF_MISSING || walk_is_leaf(w, r->also) ||
	    (again && !walk_spend(w, 1)))
		return;
	r->active = true;
	f = push(w, FRAME_SAME, v, VREF_NONE, true);
	f->also = r->also;
	f->again = f->again || again;
}

/* One tensor under its own name, and no more: its number will do, and what the
 * vocabulary kept of it can go. */
static bool
remember_tensor(struct walk *w, vref v, const struct meant *m)
{
	struct vocabulary *words = w->home->words;
	const struct sent *sent = &words->sent[m->first];

	if (m->count != 1 || m->also != VREF_MISSING ||
	    m->first + 1 != words->sent_count || sent->suffix != NULL ||
	    sent->tensor >= MARK_TENSOR)
		return false;
	graph_at(w->g, v)->mark = MARK_TENSOR | sent->tensor;
	words->sent_count = m->first;
	w->sent++;
	return true;
}

static void
remember(struct walk *w, vref v, const struct meant *m)
{
	if (remember_tensor(w, v, m))
		return;
	w->records = arena_grow(&w->job->arena, w->records,
	    sizeof(*w->records), w->record_count, w->record_count + 1,
	    &w->record_capacity);
	w->records[w->record_count] = (struct record){ .first = m->first,
		.count = m->count, .also = m->also };
	graph_at(w->g, v)->mark = MARK_RECORD + w->record_count++;
	w->sent++;
	enter_also(w, v, false);
}

/* A call that is walked into, as what it stands for or as an object. */
static void
enter_same(struct walk *w, vref v, const struct meant *m, bool attributes)
{
	struct frame *f;
	enum again again;

	if (!walk_enter(w, v, &again))
		return;
	f = push(w, FRAME_SAME, v, m->inner, true);
	f->also = m->also;
	f->attributes = attributes;
	walk_set_again(f, again);
}

static void
enter_object(struct walk *w, vref v, bool attributes)
{
	struct value *node = graph_at(w->g, v);
	enum contents contents;
	struct frame *f;
	enum again again;

	contents = walk_contents(w, v);
	if (contents == CONTENTS_UNSURE) {
		sink_skip(w->job, &w->path, VERDICT_UNUSUAL,
		    graph_where(w->g, v), "what it holds depends on the order "
		    "in which it was made");
		node->mark = MARK_EMPTY;
		return;
	}
	if (!walk_enter(w, v, &again))
		return;
	if (again == AGAIN_NOT)
		walk_object(w, v);
	f = push(w, FRAME_OBJECT, v, VREF_MISSING, true);
	f->spread = contents == CONTENTS_GIVEN;
	f->without = contents == CONTENTS_LATER;
	f->settled = again != AGAIN_NOT;
	f->attributes = attributes;
	walk_set_again(f, again);
}

static void
enter_call(struct walk *w, vref v, bool attributes)
{
	const struct value *node = graph_at(w->g, v);
	struct meant m;

	if (!walk_may_enter(w, node))
		return;
	if (node->mark >= MARK_TENSOR) {
		sink_alias(w->job, &w->path, node->mark - MARK_TENSOR,
		    graph_where(w->g, v));
		w->sent++;
		return;
	}
	if (node->mark >= MARK_RECORD) {
		send_aliases(w, &w->records[node->mark - MARK_RECORD],
		    graph_where(w->g, v));
		enter_also(w, v, true);
		return;
	}
	/* Python would have merged what two BUILDs say, or not: its class
	 * knows. */
	if (node->mark == MARK_NEW && (node->flags & VALUE_BUILT_TWICE) != 0)
		sink_skip(w->job, &w->path, VERDICT_UNUSUAL,
		    graph_where(w->g, v), "a state that a later one replaced");
	m = vocabulary_read(w->g, v, &w->path, w->home);
	if (m.meaning == MEANS_TENSOR)
		remember(w, v, &m);
	else if (m.meaning == MEANS_SAME_AS)
		enter_same(w, v, &m, attributes);
	else if (m.meaning != MEANS_PLAIN)
		enter_object(w, v, attributes);
}

/* ------------------------------------------------------------ the children */

/* A state is a dict of attributes, or (dict, slots), either may be None. */
static bool
is_slots_state(const struct walk *w, vref v)
{
	enum value_kind kind;

	if (value_kind(w->g, v) != VALUE_TUPLE || value_count(w->g, v) != 2)
		return false;
	for (uint32_t i = 0; i < 2; i++) {
		kind = value_kind(w->g, value_item(w->g, v, i));
		if (kind != VALUE_DICT && kind != VALUE_NONE)
			return false;
	}
	return true;
}

/* v under the path as it stands.  attributes: the keys of a dict are attribute
 * names.  spread: v has no part of the path, so no scalar can be there. */
static void
visit(struct walk *w, vref v, bool attributes, bool spread)
{
	if (walk_is_leaf(w, v)) {
		if (!spread)
			walk_send_scalar(w, v);
		return;
	}
	if (value_kind(w->g, v) == VALUE_CALL ||
	    value_kind(w->g, v) == VALUE_PERSID) {
		if (!spread && value_kind(w->g, v) == VALUE_CALL)
			walk_send_encoded(w, v);
		enter_call(w, v, attributes);
		return;
	}
	if (attributes && is_slots_state(w, v)) {
		struct frame *f = push(w, FRAME_SPREAD, VREF_MISSING, v,
		    false);

		f->attributes = true;
		return;
	}
	enter_container(w, v, value_kind(w->g, v) == VALUE_DICT ?
	    FRAME_ENTRIES : FRAME_ITEMS, attributes);
}

/* A part of an object that has no part of the path. */
static void
visit_also(struct walk *w, vref also)
{
	if (also != VREF_MISSING && !walk_is_leaf(w, also))
		visit(w, also, true, true);
}

/* nn.Module keeps its parts in three dicts that state_dict() does not name. */
static bool
is_spliced(const struct walk *w, vref key, vref value)
{
	static const char *const names[] = { "_parameters", "_buffers",
		"_modules" };
	const uint8_t *at;
	uint64_t len;

	if ((value_kind(w->g, value) != VALUE_DICT &&
	    value_kind(w->g, value) != VALUE_CALL) ||
	    !value_text(w->g, key, true, &at, &len))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (len == strlen(names[i]) && memcmp(at, names[i], len) == 0)
			return true;
	return false;
}

static void
next_entry(struct walk *w, struct frame *f)
{
	const struct value *dict = graph_at(w->g, f->seq);
	vref key;
	vref value;

	if (f->next + 1 >= dict->as.seq.count) {
		pop(w);
		return;
	}
	key = dict->as.seq.at[f->next];
	value = dict->as.seq.at[f->next + 1];
	f->next += 2;
	if (key == VREF_MISSING || !walk_matters(w, value))
		return;
	w->path.count = f->parts;
	if (f->attributes && is_spliced(w, key, value)) {
		visit(w, value, false, true);
		return;
	}
	walk_set_part(w, f, key, f->attributes ? PATH_ATTR : PATH_KEY);
	visit(w, value, false, false);
}

static void
next_item(struct walk *w, struct frame *f)
{
	vref item;

	if (f->next >= value_count(w->g, f->seq)) {
		pop(w);
		return;
	}
	item = value_items(graph_at(w->g, f->seq))[f->next++];
	if (!walk_matters(w, item))
		return;
	w->path.count = f->parts;
	if (f->kind == FRAME_SPREAD) {
		visit(w, item, f->attributes, true);
		return;
	}
	walk_set_part(w, f, f->next - 1, PATH_INDEX);
	visit(w, item, false, false);
}

/* A sequence of a call's own, shared with none. */
static void
visit_own(struct walk *w, vref seq, enum frame_kind kind, bool attributes)
{
	struct frame *f;

	if (!value_is_node(seq) || value_count(w->g, seq) == 0)
		return;
	f = push(w, kind, VREF_MISSING, seq, false);
	f->attributes = attributes;
}

/* The parts of an object, one after the other. */
static void
next_part(struct walk *w, struct frame *f)
{
	struct value *call = graph_at(w->g, f->node);
	vref entries;

	w->path.count = f->parts;
	switch (f->next++) {
	case 0:
		if (!f->without && !walk_is_leaf(w, call->as.call.args))
			enter_container(w, call->as.call.args, f->spread ?
			    FRAME_SPREAD : FRAME_ITEMS, false);
		break;
	case 1:
		visit_also(w, value_call_kwargs(w->g, call));
		break;
	case 2:
		visit_own(w, value_call_items(w->g, call), FRAME_ITEMS,
		    false);
		break;
	case 3:
		entries = value_call_entries(w->g, call);
		if (value_is_node(entries) && !f->settled)
			keys_settle(w->g, entries, &w->key_bytes_left);
		visit_own(w, entries, FRAME_ENTRIES, f->attributes);
		break;
	case 4:
		visit_also(w, call->as.call.state);
		break;
	default:
		pop(w);
		break;
	}
}

static void
next_same(struct walk *w, struct frame *f)
{
	w->path.count = f->parts;
	switch (f->next++) {
	case 0:
		/* VREF_NONE: a tensor, which has been sent. */
		if (f->seq != VREF_NONE)
			visit(w, f->seq, f->attributes, false);
		break;
	case 1:
		visit_also(w, f->also);
		break;
	default:
		pop(w);
		break;
	}
}

static void
advance(struct walk *w)
{
	struct frame *f = &w->stack[w->depth - 1];

	if ((f->again || f->plain) && !walk_spend_step(w, f)) {
		pop(w);
		return;
	}
	switch (f->kind) {
	case FRAME_ENTRIES:
		next_entry(w, f);
		break;
	case FRAME_ITEMS:
	case FRAME_SPREAD:
		next_item(w, f);
		break;
	case FRAME_OBJECT:
		next_part(w, f);
		break;
	case FRAME_SAME:
		next_same(w, f);
		break;
	}
}

/* Bytes of texts that are bytes, shared ones each time: a second's work. */
#define ENCODED_MOST (UINT64_C(1) << 30)

void
walk_tensors(struct graph *g, vref root, struct storage_home *home)
{
	struct job *job = g->job;
	struct walk *w = arena_alloc(&job->arena, 1, sizeof(*w));
	size_t above = home->under != NULL ? home->under->count : 0;

	w->g = g;
	w->job = job;
	w->home = home;
	walk_again_start(w);
	w->encoded_left = ENCODED_MOST;
	w->key_bytes_left = 8 * job->size + KEY_BYTES_BASE;
	vocabulary_start(home);
	walk_find_room(w, above);
	w->path.parts = w->parts;
	w->path.count = above;
	if (above > 0)
		memcpy(w->parts, home->under->parts, above *
		    sizeof(*w->parts));
	visit(w, root, false, false);
	while (w->depth > 0)
		advance(w);
	if (job->window.depth == 0 || home->under == NULL)
		wrapped_unopened(g);
}
