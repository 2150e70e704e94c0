/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_word.c - reads the arguments of one rebuild call.  Types are as
 * strict as torch's own argument parser (torch 2.13: set_() refuses bools and
 * floats as sizes, takes tuples and lists); nothing is converted.
 */
#include "vocabulary_word.h"

#include <string.h>

void
word_die(const struct word *w, vref v, const char *what, const char *wrong)
{
	char text[FAULT_TEXT_MAX];
	size_t a = strlen(what);
	size_t b = strlen(wrong);

	if (a + b + 2 > sizeof(text))
		a = 0;
	memcpy(text, what, a);
	text[a] = ' ';
	memcpy(text + a + 1, wrong, b + 1);
	die_about(w->job, FAULT_FORMAT, value_where(w->g, v, w->where), text,
	    w->function, strlen(w->function));
}

void
word_leave_out(const struct word *w, const char *why)
{
	sink_skip(w->job, w->path, VERDICT_UNUSUAL, w->where, why);
}

vref
word_arg(const struct word *w, uint32_t i)
{
	return value_item(w->g, w->args, i);
}

bool
word_is_opaque(const struct word *w, vref v)
{
	enum value_kind kind = value_kind(w->g, v);

	return kind == VALUE_CALL || kind == VALUE_PERSID ||
	    kind == VALUE_EXTENSION;
}

bool
word_natural(const struct word *w, vref v, const char *what, uint64_t *out)
{
	enum value_kind kind;
	int64_t i;

	/* Nearly all are. */
	if (value_is_small(v)) {
		*out = v - VREF_IMMEDIATE;
		return true;
	}
	kind = value_kind(w->g, v);
	if (word_is_opaque(w, v))
		return false;
	if (kind == VALUE_BIGINT)
		word_die(w, v, what, "does not fit 64 bits");
	if (kind != VALUE_INT || !value_int(w->g, v, &i))
		word_die(w, v, what, "is not an integer");
	if (i < 0)
		word_die(w, v, what, "is negative");
	*out = (uint64_t)i;
	return true;
}

bool
word_is_wrapper(const struct graph *g, vref v, vref *inner)
{
	const struct value *call;
	vref first;

	if (value_kind(g, v) != VALUE_CALL)
		return false;
	call = graph_at(g, v);
	if (!value_is_global(g, call->as.call.callable, "torch", "Size") &&
	    !value_is_global(g, call->as.call.callable, "torch.jit._pickle",
	    "build_intlist"))
		return false;
	first = value_item(g, call->as.call.args, 0);
	/* It copied a list that was changed afterwards. */
	if (first == VREF_MISSING || value_changed_since(g, first, v))
		return false;
	*inner = first;
	return true;
}

bool
word_sequence(const struct word *w, vref v, const char *what, vref *out)
{
	enum value_kind kind;

	word_is_wrapper(w->g, v, &v);
	if (word_is_opaque(w, v))
		return false;
	kind = value_kind(w->g, v);
	if (kind != VALUE_TUPLE && kind != VALUE_LIST)
		word_die(w, v, what, "is not a tuple");
	*out = v;
	return true;
}

bool
word_shape(const struct word *w, vref v, const char *what,
    uint64_t out[RANK_MAX], size_t *rank)
{
	uint32_t count;

	if (!word_sequence(w, v, what, &v)) {
		word_leave_out(w, "its shape is an unknown object");
		return false;
	}
	count = value_count(w->g, v);
	if (count > RANK_MAX) {
		word_leave_out(w, "more than 64 dimensions");
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!word_natural(w, value_item(w->g, v, i), what, &out[i])) {
			word_leave_out(w, "its shape holds an unknown object");
			return false;
		}
	}
	*rank = count;
	return true;
}

void
word_send(const struct word *w, const struct tensor_out *t, const char *suffix)
{
	struct vocabulary *words = w->home->words;
	struct tensor_out out = *t;

	out.path = *w->path;
	out.path.suffix = suffix;
	out.where = w->where;
	words->sent = arena_grow(&w->job->arena, words->sent,
	    sizeof(*words->sent), words->sent_count, words->sent_count + 1,
	    &words->sent_capacity);
	words->sent[words->sent_count].suffix = suffix;
	words->sent[words->sent_count].tensor = sink_tensor(w->job, &out);
	words->sent_count++;
	words->sent_ever++;
}

void
word_send_numbers(const struct word *w, const char *suffix, uint32_t dtype,
    const void *numbers, size_t count, bool scalar)
{
	uint64_t shape = count;
	uint64_t stride = 1;
	struct tensor_out out = {
		.dtype = dtype,
		.rank = scalar ? 0 : 1,
		.shape = &shape,
		.strides = &stride,
	};

	/* Numbers of ours: 8 bytes each, little-endian as the host is. */
	out.storage = sink_stream(w->job, count * 8);
	if (count > 0)
		sink_data(w->job, numbers, count * 8);
	word_send(w, &out, suffix);
}

uint8_t *
word_chunk(const struct word *w)
{
	struct vocabulary *words = w->home->words;

	if (words->chunk == NULL)
		words->chunk = arena_alloc(&w->job->arena, WORD_CHUNK, 1);
	return words->chunk;
}

struct word
word_inside(const struct word *w, vref v, const char *function)
{
	struct word inside = *w;
	const struct value *call = graph_at(w->g, v);

	inside.function = function;
	inside.where = graph_where(w->g, v);
	inside.call = v;
	inside.args = call->as.call.args;
	inside.argc = value_count(w->g, call->as.call.args);
	inside.state = call->as.call.state;
	inside.also = VREF_MISSING;
	inside.inner = VREF_MISSING;
	return inside;
}
