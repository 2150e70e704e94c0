/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_tar_words.c - says in the words of later torch files what the tables of
 * a tar archive say: a storage is ('storage', class, key, 'cpu', count, view),
 * a tensor a would-be call of _rebuild_tensor on it.  A tensor that two
 * persistent ids name is one node.  The values are ours; the numbers in them
 * are the file's and are judged by the vocabulary.
 */
#include <string.h>

#include "torch_tar.h"

vref
torch_tar_tuple(struct torch_tar *t, const vref *items, uint32_t count,
    uint64_t where)
{
	if (count == 0)
		return VREF_EMPTY_TUPLE;
	return graph_tuple(&t->graph, items, count, where);
}

static vref
text(struct torch_tar *t, const void *at, size_t len, uint64_t where)
{
	return graph_string(&t->graph, VALUE_TEXT, at, len, where);
}

static vref
word(struct torch_tar *t, const char *constant, uint64_t where)
{
	return text(t, constant, strlen(constant), where);
}

static vref
call(struct torch_tar *t, const char *name, const vref *args, uint32_t count,
    uint64_t where)
{
	vref module = word(t, "torch._utils", where);
	vref function = word(t, name, where);
	vref tuple = torch_tar_tuple(t, args, count, where);
	vref global = graph_add(&t->graph, VALUE_GLOBAL, where);
	vref v = graph_add(&t->graph, VALUE_CALL, where);
	struct value *node = graph_at(&t->graph, v);

	graph_at(&t->graph, global)->as.global.module = module;
	graph_at(&t->graph, global)->as.global.name = function;
	node->flags = CALL_REDUCE << VALUE_HOW_SHIFT;
	node->as.call.callable = global;
	node->as.call.args = tuple;
	node->as.call.state = VREF_MISSING;
	node->as.call.more = VREF_MISSING;
	return v;
}

bool
torch_tar_number(const uint8_t *at, uint64_t len, int64_t *out)
{
	bool minus = len > 0 && at[0] == '-';
	int64_t value = 0;

	at += minus;
	len -= minus;
	if (len == 0 || len > 20)
		return false;
	for (uint64_t i = 0; i < len; i++) {
		if (at[i] < '0' || at[i] > '9' ||
		    __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, at[i] - '0', &value))
			return false;
	}
	if (!minus && value == INT64_MIN)
		return false;
	*out = minus ? value : -value;
	return true;
}

static vref
key_text(struct torch_tar *t, int64_t key, uint64_t where)
{
	char *digits = arena_alloc(&t->job->arena, 24, 1);
	uint64_t left = key < 0 ? 0 - (uint64_t)key : (uint64_t)key;
	size_t at = 24;

	do
		digits[--at] = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (key < 0)
		digits[--at] = '-';
	return text(t, digits + at, 24 - at, where);
}

static vref
storage_word(struct torch_tar *t, struct tar_object *o)
{
	const struct tar_object *root = o->kind == OBJECT_VIEW ?
	    torch_tar_find(t, o->root) : o;
	vref parts[6];
	vref id;

	if (o->word != VREF_MISSING)
		return o->word;
	parts[0] = word(t, "storage", o->where);
	parts[1] = root->class;
	parts[2] = key_text(t, root->key, o->where);
	parts[3] = word(t, "cpu", o->where);
	parts[4] = value_from_int(&t->graph, (int64_t)root->count, o->where);
	parts[5] = VREF_NONE;
	if (o->kind == OBJECT_VIEW) {
		vref view[3] = { value_item(&t->graph, o->view, 0),
			value_item(&t->graph, o->view, 2),
			value_item(&t->graph, o->view, 3) };

		parts[5] = torch_tar_tuple(t, view, 3, o->where);
	}
	id = torch_tar_tuple(t, parts, 6, o->where);
	o->word = graph_add(&t->graph, VALUE_PERSID, o->where);
	graph_at(&t->graph, o->word)->as.ref = id;
	return o->word;
}

static vref
tensor_word(struct torch_tar *t, struct tar_object *o)
{
	vref parts[4];

	if (o->word != VREF_MISSING)
		return o->word;
	parts[0] = storage_word(t, torch_tar_find(t, o->root));
	parts[1] = o->offset;
	parts[2] = o->size;
	parts[3] = o->stride;
	o->word = call(t, "_rebuild_tensor", parts, 4, o->where);
	return o->word;
}

void
torch_tar_modules(struct torch_tar *t, vref first, vref end)
{
	for (vref v = first; v < end; v = graph_after(&t->graph, v)) {
		struct value *node = graph_at(&t->graph, v);
		vref parts[4];

		if (node->kind != VALUE_PERSID ||
		    value_kind(&t->graph, node->as.ref) != VALUE_TUPLE)
			continue;
		if (value_count(&t->graph, node->as.ref) != 3)
			torch_tar_lie(t, graph_where(&t->graph, v),
			    "a persistent id is not a module's");
		parts[0] = word(t, "module", graph_where(&t->graph, v));
		for (uint32_t i = 0; i < 3; i++)
			parts[i + 1] = value_item(&t->graph, node->as.ref, i);
		node->as.ref = torch_tar_tuple(t, parts, 4,
		    graph_where(&t->graph, v));
	}
}

void
torch_tar_words(struct torch_tar *t, vref first, vref end)
{
	for (vref v = first; v < end; v = graph_after(&t->graph, v)) {
		struct value *node = graph_at(&t->graph, v);
		vref id = node->as.ref;
		struct tar_object *o;
		const uint8_t *at;
		uint64_t len;
		int64_t key;

		if (node->kind != VALUE_PERSID ||
		    value_kind(&t->graph, id) == VALUE_TUPLE)
			continue;
		if ((!value_text(&t->graph, id, true, &at, &len) ||
		    !torch_tar_number(at, len, &key)) &&
		    (value_kind(&t->graph, id) != VALUE_INT ||
		    !value_int(&t->graph, id, &key)))
			die(t->job, FAULT_FORMAT, graph_where(&t->graph, v),
			    "a persistent id is not a key");
		o = torch_tar_find(t, key);
		if (o == NULL || o->kind == OBJECT_NONE)
			die(t->job, FAULT_FORMAT, graph_where(&t->graph, v),
			    "a persistent id names nothing");
		if (o->kind == OBJECT_TENSOR) {
			/* Stands for the tensor, as a parameter does. */
			vref same[3] = { tensor_word(t, o), VREF_FALSE,
				VREF_NONE };
			vref c = call(t, "_rebuild_parameter", same, 3,
			    graph_where(&t->graph, v));

			graph_copy(&t->graph, v, c);
		} else {
			node->as.ref = graph_at(&t->graph, storage_word(t,
			    o))->as.ref;
		}
	}
}
