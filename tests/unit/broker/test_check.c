/* SPDX-License-Identifier: Apache-2.0
 *
 * test_check.c - each rule that stands between the worker and the caller, with
 * the last value that passes and the first that does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define INPUT UINT64_C(1000)
#define B(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct rules rules = {
	.limits = { .tensors = 4, .streamed_bytes = 1000, .notes = 3,
	    .names_bytes = 20000, .contiguous_bytes = 10000 },
	.required_layers = PFORK_LAYERS_REQUIRED,
	.input_size = INPUT,
};

static void
expect(const char *name, struct finding f, enum pfork_code code)
{
	if (f.code != code)
		fail_msg("%s: %s, not %s (%s)", name, pfork_code_name(f.code),
		    pfork_code_name(code), f.text != NULL ? f.text : "");
	assert_true((f.code == PFORK_OK) == (f.text == NULL));
}

/* The totals must not move unless the finding is OK. */
static void
unmoved(const char *name, const struct totals *now, const struct totals *then)
{
	if (memcmp(now, then, sizeof(*now)) != 0)
		fail_msg("%s: the totals changed", name);
}

static void
test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool good;
	} rows[] = {
		{ "", 0, true },
		{ "a\0b", 3, true },
		{ "\x7f", 1, true },
		{ "\x80", 1, false },
		{ "\xbf", 1, false },
		{ "\xc0\x80", 2, false },
		{ "\xc1\xbf", 2, false },
		{ "\xc2\x80", 2, true },
		{ "\xc2", 1, false },
		{ "\xc2\x7f", 2, false },
		{ "\xc2\xc0", 2, false },
		{ "\xdf\xbf", 2, true },
		{ "\xe0\x9f\xbf", 3, false },
		{ "\xe0\xa0\x80", 3, true },
		{ "\xe0\xa0", 2, false },
		{ "\xe0\xa0\x7f", 3, false },
		{ "\xe0\xa0\xc0", 3, false },
		{ "\xed\x9f\xbf", 3, true },
		{ "\xed\xa0\x80", 3, false },
		{ "\xed\xbf\xbf", 3, false },
		{ "\xee\x80\x80", 3, true },
		{ "\xef\xbf\xbf", 3, true },
		{ "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xf0\x90\x80\x80", 4, true },
		{ "\xf0\x90\x80", 3, false },
		{ "\xf0\x90\x80\x7f", 4, false },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xf5\x80\x80\x80", 4, false },
		{ "\xff", 1, false },
		{ "ok\xc2\xa9" "end", 7, true },
		{ "ok\xc2\xa9\xc2", 5, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (check_utf8((const uint8_t *)rows[i].bytes,
		    rows[i].length) != rows[i].good)
			fail_msg("row %zu", i);
}

/* Eight bytes are looked at at once: each place of a word, each length, and
 * behind them a page that cannot be read. */
static void
test_utf8_words(void **state)
{
	const size_t page = 4096;
	const size_t longest = 26;
	uint8_t *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_NONE), 0);
	for (size_t length = 0; length <= longest; length++) {
		at = map + page - length;
		memset(at, 'a', length);
		assert_true(check_utf8(at, length));
		for (size_t i = 0; i < length; i++) {
			at[i] = 0x80;
			assert_false(check_utf8(at, length));
			at[i] = 0x7f;
			assert_true(check_utf8(at, length));
			/* A sequence of two and one of four, cut at the end. */
			at[i] = 0xdf;
			if (i + 1 < length)
				at[i + 1] = 0xbf;
			assert_true(check_utf8(at, length) ==
			    (i + 1 < length));
			at[i] = 0xf1;
			for (size_t j = i + 1; j < length && j < i + 4; j++)
				at[j] = 0x80;
			assert_true(check_utf8(at, length) ==
			    (i + 3 < length));
			memset(at, 'a', length);
		}
	}
	munmap(map, 2 * page);
}

static void
test_name(void **state)
{
	static uint8_t longest[TENSOR_NAME_MAX + 1];
	struct wire_bytes name = { longest, TENSOR_NAME_MAX };

	(void)state;
	memset(longest, 'n', sizeof(longest));
	expect("longest", check_name(name), PFORK_OK);
	name.len++;
	expect("longer", check_name(name), PFORK_E_PROTOCOL);
	name.len = 0;
	expect("empty", check_name(name), PFORK_E_PROTOCOL);
	expect("nul", check_name((struct wire_bytes)B("a\0")),
	    PFORK_E_PROTOCOL);
	expect("bytes", check_name((struct wire_bytes)B("a\xff")),
	    PFORK_E_PROTOCOL);
	expect("ansi", check_name((struct wire_bytes)B("\x1b[m../")), PFORK_OK);
}

static void
test_path(void **state)
{
	static uint8_t longest[TENSOR_NAME_MAX + 1];
	static uint8_t kinds[PATH_PARTS_MAX + 1];
	static struct wire_bytes many[PATH_PARTS_MAX + 1];
	static const struct {
		const char *name;
		struct wire_bytes part;
		uint8_t kind;
		enum pfork_code code;
	} rows[] = {
		{ "key", B("k"), PATH_KEY, PFORK_OK },
		{ "empty key", B(""), PATH_KEY, PFORK_OK },
		{ "nul in a key", B("\0"), PATH_KEY, PFORK_OK },
		{ "attr", B("a"), PATH_ATTR, PFORK_OK },
		{ "index", B("1234567890"), PATH_INDEX, PFORK_OK },
		{ "index 0", B("0"), PATH_INDEX, PFORK_OK },
		{ "20 digits", B("18446744073709551615"), PATH_INDEX,
		    PFORK_OK },
		/* No number in JSON: one such would spoil a whole report. */
		{ "zeros", B("00"), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "zero first", B("07"), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "21 digits", B("184467440737095516150"), PATH_INDEX,
		    PFORK_E_PROTOCOL },
		{ "kind 0", B("k"), 0, PFORK_E_PROTOCOL },
		{ "kind 4", B("k"), 4, PFORK_E_PROTOCOL },
		{ "bytes", B("\x80"), PATH_KEY, PFORK_E_PROTOCOL },
		{ "empty index", B(""), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "slash", B("/"), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "colon", B(":"), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "sign", B("-1"), PATH_INDEX, PFORK_E_PROTOCOL },
		{ "too long", { longest, TENSOR_NAME_MAX + 1 }, PATH_KEY,
		    PFORK_E_PROTOCOL },
		{ "longest", { longest, TENSOR_NAME_MAX }, PATH_KEY, PFORK_OK },
	};
	struct wire_tensor m = { .path_count = 1 };

	(void)state;
	memset(longest, 'p', sizeof(longest));
	memset(kinds, PATH_KEY, sizeof(kinds));
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.path = &rows[i].part;
		m.path_kinds = (struct wire_bytes){ &rows[i].kind, 1 };
		expect(rows[i].name, check_path(&m), rows[i].code);
	}
	m.path_kinds.len = 2;
	expect("two kinds", check_path(&m), PFORK_E_PROTOCOL);
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct wire_bytes)B("x");
	m.path = many;
	m.path_count = 3;
	m.path_kinds = (struct wire_bytes){ kinds, 3 };
	for (size_t i = 0; i < 3; i++) {
		many[i] = (struct wire_bytes)B("\xff");
		expect("one of three", check_path(&m), PFORK_E_PROTOCOL);
		many[i] = (struct wire_bytes)B("x");
	}
	m.path_count = PATH_PARTS_MAX;
	m.path_kinds = (struct wire_bytes){ kinds, PATH_PARTS_MAX };
	expect("512 parts", check_path(&m), PFORK_OK);
	m.path_count = m.path_kinds.len = PATH_PARTS_MAX + 1;
	expect("513 parts", check_path(&m), PFORK_E_PROTOCOL);
}

static void
test_hello(void **state)
{
	static uint32_t layers[WIRE_LAYERS_MAX + 1];
	static uint32_t all[WIRE_LAYERS_MAX];
	static const uint32_t eight[] = { 8 };
	static const uint32_t two[] = { 8, 8 };
	static const uint32_t big[] = { 64, 84, UINT32_MAX };
	static const uint32_t reason[] = { 1 };
	struct wire_hello m = { .version = WIRE_VERSION, .layers = layers,
		.layer_count = 7 };
	struct wire_hello bad;

	(void)state;
	for (uint32_t i = 0; i < 7; i++)
		layers[i] = i;
	expect("the required ones", check_hello(&rules, &m), PFORK_OK);
	m.missing = eight;
	m.reasons = reason;
	m.missing_count = m.reason_count = 1;
	expect("one missing", check_hello(&rules, &m), PFORK_OK);
	for (uint32_t i = 0; i < 7; i++) {
		layers[i] = 9;
		expect("without one", check_hello(&rules, &m), PFORK_E_SANDBOX);
		layers[i] = i;
	}
	layers[7] = 6;
	bad = m;
	bad.layer_count = 8;
	expect("had twice", check_hello(&rules, &bad), PFORK_E_PROTOCOL);
	bad = m;
	bad.missing = bad.reasons = two;
	bad.missing_count = bad.reason_count = 2;
	expect("missing twice", check_hello(&rules, &bad), PFORK_E_PROTOCOL);
	for (uint32_t i = 0; i < WIRE_LAYERS_MAX; i++)
		all[i] = i;
	bad = m;
	bad.layers = all;
	bad.layer_count = WIRE_LAYERS_MAX;
	bad.missing_count = bad.reason_count = 0;
	expect("64 layers", check_hello(&rules, &bad), PFORK_OK);
	bad = m;
	bad.layer_count = 6;
	expect("without the last", check_hello(&rules, &bad), PFORK_E_SANDBOX);
	bad = m;
	bad.version = 0;
	expect("version 0", check_hello(&rules, &bad), PFORK_E_SANDBOX);
	bad = m;
	bad.reason_count = 0;
	expect("no reason", check_hello(&rules, &bad), PFORK_E_PROTOCOL);
	for (size_t i = 0; i < COUNT(big); i++) {
		bad = m;
		bad.missing = &big[i];
		expect("missing 64", check_hello(&rules, &bad),
		    PFORK_E_PROTOCOL);
		bad.layers++;
		bad.layer_count--;
		expect("0 is not there, 64 missing", check_hello(&rules, &bad),
		    PFORK_E_PROTOCOL);
	}
	bad = m;
	bad.layer_count = WIRE_LAYERS_MAX + 1;
	expect("65 layers", check_hello(&rules, &bad), PFORK_E_PROTOCOL);
	layers[0] = 8;
	expect("both", check_hello(&rules, &m), PFORK_E_PROTOCOL);
	layers[0] = 0;
	assert_int_equal(check_layer_bits(layers, 7), 0x7f);
	assert_int_equal(check_layer_bits(NULL, 0), 0);
}

static void
test_format(void **state)
{
	static const struct {
		struct wire_bytes name;
		enum pfork_code code;
	} rows[] = {
		{ B("torch-zip"), PFORK_OK },
		{ B("az09-"), PFORK_OK },
		{ B("12345678901234567890123456789012"), PFORK_OK },
		{ B("123456789012345678901234567890123"), PFORK_E_PROTOCOL },
		{ B(""), PFORK_E_PROTOCOL },
		{ B("A"), PFORK_E_PROTOCOL },
		{ B("`"), PFORK_E_PROTOCOL },
		{ B("{"), PFORK_E_PROTOCOL },
		{ B("/"), PFORK_E_PROTOCOL },
		{ B(":"), PFORK_E_PROTOCOL },
		{ B("a b"), PFORK_E_PROTOCOL },
		{ B("a\0"), PFORK_E_PROTOCOL },
	};
	struct wire_format m;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.name = rows[i].name;
		expect("format", check_format(&m), rows[i].code);
	}
}

static void
test_storage(void **state)
{
	static const struct {
		const char *name;
		struct wire_storage m;
		enum pfork_code code;
	} rows[] = {
		{ "all", { 1, 1, INPUT, 0 }, PFORK_OK },
		{ "none, at the end", { 1, 1, 0, INPUT }, PFORK_OK },
		{ "one over", { 1, 1, INPUT + 1, 0 }, PFORK_E_PROTOCOL },
		{ "one past", { 1, 1, INPUT, 1 }, PFORK_E_PROTOCOL },
		{ "starts past", { 1, 1, 0, INPUT + 1 }, PFORK_E_PROTOCOL },
		{ "wraps", { 1, 1, UINT64_MAX, 500 }, PFORK_E_PROTOCOL },
		{ "wraps to 0", { 1, 1, UINT64_MAX - 499, 500 },
		    PFORK_E_PROTOCOL },
		{ "nowhere", { 1, 1, 0, WIRE_NO_OFFSET }, PFORK_E_PROTOCOL },
		{ "id 0", { 0, 1, 1, 0 }, PFORK_E_PROTOCOL },
		{ "id 2", { 2, 1, 1, 0 }, PFORK_E_PROTOCOL },
		{ "kind 0", { 1, 0, 1, 0 }, PFORK_E_PROTOCOL },
		{ "kind 4", { 1, 4, 1, 0 }, PFORK_E_PROTOCOL },
		{ "elsewhere, not asked for", { 1, 3, 1, WIRE_NO_OFFSET },
		    PFORK_E_PROTOCOL },
		{ "stream", { 1, 2, 600, WIRE_NO_OFFSET }, PFORK_OK },
		{ "empty stream", { 1, 2, 0, WIRE_NO_OFFSET }, PFORK_OK },
		{ "stream over", { 1, 2, 601, WIRE_NO_OFFSET },
		    PFORK_E_LIMIT },
		{ "stream wraps", { 1, 2, UINT64_MAX, WIRE_NO_OFFSET },
		    PFORK_E_LIMIT },
		{ "stream at 0", { 1, 2, 1, 0 }, PFORK_E_PROTOCOL },
	};
	const struct totals before = { .storages = 1, .streamed = 400 };
	struct rules stream = rules;
	struct totals t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		t = before;
		expect(rows[i].name, check_storage(&rules, &t, &rows[i].m),
		    rows[i].code);
		if (rows[i].code != PFORK_OK)
			unmoved(rows[i].name, &t, &before);
		else
			assert_int_equal(t.storages, 2);
	}
	t = before;
	assert_int_equal(check_storage(&rules, &t, &rows[13].m).code, PFORK_OK);
	assert_int_equal(t.streamed, 1000);
	t = before;
	stream.deliver_stream = true;
	expect("extent, streams asked for",
	    check_storage(&stream, &t, &rows[0].m), PFORK_E_PROTOCOL);
	t.storages = 4;
	expect("too many", check_storage(&rules, &t,
	    &(struct wire_storage){ 4, 1, 1, 0 }), PFORK_E_LIMIT);
}

/* Kind 3 counts as a stream does, where it may be said. */
static void
test_elsewhere(void **state)
{
	static const struct {
		const char *name;
		uint64_t length;
		uint64_t offset;
		enum pfork_code code;
	} rows[] = {
		{ "elsewhere", 600, WIRE_NO_OFFSET, PFORK_OK },
		{ "elsewhere, empty", 0, WIRE_NO_OFFSET, PFORK_OK },
		{ "elsewhere, over", 601, WIRE_NO_OFFSET, PFORK_E_LIMIT },
		{ "elsewhere, wraps", UINT64_MAX, WIRE_NO_OFFSET,
		    PFORK_E_LIMIT },
		{ "elsewhere, at 0", 1, 0, PFORK_E_PROTOCOL },
	};
	const struct totals before = { .storages = 1, .streamed = 400,
		.elsewhere = 3 };
	struct rules shared = rules;
	struct totals t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (uint32_t shares = 0; shares < 4; shares++) {
			struct wire_storage m = { 1, STORAGE_ELSEWHERE,
				rows[i].length, rows[i].offset };
			enum pfork_code code = shares > 1 ? rows[i].code :
			    PFORK_E_PROTOCOL;

			t = before;
			shared.shares = shares;
			expect(rows[i].name, check_storage(&shared, &t, &m),
			    code);
			if (code != PFORK_OK) {
				unmoved(rows[i].name, &t, &before);
				continue;
			}
			assert_int_equal(t.storages, 2);
			assert_int_equal(t.elsewhere, 4);
			assert_int_equal(t.streamed, 400 + rows[i].length);
		}
}

/* ------------------------------------------------------------- tensors -- */

static const uint64_t four[] = { 4 };
static const uint64_t one[] = { 1 };
/* The second one has not been accepted yet. */
static const struct storage hundred[] = { { .length = 100 },
	{ .length = 100 } };

static struct wire_tensor
vector(void)
{
	struct wire_tensor m = { .name = B("t"), .dtype = DTYPE_F32,
		.shape = four, .rank = 1, .strides = one, .stride_count = 1 };

	return m;
}

static struct finding
judge(const struct wire_tensor *m, struct geometry *g)
{
	struct totals t = { .storages = 1 };

	return check_tensor(&rules, &t, hundred, m, g);
}

static void
test_tensor_geometry(void **state)
{
	static const struct {
		const char *name;
		uint32_t dtype;
		uint64_t shape[3];
		uint64_t strides[3];
		size_t rank;
		uint64_t offset;
		enum pfork_code code;
		uint64_t nbytes;
		uint64_t span;
		bool contiguous;
	} rows[] = {
		{ "scalar", DTYPE_F64, { 0 }, { 0 }, 0, 92, PFORK_OK, 8, 8,
		    true },
		{ "scalar past", DTYPE_F64, { 0 }, { 0 }, 0, 93,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "all of it", DTYPE_F32, { 5, 5 }, { 5, 1 }, 2, 0, PFORK_OK,
		    100, 100, true },
		{ "transposed", DTYPE_F32, { 5, 5 }, { 1, 5 }, 2, 0, PFORK_OK,
		    100, 100, false },
		{ "one byte past", DTYPE_F32, { 5, 5 }, { 5, 1 }, 2, 1,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "stride past", DTYPE_F32, { 5, 5 }, { 6, 1 }, 2, 0,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "expanded", DTYPE_U8, { 1000 }, { 0 }, 1, 99, PFORK_OK, 1000,
		    1, false },
		{ "empty", DTYPE_F32, { 0, 7 }, { 7, 1 }, 2, 100, PFORK_OK, 0,
		    0, true },
		{ "empty past", DTYPE_F32, { 0 }, { 1 }, 1, 101,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "offset wraps", DTYPE_F32, { 4 }, { 1 }, 1, UINT64_MAX - 3,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "no dtype", 0, { 4 }, { 1 }, 1, 0, PFORK_E_PROTOCOL, 0, 0,
		    false },
		{ "dtype 99", 99, { 4 }, { 1 }, 1, 0, PFORK_E_PROTOCOL, 0, 0,
		    false },
		{ "odd F4", DTYPE_F4, { 3 }, { 1 }, 1, 98, PFORK_OK, 2, 2,
		    true },
		{ "strided F4", DTYPE_F4, { 3 }, { 2 }, 1, 0,
		    PFORK_E_PROTOCOL, 0, 0, false },
		{ "dimension 2^63", DTYPE_U8, { UINT64_C(1) << 63 }, { 0 }, 1,
		    0, PFORK_E_PROTOCOL, 0, 0, false },
		{ "product wraps", DTYPE_U8, { UINT64_C(1) << 40,
		    UINT64_C(1) << 40 }, { 0, 0 }, 2, 0, PFORK_E_PROTOCOL, 0,
		    0, false },
		{ "bytes wrap", DTYPE_F64, { UINT64_C(1) << 40,
		    UINT64_C(1) << 23 }, { 0, 0 }, 2, 0, PFORK_E_PROTOCOL, 0,
		    0, false },
		{ "stride of -1 on size 1", DTYPE_U8, { 1 }, { UINT64_MAX }, 1,
		    0, PFORK_E_PROTOCOL, 0, 0, false },
		{ "largest stride on size 1", DTYPE_U8, { 1 }, { INT64_MAX },
		    1, 0, PFORK_OK, 1, 1, true },
		{ "strides wrap", DTYPE_U8, { 3 }, { INT64_MAX }, 1, 0,
		    PFORK_E_PROTOCOL, 0, 0, false },
	};
	struct geometry g;
	struct wire_tensor m;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		m = vector();
		m.dtype = rows[i].dtype;
		m.shape = rows[i].shape;
		m.strides = rows[i].strides;
		m.rank = m.stride_count = rows[i].rank;
		m.offset = rows[i].offset;
		memset(&g, 0x77, sizeof(g));
		expect(rows[i].name, judge(&m, &g), rows[i].code);
		if (rows[i].code != PFORK_OK)
			continue;
		assert_int_equal(g.nbytes, rows[i].nbytes);
		assert_int_equal(g.span, rows[i].span);
		assert_int_equal(g.contiguous, rows[i].contiguous);
		assert_int_equal(g.dtype->code, rows[i].dtype);
	}
}

static void
test_tensor_rest(void **state)
{
	static uint64_t ones[RANK_MAX + 1];
	struct wire_tensor m = vector();
	struct geometry g;

	(void)state;
	for (size_t i = 0; i < COUNT(ones); i++)
		ones[i] = 1;
	expect("good", judge(&m, &g), PFORK_OK);
	assert_int_equal(g.elements, 4);
	m.storage = 1;
	expect("storage 1", judge(&m, &g), PFORK_E_PROTOCOL);
	m = vector();
	m.name.len = 0;
	expect("no name", judge(&m, &g), PFORK_E_PROTOCOL);
	m = vector();
	m.path_kinds = m.name;
	expect("kinds without path", judge(&m, &g), PFORK_E_PROTOCOL);
	m = vector();
	m.stride_count = 0;
	expect("no strides", judge(&m, &g), PFORK_E_PROTOCOL);
	m = vector();
	m.shape = m.strides = ones;
	m.rank = m.stride_count = RANK_MAX;
	expect("rank 64", judge(&m, &g), PFORK_OK);
	m.rank = m.stride_count = RANK_MAX + 1;
	expect("rank 65", judge(&m, &g), PFORK_E_PROTOCOL);
}

static void
test_tensor_totals(void **state)
{
	static const struct wire_bytes part = B("abcd");
	static const uint8_t kind = PATH_KEY;
	struct totals t = { .storages = 1, .tensors = 2, .aliases = 1,
		.contiguous = 10000 - 16 };
	struct totals before = t;
	struct wire_tensor m = vector();
	struct geometry g;

	(void)state;
	/* Name, shape and strides; a part's text and its structures. */
	expect("last", check_tensor(&rules, &t, hundred, &m, &g), PFORK_OK);
	assert_int_equal(t.tensors, 3);
	assert_int_equal(t.contiguous, 10000);
	assert_int_equal(t.kept, 1 + 16 + 16);
	expect("one more", check_tensor(&rules, &t, hundred, &m, &g),
	    PFORK_E_LIMIT);
	before.contiguous++;
	t = before;
	expect("a byte more", check_tensor(&rules, &t, hundred, &m, &g),
	    PFORK_E_LIMIT);
	unmoved("a byte more", &t, &before);
	before.contiguous = 0;
	before.kept = 20000 - 33;
	t = before;
	expect("names full", check_tensor(&rules, &t, hundred, &m, &g),
	    PFORK_OK);
	m.path = &part;
	m.path_count = 1;
	m.path_kinds = (struct wire_bytes){ &kind, 1 };
	t = before;
	expect("and a part", check_tensor(&rules, &t, hundred, &m, &g),
	    PFORK_E_LIMIT);
	unmoved("and a part", &t, &before);
	before.kept -= 4 + 16 + sizeof(struct tensor_part);
	t = before;
	expect("room for a part", check_tensor(&rules, &t, hundred, &m, &g),
	    PFORK_OK);
	assert_int_equal(t.kept, 20000);
}

/* Numbers of entries are of 32 bits, and UINT32_MAX means none: whatever the
 * limit, there are no more. */
static void
test_last_number(void **state)
{
	struct totals t = { .tensors = UINT32_MAX - 3, .aliases = 1 };
	struct wire_alias m = { B("n"), 1 };
	struct rules more = rules;

	(void)state;
	more.limits.tensors = UINT64_MAX;
	expect("last", check_alias(&more, &t, &m), PFORK_OK);
	expect("one more", check_alias(&more, &t, &m), PFORK_E_LIMIT);
}

static void
test_alias(void **state)
{
	struct totals t = { .tensors = 2, .aliases = 1 };
	struct wire_alias m = { B("n"), 1 };

	(void)state;
	expect("good", check_alias(&rules, &t, &m), PFORK_OK);
	assert_int_equal(t.aliases, 2);
	/* The name twice, for the note, and the target's. */
	assert_int_equal(t.kept, 2 * (1 + 16) + TENSOR_NAME_MAX);
	expect("one more", check_alias(&rules, &t, &m), PFORK_E_LIMIT);
	t.aliases = 0;
	m.target = 2;
	expect("unknown", check_alias(&rules, &t, &m), PFORK_E_PROTOCOL);
	m.target = 0;
	m.name.len = 0;
	expect("no name", check_alias(&rules, &t, &m), PFORK_E_PROTOCOL);
	m.name.len = 1;
	t.kept = 20000 - 4096;
	expect("names full", check_alias(&rules, &t, &m), PFORK_E_LIMIT);
	assert_int_equal(t.aliases, 0);
}

/* ------------------------------------------------------ notes and values -- */

static void
test_note(void **state)
{
	static uint8_t longest[NOTE_TEXT_MAX + 1];
	static const struct {
		const char *name;
		struct wire_note m;
		enum pfork_code code;
	} rows[] = {
		{ "good", { 1, 1, B("n"), 0 }, PFORK_OK },
		{ "last of each", { 9, 3, B("n"), INPUT }, PFORK_OK },
		{ "past the input", { 1, 1, B("n"), INPUT + 1 }, PFORK_OK },
		{ "longest", { 1, 1, { longest, NOTE_TEXT_MAX }, 0 },
		    PFORK_OK },
		{ "longer", { 1, 1, { longest, NOTE_TEXT_MAX + 1 }, 0 },
		    PFORK_E_PROTOCOL },
		{ "empty", { 1, 1, B(""), 0 }, PFORK_E_PROTOCOL },
		{ "nul", { 1, 1, B("a\0"), 0 }, PFORK_E_PROTOCOL },
		{ "bytes", { 1, 1, B("\xc0"), 0 }, PFORK_E_PROTOCOL },
		{ "kind 0", { 0, 1, B("n"), 0 }, PFORK_E_PROTOCOL },
		{ "kind 10", { 10, 1, B("n"), 0 }, PFORK_E_PROTOCOL },
		{ "alias", { NOTE_ALIAS, 1, B("n"), 0 }, PFORK_E_PROTOCOL },
		{ "level 0", { 1, 0, B("n"), 0 }, PFORK_E_PROTOCOL },
		{ "level 4", { 1, 4, B("n"), 0 }, PFORK_E_PROTOCOL },
	};
	const struct totals before = { .notes = 2, .level = VERDICT_UNUSUAL };
	struct totals t;

	(void)state;
	memset(longest, 'n', sizeof(longest));
	for (size_t i = 0; i < COUNT(rows); i++) {
		t = before;
		expect(rows[i].name, check_note(&rules, &t, &rows[i].m),
		    rows[i].code);
		if (rows[i].code != PFORK_OK) {
			unmoved(rows[i].name, &t, &before);
			continue;
		}
		assert_int_equal(t.notes, 3);
		assert_int_equal(t.level, rows[i].m.level > 2 ? 3 : 2);
	}
	t.notes = 3;
	expect("one more", check_note(&rules, &t, &rows[0].m), PFORK_E_LIMIT);
	for (uint32_t kind = NOTE_GLOBAL; kind <= NOTE_METADATA; kind++) {
		struct wire_note m = { kind, 1, B("n"), 0 };

		t.notes = 3;
		if (kind != NOTE_ALIAS)
			expect("over the limit", check_note(&rules, &t, &m),
			    kind == NOTE_SKIPPED || kind == NOTE_NAMES ?
			    PFORK_OK : PFORK_E_LIMIT);
	}
	t.notes = 4;
	for (uint32_t kind = NOTE_SKIPPED; kind <= NOTE_NAMES; kind++) {
		struct wire_note m = { kind, 1, B("n"), 0 };

		expect("one of both", check_note(&rules, &t, &m),
		    PFORK_E_LIMIT);
	}
	t = before;
	t.kept = 20000 - 16;
	expect("names full", check_note(&rules, &t, &rows[0].m),
	    PFORK_E_LIMIT);
	assert_int_equal(check_where(&rules, INPUT), INPUT);
	assert_int_equal(check_where(&rules, INPUT + 1), PFORK_NO_OFFSET);
	assert_int_equal(check_where(&rules, WIRE_NO_OFFSET), PFORK_NO_OFFSET);
}

static void
test_scalar(void **state)
{
	static uint8_t bytes[SCALAR_BYTES_MAX + 1];
	static const struct {
		const char *name;
		struct wire_scalar m;
		enum pfork_code code;
	} rows[] = {
		{ "null", { B("s"), 1, 0, 0, B(""), 0 }, PFORK_OK },
		{ "root", { B(""), 1, 0, 0, B(""), 0 }, PFORK_OK },
		{ "bool", { B("s"), 2, 1, 0, B(""), 0 }, PFORK_OK },
		{ "bool 0", { B("s"), 2, 0, 0, B(""), 0 }, PFORK_OK },
		{ "bool 2", { B("s"), 2, 2, 0, B(""), 0 }, PFORK_E_PROTOCOL },
		{ "bool -1", { B("s"), 2, -1, 0, B(""), 0 },
		    PFORK_E_PROTOCOL },
		{ "int", { B("s"), 3, INT64_MIN, 0, B(""), 0 }, PFORK_OK },
		{ "int with bytes", { B("s"), 3, 0, 0, B("x"), 1 },
		    PFORK_E_PROTOCOL },
		{ "float of a length", { B("s"), 5, 0, 1, B(""), 1 },
		    PFORK_E_PROTOCOL },
		{ "bigint", { B("s"), 4, 0, 0, B("\xff\0"), 2 }, PFORK_OK },
		{ "text", { B("s"), 6, 0, 0, B("t\xc2\xa9"), 100 }, PFORK_OK },
		{ "text of bytes", { B("s"), 6, 0, 0, B("\xc2"), 100 },
		    PFORK_E_PROTOCOL },
		{ "bytes", { B("s"), 7, 0, 0, { bytes, SCALAR_BYTES_MAX },
		    UINT64_MAX }, PFORK_OK },
		{ "more bytes", { B("s"), 7, 0, 0,
		    { bytes, SCALAR_BYTES_MAX + 1 }, UINT64_MAX },
		    PFORK_E_PROTOCOL },
		{ "shorter than itself", { B("s"), 7, 0, 0, B("ab"), 1 },
		    PFORK_E_PROTOCOL },
		{ "kind 0", { B("s"), 0, 0, 0, B(""), 0 }, PFORK_E_PROTOCOL },
		{ "kind 8", { B("s"), 8, 0, 0, B(""), 0 }, PFORK_E_PROTOCOL },
		{ "name", { B("\xff"), 1, 0, 0, B(""), 0 }, PFORK_E_PROTOCOL },
	};
	struct rules asked = rules;
	struct totals t = { 0 };

	(void)state;
	expect("unasked", check_scalar(&rules, &t, &rows[0].m),
	    PFORK_E_PROTOCOL);
	asked.scalars = true;
	for (size_t i = 0; i < COUNT(rows); i++) {
		t.kept = 0;
		expect(rows[i].name, check_scalar(&asked, &t, &rows[i].m),
		    rows[i].code);
		assert_true((t.kept > 0) == (rows[i].code == PFORK_OK));
	}
	t.kept = 20000 - sizeof(struct scalar_entry);
	expect("full", check_scalar(&asked, &t, &rows[0].m), PFORK_E_LIMIT);
}

/* ------------------------------------------------------------------ ends -- */

static void
test_ends(void **state)
{
	static uint8_t text[FAULT_TEXT_MAX + 1];
	static const struct {
		const char *name;
		struct wire_done m;
		enum verdict level;
		enum pfork_code code;
	} rows[] = {
		{ "good", { 1, 2, 3, 2, 0, 1, 0 }, 0, PFORK_OK },
		{ "tensors", { 0, 2, 3, 2, 0, 1, 0 }, 0, PFORK_E_PROTOCOL },
		{ "aliases", { 1, 1, 3, 2, 0, 1, 0 }, 0, PFORK_E_PROTOCOL },
		{ "storages", { 1, 2, 4, 2, 0, 1, 0 }, 0, PFORK_E_PROTOCOL },
		{ "notes", { 1, 2, 3, 1, 0, 1, 0 }, 0, PFORK_E_PROTOCOL },
		{ "pieces", { 1, 2, 3, 2, 0, 1, 1 }, 0, PFORK_E_PROTOCOL },
		{ "dropped", { 1, 2, 3, 2, 1, 1, 0 }, 0, PFORK_E_PROTOCOL },
		{ "verdict", { 1, 2, 3, 2, 0, 4, 0 }, 0, PFORK_E_PROTOCOL },
		{ "as the notes", { 1, 2, 3, 2, 0, 2, 0 }, 2, PFORK_OK },
		{ "worse", { 1, 2, 3, 2, 0, 3, 0 }, 2, PFORK_OK },
		{ "milder", { 1, 2, 3, 2, 0, 1, 0 }, 2, PFORK_E_PROTOCOL },
		{ "milder still", { 1, 2, 3, 2, 0, 2, 0 }, 3,
		    PFORK_E_PROTOCOL },
		{ "undecided", { 1, 2, 3, 2, 0, 0, 0 }, 0, PFORK_E_PROTOCOL },
		{ "undecided, dangerous", { 1, 2, 3, 2, 0, 0, 0 }, 3,
		    PFORK_E_PROTOCOL },
	};
	struct totals t = { .tensors = 1, .aliases = 2, .storages = 3,
		.notes = 2 };
	struct wire_done done = rows[0].m;
	struct wire_fault f = { 1, { text, FAULT_TEXT_MAX }, 0, 0 };
	struct wire_progress p = { 5, 5 };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		t.level = rows[i].level;
		expect(rows[i].name, check_done(&rules, &t, &rows[i].m),
		    rows[i].code);
	}
	t.level = 0;
	t.notes = done.notes = 3;
	done.notes_dropped = 9;
	expect("dropped at the limit", check_done(&rules, &t, &done),
	    PFORK_OK);
	expect("fault", check_fault(&f), PFORK_OK);
	f.code = 5;
	f.verdict = VERDICT_DANGEROUS;
	expect("dangerous fault", check_fault(&f), PFORK_OK);
	f.code = 6;
	expect("code 6", check_fault(&f), PFORK_E_PROTOCOL);
	f.code = 0;
	expect("code 0", check_fault(&f), PFORK_E_PROTOCOL);
	f.code = 1;
	f.verdict = VERDICT_CLEAN;
	expect("clean", check_fault(&f), PFORK_E_PROTOCOL);
	f.verdict = 0;
	f.text.len++;
	expect("long", check_fault(&f), PFORK_E_PROTOCOL);
	f.text.len = 0;
	expect("empty", check_fault(&f), PFORK_E_PROTOCOL);
	expect("progress", check_progress(&p), PFORK_OK);
	p.done++;
	expect("over", check_progress(&p), PFORK_E_PROTOCOL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_words),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_storage),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_tensor_geometry),
		cmocka_unit_test(test_tensor_rest),
		cmocka_unit_test(test_tensor_totals),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_last_number),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_scalar),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
