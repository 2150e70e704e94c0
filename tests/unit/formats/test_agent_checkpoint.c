/* SPDX-License-Identifier: Apache-2.0
 *
 * test_agent_checkpoint.c - JSON whose values are pickles in base64: what is
 * taken for it, every prefix, offsets, names, and the strict base64 beneath.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base64.h"
#include "formats.h"
#include "harness.h"

#define TEXT(s) s, sizeof s - 1

/* ------------------------------------------------------------- base64 -- */

static const struct {
	const char *text;
	const char *bytes;	/* NULL: refused at `wrong` */
	size_t wrong;
} texts[] = {
	{ "", "", 0 },
	{ "YQ==", "a", 0 },
	{ "YWI=", "ab", 0 },
	{ "YWJj", "abc", 0 },
	{ "YWJjZA==", "abcd", 0 },
	{ "+/+/", "\xfb\xff\xbf", 0 },
	{ "Y", NULL, 1 },
	{ "YQ", NULL, 2 },
	{ "YQ=", NULL, 3 },
	{ "YR==", NULL, 1 },
	{ "YWJ=", NULL, 2 },
	{ "YWK=", NULL, 2 },
	{ "Y===", NULL, 1 },
	{ "====", NULL, 0 },
	{ "==", NULL, 2 },
	{ "YQ==YQ==", NULL, 2 },
	{ "YWI=YWJj", NULL, 3 },
	{ "YW\n=", NULL, 2 },
	{ "YW-_", NULL, 2 },
	{ "\xff\xff\xff\xff", NULL, 0 },
};

static void
test_base64(void **state)
{
	uint8_t out[16];
	size_t made, wrong;
	bool good;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		good = base64_decode((const uint8_t *)texts[i].text,
		    strlen(texts[i].text), out, &made, &wrong);
		if (good != (texts[i].bytes != NULL) ||
		    (!good && wrong != texts[i].wrong))
			fail_msg("%s: %d at %zu", texts[i].text, good, wrong);
		if (!good)
			continue;
		assert_int_equal(made, strlen(texts[i].bytes));
		assert_memory_equal(out, texts[i].bytes, made);
	}
}

/* -------------------------------------------------------- recognition -- */

static const struct {
	const char *text;
	size_t length;
	bool is;
} looks[] = {
	{ TEXT("{\"__pickled__\":\"\"}"), true },
	{ TEXT(" \n{\"a\":[{\"__pickled__\" : 1"), true },
	{ TEXT("{\"\\u005f_pickled_\\u005f\":"), true },
	{ TEXT("{\"a\":\"__pickled__\"}"), false },
	{ TEXT("{\"a\":\"\\\"__pickled__\\\":\"}"), false },
	{ TEXT("{\"__pickled_\":1,\"_pickled__\":2}"), false },
	{ TEXT("[{\"__pickled__\":\"\"}]"), false },
	{ TEXT("{"), false },
	{ TEXT("{\"__pickled__\""), false },
	{ TEXT("{\"__pickled__"), false },
	{ TEXT("{\0\"__pickled__\":1}"), false },
	{ TEXT("\"__pickled__\":1"), false },
	{ TEXT(" "), false },
};

static void
test_is(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		struct job *job = harness_job(looks[i].text, looks[i].length,
		    0, &h);

		if (agent_checkpoint_is(job) != looks[i].is)
			fail_msg("case %zu: %s", i, looks[i].text);
		harness_free(&h);
	}
}

/* ------------------------------------------------------------- files -- */

/* (1, "x"), and os.system("x"), of protocol 0. */
#define PAIR "KEkxClZ4CnQu"
#define EVIL "Y29zCnN5c3RlbQooVngKdFIu"
#define ENVELOPE(text) "{\"__pickled__\":\"" text "\",\"__type__\":\"a:b\"}"

static const struct {
	const char *name;
	const char *text;
	uint32_t code;		/* 0: it is read */
	size_t where;		/* SIZE_MAX: the end */
	const char *in_fault;
} files[] = {
	{ "root", ENVELOPE(PAIR), 0, 0, NULL },
	{ "blanks", " { \"a\" : [ 1 , " ENVELOPE(PAIR) " ] } \n", 0, 0, NULL },
	{ "constants", "{\"a\":[NaN,Infinity,-Infinity,true,false,null,-0,1e3],"
	    "\"b\":" ENVELOPE(PAIR) "}", 0, 0, NULL },
	{ "Infinit", "{\"a\":" ENVELOPE(PAIR) ",\"b\":Infinit}",
	    FAULT_FORMAT, 57, "no value" },
	{ "empty containers", "{\"a\":{},\"b\":[],\"c\":" ENVELOPE(PAIR) "}",
	    0, 0, NULL },
	{ "comma in an empty list", "{\"a\":[,],\"c\":" ENVELOPE(PAIR) "}",
	    FAULT_FORMAT, 6, "no value" },
	{ "comma at the end", "{\"c\":" ENVELOPE(PAIR) ",}", FAULT_FORMAT, 53,
	    "no text" },
	{ "list, comma at the end", "{\"c\":[" ENVELOPE(PAIR) ",]}",
	    FAULT_FORMAT, 54, "no value" },
	{ "wrong bracket", "{\"c\":[" ENVELOPE(PAIR) "}", FAULT_FORMAT, 53,
	    "neither" },
	{ "no colon", "{\"c\":" ENVELOPE(PAIR) ",\"d\" 1}", FAULT_FORMAT, 57,
	    "no ':'" },
	{ "key twice", "{\"c\":" ENVELOPE(PAIR) ",\"c\":1}", FAULT_FORMAT, 54,
	    "twice: 'c'" },
	{ "key twice, escaped", "{\"c\":" ENVELOPE(PAIR) ",\"\\u0063\":1}",
	    FAULT_FORMAT, 54, "twice: 'c'" },
	{ "one key in two objects", "{\"c\":" ENVELOPE(PAIR)
	    ",\"d\":{\"c\":1}}", 0, 0, NULL },
	{ "not base64", "{\"__pickled__\":\"KEkx!\",\"__type__\":\"\"}",
	    FAULT_FORMAT, 20, "base64" },
	{ "no text", "{\"__pickled__\":[],\"__type__\":\"\"}", FAULT_FORMAT,
	    15, "no text" },
	{ "empty", "{\"__pickled__\":\"\",\"__type__\":\"\"}", FAULT_FORMAT, 16,
	    "empty" },
	{ "no pickle", "{\"__pickled__\":\"AAAA\",\"__type__\":\"\"}",
	    FAULT_FORMAT, 16, "" },
	{ "something after", ENVELOPE(PAIR) " 1", FAULT_FORMAT, 48,
	    "after the end" },
};

static void
test_files(void **state)
{
	struct harness h;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		bool done = harness_run(files[i].text, strlen(files[i].text),
		    GO_SCALARS, &h);

		assert_string_equal(h.format, "agent-checkpoint");
		if (done != (files[i].code == 0) ||
		    (!done && (h.fault_code != files[i].code ||
		    h.fault_where != files[i].where ||
		    strstr(h.fault_text, files[i].in_fault) == NULL)))
			fail_msg("%s: %s at %ju", files[i].name, h.fault_text,
			    (uintmax_t)h.fault_where);
		harness_free(&h);
	}
}

static const char evil[] = "{\"state\": {\"x\": [" ENVELOPE(EVIL) "]}}";

/* The name, where it stands, and no tensor before the end. */
static void
test_evil(void **state)
{
	size_t at = (size_t)(strstr(evil, EVIL) - evil);
	const struct harness_note *note;
	struct harness h;

	(void)state;
	assert_true(harness_run(evil, sizeof evil - 1, 0, &h));
	assert_int_equal(h.verdict, VERDICT_DANGEROUS);
	note = harness_note(&h, 0, "os.system");
	assert_non_null(note);
	assert_int_equal(note->where, at);
	harness_free(&h);
	for (size_t n = 0; n + 1 < sizeof evil; n++) {
		assert_false(harness_run(evil, n, 0, &h));
		assert_int_not_equal(h.verdict, VERDICT_CLEAN);
		harness_free(&h);
	}
}

static void
test_untyped(void **state)
{
	static const char text[] = "{\"__pickled__\":\"" PAIR "\"}";
	struct harness h;

	(void)state;
	assert_true(harness_run(text, sizeof text - 1, 0, &h));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	assert_int_equal(harness_note(&h, NOTE_RECORD, "__type__")->where, 16);
	harness_free(&h);
}

static const struct harness_scalar *
scalar(const struct harness *h, const char *name)
{
	for (size_t i = 0; i < h->scalar_count; i++)
		if (strcmp(h->scalars[i].name, name) == 0)
			return &h->scalars[i];
	fail_msg("no scalar %s", name);
	return NULL;
}

static void
test_scalars(void **state)
{
	static const char text[] = "{\"min\":-9223372036854775808,\"over\":"
	    "-9223372036854775809,\"f\":-1.5e-3,\"zero\":0,\"t\":true,"
	    "\"n\":null,\"i\":-Infinity,\"s\":\"a\\n\\u00e9\",\"l\":[7],"
	    "\"p\":" ENVELOPE(PAIR) "}";
	struct harness h;

	(void)state;
	assert_true(harness_run(text, sizeof text - 1, GO_SCALARS, &h));
	assert_true(scalar(&h, "min")->i == INT64_MIN);
	assert_int_equal(scalar(&h, "over")->kind, SCALAR_FLOAT);
	assert_true(scalar(&h, "f")->f == -1.5e-3);
	assert_int_equal(scalar(&h, "zero")->kind, SCALAR_INT);
	assert_int_equal(scalar(&h, "t")->i, 1);
	assert_int_equal(scalar(&h, "n")->kind, SCALAR_NULL);
	assert_true(scalar(&h, "i")->f < -1e308);
	assert_memory_equal(scalar(&h, "s")->data, "a\n\xc3\xa9", 4);
	assert_int_equal(scalar(&h, "l.0")->i, 7);
	assert_int_equal(scalar(&h, "p.0")->i, 1);
	assert_memory_equal(scalar(&h, "p.1")->data, "x", 1);
	assert_memory_equal(scalar(&h, "p.__type__")->data, "a:b", 3);
	harness_free(&h);
	assert_true(harness_run(text, sizeof text - 1, 0, &h));
	assert_int_equal(h.scalar_count, 0);
	harness_free(&h);
}

static void
test_limits(void **state)
{
	static const char text[] = "{\"a\":[[[" ENVELOPE(PAIR) "]]]}";
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	limits.nesting = 5;
	assert_true(harness_run_limits(text, sizeof text - 1, 0, &limits, &h));
	harness_free(&h);
	limits.nesting = 4;
	assert_false(harness_run_limits(text, sizeof text - 1, 0, &limits,
	    &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
	limits.nesting = 5;
	limits.nodes = 5;
	assert_false(harness_run_limits(text, sizeof text - 1, 0, &limits,
	    &h));
	assert_int_equal(h.fault_code, FAULT_LIMIT);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_evil),
		cmocka_unit_test(test_untyped),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
