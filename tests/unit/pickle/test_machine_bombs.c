/* SPDX-License-Identifier: Apache-2.0
 *
 * test_machine_bombs.c - streams that ask for much with little: deep, wide,
 * shared, self-containing, quadratic (ATTACKS.md, B1 to B6), and the notes on
 * streams that other readers would read differently.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"
#include "machine.h"

#define S(literal) literal, sizeof literal - 1

struct stream {
	uint8_t *at;
	size_t len;
	size_t room;
};

static void
add(struct stream *s, const void *bytes, size_t len)
{
	while (s->len + len > s->room) {
		s->room = s->room == 0 ? 4096 : s->room * 2;
		s->at = realloc(s->at, s->room);
		assert_non_null(s->at);
	}
	memcpy(s->at + s->len, bytes, len);
	s->len += len;
}

static void
add_times(struct stream *s, size_t times, const char *bytes, size_t len)
{
	while (times-- > 0)
		add(s, bytes, len);
}

struct outcome {
	struct harness h;
	struct graph g;
	struct machine_result result;
	struct machine_error error;
	bool good;
	bool died;
};

static void
run_with(struct outcome *o, const void *bytes, size_t len, uint64_t nodes)
{
	struct job *job = harness_job(bytes, len, 0, &o->h);
	struct pickle_source source = { .at = job->map, .len = len,
		.base = 1000, .in_file = true };

	o->died = false;
	o->good = false;
	if (nodes != 0)
		job->limits.nodes = nodes;
	graph_init(&o->g, job);
	if (setjmp(job->stop) != 0) {
		o->died = true;
		return;
	}
	o->good = machine_run(&o->g, &source, 0, false, &o->result, &o->error);
}

static void
run(struct outcome *o, const void *bytes, size_t len)
{
	run_with(o, bytes, len, 0);
}

/* The stream is used up. */
static void
run_stream(struct outcome *o, struct stream *s)
{
	run(o, s->at, s->len);
	free(s->at);
	memset(s, 0, sizeof *s);
}

static void
test_depth(void **state)
{
	static const char *const units[] = { "]", "(", "\x85", "}" };
	struct stream s = { 0 };
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		add(&s, "N", 1);
		add_times(&s, 500000, units[i], 1);
		if (units[i][0] == '(')
			add_times(&s, 500000, "t", 1);
		add(&s, ".", 1);
		run_stream(&o, &s);
		assert_true(o.good);
		assert_true(o.h.job.arena.used < 64 * MIB);
		harness_free(&o.h);
	}
}

/* A tuple of a tuple ... used as a key, over and over: seen once each. */
static void
test_deep_key(void **state)
{
	struct stream s = { 0 };
	struct outcome o;

	(void)state;
	add(&s, "}N", 2);
	add_times(&s, 200000, "\x85", 1);
	add(&s, "\x94" "0", 2);
	add_times(&s, 100000, "h\x00Ns", 4);
	add(&s, ".", 1);
	run_stream(&o, &s);
	assert_true(o.good);
	harness_free(&o.h);

	/* And a DAG with 2^40 paths. */
	add(&s, "}N", 2);
	add_times(&s, 40, "2\x86", 2);
	add(&s, "Ns.", 3);
	run_stream(&o, &s);
	assert_true(o.good);
	harness_free(&o.h);
}

static void
test_self_reference(void **state)
{
	struct outcome o;

	(void)state;
	run(&o, S("]\x94h\x00" "a."));
	assert_true(o.good);
	assert_int_equal(value_item(&o.g, o.result.value, 0), o.result.value);
	harness_free(&o.h);
	run(&o, S("}\x94K\x01h\x00s."));
	assert_true(o.good);
	harness_free(&o.h);
	run(&o, S("\x8f\x94(h\x00\x90."));
	assert_false(o.good);
	harness_free(&o.h);
	/* A tuple that holds itself, through a list. */
	run(&o, S("]\x94\x85\x94h\x00h\x01" "a0h\x01."));
	assert_true(o.good);
	harness_free(&o.h);
}

/* An index must not make a table: dense, then far, then dense again. */
static void
test_memo_outliers(void **state)
{
	struct stream s = { 0 };
	struct outcome o;

	(void)state;
	run(&o, S("]r\xff\xff\xff\xffj\xff\xff\xff\xff\x86."));
	assert_true(o.good);
	assert_true(o.h.job.arena.used < MIB);
	harness_free(&o.h);

	add(&s, "N", 1);
	for (uint32_t i = 0; i < 50000; i++) {
		uint32_t index = i * 65536 + 9;
		uint8_t put[5] = { 'r', (uint8_t)index, (uint8_t)(index >> 8),
			(uint8_t)(index >> 16), (uint8_t)(index >> 24) };

		add(&s, put, sizeof put);
	}
	add(&s, ".", 1);
	run_stream(&o, &s);
	assert_true(o.good);
	assert_true(o.h.job.arena.used < 8 * MIB);
	harness_free(&o.h);
}

/* Entries put as outliers are found again when their page comes to be. */
static void
test_memo_pages(void **state)
{
	struct stream s = { 0 };
	struct outcome o;
	int64_t value;

	(void)state;
	add(&s, S("K\x07r\x00\x20\x00\x00" "0N"));
	for (uint32_t i = 0; i < 9000; i++) {
		uint8_t put[5] = { 'r', (uint8_t)i, (uint8_t)(i >> 8), 0, 0 };

		if (i != 0x2000)
			add(&s, put, sizeof put);
	}
	add(&s, S("j\x00\x20\x00\x00."));
	run_stream(&o, &s);
	assert_true(o.good);
	assert_true(value_int(&o.g, o.result.value, &value));
	assert_int_equal(value, 7);
	/* The memo now has 9000 entries: MEMOIZE takes the next. */
	harness_free(&o.h);
	run(&o, S("Nr\x07\x00\x00\x00r\x07\x00\x00\x00K\x05\x94h\x01."));
	assert_true(o.good);
	assert_true(value_int(&o.g, o.result.value, &value));
	assert_int_equal(value, 5);
	harness_free(&o.h);
}

static void
test_linear(void **state)
{
	struct stream s = { 0 };
	struct outcome o;

	(void)state;
	/* One APPEND at a time to one list. */
	add(&s, "]", 1);
	add_times(&s, 500000, "Na", 2);
	add(&s, ".", 1);
	run_stream(&o, &s);
	assert_true(o.good);
	assert_int_equal(value_count(&o.g, o.result.value), 500000);
	harness_free(&o.h);
	/* Numbers of the largest size that are taken: 4300 digits. */
	for (unsigned i = 0; i < 200; i++) {
		add(&s, "L", 1);
		add_times(&s, 4300, "9", 1);
		add(&s, "L\n0", 3);
	}
	add(&s, "N.", 2);
	run_stream(&o, &s);
	assert_true(o.good);
	harness_free(&o.h);
	/* One digit more; and ten million of them. */
	for (size_t digits = 4301; digits < 20000000; digits += 9995699) {
		add(&s, "I", 1);
		add_times(&s, digits, "1", 1);
		add(&s, "\n.", 2);
		run_stream(&o, &s);
		assert_false(o.good);
		harness_free(&o.h);
	}
	/* Decimals that take the longest way. */
	for (unsigned i = 0; i < 2000; i++)
		add(&s, S("F1.2345678901234567890123e-310\n0"));
	add(&s, "N.", 2);
	run_stream(&o, &s);
	assert_true(o.good);
	harness_free(&o.h);
}

static void
test_limits(void **state)
{
	struct outcome o;

	(void)state;
	run_with(&o, S("]]]]."), 3);
	assert_true(o.died);
	assert_int_equal(o.h.job.fault.code, FAULT_LIMIT);
	assert_int_equal(o.h.job.fault.where, 1003);
	harness_free(&o.h);
	run_with(&o, S("]]]."), 3);
	assert_true(o.good);
	harness_free(&o.h);
}

static const struct odd {
	const char *bytes;
	size_t len;
	enum verdict level;	/* UNDECIDED: no note at all */
	const char *text;
	uint64_t where;
} odds[] = {
	{ S("\x80\x02]q\x00(K\x01K\x02" "e."), VERDICT_UNDECIDED, NULL, 0 },
	{ S("\x80\x04\x95\x02\0\0\0\0\0\0\0N."), VERDICT_UNDECIDED, NULL, 0 },
	{ S("I00\n0I-5\n0L5L\n."), VERDICT_UNDECIDED, NULL, 0 },
	{ S("NN."), VERDICT_UNUSUAL, "left on the stack", 2 },
	{ S("(N."), VERDICT_DANGEROUS, "MARK is open at STOP", 2 },
	{ S("\x95\x03\0\0\0\0\0\0\0N.N"), VERDICT_UNUSUAL, "before the end of",
	    10 },
	{ S("Nq\x00\x94."), VERDICT_UNUSUAL, "are mixed", 3 },
	{ S("N\x94q\x01."), VERDICT_UNUSUAL, "are mixed", 2 },
	{ S("Nq\x00K\x01q\x00."), VERDICT_UNUSUAL, "replaced by another", 5 },
	{ S("Nq\x00q\x00."), VERDICT_UNDECIDED, NULL, 0 },
	{ S("Np 1\n."), VERDICT_UNUSUAL, "memo index is spelled", 1 },
	{ S("Np01\n."), VERDICT_UNUSUAL, "memo index is spelled", 1 },
	{ S("\x80\x02\x80\x02N."), VERDICT_UNUSUAL, "PROTO occurs twice", 2 },
	{ S("N\x80\x02."), VERDICT_UNUSUAL, "PROTO is not the first", 1 },
	{ S("\x95\0\0\0\0\0\0\0\0N."), VERDICT_UNUSUAL, "empty frame", 0 },
	{ S("\x95\x01\0\0\0\0\0\0\0K\x01."), VERDICT_UNUSUAL,
	    "between an opcode and its argument", 9 },
	{ S("I0x10\n."), VERDICT_UNUSUAL, "number is spelled", 0 },
	{ S("I1_0\n."), VERDICT_UNUSUAL, "number is spelled", 0 },
	{ S("I 1\n."), VERDICT_UNUSUAL, "number is spelled", 0 },
	{ S("I5\r\n."), VERDICT_UNUSUAL, "number is spelled", 0 },
	{ S("I5\0zz\n."), VERDICT_DANGEROUS, "cut by a NUL", 0 },
	{ S("F5\0zz\n."), VERDICT_DANGEROUS, "cut by a NUL", 0 },
	{ S("U\x02osU\x01x\x93."), VERDICT_DANGEROUS, "Python 2 string", 7 },
	{ S("cos\nx\n)RU\x01x\x93."), VERDICT_DANGEROUS, "computed", 11 },
	{ S("cos\r\nx\r\n."), VERDICT_UNUSUAL, "carriage return", 0 },
	{ S("\x82\x05."), VERDICT_DANGEROUS, "registered extension", 0 },
	{ S("cos\nx\n}b."), VERDICT_DANGEROUS, "changes a class", 7 },
	{ S("csys\npath\nNa."), VERDICT_DANGEROUS, "changes a class", 11 },
	{ S("cos\nenviron\nNNs."), VERDICT_DANGEROUS, "changes a class", 14 },
	{ S("K\x01QNb."), VERDICT_UNUSUAL, "persistent object", 4 },
	{ S("(NlK\x00K\x01s."), VERDICT_UNUSUAL, "replaces an item", 7 },
	{ S("C\x01x\x98."), VERDICT_UNUSUAL, "READONLY_BUFFER", 3 },
};

static void
test_odd(void **state)
{
	struct outcome o;

	(void)state;
	for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
		const struct harness_note *note;

		run(&o, odds[i].bytes, odds[i].len);
		harness_collect(&o.h);
		if (odds[i].text == NULL) {
			assert_int_equal(o.h.note_count, 0);
			harness_free(&o.h);
			continue;
		}
		note = harness_note(&o.h, NOTE_RECORD, odds[i].text);
		if (note == NULL)
			fail_msg("no note: %s", odds[i].text);
		assert_int_equal(note->level, odds[i].level);
		assert_int_equal(note->where, 1000 + odds[i].where);
		harness_free(&o.h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_deep_key),
		cmocka_unit_test(test_self_reference),
		cmocka_unit_test(test_memo_outliers),
		cmocka_unit_test(test_memo_pages),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
