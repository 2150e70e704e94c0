/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy_dtype.c - numpy.dtype('f4', False, True) with its state, as an element
 * type of ours.  Source: numpy 2.4, numpy/_core/src/multiarray/descriptor.c
 * (arraydescr_reduce, arraydescr_setstate).
 */
#include "vocabulary_numpy.h"

#include <string.h>

/* Of the state; numpy.dtype.__setstate__ refuses others. */
#define VERSION_MAX 4
/* Flags of the state: its elements are references, and are pickled as a list.
 * numpy refuses to make an array of numbers then. */
#define FLAG_REFERENCES 1
#define FLAG_LIST 2
#define STATE_PARTS_MIN 7
#define STATE_PARTS_MAX 9

static const struct {
	char code[4];
	uint16_t dtype;
} codes[] = {
	{ "f4", DTYPE_F32 }, { "f8", DTYPE_F64 }, { "f2", DTYPE_F16 },
	{ "i8", DTYPE_I64 }, { "i4", DTYPE_I32 }, { "i2", DTYPE_I16 },
	{ "i1", DTYPE_I8 }, { "u1", DTYPE_U8 }, { "u2", DTYPE_U16 },
	{ "u4", DTYPE_U32 }, { "u8", DTYPE_U64 }, { "b1", DTYPE_BOOL },
	{ "c8", DTYPE_C64 }, { "c16", DTYPE_C128 },
};
/* Types of the ml_dtypes package, which are given as the class itself. */
static const struct {
	char name[18];
	uint16_t dtype;
} classes[] = {
	{ "bfloat16", DTYPE_BF16 },
	{ "float8_e4m3fn", DTYPE_F8_E4M3 },
	{ "float8_e5m2", DTYPE_F8_E5M2 },
	{ "float8_e4m3fnuz", DTYPE_F8_E4M3FNUZ },
	{ "float8_e5m2fnuz", DTYPE_F8_E5M2FNUZ },
	{ "float8_e8m0fnu", DTYPE_F8_E8M0 },
};

const char *
numpy_code_read(const uint8_t *at, uint64_t len, struct npy_dtype *out)
{
	/* The letter may have a byte order before it. */
	if (len > 0 && memchr("<>|=", at[0], 4) != NULL) {
		out->swapped = at[0] == '>';
		at++;
		len--;
	}
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (len == strlen(codes[i].code) &&
		    memcmp(at, codes[i].code, len) == 0)
			out->dtype = dtype_by_code(codes[i].dtype);
	if (out->dtype != NULL)
		return NULL;
	if (len > 0 && at[0] == 'O')
		return "an array of objects";
	out->known = true;
	if (len > 0 && (at[0] == 'S' || at[0] == 'U' || at[0] == 'a'))
		return "an array of strings";
	if (len > 0 && at[0] == 'V')
		return "an array of structures";
	return "no tensor has its dtype";
}

static const char *
read_code(const struct word *w, vref v, struct npy_dtype *out)
{
	const uint8_t *at;
	uint64_t len;

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (value_is_global(w->g, v, "ml_dtypes", classes[i].name))
			out->dtype = dtype_by_code(classes[i].dtype);
	if (out->dtype != NULL)
		return NULL;
	if (!value_text(w->g, v, true, &at, &len))
		return "its dtype is an unknown object";
	return numpy_code_read(at, len, out);
}

/* Size, alignment and flags: numbers, of which the flags alone matter. */
static void
read_sizes(const struct word *w, vref v, vref state, struct npy_dtype *out)
{
	for (uint32_t i = 5; i < 8 && i < value_count(w->g, state); i++) {
		vref part = value_item(w->g, state, i);
		int64_t number = 0;

		if (!word_is_opaque(w, part) &&
		    !value_int(w->g, part, &number) &&
		    value_kind(w->g, part) != VALUE_BIGINT)
			word_die(w, v, "dtype", "has a size that is none");
		if (i < 7)
			continue;
		if ((number & FLAG_REFERENCES) != 0)
			word_die(w, v, "dtype", "has references for numbers");
		out->list = (number & FLAG_LIST) != 0;
	}
}

/* The state: (3, '<', None, names, fields, size, alignment[, flags[, more]]).
 * Any order of bytes but '>' is the host's to numpy. */
static void
read_state(const struct word *w, vref v, vref state, struct npy_dtype *out)
{
	uint32_t parts = value_count(w->g, state);
	const uint8_t *at;
	uint64_t len;
	int64_t number;

	if (value_kind(w->g, state) != VALUE_TUPLE ||
	    parts < STATE_PARTS_MIN || parts > STATE_PARTS_MAX)
		word_die(w, v, "dtype", "has a state that is not numpy's");
	if (!value_int(w->g, value_item(w->g, state, 0), &number) ||
	    number < 0 || number > VERSION_MAX)
		word_die(w, v, "dtype", "has a version that numpy has not");
	if (!value_text(w->g, value_item(w->g, state, 1), true, &at, &len) ||
	    len != 1)
		word_die(w, v, "dtype", "has no byte order");
	out->swapped = at[0] == '>';
	read_sizes(w, v, state, out);
	/* A sub-array, or fields: the letter does not tell all. */
	for (uint32_t i = 2; i < 5; i++) {
		vref part = value_item(w->g, state, i);

		if (part != VREF_MISSING && part != VREF_NONE)
			out->refused = "an array of structures";
	}
	out->known = out->refused != NULL;
}

/* dtype(code, align, copy): without a copy it is numpy's own object, which no
 * state changes, unless the code has the other order of bytes. */
static bool
is_numpys_own(const struct word *w, vref args, const struct npy_dtype *d)
{
	vref copy = value_item(w->g, args, 2);
	int64_t yes = 0;

	if (d->swapped || word_is_opaque(w, copy))
		return false;
	return copy == VREF_MISSING || copy == VREF_NONE ||
	    (value_int(w->g, copy, &yes) && yes == 0);
}

/* numpy.dtype('f4', False, True) with the state (3, '<', None, names, ...). */
void
numpy_dtype_read(const struct word *w, vref v, struct npy_dtype *out)
{
	const struct value *call;
	vref state;

	*out = (struct npy_dtype){ 0 };
	if (value_kind(w->g, v) != VALUE_CALL) {
		if (!word_is_opaque(w, v) &&
		    value_kind(w->g, v) != VALUE_GLOBAL)
			word_die(w, v, "dtype", "is not one");
		out->refused = "its dtype is an unknown object";
		return;
	}
	call = graph_at(w->g, v);
	if (!value_is_global(w->g, call->as.call.callable, "numpy", "dtype")) {
		out->refused = "its dtype is an unknown object";
		return;
	}
	word_once(w, call);
	out->refused = read_code(w, value_item(w->g, call->as.call.args, 0),
	    out);
	state = call->as.call.state;
	if (out->refused != NULL || state == VREF_MISSING ||
	    word_is_opaque(w, state) ||
	    is_numpys_own(w, call->as.call.args, out))
		return;
	read_state(w, v, state, out);
}
