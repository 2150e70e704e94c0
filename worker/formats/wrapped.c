/* SPDX-License-Identifier: Apache-2.0
 *
 * wrapped.c - see wrapped.h.  The parsers of torch files read the bytes through
 * a window: job->map and job->size are set to them for as long as it takes, and
 * job->window says where they stand (job.h).  Bytes that stand in the input as
 * they are give extents of it; decoded ones give streams.  Depth is bounded by
 * WRAPPED_DEPTH_MAX, and with it the recursion walk -> vocabulary -> here ->
 * walk.  Each bytes object is opened once, however many calls name it.
 */
#include "wrapped.h"

#include <string.h>

#include "formats.h"
#include "sink.h"
#include "torch_file.h"
#include "vocabulary_numpy.h"
#include "within.h"
#include "zip.h"

/* One bytes object that was opened for its storage. */
struct wrapped_seen {
	uint32_t node;		/* plus 1; 0: a free slot */
	bool storage;		/* it holds one */
	struct torch_storage held;
};

bool
wrapped_is(const struct graph *g, vref v)
{
	return value_kind(g, v) == VALUE_CALL && value_is_global(g,
	    graph_at(g, v)->as.call.callable, "torch.storage",
	    "_load_from_bytes");
}

static struct wrapped_seen *
seen_at(const struct word *w, vref node)
{
	struct vocabulary *words = w->home->words;
	struct wrapped_seen *old = words->wrapped;
	uint32_t had = words->wrapped_capacity;
	uint32_t mask;
	uint32_t i;

	if (words->wrapped_count >= had / 2) {
		words->wrapped_capacity = had == 0 ? 16 : had * 2;
		words->wrapped = arena_alloc(&w->job->arena,
		    words->wrapped_capacity, sizeof *old);
		words->wrapped_count = 0;
		for (uint32_t k = 0; k < had; k++)
			if (old[k].node != 0)
				*seen_at(w, old[k].node - 1) = old[k];
	}
	/* Nodes are numbered by us, not by the file. */
	mask = words->wrapped_capacity - 1;
	for (i = node & mask; words->wrapped[i].node != 0 &&
	    words->wrapped[i].node != node + 1; i = (i + 1) & mask)
		continue;
	if (words->wrapped[i].node == 0) {
		words->wrapped[i].node = node + 1;
		words->wrapped_count++;
	}
	return &words->wrapped[i];
}

/* ------------------------------------------------------------ the bytes -- */

/* The file's bytes, decoded when they are not there as they are. */
static bool
bytes_of(const struct word *w, vref v, struct npy_bytes *bytes)
{
	uint8_t *copy;

	if (!numpy_bytes_read(w, v, bytes))
		return false;
	if (bytes->latin1) {
		copy = arena_alloc(&w->job->arena, bytes->count + 1, 1);
		numpy_bytes_copy(bytes, copy, (size_t)bytes->count);
		bytes->at = copy;
		bytes->len = bytes->count;
		bytes->latin1 = false;
		bytes->in_file = false;
	}
	return true;
}

/* In the window.  False: no file that torch.load would take. */
static bool
open_file(const struct word *w, struct torch_file *file)
{
	file->graph = w->g;
	/* The verdict has opened streams in bytes already, but no zip. */
	file->quiet = true;
	if (w->job->size > 0 && torch_zip_is(w->job)) {
		file->quiet = false;
		torch_zip_open(w->job, file);
	} else if (w->job->size > 0 && torch_legacy_is(w->job)) {
		torch_legacy_open(w->job, file);
	} else {
		return false;
	}
	file->home.words = w->home->words;
	file->home.under = w->path;
	return true;
}

static bool
too_deep(const struct word *w)
{
	if (w->job->window.depth < WRAPPED_DEPTH_MAX)
		return false;
	sink_skip(w->job, w->path, VERDICT_DANGEROUS, w->where,
	    "a file in a file, too deep to be opened");
	return true;
}

/* -------------------------------------------------------------- storages -- */

/* In the window: the root, when it is a storage. */
static bool
read_root(const struct word *w, struct torch_storage *out)
{
	struct torch_file file;
	struct word inside = *w;

	if (!open_file(w, &file)) {
		word_leave_out(w, "its storage is in bytes that are no "
		    "torch file");
		return false;
	}
	if (value_kind(w->g, file.root) != VALUE_PERSID) {
		word_leave_out(w, "its storage is in a file that holds none");
		return false;
	}
	inside.home = &file.home;
	return torch_storage_read(&inside, file.root, NULL, out);
}

/* Gives back the memory that opening took: a pickled model has a file for each
 * tensor.  Tables that grew on the way must stay. */
static void
forget(const struct word *w, const struct graph *g_was,
    const struct vocabulary *was, size_t mark)
{
	const struct vocabulary *words = w->home->words;
	vref end = w->g->next < g_was->end ? w->g->next : g_was->end;

	if (words->seen_capacity != was->seen_capacity ||
	    words->seen_pages != was->seen_pages ||
	    words->sent_capacity != was->sent_capacity ||
	    words->made_capacity != was->made_capacity ||
	    words->chunk != was->chunk ||
	    w->g->far_capacity != g_was->far_capacity ||
	    words->wrapped_capacity != was->wrapped_capacity)
		return;
	if (end > g_was->next)
		memset(g_was->at, 0, (end - g_was->next) * sizeof *g_was->at);
	*w->g = *g_was;
	arena_rewind(&w->job->arena, mark);
}

bool
wrapped_storage(const struct word *w, vref v, struct torch_storage *out)
{
	vref arg = value_item(w->g, graph_at(w->g, v)->as.call.args, 0);
	struct vocabulary words;
	struct wrapped_seen *seen;
	struct npy_bytes bytes;
	struct within was;
	struct graph graph;
	size_t mark;
	bool held;

	if (too_deep(w) || !value_is_node(arg)) {
		if (!value_is_node(arg))
			word_leave_out(w, "its storage is not in bytes");
		return false;
	}
	seen = seen_at(w, arg);
	if (graph_at(w->g, arg)->flags & VALUE_OPENED) {
		if (!seen->storage)
			word_leave_out(w, "its storage was left out");
		else
			*out = seen->held;
		return seen->storage;
	}
	graph_at(w->g, arg)->flags |= VALUE_OPENED;
	words = *w->home->words;
	graph = *w->g;
	mark = arena_mark(&w->job->arena);
	if (!bytes_of(w, arg, &bytes))
		return false;
	was = within_enter(w->job, bytes.at, bytes.len, bytes.in_file,
	    w->where);
	held = read_root(w, out);
	within_leave(w->job, &was);
	/* Decoded bytes are needed no more: they were sent. */
	if (!bytes.in_file)
		out->data = NULL;
	forget(w, &graph, &words, mark);
	seen = seen_at(w, arg);
	seen->storage = held;
	if (held)
		seen->held = *out;
	return held;
}

/* --------------------------------------------------------- a whole file -- */

void
wrapped_read(struct word *w)
{
	vref arg = word_arg(w, 0);
	struct vocabulary *words = w->home->words;
	uint32_t sent = words->sent_count;
	struct npy_bytes bytes;
	struct torch_file file;
	struct within was;

	if (too_deep(w))
		return;
	if (!value_is_node(arg)) {
		word_leave_out(w, "a torch file that is not in bytes");
		return;
	}
	if (graph_at(w->g, arg)->flags & VALUE_OPENED) {
		word_leave_out(w, "a torch file that was read before");
		return;
	}
	graph_at(w->g, arg)->flags |= VALUE_OPENED;
	if (!bytes_of(w, arg, &bytes))
		return;
	was = within_enter(w->job, bytes.at, bytes.len, bytes.in_file,
	    w->where);
	if (open_file(w, &file)) {
		walk_tensors(w->g, file.root, &file.home);
		/* They have names of their own: no aliases by this one's. */
		words->sent_count = sent;
	} else {
		word_leave_out(w, "bytes that are no torch file");
	}
	within_leave(w->job, &was);
}

void
wrapped_unopened(struct graph *g)
{
	static const uint8_t local[4] = { 'P', 'K', 3, 4 };
	const struct value *arg;
	struct span bytes;
	vref v;

	if (!g->wrapped)
		return;
	for (vref i = 0; i < g->next; i = graph_after(g, i)) {
		if (graph_at(g, i)->kind != VALUE_CALL)
			continue;
		v = value_item(g, graph_at(g, i)->as.call.args, 0);
		if (!value_is_node(v))
			continue;
		arg = graph_at(g, v);
		if (arg->kind != VALUE_BYTES && arg->kind != VALUE_BYTEARRAY)
			continue;
		bytes = value_string(arg);
		if ((arg->flags & VALUE_OPENED) == 0 && bytes.len >= 4 &&
		    memcmp(bytes.at, local, 4) == 0 && wrapped_is(g, i))
			sink_note(g->job, NOTE_RECORD, VERDICT_DANGEROUS,
			    graph_where(g, i),
			    "a torch file in bytes that nothing leads to; "
			    "not opened");
	}
}
