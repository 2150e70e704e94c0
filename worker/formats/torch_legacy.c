/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_legacy.c - what torch.save wrote from 0.1.10 to 1.5, and still writes
 * with _use_new_zipfile_serialization=False: five pickles (a magic number, the
 * version, facts about the system, the object, the keys of its storages), then
 * for each key in that order an i64 count of elements and the elements.
 * Source: torch/serialization.py (_legacy_save, _legacy_load) and
 * torch/csrc/serialization.cpp of 2.13.  Both numbers and elements are
 * little-endian whatever `little_endian` in the third pickle says: torch swaps
 * on big-endian machines when it writes, and reads without looking at it.
 * Nothing may be left over silently, and every pickle is judged.
 */
#include <string.h>

#include "cursor.h"
#include "dtype.h"
#include "formats.h"
#include "sink.h"
#include "siphash.h"
#include "torch_file.h"
#include "verdict.h"
#include "vocabulary_word.h"

#define PROTOCOL_VERSION 1001

/* 0x1950a86a20f9469cfc6c, as LONG1 and as protocols 0 and 1 spell it. */
static const uint8_t magic[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
	0xa8, 0x50, 0x19 };
static const char magic_text[] = "L119547037146038801333356L\n.";

/* One storage, as its persistent ids declare it. */
struct record {
	const uint8_t *key;	/* NULL: a free slot */
	uint64_t key_len;
	uint64_t hash;
	uint64_t count;		/* elements */
	uint64_t data;		/* offset in the input, 0 until listed */
	uint32_t element;	/* bytes; 0 when the class is not known */
	uint32_t id;		/* of the sink's storage, plus 1 */
	uint64_t where;
};

struct legacy {
	struct job *job;
	struct graph *g;
	struct pickle_source source;
	uint64_t at;		/* next byte of the source */
	bool quiet;
	vref first;		/* node of this file */
	struct record *records;	/* open addressing */
	uint32_t capacity;	/* a power of two */
	uint32_t count;
	uint32_t listed;
};

static bool
has(const struct job *job, uint64_t offset, const void *bytes, size_t length)
{
	return job->size >= offset && job->size - offset >= length &&
	    memcmp(job->map + offset, bytes, length) == 0;
}

bool
torch_legacy_is(struct job *job)
{
	uint8_t long1[2 + sizeof magic] = { 0x8a, sizeof magic };

	memcpy(long1 + 2, magic, sizeof magic);
	if (has(job, 0, magic_text, sizeof magic_text - 1))
		return true;
	if (job->size < 2 || job->map[0] != 0x80)
		return false;
	/* After PROTO; after PROTO and FRAME. */
	return has(job, 2, long1, sizeof long1) ||
	    (has(job, 2, "\x95", 1) && has(job, 11, long1, sizeof long1));
}

static void
judge(struct legacy *l)
{
	if (!l->quiet)
		verdict_nodes(l->g, l->first);
}

/* What stands before the lie is reported first. */
static void lie(struct legacy *l, uint64_t where, const char *text)
    __attribute__((noreturn));

static void
lie(struct legacy *l, uint64_t where, const char *text)
{
	judge(l);
	die(l->job, FAULT_FORMAT, where, text);
}

static struct machine_result
run(struct legacy *l)
{
	struct machine_result result;
	struct machine_error error;

	if (!machine_run(l->g, &l->source, l->at, l->quiet, &result, &error)) {
		judge(l);
		die(l->job, error.code, error.where, error.text);
	}
	l->at = result.end;
	return result;
}

static vref
entry_of(const struct graph *g, vref dict, const char *name)
{
	const struct value *node = graph_at(g, dict);
	const uint8_t *at;
	uint64_t len;

	for (uint32_t i = 0; i + 1 < node->as.seq.count; i += 2)
		if (value_text(g, node->as.seq.at[i], true, &at, &len) &&
		    len == strlen(name) && memcmp(at, name, len) == 0)
			return node->as.seq.at[i + 1];
	return VREF_MISSING;
}

/* The three pickles before the object. */
static void
read_head(struct legacy *l)
{
	vref v = run(l).value;
	struct span number = { 0 };
	uint64_t at = l->at;
	int64_t version;

	if (value_kind(l->g, v) == VALUE_BIGINT)
		number = value_string(graph_at(l->g, v));
	if (number.len != sizeof magic ||
	    memcmp(number.at, magic, sizeof magic) != 0)
		lie(l, 0, "the first pickle is not torch's magic number");
	v = run(l).value;
	if (value_kind(l->g, v) != VALUE_INT ||
	    !value_int(l->g, v, &version) || version != PROTOCOL_VERSION)
		lie(l, at, "the second pickle is not torch's version, 1001");
	at = l->at;
	v = run(l).value;
	if (value_kind(l->g, v) != VALUE_DICT)
		lie(l, at, "the third pickle is not a dict");
	if (!l->quiet && entry_of(l->g, v, "little_endian") == VREF_FALSE)
		sink_note(l->job, NOTE_RECORD, VERDICT_CLEAN, at,
		    "written on a big-endian machine; its storages are "
		    "little-endian, as torch reads them");
}

/* ------------------------------------------------------------- storages -- */

static struct record *
find_record(const struct legacy *l, uint64_t hash, const uint8_t *key,
    uint64_t len)
{
	struct record *r;

	for (uint32_t i = (uint32_t)hash;; i++) {
		r = &l->records[i & (l->capacity - 1)];
		if (r->key == NULL || (r->hash == hash && r->key_len == len &&
		    memcmp(r->key, key, (size_t)len) == 0))
			return r;
	}
}

static void
make_room(struct legacy *l)
{
	struct record *old = l->records;
	uint32_t had = l->capacity;

	if (l->count < had / 2)
		return;
	l->capacity = had == 0 ? 16 : had * 2;
	l->records = arena_alloc(&l->job->arena, l->capacity, sizeof *old);
	for (uint32_t i = 0; i < had; i++)
		if (old[i].key != NULL)
			*find_record(l, old[i].hash, old[i].key,
			    old[i].key_len) = old[i];
}

/* Bytes that an element takes in a record: torch counts in these, sub-byte
 * types by whole bytes (torch._utils._element_size).  0: not known. */
static uint32_t
element_of(const struct graph *g, vref class)
{
	const struct dtype *d;
	unsigned bytes;

	if (!torch_storage_class(g, class, &d))
		return 0;
	bytes = d == NULL ? 1 : dtype_element_bytes(d);
	return bytes == 0 ? 1 : bytes;
}

/* ('storage', class, key, location, numel, view): enters the key.  What is
 * odd about its types is the vocabulary's to say, where a tensor has it. */
static void
declare(struct legacy *l, vref persid)
{
	vref id = graph_at(l->g, persid)->as.ref;
	struct record new = { .where = graph_where(l->g, persid) };
	struct record *r;
	const uint8_t *kind;
	uint64_t len;
	int64_t count;

	if (value_kind(l->g, id) != VALUE_TUPLE ||
	    !value_text(l->g, value_item(l->g, id, 0), true, &kind, &len) ||
	    len != 7 || memcmp(kind, "storage", 7) != 0)
		return;
	if (!value_text(l->g, value_item(l->g, id, 2), true, &new.key,
	    &new.key_len) || value_kind(l->g, value_item(l->g, id, 4)) !=
	    VALUE_INT || !value_int(l->g, value_item(l->g, id, 4), &count) ||
	    count < 0)
		lie(l, new.where, "a storage without a key or a length");
	new.count = (uint64_t)count;
	new.element = element_of(l->g, value_item(l->g, id, 1));
	if (new.key_len == 0)
		new.key = (const uint8_t *)"";
	new.hash = siphash(l->job->seed, new.key, (size_t)new.key_len);
	make_room(l);
	r = find_record(l, new.hash, new.key, new.key_len);
	if (r->key == NULL) {
		*r = new;
		l->count++;
	} else if ((r->count != 0 || new.count != 0) &&
	    (r->count != new.count || r->element != new.element)) {
		/* torch knows storages by their address, and all empty ones
		 * have the same. */
		lie(l, new.where,
		    "a storage is declared twice, and differently");
	}
}

/* Every persistent id counts, reachable or not, as for torch. */
static void
declare_all(struct legacy *l, vref first, vref end)
{
	const struct value *node;
	bool source_said = l->quiet;
	const uint8_t *at;
	uint64_t len;

	make_room(l);
	for (vref v = first; v < end; v = graph_after(l->g, v)) {
		node = graph_at(l->g, v);
		if (node->kind != VALUE_PERSID)
			continue;
		declare(l, v);
		/* ('module', class, file, source) */
		if (!source_said && value_text(l->g, value_item(l->g,
		    node->as.ref, 3), true, &at, &len) &&
		    value_count(l->g, node->as.ref) == 4) {
			sink_note(l->job, NOTE_RECORD, VERDICT_CLEAN,
			    graph_where(l->g, v), "the source of a module's "
			    "class stands beside it; it is not read");
			source_said = true;
		}
	}
}

/* One entry of the key list: its record is next in the file. */
static void
place_record(struct legacy *l, vref v)
{
	struct cursor c = cursor_over(l->source.at + l->at,
	    (size_t)(l->source.len - l->at));
	uint64_t where = l->at;
	const uint8_t *key = (const uint8_t *)"";
	uint64_t len;
	uint64_t bytes;
	struct record *r;

	if (!value_text(l->g, v, true, &key, &len))
		lie(l, where, "a storage's key is not text");
	if (len == 0)
		key = (const uint8_t *)"";
	r = find_record(l, siphash(l->job->seed, key, (size_t)len), key, len);
	if (r->key == NULL)
		lie(l, where, "the list names a storage that no tensor has");
	if (r->data != 0)
		lie(l, where, "a storage is listed twice");
	if (r->element == 0)
		die(l->job, FAULT_UNSUPPORTED, r->where,
		    "a storage of an unknown class: its length is not known");
	if (cursor_u64le(&c) != r->count && !c.bad)
		lie(l, where, "a storage's length is not the declared one");
	if (__builtin_mul_overflow(r->count, (uint64_t)r->element, &bytes))
		lie(l, where, "a storage's length overflows");
	cursor_bytes(&c, bytes);
	if (c.bad)
		lie(l, where, "a storage runs past the end of the file");
	r->data = where + 8;
	l->at = r->data + bytes;
	l->listed++;
}

static void
read_storages(struct legacy *l)
{
	uint64_t where = l->at;
	vref keys = run(l).value;

	if (value_kind(l->g, keys) != VALUE_LIST)
		lie(l, where, "the fifth pickle is not a list of keys");
	for (uint32_t i = 0; i < value_count(l->g, keys); i++)
		place_record(l, value_item(l->g, keys, i));
	/* torch would hand out memory that was never written. */
	if (l->listed != l->count)
		lie(l, where, "the list lacks a storage that a tensor has");
}

static bool
find_storage(struct storage_home *home, const uint8_t *key, size_t key_len,
    uint64_t where, uint32_t *id, uint64_t *bytes, const uint8_t **data)
{
	struct legacy *l = home->context;
	uint64_t hash = siphash(l->job->seed, key, key_len);
	struct record *r = find_record(l, hash, key, key_len);

	(void)where;
	if (r->key == NULL)
		return false;
	*bytes = r->count * r->element;
	if (r->id == 0)
		r->id = sink_extent(l->job, r->data, *bytes) + 1;
	*id = r->id - 1;
	*data = l->job->map + r->data;
	return true;
}

void
torch_legacy_open(struct job *job, struct torch_file *file)
{
	struct legacy *l = arena_alloc(&job->arena, 1, sizeof *l);
	struct machine_result object;

	l->job = job;
	l->g = file->graph;
	l->quiet = file->quiet;
	l->first = l->g->next;
	l->source = (struct pickle_source){ .at = job->map, .len = job->size,
		.in_file = true };
	read_head(l);
	object = run(l);
	declare_all(l, object.first_node, l->g->next);
	read_storages(l);
	judge(l);
	if (!l->quiet)
		verdict_rest(l->g, &l->source, l->at);
	file->root = object.value;
	file->home = (struct storage_home){ .find = find_storage, .job = job,
		.context = l, .views = true };
}

void
torch_legacy_parse(struct job *job)
{
	struct torch_file file;
	struct graph graph;

	graph_init(&graph, job);
	file.graph = &graph;
	file.quiet = false;
	torch_legacy_open(job, &file);
	walk_tensors(&graph, file.root, &file.home);
}
