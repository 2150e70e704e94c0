/* SPDX-License-Identifier: Apache-2.0
 *
 * agent_payload.c - one base64 text of an agent's checkpoint: a pickle, run by
 * the inert machine through a window (job.h) on the decoded bytes.  Whatever is
 * reported from inside stands at the text's own offset.
 */
#include "agent_tree.h"
#include "base64.h"
#include "pickle_read.h"

struct outside {
	const uint8_t *map;
	uint64_t size;
	struct job_window window;
};

static struct outside
enter(struct job *job, const uint8_t *at, uint64_t length, uint64_t where)
{
	struct outside was = { job->map, job->size, job->window };

	job->map = at;
	job->size = length;
	job->window = (struct job_window){ .depth = 1, .where = where };
	return was;
}

static void
leave(struct job *job, const struct outside *was)
{
	job->map = was->map;
	job->size = was->size;
	job->window = was->window;
}

static const uint8_t *
decode(struct agent_tree *t, const struct json_text *text, uint64_t where,
    size_t *length)
{
	struct json_text plain = *text;
	uint8_t *out;
	size_t wrong;

	if (text->escaped) {
		out = arena_alloc(&t->job->arena, text->len, 1);
		plain.len = json_unescape(text, out);
		plain.at = out;
	}
	out = arena_alloc(&t->job->arena, BASE64_ROOM(plain.len) + 3, 1);
	if (!base64_decode(plain.at, plain.len, out, length, &wrong))
		die(t->job, FAULT_FORMAT, where +
		    (text->escaped ? 0 : wrong),
		    "agent checkpoint: __pickled__ is no base64");
	return out;
}

void
agent_payload(struct agent_tree *t, const struct json_text *text,
    uint64_t where)
{
	struct path under = { t->parts, (size_t)t->depth - 1, NULL };
	struct pickle_source source = { .in_file = true };
	struct outside was;
	size_t length;

	source.at = decode(t, text, where, &length);
	source.len = length;
	if (length == 0)
		die(t->job, FAULT_FORMAT, where,
		    "agent checkpoint: an empty pickle");
	was = enter(t->job, source.at, length, where);
	t->home.under = under.count > 0 ? &under : NULL;
	pickle_read(&t->graph, &source, &t->home);
	t->home.under = NULL;
	leave(t->job, &was);
}
