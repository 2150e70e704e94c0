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
	vref v = graph_add(g, VALUE_TEXT, 7);

	graph_at(g, v)->as.s.at = (const uint8_t *)s;
	graph_at(g, v)->as.s.len = strlen(s);
	return v;
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
		vref v = graph_add(&g, (enum value_kind)kind, 0);
		bool indexed = kind == VALUE_TUPLE || kind == VALUE_LIST;

		graph_at(&g, v)->as.seq.at = items;
		graph_at(&g, v)->as.seq.count = 4;
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
	job->limits.nodes = 3 * GRAPH_CHUNK + 1;
	first = graph_at(&g, graph_add(&g, VALUE_LIST, 0));
	made++;
	if (setjmp(job->stop) == 0) {
		for (;; made++)
			assert_int_equal(graph_add(&g, VALUE_SET, made), made);
	}
	assert_int_equal(made, 3 * GRAPH_CHUNK + 1);
	assert_int_equal(job->fault.code, FAULT_LIMIT);
	assert_int_equal(job->fault.where, 3 * GRAPH_CHUNK + 1);
	/* Chunks never move. */
	assert_ptr_equal(graph_at(&g, 0), first);
	assert_int_equal(graph_where(&g, 2 * GRAPH_CHUNK), 2 * GRAPH_CHUNK);
	harness_free(&h);
}

/* What stands far from its neighbours, before them, and as a copy. */
static void
test_where(void **state)
{
	struct harness h;
	struct graph g;
	uint64_t at[300];
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
		assert_int_equal(graph_add(&g, VALUE_LIST, at[i]), i);
	}
	assert_true(g.far_count > 50);
	for (uint32_t i = 0; i < 300; i++)
		assert_true(graph_where(&g, i) == at[i]);
	v = graph_add(&g, VALUE_TUPLE, 5);
	graph_at(&g, v)->mark = 77;
	graph_copy(&g, 34, v);
	graph_copy(&g, 33, v);
	assert_int_equal(graph_at(&g, 34)->kind, VALUE_TUPLE);
	assert_int_equal(graph_at(&g, 34)->mark, 77);
	assert_true(graph_where(&g, 34) == at[34]);
	assert_true(graph_where(&g, 33) == at[33]);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
