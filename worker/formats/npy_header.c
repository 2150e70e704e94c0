/* SPDX-License-Identifier: Apache-2.0
 *
 * npy_header.c - magic, version, length, and the text of a Python dict with
 * exactly the keys descr, fortran_order and shape.  Read by hand, never
 * evaluated: only what numpy's writers put there is understood, one pass, no
 * recursion.  Source: numpy 2.4, numpy/lib/_format_impl.py (versions 1.0 to
 * 3.0); Python 2's writers put an L after large numbers.
 */
#include "npy.h"

#include <string.h>

#include "cursor.h"
#include "utf8.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LEN 6
/* numpy itself stops at 10,000 bytes unless told otherwise; this is a structure
 * of some 20,000 fields. */
#define HEADER_MAX (1024 * 1024)
#define DEPTH_MAX 64

struct literal {
	struct job *job;
	const struct pickle_source *source;
	const uint8_t *at;
	const uint8_t *end;
	bool python2;		/* its numbers may end in L */
};

bool
npy_magic(const uint8_t *at, uint64_t length)
{
	return length >= MAGIC_LEN && memcmp(at, MAGIC, MAGIC_LEN) == 0;
}

uint64_t
npy_where(const struct pickle_source *source, uint64_t at)
{
	return source->in_file ? source->base + at : source->base;
}

static void __attribute__((noreturn))
fail(const struct literal *l, const char *text)
{
	die(l->job, FAULT_FORMAT, npy_where(l->source,
	    (uint64_t)(l->at - l->source->at)), text);
}

/* Of which a header has some fifty at its end. */
static const char spaces[] = "        ";

/* Python's, all of which may stand between tokens. */
static void __attribute__((noinline))
skip_blanks(struct literal *l)
{
	while (l->end - l->at >= 8 && memcmp(l->at, spaces, 8) == 0)
		l->at += 8;
	while (l->at < l->end && (*l->at == ' ' || *l->at == '\n' ||
	    *l->at == '\t' || *l->at == '\f' || *l->at == '\r'))
		l->at++;
}

static inline void
blanks(struct literal *l)
{
	if (l->at < l->end && *l->at <= ' ')
		skip_blanks(l);
}

static inline bool
take(struct literal *l, char c)
{
	blanks(l);
	if (l->at == l->end || *l->at != (uint8_t)c)
		return false;
	l->at++;
	return true;
}

static void
need(struct literal *l, char c)
{
	if (!take(l, c))
		fail(l, "npy: the header is not the dict that it must be");
}

/* What is between quotes of either kind; an escape is passed over. */
static void
string(struct literal *l, const uint8_t **at, size_t *len)
{
	uint8_t quote;

	blanks(l);
	if (l->at == l->end || (*l->at != '\'' && *l->at != '"'))
		fail(l, "npy: no text where one must be");
	quote = *l->at++;
	*at = l->at;
	while (l->at < l->end && *l->at != quote && *l->at != '\n')
		l->at += *l->at == '\\' && l->end - l->at > 1 ? 2 : 1;
	if (l->at == l->end || *l->at != quote)
		fail(l, "npy: a text without an end");
	*len = (size_t)(l->at++ - *at);
	/* Three quotes are another kind, in which quotes may stand. */
	if (*len == 0 && l->at < l->end && *l->at == quote)
		fail(l, "npy: a text in three quotes");
}

/* Always in line, for lengths that the compiler knows. */
static inline __attribute__((always_inline)) bool
word(struct literal *l, const char *text)
{
	size_t length = strlen(text);

	blanks(l);
	if ((size_t)(l->end - l->at) < length ||
	    memcmp(l->at, text, length) != 0)
		return false;
	l->at += length;
	return true;
}

static bool
digit(const struct literal *l)
{
	return l->at < l->end && *l->at >= '0' && *l->at <= '9';
}

static uint64_t
natural(struct literal *l)
{
	const uint8_t *first;
	uint64_t value = 0;

	blanks(l);
	first = l->at;
	if (!digit(l))
		fail(l, "npy: no natural number in the shape");
	for (; digit(l); l->at++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value,
		    (uint64_t)(*l->at - '0'), &value))
			fail(l, "npy: a number of 2^64 or more");
	/* Octal to Python 2, no number to Python 3. */
	if (value > 0 && *first == '0')
		fail(l, "npy: a number that begins with 0");
	if (l->python2 && l->at < l->end && *l->at == 'L')
		l->at++;
	return value;
}

/* A tuple: (), (3,), (3, 4). */
static void
read_shape(struct literal *l, struct npy_header *out)
{
	uint64_t dimension;
	bool comma = false;

	need(l, '(');
	while (!take(l, ')')) {
		if (out->rank > 0 && !comma)
			fail(l, "npy: no ',' in the shape");
		dimension = natural(l);
		if (out->rank == RANK_MAX)
			fail(l, "npy: more than 64 dimensions");
		out->shape[out->rank++] = dimension;
		comma = take(l, ',');
	}
	/* "(3)" is a number, not a tuple. */
	if (out->rank == 1 && !comma)
		fail(l, "npy: the shape is no tuple");
}

/* Can numpy mean nothing but numbers, text, times or raw bytes by it?  A letter
 * of those, digits, a unit of time.  All else may be objects, as are "O8",
 * "object", "f4,O", "T" and "\x4f". */
static bool
plain_type(const uint8_t *at, size_t len)
{
	static const char letters[] = "?abcdefghilmnpquBDFGHILMPQSUV";
	const uint8_t *end = at + len;
	bool time;

	if (at < end && memchr("<>|=", *at, 4) != NULL)
		at++;
	if (at == end || memchr(letters, *at, sizeof(letters) - 1) == NULL)
		return false;
	time = *at == 'm' || *at == 'M';
	for (at++; at < end && *at >= '0' && *at <= '9';)
		at++;
	if (time && end - at > 2 && *at == '[' && end[-1] == ']')
		for (at++, end--; at < end && ((*at >= '0' && *at <= '9') ||
		    (*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z'));)
			at++;
	return at == end;
}

/* That are open; one bit each, the innermost lowest. */
struct brackets {
	uint64_t round;		/* not square */
	uint64_t later;		/* after a comma */
	unsigned depth;
};

/* Fields are tuples in a list, and the first of them is the name, or a tuple of
 * title and name. */
static bool
is_name(const struct brackets *b)
{
	if ((b->round & 1) == 0 || b->depth < 2)
		return false;
	if ((b->round & 2) == 0)
		return (b->later & 1) == 0;
	return b->depth > 2 && (b->round & 4) == 0 && (b->later & 2) == 0;
}

static void
open_bracket(struct literal *l, struct brackets *b)
{
	if (b->depth++ == DEPTH_MAX)
		fail(l, "npy: descr is nested too deep");
	b->round = b->round << 1 | (*l->at++ == '(');
	b->later <<= 1;
}

/* Brackets round one thing are no tuple, so what is in them does not stand
 * where it seems to: numpy writes none, and it may be objects. */
static void
close_bracket(struct literal *l, struct brackets *b, struct npy_header *out)
{
	if (b->depth-- == 0 || (b->round & 1) != (*l->at == ')'))
		fail(l, "npy: brackets in descr do not match");
	out->objects |= (b->round & 1) > (b->later & 1);
	b->round >>= 1;
	b->later >>= 1;
	l->at++;
}

/* Fields of a structure: only its end is looked for, and whether all that is no
 * name is a plain type. */
static void
skip_structure(struct literal *l, struct npy_header *out)
{
	struct brackets b = { 0 };
	const uint8_t *text;
	size_t len;

	do {
		blanks(l);
		if (l->at == l->end)
			fail(l, "npy: descr has no end");
		if (*l->at == '\'' || *l->at == '"') {
			string(l, &text, &len);
			out->objects |= !is_name(&b) && !plain_type(text, len);
		} else if (*l->at == '(' || *l->at == '[') {
			open_bracket(l, &b);
		} else if (*l->at == ')' || *l->at == ']') {
			close_bracket(l, &b, out);
		} else if (*l->at == ',' || digit(l)) {
			b.later |= *l->at++ == ',';
		} else if (!word(l, "None")) {
			fail(l, "npy: descr is not understood");
		}
	} while (b.depth > 0);
}

static void
read_descr(struct literal *l, struct npy_header *out)
{
	const uint8_t *text;
	const uint8_t *code;
	size_t len;

	blanks(l);
	if (l->at < l->end && (*l->at == '[' || *l->at == '(')) {
		skip_structure(l, out);
		out->type.refused = "an array of structures";
		return;
	}
	string(l, &text, &len);
	out->type.refused = numpy_code_read(text, len, &out->type);
	out->objects = out->type.refused != NULL && !plain_type(text, len);
	code = text;
	if (len > 0 && memchr("<>|=", text[0], 4) != NULL) {
		code++;
		len--;
	}
	/* Types of other packages (bfloat16, float8) are saved so; "f1", a
	 * float8, numpy itself cannot read back. */
	if (len == 2 && (memcmp(code, "V1", 2) == 0 ||
	    memcmp(code, "V2", 2) == 0 || memcmp(code, "f1", 2) == 0)) {
		out->type.refused = NULL;
		out->type.dtype = dtype_by_code(code[1] == '1' ? DTYPE_BITS8 :
		    DTYPE_BITS16);
		out->opaque = true;
	}
}

enum key { NONE = 0, DESCR = 1, ORDER = 2, SHAPE = 4, ALL = 7 };

/* A key that is not in `seen`, and the colon.  First as numpy writes it. */
static enum key
read_key(struct literal *l, unsigned seen)
{
	const uint8_t *text;
	enum key key;
	size_t len;

	if ((seen & DESCR) == 0 && word(l, "'descr': "))
		return DESCR;
	if ((seen & ORDER) == 0 && word(l, "'fortran_order': "))
		return ORDER;
	if ((seen & SHAPE) == 0 && word(l, "'shape': "))
		return SHAPE;
	string(l, &text, &len);
	key = len == 5 && memcmp(text, "descr", 5) == 0 ? DESCR :
	    len == 13 && memcmp(text, "fortran_order", 13) == 0 ? ORDER :
	    len == 5 && memcmp(text, "shape", 5) == 0 ? SHAPE : NONE;
	if (key == NONE || (seen & key) != 0)
		fail(l, "npy: the header has another key, or one twice");
	need(l, ':');
	return key;
}

static void
read_dict(struct literal *l, struct npy_header *out)
{
	unsigned seen = 0;
	enum key bit;

	need(l, '{');
	while (!take(l, '}')) {
		bit = read_key(l, seen);
		seen |= bit;
		if (bit == DESCR)
			read_descr(l, out);
		else if (bit == SHAPE)
			read_shape(l, out);
		else if (word(l, "True"))
			out->fortran = true;
		else if (!word(l, "False"))
			fail(l, "npy: fortran_order is no bool");
		if (!take(l, ',')) {
			need(l, '}');
			break;
		}
	}
	blanks(l);
	if (l->at != l->end || seen != ALL)
		fail(l, "npy: the header is not the dict that it must be");
}

/* shape_count has judged the shape: the product of its dimensions but those of
 * 0 is under 2^63. */
static void
fill_strides(struct npy_header *h)
{
	uint64_t step = 1;

	if (!h->fortran) {
		(void)shape_strides(h->shape, h->rank, h->strides);
		return;
	}
	for (size_t i = 0; i < h->rank; i++) {
		h->strides[i] = step;
		if (h->shape[i] > 1)
			step *= h->shape[i];
	}
}

/* The numbers together. */
static void
judge(struct literal *l, struct npy_header *h)
{
	uint64_t count;

	if (!shape_count(h->shape, h->rank, &count))
		fail(l, "npy: the shape is too large");
	if (h->type.refused != NULL)
		return;
	if (!shape_bytes(h->type.dtype, h->shape, h->rank, &h->bytes))
		fail(l, "npy: the shape is too large");
	fill_strides(h);
	if (h->bytes > l->source->len - h->data)
		fail(l, "npy: the data is shorter than the shape says");
}

/* But the numbers of dimensions that it has not. */
static void
clear(struct npy_header *h)
{
	h->type = (struct npy_dtype){ 0 };
	h->objects = h->opaque = h->fortran = false;
	h->rank = 0;
	h->bytes = h->data = 0;
}

void
npy_header_read(struct job *job, const struct pickle_source *source,
    struct npy_header *out)
{
	struct cursor c = cursor_over(source->at, (size_t)source->len);
	struct literal l = { .job = job, .source = source };
	uint8_t major, minor;
	uint64_t length;

	clear(out);
	cursor_bytes(&c, MAGIC_LEN);
	major = cursor_u8(&c);
	minor = cursor_u8(&c);
	l.at = source->at + MAGIC_LEN;
	if (!c.bad && (major < 1 || major > 3 || minor != 0))
		die(job, FAULT_UNSUPPORTED, npy_where(source, MAGIC_LEN),
		    "npy: unknown version of the format");
	length = major == 1 ? cursor_u16le(&c) : cursor_u32le(&c);
	if (c.bad || length > c.left)
		fail(&l, "npy: the header is longer than the file");
	if (length > HEADER_MAX)
		die(job, FAULT_LIMIT, npy_where(source, MAGIC_LEN),
		    "npy: the header is over 1 MiB");
	l.at = c.at;
	l.end = c.at + length;
	/* Versions 1 and 2 are Latin-1, where all bytes are characters. */
	if (major == 3) {
		l.at += utf8_good(c.at, (size_t)length);
		if (l.at != l.end)
			fail(&l, "npy: the header is not UTF-8");
		l.at = c.at;
	}
	l.python2 = major < 3;
	read_dict(&l, out);
	out->data = (uint64_t)(l.end - source->at);
	judge(&l, out);
}
