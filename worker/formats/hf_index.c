/* SPDX-License-Identifier: Apache-2.0
 *
 * hf_index.c - the index of a checkpoint in several files (huggingface_hub's
 * split_torch_state_dict_into_shards; *.index.json):
 *	{"metadata": {"total_size": N}, "weight_map": {TENSOR: FILE, ...}}
 * It is reported as plain values, "weight_map.TENSOR" = FILE, and nothing else:
 * no file is opened here, and which one may be is for the broker to judge.
 */
#include <string.h>

#include "formats.h"
#include "json_scan.h"
#include "sibling.h"
#include "sink.h"
#include "unique.h"
#include "utf8.h"

/* An index of a million tensors has some 100 MB. */
#define INDEX_MAX (UINT64_C(1) << 30)
#define LOOK_BYTES 4096

static const char map_name[] = "weight_map";
static const struct sibling_texts file_texts = {
	"index: a file's name is empty or too long",
	"index: a file's name leads out of the directory"
};

struct index {
	struct job *job;
	struct json json;
	struct unique names;
	bool has_map;
	bool any;	/* file is named */
};

/* An object whose first keys are metadata or weight_map: nothing else that is
 * JSON begins so. */
bool
hf_index_is(struct job *job)
{
	size_t length = job->size < LOOK_BYTES ? (size_t)job->size :
	    LOOK_BYTES;
	struct json j = json_over(job->map, length);
	struct json_text key;

	if (job->size == 0 || !json_take(&j, '{') || !json_string(&j, &key) ||
	    !json_take(&j, ':') || !json_take(&j, '{'))
		return false;
	if (key.len == sizeof(map_name) - 1 &&
	    memcmp(key.at, map_name, key.len) == 0)
		return true;
	if (key.len != 8 || memcmp(key.at, "metadata", 8) != 0)
		return false;
	for (size_t i = 0; i + sizeof(map_name) + 1 <= length; i++)
		if (memcmp(job->map + i, "\"weight_map\"",
		    sizeof(map_name) + 1) == 0)
			return true;
	return false;
}

static uint64_t
offset_of(const struct index *x, const uint8_t *at)
{
	return (uint64_t)(at - x->job->map);
}

static void __attribute__((noreturn))
bad_json(const struct index *x)
{
	die_about(x->job, FAULT_FORMAT, offset_of(x, x->json.at),
	    "index: it is not the JSON that it must be", x->json.wrong,
	    strlen(x->json.wrong));
}

static void
need(struct index *x, char c, const char *wrong)
{
	if (!json_need(&x->json, c, wrong))
		bad_json(x);
}

static struct json_text
text_of(struct index *x, uint64_t *where)
{
	struct json_text text;
	uint8_t *plain;

	if (!json_string(&x->json, &text))
		bad_json(x);
	*where = offset_of(x, text.at);
	if (!text.escaped)
		return text;
	plain = arena_alloc(&x->job->arena, text.len, 1);
	text.len = json_unescape(&text, plain);
	text.at = plain;
	return text;
}

static void
read_pair(struct index *x)
{
	struct path_part parts[2] = {
		{ (const uint8_t *)map_name, sizeof(map_name) - 1, PATH_KEY },
		{ .kind = PATH_KEY }
	};
	struct path path = { .parts = parts, .count = 2 };
	struct scalar_out out = { .kind = SCALAR_TEXT };
	struct json_text name, file;
	uint64_t name_where, file_where;

	name = text_of(x, &name_where);
	need(x, ':', "no ':' after a key");
	file = text_of(x, &file_where);
	if (name.len == 0 || name.len > TENSOR_NAME_MAX - sizeof(map_name))
		die(x->job, FAULT_FORMAT, name_where,
		    "index: a tensor's name is empty or too long");
	if (!unique_add(x->job, &x->names, name.at, name.len))
		die_about(x->job, FAULT_FORMAT, name_where,
		    "index: a tensor is there twice", name.at, name.len);
	sibling_judge(x->job, file.at, file.len, file_where, &file_texts);
	x->any = true;
	parts[1].at = name.at;
	parts[1].len = (uint32_t)name.len;
	out.at = file.at;
	out.len = file.len;
	sink_scalar(x->job, &path, &out);
}

static void
read_map(struct index *x, uint64_t where)
{
	if (x->has_map)
		die(x->job, FAULT_FORMAT, where,
		    "index: weight_map is there twice");
	x->has_map = true;
	need(x, '{', "weight_map is no object");
	if (json_take(&x->json, '}'))
		return;
	do {
		read_pair(x);
	} while (json_take(&x->json, ','));
	need(x, '}', "neither ',' nor the end of weight_map");
}

void
hf_index_parse(struct job *job)
{
	struct index x = { .job = job };
	struct json_text key;
	uint64_t where;
	size_t good;

	if (job->size > INDEX_MAX)
		die(job, FAULT_LIMIT, 0, "index: over 1 GiB of JSON");
	good = utf8_good(job->map, (size_t)job->size);
	if (good != job->size)
		die(job, FAULT_FORMAT, good, "index: it is not UTF-8");
	x.json = json_over(job->map, (size_t)job->size);
	unique_init(job, &x.names);
	need(&x, '{', "no object");
	do {
		key = text_of(&x, &where);
		need(&x, ':', "no ':' after a key");
		if (key.len == sizeof(map_name) - 1 &&
		    memcmp(key.at, map_name, key.len) == 0)
			read_map(&x, where);
		else if (!json_skip(&x.json))
			bad_json(&x);
	} while (json_take(&x.json, ','));
	need(&x, '}', "neither ',' nor the end");
	if (!json_end(&x.json))
		bad_json(&x);
	if (!x.has_map)
		die(job, FAULT_FORMAT, 0, "index: there is no weight_map");
	/* Alone it must not look like a checkpoint that was looked at. */
	if ((job->flags & GO_PIECES) == 0 && x.any)
		sink_note(job, NOTE_RECORD, VERDICT_UNUSUAL, 0,
		    "index: the files that it names were not opened; open "
		    "the directory, or the index as a store");
}
