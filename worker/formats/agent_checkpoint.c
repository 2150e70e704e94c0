/* SPDX-License-Identifier: Apache-2.0
 *
 * agent_checkpoint.c - microsoft/agent-framework's FileCheckpointStorage: JSON
 * in which every value that JSON has no type for is an envelope,
 *	{"__pickled__": BASE64, "__type__": "module:qualname"}
 * Its own loader unpickles them.  Here each is read by the inert machine, and
 * the arrays and tensors in it come out under their path in the JSON.  No
 * recursion: a stack of frames, as deep as the limit on nesting.
 * Source: agent-framework-core 1.23.0, _workflows/_checkpoint_encoding.py.
 */
#include <string.h>

#include "agent_tree.h"
#include "formats.h"
#include "machine_inner.h"
#include "pickle_read.h"
#include "utf8.h"

static const char pickled_key[] = "__pickled__";
static const char type_key[] = "__type__";
/* A mark written with escapes is at most six times as long. */
#define MARK_MAX ((sizeof pickled_key - 1) * 6)

/* -------------------------------------------------------- recognition -- */

static bool
is_mark(const struct json_text *text)
{
	uint8_t plain[MARK_MAX];
	size_t length = text->len;

	if (length > MARK_MAX)
		return false;
	if (text->escaped)
		length = json_unescape(text, plain);
	return length == sizeof pickled_key - 1 && memcmp(text->escaped ?
	    plain : text->at, pickled_key, length) == 0;
}

/* Text by text, as they stand: what is no JSON between them is for the parser
 * to say.  An object somewhere must have the mark as a key. */
bool
agent_checkpoint_is(struct job *job)
{
	struct json j = json_over(job->map, (size_t)job->size);
	struct json_text text;

	if (job->size == 0 || !json_take(&j, '{'))
		return false;
	while (j.at < j.end) {
		if (*j.at != '"') {
			if (*j.at < ' ' && memchr("\t\n\r", *j.at, 3) == NULL)
				return false;
			j.at++;
			continue;
		}
		if (!json_string(&j, &text))
			return false;
		if (is_mark(&text) && json_take(&j, ':'))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------- values -- */

static uint64_t
offset_of(const struct agent_tree *t, const uint8_t *at)
{
	return (uint64_t)(at - t->job->map);
}

static void __attribute__((noreturn))
bad_json(const struct agent_tree *t)
{
	die_about(t->job, FAULT_FORMAT, offset_of(t, t->json.at),
	    "agent checkpoint: it is not the JSON that it must be",
	    t->json.wrong, strlen(t->json.wrong));
}

static struct json_text
plain_text(struct agent_tree *t, const struct json_text *text)
{
	struct json_text plain = { text->at, text->len, false };
	uint8_t *out;

	if (!text->escaped)
		return plain;
	out = arena_alloc(&t->job->arena, text->len + 1, 1);
	plain.len = json_unescape(text, out);
	plain.at = out;
	return plain;
}

static void
send(struct agent_tree *t, const struct scalar_out *out)
{
	struct path path = { t->parts, (size_t)t->depth, NULL };

	sink_scalar(t->job, &path, out);
}

static void
send_number(struct agent_tree *t, const uint8_t *at, size_t length)
{
	struct scalar_out out = { .kind = SCALAR_INT };
	bool minus = length > 0 && at[0] == '-';
	bool whole = length > minus;

	for (size_t i = minus; i < length && whole; i++)
		whole = at[i] >= '0' && at[i] <= '9' &&
		    !__builtin_mul_overflow(out.i, 10, &out.i) &&
		    !__builtin_sub_overflow(out.i, at[i] - '0', &out.i);
	if (whole && !minus)
		whole = !__builtin_sub_overflow(0, out.i, &out.i);
	if (!whole) {
		out.kind = SCALAR_FLOAT;
		if (!decimal_to_double(at, length, &out.f))
			return;
	}
	send(t, &out);
}

/* Python's json writes these three, and reads them. */
static bool
take_not_finite(struct agent_tree *t)
{
	static const struct {
		const char *word;
		double value;
	} words[] = {
		{ "NaN", __builtin_nan("") },
		{ "Infinity", __builtin_inf() },
		{ "-Infinity", -__builtin_inf() },
	};
	size_t left = (size_t)(t->json.end - t->json.at);
	size_t n;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		n = strlen(words[i].word);
		if (left < n || memcmp(t->json.at, words[i].word, n) != 0)
			continue;
		t->json.at += n;
		send(t, &(struct scalar_out){
			.kind = SCALAR_FLOAT, .f = words[i].value });
		return true;
	}
	return false;
}

static void
take_plain(struct agent_tree *t)
{
	struct scalar_out out = { .kind = SCALAR_NULL };
	const uint8_t *at = t->json.at;
	size_t length;

	if (take_not_finite(t))
		return;
	if (!json_skip(&t->json))
		bad_json(t);
	length = (size_t)(t->json.at - at);
	if (*at == 't' || *at == 'f') {
		out.kind = SCALAR_BOOL;
		out.i = *at == 't';
	} else if (*at != 'n') {
		send_number(t, at, length);
		return;
	}
	send(t, &out);
}

static void
take_text(struct agent_tree *t, bool payload)
{
	struct scalar_out out = { .kind = SCALAR_TEXT };
	struct json_text text;
	struct json_text plain;

	if (!json_string(&t->json, &text))
		bad_json(t);
	if (payload) {
		t->frames[t->depth - 1].where = offset_of(t, text.at);
		agent_payload(t, &text, offset_of(t, text.at));
		return;
	}
	if ((t->job->flags & GO_SCALARS) == 0)
		return;
	plain = plain_text(t, &text);
	out.at = plain.at;
	out.len = plain.len;
	send(t, &out);
}

/* --------------------------------------------------------------- tree -- */

static void
push(struct agent_tree *t, bool object)
{
	struct agent_frame *f;

	if (t->depth >= t->job->limits.nesting)
		die(t->job, FAULT_LIMIT, offset_of(t, t->json.at),
		    "values are nested deeper than the limit nesting");
	f = &t->frames[t->depth];
	*f = (struct agent_frame){ .object = object ? ++t->objects : 0 };
	t->parts[t->depth++] = (struct path_part){ .at = f->digits };
}

static void
pop(struct agent_tree *t)
{
	const struct agent_frame *f = &t->frames[--t->depth];

	if (f->pickled && !f->typed)
		sink_note(t->job, NOTE_RECORD, VERDICT_UNUSUAL, f->where,
		    "agent checkpoint: a payload without a __type__, which "
		    "its own loader takes for text");
}

/* True when it is the payload's. */
static bool
take_key(struct agent_tree *t, struct agent_frame *f, struct path_part *part)
{
	struct json_text text;
	struct json_text key;
	uint64_t where;
	uint8_t *whole;

	if (!json_string(&t->json, &text) ||
	    !json_need(&t->json, ':', "no ':' after a key"))
		bad_json(t);
	where = offset_of(t, text.at);
	key = plain_text(t, &text);
	if (key.len > UINT32_MAX - sizeof f->object)
		die(t->job, FAULT_FORMAT, where,
		    "agent checkpoint: a key is too long");
	whole = arena_alloc(&t->job->arena, sizeof f->object + key.len, 1);
	memcpy(whole, &f->object, sizeof f->object);
	memcpy(whole + sizeof f->object, key.at, key.len);
	/* Python takes the last one, others the first. */
	if (!unique_add(t->job, &t->keys, whole, sizeof f->object + key.len))
		die_about(t->job, FAULT_FORMAT, where,
		    "agent checkpoint: a key is there twice", key.at, key.len);
	*part = (struct path_part){ whole + sizeof f->object,
		(uint32_t)key.len, PATH_KEY };
	if (key.len == sizeof type_key - 1 &&
	    memcmp(key.at, type_key, key.len) == 0)
		f->typed = true;
	if (key.len != sizeof pickled_key - 1 ||
	    memcmp(key.at, pickled_key, key.len) != 0)
		return false;
	f->pickled = true;
	return true;
}

static void
take_index(struct agent_frame *f, struct path_part *part)
{
	uint64_t rest = f->index++;
	size_t at = sizeof f->digits;

	do {
		f->digits[--at] = (uint8_t)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	*part = (struct path_part){ f->digits + at,
		(uint32_t)(sizeof f->digits - at), PATH_INDEX };
}

/* A container is opened, and true; else the value has been taken. */
static bool
take_value(struct agent_tree *t, bool payload)
{
	bool object;

	if (++t->nodes > t->job->limits.nodes)
		die(t->job, FAULT_LIMIT, offset_of(t, t->json.at),
		    "values are over the limit nodes");
	object = json_take(&t->json, '{');
	if (!payload && (object || json_take(&t->json, '['))) {
		push(t, object);
		return true;
	}
	/* Blanks are behind us. */
	if (t->json.at < t->json.end && *t->json.at == '"')
		take_text(t, payload);
	else if (payload)
		die(t->job, FAULT_FORMAT, offset_of(t, t->json.at),
		    "agent checkpoint: __pickled__ is no text");
	else
		take_plain(t);
	return false;
}

/* The next pair or item of the innermost container. */
static bool
take_member(struct agent_tree *t)
{
	struct agent_frame *f = &t->frames[t->depth - 1];
	struct path_part *part = &t->parts[t->depth - 1];
	bool payload = false;

	if (f->object != 0)
		payload = take_key(t, f, part);
	else
		take_index(f, part);
	return take_value(t, payload);
}

/* After a value: to the next one, out of all that ends here. */
static void
close_containers(struct agent_tree *t)
{
	while (t->depth > 0 && !json_take(&t->json, ',')) {
		if (!json_need(&t->json,
		    t->frames[t->depth - 1].object != 0 ? '}' : ']',
		    "neither ',' nor the end of a container"))
			bad_json(t);
		pop(t);
	}
}

static void
read_tree(struct agent_tree *t)
{
	bool opened = true;

	do {
		/* Only what was just opened may be empty. */
		if (opened && json_take(&t->json,
		    t->frames[t->depth - 1].object != 0 ? '}' : ']'))
			pop(t);
		else if ((opened = take_member(t)))
			continue;
		opened = false;
		close_containers(t);
	} while (t->depth > 0);
}

void
agent_checkpoint_parse(struct job *job)
{
	struct agent_tree t = {
		.job = job,
		.json = json_over(job->map, (size_t)job->size),
		.home = { .find = pickle_no_storages, .job = job }
	};
	size_t good = utf8_good(job->map, (size_t)job->size);

	if (good != job->size)
		die(job, FAULT_FORMAT, good,
		    "agent checkpoint: it is not UTF-8");
	t.frames = arena_alloc(&job->arena, job->limits.nesting + 1,
	    sizeof *t.frames);
	t.parts = arena_alloc(&job->arena, job->limits.nesting + 1,
	    sizeof *t.parts);
	unique_init(job, &t.keys);
	graph_init(&t.graph, job);
	if (!json_take(&t.json, '{'))
		die(job, FAULT_INTERNAL, 0, "agent checkpoint: no object");
	push(&t, true);
	read_tree(&t);
	if (!json_end(&t.json))
		bad_json(&t);
}
