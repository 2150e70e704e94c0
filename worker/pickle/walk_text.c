/* SPDX-License-Identifier: Apache-2.0
 *
 * walk_text.c - writes a dict key as a part of a tensor's name: as Python's
 * str() has it for plain keys, "?" for what only a class could print.  The text
 * is UTF-8 whatever the key holds, and bounded.
 */
#include "walk_keys.h"

#include <math.h>
#include <string.h>

#include "limits.h"
#include "utf8.h"

/* Longest copy of a repaired text: it stays too long for a name. */
#define REPAIRED_MAX (TENSOR_NAME_MAX + 8)
#define TUPLE_DEPTH 4

struct text {
	char *at;
	size_t len;
	size_t room;
};

static void
put(struct text *t, const void *bytes, size_t len)
{
	if (len > t->room - t->len)
		len = t->room - t->len;
	memcpy(t->at + t->len, bytes, len);
	t->len += len;
}

size_t
keys_decimal(int64_t i, char *out)
{
	char digits[20];
	size_t n = 0;
	size_t len = 0;
	uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;

	do {
		digits[n++] = (char)('0' + u % 10);
		u /= 10;
	} while (u != 0);
	if (i < 0)
		out[len++] = '-';
	while (n > 0)
		out[len++] = digits[--n];
	return len;
}

static void
put_int(struct text *t, int64_t i)
{
	char digits[21];

	put(t, digits, keys_decimal(i, digits));
}

/* 10^n for 0 <= n < 512, by squaring: no libm here. */
static long double
power_of_ten(unsigned n)
{
	static const long double squares[] = { 1e1L, 1e2L, 1e4L, 1e8L, 1e16L,
		1e32L, 1e64L, 1e128L, 1e256L };
	long double power = 1;

	for (unsigned i = 0; i < 9; i++)
		if (n >> i & 1)
			power *= squares[i];
	return power;
}

/* v * 10^shift. */
static long double
scale(long double v, int shift)
{
	return shift < 0 ? v / power_of_ten((unsigned)-shift) :
	    v * power_of_ten((unsigned)shift);
}

/* The fewest digits that give the number back: n = digits, v = 0.n * 10^*point.
 * Exact for all that a person would use as a key; near the ends of the range
 * the last digit may differ from Python's. */
static uint64_t
shortest(double v, int *point)
{
	int binary;
	int exponent;
	uint64_t n = 0;

	frexp(v, &binary);
	exponent = (int)((binary - 1) * 30103LL / 100000) - (binary < 1);
	if (scale(v, -exponent) >= 10)
		exponent++;
	if (scale(v, -exponent) < 1)
		exponent--;
	for (int digits = 1; digits <= 17; digits++) {
		int shift = digits - 1 - exponent;

		n = (uint64_t)(scale(v, shift) + 0.5L);
		if ((double)scale((long double)n, -shift) == v) {
			/* 9.99.. of the estimate was 10. */
			exponent += n >= (uint64_t)power_of_ten(
			    (unsigned)digits);
			break;
		}
	}
	*point = exponent + 1;
	return n;
}

static void
put_scientific(struct text *t, const char *digits, size_t len, int point)
{
	int exponent = point - 1;

	put(t, digits, 1);
	if (len > 1) {
		put(t, ".", 1);
		put(t, digits + 1, len - 1);
	}
	put(t, exponent < 0 ? "e-" : "e+", 2);
	if (exponent < 0)
		exponent = -exponent;
	if (exponent < 10)
		put(t, "0", 1);
	put_int(t, exponent);
}

/* As float.__repr__: fixed for 1e-4 <= |v| < 1e16, else scientific. */
static void
put_float(struct text *t, double v)
{
	char digits[21];
	size_t len;
	int point = 0;

	if (isnan(v)) {
		put(t, "nan", 3);
		return;
	}
	if (signbit(v))
		put(t, "-", 1);
	v = fabs(v);
	if (isinf(v) || v == 0) {
		put(t, isinf(v) ? "inf" : "0.0", 3);
		return;
	}
	len = keys_decimal((int64_t)shortest(v, &point), digits);
	while (len > 1 && digits[len - 1] == '0')
		len--;
	if (point < -3 || point > 16) {
		put_scientific(t, digits, len, point);
		return;
	}
	if (point <= 0)
		put(t, "0.0000", (size_t)(2 - point));
	for (size_t i = 0; i < len; i++) {
		if (point > 0 && i == (size_t)point)
			put(t, ".", 1);
		put(t, digits + i, 1);
	}
	for (int i = (int)len; i < point; i++)
		put(t, "0", 1);
	if (point >= (int)len)
		put(t, ".0", 2);
}

/* The text with U+FFFD for what is not UTF-8. */
static void
put_repaired(struct text *t, const uint8_t *at, uint64_t len)
{
	bool cut;

	t->len += utf8_repair((uint8_t *)t->at + t->len, t->room - t->len, at,
	    len, &cut);
}

static void
put_plain(struct text *t, const struct graph *g, vref v, bool quoted)
{
	enum value_kind kind = value_kind(g, v);
	struct span s;
	int64_t i;

	if (kind == VALUE_NONE) {
		put(t, "None", 4);
	} else if (kind == VALUE_BOOL) {
		put(t, v == VREF_TRUE ? "True" : "False",
		    v == VREF_TRUE ? 4 : 5);
	} else if (value_int(g, v, &i)) {
		put_int(t, i);
	} else if (kind == VALUE_FLOAT) {
		put_float(t, graph_at(g, v)->as.f);
	} else if (kind == VALUE_TEXT && quoted) {
		put(t, "'", 1);
		s = value_string(graph_at(g, v));
		put_repaired(t, s.at, s.len);
		put(t, "'", 1);
	} else {
		put(t, "?", 1);
	}
}

/* Tuples in tuples to a fixed depth: written with a stack of our own. */
static void
put_tuple(struct text *t, const struct graph *g, vref tuple)
{
	struct {
		vref v;
		uint32_t next;
	} stack[TUPLE_DEPTH];
	uint32_t depth = 1;
	uint32_t count;
	vref part;

	stack[0].v = tuple;
	stack[0].next = 0;
	put(t, "(", 1);
	while (depth > 0 && t->len < t->room) {
		count = value_count(g, stack[depth - 1].v);
		if (stack[depth - 1].next == count) {
			put(t, ",)", count == 1 ? 1 : 0);
			put(t, ")", 1);
			depth--;
			continue;
		}
		if (stack[depth - 1].next > 0)
			put(t, ", ", 2);
		part = value_item(g, stack[depth - 1].v,
		    stack[depth - 1].next++);
		if (value_kind(g, part) == VALUE_TUPLE &&
		    depth < TUPLE_DEPTH) {
			put(t, "(", 1);
			stack[depth].v = part;
			stack[depth++].next = 0;
		} else {
			put_plain(t, g, part, true);
		}
	}
}

/* Protocol 2 writes bytes as _codecs.encode(text, 'latin1'); ASCII is the same
 * in both. */
static vref
decoded(const struct graph *g, vref key)
{
	const struct value *call;
	struct span text;
	vref arg;

	if (value_kind(g, key) != VALUE_CALL)
		return key;
	call = graph_at(g, key);
	arg = value_item(g, call->as.call.args, 0);
	if (value_kind(g, arg) != VALUE_TEXT ||
	    !value_is_global(g, call->as.call.callable, "_codecs", "encode"))
		return key;
	text = value_string(graph_at(g, arg));
	for (uint64_t i = 0; i < text.len && i < REPAIRED_MAX; i++)
		if (text.at[i] >= 0x80)
			return key;
	return arg;
}

void
keys_text(struct graph *g, vref key, char scratch[KEY_TEXT_MAX],
    const uint8_t **at, uint32_t *len)
{
	struct text t = { .at = scratch, .room = KEY_TEXT_MAX - 4 };
	enum value_kind kind;
	struct span s;
	uint64_t whole;
	uint64_t good;

	key = decoded(g, key);
	kind = value_kind(g, key);
	if (kind == VALUE_TEXT || kind == VALUE_BYTES) {
		s = value_string(graph_at(g, key));
		/* What is longer than any name stays longer when it is cut. */
		whole = s.len > REPAIRED_MAX ? REPAIRED_MAX : s.len;
		good = utf8_good(s.at, whole);
		if (good == s.len || (good > TENSOR_NAME_MAX)) {
			*at = s.at;
			*len = (uint32_t)good;
			return;
		}
		if (kind == VALUE_TEXT) {
			t.at = arena_alloc(&g->job->arena, REPAIRED_MAX, 1);
			t.room = REPAIRED_MAX;
			put_repaired(&t, s.at, s.len);
		} else {
			put(&t, "?", 1);
		}
	} else if (kind == VALUE_TUPLE) {
		put_tuple(&t, g, key);
		if (t.len == t.room) {
			/* Cut: whole characters, and a mark. */
			t.len = utf8_good((uint8_t *)scratch, t.len);
			t.room = KEY_TEXT_MAX;
			put(&t, "...", 3);
		}
	} else {
		put_plain(&t, g, key, false);
	}
	*at = (const uint8_t *)t.at;
	*len = (uint32_t)t.len;
}
