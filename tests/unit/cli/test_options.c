/* SPDX-License-Identifier: Apache-2.0
 *
 * test_options.c - command lines, good and bad.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "options_limit.h"

#define WORDS 8

static int
parse(struct options *o, enum verb_id verb, const char *const *words)
{
	char copies[WORDS][96];
	char *argv[WORDS + 1] = { 0 };
	int argc = 0;
	int code;

	for (; words[argc] != NULL; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s",
		    words[argc]);
		argv[argc] = copies[argc];
	}
	code = options_parse(o, verb, argc, argv);
	/* The words live as long as main's argv: not so here. */
	o->output = o->output != NULL ? "set" : NULL;
	for (size_t i = 0; i < o->file_count; i++)
		o->files[i] = words[o->files[i] - copies[0] < 0 ? 0 :
			(size_t)(o->files[i] - copies[0]) / sizeof(copies[0])];
	return code;
}

static const struct {
	enum verb_id verb;
	const char *words[WORDS];
	int code;
	size_t files;
} rows[] = {
	{ LS, { "a" }, 0, 1 },
	{ LS, { "--json", "a" }, 0, 1 },
	{ LS, { "a", "--json" }, 0, 1 },
	{ LS, { "--", "--json" }, 0, 1 },
	{ LS, { "-" }, 0, 1 },
	{ LS, { "" }, 0, 1 },
	{ LS, { "--jso", "a" }, 64, 0 },
	{ LS, { "--jsonl", "a" }, 64, 0 },
	{ LS, { "--json=1", "a" }, 64, 0 },
	{ LS, { "--strict", "a" }, 64, 0 },
	{ LS, { "-o", "x" }, 64, 0 },
	{ LS, { "-x" }, 64, 0 },
	{ LS, { "-qx" }, 64, 0 },
	{ LS, { "-qh" }, 0, 0 },
	{ SCAN, { "-j4", "a" }, 0, 1 },
	{ SCAN, { "-j", "4", "a" }, 0, 1 },
	{ SCAN, { "-qj4", "a" }, 0, 1 },
	{ SCAN, { "--jobs=4", "a" }, 0, 1 },
	{ SCAN, { "-j", "0" }, 64, 0 },
	{ SCAN, { "-j", "-4" }, 64, 0 },
	{ SCAN, { "-j", "4x" }, 64, 0 },
	{ SCAN, { "-j", "1025" }, 64, 0 },
	{ SCAN, { "-j" }, 64, 0 },
	{ CONVERT, { "a", "-o" }, 64, 1 },
	{ CONVERT, { "a", "-ob" }, 0, 1 },
	{ CONVERT, { "a", "--output", "b", "-f" }, 0, 1 },
	{ CONVERT, { "--refuse-at", "maybe" }, 64, 0 },
	{ CONVERT, { "--refuse-at=unusual" }, 0, 0 },
	{ LS, { "--delivery", "stream" }, 0, 0 },
	{ LS, { "--delivery", "post" }, 64, 0 },
	{ LS, { "--require-layer", "landlock", "--require-layer=net-ns" }, 0,
	    0 },
	{ LS, { "--require-layer", "magic" }, 64, 0 },
	{ LS, { "--limit", "tensors=5" }, 0, 0 },
	{ LS, { "--limit", "wall-ms=5" }, 0, 0 },
	{ LS, { "--limit", "arena_bytes=2G" }, 0, 0 },
	{ LS, { "--limit", "tensors" }, 64, 0 },
	{ LS, { "--limit", "tensors=" }, 64, 0 },
	{ LS, { "--limit", "tensors=0" }, 64, 0 },
	{ LS, { "--limit", "tensors=-1" }, 64, 0 },
	{ LS, { "--limit", "tensors=5X" }, 64, 0 },
	{ LS, { "--limit", "tensors=5KK" }, 64, 0 },
	{ LS, { "--limit", "tensors=99999999999999999999" }, 64, 0 },
	{ LS, { "--limit", "tensors=99999999999T" }, 64, 0 },
	{ LS, { "--limit", "size=5" }, 64, 0 },
	{ LS, { "--limit", "=5" }, 64, 0 },
	{ LS, { "--limit", "nodes=5", "--limit", "notes=5" }, 0, 0 },
	{ LS, { "--limit", "nodes=5", "--limit", "nodes=5" }, 64, 0 },
	{ LS, { "--limit", "wall-ms=5", "--limit", "wall_ms=6" }, 64, 0 },
	{ LS, { "--json", "--json", "-qq" }, 0, 0 },
	{ CONVERT, { "-oa", "-ob" }, 64, 0 },
	{ CONVERT, { "-oa", "--output=b" }, 64, 0 },
	{ SCAN, { "-j2", "-j2" }, 64, 0 },
	{ LS, { "--root", "d", "--root", "d" }, 64, 0 },
	{ SERVE, { "--root", "d", "--root", "d" }, 0, 0 },
	{ SERVE, { "--parked=0", "--parked=0" }, 64, 0 },
	{ SERVE, { "--socket", "a", "--socket", "a" }, 64, 0 },
#define DIGITS "00112233445566778899aabbccddeeff" \
	"AABBCCDDEEFF00112233445566778899"
	{ LS, { "--root", "d", "--pin", "a=b=" DIGITS }, 0, 0 },
	{ LS, { "--pin", "a=" DIGITS, "--root=d" }, 0, 0 },
	{ LS, { "--pin", "a=" DIGITS }, 64, 0 },
	{ LS, { "--root", "d", "--pin", DIGITS }, 64, 0 },
	{ LS, { "--root", "d", "--pin", "=" DIGITS }, 64, 0 },
	{ LS, { "--root", "d", "--pin", "a=" DIGITS "0" }, 64, 0 },
	{ DOCTOR, { "--json" }, 0, 0 },
	{ DOCTOR, { "--verify" }, 64, 0 },
	{ HELP, { "--help" }, 0, 0 },
};

static void
test_lines(void **state)
{
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int code = parse(&o, rows[i].verb, rows[i].words);

		print_message("%s %s %s\n", verbs[rows[i].verb].name,
		    rows[i].words[0], rows[i].words[1] == NULL ?
			"" : rows[i].words[1]);
		assert_int_equal(code, rows[i].code);
		assert_int_equal(o.file_count, rows[i].files);
		options_free(&o);
	}
}

static void
test_values(void **state)
{
	static const char *const words[] = { "-qfo", "x", "--limit",
		"arena_bytes=3M", "--limit", "cpu-seconds=7", NULL };
	static const char *const more[] = { "--require-layer", "landlock",
		"--require-layer", "mdwe", "--scalars", "--verify", "-j7",
		NULL };
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, CONVERT, words), 0);
	assert_true(o.quiet);
	assert_true(o.force);
	assert_string_equal(o.output, "set");
	assert_int_equal(o.limits.arena_bytes, 3 << 20);
	assert_int_equal(o.limits.cpu_seconds, 7);
	assert_int_equal(o.limits.tensors, 0);
	assert_int_equal(o.load.size, sizeof(o.load));
	assert_ptr_equal(o.load.limits, &o.limits);
	options_free(&o);
	assert_int_equal(parse(&o, SCAN, more), 0);
	assert_int_equal(o.load.required_layers,
	    PFORK_LAYER_LANDLOCK | PFORK_LAYER_MDWE);
	assert_int_equal(o.load.flags, PFORK_SCALARS | PFORK_VERIFY);
	assert_int_equal(o.jobs, 7);
	options_free(&o);
}

static void
test_pins(void **state)
{
	static const char *const words[] = { "--root", "d", "--pin",
		"a=b=" DIGITS, "--pin", "c=" DIGITS, NULL };
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, LS, words), 0);
	assert_int_equal(o.pin_count, 2);
	assert_string_equal(o.pins[0].file, "a=b");
	assert_string_equal(o.pins[1].file, "c");
	assert_int_equal(o.pins[0].sha256[1], 0x11);
	assert_int_equal(o.pins[0].sha256[16], 0xaa);
	assert_int_equal(o.pins[0].sha256[31], 0x99);
	options_free(&o);
}

/* What the library says, as it says it. */
static const struct {
	enum pfork_code code;
	const char *text;
	const char *advice;	/* a name and what it is now; NULL: none */
} over[] = {
	{ PFORK_E_LIMIT, "tensors are over the limit tensors",
	    "tensors=N (now 1000000)" },
	{ PFORK_E_LIMIT, "tensors are over the limit contiguous_bytes",
	    "contiguous_bytes=N (now 8 times the input and 1G)" },
	{ PFORK_E_LIMIT, "more notes than the limit `notes`",
	    "notes=N (now 10000)" },
	{ PFORK_E_LIMIT, "notes are over the limit names_bytes",
	    "names_bytes=N (now 256M)" },
	{ PFORK_E_LIMIT, "values are nested deeper than the limit nesting",
	    "nesting=N (now 7K)" },
	{ PFORK_E_LIMIT, "the file needs more memory than the limit "
	    "(arena_bytes)", "arena_bytes=N (now 3M)" },
	{ PFORK_E_LIMIT, "unpack: its dictionary needs more memory than there "
	    "is (arena_bytes)", "arena_bytes=N (now 3M)" },
	{ PFORK_E_LIMIT, "the input has 11 bytes, over the limit input_bytes "
	    "of 10", "input_bytes=N (now 10)" },
	{ PFORK_E_TIMEOUT, "no progress: the limit stall_ms of 30000 ms "
	    "passed while listening", "stall_ms=N (now 30000)" },
	{ PFORK_E_TIMEOUT, "the worker used up the limit cpu_seconds of 120",
	    "cpu_seconds=N (now 120)" },
	/* More memory would not help, or no limit of ours would. */
	{ PFORK_E_LIMIT, "unpack: too large to be unpacked in memory "
	    "(arena_bytes, or 1,032 times its size)", NULL },
	{ PFORK_E_LIMIT, "zip: over 2^31 members", NULL },
	{ PFORK_E_LIMIT, "the index names more files than the limit of 1000",
	    NULL },
	{ PFORK_E_LIMIT, "over the limit tensors_of_mine", NULL },
	{ PFORK_E_LIMIT, "tensors", NULL },
	{ PFORK_E_LIMIT, "", NULL },
	{ PFORK_E_FORMAT, "over the limit tensors", NULL },
};

static void
test_advice(void **state)
{
	static const char *const words[] = { "--limit", "nesting=7168",
		"--limit", "arena_bytes=3M", "--limit=input-bytes=10", NULL };
	static const char before[] = "raise it with --limit ";
	char advice[LIMIT_ADVICE];
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, LS, words), 0);
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		pfork_error err = { .code = over[i].code };

		snprintf(err.text, sizeof(err.text), "%s", over[i].text);
		print_message("%s\n", err.text);
		assert_int_equal(limit_advice(advice, &o, &err),
		    over[i].advice != NULL);
		if (over[i].advice == NULL) {
			assert_string_equal(advice, "");
			continue;
		}
		assert_memory_equal(advice, before, sizeof(before) - 1);
		assert_string_equal(advice + sizeof(before) - 1,
		    over[i].advice);
	}
	options_free(&o);
	/* Not what is over the limit, but the limit itself. */
	for (int i = 0; i < 2; i++) {
		pfork_error err = { .code = PFORK_E_SYSTEM,
			.errnum = i == 0 ? ENOMEM : EMFILE,
			.text = "as much memory as the limit arena_bytes" };

		assert_int_equal(limit_advice(advice, &o, &err), i == 0);
		assert_string_equal(advice, i == 0 ?
		    "lower it with --limit arena_bytes=N (now 3M)" : "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
