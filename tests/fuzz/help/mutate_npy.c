/* SPDX-License-Identifier: Apache-2.0
 *
 * mutate_npy.c - numpy's files: one value of the header's dict becomes one from
 * a table of boundaries, keys are dropped, repeated and moved, the version and
 * the data's length change; the header's length is mended, or deliberately is
 * not.  Source of the layout: numpy 2.4, numpy/lib/_format_impl.py.
 */
#include <stdio.h>
#include <string.h>

#include "mutate.h"

#define MAGIC 8		/* with the version */
#define HEADER 65536

struct npy {
	uint8_t *bytes;
	size_t size;
	size_t max;
	size_t width;	/* of the length */
	size_t from;	/* the header's text */
	size_t to;
};

/* One pair of the dict: its key, its value, and where the next one begins. */
struct pair {
	size_t at;
	size_t value;
	size_t end;	/* of the value */
	size_t next;	/* behind its comma */
};

static const struct snippet descrs[] = {
	SNIPPET("'<f4'"), SNIPPET("'>f8'"), SNIPPET("'|u1'"), SNIPPET("'|b1'"),
	SNIPPET("'<f2'"), SNIPPET("'>i2'"), SNIPPET("'<u8'"), SNIPPET("'=i4'"),
	SNIPPET("'<c8'"), SNIPPET("'>c16'"), SNIPPET("'|O'"), SNIPPET("'|V1'"),
	SNIPPET("'<V2'"), SNIPPET("'|V0'"), SNIPPET("'<f1'"), SNIPPET("'|S5'"),
	SNIPPET("'<U3'"), SNIPPET("'<M8[ns]'"), SNIPPET("'<m8[7D]'"),
	SNIPPET("'<f16'"), SNIPPET("''"), SNIPPET("'<'"), SNIPPET("'f4"),
	SNIPPET("\"<f4\""), SNIPPET("'\\x3cf4'"), SNIPPET("'<i99999999999'"),
	SNIPPET("[('a', '<f4')]"), SNIPPET("[('a', '|O')]"), SNIPPET("[]"),
	SNIPPET("[('a', '<f4', (2, 3)), ('b', [('c', '|b1')])]"),
	SNIPPET("('<f4', (2,))"), SNIPPET("[((('t', 'n')), '<f4')]"),
	SNIPPET("None"), SNIPPET("0"), SNIPPET("{}"),
};
static const struct snippet orders[] = {
	SNIPPET("True"), SNIPPET("False"), SNIPPET("true"), SNIPPET("0"),
	SNIPPET("1"), SNIPPET("None"), SNIPPET("'True'"), SNIPPET("Tru"),
	SNIPPET("TrueFalse"), SNIPPET(""),
};
static const struct snippet shapes[] = {
	SNIPPET("()"), SNIPPET("(0,)"), SNIPPET("(1,)"), SNIPPET("(1)"),
	SNIPPET("(2, 3)"), SNIPPET("(2, 3, )"), SNIPPET("(2 3)"),
	SNIPPET("(,)"), SNIPPET("(2,,3)"), SNIPPET("[2, 3]"), SNIPPET("(2L,)"),
	SNIPPET("(-1,)"), SNIPPET("(+1,)"), SNIPPET("(1.0,)"),
	SNIPPET("(0x10,)"), SNIPPET("(01,)"), SNIPPET("(1_0,)"),
	SNIPPET("(0, 18446744073709551615)"),
	SNIPPET("(18446744073709551616,)"),
	SNIPPET("(4294967296, 4294967296)"), SNIPPET("(9223372036854775808,)"),
	SNIPPET("(281474976710656,)"), SNIPPET("(281474976710657, 0)"),
	SNIPPET("(True,)"), SNIPPET("(2"), SNIPPET("((2,),)"),
	SNIPPET("(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"
	    ",1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"
	    ")"),
};
static const struct snippet pieces[] = {
	SNIPPET("'descr': '<f4', "), SNIPPET("'fortran_order': True, "),
	SNIPPET("'shape': (1,), "), SNIPPET("'other': 1, "), SNIPPET("}"),
	SNIPPET("{"), SNIPPET(" "), SNIPPET("\n"), SNIPPET("\t"), SNIPPET("\f"),
	SNIPPET(","), SNIPPET(":"), SNIPPET("'"), SNIPPET("\""), SNIPPET("\\"),
	SNIPPET("#"), SNIPPET("("), SNIPPET(")"), SNIPPET("["), SNIPPET("]"),
	SNIPPET("\xe9"), SNIPPET("\xc3\xa9"), SNIPPET("L"), { NULL, 0 },
};

static bool
npy_read(struct npy *n)
{
	uint64_t length;

	n->width = n->bytes[6] == 1 ? 2 : 4;
	if (n->size < MAGIC + n->width)
		return false;
	n->from = MAGIC + n->width;
	length = get_le(n->bytes + MAGIC, n->width);
	if (length > n->size - n->from)
		length = n->size - n->from;
	n->to = n->from + (size_t)(length < HEADER ? length : HEADER);
	return n->to > n->from;
}

/* The end of a value that begins at `at`: a comma or brace outside of quotes
 * and brackets. */
static size_t
value_end(const struct npy *n, size_t at)
{
	uint8_t quote = 0;
	int depth = 0;

	for (; at < n->to; at++) {
		uint8_t c = n->bytes[at];

		if (quote != 0) {
			quote = c == quote ? 0 : quote;
			continue;
		}
		if (c == '\'' || c == '"')
			quote = c;
		depth += (c == '(' || c == '[') - (c == ')' || c == ']');
		if (depth <= 0 && (c == ',' || c == '}'))
			break;
	}
	return at;
}

static size_t
pairs_of(const struct npy *n, struct pair *pairs, size_t most)
{
	size_t at = n->from + 1;
	size_t count = 0;

	while (count < most && at < n->to) {
		struct pair *p = &pairs[count];
		const uint8_t *colon = memchr(n->bytes + at, ':', n->to - at);

		if (colon == NULL)
			break;
		p->at = at;
		p->value = (size_t)(colon - n->bytes) + 1;
		while (p->value < n->to && n->bytes[p->value] == ' ')
			p->value++;
		p->end = value_end(n, p->value);
		p->next = p->end < n->to && n->bytes[p->end] == ',' ? p->end + 1
		    : p->end;
		at = p->next;
		count++;
	}
	return count;
}

static bool
key_has(const struct npy *n, const struct pair *p, const char *word)
{
	return memmem(n->bytes + p->at, p->value - p->at, word,
	    strlen(word)) != NULL;
}

static size_t
set_value(struct npy *n, const struct pair *p, struct dice *d)
{
	char text[48];
	struct snippet s = DICE_PICK(pieces, d);

	if (key_has(n, p, "descr"))
		s = DICE_PICK(descrs, d);
	else if (key_has(n, p, "order"))
		s = DICE_PICK(orders, d);
	else if (key_has(n, p, "shape"))
		s = DICE_PICK(shapes, d);
	if (key_has(n, p, "shape") && dice_roll(d, 3) == 0) {
		snprintf(text, sizeof(text), "(%zu, %llu)", dice_roll(d, 4),
		    (unsigned long long)dice_edge(d));
		s = (struct snippet){ (const uint8_t *)text, strlen(text) };
	}
	return splice(n->bytes, n->size, n->max, p->value, p->end - p->value,
	    s.at, s.length);
}

static size_t
edit_header(struct npy *n, struct dice *d)
{
	static uint8_t copy[1024];
	struct pair pairs[8];
	size_t count = pairs_of(n, pairs, 8);
	struct snippet s = DICE_PICK(pieces, d);
	struct pair p;

	if (count == 0 || dice_roll(d, 6) == 0)
		return mutate_made("npy: piece", splice(n->bytes, n->size,
		    n->max, n->from + dice_roll(d, n->to - n->from), 0, s.at,
		    s.length));
	p = pairs[dice_roll(d, count)];
	switch (dice_roll(d, 8)) {
	case 0:
		return mutate_made("npy: drop key", splice(n->bytes, n->size,
		    n->max, p.at, p.next - p.at, NULL, 0));
	case 1:
		if (p.next - p.at > sizeof(copy))
			return 0;
		memcpy(copy, n->bytes + p.at, p.next - p.at);
		return mutate_made("npy: key twice", splice(n->bytes, n->size,
		    n->max, pairs[dice_roll(d, count)].at, 0, copy,
		    p.next - p.at));
	case 2:
		if (count < 2)
			return 0;
		exchange(n->bytes, pairs[0].at, pairs[0].next, pairs[1].next);
		return mutate_made("npy: swap keys", n->size);
	default:
		return mutate_made("npy: value", set_value(n, &p, d));
	}
}

/* The length, after the header grew by size - was; one time in eight a lie. */
static void
mend(struct npy *n, size_t was, size_t size, struct dice *d)
{
	uint64_t length = get_le(n->bytes + MAGIC, n->width) + size - was;

	if (dice_roll(d, 8) == 0) {
		length = dice_roll(d, 2) == 0 ? dice_edge(d)
		    : length + dice_roll(d, 5) - 2;
		(void)mutate_made("npy: length broken", size);
	}
	put_le(n->bytes + MAGIC, n->width, length);
}

static size_t
set_version(struct npy *n, struct dice *d)
{
	static const uint8_t wider[2] = { 0 };
	uint8_t version = (uint8_t)dice_roll(d, 5);
	size_t size = n->size;

	if (n->width == 2 && (version == 2 || version == 3))
		size = splice(n->bytes, size, n->max, MAGIC + 2, 0, wider, 2);
	else if (n->width == 4 && version == 1)
		size = splice(n->bytes, size, n->max, MAGIC + 2, 2, NULL, 0);
	if (size > 0)
		n->bytes[6] = version;
	return mutate_made("npy: version", size);
}

static size_t
set_data(struct npy *n, struct dice *d)
{
	static const uint8_t zeros[64];
	size_t cut = 1 + dice_roll(d, 16);

	if (dice_roll(d, 2) == 0)
		return mutate_made("npy: longer", splice(n->bytes, n->size,
		    n->max, n->size, 0, zeros, cut));
	return n->size <= n->to + cut ? 0
	    : mutate_made("npy: shorter", n->size - cut);
}

size_t
mutate_npy(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct npy n = { .bytes = data, .size = size, .max = max_size };
	struct dice d = dice_of(seed);
	size_t fresh;

	if (!npy_read(&n))
		return 0;
	switch (dice_roll(&d, 12)) {
	case 0:
		return set_version(&n, &d);
	case 1:
		return set_data(&n, &d);
	default:
		fresh = edit_header(&n, &d);
		if (fresh > 0)
			mend(&n, size, fresh, &d);
		return fresh;
	}
}
