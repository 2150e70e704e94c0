/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_dcp_stored.c - storage_data of a distributed checkpoint: from the name
 * of a tensor and the offsets of a chunk to a file, an offset and a length
 * there (torch/distributed/checkpoint/filesystem.py, finish()).  Keys are the
 * file's: the hash is keyed, and bytes are compared.
 */
#include <string.h>

#include "sibling.h"
#include "sink.h"
#include "siphash.h"
#include "torch_dcp.h"
#include "vocabulary_word.h"

static const struct sibling_texts sibling_texts = {
	"dcp: a file's name is empty or too long",
	"dcp: a file's name leads out of the directory"
};

/* The rank, the offsets, the name: nothing else has these bytes. */
#define KEY_MAX (1 + RANK_MAX * 8 + TENSOR_NAME_MAX)

static size_t
make_key(uint8_t out[KEY_MAX], struct wire_bytes name, const uint64_t *offsets,
    size_t rank)
{
	size_t used = 0;

	out[used++] = rank == DCP_NO_RANK ? UINT8_MAX : (uint8_t)rank;
	for (size_t i = 0; rank != DCP_NO_RANK && i < rank; i++)
		for (unsigned k = 0; k < 8; k++)
			out[used++] = (uint8_t)(offsets[i] >> 8 * k);
	if (name.len > 0)
		memcpy(out + used, name.at, name.len);
	return used + name.len;
}

static uint32_t *
slot_of(const struct dcp *d, uint64_t hash, const uint8_t *key, size_t len)
{
	uint32_t i = (uint32_t)hash & d->mask;

	for (;; i = (i + 1) & d->mask) {
		const struct dcp_stored *s;

		if (d->slots[i] == 0)
			return &d->slots[i];
		s = &d->stored[d->slots[i] - 1];
		if (s->hash == hash && s->key_len == len &&
		    memcmp(s->key, key, len) == 0)
			return &d->slots[i];
	}
}

struct dcp_stored *
dcp_stored_find(const struct dcp *d, struct wire_bytes name,
    const uint64_t *offsets, size_t rank)
{
	uint8_t key[KEY_MAX];
	uint32_t slot;
	size_t len;

	if (name.len > TENSOR_NAME_MAX)
		return NULL;
	len = make_key(key, name, offsets, rank);
	slot = *slot_of(d, siphash(d->job->seed, key, len), key, len);
	return slot == 0 ? NULL : &d->stored[slot - 1];
}

static uint64_t
natural(const struct dcp *d, vref info, const char *name)
{
	vref v = dcp_attribute(d, info, name);
	int64_t i;

	if (value_kind(&d->graph, v) != VALUE_INT ||
	    !value_int(&d->graph, v, &i) || i < 0)
		die_about(d->job, FAULT_FORMAT, graph_where(&d->graph, info),
		    "dcp: not a natural number", name, strlen(name));
	return (uint64_t)i;
}

/* A list of descriptors, from the outermost on; absent when there is none. */
static bool
is_packed(const struct dcp *d, vref info)
{
	vref v = dcp_attribute(d, info, "transform_descriptors");

	if (v == VREF_MISSING || v == VREF_NONE)
		return false;
	if (value_kind(&d->graph, v) != VALUE_LIST &&
	    value_kind(&d->graph, v) != VALUE_TUPLE)
		die(d->job, FAULT_FORMAT, graph_where(&d->graph, info),
		    "dcp: transform_descriptors are no list");
	return value_count(&d->graph, v) > 0;
}

static void
read_info(const struct dcp *d, vref info, uint64_t where,
    struct dcp_stored *out)
{
	struct wire_bytes file;
	uint64_t end;

	dcp_need(d, info, DCP_STORED, where);
	out->where = graph_where(&d->graph, info);
	file = dcp_text(d, dcp_attribute(d, info, "relative_path"),
	    "dcp: a file's name is no text", out->where);
	sibling_judge(d->job, file.at, file.len, out->where, &sibling_texts);
	out->file = file.at;
	out->file_len = file.len;
	out->offset = natural(d, info, "offset");
	out->length = natural(d, info, "length");
	if (__builtin_add_overflow(out->offset, out->length, &end) ||
	    end > INT64_MAX)
		die(d->job, FAULT_FORMAT, out->where,
		    "dcp: a place where no file ends");
	out->packed = is_packed(d, info);
}

static void
add(struct dcp *d, vref index, vref info, uint64_t where)
{
	static const struct path nowhere = { NULL, 0, NULL };
	uint64_t offsets[RANK_MAX];
	uint8_t key[KEY_MAX];
	size_t rank = DCP_NO_RANK;
	struct dcp_stored *s = &d->stored[d->count];
	struct wire_bytes name;
	uint32_t *slot;
	uint64_t hash;
	uint8_t *kept;
	size_t len;
	vref v;

	dcp_need(d, index, DCP_INDEX, where);
	where = graph_where(&d->graph, index);
	name = dcp_text(d, dcp_attribute(d, index, "fqn"),
	    "dcp: a name is no text", where);
	if (name.len > TENSOR_NAME_MAX)
		die(d->job, FAULT_LIMIT, where, "dcp: a name is too long");
	v = dcp_attribute(d, index, "offset");
	if (v != VREF_MISSING && v != VREF_NONE &&
	    !dcp_shape(d, &nowhere, v, "offset", offsets, &rank))
		return;
	len = make_key(key, name, offsets, rank);
	hash = siphash(d->job->seed, key, len);
	slot = slot_of(d, hash, key, len);
	if (*slot != 0)
		die_about(d->job, FAULT_FORMAT, where,
		    "dcp: a chunk has two places", name.at, name.len);
	kept = arena_alloc(&d->job->arena, len, 1);
	memcpy(kept, key, len);
	read_info(d, info, where, s);
	s->hash = hash;
	s->key_len = (uint32_t)len;
	s->key = kept;
	*slot = ++d->count;
}

void
dcp_stored_read(struct dcp *d, vref storage_data, uint64_t where)
{
	const struct value *dict = dcp_dict(d, storage_data,
	    "dcp: storage_data is no dict", where);
	uint64_t slots = 8;

	while (slots < dict->as.seq.count)
		slots *= 2;
	if (slots > UINT32_MAX)
		die(d->job, FAULT_LIMIT, where, "dcp: too many chunks");
	d->slots = arena_alloc(&d->job->arena, slots, sizeof(*d->slots));
	d->stored = arena_alloc(&d->job->arena, dict->as.seq.count / 2,
	    sizeof(*d->stored));
	d->mask = (uint32_t)(slots - 1);
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2)
		add(d, dict->as.seq.at[i], dict->as.seq.at[i + 1],
		    graph_where(&d->graph, storage_data));
}

/* torch unpickles what is in such a file, and here nobody has looked at it. */
static void
note_unopened(struct dcp *d)
{
	const struct dcp_stored *s;
	struct unique files;

	unique_init(d->job, &files);
	for (uint32_t i = 0; i < d->count; i++) {
		s = &d->stored[i];
		if (s->sent)
			(void)unique_add(d->job, &files, s->file, s->file_len);
	}
	for (uint32_t i = 0; i < d->count; i++) {
		s = &d->stored[i];
		if (unique_add(d->job, &files, s->file, s->file_len))
			sink_note_about(d->job, NOTE_RECORD, VERDICT_UNUSUAL,
			    s->where, "dcp: a file without a tensor of this "
			    "checkpoint was not opened; scan it", s->file,
			    s->file_len);
	}
}

void
dcp_stored_rest(struct dcp *d)
{
	const struct dcp_stored *s;
	size_t begin;

	for (uint32_t i = 0; i < d->count; i++) {
		s = &d->stored[i];
		if (s->used)
			continue;
		begin = s->key[0] == UINT8_MAX ? 1 : 1 + s->key[0] * 8u;
		if (unique_add(d->job, &d->left_out, s->key + begin,
		    s->key_len - begin))
			sink_note_about(d->job, NOTE_RECORD, VERDICT_UNUSUAL,
			    s->where, "dcp: data that no tensor has",
			    s->key + begin, s->key_len - begin);
	}
	note_unopened(d);
}
