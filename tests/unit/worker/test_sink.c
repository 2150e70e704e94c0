/* SPDX-License-Identifier: Apache-2.0
 *
 * test_sink.c - what the sink sends and refuses to send: names and their
 * collisions, both deliveries, gathering, and every limit at its edge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dtype.h"
#include "harness.h"
#include "sink_inside.h"

static const uint8_t input[256] = "0123456789abcdef";
static const uint64_t two[] = { 2 };
static const uint64_t one[] = { 1 };

static uint32_t
send_named(struct job *job, const void *name, size_t length,
    const char *suffix)
{
	struct path_part part = { name, (uint32_t)length, PATH_KEY };
	struct tensor_out t = {
		.path = { &part, length == 0 ? 0 : 1, suffix },
		.dtype = DTYPE_U8, .rank = 1, .shape = two, .strides = one,
		.storage = 0, .offset = 0, .where = 77
	};

	return sink_tensor(job, &t);
}

static uint32_t
send_text(struct job *job, const char *name)
{
	return send_named(job, name, strlen(name), NULL);
}

/* Runs `body` with a job over `input` and one extent; ends with Done or Fault.
 * True when it did not die. */
static bool
run(struct harness *h, uint32_t flags, const struct limits *limits,
    void (*body)(struct job *job))
{
	struct job *job = harness_job(input, sizeof(input), flags, h);
	bool ok = false;

	if (limits != NULL) {
		job->limits = *limits;
		job->sink = sink_new(job);
	}
	if (setjmp(job->stop) == 0) {
		sink_format(job, "test");
		(void)sink_extent(job, 0, 16);
		body(job);
		sink_done(job);
		ok = true;
	} else
		sink_fault(job);
	harness_collect(h);
	assert_int_equal(h->done, ok);
	assert_int_equal(h->faulted, !ok);
	return ok;
}

/* ---------------------------------------------------------------- names -- */

static const struct name_case {
	const char *name;
	const char *in;
	size_t length;
	const char *out;
} names[] = {
	{ "plain", "weight", 6, "weight" },
	{ "empty", "", 0, "tensor" },
	{ "dotted", "a.b", 3, "a.b" },
	{ "two, three and four bytes", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb4",
	    9, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8d\xb4" },
	{ "last character", "\xf4\x8f\xbf\xbf", 4, "\xf4\x8f\xbf\xbf" },
	{ "past the last", "\xf4\x90\x80\x80", 4,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "lone surrogate", "a\xed\xa0\x80z", 5, "a\xef\xbf\xbdz" },
	{ "low surrogate", "\xed\xbf\xbf", 3, "\xef\xbf\xbd" },
	{ "overlong slash", "\xc0\xaf", 2, "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "overlong in three", "\xe0\x80\xaf", 3,
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "cut short", "a\xe2\x82", 3, "a\xef\xbf\xbd\xef\xbf\xbd" },
	{ "stray continuation", "\x80", 1, "\xef\xbf\xbd" },
	{ "never in UTF-8", "\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "NUL inside", "a\0b", 3, "a\xef\xbf\xbd" "b" },
	{ "NUL at the end", "a\0", 2, "a\xef\xbf\xbd" },
	{ "control characters stay", "\x1b[2J\n", 5, "\x1b[2J\n" },
};
static const struct name_case *current;

static void
send_current(struct job *job)
{
	assert_int_equal(send_named(job, current->in, current->length, NULL),
	    0);
}

static void
test_names(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		current = &names[i];
		assert_true(run(&h, 0, NULL, send_current));
		if (strcmp(h.tensors[0].name, current->out) != 0)
			fail_msg("%s", current->name);
		assert_int_equal(h.tensors[0].name_len, strlen(current->out));
		harness_free(&h);
	}
}

static void
collide(struct job *job)
{
	struct path_part parts[] = {
		{ (const uint8_t *)"a", 1, PATH_ATTR },
		{ (const uint8_t *)"b", 1, PATH_INDEX },
	};
	struct path path = { parts, 2, NULL };
	struct path longer = { parts, 2, "scale" };

	assert_int_equal(send_text(job, "a.b~2"), 0);
	assert_int_equal(send_text(job, "a.b"), 1);
	sink_alias(job, &path, 1, 5);			/* a.b~3 */
	sink_alias(job, &longer, 0, 5);			/* a.b.scale */
	assert_int_equal(send_text(job, "a.b"), 2);	/* a.b~4 */
	assert_int_equal(send_text(job, "a.b~2"), 3);	/* a.b~2~2 */
	assert_int_equal(send_named(job, "", 0, "axis"), 4);
}

static void
test_collisions(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, collide));
	assert_int_equal(h.tensor_count, 5);
	assert_string_equal(h.tensors[2].name, "a.b~4");
	assert_string_equal(h.tensors[2].path[0], "a.b");
	assert_string_equal(h.tensors[3].name, "a.b~2~2");
	assert_string_equal(h.tensors[4].name, "tensor.axis");
	assert_string_equal(h.tensors[4].path[0], "axis");
	assert_int_equal(h.alias_count, 2);
	assert_string_equal(h.aliases[0].name, "a.b~3");
	assert_int_equal(h.aliases[0].target, 1);
	assert_string_equal(h.aliases[1].name, "a.b.scale");
	assert_non_null(harness_note(&h, NOTE_RECORD, "a.b~3"));
	assert_int_equal(h.note_count, 3);
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	harness_free(&h);
}

#define MANY 6000u

/* Enough for pages to split, and for the list of the taken ones to grow. */
static void
many_names(struct job *job)
{
	char name[32];

	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "layer.%u.weight", i);
			assert_int_equal(send_text(job, name),
			    round * MANY + i);
		}
	assert_true(job->sink->names.bits >= 4);
}

static void
test_many_names(void **state)
{
	struct harness h;
	char name[32];

	(void)state;
	assert_true(run(&h, 0, NULL, many_names));
	assert_int_equal(h.tensor_count, 2 * MANY);
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		snprintf(name, sizeof(name), "layer.%u.weight%s", i % MANY,
		    i < MANY ? "" : "~2");
		assert_string_equal(h.tensors[i].name, name);
	}
	harness_free(&h);
}

/* The few that are kept side by side, and those one after. */
static uint32_t some;

static void
some_names(struct job *job)
{
	char name[32];

	for (uint32_t i = 0; i < 3 * some; i++) {
		snprintf(name, sizeof(name), "%u", i % some);
		assert_int_equal(send_text(job, name), i);
	}
	assert_int_equal(job->sink->names.pages != NULL,
	    3 * some > NAMES_FEW);
	if (job->sink->names.pages != NULL)
		assert_int_equal(job->sink->names.pages[0]->used, 3 * some);
}

static void
test_some_names(void **state)
{
	struct harness h;
	char name[32];

	(void)state;
	for (some = 1; some < 2 * NAMES_FEW; some++) {
		assert_true(run(&h, 0, NULL, some_names));
		assert_int_equal(h.tensor_count, 3 * some);
		for (uint32_t i = 0; i < 3 * some; i++) {
			snprintf(name, sizeof(name), i < some ? "%u" : "%u~%u",
			    i % some, i / some + 1);
			assert_string_equal(h.tensors[i].name, name);
		}
		harness_free(&h);
	}
}

/* Paths of every length from one to DEEP parts, "0" below "1" below "2", ... */
#define DEEP (2 * PARTS_FEW + 2)
static struct path
deep_path(uint32_t count)
{
	static char texts[DEEP][8];
	static struct path_part parts[DEEP];

	for (uint32_t i = 0; i < count; i++) {
		int length = snprintf(texts[i], sizeof(texts[i]), "%u.%u",
		    count, i);

		parts[i] = (struct path_part){ (const uint8_t *)texts[i],
			(uint32_t)length, i % 2 ? PATH_KEY : PATH_ATTR };
	}
	return (struct path){ parts, count, NULL };
}

static void
assert_deep(const struct harness_tensor *t, uint32_t count)
{
	char text[32];

	assert_int_equal(t->path_count, count);
	for (uint32_t i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "%u.%u", count, i);
		assert_string_equal(t->path[i], text);
		assert_int_equal(t->path_kinds[i], i % 2 ? PATH_KEY :
		    PATH_ATTR);
	}
}

static void
deep_names(struct job *job)
{
	for (uint32_t n = 1; n <= DEEP; n++) {
		struct tensor_out t = {
			.path = deep_path(n), .dtype = DTYPE_U8, .rank = 1,
			.shape = two, .strides = one
		};

		assert_int_equal(sink_tensor(job, &t), n - 1);
	}
}

static void
test_deep_names(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, deep_names));
	assert_int_equal(h.tensor_count, DEEP);
	for (uint32_t n = 1; n <= DEEP; n++)
		assert_deep(&h.tensors[n - 1], n);
	harness_free(&h);
}

static uint8_t much[3 * TENSOR_NAME_MAX];

static void
long_names(struct job *job)
{
	struct path_part empty[PATH_PARTS_MAX + 1] = { { 0 } };
	struct path path = { empty, PATH_PARTS_MAX, NULL };

	memset(much, 'n', sizeof(much));
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX, NULL), 0);
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX, NULL),
	    SINK_SKIPPED);	/* no room for "~2" */
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX + 1, NULL),
	    SINK_SKIPPED);
	assert_int_equal(send_named(job, much, sizeof(much), NULL),
	    SINK_SKIPPED);
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX - 1, "x"),
	    SINK_SKIPPED);
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX - 2, "x"), 1);
	sink_alias(job, &path, 0, 1);
	path.count++;
	sink_alias(job, &path, 0, 1);
	sink_alias(job, &path, SINK_SKIPPED, 1);
	memset(much, 0, sizeof(much));	/* each becomes three bytes */
	assert_int_equal(send_named(job, much, TENSOR_NAME_MAX / 2, NULL),
	    SINK_SKIPPED);
}

static void
test_long_names(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, long_names));
	assert_int_equal(h.tensor_count, 2);
	assert_int_equal(h.tensors[0].name_len, TENSOR_NAME_MAX);
	assert_int_equal(h.tensors[1].name_len, TENSOR_NAME_MAX);
	assert_int_equal(h.alias_count, 1);
	assert_int_equal(strlen(h.aliases[0].name), PATH_PARTS_MAX - 1);
	assert_int_equal(h.note_count, 7);
	for (size_t i = 0; i < h.note_count; i++)
		assert_int_equal(h.notes[i].kind, NOTE_SKIPPED);
	assert_non_null(harness_note(&h, NOTE_SKIPPED,
	    "its name is over 4,096 bytes, or its path over 512 parts"));
	harness_free(&h);
}

/* 60,000 tensors of one name, and the same with the suffixes taken first: a
 * second is ten times what it takes, and far from what quadratic takes. */
static void
many_of_one_name(struct job *job)
{
	char name[16];

	for (int i = 2; i < 60000; i++) {
		(void)snprintf(name, sizeof(name), "n~%d", i);
		(void)send_text(job, name);
	}
	for (int i = 0; i < 60000; i++)
		(void)send_text(job, "n");
}

static void
test_linear(void **state)
{
	struct harness h;
	clock_t start = clock();

	(void)state;
	assert_true(run(&h, 0, NULL, many_of_one_name));
	assert_string_equal(h.tensors[h.tensor_count - 1].name, "n~119998");
	if (clock() - start > 5 * CLOCKS_PER_SEC)
		fail_msg("a name taken often takes quadratic time");
	harness_free(&h);
}

/* ------------------------------------------------------------- storages -- */

static void
pieces(struct job *job)
{
	static uint8_t bytes[3 * 1024 * 1024];
	static const size_t sizes[] = {
		1, 2, 0, 4096, 32768, 32769, 70000, 1048576, 1048577
	};
	size_t at = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	assert_int_equal(sink_stream(job, sizeof(bytes)), 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		sink_data(job, bytes + at, sizes[i]);
		at += sizes[i];
	}
	while (at < sizeof(bytes)) {
		size_t piece = sizeof(bytes) - at < 1000 ?
		    sizeof(bytes) - at : 1000;

		sink_data(job, bytes + at, piece);
		at += piece;
	}
	assert_int_equal(sink_stream(job, 0), 2);
	assert_int_equal(send_text(job, "t"), 0);
}

static void
test_streams(void **state)
{
	struct harness h;
	uint8_t expected;

	(void)state;
	assert_true(run(&h, 0, NULL, pieces));
	assert_int_equal(h.storage_count, 3);
	assert_int_equal(h.storages[0].kind, STORAGE_EXTENT);
	assert_int_equal(h.storages[1].kind, STORAGE_STREAM);
	for (size_t i = 0; i < h.storages[1].length; i++) {
		expected = (uint8_t)(i * 2654435761u >> 13);
		if (h.storages[1].bytes[i] != expected)
			fail_msg("byte %zu", i);
	}
	assert_true(h.writes < 60);	/* not one for each piece */
	harness_free(&h);
}

static void
both(struct job *job)
{
	(void)sink_extent(job, sizeof(input), 0);
	(void)sink_extent(job, 3, 9);
	assert_int_equal(send_text(job, "t"), 0);
}

static void
test_both_deliveries(void **state)
{
	static const uint32_t flags[] = { 0, GO_DELIVER_STREAM };
	struct harness h;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_true(run(&h, flags[i], NULL, both));
		assert_int_equal(h.storage_count, 3);
		assert_int_equal(h.storages[2].kind,
		    i == 0 ? STORAGE_EXTENT : STORAGE_STREAM);
		assert_int_equal(h.storages[2].length, 9);
		assert_memory_equal(h.storages[2].bytes, "3456789ab", 9);
		harness_free(&h);
	}
}

/* ------------------------------------------------------- what is refused -- */

static void
extent_outside(struct job *job)
{
	(void)sink_extent(job, 1, sizeof(input));
}

static void
extent_wraps(struct job *job)
{
	(void)sink_extent(job, UINT64_MAX, 2);
}

static void
stream_short(struct job *job)
{
	(void)sink_stream(job, 3);
	sink_data(job, "ab", 2);
	(void)send_text(job, "t");
}

static void
stream_long(struct job *job)
{
	(void)sink_stream(job, 1);
	sink_data(job, "ab", 2);
}

static void
done_in_stream(struct job *job)
{
	(void)sink_stream(job, 1);
}

static void
alias_of_nothing(struct job *job)
{
	struct path path = { NULL, 0, NULL };

	sink_alias(job, &path, 0, 1);
}

static void
no_such_storage(struct job *job)
{
	struct tensor_out t = { .dtype = DTYPE_U8, .storage = 1 };

	(void)sink_tensor(job, &t);
}

static void
no_such_dtype(struct job *job)
{
	struct tensor_out t = { .dtype = 99 };

	(void)sink_tensor(job, &t);
}

/* A name that is sent as it is: longer than a name may be, empty, of two parts,
 * with a suffix. */
static void
send_own(struct job *job, size_t parts, uint32_t length, const char *suffix)
{
	static uint8_t text[TENSOR_NAME_MAX + 1];
	struct path_part part[2] = { { text, length, PATH_KEY },
		{ text, 1, PATH_KEY } };
	struct tensor_out t = { .dtype = DTYPE_U8, .own_name = true,
		.path = { part, parts, suffix } };

	memset(text, 'x', sizeof(text));
	t.storage = sink_extent(job, 0, 1);
	(void)sink_tensor(job, &t);
}

static void
own_name_too_long(struct job *job)
{
	send_own(job, 1, TENSOR_NAME_MAX + 1, NULL);
}

static void
own_name_empty(struct job *job)
{
	send_own(job, 1, 0, NULL);
}

static void
own_name_of_two(struct job *job)
{
	send_own(job, 2, 1, NULL);
}

static void
own_name_and_suffix(struct job *job)
{
	send_own(job, 1, 1, "scale");
}

static void
own_names(struct job *job)
{
	send_own(job, 1, TENSOR_NAME_MAX, NULL);
	send_own(job, 1, 1, NULL);
}

static void
test_own_names(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, own_names));
	assert_int_equal(h.tensor_count, 2);
	assert_int_equal(h.tensors[0].name_len, TENSOR_NAME_MAX);
	assert_string_equal(h.tensors[1].name, "x");
	assert_int_equal(h.tensors[1].path_count, 1);
	assert_string_equal(h.tensors[1].path[0], "x");
	assert_int_equal(h.tensors[1].path_kinds[0], PATH_KEY);
	harness_free(&h);
}

static void
test_bugs_of_a_parser(void **state)
{
	static void (*const bodies[])(struct job *) = {
		extent_outside, extent_wraps, stream_short, stream_long,
		done_in_stream, alias_of_nothing, no_such_storage,
		no_such_dtype, own_name_too_long, own_name_empty,
		own_name_of_two, own_name_and_suffix
	};
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
		assert_false(run(&h, 0, NULL, bodies[i]));
		assert_int_equal(h.fault_code, FAULT_INTERNAL);
		assert_int_equal(h.verdict, VERDICT_UNDECIDED);
		harness_free(&h);
	}
}

static void
three(struct job *job)
{
	struct path_part part = { (const uint8_t *)"c", 1, PATH_KEY };
	struct path path = { &part, 1, NULL };

	(void)send_text(job, "a");
	(void)send_text(job, "b");
	sink_alias(job, &path, 0, 78);
	sink_note(job, NOTE_CALL, VERDICT_UNUSUAL, 1, "12345");
	sink_note(job, NOTE_CALL, VERDICT_CLEAN, 1, "12345");
	(void)sink_stream(job, 4);
	sink_data(job, "abcd", 4);
}

/* `three` needs exactly this much of each; one less is refused. */
static const struct limit_case {
	size_t offset;
	uint64_t enough;
	uint64_t where;
} limits_at[] = {
	{ offsetof(struct limits, tensors), 3, 78 },
	{ offsetof(struct limits, contiguous_bytes), 4, 77 },
	/* two names with a path of one part, an alias, two notes */
	{ offsetof(struct limits, names_bytes), 3 + 3 + 1 + 10, 1 },
	{ offsetof(struct limits, streamed_bytes), 4, WIRE_NO_OFFSET },
};

static void
test_limits(void **state)
{
	struct limits limits;
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(limits_at) / sizeof(*limits_at); i++) {
		const struct limit_case *l = &limits_at[i];
		uint64_t *limit;

		limits = harness_limits();
		limit = (uint64_t *)(void *)((char *)&limits + l->offset);
		*limit = l->enough;
		assert_true(run(&h, 0, &limits, three));
		harness_free(&h);
		*limit = l->enough - 1;
		assert_false(run(&h, 0, &limits, three));
		assert_int_equal(h.fault_code, FAULT_LIMIT);
		assert_true(h.fault_where == l->where);
		harness_free(&h);
	}
}

static void
views(struct job *job)
{
	static const uint64_t shape[] = { 1 << 20 };
	static const uint64_t zero[] = { 0 };
	struct tensor_out t = {
		.dtype = DTYPE_U8, .rank = 1, .shape = shape, .strides = zero
	};

	for (int i = 0; i < 1024; i++)
		(void)sink_tensor(job, &t);
	(void)send_named(job, much, 1, NULL);
}

static void
test_contiguous_default(void **state)
{
	struct harness h;
	struct limits limits = harness_limits();

	(void)state;
	limits.contiguous_bytes = 0;	/* 8 x 256 + 1 GiB */
	assert_true(run(&h, 0, &limits, views));
	harness_free(&h);
	limits.contiguous_bytes = 1024u << 20;	/* "views" has 2 more */
	assert_false(run(&h, 0, &limits, views));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
}

/* ---------------------------------------------------------------- notes -- */

static void
notes(struct job *job)
{
	sink_note_about(job, NOTE_GLOBAL, VERDICT_CLEAN, 9, "what", "a\0\xff",
	    3);
	sink_note(job, NOTE_CALL, VERDICT_DANGEROUS, WIRE_NO_OFFSET, "");
	sink_note(job, NOTE_OPAQUE, VERDICT_UNUSUAL, 1, "x");
	memset(much, 'n', sizeof(much));
	much[sizeof(much) - 1] = '\0';
	sink_note(job, NOTE_OPAQUE, VERDICT_CLEAN, 1, (const char *)much);
}

static void
test_notes(void **state)
{
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, notes));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_int_equal(h.note_count, 4);
	assert_string_equal(h.notes[0].text,
	    "what: a\xef\xbf\xbd\xef\xbf\xbd");
	assert_int_equal(h.notes[0].where, 9);
	assert_true(h.notes[1].where == WIRE_NO_OFFSET);
	assert_int_equal(strlen(h.notes[3].text), NOTE_TEXT_MAX);
	harness_free(&h);
	limits.notes = 1;
	assert_true(run(&h, 0, &limits, notes));
	assert_int_equal(h.note_count, 1);
	assert_int_equal(h.totals.notes_dropped, 3);
	assert_int_equal(h.verdict, VERDICT_DANGEROUS); /* dropped, but heard */
	harness_free(&h);
}

static void
notes_and_skips(struct job *job)
{
	const struct path_part part = { (const uint8_t *)"w", 1,
		PATH_KEY };
	const struct path path = { &part, 1, NULL };

	sink_note(job, NOTE_GLOBAL, VERDICT_CLEAN, 1, "a");
	sink_note(job, NOTE_GLOBAL, VERDICT_CLEAN, 1, "b");
	sink_skip(job, &path, VERDICT_CLEAN, 1, "why");
	sink_skip(job, &path, VERDICT_CLEAN, 1, "why");
	sink_note(job, NOTE_GLOBAL, VERDICT_CLEAN, 1, "c");
}

static void
notes_and_names(struct job *job)
{
	sink_note(job, NOTE_RECORD, VERDICT_CLEAN, 1, "a");
	sink_note(job, NOTE_METADATA, VERDICT_CLEAN, 1, "b");
	sink_note(job, NOTE_NAMES, VERDICT_CLEAN, 1, "more names");
}

/* What no caller may miss has a place beyond the limit. */
static void
test_skip_is_told(void **state)
{
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	limits.notes = 1;
	assert_true(run(&h, 0, &limits, notes_and_skips));
	assert_int_equal(h.note_count, 2);
	assert_non_null(harness_note(&h, NOTE_SKIPPED, "left out: w: why"));
	assert_int_equal(h.totals.notes_dropped, 3);
	harness_free(&h);
	assert_true(run(&h, 0, &limits, notes_and_names));
	assert_int_equal(h.note_count, 2);
	assert_non_null(harness_note(&h, NOTE_NAMES, "more names"));
	assert_int_equal(h.totals.notes_dropped, 1);
	harness_free(&h);
}

static void
danger_then_death(struct job *job)
{
	sink_note(job, NOTE_CALL, VERDICT_DANGEROUS, 3, "os.system");
	die(job, FAULT_FORMAT, 44, "cut short");
}

static void
test_fault(void **state)
{
	struct harness h;

	(void)state;
	assert_false(run(&h, 0, NULL, danger_then_death));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	assert_int_equal(h.fault_where, 44);
	assert_string_equal(h.fault_text, "cut short");
	assert_int_equal(h.note_count, 1);
	harness_free(&h);
}

/* -------------------------------------------------- scalars and progress -- */

static void
scalars(struct job *job)
{
	struct path_part part = { (const uint8_t *)"k", 1, PATH_KEY };
	struct path path = { &part, 1, NULL };
	struct path root = { NULL, 0, NULL };
	struct scalar_out s = { .kind = SCALAR_INT, .i = -5 };

	sink_scalar(job, &path, &s);
	s.kind = SCALAR_TEXT;
	s.at = (const uint8_t *)"a\0\xed\xa0\x80";
	s.len = 5;
	sink_scalar(job, &root, &s);
	s.kind = SCALAR_BYTES;
	s.at = much;
	s.len = sizeof(much);
	sink_scalar(job, &path, &s);
	for (uint64_t i = 0; i <= 1000; i++)
		sink_progress(job, i << 20, 1000 << 20);
	sink_progress(job, 5, 10);
}

static void
test_scalars_and_progress(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, 0, NULL, scalars));
	assert_int_equal(h.scalar_count, 0);
	assert_int_equal(h.progress_count, 101);
	harness_free(&h);
	assert_true(run(&h, GO_SCALARS, NULL, scalars));
	assert_int_equal(h.scalar_count, 3);
	assert_string_equal(h.scalars[0].name, "k");
	assert_true(h.scalars[0].i == -5);
	assert_string_equal(h.scalars[1].name, "value");
	assert_int_equal(h.scalars[1].data_len, 5);
	assert_memory_equal(h.scalars[1].data, "a\0\xef\xbf\xbd", 5);
	assert_int_equal(h.scalars[2].data_len, SCALAR_BYTES_MAX);
	assert_true(h.scalars[2].full_length == sizeof(much));
	harness_free(&h);
}

/* --------------------------------------------------------------- pieces -- */

static const uint64_t eight[] = { 8 };
static const uint64_t at0[] = { 0 };
static const uint64_t at4[] = { 4 };

/* A half of eight bytes. */
static struct piece_out
half(const char *name, const uint64_t *start)
{
	static struct path_part part;
	static const uint64_t size[] = { 4 };

	part = (struct path_part){ (const uint8_t *)name,
		(uint32_t)strlen(name), PATH_KEY };
	return (struct piece_out){
		.path = { &part, 1, NULL }, .dtype = DTYPE_U8, .rank = 1,
		.shape = eight, .start = start, .size = size,
		.kind = PIECE_RAW, .file = (const uint8_t *)"w.bin",
		.file_length = 5, .offset = start[0], .length = 4, .where = 7
	};
}

static void
send_boxes(struct job *job)
{
	struct path_part part = { (const uint8_t *)"tied", 4, PATH_KEY };
	struct path path = { &part, 1, NULL };
	struct piece_out p = half("w", at0);

	assert_int_equal(send_text(job, "w"), 0);
	assert_int_equal(sink_piece(job, &p), 1);
	sink_note(job, NOTE_RECORD, VERDICT_CLEAN, 0, "between");
	p = half("ignored", at4);
	sink_piece_more(job, &p);
	sink_alias(job, &path, 1, 0);
	p = half("v", at0);
	assert_int_equal(sink_piece(job, &p), 2);
}

static void
test_pieces(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, GO_PIECES, NULL, send_boxes));
	assert_int_equal(h.piece_count, 3);
	assert_string_equal(h.pieces[0].name, "w~2");
	assert_string_equal(h.pieces[1].name, "w~2");
	assert_string_equal(h.pieces[2].name, "v");
	assert_int_equal(h.pieces[1].start[0], 4);
	assert_int_equal(h.pieces[1].size[0], 4);
	assert_int_equal(h.pieces[1].shape[0], 8);
	assert_string_equal(h.pieces[1].file, "w.bin");
	assert_int_equal(h.pieces[1].offset, 4);
	assert_int_equal(h.aliases[0].target, 1);
	assert_int_equal(h.totals.tensors, 3);
	harness_free(&h);
}

static void
unasked_piece(struct job *job)
{
	struct piece_out p = half("w", at0);

	(void)sink_piece(job, &p);
}

static void
piece_outside(struct job *job)
{
	static const uint64_t at5[] = { 5 };
	struct piece_out p = half("w", at5);

	(void)sink_piece(job, &p);
}

static void
piece_above(struct job *job)
{
	struct piece_out p = half("w", at0);

	p.file = (const uint8_t *)"..";
	p.file_length = 2;
	(void)sink_piece(job, &p);
}

static void
nameless_piece(struct job *job)
{
	struct piece_out p = half("w", at0);
	struct path_part part = { much, sizeof(much), PATH_KEY };

	p.path = (struct path){ &part, 1, NULL };
	assert_int_equal(sink_piece(job, &p), SINK_SKIPPED);
	sink_piece_more(job, &p);
}

/* The first box's path is kept for the next, whatever is joined between. */
static void
deep_pieces(struct job *job)
{
	for (uint32_t n = 1; n <= DEEP; n++) {
		struct piece_out p = half("", at0);
		struct path other;

		p.path = deep_path(n);
		assert_int_equal(sink_piece(job, &p), n - 1);
		other = deep_path(DEEP + 1 - n);
		sink_skip(job, &other, VERDICT_CLEAN, 0, "for a test");
		p = half("ignored", at4);
		sink_piece_more(job, &p);
	}
}

static void
test_deep_pieces(void **state)
{
	struct harness h;

	(void)state;
	assert_true(run(&h, GO_PIECES, NULL, deep_pieces));
	assert_int_equal(h.piece_count, 2 * DEEP);
	for (uint32_t i = 0; i < 2 * DEEP; i++) {
		const struct harness_piece *p = &h.pieces[i];
		struct harness_tensor t = { .path_count = p->path_count,
			.path = p->path, .path_kinds = p->path_kinds };

		assert_deep(&t, i / 2 + 1);
	}
	harness_free(&h);
}

static void
test_pieces_refused(void **state)
{
	static const struct {
		const char *file;
		size_t length;
		bool good;
	} rows[] = {
		{ "a", 1, true }, { "...", 3, true }, { ".a", 2, true },
		{ "..a", 3, true }, { "\xc3\xa9", 2, true }, { "", 0, false },
		{ ".", 1, false }, { "..", 2, false }, { "/", 1, false },
		{ "a/b", 3, false }, { "/a", 2, false }, { "a\0b", 3, false },
		{ "\xff", 1, false },
	};
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (sink_file_is_sibling((const uint8_t *)rows[i].file,
		    rows[i].length) != rows[i].good)
			fail_msg("row %zu", i);
	memset(much, 'f', sizeof(much));
	assert_true(sink_file_is_sibling(much, FILE_NAME_MAX));
	assert_false(sink_file_is_sibling(much, FILE_NAME_MAX + 1));
	assert_false(run(&h, 0, NULL, unasked_piece));
	assert_int_equal(h.fault_code, FAULT_INTERNAL);
	harness_free(&h);
	assert_false(run(&h, GO_PIECES, NULL, piece_outside));
	assert_int_equal(h.fault_code, FAULT_INTERNAL);
	harness_free(&h);
	assert_false(run(&h, GO_PIECES, NULL, piece_above));
	assert_int_equal(h.fault_code, FAULT_INTERNAL);
	harness_free(&h);
	assert_true(run(&h, GO_PIECES, NULL, nameless_piece));
	assert_int_equal(h.piece_count, 0);
	assert_non_null(harness_note(&h, NOTE_SKIPPED, "is over"));
	harness_free(&h);
}

static void
three_boxes(struct job *job)
{
	struct piece_out p = half("w", at0);

	(void)sink_piece(job, &p);
	sink_piece_more(job, &p);
	sink_piece_more(job, &p);
}

/* A box counts as a tensor does. */
static void
test_piece_limits(void **state)
{
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	limits.tensors = 3;
	assert_true(run(&h, GO_PIECES, &limits, three_boxes));
	harness_free(&h);
	limits.tensors = 2;
	assert_false(run(&h, GO_PIECES, &limits, three_boxes));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_collisions),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_some_names),
		cmocka_unit_test(test_deep_names),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_both_deliveries),
		cmocka_unit_test(test_own_names),
		cmocka_unit_test(test_bugs_of_a_parser),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_contiguous_default),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_skip_is_told),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_scalars_and_progress),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_deep_pieces),
		cmocka_unit_test(test_pieces_refused),
		cmocka_unit_test(test_piece_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
