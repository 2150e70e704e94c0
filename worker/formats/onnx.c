/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx.c - the tensors of an ONNX model: initializers, dense and sparse, of the
 * graph, of the graphs inside its nodes, of training and of functions, and the
 * tensors that are attributes (the values of Constant nodes).  Nothing else of
 * the model is looked at.  No recursion: a stack of messages, as deep as the
 * limit on nesting.
 * Source: onnx 1.23, onnx/onnx.proto3.
 */
#include "onnx_walk.h"

#include <string.h>

#include "formats.h"
#include "utf8.h"

/* A field that is more than a look at its neighbours costs nothing. */
#define LOOK_FIELDS 65536
#define LOOK_GRAPH_FIELDS 16
/* IR versions so far: 1 to 13. */
#define IR_VERSION_MAX 99

enum level { MODEL, TRAINING, FUNCTION, GRAPH, NODE, ATTRIBUTE };

/* What becomes of a field. */
enum action {
	ENTER,			/* a message of level `to` */
	TENSOR,			/* under its own name */
	VALUE,			/* a tensor under the attribute's name */
	SPARSE,
	SPARSE_VALUE
};

static const struct rule {
	uint8_t level;
	uint8_t number;
	uint8_t action;
	uint8_t to;
	bool once;		/* a second one would be merged by readers */
	char part[16];		/* its part of a name, or empty */
} rules[] = {
	{ MODEL, 7, ENTER, GRAPH, true, "" },
	{ MODEL, 20, ENTER, TRAINING, false, "training_info" },
	{ MODEL, 25, ENTER, FUNCTION, false, "function" },
	{ TRAINING, 1, ENTER, GRAPH, true, "initialization" },
	{ TRAINING, 2, ENTER, GRAPH, true, "algorithm" },
	{ FUNCTION, 7, ENTER, NODE, false, "node" },
	{ FUNCTION, 11, ENTER, ATTRIBUTE, false, "attribute" },
	{ GRAPH, 1, ENTER, NODE, false, "node" },
	{ GRAPH, 5, TENSOR, 0, false, "" },
	{ GRAPH, 15, SPARSE, 0, false, "" },
	{ NODE, 5, ENTER, ATTRIBUTE, false, "attribute" },
	{ ATTRIBUTE, 5, VALUE, 0, true, "" },
	{ ATTRIBUTE, 6, ENTER, GRAPH, true, "" },
	{ ATTRIBUTE, 10, VALUE, 0, false, "" },
	{ ATTRIBUTE, 11, ENTER, GRAPH, false, "" },
	{ ATTRIBUTE, 22, SPARSE_VALUE, 0, true, "" },
	{ ATTRIBUTE, 23, SPARSE_VALUE, 0, false, "" },
};

/* The fields that may name a message of a level, the best first. */
static const uint8_t label_fields[][2] = {
	[FUNCTION] = { 1, 0 }, [NODE] = { 3, 2 }, [ATTRIBUTE] = { 1, 0 }
};

struct onnx_frame {
	struct cursor c;
	enum level level;
	uint32_t seen;		/* of the fields that may be there once */
	bool named;		/* it has a part of the path */
};

/* ---------------------------------------------------------- recognition -- */

/* Of GraphProto: all of them are messages or texts. */
static bool
graph_is(const struct pb_field *f)
{
	struct cursor c = pb_inside(f);
	struct pb_field inner;
	unsigned n;

	for (n = 0; n < LOOK_GRAPH_FIELDS && pb_next(&c, &inner); n++)
		if (inner.wire != PB_BYTES || inner.number > 16 ||
		    (UINT32_C(1) << inner.number & 0x1fc26) == 0)
			return false;
	return n > 0 && !c.bad;
}

/* No magic: an ir_version first, then fields of ModelProto alone up to the
 * file's last byte, one of them a graph. */
bool
onnx_is(struct job *job)
{
	/* ir_version and model_version are numbers. */
	static const uint32_t numbers = 1u << 1 | 1u << 5;
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	struct pb_field f;
	bool graph = false;

	if (!pb_next(&c, &f) || f.number != 1 || f.wire != PB_VARINT ||
	    f.value == 0 || f.value > IR_VERSION_MAX)
		return false;
	for (unsigned n = 0; n < LOOK_FIELDS && pb_next(&c, &f); n++) {
		if (f.number >= 32 || f.wire != ((numbers >> f.number & 1) ?
		    PB_VARINT : PB_BYTES))
			return false;
		if (f.number == 7 && !graph_is(&f))
			return false;
		graph = graph || f.number == 7;
	}
	return graph && !c.bad && c.left == 0;
}

/* ---------------------------------------------------------------- walk -- */

uint64_t
onnx_offset(const struct onnx *o, const uint8_t *at)
{
	return (uint64_t)(at - o->job->map);
}

void
onnx_bad(const struct onnx *o, const uint8_t *at, const char *text)
{
	die(o->job, FAULT_FORMAT, onnx_offset(o, at), text);
}

bool
onnx_next(struct onnx *o, struct cursor *c, struct pb_field *out)
{
	const uint8_t *here = c->at;
	bool more = pb_next(c, out);

	if (c->bad)
		onnx_bad(o, here, "protobuf: a field that is none, or is cut");
	if (++o->fields > o->job->limits.nodes)
		die(o->job, FAULT_LIMIT, onnx_offset(o, here),
		    "values are over the limit nodes");
	return more;
}

void
onnx_need_bytes(const struct onnx *o, const struct pb_field *f)
{
	if (f->wire != PB_BYTES)
		onnx_bad(o, f->at, "onnx: a field of the wrong kind");
}

struct path_part
onnx_part(const struct onnx *o, const uint8_t *at, uint64_t len,
    const char *otherwise)
{
	struct path_part part = { .kind = PATH_KEY };

	if (len > UINT32_MAX || (len > 0 &&
	    utf8_good(at, (size_t)len) != len))
		onnx_bad(o, at, "onnx: a name that is not UTF-8");
	part.at = len > 0 ? at : (const uint8_t *)otherwise;
	part.len = (uint32_t)(len > 0 ? len : strlen(otherwise));
	return part;
}

/* The name that a message gives itself. */
static struct path_part
label(struct onnx *o, const struct pb_field *message, enum level level,
    const char *otherwise)
{
	struct cursor c = pb_inside(message);
	struct pb_field f, best = { .len = 0 };
	const uint8_t *wanted;

	if (level != FUNCTION && level != NODE && level != ATTRIBUTE)
		return onnx_part(o, NULL, 0, otherwise);
	wanted = label_fields[level];
	while (onnx_next(o, &c, &f)) {
		if (f.wire != PB_BYTES || f.len == 0)
			continue;
		if (f.number == wanted[0] || (f.number == wanted[1] &&
		    best.len == 0))
			best = f;
		if (f.number == wanted[0])
			break;
	}
	return onnx_part(o, best.at, best.len, otherwise);
}

static void
enter(struct onnx *o, const struct pb_field *message, const struct rule *rule)
{
	struct onnx_frame *f;

	if (o->depth >= o->job->limits.nesting)
		die(o->job, FAULT_LIMIT, onnx_offset(o, message->at),
		    "messages are nested deeper than the limit nesting");
	f = &o->frames[o->depth++];
	*f = (struct onnx_frame){ .c = pb_inside(message),
		.level = (enum level)rule->to,
		.named = rule->part[0] != '\0' };
	if (f->named)
		o->parts[o->path++] = label(o, message, f->level, rule->part);
}

static const struct rule *
rule_for(enum level level, uint32_t number)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].level == level && rules[i].number == number)
			return &rules[i];
	return NULL;
}

static void
take_field(struct onnx *o, struct onnx_frame *frame, const struct pb_field *f)
{
	const struct rule *rule = rule_for(frame->level, f->number);

	if (rule == NULL)
		return;
	onnx_need_bytes(o, f);
	if (rule->once && (frame->seen >> rule->number & 1) != 0)
		onnx_bad(o, f->at, "onnx: a message is there twice");
	frame->seen |= UINT32_C(1) << rule->number;
	switch ((enum action)rule->action) {
	case ENTER:
		enter(o, f, rule);
		break;
	case TENSOR:
	case VALUE:
		onnx_tensor(o, f, rule->action == TENSOR);
		break;
	case SPARSE:
	case SPARSE_VALUE:
		onnx_sparse(o, f, rule->action == SPARSE);
		break;
	}
}

void
onnx_parse(struct job *job)
{
	struct onnx o = { .job = job };
	struct onnx_frame *frame;
	struct pb_field f;

	o.frames = arena_alloc(&job->arena, job->limits.nesting + 1,
	    sizeof(*o.frames));
	o.parts = arena_alloc(&job->arena, job->limits.nesting + 2,
	    sizeof(*o.parts));
	o.frames[0].c = cursor_over(job->map, (size_t)job->size);
	o.depth = 1;
	while (o.depth > 0) {
		frame = &o.frames[o.depth - 1];
		if (onnx_next(&o, &frame->c, &f)) {
			take_field(&o, frame, &f);
			continue;
		}
		if (frame->named)
			o.path--;
		o.depth--;
	}
}
