/* SPDX-License-Identifier: Apache-2.0
 *
 * test_limits.c - every limit of pfork_limits: settable up to its ceiling, one
 * more is refused, a small input within it loads, and one that exceeds it is
 * LIMIT (TIMEOUT for the clocks).  With the real worker, $PFORK_TEST_WORKER, and
 * for the clocks with the liar beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"
#include "limits.h"
#include "picklefork.h"

static const struct {
	const char *name;
	size_t at;		/* in pfork_limits */
	uint64_t ceiling;
} limits[] = {
#define X(name, standard, ceiling) \
	{ #name, offsetof(pfork_limits, name), ceiling },
	LIMITS(X)
#undef X
};
#define COUNT (sizeof(limits) / sizeof(limits[0]))

static size_t
index_of(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (strcmp(limits[i].name, name) == 0)
			return i;
	fail_msg("no limit %s", name);
	return 0;
}

/* The real worker, or the liar that tells this lie. */
static const char *
program(const char *lie)
{
	return lie == NULL ? host_worker() : host_liar(lie);
}

static enum pfork_code
broker_with(const char *lie, size_t limit, uint64_t value, pfork_options *o,
    pfork_broker **b)
{
	pfork_limits l = { .size = sizeof(l) };

	memcpy((char *)&l + limits[limit].at, &value, sizeof(value));
	o->size = sizeof(*o);
	o->worker_path = program(lie);
	o->limits = &l;
	return pfork_broker_new(o, b, NULL);
}

/* ------------------------------------------------------------- settable -- */

static void
test_settable(void **state)
{
	(void)state;
	/* The structs name the same limits: none is forgotten here. */
	assert_int_equal(sizeof(pfork_limits),
	    sizeof(size_t) + COUNT * sizeof(uint64_t));
	for (size_t i = 0; i < COUNT; i++) {
		const uint64_t good[] = { 0, 1, limits[i].ceiling };
		const uint64_t bad[] = { limits[i].ceiling + 1, UINT64_MAX,
			UINT64_C(1) << 63 };
		pfork_options o = { 0 };
		pfork_broker *b = NULL;

		for (size_t j = 0; j < 3; j++) {
			if (broker_with(NULL, i, good[j], &o, &b) != PFORK_OK)
				fail_msg("%s is not settable to %llu",
				    limits[i].name,
				    (unsigned long long)good[j]);
			pfork_broker_free(b);
			b = NULL;
			if (broker_with(NULL, i, bad[j], &o, &b) !=
			    PFORK_E_ARGS || b != NULL)
				fail_msg("%s takes %llu", limits[i].name,
				    (unsigned long long)bad[j]);
		}
	}
}

/* ------------------------------------------------------------- exceeded -- */

/* A safetensors file: u64 length of the header, header, 64 zero bytes. */
static size_t
safetensors(uint8_t *out, const char *header, size_t data)
{
	size_t length = strlen(header);

	memset(out, 0, 8);
	out[0] = (uint8_t)length;
	out[1] = (uint8_t)(length >> 8);
	memcpy(out + 8, header, length);
	memset(out + 8 + length, 0, data);
	return 8 + length + data;
}

/* PROTO 2, then `open` so many times, then `close` so many times, STOP. */
static size_t
pickle(uint8_t *out, const char *open, size_t opened, const char *close,
    size_t closed)
{
	uint8_t *at = out;

	*at++ = 0x80;
	*at++ = 2;
	for (size_t i = 0; i < opened; i++, at += strlen(open))
		memcpy(at, open, strlen(open));
	for (size_t i = 0; i < closed; i++, at += strlen(close))
		memcpy(at, close, strlen(close));
	*at++ = '.';
	return (size_t)(at - out);
}

static uint8_t bytes[4 << 20];

static size_t
two_tensors(void)
{
	return safetensors(bytes,
	    "{\"first\":{\"dtype\":\"F32\",\"shape\":[2,4],"
	    "\"data_offsets\":[0,32]},\"second\":{\"dtype\":\"F32\","
	    "\"shape\":[8],\"data_offsets\":[32,64]}}", 64);
}

/* Ten lists, one in the other, and None in the last. */
static size_t
ten_lists(void)
{
	return pickle(bytes, "]]]]]]]]]]", 1, "Naaaaaaaaaa", 1);
}

/* A million lists: some 40 MiB of values. */
static size_t
many_lists(void)
{
	return pickle(bytes, "]", 1000000, "0", 999999);
}

/* Each name is a note. */
static size_t
ten_names(void)
{
	return pickle(bytes, "cm\nN\n0", 10, "N", 1);
}

/* The largest value that is too small for the input, and the least that is
 * not. */
static const struct edge {
	const char *limit;
	size_t (*make)(void);
	uint64_t too_small;
	uint64_t enough;
	bool stream;
} edges[] = {
	{ "input_bytes", two_tensors, 0, 0, false },	/* its length */
	{ "arena_bytes", many_lists, 16 * MIB, 256 * MIB, false },
	{ "streamed_bytes", two_tensors, 63, 64, true },
	{ "contiguous_bytes", two_tensors, 63, 64, false },
	{ "tensors", two_tensors, 1, 2, false },
	{ "nodes", ten_lists, 9, 64, false },
	{ "nesting", ten_lists, 9, 10, false },
	{ "names_bytes", two_tensors, 10, 4096, false },
};

static enum pfork_code
load(const struct edge *e, uint64_t value, size_t length)
{
	pfork_options o = {
		.delivery = e->stream ? PFORK_DELIVER_STREAM :
		    PFORK_DELIVER_EXTENT,
		.refuse_at = PFORK_REFUSE_NEVER,
	};
	pfork_checkpoint *c = NULL;
	pfork_broker *b = NULL;
	enum pfork_code code;

	assert_int_equal(broker_with(NULL, index_of(e->limit), value, &o, &b),
	    PFORK_OK);
	code = pfork_load_memory(b, bytes, length, &c, NULL);
	assert_true((c != NULL) == (code == PFORK_OK));
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
	return code;
}

static void
test_exceeded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct edge e = edges[i];
		size_t length = e.make();

		if (strcmp(e.limit, "input_bytes") == 0) {
			e.too_small = length - 1;
			e.enough = length;
		}
		if (load(&e, e.too_small, length) != PFORK_E_LIMIT)
			fail_msg("%s of %llu is no limit", e.limit,
			    (unsigned long long)e.too_small);
		if (load(&e, e.enough, length) != PFORK_OK)
			fail_msg("%s of %llu is not enough", e.limit,
			    (unsigned long long)e.enough);
	}
}

/* Notes over the limit are counted, not refused: the verdict needs them all. */
static void
test_notes(void **state)
{
	size_t length = ten_names();
	pfork_options o = { .refuse_at = PFORK_REFUSE_NEVER };
	pfork_checkpoint *c = NULL;
	pfork_broker *b = NULL;

	(void)state;
	assert_int_equal(broker_with(NULL, index_of("notes"), 1, &o, &b),
	    PFORK_OK);
	assert_int_equal(pfork_load_memory(b, bytes, length, &c, NULL),
	    PFORK_OK);
	assert_int_equal(pfork_checkpoint_note_count(c), 1);
	assert_int_equal(pfork_checkpoint_verdict(c), PFORK_UNUSUAL);
	pfork_checkpoint_unref(c);
	pfork_broker_free(b);
}

static void
test_clocks(void **state)
{
	static const struct {
		const char *limit;
		const char *lie;
		uint64_t value;
	} clocks[] = {
		{ "wall_ms", "silence", 50 },
		{ "wall_ms", "chatter", 50 },
		{ "wall_ms", "spin", 50 },
		{ "stall_ms", "silence", 50 },
		{ "stall_ms", "drip", 50 },
		{ "stall_ms", "spin", 50 },
		{ "cpu_seconds", "spin", 1 },
	};
	size_t length = two_tensors();

	(void)state;
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		pfork_options o = { 0 };
		pfork_checkpoint *c = NULL;
		pfork_broker *b = NULL;
		pfork_error err;

		assert_int_equal(broker_with(clocks[i].lie,
		    index_of(clocks[i].limit), clocks[i].value, &o, &b),
		    PFORK_OK);
		if (pfork_load_memory(b, bytes, length, &c, &err) !=
		    PFORK_E_TIMEOUT || c != NULL ||
		    strstr(err.text, clocks[i].limit) == NULL)
			fail_msg("%s, %s: %s", clocks[i].limit, clocks[i].lie,
			    err.text);
		pfork_broker_free(b);
	}
}

/* Every limit has a row that exceeds it. */
static void
test_complete(void **state)
{
	static const char *const others[] = { "notes", "wall_ms", "stall_ms",
		"cpu_seconds" };
	size_t rows = sizeof(edges) / sizeof(edges[0]);

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		bool seen = false;

		for (size_t j = 0; j < rows; j++)
			seen |= strcmp(edges[j].limit, limits[i].name) == 0;
		for (size_t j = 0; j < 4; j++)
			seen |= strcmp(others[j], limits[i].name) == 0;
		if (!seen)
			fail_msg("no test exceeds %s", limits[i].name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settable),
		cmocka_unit_test(test_exceeded),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
