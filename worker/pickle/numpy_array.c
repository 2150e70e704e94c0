/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy_array.c - arrays of numpy as pickles hold them: _reconstruct and its
 * state (version, shape, dtype, fortran, data), and _frombuffer of protocol 5.
 * Source: numpy 2.4, numpy/_core/src/multiarray/methods.c (array_setstate) and
 * numpy/_core/numeric.py.  The names without the underscore are numpy 1's.
 */
#include "vocabulary_numpy.h"

#include <string.h>

#include "sink.h"

/* Strides of an array that fills its bytes.  shape_count has judged the shape:
 * the product of its dimensions but those of 0 is under 2^63. */
static void
fill_strides(struct geometry *geometry, bool fortran)
{
	uint64_t step = 1;

	if (!fortran) {
		(void)shape_strides(geometry->shape, geometry->rank,
		    geometry->strides);
		return;
	}
	for (size_t i = 0; i < geometry->rank; i++) {
		geometry->strides[i] = step;
		if (geometry->shape[i] > 1)
			step *= geometry->shape[i];
	}
}

static void
send_array(const struct word *w, vref data, const struct npy_dtype *d,
    const struct geometry *geometry)
{
	struct npy_bytes bytes;
	uint64_t want;
	struct tensor_out out = {
		.dtype = d->dtype->code,
		.rank = geometry->rank,
		.shape = geometry->shape,
		.strides = geometry->strides,
	};

	if (!numpy_bytes_read(w, data, &bytes))
		return;
	if (!shape_bytes(d->dtype, geometry->shape, geometry->rank, &want) ||
	    bytes.count != want)
		word_die(w, data, "data", "differs in length from the shape");
	out.storage = numpy_storage(w, &bytes, d);
	word_send(w, &out, NULL);
}

/* Reads the shape and fills the strides; false when left out. */
static bool
read_shape(const struct word *w, vref v, bool fortran,
    struct geometry *geometry)
{
	uint64_t one;

	/* reshape() takes a bare integer too. */
	if (value_kind(w->g, v) == VALUE_INT) {
		word_natural(w, v, "shape", &one);
		geometry->shape[0] = one;
		geometry->rank = 1;
	} else if (!word_shape(w, v, "shape", geometry->shape,
	    &geometry->rank)) {
		return false;
	}
	if (!shape_count(geometry->shape, geometry->rank, &geometry->count))
		word_die(w, v, "shape", "overflows");
	fill_strides(geometry, fortran);
	return true;
}

/* Letters and old letters of numpy's types; their numbers are below
 * TYPE_NUMBERS. */
#define CODES "?BDFGHILMNOPQSTUVabcdefghilmnpq"
#define TYPE_NUMBERS 24
/* ndarray.__setstate__ refuses others. */
#define VERSION_MAX 1

static bool
is_code(const uint8_t *at, uint64_t len)
{
	struct npy_dtype d = { 0 };

	if (len == 1)
		return at[0] < TYPE_NUMBERS ||
		    memchr(CODES, at[0], strlen(CODES)) != NULL;
	return numpy_code_read(at, len, &d) == NULL;
}

/* The dtype of the first array: b'b', which protocols below 3 encode. */
static bool
first_dtype_is(const struct word *w, vref code)
{
	struct npy_bytes bytes;
	const uint8_t *at;
	uint8_t copy[4];
	uint64_t len;

	if (value_text(w->g, code, true, &at, &len))
		return is_code(at, len);
	if (!word_is_opaque(w, code))
		return false;
	if (value_kind(w->g, code) != VALUE_CALL || !numpy_encoded_read(w,
	    graph_at(w->g, code), &bytes))
		return true;
	return bytes.count <= sizeof(copy) &&
	    is_code(copy, numpy_bytes_copy(&bytes, copy, sizeof(copy)));
}

/* A name that we know and that is no subclass of ndarray. */
static bool
is_no_class(const struct word *w, vref v)
{
	static const char *const functions[][2] = {
		{ "_codecs", "encode" },
		{ "numpy", "dtype" },
		{ "numpy.core.multiarray", "_reconstruct" },
		{ "numpy.core.multiarray", "scalar" },
		{ "numpy._core.multiarray", "_reconstruct" },
		{ "numpy._core.multiarray", "scalar" },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (value_is_global(w->g, v, functions[i][0],
		    functions[i][1]))
			return true;
	return value_kind(w->g, v) != VALUE_GLOBAL && !word_is_opaque(w, v);
}

/* _reconstruct(class, (0,), b'b'): numpy makes an array of that shape first,
 * which the state then replaces.  False: left out. */
static bool
first_shape_is(struct word *w)
{
	uint64_t dims[RANK_MAX];
	size_t rank;
	vref made = word_arg(w, 0);
	vref shape = word_arg(w, 1);
	vref code = word_arg(w, 2);

	if (is_no_class(w, made))
		word_die(w, made, "class", "is not one");
	if (!first_dtype_is(w, code))
		word_die(w, code, "dtype", "is none");
	if (value_kind(w->g, shape) == VALUE_INT)
		return word_natural(w, shape, "shape", dims);
	return word_shape(w, shape, "shape", dims, &rank);
}

/* As npy has it: what numpy describes in full is plain data. */
static void
leave_out(const struct word *w, const struct npy_dtype *d)
{
	sink_skip(w->job, w->path, d->known ? VERDICT_CLEAN : VERDICT_UNUSUAL,
	    w->where, d->refused);
}

/* The state: (version, shape, dtype, fortran, data), without the version in
 * files from before numpy 1.0. */
void
numpy_reconstruct(struct word *w)
{
	struct geometry geometry = { 0 };
	struct npy_dtype d;
	uint32_t parts = value_count(w->g, w->state);
	uint32_t first = parts == 5;
	vref fortran = value_item(w->g, w->state, first + 2);
	vref data = value_item(w->g, w->state, first + 3);
	int64_t order;

	if (w->state == VREF_MISSING || word_is_opaque(w, w->state)) {
		word_leave_out(w, "an array without a state");
		return;
	}
	if (!first_shape_is(w))
		return;
	if (value_kind(w->g, w->state) != VALUE_TUPLE || parts < 4 ||
	    parts > 5)
		word_die(w, w->state, "state", "is not five parts");
	if (first == 1 && (!value_int(w->g, value_item(w->g, w->state, 0),
	    &order) || order < 0 || order > VERSION_MAX))
		word_die(w, w->state, "state", "has a version that numpy "
		    "has not");
	if (!value_int(w->g, fortran, &order))
		word_die(w, fortran, "order", "is not a bool");
	numpy_dtype_read(w, value_item(w->g, w->state, first + 1), &d);
	if (d.refused != NULL) {
		leave_out(w, &d);
		/* Objects in an array may be tensors. */
		if (value_kind(w->g, data) == VALUE_LIST)
			w->also = data;
		return;
	}
	if (d.list)
		word_die(w, data, "data", "is not a list");
	if (read_shape(w, value_item(w->g, w->state, first), order != 0,
	    &geometry))
		send_array(w, data, &d, &geometry);
}

bool
numpy_is_reconstruct(const struct graph *g, vref v)
{
	return value_is_global(g, v, "numpy.core.multiarray",
	    "_reconstruct") || value_is_global(g, v,
	    "numpy._core.multiarray", "_reconstruct");
}

/* What jax sets of its array's type: whether it is weak, which no number of it
 * shows.  It would take another shape as well. */
static bool
type_is_plain(const struct word *w, vref type)
{
	const struct value *dict;
	const uint8_t *at;
	uint64_t len;

	if (value_kind(w->g, type) != VALUE_DICT)
		return false;
	dict = graph_at(w->g, type);
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2)
		if (!value_text(w->g, dict->as.seq.at[i], true, &at, &len) ||
		    len != strlen("weak_type") ||
		    memcmp(at, "weak_type", len) != 0)
			return false;
	return true;
}

/* (function, its arguments, its state, type): an array of numpy's, taken apart.
 * Source: jax 0.10.2, jax/_src/array.py (_reconstruct_array). */
void
numpy_of_jax(struct word *w)
{
	struct word inside = *w;

	inside.args = word_arg(w, 1);
	inside.argc = value_count(w->g, inside.args);
	inside.state = word_arg(w, 2);
	if (!numpy_is_reconstruct(w->g, word_arg(w, 0)) ||
	    value_kind(w->g, inside.args) != VALUE_TUPLE ||
	    inside.argc != 3 || w->state != VREF_MISSING ||
	    !type_is_plain(w, word_arg(w, 3))) {
		word_leave_out(w, "an array of jax's that is not numpy's");
		return;
	}
	numpy_reconstruct(&inside);
	w->also = inside.also;
}

/* The dimensions turned round: _frombuffer(.., 'K', axis_order). */
static void
transpose(const struct word *w, vref order, struct geometry *geometry)
{
	struct geometry was = *geometry;
	uint64_t axes[RANK_MAX];
	uint64_t seen = 0;
	size_t rank;

	if (!word_shape(w, order, "axis order", axes, &rank) ||
	    rank != geometry->rank)
		word_die(w, order, "axis order", "does not fit the shape");
	for (size_t i = 0; i < rank; i++) {
		if (axes[i] >= rank || (seen >> axes[i] & 1) != 0)
			word_die(w, order, "axis order", "is no permutation");
		seen |= UINT64_C(1) << axes[i];
		geometry->shape[i] = was.shape[axes[i]];
		geometry->strides[i] = was.strides[axes[i]];
	}
}

/* (buffer, dtype, shape, order[, axis order]) */
void
numpy_frombuffer(struct word *w)
{
	struct geometry geometry = { 0 };
	struct npy_dtype d;
	const uint8_t *at;
	uint64_t len;

	if (!value_text(w->g, word_arg(w, 3), true, &at, &len) || len != 1)
		word_die(w, word_arg(w, 3), "order", "is not a letter");
	numpy_dtype_read(w, word_arg(w, 1), &d);
	if (d.refused != NULL) {
		leave_out(w, &d);
		return;
	}
	if (!read_shape(w, word_arg(w, 2), at[0] == 'F', &geometry))
		return;
	if (at[0] == 'K' && value_kind(w->g, word_arg(w, 4)) == VALUE_TUPLE)
		transpose(w, word_arg(w, 4), &geometry);
	else if (at[0] != 'C' && at[0] != 'F')
		word_die(w, word_arg(w, 3), "order", "is not C, F or K");
	send_array(w, word_arg(w, 0), &d, &geometry);
}
