/* SPDX-License-Identifier: Apache-2.0
 *
 * test_walk.c - names of tensors, shared nodes, cycles, dict keys, objects.
 */
#include "pickle/walk_help.h"

#include "walk_keys.h"

#define ODICT G("collections", "OrderedDict")
#define MODULE G("torch.nn.modules.linear", "Linear") ")\201"
#define PARAMETERS S("\013", "_parameters")
#define MODULES S("\010", "_modules")

static const struct help_good walks[] = {
	{ "a tensor alone", BYTES_OF(T "."), "tensor[2]", NULL },
	{ "a dict", BYTES_OF("}(" ENTRY("a", T) ENTRY("b", U) "u."),
	    "a[2] b[3]", NULL },
	{ "a list in a dict", BYTES_OF("}" ENTRY("a", "](" T U "e") "s."),
	    "a.0[2] a.1[3]", NULL },
	{ "a tuple in a tuple", BYTES_OF(T U "\206\205."),
	    "0.0[2] 0.1[3]", NULL },
	{ "an OrderedDict", BYTES_OF(ODICT ")R(" ENTRY("a", T) "u."), "a[2]",
	    NULL },
	{ "an OrderedDict of pairs", BYTES_OF(ODICT "](](" ENTRY("a", T) "e"
	    "](" ENTRY("b", T) "e](" ENTRY("a", U) "ee\205R."), "a[3] b[2]",
	    NULL },
	{ "plain leaves are passed over", BYTES_OF("}(" ENTRY("a", "K\005")
	    ENTRY("b", T) ENTRY("c", "N") "u."), "b[2]", NULL },
	/* One node under two paths. */
	{ "an alias", BYTES_OF("}(" ENTRY("a", T "q\000") ENTRY("b", "h\000")
	    "u."), "a[2] =b", NULL },
	{ "a shared dict", BYTES_OF("}(" ENTRY("a", "}" ENTRY("w", T) "sq\000")
	    ENTRY("b", "h\000") "u."), "a.w[2] =b.w", NULL },
	{ "a shared dict without tensors", BYTES_OF("}(" ENTRY("a",
	    "}" ENTRY("w", "N") "sq\000") ENTRY("b", "h\000") ENTRY("c", T)
	    "u."), "c[2]", NULL },
	{ "two nodes on one storage", BYTES_OF("}(" ENTRY("a", T) ENTRY("b", T)
	    "u."), "a[2] b[2]", NULL },
	{ "a dict in itself", BYTES_OF("}q\000(" ENTRY("a", T)
	    ENTRY("b", "h\000") "u."), "a[2]", NULL },
	{ "a list in itself", BYTES_OF("]q\000(h\000" T "h\000e."), "1[2]",
	    NULL },
	/* Keys. */
	{ "a key set twice", BYTES_OF("}(" ENTRY("a", T) ENTRY("b", T)
	    ENTRY("a", U) "u."), "a[3] b[2]", NULL },
	{ "1 is 1.0", BYTES_OF("}(K\001" T "G\077\360\0\0\0\0\0\0" U "u."),
	    "1[3]", NULL },
	{ "1 is True", BYTES_OF("}(K\001" T "\210" U "u."), "1[3]", NULL },
	{ "1 is not '1'", BYTES_OF("}(K\001" T ENTRY("1", U) "u."),
	    "1[2] 1~2[3]", "renamed" },
	{ "equal tuples", BYTES_OF("}(K\001K\002\206" T "K\001K\002\206" U
	    "u."), "(1, 2)[3]", NULL },
	{ "tuples that differ", BYTES_OF("}(K\001\205" T "K\002\205" U "u."),
	    "(1,)[2] (2,)[3]", NULL },
	{ "None", BYTES_OF("}(N" T "u."), "None[2]", NULL },
	{ "a lone surrogate", BYTES_OF("}(" S("\003", "\355\240\200") T "u."),
	    "\357\277\275[2]", NULL },
	{ "bytes", BYTES_OF("\200\003}(C\002ab" T "u."), "ab[2]", NULL },
	{ "bytes that are no text", BYTES_OF("\200\003}(C\001\377" T "u."),
	    "?[2]", NULL },
	/* Objects. */
	{ "a module", BYTES_OF(MODULE "}(" PARAMETERS "}" ENTRY("w", T) "s"
	    MODULES "}" ENTRY("m", MODULE "}" PARAMETERS "}" ENTRY("w", U)
	    "ssb") "su" "b."), "w[2] m.w[3]", "torch.nn.modules.linear.Linear" },
	{ "a wrapper's name elsewhere is a name", BYTES_OF("}" PARAMETERS "}"
	    ENTRY("w", T) "ss."), "_parameters.w[2]", NULL },
	{ "attributes", BYTES_OF(G("m", "C") ")\201}" ENTRY("a", T) "sb."),
	    "a[2]", "m.C at the root" },
	{ "slots", BYTES_OF(G("m", "C") ")\201N}" ENTRY("a", T) "s\206b."),
	    "a[2]", "m.C" },
	{ "two states", BYTES_OF(G("m", "C") ")\201}" ENTRY("a", T) "sb}"
	    ENTRY("b", U) "sb."), "b[3]", "a later one replaced" },
	{ "arguments", BYTES_OF(G("m", "C") "K\005" T "\206R."), "1[2]",
	    "m.C" },
	{ "a set", BYTES_OF(G("__builtin__", "set") "](" T "e\205R."), "0[2]",
	    NULL },
	{ "a namespace", BYTES_OF(G("argparse", "Namespace") ")R}"
	    ENTRY("a", T) "sb."), "a[2]", "argparse.Namespace" },
	{ "a reconstructed object", BYTES_OF(G("copy_reg", "_reconstructor")
	    G("m", "C") G("__builtin__", "object") "N\207R}" ENTRY("a", T)
	    "sb."), "a[2]", "m.C" },
	{ "a defaultdict", BYTES_OF(G("collections", "defaultdict")
	    G("__builtin__", "list") "\205R" ENTRY("a", T) "s."), "a[2]",
	    NULL },
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++)
		help_expect_good(&walks[i]);
}

static void
test_path_kinds(void **state)
{
	static const char bytes[] = MODULE "}(" PARAMETERS "}" ENTRY("w", T)
	    "s" ENTRY("x", "](" T "e") "ub.";
	struct harness h;

	(void)state;
	assert_true(help_walk(BYTES_OF(bytes), 0, &h));
	assert_int_equal(h.tensor_count, 2);
	assert_int_equal(h.tensors[0].path_count, 1);
	assert_int_equal(h.tensors[0].path_kinds[0], PATH_KEY);
	assert_int_equal(h.tensors[1].path_count, 2);
	assert_int_equal(h.tensors[1].path_kinds[0], PATH_ATTR);
	assert_int_equal(h.tensors[1].path_kinds[1], PATH_INDEX);
	harness_free(&h);
}

/* 2^40 paths to one tensor: all end, some are aliases, one note. */
static void
test_billion_laughs(void **state)
{
	char bytes[1024];
	size_t used = 0;
	struct harness h;

	(void)state;
	memcpy(bytes, BYTES_OF(T "q\000"));
	used = sizeof(T "q\000") - 1;
	for (uint8_t i = 1; i <= 40; i++) {
		const uint8_t level[] = { '0', '(', 'h', i - 1, 'h', i - 1,
			'l', 'q', i };

		memcpy(bytes + used, level, sizeof(level));
		used += sizeof(level);
	}
	bytes[used++] = '.';
	assert_true(help_walk(bytes, used, 0, &h));
	assert_int_equal(h.tensor_count, 1);
	assert_in_range(h.alias_count, 1, 10000);
	assert_non_null(harness_note(&h, NOTE_NAMES, "more paths"));
	assert_int_equal(h.note_count, 1);
	harness_free(&h);
}

/* A list of 500 items reached 500 times: its items count, not only it. */
static void
test_shared_work(void **state)
{
	char bytes[4096] = "](" T;
	size_t used = sizeof("](" T) - 1;
	struct harness h;

	(void)state;
	memset(bytes + used, 'N', 500);
	used += 500;
	memcpy(bytes + used, BYTES_OF("eq\000"));
	used += 3;
	bytes[used++] = '(';
	for (int i = 0; i < 500; i++) {
		bytes[used++] = 'h';
		bytes[used++] = 0;
	}
	bytes[used++] = 't';
	bytes[used++] = '.';
	assert_true(help_walk(bytes, used, 0, &h));
	assert_int_equal(h.tensor_count, 1);
	assert_in_range(h.alias_count, 1, 4);
	assert_non_null(harness_note(&h, NOTE_NAMES, "more paths"));
	harness_free(&h);
}

static void
test_nesting_limit(void **state)
{
	char bytes[256];
	struct limits limits = harness_limits();
	struct harness h;

	(void)state;
	/* Lists 20 deep; the innermost holds None. */
	memset(bytes, ']', 20);
	bytes[20] = 'N';
	memset(bytes + 21, 'a', 20);
	bytes[41] = '.';
	limits.nesting = 20;
	assert_true(help_walk_limits(bytes, 42, 0, &limits, &h));
	harness_free(&h);
	limits.nesting = 19;
	assert_false(help_walk_limits(bytes, 42, 0, &limits, &h));
	assert_int_equal(h.job.fault.code, FAULT_LIMIT);
	assert_int_equal(h.job.fault.where, 19);
	harness_free(&h);
}

static void
test_scalars(void **state)
{
	static const char bytes[] = "}(" ENTRY("a", "K\005") ENTRY("b", "\210")
	    ENTRY("c", "N") ENTRY("d", "G\077\340\0\0\0\0\0\0")
	    ENTRY("e", S("\002", "hi")) ENTRY("f", "](K\007e") "u.";
	struct harness h;

	(void)state;
	assert_true(help_walk(BYTES_OF(bytes), GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 6);
	assert_int_equal(h.scalars[0].kind, SCALAR_INT);
	assert_int_equal(h.scalars[0].i, 5);
	assert_int_equal(h.scalars[1].kind, SCALAR_BOOL);
	assert_int_equal(h.scalars[1].i, 1);
	assert_int_equal(h.scalars[2].kind, SCALAR_NULL);
	assert_true(h.scalars[3].f == 0.5);
	assert_int_equal(h.scalars[4].kind, SCALAR_TEXT);
	assert_memory_equal(h.scalars[4].data, "hi", 2);
	assert_string_equal(h.scalars[5].name, "f.0");
	harness_free(&h);
	assert_true(help_walk(BYTES_OF(bytes), 0, &h));
	assert_int_equal(h.scalar_count, 0);
	harness_free(&h);
}

/* memo 0 is `first`, and each further one a list of the one before, twice. */
static size_t
put_doubled(char *bytes, const char *first, size_t length, uint8_t levels)
{
	size_t used = length;

	memcpy(bytes, first, length);
	memcpy(bytes + used, "q\000", 2);
	used += 2;
	for (uint8_t i = 1; i <= levels; i++) {
		const uint8_t level[] = { '0', '(', 'h', i - 1, 'h', i - 1,
			'l', 'q', i };

		memcpy(bytes + used, level, sizeof(level));
		used += sizeof(level);
	}
	bytes[used++] = '.';
	return used;
}

/* What is said without scalars is said with them: tensors, aliases, and the
 * notes, but those of level clean. */
static void
expect_same_verdict(const char *name, const char *bytes, size_t length,
    const struct limits *limits)
{
	struct harness with;
	struct harness without;
	char shown[2][4096];
	size_t clean = 0;

	assert_true(help_walk_limits(bytes, length, 0, limits, &without));
	assert_true(help_walk_limits(bytes, length, GO_SCALARS, limits,
	    &with));
	help_show(&without, shown[0], sizeof(shown[0]));
	help_show(&with, shown[1], sizeof(shown[1]));
	if (strcmp(shown[0], shown[1]) != 0)
		fail_msg("%s: '%s', with scalars '%s'", name, shown[0],
		    shown[1]);
	assert_in_range(with.scalar_count, 1, 5000);
	for (size_t i = 0; i < with.note_count; i++)
		clean += with.notes[i].level == VERDICT_CLEAN;
	if (with.note_count - clean != without.note_count)
		fail_msg("%s: %d notes, with scalars %d", name,
		    (int)without.note_count, (int)with.note_count);
	harness_free(&without);
	harness_free(&with);
}

/* Shared plain values have an account of their own, and end nothing. */
static void
test_scalars_change_nothing(void **state)
{
	/* memo 0, a list of 1, is found at depth 2 first, then at 4. */
	static const char deeper[] = "((K\001lq\000((h\000lll.";
	/* memo 0 has a tensor, and memo 1, which has memo 0 and a number. */
	static const char circle[] = "(]q\000(]q\001(h\000K\001e" T "eh\001l.";
	struct limits limits = harness_limits();
	char bytes[1024];

	(void)state;
	expect_same_verdict("billion laughs", bytes,
	    put_doubled(bytes, BYTES_OF("(K\001K\002l"), 40), NULL);
	expect_same_verdict("with a tensor", bytes,
	    put_doubled(bytes, BYTES_OF("((K\001lq\377(h\377h\377l" T "l"), 6),
	    NULL);
	expect_same_verdict("with a tensor, and more than is followed", bytes,
	    put_doubled(bytes, BYTES_OF("((K\001lq\377(h\377h\377l" T "l"), 40),
	    NULL);
	expect_same_verdict("a circle", BYTES_OF(circle), NULL);
	limits.nesting = 3;
	expect_same_verdict("deeper", BYTES_OF(deeper), &limits);
}

static void
check_float(struct graph *g, double f, const char *want)
{
	vref v = graph_add(g, VALUE_FLOAT, 0);
	char scratch[KEY_TEXT_MAX];
	const uint8_t *at;
	uint32_t len;

	graph_at(g, v)->as.f = f;
	keys_text(g, v, scratch, &at, &len);
	if (len != strlen(want) || memcmp(at, want, len) != 0)
		fail_msg("%s: '%.*s'", want, (int)len, (const char *)at);
}

/* As Python's repr() has them. */
static void
test_float_keys(void **state)
{
	struct harness h;
	struct job *job = harness_job("", 0, 0, &h);
	struct graph g;

	(void)state;
	if (setjmp(job->stop) != 0)
		fail();
	graph_init(&g, job);
	check_float(&g, 0.0, "0.0");
	check_float(&g, -0.0, "-0.0");
	check_float(&g, 1.0, "1.0");
	check_float(&g, -2.5, "-2.5");
	check_float(&g, 0.1, "0.1");
	check_float(&g, 0.3, "0.3");
	check_float(&g, 0.1 + 0.2, "0.30000000000000004");
	check_float(&g, 100.0, "100.0");
	check_float(&g, 123456.789, "123456.789");
	check_float(&g, 0.0001, "0.0001");
	check_float(&g, 0.00001, "1e-05");
	check_float(&g, 1e-7, "1e-07");
	check_float(&g, 1.5e-10, "1.5e-10");
	check_float(&g, 9999999999999998.0, "9999999999999998.0");
	check_float(&g, 1e16, "1e+16");
	check_float(&g, 1e22, "1e+22");
	check_float(&g, 1.7976931348623157e308, "1.7976931348623157e+308");
	check_float(&g, 5e-324, "5e-324");
	check_float(&g, __builtin_inf(), "inf");
	check_float(&g, -__builtin_inf(), "-inf");
	check_float(&g, __builtin_nan(""), "nan");
	harness_free(&h);
}

/* Enough pairs for the table: each key twice, 1 and 1.0 and so on. */
static void
test_large_dict(void **state)
{
	uint8_t bytes[4096];
	size_t used = 0;
	struct harness h;

	(void)state;
	bytes[used++] = '}';
	bytes[used++] = '(';
	for (int round = 0; round < 2; round++) {
		for (uint8_t i = 1; i <= 100; i++) {
			double f = i;
			uint8_t big[8];

			if (round == 0) {
				bytes[used++] = 'K';
				bytes[used++] = i;
			} else {
				memcpy(big, &f, 8);
				bytes[used++] = 'G';
				for (int k = 7; k >= 0; k--)
					bytes[used++] = big[k];
			}
			bytes[used++] = 'K';
			bytes[used++] = (uint8_t)(round * 100 + i);
		}
	}
	bytes[used++] = 'u';
	bytes[used++] = '.';
	assert_true(help_walk(bytes, used, GO_SCALARS, &h));
	assert_int_equal(h.scalar_count, 100);
	assert_string_equal(h.scalars[4].name, "5");
	assert_int_equal(h.scalars[4].i, 105);
	harness_free(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_path_kinds),
		cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_shared_work),
		cmocka_unit_test(test_nesting_limit),
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_scalars_change_nothing),
		cmocka_unit_test(test_float_keys),
		cmocka_unit_test(test_large_dict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
