/* SPDX-License-Identifier: Apache-2.0
 *
 * store_pieces.c - the tensors of an index whose boxes stand in other files:
 * ONNX's external data, a PyTorch distributed checkpoint.  A worker has said
 * where they are, so nothing of it is believed: each file is opened beside the
 * index or not at all, a raw box must lie inside its file, an archive must hold
 * one tensor of the box's dtype and shape, and boxes must make up their tensor.
 * The place of an object, which comes as a scalar, must be an archive's too.
 */
#include "store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assembled.h"
#include "build.h"
#include "error.h"

struct pieces {
	struct store_set *set;
	struct part_file {
		const char *name;	/* in c->strings */
		enum store_part how;
		pfork_checkpoint *part;	/* NULL: a scan recorded its fault */
		struct name_table places;	/* of its archives */
	} *files;
	size_t object_count;	/* the index's scalars, when it is .metadata */
	size_t file_count;
	struct name_table by_file;
	uint32_t *file_of;		/* one a piece */
	struct tensor_box *boxes;	/* of the tensor at hand */
	struct assembled_budget proofs;	/* for all tensors together */
};

static enum pfork_code
bad(pfork_error *err, const char *what, const char *name)
{
	return error_about(err, PFORK_E_FORMAT, 0, PFORK_NO_OFFSET, what, name,
	    strlen(name));
}

/* ---------------------------------------------------------------- files -- */

static enum pfork_code
take_file(struct pieces *p, const char *name, enum store_part how,
    uint32_t *file, pfork_error *err)
{
	*file = name_table_find(&p->by_file, name);
	if (*file != UINT32_MAX)
		return p->files[*file].how == how ? PFORK_OK :
		    bad(err, "a file is both raw and of archives", name);
	if (p->file_count >= p->set->store->files)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the index names more files than the limit of %u",
		    p->set->store->files);
	*file = (uint32_t)p->file_count;
	if (name_table_add(&p->by_file, name, *file) != 1)
		return store_no_memory(err);
	p->files[p->file_count++] = (struct part_file){ .name = name,
		.how = how };
	return PFORK_OK;
}

/* The place, and the name of the file, of an object that torch would unpickle;
 * NULL when it is none. */
static const char *
object_file(const struct scalar_entry *s, size_t *place)
{
	const char *text = (const char *)s->bytes;
	const char *blank;

	if (s->kind != PFORK_SCALAR_TEXT || s->length != s->full_length)
		return NULL;
	blank = memchr(text, ' ', s->length);
	if (blank == NULL)
		return NULL;
	*place = (size_t)(blank - text);
	return store_name_is_sibling(blank + 1, s->length - *place - 1) ?
	    blank + 1 : NULL;
}

static enum pfork_code
list_objects(struct pieces *p, pfork_error *err)
{
	const pfork_checkpoint *c = p->set->c;
	enum pfork_code code = PFORK_OK;
	const char *file;
	uint32_t number;
	size_t place;

	for (size_t i = 0; code == PFORK_OK && i < p->object_count; i++) {
		file = object_file(&c->scalars[i], &place);
		code = file == NULL ? bad(err, "an object without a place",
		    c->scalars[i].name) :
		    take_file(p, file, PART_DISTCP, &number, err);
	}
	return code;
}

static enum pfork_code
list_files(struct pieces *p, pfork_error *err)
{
	const pfork_checkpoint *c = p->set->c;
	enum pfork_code code = PFORK_OK;

	p->files = calloc(p->set->store->files, sizeof(p->files[0]));
	/* There may be objects alone. */
	p->file_of = calloc(c->piece_count + 1, sizeof(p->file_of[0]));
	p->boxes = calloc(c->piece_count + 1, sizeof(p->boxes[0]));
	if (p->files == NULL || p->file_of == NULL || p->boxes == NULL)
		return store_no_memory(err);
	for (size_t i = 0; code == PFORK_OK && i < c->piece_count; i++)
		code = take_file(p, c->pieces[i].file,
		    c->pieces[i].kind == PIECE_RAW ? PART_RAW : PART_DISTCP,
		    &p->file_of[i], err);
	return code == PFORK_OK ? list_objects(p, err) : code;
}

/* What the worker was told to send of a raw file. */
static bool
is_all_of_it(const pfork_checkpoint *part)
{
	return strcmp(part->format, "raw") == 0 && part->tensor_count == 0 &&
	    part->storage_count == 1 &&
	    part->storages[0].length == part->source.size;
}

static enum pfork_code
judge_file(const struct part_file *f, pfork_error *err)
{
	const char *format = f->part->format;

	if (f->how == PART_DISTCP && strcmp(format, "torch-distcp") != 0)
		return bad(err, "a file of the set is no data file of a "
		    "distributed checkpoint", f->name);
	if (f->how == PART_RAW && format[0] != '\0' && !is_all_of_it(f->part))
		return error_about(err, PFORK_E_PROTOCOL, 0, PFORK_NO_OFFSET,
		    "the worker broke the protocol: it did not send a raw "
		    "file", f->name, strlen(f->name));
	return PFORK_OK;
}

static enum pfork_code
open_files(struct pieces *p, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;
	struct part_file *f;

	for (size_t i = 0; code == PFORK_OK && i < p->file_count; i++) {
		f = &p->files[i];
		code = store_add_part(p->set, f->name, f->how, &f->part, err);
		if (code == PFORK_OK && f->part != NULL)
			code = judge_file(f, err);
	}
	return code;
}

/* -------------------------------------------------------------- objects -- */

/* Each tensor of a data file stands under the place of its archive. */
static enum pfork_code
list_places(struct part_file *f, pfork_error *err)
{
	const pfork_checkpoint *part = f->part;

	memcpy(f->places.seed, part->names.seed, sizeof(f->places.seed));
	if (f->places.used > 0)
		return PFORK_OK;
	for (size_t i = 0; i < part->tensor_count; i++)
		if (part->tensors[i].path_length > 0 &&
		    name_table_add(&f->places, pfork_tensor_path(
		    &part->tensors[i], 0, NULL, NULL), 0) < 0)
			return store_no_memory(err);
	return PFORK_OK;
}

/* torch.load would take the bytes from the middle of something, which nobody
 * has judged as what they are then. */
static enum pfork_code
refuse_object(struct pieces *p, const struct scalar_entry *s, pfork_error *err)
{
	struct note_entry note = {
		.where = PFORK_NO_OFFSET, .kind = PFORK_NOTE_RECORD,
		.level = PFORK_DANGEROUS,
		.text = "an object that torch unpickles stands where no "
		    "archive of its file is"
	};

	p->set->c->verdict = PFORK_DANGEROUS;
	if (!store_note(p->set->c, p->set->store->broker.limits.notes, s->name,
	    &note))
		return store_no_memory(err);
	return bad(err, "an object that torch unpickles stands where no "
	    "archive of its file is", s->name);
}

static enum pfork_code
judge_objects(struct pieces *p, pfork_error *err)
{
	const pfork_checkpoint *c = p->set->c;
	enum pfork_code code = PFORK_OK;

	for (size_t i = 0; code == PFORK_OK && i < p->object_count; i++) {
		const struct scalar_entry *s = &c->scalars[i];
		char place[48];
		size_t length = 0;
		const char *name = object_file(s, &length);
		struct part_file *f =
		    &p->files[name_table_find(&p->by_file, name)];

		/* A scan has recorded why it is not there. */
		if (f->part == NULL)
			continue;
		code = list_places(f, err);
		(void)snprintf(place, sizeof(place), "%.*s", (int)length,
		    (const char *)s->bytes);
		if (code == PFORK_OK && (length >= sizeof(place) ||
		    name_table_find(&f->places, place) == UINT32_MAX))
			code = refuse_object(p, s, err);
	}
	return code;
}

/* ---------------------------------------------------------------- boxes -- */

/* C order, in the pool. */
static const uint64_t *
strides_of(pfork_checkpoint *c, const uint64_t *size, size_t rank)
{
	uint64_t *strides = pool_alloc(&c->strings, rank * sizeof(*strides));

	/* Cannot fail: the box's product was judged. */
	if (strides != NULL)
		(void)shape_strides(size, rank, strides);
	return strides;
}

static enum pfork_code
raw_box(struct pieces *p, const struct pfork_tensor *t,
    const struct piece_entry *piece, pfork_checkpoint *part,
    struct tensor_box *box, pfork_error *err)
{
	struct wire_storage extent = { .kind = STORAGE_EXTENT,
		.length = piece->length, .offset = piece->offset };
	bool streamed = part->format[0] != '\0';

	if (piece->offset > part->source.size ||
	    piece->length > part->source.size - piece->offset)
		return bad(err, "a file ends before a tensor that is said to "
		    "stand in it", t->name);
	box->strides = strides_of(p->set->c, piece->size, t->rank);
	if (box->strides == NULL ||
	    (!streamed && build_storage(part, &extent) != BUILD_OK))
		return store_no_memory(err);
	box->storage = streamed ? 0 : (uint32_t)part->storage_count - 1;
	box->offset = streamed ? piece->offset : 0;
	return PFORK_OK;
}

static bool
same_shape(const struct pfork_tensor *a, const uint64_t *size, size_t rank)
{
	return a->rank == rank && (rank == 0 ||
	    memcmp(a->shape, size, rank * sizeof(size[0])) == 0);
}

/* The archive's tensor is known by where it begins and how long it is, so that
 * no two readers take it for another one. */
static enum pfork_code
torch_box(const struct pfork_tensor *t, const struct piece_entry *piece,
    const pfork_checkpoint *part, struct tensor_box *box, pfork_error *err)
{
	const struct pfork_tensor *from;
	const struct storage *s;
	char name[48];

	(void)snprintf(name, sizeof(name), "%" PRIu64 "+%" PRIu64,
	    piece->offset, piece->length);
	from = pfork_checkpoint_find(part, name);
	if (from == NULL)
		return bad(err, "where a tensor is said to stand no archive "
		    "of one begins", t->name);
	if (from->dtype != t->dtype || !same_shape(from, piece->size, t->rank))
		return bad(err, "the archive of a tensor holds another one",
		    t->name);
	s = &part->storages[from->storage];
	/* A stream came from that archive or not; it is the worker's word. */
	if (!s->streamed && (s->offset < piece->offset ||
	    s->offset - piece->offset > piece->length ||
	    s->length > piece->length - (s->offset - piece->offset)))
		return bad(err, "the bytes of a tensor stand outside its "
		    "archive", t->name);
	box->strides = tensor_strides(from);
	box->storage = from->storage;
	box->offset = from->offset;
	return PFORK_OK;
}

static enum pfork_code
make_box(struct pieces *p, const struct pfork_tensor *t, size_t i,
    struct tensor_box *box, pfork_error *err)
{
	const struct piece_entry *piece = &p->set->c->pieces[i];
	const struct part_file *f = &p->files[p->file_of[i]];

	*box = (struct tensor_box){ .start = piece->start,
		.size = piece->size, .home = f->part };
	return f->how == PART_RAW ?
	    raw_box(p, t, piece, f->part, box, err) :
	    torch_box(t, piece, f->part, box, err);
}

/* -------------------------------------------------------------- tensors -- */

static bool
is_whole(const struct pfork_tensor *t, const struct tensor_box *box)
{
	return same_shape(t, box->size, t->rank);
}

/* One box that is all of it: a view, as in any other checkpoint. */
static void
take_whole(struct pfork_tensor *t, const struct tensor_box *box)
{
	t->home = box->home;
	t->storage = box->storage;
	t->offset = box->offset;
	/* build_tensor made room for them behind the shape. */
	memcpy((uint64_t *)(uintptr_t)tensor_strides(t), box->strides,
	    t->rank * sizeof(uint64_t));
	t->contiguous = shape_is_contiguous(t->shape, tensor_strides(t),
	    t->rank);
}

static enum pfork_code
judge_boxes(struct pieces *p, const struct pfork_tensor *t, size_t count,
    pfork_error *err)
{
	switch (assembled_judge(t->shape, t->rank, p->boxes, count,
	    &p->proofs)) {
	case ASSEMBLED_OK:
		break;
	case ASSEMBLED_HOLE:
		return bad(err, "the boxes of a tensor do not cover it",
		    t->name);
	case ASSEMBLED_OVERLAP:
		return bad(err, "two boxes of a tensor overlap", t->name);
	case ASSEMBLED_TOO_HARD:
		return error_about(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "a tensor is cut into boxes too wildly", t->name,
		    strlen(t->name));
	case ASSEMBLED_TOO_LATE:
		return store_too_late(p->set->budget, err);
	case ASSEMBLED_NO_MEMORY:
		return store_no_memory(err);
	}
	return PFORK_OK;
}

static bool
is_empty(const struct tensor_box *box, size_t rank)
{
	for (size_t i = 0; i < rank; i++)
		if (box->size[i] == 0)
			return true;
	return false;
}

static enum pfork_code
assemble(struct pieces *p, struct pfork_tensor *t, size_t count,
    pfork_error *err)
{
	pfork_checkpoint *c = p->set->c;
	struct assembly *a = pool_alloc(&c->strings, sizeof(*a));
	struct tensor_box *boxes;
	enum pfork_code code = PFORK_OK;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!is_empty(&p->boxes[i], t->rank))
			p->boxes[kept++] = p->boxes[i];
	if (pfork_tensor_elements(t) > 0)
		code = judge_boxes(p, t, kept, err);
	if (code != PFORK_OK)
		return code;
	boxes = pool_alloc(&c->strings, kept * sizeof(*boxes));
	if (a == NULL || boxes == NULL)
		return store_no_memory(err);
	memcpy(boxes, p->boxes, kept * sizeof(*boxes));
	if (!assembled_make(a, &c->strings, t->rank, boxes, kept, t->shape))
		return store_no_memory(err);
	t->assembly = a;
	return PFORK_OK;
}

/* Pieces [from, from + count) are the tensor's. */
static enum pfork_code
make_tensor(struct pieces *p, struct pfork_tensor *t, size_t from,
    size_t count, pfork_error *err)
{
	enum pfork_code code = PFORK_OK;

	for (size_t i = 0; code == PFORK_OK && i < count; i++)
		code = make_box(p, t, from + i, &p->boxes[i], err);
	if (code != PFORK_OK)
		return code;
	if (count == 1 && is_whole(t, &p->boxes[0])) {
		take_whole(t, &p->boxes[0]);
		return PFORK_OK;
	}
	return assemble(p, t, count, err);
}

/* All files are there: their sum is judged before a box is looked at. */
static enum pfork_code
make_tensors(struct pieces *p, pfork_error *err)
{
	const struct store_budget *budget = p->set->budget;
	pfork_checkpoint *c = p->set->c;
	enum pfork_code code = store_judge_sum(budget, err);
	size_t count;

	p->proofs = assembled_budget(c->piece_count,
	    budget->started + budget->wall_ms);

	for (size_t i = 0; code == PFORK_OK && i < c->piece_count;
	    i += count) {
		count = 1;
		while (i + count < c->piece_count &&
		    c->pieces[i + count].tensor == c->pieces[i].tensor)
			count++;
		code = make_tensor(p, &c->tensors[c->pieces[i].tensor], i,
		    count, err);
		if (code == PFORK_OK)
			code = store_spend_time(p->set->budget, err);
	}
	return code;
}

/* Unique in the set: its own storages, those of the parts, and one for each
 * tensor that is assembled. */
static enum pfork_code
number_storages(pfork_checkpoint *c, pfork_error *err)
{
	uint64_t next = c->storage_count;

	for (size_t i = 0; i < c->part_count; i++) {
		c->parts[i]->storage_base = (uint32_t)next;
		next += c->parts[i]->storage_count;
	}
	if (next + c->tensor_count > UINT32_MAX)
		return error_set(err, PFORK_E_LIMIT, 0, PFORK_NO_OFFSET,
		    "the files of a store have too many storages");
	for (size_t i = 0; i < c->tensor_count; i++)
		if (c->tensors[i].assembly != NULL)
			c->tensors[i].storage = (uint32_t)next++;
	return PFORK_OK;
}

enum pfork_code
store_make_pieces(struct store_set *set, pfork_error *err)
{
	struct pieces p = { .set = set };
	enum pfork_code code;

	if (strcmp(set->c->format, "torch-dcp") == 0)
		p.object_count = set->c->scalar_count;
	memcpy(p.by_file.seed, set->c->names.seed, sizeof(p.by_file.seed));
	code = list_files(&p, err);
	if (code == PFORK_OK)
		code = open_files(&p, err);
	if (code == PFORK_OK)
		code = judge_objects(&p, err);
	/* A fault of a part: there will be no tensors. */
	if (code == PFORK_OK && !set->c->has_fault)
		code = make_tensors(&p, err);
	if (code == PFORK_OK)
		code = number_storages(set->c, err);
	name_table_free(&p.by_file);
	for (size_t i = 0; i < p.file_count; i++)
		name_table_free(&p.files[i].places);
	/* They were places, and no values of the checkpoint's. */
	if (p.object_count > 0)
		set->c->scalar_count = 0;
	free(p.files);
	free(p.file_of);
	free(p.boxes);
	return code;
}
