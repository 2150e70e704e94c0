/* SPDX-License-Identifier: Apache-2.0
 *
 * joblib.c - arrays in the middle of a pickle.  joblib writes, after the BUILD
 * that ends a NumpyArrayWrapper, a byte that counts the padding, the padding
 * and the array's bytes (before 1.2: the bytes alone), or for arrays of objects
 * a pickle of its own; its reader puts the array in the wrapper's place.  Here
 * a would-be call of numpy's _reconstruct takes that place, over bytes that
 * stand where they are.  Source: joblib 1.5, joblib/numpy_pickle.py.
 */
#include "joblib.h"

#include <string.h>

#include "machine_inner.h"

bool
joblib_is_class(const struct graph *g, vref v)
{
	static const char *const modules[] = { "joblib.numpy_pickle",
		"sklearn.externals.joblib.numpy_pickle" };

	for (size_t i = 0; i < 2; i++)
		if (value_is_global(g, v, modules[i], "NumpyArrayWrapper"))
			return true;
	return false;
}

bool
joblib_are_args(const struct graph *g, vref args)
{
	vref base = value_item(g, args, 1);

	return value_kind(g, args) == VALUE_TUPLE &&
	    value_count(g, args) == 3 &&
	    joblib_is_class(g, value_item(g, args, 0)) &&
	    value_is_global(g, base, "builtins", "object") &&
	    value_item(g, args, 2) == VREF_NONE;
}

/* Protocols 0 and 1 have no NEWOBJ: copyreg's function makes the object. */
bool
joblib_is_wrapper(const struct graph *g, const struct value *call)
{
	vref callable = call->as.call.callable;

	if (value_how(call) == CALL_NEWOBJ)
		return joblib_is_class(g, callable) &&
		    value_count(g, call->as.call.args) == 0;
	return value_how(call) == CALL_REDUCE &&
	    value_is_global(g, callable, "copyreg", "_reconstructor") &&
	    joblib_are_args(g, call->as.call.args);
}

/* Is an attribute another than the writer's?  One of them would stand in the
 * way of a method: it decides what is read. */
static bool
knows_attributes(const struct machine *m, vref state)
{
	static const char *const names[] = { "subclass", "shape", "order",
		"dtype", "allow_mmap", "numpy_array_alignment_bytes" };
	const struct value *dict = graph_at(m->g, state);
	const uint8_t *at;
	uint64_t len;
	size_t n;

	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2) {
		if (!value_text(m->g, dict->as.seq.at[i], true, &at, &len))
			return false;
		for (n = 0; n < sizeof names / sizeof *names; n++)
			if (len == strlen(names[n]) &&
			    memcmp(at, names[n], len) == 0)
				break;
		if (n == sizeof names / sizeof *names)
			return false;
	}
	return true;
}

static vref
attribute(const struct machine *m, vref state, const char *name)
{
	const struct value *dict = graph_at(m->g, state);
	vref found = VREF_MISSING;
	const uint8_t *at;
	uint64_t len;

	/* A wrapper has six; of one set twice the last counts. */
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2)
		if (value_text(m->g, dict->as.seq.at[i], true, &at, &len) &&
		    len == strlen(name) && memcmp(at, name, len) == 0)
			found = dict->as.seq.at[i + 1];
	return found;
}

static bool
state_part(const struct machine *m, vref state, uint32_t i, int64_t *out)
{
	return value_int(m->g, value_item(m->g, state, i), out);
}

/* (version, order, subarray, names, fields, size, alignment, flags), as numpy
 * writes it since 1.3; by older ones it finds objects by the fields.  What it
 * would not take as it stands here could move the end of the array. */
static bool
state_holds(const struct machine *m, vref state, uint8_t letter,
    uint64_t item, bool *objects)
{
	int64_t version;
	int64_t size;
	int64_t flags;

	*objects = letter == 'O';
	if (state == VREF_MISSING)
		return true;
	if (value_kind(m->g, state) != VALUE_TUPLE ||
	    !state_part(m, state, 0, &version) || version < 3 ||
	    !state_part(m, state, 5, &size) ||
	    !state_part(m, state, 7, &flags))
		return false;
	/* Of these alone it is the state that gives the size. */
	if (memchr("SaUV", letter, 4) != NULL && (uint64_t)size != item)
		return false;
	if (letter == 'V')
		*objects = (flags & 1) != 0;
	return *objects == ((flags & 1) != 0);
}

/* A type of the ml_dtypes package is given as its class, whose letter is not
 * ours to know: as of strings, its state gives the size too. */
static bool
class_holds(const struct machine *m, vref class, vref state, uint64_t *item,
    bool *objects)
{
	static const char bytes[][20] = { "float8_e4m3fn", "float8_e5m2",
		"float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu",
		"float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz",
		"float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn", "int4",
		"uint4", "int2", "uint2" };

	*item = 0;
	if (value_is_global(m->g, class, "ml_dtypes", "bfloat16"))
		*item = 2;
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++)
		if (value_is_global(m->g, class, "ml_dtypes", bytes[i]))
			*item = 1;
	return *item > 0 && state_holds(m, state, 'S', *item, objects);
}

/* numpy.dtype('f8', False, True) with its state: bytes an item, from the code,
 * and whether items are objects, from the code or the flags. */
static bool
read_dtype(const struct machine *m, vref v, uint64_t *item, bool *objects)
{
	const struct value *call;
	const uint8_t *at;
	uint64_t len;
	uint64_t digits = 0;
	vref code;

	if (value_kind(m->g, v) != VALUE_CALL)
		return false;
	call = graph_at(m->g, v);
	if (!value_is_global(m->g, call->as.call.callable, "numpy", "dtype"))
		return false;
	code = value_item(m->g, call->as.call.args, 0);
	if (value_kind(m->g, code) == VALUE_GLOBAL)
		return class_holds(m, code, call->as.call.state, item,
		    objects);
	if (!value_text(m->g, code, true, &at, &len) || len < 2)
		return false;
	if (memchr("<>|=", at[0], 4) != NULL) {
		at++;
		len--;
	}
	*item = 0;
	for (uint64_t i = 1; i < len; i++, digits++) {
		if (at[i] < '0' || at[i] > '9' || digits > 9)
			return false;
		*item = *item * 10 + (uint64_t)(at[i] - '0');
	}
	if (at[0] == 'U')
		*item *= 4;
	return digits > 0 && state_holds(m, call->as.call.state, at[0], *item,
	    objects);
}

static bool
array_bytes(const struct machine *m, vref shape, uint64_t item, uint64_t *out)
{
	uint64_t bytes = item;
	int64_t n;

	if (value_kind(m->g, shape) != VALUE_TUPLE)
		return false;
	for (uint32_t i = 0; i < value_count(m->g, shape); i++) {
		vref v = value_item(m->g, shape, i);

		if (value_kind(m->g, v) != VALUE_INT ||
		    !value_int(m->g, v, &n) || n < 0 ||
		    __builtin_mul_overflow(bytes, (uint64_t)n, &bytes))
			return false;
	}
	*out = bytes;
	return true;
}

static vref
text(struct machine *m, const char *constant)
{
	return machine_string(m, VALUE_TEXT, (const uint8_t *)constant,
	    strlen(constant));
}

/* _reconstruct(a class, (), 'b') with the state (1, shape, dtype, order,
 * bytes): the vocabulary takes what is in the state. */
static vref
array_word(struct machine *m, vref state, vref bytes)
{
	const uint8_t *order;
	uint64_t len;
	vref args[3] = { VREF_NONE, VREF_EMPTY_TUPLE, text(m, "b") };
	vref parts[5] = { VREF_IMMEDIATE + 1, attribute(m, state, "shape"),
		attribute(m, state, "dtype"), VREF_FALSE, bytes };
	vref module = text(m, "numpy.core.multiarray");
	vref name = text(m, "_reconstruct");
	vref global;
	vref v;
	struct value *node;

	if (value_text(m->g, attribute(m, state, "order"), true, &order,
	    &len) && len == 1 && *order == 'F')
		parts[3] = VREF_TRUE;
	node = machine_node(m, VALUE_GLOBAL, &global);
	node->as.global.module = module;
	node->as.global.name = name;
	node = machine_node(m, VALUE_GLOBAL, &args[0]);
	node->as.global.module = text(m, "numpy");
	node->as.global.name = text(m, "ndarray");
	args[1] = machine_tuple_of(m, args, 3);
	parts[4] = machine_tuple_of(m, parts, 5);
	node = machine_node(m, VALUE_CALL, &v);
	node->flags = CALL_REDUCE << VALUE_HOW_SHIFT;
	node->as.call.callable = global;
	node->as.call.args = args[1];
	node->as.call.state = parts[4];
	node->as.call.more = VREF_MISSING;
	return v;
}

/* An array of objects is a whole pickle, read without joblib's help. */
static bool
run_objects(struct machine *m, vref *array)
{
	struct pickle_source source = { .at = m->at,
		.len = (uint64_t)(m->limit - m->at),
		.base = m->skew + (uintptr_t)m->at,
		.in_file = (m->text_flags & VALUE_IN_FILE) != 0 };
	struct machine_result result;

	if (!machine_run(m->g, &source, 0, m->quiet, &result, m->error))
		return false;
	m->at += result.end;
	*array = result.value;
	return true;
}

static bool
take_bytes(struct machine *m, vref state, uint64_t bytes, vref *array)
{
	vref alignment = attribute(m, state, "numpy_array_alignment_bytes");
	const uint8_t *at;
	uint64_t pad = 0;
	vref v;

	if (alignment != VREF_MISSING && alignment != VREF_NONE &&
	    !machine_count(m, 1, &pad))
		return false;
	if (!machine_bytes(m, pad, &at))
		return false;
	for (uint64_t i = 0; i < pad; i++)
		if (at[i] != 0xff)
			return machine_fail(m, "joblib's padding is not 0xff");
	if (!machine_bytes(m, bytes, &at))
		return false;
	v = machine_string(m, VALUE_BYTES, at, bytes);
	graph_at(m->g, v)->flags |= m->text_flags;
	*array = array_word(m, state, v);
	return true;
}

/* What a reader without joblib's help would take for opcodes. */
static void
note_code(struct machine *m)
{
	if (m->at < m->end && machine_opcode_name(*m->at) != NULL)
		m->g->array_code = true;
}

static bool
take_array(struct machine *m, vref state)
{
	uint64_t bytes;
	uint64_t item;
	bool objects;

	if (value_kind(m->g, state) != VALUE_DICT ||
	    value_count(m->g, state) > 64)
		return machine_fail(m, "joblib: a wrapper without attributes");
	if (!knows_attributes(m, state))
		return machine_fail(m, "joblib: an attribute that is not a "
		    "wrapper's");
	if (!read_dtype(m, attribute(m, state, "dtype"), &item, &objects))
		return machine_fail(m, "joblib: a dtype of unknown size");
	if (attribute(m, state, "order") == VREF_MISSING)
		return machine_fail(m, "joblib: an array without an order");
	if (objects)
		return run_objects(m, &m->top[-1]);
	if (!array_bytes(m, attribute(m, state, "shape"), item, &bytes))
		return machine_fail(m, "joblib: a shape that cannot be");
	return take_bytes(m, state, bytes, &m->top[-1]);
}

bool
machine_joblib(struct machine *m, vref inst)
{
	const struct value *call = graph_at(m->g, inst);

	if (!m->joblib)
		return true;
	if (!joblib_is_wrapper(m->g, call)) {
		if (!joblib_is_class(m->g, call->as.call.callable))
			return true;
		return machine_fail(m, "joblib: a wrapper that joblib does "
		    "not make");
	}
	if ((call->flags & VALUE_BUILT_TWICE) != 0)
		return machine_fail(m, "joblib: a wrapper with two states");
	/* Its reader would go on behind the frame. */
	if (m->framed && m->at != m->end)
		return machine_fail(m, "joblib: an array inside of a frame");
	m->framed = false;
	m->end = m->limit;
	note_code(m);
	return take_array(m, call->as.call.state);
}
