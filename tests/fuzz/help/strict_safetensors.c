/* SPDX-License-Identifier: Apache-2.0
 *
 * strict_safetensors.c - see strict_safetensors.h.  Only the one form of JSON
 * that the reference writer has is taken: no blanks, no escapes that need not
 * be, offsets in order and without gaps (safetensors 0.8, tensor.rs).
 */
#include "strict_safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 8192
#define SHOWN 4096

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	char name[NAME_MAX_BYTES];
	char other[NAME_MAX_BYTES];
};

static void wrong(const char *what) __attribute__((noreturn));

static void
wrong(const char *what)
{
	fprintf(stderr, "the safetensors file is wrong: %s\n", what);
	__builtin_trap();
}

static void
expect(struct reader *r, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(r->end - r->at) < length ||
	    memcmp(r->at, text, length) != 0)
		wrong(text);
	r->at += length;
}

static bool
next_is(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

static char
escaped(struct reader *r)
{
	static const char letters[] = "bfnrt\"\\";
	static const char values[] = "\b\f\n\r\t\"\\";
	char digits[5] = { 0 };
	const char *letter;
	unsigned long value;

	if (r->at == r->end)
		wrong("the text ends in an escape");
	letter = strchr(letters, *r->at++);
	if (letter != NULL && *letter != '\0')
		return values[letter - letters];
	if (r->at[-1] != 'u' || r->end - r->at < 4)
		wrong("an escape");
	memcpy(digits, r->at, 4);
	r->at += 4;
	value = strtoul(digits, NULL, 16);
	if (value == 0 || value >= 0x20)
		wrong("an escape that need not be");
	return (char)value;
}

static void
string(struct reader *r, char *out)
{
	size_t length = 0;

	expect(r, "\"");
	while (!next_is(r, '"')) {
		if (r->at == r->end || *r->at < 0x20 ||
		    length + 1 == NAME_MAX_BYTES)
			wrong("a text");
		if (next_is(r, '\\'))
			out[length++] = escaped(r);
		else
			out[length++] = (char)*r->at++;
	}
	out[length] = '\0';
}

static uint64_t
number(struct reader *r)
{
	uint64_t value = 0;
	const uint8_t *from = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *r->at++ - '0', &value))
			wrong("a number is too large");
	if (r->at == from || (*from == '0' && r->at - from > 1))
		wrong("a number");
	return value;
}

/* The byte of element n, one index at a time. */
static const uint8_t *
element(const struct pfork_tensor *t, const uint8_t *storage, uint64_t n,
    unsigned width)
{
	uint64_t at = 0;

	for (size_t d = t->rank; d-- > 0;) {
		at += n % t->shape[d] * tensor_strides(t)[d];
		n /= t->shape[d];
	}
	return storage + t->offset + at * width;
}

static void
same_bytes(const struct pfork_tensor *t, const uint8_t *input,
    const uint8_t *bytes)
{
	const struct storage *s = &t->home->storages[t->storage];
	const uint8_t *storage = s->streamed ? s->bytes : input + s->offset;
	unsigned width = dtype_element_bytes(t->dtype);

	if (t->nbytes == 0)
		return;
	if (width == 0) {
		if (memcmp(bytes, storage + t->offset, t->nbytes) != 0)
			wrong("the bytes of a packed tensor");
		return;
	}
	for (uint64_t n = 0; n < pfork_tensor_elements(t) && n < SHOWN; n++)
		if (memcmp(bytes + n * width, element(t, storage, n, width),
		    width) != 0)
			wrong("the bytes of a tensor");
}

static const struct pfork_tensor *
known(const pfork_checkpoint *c, const char *name)
{
	const struct pfork_tensor *t = pfork_checkpoint_find(c, name);

	if (t == NULL)
		wrong("a name that the checkpoint does not have");
	return t;
}

static size_t
metadata(struct reader *r, const pfork_checkpoint *c)
{
	size_t count = 0;

	expect(r, "\"__metadata__\":{");
	do {
		string(r, r->name);
		expect(r, ":");
		string(r, r->other);
		if (strcmp(r->name, "format") == 0) {
			if (strcmp(r->other, "pt") != 0)
				wrong("the format");
		} else if (strcmp(r->name, "picklefork.origin") == 0) {
			if (strcmp(r->other, c->format) != 0)
				wrong("the origin");
		} else {
			(void)known(c, r->name);
			(void)known(c, r->other);
			count++;
		}
	} while (next_is(r, ','));
	expect(r, "}");
	return count;
}

static void
shape(struct reader *r, const struct pfork_tensor *t)
{
	bool pairs = t->dtype->code == DTYPE_F4X2;
	uint64_t want;

	expect(r, "[");
	for (size_t i = 0; i < t->rank; i++) {
		if (i > 0)
			expect(r, ",");
		want = t->shape[i] * (pairs && i + 1 == t->rank ? 2 : 1);
		if (number(r) != want)
			wrong("a shape");
	}
	if (pairs && t->rank == 0 && number(r) != 2)
		wrong("a shape");
	expect(r, "]");
}

static uint64_t
tensor(struct reader *r, const pfork_checkpoint *c, const uint8_t *input,
    uint64_t begin)
{
	const struct pfork_tensor *t;
	uint64_t end;

	string(r, r->name);
	t = known(c, r->name);
	expect(r, ":{\"dtype\":");
	string(r, r->other);
	if (strcmp(r->other, t->dtype->code == DTYPE_F4X2 ? "F4"
	    : t->dtype->name) != 0)
		wrong("a dtype");
	expect(r, ",\"shape\":");
	shape(r, t);
	expect(r, ",\"data_offsets\":[");
	if (number(r) != begin)
		wrong("a gap in the offsets");
	expect(r, ",");
	end = number(r);
	expect(r, "]}");
	if (end < begin || end - begin != t->nbytes ||
	    end > (uint64_t)(SIZE_MAX / 2))
		wrong("a tensor's length");
	same_bytes(t, input, r->end + begin);
	return end;
}

void
strict_safetensors(const pfork_checkpoint *c, const uint8_t *input,
    const uint8_t *bytes, size_t size, uint32_t flags)
{
	static struct reader r;
	uint64_t header;
	uint64_t end = 0;
	size_t written = 0;
	size_t aliases;

	if (size < 10)
		wrong("it is too short");
	memcpy(&header, bytes, sizeof(header));
	if (header % 8 != 0 || header > size - 8)
		wrong("the header's length");
	r.at = bytes + 8;
	r.end = r.at + header;
	expect(&r, "{");
	aliases = metadata(&r, c);
	for (; next_is(&r, ','); written++)
		end = tensor(&r, c, input, end);
	expect(&r, "}");
	while (next_is(&r, ' '))
		;
	if (r.at != r.end || end != size - 8 - header)
		wrong("something stands behind it");
	if ((flags & PFORK_SAVE_SKIP_UNSUPPORTED) == 0 &&
	    written + aliases != c->tensor_count + c->alias_count)
		wrong("names are missing");
	if ((flags & PFORK_SAVE_CLONE_ALIASES) != 0 && aliases != 0)
		wrong("an alias that was to be written");
}
