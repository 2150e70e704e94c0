/* SPDX-License-Identifier: Apache-2.0
 *
 * test_keys.c - which keys of a dict are one key, as Python has it: numbers by
 * value, tuples by their parts; the later value wins in the earlier place.
 */
#include "pickle/walk_help.h"

#define F(bytes) "G" bytes
#define ONE "K\001"
#define TWO "K\002"
#define BIG "\212\011\0\0\0\0\0\0\0\0\001"		/* 2^64 */
#define BIG_LONGER "\212\012\0\0\0\0\0\0\0\0\001\0"
#define LOW "\212\011\0\0\0\0\0\0\0\0\377"		/* -2^64 */
#define LOW_LONGER "\212\013\0\0\0\0\0\0\0\0\377\377\377"
#define NESTED(inner) "(((((" inner "ttttt"
#define EIGHT "K\1K\2K\3K\4K\5K\6K\7K\10"
#define PAIRS "](](" S("\001", "a") "K\1e](" S("\001", "b") "K\2ee"
#define ORDERED G("collections", "OrderedDict")

static const struct {
	const char *name;
	const char *bytes;
	size_t length;
	const char *shown;	/* "name=value " for each scalar */
} rows[] = {
	{ "the same object", BYTES_OF("}(" ONE ONE "\206q\0K\5h\0K\6u."),
	    "(1, 1)=6 " },
	{ "the same text", BYTES_OF("}(" S("\001", "k") "q\0K\5h\0K\6u."),
	    "k=6 " },
	{ "floats that are whole", BYTES_OF("}(" F("\100\0\0\0\0\0\0\0")
	    "K\5K\2K\6u."), "2.0=6 " },
	{ "floats that are not", BYTES_OF("}(" F("\77\340\0\0\0\0\0\0") "K\5"
	    F("\77\340\0\0\0\0\0\0") "K\6K\0K\7u."), "0.5=6 0=7 " },
	{ "floats over 2^63", BYTES_OF("}(" F("\103\340\0\0\0\0\0\0") "K\5"
	    F("\103\340\0\0\0\0\0\0") "K\6u."),
	    "9.223372036854776e+18=6 " },
	{ "floats under -2^63", BYTES_OF("}(" F("\303\340\0\0\0\0\0\1") "K\5"
	    F("\303\340\0\0\0\0\0\1") "K\6u."),
	    "-9.223372036854778e+18=6 " },
	{ "no number is itself", BYTES_OF("}(" F("\177\370\0\0\0\0\0\0") "K\5"
	    F("\177\370\0\0\0\0\0\0") "K\6u."), "nan=5 nan=6 " },
	{ "2^64 with a sign byte more", BYTES_OF("}(" BIG "K\5" BIG_LONGER
	    "K\6u."), "?=6 " },
	{ "-2^64 with sign bytes more", BYTES_OF("}(" LOW "K\5" LOW_LONGER
	    "K\6u."), "?=6 " },
	{ "2^64 and -2^64", BYTES_OF("}(" BIG "K\5" LOW "K\6u."),
	    "?=5 ?=6 " },
	{ "a tuple and a longer one", BYTES_OF("}(" ONE "\205K\5" ONE TWO
	    "\206K\6u."), "(1,)=5 (1, 2)=6 " },
	{ "a tuple and its part", BYTES_OF("}(" ONE "\205K\5" ONE "K\6u."),
	    "(1,)=5 1=6 " },
	{ "tuples in tuples", BYTES_OF("}(" ONE TWO "\205\206K\5" ONE TWO
	    "\205\206K\6u."), "(1, (2,))=6 " },
	{ "tuples in tuples that differ", BYTES_OF("}(" ONE TWO "\205\206K\5"
	    ONE TWO "\206K\6u."), "(1, (2,))=5 (1, 2)=6 " },
	{ "tuples of text", BYTES_OF("}(" S("\001", "x") "\205K\5"
	    S("\001", "x") "\205K\6" S("\001", "y") "\205K\7u."),
	    "('x',)=6 ('y',)=7 " },
	{ "an empty tuple", BYTES_OF("}()K\5)K\6u."), "()=6 " },
	{ "texts that differ in the middle", BYTES_OF("}(" S("\003", "abc")
	    "K\5" S("\003", "axc") "K\6" S("\003", "abc") "K\7u."),
	    "abc=7 axc=6 " },
	{ "empty text and empty tuple", BYTES_OF("}(" S("\000", "") "K\5)K\6"
	    S("\000", "") "K\7u."), "value=7 ()=6 " },
	{ "tuples that differ in the middle", BYTES_OF("}(" ONE TWO ONE
	    "\207K\5" ONE ONE ONE "\207K\6u."), "(1, 2, 1)=5 (1, 1, 1)=6 " },
	{ "text and bytes", BYTES_OF("\200\003}(C\001aK\5" S("\001", "a")
	    "K\6u."), "a=5 a=6 " },
	{ "pairs in a list", BYTES_OF(ORDERED PAIRS "\205R."), "a=1 b=2 " },
	{ "pairs in a list, then items", BYTES_OF(ORDERED PAIRS "\205R("
	    S("\001", "b") "K\5" S("\001", "c") "K\6u."), "a=1 b=5 c=6 " },
	{ "pairs that are tuples", BYTES_OF(ORDERED "](" S("\001", "a")
	    "K\1\206" S("\001", "a") "K\2\206e\205R."), "a=2 " },
	{ "pairs of three: Python fails", BYTES_OF(ORDERED "](" S("\001", "a")
	    "K\1K\2\207e\205R."), "" },
	{ "a dict, and what was set later", BYTES_OF(ORDERED "}("
	    S("\001", "a") "K\1" S("\001", "b") "K\2u\205R(" S("\001", "a")
	    "K\3u."), "a=3 b=2 " },
	{ "pairs, as __new__ ignores them", BYTES_OF(
	    "ccollections\nOrderedDict\n](" S("\001", "a") "K\1\206e\205\201"
	    S("\001", "b") "K\2s."), "b=2 " },
	{ "a dict, as __new__ ignores it", BYTES_OF("cbuiltins\ndict\n}("
	    S("\001", "a") "K\1u\205\201" S("\001", "b") "K\2s."), "b=2 " },
	{ "a list, as __new__ ignores it", BYTES_OF("cbuiltins\nlist\n]("
	    "K\1K\2e\205\201K\3a."), "0=3 " },
	{ "a tuple, which __new__ fills", BYTES_OF("cbuiltins\ntuple\n]("
	    "K\1K\2e\205\201."), "0=1 1=2 " },
	{ "the keys of a dict", BYTES_OF("cbuiltins\nlist\n}("
	    S("\001", "a") "K\1u\205R."), "" },
	{ "a deque that holds all", BYTES_OF("ccollections\ndeque\n](K\1K\2e"
	    "K\2\206R."), "0=1 1=2 " },
	{ "a deque that holds the last", BYTES_OF("ccollections\ndeque\n]("
	    "K\1K\2eK\1\206R."), "" },
	{ "a list, and what was appended", BYTES_OF("cbuiltins\nlist\n]K\1a"
	    "\205RK\2a."), "" },
	{ "object.__new__ ignores it", BYTES_OF("ccopyreg\n_reconstructor\n"
	    "cbuiltins\nlist\ncbuiltins\nobject\n]K\1a\207R."), "" },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct harness h;
		char shown[512] = "";
		size_t used = 0;

		if (!help_walk(rows[i].bytes, rows[i].length, GO_SCALARS, &h))
			fail_msg("%s: %s", rows[i].name, h.job.fault.text);
		for (size_t k = 0; k < h.scalar_count; k++)
			used += (size_t)snprintf(shown + used,
			    sizeof(shown) - used, "%s=%d ",
			    h.scalars[k].name, (int)h.scalars[k].i);
		if (strcmp(shown, rows[i].shown) != 0)
			fail_msg("%s: '%s', not '%s'", rows[i].name, shown,
			    rows[i].shown);
		harness_free(&h);
	}
}

/* A tuple of more than 32 parts is equal to itself alone. */
static void
test_long_tuples(void **state)
{
	static const char parts31[] = "}((" EIGHT EIGHT EIGHT
	    "K\1K\2K\3K\4K\5K\6K\7tK\5(" EIGHT EIGHT EIGHT
	    "K\1K\2K\3K\4K\5K\6K\7tK\6u.";
	static const char parts32[] = "}((" EIGHT EIGHT EIGHT EIGHT "tK\5("
	    EIGHT EIGHT EIGHT EIGHT "tK\6u.";
	struct harness h;

	(void)state;
	assert_true(help_walk(BYTES_OF(parts31), GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 1);
	assert_int_equal(h.scalars[0].i, 6);
	harness_free(&h);
	assert_true(help_walk(BYTES_OF(parts32), GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 2);
	harness_free(&h);
}

/* One long key in very many dicts is work that a small file must not make:
 * 8 times the file and 16 MiB are allowed. */
static void
test_long_key(void **state)
{
	const uint32_t key = 100000;
	const uint32_t dicts = 12000;
	uint8_t *bytes = malloc(key + 16 + (size_t)dicts * 8);
	struct harness h;
	size_t used = 0;

	(void)state;
	assert_non_null(bytes);
	bytes[used++] = 'X';
	memcpy(bytes + used, &key, 4);
	used += 4;
	memset(bytes + used, 'k', key);
	used += key;
	memcpy(bytes + used, "q\0000](", 5);
	used += 5;
	for (uint32_t i = 0; i < dicts; i++) {
		memcpy(bytes + used, "}h\0Ns", 5);
		used += 5;
	}
	memcpy(bytes + used, "e.", 2);
	used += 2;
	assert_false(help_walk(bytes, used, 0, &h));
	assert_int_equal(h.job.fault.code, FAULT_LIMIT);
	assert_non_null(strstr(h.job.fault.text, "long dict keys"));
	assert_true(h.job.fault.where > key);
	harness_free(&h);
	free(bytes);
}

/* More than 64 classes: each is named once. */
static void
test_many_classes(void **state)
{
	char bytes[16384];
	struct harness h;
	size_t used = 0;

	(void)state;
	bytes[used++] = '(';
	for (int twice = 0; twice < 2; twice++)
		for (int i = 0; i < 300; i++)
			used += (size_t)snprintf(bytes + used,
			    sizeof(bytes) - used, "cm\nC%d\n)R", i);
	bytes[used++] = 't';
	bytes[used++] = '.';
	assert_true(help_walk(bytes, used, 0, &h));
	assert_int_equal(h.note_count, 300);
	assert_non_null(harness_note(&h, 0, "m.C299"));
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_long_tuples),
		cmocka_unit_test(test_long_key),
		cmocka_unit_test(test_many_classes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
