/* SPDX-License-Identifier: Apache-2.0
 *
 * zip_names.c - which member names may stand, and which may be taken for one
 * another.  Nothing is ever written to a path here; a name that another reader
 * would change ("a//b", "a\b", "./a") makes two readings of one archive, so it
 * is refused outright, and what is left is compared without ASCII case, as
 * miniz does.  Other Unicode foldings are not applied: no reader of checkpoints
 * applies them.
 */
#include "zip_parts.h"

#include <string.h>

#include "siphash.h"
#include "utf8.h"

static const char *
character_wrong(const uint8_t *p, size_t left, size_t *length)
{
	*length = utf8_character(p, left);
	/* C1 controls, U+0080 to U+009F: terminals obey them. */
	if (*length == 0 || (p[0] == 0xc2 && p[1] < 0xa0))
		return "zip: member's name is not UTF-8 or has a control";
	if (*p < 0x20 || *p == 0x7f)
		return "zip: member's name has a control character";
	if (*p == '\\')
		return "zip: member's name has a backslash";
	return NULL;
}

static const char *
component_wrong(const uint8_t *at, size_t length)
{
	if (length == 0)
		return "zip: member's name has an empty component";
	if (length == 1 && at[0] == '.')
		return "zip: member's name has a '.' component";
	if (length == 2 && at[0] == '.' && at[1] == '.')
		return "zip: member's name climbs with '..'";
	return NULL;
}

static bool
is_letter(uint8_t c)
{
	return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* ASCII that needs no closer look: no control, no '/', no backslash. */
static inline bool
is_plain(uint8_t c)
{
	static const uint64_t plain[4] = { UINT64_C(0xffff7fff00000000),
		UINT64_C(0x7fffffffefffffff), 0, 0 };

	return (plain[c >> 6] >> (c & 63) & 1) != 0;
}

const char *
zip_name_wrong(const uint8_t *name, size_t length)
{
	const char *why;
	size_t begin = 0, step;

	if (length == 0)
		return "zip: member has an empty name";
	if (name[0] == '/')
		return "zip: member's name is absolute";
	if (length >= 2 && name[1] == ':' && is_letter(name[0]))
		return "zip: member's name has a drive letter";
	for (size_t i = 0; i < length; i += step) {
		step = 1;
		if (is_plain(name[i]))
			continue;
		why = character_wrong(name + i, length - i, &step);
		if (why != NULL)
			return why;
		if (name[i] != '/')
			continue;
		why = component_wrong(name + begin, i - begin);
		if (why != NULL)
			return why;
		begin = i + 1;
	}
	/* A trailing '/' names a directory. */
	return begin == length ? NULL : component_wrong(name + begin,
	    length - begin);
}

/* Eight bytes at once, 'A'..'Z' to lower case. */
static uint64_t
fold8(uint64_t w)
{
	const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t low = w & (each * 0x7f);
	uint64_t from_a = low + each * (0x80 - 'A');
	uint64_t after_z = low + each * (0x7f - 'Z');
	uint64_t upper = (from_a ^ after_z) & ~w & (each * 0x80);

	return w | upper >> 2;
}

static uint64_t
load8(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return fold8(w);
}

/* The last 0 to 7 bytes. */
static uint64_t
load_rest(const uint8_t *p, size_t length)
{
	uint64_t w = 0;

	for (size_t i = 0; i < length; i++)
		w |= (uint64_t)p[i] << 8 * i;
	return fold8(w);
}

uint64_t
zip_name_hash(const uint64_t seed[2], const uint8_t *name, size_t length)
{
	struct siphash v = siphash_begin(seed);
	size_t i;

	for (i = 0; length - i >= 8; i += 8)
		v = siphash_word(v, load8(name + i));
	return siphash_end(v, load_rest(name + i, length - i), length);
}

bool
zip_name_same_folded(const uint8_t *a, const uint8_t *b, size_t length)
{
	size_t i;

	for (i = 0; length - i >= 8; i += 8)
		if (load8(a + i) != load8(b + i))
			return false;
	return load_rest(a + i, length - i) == load_rest(b + i, length - i);
}
