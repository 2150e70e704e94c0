/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_leaf.c - the two ends of the walk: the part of the path that a child
 * has, and the plain values, which are sent only where scalars are asked for.
 */
#include "vocabulary_numpy.h"
#include "walk_inside.h"

void
walk_set_part(struct walk *w, struct frame *f, vref key, enum path_kind kind)
{
	struct path_part *part = &w->parts[f->parts];

	if (kind == PATH_INDEX) {
		part->at = (const uint8_t *)f->text;
		part->len = (uint32_t)keys_decimal((int64_t)key, f->text);
	} else {
		keys_text(w->g, key, f->text, &part->at, &part->len);
	}
	part->kind = (uint8_t)kind;
	w->path.count = f->parts + 1;
}

bool
walk_is_leaf(const struct walk *w, vref v)
{
	switch (value_kind(w->g, v)) {
	case VALUE_TUPLE:
	case VALUE_LIST:
	case VALUE_SET:
	case VALUE_FROZENSET:
	case VALUE_DICT:
		return value_count(w->g, v) == 0;
	case VALUE_CALL:
	case VALUE_PERSID:
		return false;
	case VALUE_NONE:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_BIGINT:
	case VALUE_FLOAT:
	case VALUE_TEXT:
	case VALUE_BYTES:
	case VALUE_BYTEARRAY:
	case VALUE_GLOBAL:
	case VALUE_EXTENSION:
	default:
		return true;
	}
}

bool
walk_matters(const struct walk *w, vref v)
{
	return !walk_is_leaf(w, v) || (w->job->flags & GO_SCALARS) != 0;
}

void
walk_send_scalar(struct walk *w, vref v)
{
	struct scalar_out out = { 0 };
	const struct value *node =
	    value_is_node(v) ? graph_at(w->g, v) : NULL;
	enum value_kind kind = value_kind(w->g, v);

	if ((w->job->flags & GO_SCALARS) == 0)
		return;
	if (kind == VALUE_NONE) {
		out.kind = SCALAR_NULL;
	} else if (value_int(w->g, v, &out.i)) {
		out.kind = kind == VALUE_BOOL ? SCALAR_BOOL : SCALAR_INT;
	} else if (node != NULL && kind == VALUE_FLOAT) {
		out.kind = SCALAR_FLOAT;
		out.f = node->as.f;
	} else if (node != NULL && (kind == VALUE_TEXT || kind == VALUE_BYTES ||
	    kind == VALUE_BYTEARRAY || kind == VALUE_BIGINT)) {
		out.kind = kind == VALUE_TEXT ? SCALAR_TEXT :
		    kind == VALUE_BIGINT ? SCALAR_BIGINT : SCALAR_BYTES;
		out.at = value_string(node).at;
		out.len = value_string(node).len;
	} else {
		return;
	}
	sink_scalar(w->job, &w->path, &out);
	w->scalars++;
}

void
walk_send_encoded(struct walk *w, vref v)
{
	/* Set before it is read; each tensor comes by here. */
	uint8_t bytes[SCALAR_BYTES_MAX] __attribute__((uninitialized));
	struct scalar_out out = { .kind = SCALAR_BYTES, .at = bytes };
	struct npy_bytes from;

	if ((w->job->flags & GO_SCALARS) == 0)
		return;
	if (!numpy_encoded_peek(w->g, graph_at(w->g, v), &w->encoded_left,
	    &from)) {
		if (w->encoded_left == 0 && !w->plain_said) {
			w->plain_said = true;
			sink_note(w->job, NOTE_RECORD, VERDICT_CLEAN,
			    WIRE_NO_OFFSET, "texts stand for bytes more often "
			    "than is followed: not every value is listed");
		}
		return;
	}
	(void)numpy_bytes_copy(&from, bytes, sizeof(bytes));
	out.len = from.count;
	sink_scalar(w->job, &w->path, &out);
	w->scalars++;
}
