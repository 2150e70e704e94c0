/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_zip.c - what torch.save writes since 1.6, and TorchScript: a zip with a
 * pickle at NAME/data.pkl and each storage at NAME/data/KEY.  NAME is the text
 * before the first '/' of the first entry in the directory, as in torch's
 * reader (caffe2/serialize/inline_container.cc).  Storages that stand in the
 * file as they are become extents; no byte of those is touched here.
 */
#include <string.h>

#include "inflate.h"
#include "formats.h"
#include "pickle_read.h"
#include "sink.h"
#include "swap.h"
#include "torch_file.h"
#include "zip_parts.h"

/* The largest name a zip can hold. */
#define NAME_MAX_BYTES 65535
/* Longer keys of storages never come this far (torch_storage.c), and the names
 * of our own records are shorter. */
#define KEY_ROOM 512
/* caffe2/serialize/versions.h: kMaxSupportedFileFormatVersion. */
#define VERSION_MAX 10

struct torch_zip {
	struct job *job;
	struct zip zip;
	struct graph *graph;
	size_t root_len;	/* NAME, without its '/' */
	bool big_endian;
	uint64_t found;		/* bytes of storages announced */
	uint32_t next;		/* the member after the one found last */
	/* "NAME/data/", then KEY_ROOM for a key. */
	uint8_t *name;
	size_t name_len;
};

/* "ROOT/data.pkl", ROOT being one component. */
static bool
is_main_pickle(const uint8_t *name, size_t length)
{
	static const char tail[] = "/data.pkl";
	const size_t tail_len = sizeof tail - 1;

	return length > tail_len &&
	    memcmp(name + length - tail_len, tail, tail_len) == 0 &&
	    memchr(name, '/', length - tail_len) == NULL;
}

bool
torch_zip_is(struct job *job)
{
	struct zip_peek peek;

	if (!zip_is(job) || torch_distcp_is(job))
		return false;
	/* A broken zip is taken here, so that zip_open says what is wrong. */
	if (!zip_peek_open(job, &peek))
		return true;
	while (zip_peek_next(&peek))
		if (is_main_pickle(peek.name, peek.name_len))
			return true;
	return peek.left > 0 || peek.at.left > 0 || peek.at.bad;
}

enum record_class {
	RECORD_KNOWN,
	RECORD_SCRIPT,		/* TorchScript's code */
	RECORD_PICKLE,		/* known, and a pickle */
	RECORD_STRANGE
};

/* Source: torch/csrc/jit/serialization/export_module.cpp,
 * caffe2/serialize/inline_container.cc; "extra/" is _extra_files. */
static const struct record {
	char name[28];		/* a trailing '/': all below */
	enum record_class class;
} records[] = {
	{ "data/", RECORD_KNOWN },
	{ "data.pkl", RECORD_KNOWN },
	{ "version", RECORD_KNOWN },
	{ "byteorder", RECORD_KNOWN },
	{ ".format_version", RECORD_KNOWN },
	{ ".storage_alignment", RECORD_KNOWN },
	{ ".data/serialization_id", RECORD_KNOWN },
	{ ".data/version", RECORD_KNOWN },
	{ "constants/", RECORD_KNOWN },
	{ "extra/", RECORD_KNOWN },
	{ "code/", RECORD_SCRIPT },
	{ "constants.pkl", RECORD_KNOWN },	/* see read_constants */
	{ "traced_inputs/", RECORD_KNOWN },
	{ "traced_inputs.pkl", RECORD_PICKLE },
	{ "mobile_debug_handles.pkl", RECORD_PICKLE },
	{ "bytecode.pkl", RECORD_PICKLE },
	{ "attributes.pkl", RECORD_PICKLE },
};

static enum record_class
classify(const uint8_t *name, size_t length)
{
	size_t n;

	for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
		n = strlen(records[i].name);
		if (length < n || memcmp(name, records[i].name, n) != 0)
			continue;
		if (length == n || records[i].name[n - 1] == '/')
			return records[i].class;
	}
	/* Directories, which other zip tools add. */
	return name[length - 1] == '/' ? RECORD_KNOWN : RECORD_STRANGE;
}

static bool
in_root(const struct torch_zip *t, const struct zip_member *m)
{
	const struct zip_member *first = &t->zip.members[0];

	return m->name_len > t->root_len &&
	    memcmp(m->name, first->name, t->root_len + 1) == 0;
}

static struct pickle_source
source_of(struct torch_zip *t, const struct zip_member *m)
{
	return (struct pickle_source){
		.at = zip_bytes(t->job, m),
		.len = m->size,
		.base = m->data,
		.in_file = m->method == ZIP_STORED,
	};
}

/* A record that is not ours may be a pickle that somebody else will load. */
static bool
seems_pickle(struct torch_zip *t, const struct zip_member *m)
{
	static const char tail[] = ".pkl";
	const size_t n = sizeof tail - 1;

	if (m->size == 0)
		return false;
	if (m->name_len >= n &&
	    memcmp(m->name + m->name_len - n, tail, n) == 0)
		return true;
	return m->method == ZIP_STORED && t->job->map[m->data] == 0x80;
}

static void
report_strange(struct torch_zip *t, const struct zip_member *m)
{
	if (is_main_pickle(m->name, m->name_len))
		sink_note_about(t->job, NOTE_POLYGLOT, VERDICT_DANGEROUS,
		    zip_member_header(m), "a second checkpoint in the archive",
		    m->name, m->name_len);
	else
		sink_note_about(t->job, NOTE_RECORD, VERDICT_UNUSUAL,
		    zip_member_header(m), "a record that torch does not write",
		    m->name, m->name_len);
}

static bool
is_word(uint8_t c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z');
}

/* Does the code name an op that writes files?  aten::from_file makes and fills
 * one, and aten::save is torch.save; a __setstate__ runs while it is loaded.
 * No honest model needs either. */
static bool
script_writes(const uint8_t *at, uint64_t len)
{
	static const char *const ops[] = { "from_file", "save" };
	const uint8_t *end = at + len;

	for (const uint8_t *p = at; p < end; p++) {
		if ((*p != 'f' && *p != 's') || (p > at && is_word(p[-1])))
			continue;
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			size_t n = strlen(ops[i]);
			const uint8_t *before = p;

			if ((uint64_t)(end - p) < n ||
			    memcmp(p, ops[i], n) != 0 ||
			    (p + n < end && is_word(p[n])))
				continue;
			while (before > at && before[-1] <= ' ')
				before--;
			if (before > at && before[-1] == '.')
				return true;
		}
	}
	return false;
}

static bool
ends_in_py(const struct zip_member *m)
{
	return m->name_len > 3 &&
	    memcmp(m->name + m->name_len - 3, ".py", 3) == 0;
}

static void
judge_script(struct torch_zip *t, const struct zip_member *m)
{
	size_t mark = arena_mark(&t->job->arena);

	if (script_writes(zip_bytes(t->job, m), m->size))
		sink_note_about(t->job, NOTE_RECORD, VERDICT_DANGEROUS,
		    zip_member_header(m), "TorchScript whose code names an op "
		    "that writes files", m->name, m->name_len);
	arena_rewind(&t->job->arena, mark);
}

static void
report_records(struct torch_zip *t)
{
	const struct zip_member *m, *script = NULL;
	enum record_class class;
	struct pickle_source source;
	size_t skip = t->root_len + 1;

	for (uint32_t i = 0; i < t->zip.count; i++) {
		m = &t->zip.members[i];
		class = RECORD_STRANGE;
		if (in_root(t, m))
			class = m->name_len == skip ? RECORD_KNOWN :
			    classify(m->name + skip, m->name_len - skip);
		if (class == RECORD_KNOWN)
			continue;
		if (class == RECORD_SCRIPT) {
			if (script == NULL)
				script = m;
			if (ends_in_py(m))
				judge_script(t, m);
			continue;
		}
		if (class == RECORD_STRANGE)
			report_strange(t, m);
		if (class == RECORD_STRANGE && !seems_pickle(t, m))
			continue;
		source = source_of(t, m);
		pickle_read_aside(t->graph, &source);
	}
	if (script != NULL)
		sink_note(t->job, NOTE_RECORD, VERDICT_CLEAN,
		    zip_member_header(script),
		    "TorchScript: its code is not read");
}

static const struct zip_member *
find_record(const struct torch_zip *t, const char *record)
{
	size_t length = strlen(record);

	memcpy(t->name + t->root_len + 1, record, length);
	return zip_find(t->job, &t->zip, t->name, t->root_len + 1 + length);
}

/* Decimal, a line feed allowed.  The tensors do not depend on it. */
static void
read_version(struct torch_zip *t)
{
	const struct zip_member *m = find_record(t, ".data/version");
	const uint8_t *bytes;
	uint64_t version = 0, length;

	if (m == NULL)
		m = find_record(t, "version");
	if (m == NULL) {
		sink_note(t->job, NOTE_RECORD, VERDICT_UNUSUAL, WIRE_NO_OFFSET,
		    "the archive has no version");
		return;
	}
	if (m->size == 0 || m->size > 20)
		zip_fail(t->job, m, m->data, "version is not a number");
	bytes = zip_bytes(t->job, m);
	length = m->size;
	if (length > 1 && bytes[length - 1] == '\n')
		length--;
	for (uint64_t i = 0; i < length; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			zip_fail(t->job, m, m->data,
			    "version is not a number");
		if (version <= VERSION_MAX)
			version = version * 10 + (bytes[i] - '0');
	}
	if (version == 0 || version > VERSION_MAX)
		sink_note_about(t->job, NOTE_RECORD, VERDICT_UNUSUAL, m->data,
		    "a version that torch has never written", bytes,
		    (size_t)length);
}

static void
read_byteorder(struct torch_zip *t)
{
	const struct zip_member *m = find_record(t, "byteorder");
	const uint8_t *bytes;

	if (m == NULL)
		return;		/* before torch 2.1; little */
	bytes = m->size <= 6 ? zip_bytes(t->job, m) : NULL;
	if (m->size == 3 && memcmp(bytes, "big", 3) == 0)
		t->big_endian = true;
	else if (m->size != 6 || memcmp(bytes, "little", 6) != 0)
		zip_fail(t->job, m, m->data,
		    "byteorder is neither 'little' nor 'big'");
}

static uint32_t
announce(struct torch_zip *t, const struct zip_member *m, unsigned swap)
{
	struct job *job = t->job;
	const uint8_t *bytes;
	uint32_t id;
	size_t mark;
	bool mine;

	if (m->method == ZIP_STORED && swap <= 1)
		return sink_extent(job, m->data, m->packed);
	/* Announced first: that judges the limit before the work. */
	id = sink_stream_packed(job, m->size, zip_effort(m), &mine);
	if (!mine)
		return id;
	mark = arena_mark(&job->arena);
	bytes = zip_bytes(job, m);
	if (swap > 1)
		swap_send(job, bytes, m->size, swap);
	else if (m->size > 0)
		sink_data(job, bytes, (size_t)m->size);
	arena_rewind(&job->arena, mark);
	return id;
}

/* The member that t->name names.  torch writes storages in the order in which
 * its pickle names them, so the next one is looked at before all of them. */
static struct zip_member *
find_member(struct torch_zip *t, size_t length)
{
	const struct zip_member *m = t->zip.members + t->next;

	if (t->next >= t->zip.count || m->name_len != length ||
	    memcmp(m->name, t->name, length) != 0)
		m = zip_find(t->job, &t->zip, t->name, length);
	if (m == NULL)
		return NULL;
	t->next = (uint32_t)(m - t->zip.members) + 1;
	return &t->zip.members[t->next - 1];
}

static bool
find_storage(struct storage_home *home, const uint8_t *key, size_t key_len,
    uint64_t where, uint32_t *id, uint64_t *bytes, const uint8_t **data)
{
	struct torch_zip *t = home->context;
	struct zip_member *m;
	unsigned swap = t->big_endian ? home->swap_width : 1;

	(void)where;
	if (key_len == 0 || key_len > KEY_ROOM ||
	    key_len > NAME_MAX_BYTES - t->name_len)
		return false;
	memcpy(t->name + t->name_len, key, key_len);
	m = find_member(t, t->name_len + key_len);
	if (m == NULL)
		return false;
	/* use: its storage's id plus one, 0 before that. */
	if (m->use == 0) {
		m->use = announce(t, m, swap) + 1;
		t->found += m->packed;
		sink_progress(t->job, t->found, t->job->size);
	}
	*id = m->use - 1;
	*bytes = m->size;
	*data = m->method == ZIP_STORED && swap <= 1 ?
	    t->job->map + m->data : NULL;
	return true;
}

static void
open_root(struct torch_zip *t)
{
	const struct zip_member *first = t->zip.members;
	const uint8_t *slash = NULL;

	if (t->zip.count > 0)
		slash = memchr(first->name, '/', first->name_len);
	if (slash == NULL)
		die(t->job, FAULT_FORMAT, t->zip.count > 0 ?
		    zip_member_entry(t->job, first) : 0,
		    "the archive's first member is not in a directory");
	t->root_len = (size_t)(slash - first->name);
	t->name = arena_alloc(&t->job->arena, t->root_len + 64 + KEY_ROOM, 1);
	memcpy(t->name, first->name, t->root_len + 1);
}

/* data.pkl, run and judged. */
static vref
read_root(struct torch_zip *t)
{
	const struct zip_member *m = find_record(t, "data.pkl");
	struct pickle_source source;

	if (m == NULL)
		die_about(t->job, FAULT_FORMAT, zip_member_entry(t->job,
		    t->zip.members), "the archive has no data.pkl in directory",
		    t->name, t->root_len);
	read_version(t);
	read_byteorder(t);
	report_records(t);
	source = source_of(t, m);
	return pickle_run(t->graph, &source);
}

/* Where storages are looked for, from now on. */
static void
set_directory(struct torch_zip *t, const char *directory)
{
	size_t length = strlen(directory);

	memcpy(t->name + t->root_len + 1, directory, length);
	t->name_len = t->root_len + 1 + length;
}

void
torch_zip_open(struct job *job, struct torch_file *file)
{
	struct torch_zip *t = arena_alloc(&job->arena, 1, sizeof *t);

	t->job = job;
	t->graph = file->graph;
	zip_open(job, &t->zip);
	open_root(t);
	if (job->flags & GO_VERIFY)
		for (uint32_t i = 0; i < t->zip.count; i++)
			if (t->zip.members[i].method == ZIP_STORED)
				zip_bytes(job, &t->zip.members[i]);
	file->root = read_root(t);
	set_directory(t, "data/");
	file->home = (struct storage_home){ .find = find_storage, .job = job,
		.context = t, .big_endian = t->big_endian };
}

/* TorchScript's table of the tensors in its code: "constants.0" and so on. */
static void
read_constants(struct torch_file *file)
{
	static const uint8_t name[] = "constants";
	static const struct path_part part = { name, sizeof name - 1,
		PATH_KEY };
	static const struct path under = { &part, 1, NULL };
	struct torch_zip *t = file->home.context;
	const struct zip_member *m = find_record(t, "constants.pkl");
	struct storage_home home = { .find = find_storage, .job = t->job,
		.context = t, .big_endian = t->big_endian, .under = &under,
		.words = file->home.words };
	struct pickle_source source;
	vref root;

	if (m == NULL)
		return;
	source = source_of(t, m);
	root = pickle_read_aside(t->graph, &source);
	if (root == VREF_MISSING)
		return;
	set_directory(t, "constants/");
	walk_tensors(t->graph, root, &home);
}

void
torch_zip_parse(struct job *job)
{
	struct torch_file file;
	struct graph graph;

	graph_init(&graph, job);
	file.graph = &graph;
	file.quiet = false;
	torch_zip_open(job, &file);
	walk_tensors(&graph, file.root, &file.home);
	read_constants(&file);
}
