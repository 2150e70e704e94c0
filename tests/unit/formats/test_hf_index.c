/* SPDX-License-Identifier: Apache-2.0
 *
 * test_hf_index.c - indexes of checkpoints in several files: what is one, each
 * error and where it stands, and names that lead elsewhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formats.h"
#include "harness.h"

#define TEXT(text) text, sizeof(text) - 1
#define AT(text) (sizeof(text) - 1)
#define MAP(pairs) "{\"weight_map\":{" pairs "}}"
/* The error stands where `before` ends. */
#define BAD(before, after) before after, AT(before after), AT(before)
#define NAME_255 \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"0123456789012345678901234567890123456789012345678901234567890123" \
	"012345678901234567890123456789012345678901234567890123456789012"

static const struct {
	const char *text;
	size_t length;
	bool is;
} recognised[] = {
	{ TEXT("{\"weight_map\":{}}"), true },
	{ TEXT(" {\n \"weight_map\" : {"), true },
	{ TEXT("{\"metadata\":{},\"weight_map\":{}}"), true },
	{ TEXT("{\"metadata\":{\"weight_map\""), true },
	{ TEXT("{\"metadata\":{\"weight_map"), false },
	{ TEXT("{\"metadata\":{}}"), false },
	{ TEXT("{\"metadata\":[]}"), false },
	{ TEXT("{\"metadatb\":{},\"weight_map\":{}}"), false },
	{ TEXT("{\"meta\":{},\"weight_map\":{}}"), false },
	{ TEXT("{\"weight_mop\":{}}"), false },
	{ TEXT("{\"weight_map\":1}"), false },
	{ TEXT("{\"weight_map\"{"), false },
	{ TEXT("{weight_map:{}}"), false },
	{ TEXT("[\"weight_map\"]"), false },
	{ TEXT("{"), false },
	{ TEXT(""), false },
};

static void
test_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(recognised) / sizeof(recognised[0]);
	    i++) {
		struct harness h;
		struct job *job = harness_job(recognised[i].text,
		    recognised[i].length, 0, &h);

		if (hf_index_is(job) != recognised[i].is)
			fail_msg("%s", recognised[i].text);
		harness_free(&h);
	}
}

/* The map's key is looked for in the first 4 KiB. */
static void
test_is_far(void **state)
{
	char text[8192];
	struct harness h;

	(void)state;
	for (int far = 0; far <= 1; far++) {
		/* The key and its quotes are twelve bytes. */
		size_t at = 4096 - 12 + (size_t)far;

		memset(text, ' ', sizeof(text));
		memcpy(text, TEXT("{\"metadata\":{},"));
		memcpy(text + at, TEXT("\"weight_map\":{}}"));
		assert_int_equal(hf_index_is(harness_job(text, sizeof(text), 0,
		    &h)), far == 0);
		harness_free(&h);
	}
}

static void
test_good(void **state)
{
	static const char text[] = "{\"metadata\": {\"total_size\": 8, "
	    "\"x\": [1, {}]},\n \"weight_map\": {\"a.b\": \"one.bin\", "
	    "\"\\u0063\\n\": \"tw\\u006f.bin\", \"d\": \"" NAME_255 "\"},\n"
	    " \"more\": null}\n";
	struct harness h;

	(void)state;
	/* Alone, nobody has looked at what it names. */
	assert_true(harness_run(TEXT(text), GO_SCALARS, &h));
	assert_int_equal(h.verdict, VERDICT_UNUSUAL);
	assert_non_null(harness_note(&h, NOTE_RECORD, "were not opened"));
	harness_free(&h);
	if (!harness_run(TEXT(text), GO_SCALARS | GO_PIECES, &h))
		fail_msg("%s", h.fault_text);
	assert_string_equal(h.format, "hf-index");
	assert_int_equal(h.verdict, VERDICT_CLEAN);
	assert_int_equal(h.tensor_count, 0);
	assert_int_equal(h.scalar_count, 3);
	assert_string_equal(h.scalars[0].name, "weight_map.a.b");
	assert_int_equal(h.scalars[0].kind, SCALAR_TEXT);
	assert_memory_equal(h.scalars[0].data, "one.bin", 7);
	assert_int_equal(h.scalars[0].data_len, 7);
	assert_string_equal(h.scalars[1].name, "weight_map.c\n");
	assert_memory_equal(h.scalars[1].data, "two.bin", 7);
	assert_int_equal(h.scalars[2].data_len, 255);
	harness_free(&h);
	assert_true(harness_run(TEXT("{\"weight_map\":{}}"), GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 0);
	harness_free(&h);
}

static const struct {
	const char *text;
	size_t length;
	uint64_t where;
	const char *wrong;
	uint32_t verdict;
} bad[] = {
	/* JSON */
	{ BAD("{\"weight_map\":{\"a\"", ",}}"), "no ':' after a key", 0 },
	{ BAD("{\"weight_map\":{\"a\":", "1}}"), "it is not the JSON", 0 },
	{ BAD("{\"weight_map\":{", "a}}"), "it is not the JSON", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"b\"", ";}}"), "neither ',' nor", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"b\"", ""), "neither ',' nor", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"b\",", "}}"), "it is not the JSON",
	    0 },
	{ BAD("{\"weight_map\":{}", "]"), "neither ',' nor the end", 0 },
	{ BAD("{\"weight_map\":{},", "}"), "it is not the JSON", 0 },
	{ BAD("{\"weight_map\":{},\"a\" ", "1}"), "no ':' after a key", 0 },
	{ BAD("{\"weight_map\":{},\"a\":", "x}"), "it is not the JSON", 0 },
	{ BAD("{\"weight_map\":{}}", "{}"), "it is not the JSON", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", "\xff\"}}"), "it is not UTF-8", 0 },
	{ BAD("{\"metadata\":{},\"\\\"weight_map\\\"\":1,\"weight_map\":",
	    "[]}"), "weight_map is no object", 0 },
	/* The map */
	{ BAD("", "{\"metadata\":{\"\":\"weight_map\"}}"),
	    "there is no weight_map", 0 },
	{ BAD("{\"weight_map\":{},\"", "weight_map\":{}}"),
	    "weight_map is there twice", 0 },
	{ BAD("{\"weight_map\":{\"", "\":\"b\"}}"),
	    "a tensor's name is empty or too long", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"b\",\"", "a\":\"c\"}}"),
	    "a tensor is there twice: 'a'", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"b\",\"", "\\u0061\":\"c\"}}"),
	    "a tensor is there twice: 'a'", 0 },
	/* Names of files */
	{ BAD("{\"weight_map\":{\"a\":\"", "\"}}"),
	    "a file's name is empty or too long", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", NAME_255 "x\"}}"),
	    "a file's name is empty or too long", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", "/b\"}}"),
	    "leads out of the directory: '/b'", VERDICT_DANGEROUS },
	{ BAD("{\"weight_map\":{\"a\":\"", "b/c\"}}"),
	    "leads out of the directory: 'b/c'", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", "b\\\\c\"}}"),
	    "leads out of the directory", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", "b\\u0000\"}}"),
	    "leads out of the directory", VERDICT_DANGEROUS },
	{ BAD("{\"weight_map\":{\"a\":\"", "..\"}}"),
	    "leads out of the directory: '..'", VERDICT_DANGEROUS },
	{ BAD("{\"weight_map\":{\"a\":\"", "\\u002e.\"}}"),
	    "leads out of the directory: '..'", VERDICT_DANGEROUS },
	{ BAD("{\"weight_map\":{\"a\":\"", ".\"}}"),
	    "leads out of the directory: '.'", 0 },
	{ BAD("{\"weight_map\":{\"a\":\"", "x/../b\"}}"),
	    "leads out of the directory", VERDICT_DANGEROUS },
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct harness h;

		if (harness_run(bad[i].text, bad[i].length, 0, &h))
			fail_msg("%s: was read", bad[i].text);
		if (h.fault_code != FAULT_FORMAT ||
		    strstr(h.fault_text, bad[i].wrong) == NULL)
			fail_msg("%s: %u '%s'", bad[i].text, h.fault_code,
			    h.fault_text);
		if (h.fault_where != bad[i].where)
			fail_msg("%s: at %d, not %d", bad[i].text,
			    (int)h.fault_where, (int)bad[i].where);
		if (h.verdict != bad[i].verdict)
			fail_msg("%s: verdict %u", bad[i].text, h.verdict);
		harness_free(&h);
	}
}

/* A name that fits a tensor's with "weight_map." before it, and one that does
 * not. */
static void
test_long_name(void **state)
{
	static const char begin[] = "{\"weight_map\":{\"";
	const size_t most = TENSOR_NAME_MAX - sizeof("weight_map");
	char text[TENSOR_NAME_MAX + 64];
	struct harness h;

	(void)state;
	for (size_t length = most; length <= most + 1; length++) {
		size_t used = AT(begin);

		memcpy(text, begin, used);
		memset(text + used, 'n', length);
		used += length;
		memcpy(text + used, TEXT("\":\"b\"}}"));
		used += AT("\":\"b\"}}");
		assert_int_equal(harness_run(text, used, GO_SCALARS, &h),
		    length == most);
		if (length > most) {
			assert_int_equal(h.fault_where, AT(begin));
			assert_non_null(strstr(h.fault_text, "too long"));
		} else {
			assert_int_equal(h.scalar_count, 1);
		}
		harness_free(&h);
	}
}

/* No prefix of a good one is one. */
static void
test_every_prefix(void **state)
{
	static const char text[] = "{\"metadata\":{\"total_size\":8},"
	    "\"weight_map\":{\"a\":\"b\",\"c\":\"d\"},\"e\":[1,2]}";
	struct harness h;

	(void)state;
	for (size_t length = 1; length < sizeof(text) - 1; length++) {
		assert_false(harness_run(text, length, 0, &h));
		assert_int_not_equal(h.fault_code, FAULT_INTERNAL);
		assert_true(h.fault_where <= length);
		harness_free(&h);
	}
	assert_true(harness_run(text, sizeof(text) - 1, 0, &h));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_is_far),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
