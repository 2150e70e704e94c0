/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_dcp.c - .metadata of a PyTorch distributed checkpoint: a pickle of
 * which tensors there are, into which chunks they were cut, and in which files
 * beside it those stand (torch_distcp.c reads these).  torch itself loads it
 * with pickle.load; here it is data, as any pickle.  Each chunk becomes a box
 * for the broker, which opens the files and judges that the boxes fill their
 * tensor.
 * Source: torch/distributed/checkpoint/metadata.py, filesystem.py and
 * default_planner.py (_validate_global_plan) of 2.13.
 */
#include "torch_dcp.h"

#include <string.h>

#include "cursor.h"
#include "formats.h"
#include "sink.h"
#include "vocabulary_word.h"
#include "wrapped.h"

static const char module[] = "torch.distributed.checkpoint.metadata";
static const char class[] = "Metadata";
static const char lines[] = "torch.distributed.checkpoint.metadata\nMetadata\n";

/* ------------------------------------------------------------- looking -- */

/* SHORT_BINUNICODE, and what puts it into the memo. */
static bool
short_text_is(struct cursor *c, const char *text, size_t length)
{
	const uint8_t *at;

	if (cursor_u8(c) != 0x8c || cursor_u8(c) != length)
		return false;
	at = cursor_bytes(c, length);
	if (at == NULL || memcmp(at, text, length) != 0)
		return false;
	if (c->left > 0 && *c->at == 0x94)	/* MEMOIZE */
		cursor_u8(c);
	else if (c->left > 0 && *c->at == 'q')	/* BINPUT */
		cursor_bytes(c, 2);
	return true;
}

/* The first thing that the pickle names is the class of its root. */
bool
torch_dcp_is(struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	const uint8_t *at;
	uint8_t opcode;

	if (job->size < sizeof(lines) || cursor_u8(&c) != 0x80)
		return false;
	cursor_u8(&c);
	if (*c.at == 0x95)	/* FRAME */
		cursor_bytes(&c, 9);
	if (c.left > 0 && *c.at == 'c') {
		cursor_u8(&c);
		at = cursor_bytes(&c, sizeof(lines) - 1);
		return at != NULL && memcmp(at, lines, sizeof(lines) - 1) == 0;
	}
	if (!short_text_is(&c, module, sizeof(module) - 1) ||
	    !short_text_is(&c, class, sizeof(class) - 1))
		return false;
	opcode = cursor_u8(&c);
	return !c.bad && opcode == 0x93;	/* STACK_GLOBAL */
}

/* ------------------------------------------------------------- tensors -- */

struct tensor {
	struct path path;
	struct wire_bytes name;
	uint64_t where;
	const struct dtype *dtype;
	uint64_t shape[RANK_MAX];
	size_t rank;
	uint64_t count;		/* elements */
	vref chunks;
	uint32_t chunk_count;
};

struct chunk {
	uint64_t start[RANK_MAX];
	uint64_t size[RANK_MAX];
	uint64_t count;
	struct dcp_stored *stored;
};

/* TensorProperties: (dtype, layout, requires_grad, memory format, pinned).
 * The last three say nothing of the numbers.  False: left out. */
static bool
read_properties(struct dcp *d, struct tensor *t, vref v)
{
	const struct graph *g = &d->graph;
	vref state, layout, dtype;
	struct wire_bytes name = { NULL, 0 };

	dcp_need(d, v, DCP_PROPERTIES, t->where);
	state = graph_at(g, v)->as.call.state;
	if (value_kind(g, state) != VALUE_TUPLE || value_count(g, state) != 5)
		die(d->job, FAULT_FORMAT, graph_where(g, v),
		    "dcp: properties are not the five that they must be");
	dtype = value_item(g, state, 0);
	layout = value_item(g, state, 1);
	if (value_kind(g, dtype) != VALUE_GLOBAL ||
	    value_kind(g, layout) != VALUE_CALL ||
	    !value_is_global(g, graph_at(g, layout)->as.call.callable,
	    "torch.serialization", "_get_layout"))
		die(d->job, FAULT_FORMAT, graph_where(g, v),
		    "dcp: neither dtype nor layout may be anything else");
	name = dcp_text(d, value_item(g, graph_at(g, layout)->as.call.args,
	    0), "dcp: a layout is no name", t->where);
	t->dtype = torch_dtype(g, dtype);
	if (t->dtype != NULL && name.len == strlen("torch.strided") &&
	    memcmp(name.at, "torch.strided", name.len) == 0)
		return true;
	sink_skip(d->job, &t->path, VERDICT_CLEAN, t->where,
	    t->dtype == NULL ? "its dtype is not known" :
	    "a layout that is not strided");
	return false;
}

/* Dies, or the chunk lies inside the tensor.  False: left out. */
static bool
read_chunk(struct dcp *d, const struct tensor *t, uint32_t i,
    struct chunk *out)
{
	vref v = value_item(&d->graph, t->chunks, i);
	size_t rank, size_rank;
	uint64_t where;

	dcp_need(d, v, DCP_CHUNK, t->where);
	where = graph_where(&d->graph, v);
	if (!dcp_shape(d, &t->path, dcp_attribute(d, v, "offsets"), "offsets",
	    out->start, &rank) ||
	    !dcp_shape(d, &t->path, dcp_attribute(d, v, "sizes"), "sizes",
	    out->size, &size_rank))
		return false;
	if (rank != t->rank || size_rank != t->rank)
		die_about(d->job, FAULT_FORMAT, where,
		    "dcp: a chunk has not the rank of its tensor",
		    t->name.at, t->name.len);
	for (size_t k = 0; k < rank; k++)
		if (out->start[k] > t->shape[k] ||
		    out->size[k] > t->shape[k] - out->start[k])
			die_about(d->job, FAULT_FORMAT, where,
			    "dcp: a chunk reaches out of its tensor",
			    t->name.at, t->name.len);
	if (!shape_count(out->size, rank, &out->count))
		die(d->job, FAULT_FORMAT, where, "dcp: a chunk's size "
		    "overflows");
	out->stored = dcp_stored_find(d, t->name, out->start, rank);
	if (out->stored == NULL)
		die_about(d->job, FAULT_FORMAT, where,
		    "dcp: a chunk that storage_data does not have",
		    t->name.at, t->name.len);
	return true;
}

/* All of them before the first is sent: a tensor is whole or left out.  Each
 * place is named once, so that their number is that of storage_data. */
static bool
judge_chunks(struct dcp *d, const struct tensor *t)
{
	struct chunk c;
	uint64_t left = t->count;
	bool packed = false;
	bool cut = false;

	for (uint32_t i = 0; i < t->chunk_count; i++) {
		if (!read_chunk(d, t, i, &c))
			return false;
		if (c.stored->used || c.count > left)
			die_about(d->job, FAULT_FORMAT, c.stored->where,
			    "dcp: a tensor's chunks overlap", t->name.at,
			    t->name.len);
		c.stored->used = true;
		left -= c.count;
		cut = cut || memcmp(c.size, t->shape, t->rank *
		    sizeof(c.size[0])) != 0;
		packed = packed || c.stored->packed;
	}
	if (left > 0 || t->chunk_count == 0)
		die_about(d->job, FAULT_FORMAT, t->where,
		    "dcp: a tensor's chunks do not fill it", t->name.at,
		    t->name.len);
	if (packed)
		d->packed++;
	if (packed)
		sink_skip(d->job, &t->path, VERDICT_CLEAN, t->where,
		    "it is packed by an extension");
	else if (cut && dtype_element_bytes(t->dtype) == 0)
		sink_skip(d->job, &t->path, VERDICT_CLEAN, t->where,
		    "elements under a byte, in several chunks");
	else
		return true;
	return false;
}

/* An empty tensor is its first chunk; other empty chunks say nothing. */
static bool
send_chunks(struct dcp *d, const struct tensor *t)
{
	struct chunk c;
	struct piece_out out = {
		.path = t->path, .dtype = t->dtype->code, .rank = t->rank,
		.shape = t->shape, .start = c.start, .size = c.size,
		.kind = PIECE_TORCH, .where = t->where
	};
	bool first = true;

	for (uint32_t i = 0; i < t->chunk_count; i++) {
		if (!read_chunk(d, t, i, &c))
			return false;
		if (t->count > 0 ? c.count == 0 : !first)
			continue;
		c.stored->sent = true;
		out.file = c.stored->file;
		out.file_length = c.stored->file_len;
		out.offset = c.stored->offset;
		out.length = c.stored->length;
		if (!first)
			sink_piece_more(d->job, &out);
		else if (sink_piece(d->job, &out) == SINK_SKIPPED)
			return false;
		first = false;
	}
	return true;
}

/* False: left out. */
static bool
read_tensor(struct dcp *d, struct tensor *t, vref v)
{
	uint64_t bytes;

	t->where = graph_where(&d->graph, v);
	t->chunks = dcp_attribute(d, v, "chunks");
	if (value_kind(&d->graph, t->chunks) != VALUE_LIST)
		die(d->job, FAULT_FORMAT, t->where, "dcp: chunks are no list");
	t->chunk_count = value_count(&d->graph, t->chunks);
	if (!read_properties(d, t, dcp_attribute(d, v, "properties")) ||
	    !dcp_shape(d, &t->path, dcp_attribute(d, v, "size"), "size",
	    t->shape, &t->rank))
		return false;
	if (!shape_count(t->shape, t->rank, &t->count) ||
	    !shape_bytes(t->dtype, t->shape, t->rank, &bytes))
		die_about(d->job, FAULT_FORMAT, t->where,
		    "dcp: size overflows", t->name.at, t->name.len);
	return judge_chunks(d, t) && send_chunks(d, t);
}

/* --------------------------------------------------------------- entries -- */

/* torch.load takes what is at its place for a file of its own, whatever it is a
 * part of.  That it is an archive of its data file, and so judged there, is for
 * the broker to see, who is told "OFFSET+LENGTH FILE". */
static void
send_object(struct dcp *d, const struct path *path, struct dcp_stored *s)
{
	struct scalar_out out = { .kind = SCALAR_TEXT };
	uint8_t *text;
	size_t used;

	if (s->packed)
		d->hidden = s;
	if (s->packed || (d->job->flags & GO_SCALARS) == 0)
		return;
	text = arena_alloc(&d->job->arena, DCP_PLACE_MAX + 1 + s->file_len, 1);
	used = dcp_place(text, s->offset, s->length);
	text[used++] = ' ';
	memcpy(text + used, s->file, s->file_len);
	out.at = text;
	out.len = used + s->file_len;
	sink_scalar(d->job, path, &out);
	s->sent = true;
}

static void
read_entry(struct dcp *d, vref key, vref v, uint64_t where)
{
	struct tensor t = { .where = where };
	struct path_part part = { .kind = PATH_KEY };
	struct dcp_stored *stored;

	t.name = dcp_text(d, key, "dcp: a name is no text", where);
	if (t.name.len > TENSOR_NAME_MAX)
		die(d->job, FAULT_LIMIT, value_where(&d->graph, key, where),
		    "dcp: a name is too long");
	if (!unique_add(d->job, &d->names, t.name.at, t.name.len))
		die_about(d->job, FAULT_FORMAT,
		    value_where(&d->graph, key, where),
		    "dcp: a name is there twice", t.name.at, t.name.len);
	part.at = t.name.at;
	part.len = (uint32_t)t.name.len;
	t.path = (struct path){ &part, 1, NULL };
	if (!dcp_is(d, v, DCP_BYTES)) {
		dcp_need(d, v, DCP_TENSOR, where);
		if (read_tensor(d, &t, v))
			d->sent++;
		else
			(void)unique_add(d->job, &d->left_out, t.name.at,
			    t.name.len);
		return;
	}
	stored = dcp_stored_find(d, t.name, NULL, DCP_NO_RANK);
	if (stored != NULL) {
		stored->used = true;
		send_object(d, &t.path, stored);
	}
	sink_note_about(d->job, NOTE_OPAQUE, VERDICT_CLEAN, where, "no tensor "
	    "but an object, which torch unpickles from a data file",
	    t.name.at, t.name.len);
}

static void
read_metadata(struct dcp *d, vref root)
{
	uint64_t where = graph_where(&d->graph, root);
	vref entries = dcp_attribute(d, root, "state_dict_metadata");
	const struct value *dict = dcp_dict(d, entries,
	    "dcp: state_dict_metadata is no dict", where);
	uint32_t count = dict->as.seq.count;

	dcp_stored_read(d, dcp_attribute(d, root, "storage_data"), where);
	unique_init(d->job, &d->names);
	unique_init(d->job, &d->left_out);
	for (uint32_t i = 0; i + 1 < count; i += 2) {
		read_entry(d, dict->as.seq.at[i], dict->as.seq.at[i + 1],
		    graph_where(&d->graph, entries));
		sink_progress(d->job, i, count);
	}
	dcp_stored_rest(d);
	/* Extensions pack all that is in a checkpoint, or nothing. */
	if (d->hidden != NULL)
		sink_note_about(d->job, NOTE_RECORD, d->sent > 0 ?
		    VERDICT_DANGEROUS : VERDICT_UNUSUAL, d->hidden->where,
		    "dcp: an object that torch unpickles is packed, and not "
		    "looked at", d->hidden->file, d->hidden->file_len);
	if (d->sent == 0 && d->packed > 0)
		die(d->job, FAULT_UNSUPPORTED, where, "dcp: all tensors are "
		    "packed by an extension (zstd?); save them without it");
}

/* torch never looks at it. */
static void
judge_version(const struct dcp *d, vref root)
{
	vref v = dcp_attribute(d, root, "version");
	struct wire_bytes text;

	if (v == VREF_MISSING || v == VREF_NONE)
		return;		/* before 2.6 */
	text = dcp_text(d, v, "dcp: the version is no text", 0);
	if (text.len != 5 || memcmp(text.at, "1.0.0", 5) != 0)
		sink_note_about(d->job, NOTE_RECORD, VERDICT_UNUSUAL,
		    value_where(&d->graph, v, 0),
		    "dcp: a version that torch has never written", text.at,
		    text.len);
}

void
torch_dcp_parse(struct job *job)
{
	struct pickle_source source = {
		.at = job->map, .len = job->size, .in_file = true
	};
	struct dcp d = { .job = job };
	vref root;

	graph_init(&d.graph, job);
	root = pickle_run(&d.graph, &source);
	wrapped_unopened(&d.graph);
	dcp_need(&d, root, DCP_METADATA, 0);
	if ((job->flags & GO_PIECES) == 0)
		die(job, FAULT_UNSUPPORTED, 0, "the tensors of a distributed "
		    "checkpoint stand in the files beside it: open the "
		    "directory");
	judge_version(&d, root);
	read_metadata(&d, root);
}
