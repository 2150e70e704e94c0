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

/* Has the verdict read all that torch would unpickle of a legacy file?  Then
 * its names were said. */
static bool
is_judged(const struct graph *g, vref v)
{
	enum value_kind kind = value_kind(g, v);

	return (kind == VALUE_BYTES || kind == VALUE_BYTEARRAY ||
	    kind == VALUE_TEXT) && (graph_at(g, v)->flags & VALUE_JUDGED) != 0;
}

/* In the window.  False: no file that torch.load would take. */
static bool
open_file(const struct word *w, const struct npy_bytes *bytes,
    struct torch_file *file)
{
	file->graph = w->g;
	file->quiet = is_judged(w->g, bytes->node);
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

/* torch.load runs their pickle all the same, and then finds fault. */
static void
no_file(const struct word *w, const char *why)
{
	sink_skip(w->job, w->path, VERDICT_DANGEROUS, w->where, why);
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

/* ------------------------------------------------------------- unopened -- */

static bool
is_loader(const struct graph *g, vref v)
{
	return value_is_global(g, v, "torch.storage", "_load_from_bytes");
}

/* Was the file in it read, by the walk or by the verdict?  Numbers and None are
 * no bytes: torch.load fails. */
static bool
was_read(const struct graph *g, vref arg)
{
	const struct value *call;

	if (!value_is_node(arg) ||
	    (graph_at(g, arg)->flags & VALUE_OPENED) != 0 || is_judged(g, arg))
		return true;
	/* Text that was judged begins with U+0080, which is no opcode in any
	 * codec but latin1 that the verdict lets pass. */
	call = graph_at(g, arg);
	return call->kind == VALUE_CALL && value_is_global(g,
	    call->as.call.callable, "_codecs", "encode") &&
	    is_judged(g, value_item(g, call->as.call.args, 0));
}

/* In a container, for others to call it. */
static bool
hands_on(const struct graph *g, const struct value *node)
{
	const vref *items;

	if (node->kind < VALUE_TUPLE || node->kind > VALUE_DICT)
		return false;
	items = value_items(node);
	for (uint32_t i = 0; i < node->as.seq.count; i++)
		if (is_loader(g, items[i]))
			return true;
	return false;
}

/* Once each: there may be a million. */
static void
unopened_from(struct graph *g, vref first)
{
	bool unread = false;
	bool handed = false;

	for (vref i = first; i < g->next; i = graph_after(g, i)) {
		const struct value *node = graph_at(g, i);

		if (!unread && wrapped_is(g, i) && !was_read(g,
		    value_item(g, node->as.call.args, 0))) {
			unread = true;
			sink_note(g->job, NOTE_RECORD, VERDICT_DANGEROUS,
			    graph_where(g, i), "bytes that torch.load would "
			    "unpickle, and nothing leads to; not opened");
		}
		if (!handed && hands_on(g, node)) {
			handed = true;
			sink_note(g->job, NOTE_RECORD, VERDICT_DANGEROUS,
			    graph_where(g, i), "torch.storage._load_from_bytes "
			    "is handed on for others to call");
		}
	}
}

void
wrapped_unopened(struct graph *g)
{
	if (g->wrapped)
		unopened_from(g, 0);
}

/* -------------------------------------------------------------- storages -- */

/* In the window: the root, when it is a storage. */
static bool
read_root(const struct word *w, const struct npy_bytes *bytes,
    struct torch_storage *out)
{
	struct torch_file file;
	struct word inside = *w;

	if (!open_file(w, bytes, &file)) {
		no_file(w, "its storage is in bytes that are no torch file");
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
	    words->rooms_made != was->rooms_made ||
	    w->g->far_capacity != g_was->far_capacity ||
	    words->wrapped_capacity != was->wrapped_capacity)
		return;
	if (w->g->wrapped)
		unopened_from(w->g, g_was->next);
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
	words = *w->home->words;
	graph = *w->g;
	mark = arena_mark(&w->job->arena);
	if (!bytes_of(w, arg, &bytes))
		return false;
	graph_at(w->g, arg)->flags |= VALUE_OPENED;
	was = within_enter(w->job, bytes.at, bytes.len, bytes.in_file,
	    w->where);
	held = read_root(w, &bytes, out);
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
	if (!bytes_of(w, arg, &bytes))
		return;
	graph_at(w->g, arg)->flags |= VALUE_OPENED;
	was = within_enter(w->job, bytes.at, bytes.len, bytes.in_file,
	    w->where);
	if (open_file(w, &bytes, &file)) {
		walk_tensors(w->g, file.root, &file.home);
		/* They have names of their own: no aliases by this one's. */
		words->sent_count = sent;
	} else {
		no_file(w, "bytes that are no torch file");
	}
	within_leave(w->job, &was);
}
