/* SPDX-License-Identifier: Apache-2.0
 *
 * test_value.c - the graph of inert values: immediates and nodes look alike
 * from outside, Python 2 names are mapped, the limit holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "value.h"

static vref
text(struct graph *g, const char *s)
{
	return graph_string(g, VALUE_TEXT, (const uint8_t *)s, strlen(s), 7);
}

static void
test_ints(void **state)
{
	static const int64_t ints[] = { 0, 1, 255, VREF_SMALL_MAX,
		VREF_SMALL_MAX + 1, -1, INT64_MAX, INT64_MIN };
	struct harness h;
	struct graph g;
	int64_t out;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
		vref v = value_from_int(&g, ints[i], 5);

		assert_int_equal(value_kind(&g, v), VALUE_INT);
		assert_int_equal(value_is_node(v),
		    ints[i] < 0 || ints[i] > VREF_SMALL_MAX);
		assert_true(value_int(&g, v, &out));
		assert_int_equal(out, ints[i]);
	}
	assert_true(value_int(&g, VREF_TRUE, &out));
	assert_int_equal(out, 1);
	assert_true(value_int(&g, VREF_FALSE, &out));
	assert_int_equal(out, 0);
	assert_false(value_int(&g, VREF_NONE, &out));
	assert_false(value_int(&g, VREF_EMPTY_TUPLE, &out));
	assert_false(value_int(&g, text(&g, "1"), &out));
	harness_free(&h);
}

static void
test_kinds(void **state)
{
	struct harness h;
	struct graph g;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	assert_int_equal(value_kind(&g, VREF_NONE), VALUE_NONE);
	assert_int_equal(value_kind(&g, VREF_TRUE), VALUE_BOOL);
	assert_int_equal(value_kind(&g, VREF_FALSE), VALUE_BOOL);
	assert_int_equal(value_kind(&g, VREF_EMPTY_TUPLE), VALUE_TUPLE);
	assert_int_equal(value_kind(&g, VREF_MISSING), 0);
	/* Above the small integers, below the constants: nothing. */
	assert_int_equal(value_kind(&g,
	    VREF_IMMEDIATE + (uint32_t)VREF_SMALL_MAX + 1), 0);
	assert_int_equal(value_count(&g, VREF_EMPTY_TUPLE), 0);
	assert_int_equal(value_count(&g, VREF_NONE), 0);
	assert_int_equal(value_item(&g, VREF_EMPTY_TUPLE, 0), VREF_MISSING);
	assert_int_equal(value_where(&g, VREF_NONE, 9), 9);
	assert_int_equal(value_where(&g, text(&g, ""), 9), 7);
	harness_free(&h);
}

static void
test_sequences(void **state)
{
	vref items[] = { VREF_TRUE, VREF_NONE, VREF_FALSE, VREF_NONE };
	struct harness h;
	struct graph g;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (int kind = VALUE_TUPLE; kind <= VALUE_DICT; kind++) {
		bool indexed = kind == VALUE_TUPLE || kind == VALUE_LIST;
		vref v;

		if (kind == VALUE_TUPLE) {
			v = graph_tuple(&g, items, 4, 0);
		} else {
			v = graph_add(&g, (enum value_kind)kind, 0);
			graph_at(&g, v)->as.seq.at = items;
			graph_at(&g, v)->as.seq.count = 4;
		}
		assert_int_equal(value_count(&g, v),
		    kind == VALUE_DICT ? 2 : 4);
		assert_int_equal(value_item(&g, v, 2),
		    indexed ? VREF_FALSE : VREF_MISSING);
		assert_int_equal(value_item(&g, v, 4), VREF_MISSING);
	}
	harness_free(&h);
}

static void
test_text(void **state)
{
	struct harness h;
	struct graph g;
	const uint8_t *at;
	uint64_t len;
	vref v;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	v = text(&g, "abc");
	assert_true(value_text(&g, v, false, &at, &len));
	assert_int_equal(len, 3);
	graph_at(&g, v)->kind = VALUE_BYTES;
	assert_false(value_text(&g, v, false, &at, &len));
	assert_true(value_text(&g, v, true, &at, &len));
	assert_false(value_text(&g, VREF_NONE, true, &at, &len));
	harness_free(&h);
}

static const struct named {
	const char *module;	/* in the pickle */
	const char *name;
	const char *asked_module;
	const char *asked_name;
	bool same;
} named[] = {
	{ "collections", "OrderedDict", "collections", "OrderedDict", true },
	{ "collections", "OrderedDict", "collections", "Ordered", false },
	{ "collections", "OrderedDic", "collections", "OrderedDict", false },
	{ "__builtin__", "set", "builtins", "set", true },
	{ "__builtin__", "set", "__builtin__", "set", true },
	{ "__builtin__", "long", "builtins", "int", true },
	{ "__builtin__", "long", "builtins", "long", false },
	{ "builtins", "long", "builtins", "int", false },
	{ "copy_reg", "_reconstructor", "copyreg", "_reconstructor", true },
	{ "copyreg", "_reconstructor", "copy_reg", "_reconstructor", false },
	{ "", "", "os", "system", false },
};

static void
test_globals(void **state)
{
	struct harness h;
	struct graph g;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		vref module = text(&g, named[i].module);
		vref name = text(&g, named[i].name);
		vref v = graph_add(&g, VALUE_GLOBAL, 0);

		graph_at(&g, v)->as.global.module = module;
		graph_at(&g, v)->as.global.name = name;
		assert_int_equal(value_is_global(&g, v, named[i].asked_module,
		    named[i].asked_name), named[i].same);
		/* A computed name is no name. */
		graph_at(&g, v)->as.global.name = v;
		assert_false(value_is_global(&g, v, named[i].asked_module,
		    named[i].asked_name));
		assert_false(value_is_global(&g, module, "", ""));
	}
	harness_free(&h);
}

static void
test_chunks(void **state)
{
	struct harness h;
	struct job *job = harness_job("", 0, 0, &h);
	struct graph g;
	volatile uint32_t made = 0;
	struct value *first;

	(void)state;
	graph_init(&g, job);
	/* Sets have three cells, so that a chunk ends with a hole of two. */
	job->limits.nodes = 3 * (GRAPH_CELLS / 3) + 1;
	first = graph_at(&g, graph_add(&g, VALUE_LIST, 0));
	made++;
	if (setjmp(job->stop) == 0) {
		for (;; made++)
			assert_int_equal(graph_add(&g, VALUE_SET, made),
			    made / (GRAPH_CELLS / 3) * GRAPH_CELLS +
			    made % (GRAPH_CELLS / 3) * 3);
	}
	assert_int_equal(made, job->limits.nodes);
	assert_int_equal(g.count, job->limits.nodes);
	assert_int_equal(job->fault.code, FAULT_LIMIT);
	assert_int_equal(job->fault.where, job->limits.nodes);
	/* Chunks never move. */
	assert_ptr_equal(graph_at(&g, 0), first);
	assert_int_equal(graph_where(&g, 2 * GRAPH_CELLS),
	    2 * (GRAPH_CELLS / 3));
	assert_int_equal(graph_where(&g, 2 * GRAPH_CELLS - 5),
	    2 * (GRAPH_CELLS / 3) - 1);
	harness_free(&h);
}

/* One of each size, again and again over the ends of chunks. */
static vref
add_some(struct graph *g, uint32_t i, vref *items)
{
	static const uint8_t bytes[UINT16_MAX + 1];

	switch (i % 8) {
	case 0:
		return graph_add(g, VALUE_FLOAT, i);
	case 1:
		return graph_add(g, VALUE_DICT, i);
	case 2:
		return graph_string(g, VALUE_TEXT, bytes, i % 7, i);
	case 3:
		return graph_string(g, VALUE_BYTES, bytes, sizeof bytes, i);
	case 4:
		return graph_tuple(g, items, 1 + i % TUPLE_INSIDE_MAX, i);
	case 5:
		return graph_tuple(g, items, TUPLE_INSIDE_MAX + 1, i);
	case 6:
		return graph_add(g, VALUE_CALL, i);
	default:
		return graph_add(g, VALUE_PERSID, i);
	}
}

/* Whoever looks at every node sees each once, and nothing else but holes. */
static void
test_after(void **state)
{
	enum { NODES = 40000 };
	vref items[TUPLE_INSIDE_MAX + 1];
	static vref made[NODES];
	struct harness h;
	struct graph g;
	uint32_t seen = 0;
	uint32_t holes = 0;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (uint32_t i = 0; i <= TUPLE_INSIDE_MAX; i++)
		items[i] = VREF_IMMEDIATE + i;
	for (uint32_t i = 0; i < NODES; i++)
		made[i] = add_some(&g, i, items);
	for (vref v = 0; v < g.next; v = graph_after(&g, v)) {
		if (graph_at(&g, v)->kind == 0) {
			holes++;
			continue;
		}
		assert_true(seen < NODES);
		assert_int_equal(v, made[seen]);
		assert_int_equal(graph_where(&g, v), seen);
		seen++;
	}
	assert_int_equal(seen, NODES);
	assert_int_equal(g.count, NODES);
	assert_true(holes > 5 && holes <= g.next / GRAPH_CELLS);
	harness_free(&h);
}

/* What is long stands in the third cell, what is short in the second, and both
 * are read alike; items stand inside or elsewhere. */
static void
test_forms(void **state)
{
	static const uint8_t bytes[UINT16_MAX + 1];
	static const uint64_t lengths[] = { 0, 1, UINT16_MAX, UINT16_MAX + 1 };
	vref items[TUPLE_INSIDE_MAX + 1];
	struct harness h;
	struct graph g;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		vref v = graph_string(&g, VALUE_BYTES, bytes, lengths[i], 0);
		struct value *node = graph_at(&g, v);

		assert_int_equal((node->flags & VALUE_LONG) != 0,
		    lengths[i] > UINT16_MAX);
		assert_int_equal(g.next - v, lengths[i] > UINT16_MAX ? 3 : 2);
		assert_int_equal(value_string(node).len, lengths[i]);
		assert_ptr_equal(value_string(node).at, bytes);
	}
	/* An address that leaves no room for a length. */
	assert_false(string_is_brief(
	    (const uint8_t *)(UINTPTR_MAX / 2), 0));
	for (uint32_t i = 0; i <= TUPLE_INSIDE_MAX; i++)
		items[i] = VREF_IMMEDIATE + i;
	for (uint32_t n = 1; n <= TUPLE_INSIDE_MAX + 1; n++) {
		vref v = graph_tuple(&g, items, n, 0);

		assert_int_equal(g.next - v,
		    n > TUPLE_INSIDE_MAX ? 3 : (3 + n + 1) / 2);
		assert_int_equal(value_count(&g, v), n);
		assert_memory_equal(value_items(graph_at(&g, v)), items,
		    n * sizeof *items);
		assert_int_equal(value_item(&g, v, n - 1), items[n - 1]);
		assert_int_equal(value_item(&g, v, n), VREF_MISSING);
	}
	harness_free(&h);
}

/* What stands far from its neighbours, before them, and as a copy. */
static void
test_where(void **state)
{
	struct harness h;
	struct graph g;
	uint64_t at[300];
	vref made[300];
	vref v;

	(void)state;
	graph_init(&g, harness_job("", 0, 0, &h));
	for (uint32_t i = 0; i < 300; i++) {
		at[i] = i * 7u;
		if (i % 5 == 0)
			at[i] = UINT64_C(3) << 40;
		if (i % 11 == 0)
			at[i] = UINT16_MAX - 1 + i % 3;
		if (i % 17 == 0)
			at[i] = UINT64_MAX - i;
		made[i] = graph_add(&g, VALUE_LIST, at[i]);
	}
	assert_true(g.far_count > 50);
	for (uint32_t i = 0; i < 300; i++)
		assert_true(graph_where(&g, made[i]) == at[i]);
	v = graph_add(&g, VALUE_CALL, 5);
	graph_at(&g, v)->mark = 77;
	graph_copy(&g, made[34], v);
	graph_copy(&g, made[33], v);
	assert_int_equal(graph_at(&g, made[34])->kind, VALUE_CALL);
	assert_int_equal(graph_at(&g, made[34])->mark, 77);
	assert_true(graph_where(&g, made[34]) == at[34]);
	assert_true(graph_where(&g, made[33]) == at[33]);
	assert_int_equal(graph_where(&g, v), 5);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ints),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_globals),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_where),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
