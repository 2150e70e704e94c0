/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_layout.c - tensors of more than one part: quantized, sparse, nested.
 * They are sent as their parts, under NAME.suffix; what the parts mean together
 * (indices in range, scales as many as channels) is the caller's to judge, each
 * part alone is in bounds.  Source: torch/_utils.py of 2.13 and 1.13.
 */
#include "vocabulary_word.h"

#include <string.h>

static bool
is_torch(const struct word *w, vref v, const char *name)
{
	return value_is_global(w->g, v, "torch", name);
}

static bool
read_double(const struct word *w, vref v, const char *what, double *out)
{
	int64_t i;

	if (word_is_opaque(w, v))
		return false;
	if (value_kind(w->g, v) == VALUE_FLOAT)
		*out = graph_at(w->g, v)->as.f;
	else if (value_kind(w->g, v) == VALUE_INT && value_int(w->g, v, &i))
		*out = (double)i;
	else
		word_die(w, v, what, "is not a number");
	return true;
}

static bool
read_integer(const struct word *w, vref v, const char *what, int64_t *out)
{
	if (word_is_opaque(w, v))
		return false;
	if (value_kind(w->g, v) != VALUE_INT || !value_int(w->g, v, out))
		word_die(w, v, what, "is not an integer");
	return true;
}

/* A tensor, or a list of numbers as older versions wrote it. */
static void
send_part(const struct word *w, vref v, const char *suffix, bool floats)
{
	uint32_t count = value_count(w->g, v);
	uint64_t *numbers;
	int64_t i;
	double f;

	if (value_kind(w->g, v) != VALUE_LIST &&
	    value_kind(w->g, v) != VALUE_TUPLE) {
		torch_component(w, v, suffix);
		return;
	}
	numbers = arena_alloc(&w->job->arena, count, sizeof(*numbers));
	for (uint32_t n = 0; n < count; n++) {
		bool known = floats ?
		    read_double(w, value_item(w->g, v, n), suffix, &f) :
		    read_integer(w, value_item(w->g, v, n), suffix, &i);

		if (!known) {
			word_leave_out(w, "a part is an unknown object");
			return;
		}
		if (floats)
			memcpy(&numbers[n], &f, sizeof(f));
		else
			memcpy(&numbers[n], &i, sizeof(i));
	}
	word_send_numbers(w, suffix, floats ? DTYPE_F64 : DTYPE_I64, numbers,
	    count, false);
}

static void
send_per_tensor(const struct word *w, vref params)
{
	double scale;
	int64_t zero;

	if (value_count(w->g, params) != 3)
		word_die(w, params, "quantizer", "has not three parts");
	if (!read_double(w, value_item(w->g, params, 1), "scale", &scale) ||
	    !read_integer(w, value_item(w->g, params, 2), "zero_point",
	    &zero)) {
		word_leave_out(w, "its quantizer is an unknown object");
		return;
	}
	word_send_numbers(w, "scale", DTYPE_F64, &scale, 1, true);
	word_send_numbers(w, "zero_point", DTYPE_I64, &zero, 1, true);
}

static void
send_per_channel(const struct word *w, vref params, size_t rank)
{
	bool floats = is_torch(w, value_item(w->g, params, 0),
	    "per_channel_affine_float_qparams");
	int64_t axis;

	if (value_count(w->g, params) != 4)
		word_die(w, params, "quantizer", "has not four parts");
	if (!read_integer(w, value_item(w->g, params, 3), "axis", &axis)) {
		word_leave_out(w, "its quantizer is an unknown object");
		return;
	}
	if (axis < 0 || (uint64_t)axis >= rank)
		word_die(w, params, "axis", "is out of range");
	send_part(w, value_item(w->g, params, 1), "scales", true);
	send_part(w, value_item(w->g, params, 2), "zero_points", floats);
	word_send_numbers(w, "axis", DTYPE_I64, &axis, 1, true);
}

/* The types behind torch's qint8, quint8, qint32, quint4x2, quint2x4. */
static bool
is_quantized(const struct dtype *d)
{
	return d != NULL && (d->code == DTYPE_I8 || d->code == DTYPE_U8 ||
	    d->code == DTYPE_I32 || d->code == DTYPE_QU4X2 ||
	    d->code == DTYPE_QU2X4);
}

/* (storage, offset, size, stride, (scheme, ...), requires_grad, hooks) */
void
torch_rebuild_qtensor(struct word *w)
{
	struct torch_storage storage;
	struct geometry geometry;
	vref params = word_arg(w, 4);
	vref scheme = value_item(w->g, params, 0);

	if (value_kind(w->g, params) != VALUE_TUPLE) {
		if (!word_is_opaque(w, params))
			word_die(w, params, "quantizer", "is not a tuple");
		word_leave_out(w, "its quantizer is an unknown object");
		return;
	}
	if (!torch_storage_read(w, word_arg(w, 0), NULL, &storage) ||
	    !torch_geometry_read(w, word_arg(w, 1), word_arg(w, 2),
	    word_arg(w, 3), &geometry))
		return;
	if (!is_quantized(storage.dtype))
		word_die(w, word_arg(w, 0), "storage", "is not quantized");
	if (!torch_tensor_send(w, NULL, &storage, storage.dtype, &geometry, 0))
		return;
	if (is_torch(w, scheme, "per_tensor_affine") ||
	    is_torch(w, scheme, "per_tensor_symmetric"))
		send_per_tensor(w, params);
	else if (is_torch(w, scheme, "per_channel_affine") ||
	    is_torch(w, scheme, "per_channel_affine_float_qparams") ||
	    is_torch(w, scheme, "per_channel_symmetric"))
		send_per_channel(w, params, geometry.rank);
	else if (value_kind(w->g, scheme) == VALUE_GLOBAL ||
	    word_is_opaque(w, scheme))
		word_leave_out(w, "unknown quantization scheme");
	else
		word_die(w, params, "quantizer", "names no scheme");
}

static const struct layout {
	char name[20];
	char first[16];		/* suffixes of the parts before the values */
	char second[16];	/* empty: COO has one */
} layouts[] = {
	{ "torch.sparse_coo", "indices", "" },
	{ "torch.sparse_csr", "crow_indices", "col_indices" },
	{ "torch.sparse_bsr", "crow_indices", "col_indices" },
	{ "torch.sparse_csc", "ccol_indices", "row_indices" },
	{ "torch.sparse_bsc", "ccol_indices", "row_indices" },
};

/* torch.serialization._get_layout('torch.sparse_coo') */
static const struct layout *
read_layout(const struct word *w, vref v)
{
	const struct value *call;
	const uint8_t *at;
	uint64_t len;

	if (value_kind(w->g, v) != VALUE_CALL)
		return NULL;
	call = graph_at(w->g, v);
	if (!value_is_global(w->g, call->as.call.callable,
	    "torch.serialization", "_get_layout") ||
	    !value_text(w->g, value_item(w->g, call->as.call.args, 0), true,
	    &at, &len))
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (strlen(layouts[i].name) == len &&
		    memcmp(layouts[i].name, at, len) == 0)
			return &layouts[i];
	return NULL;
}

static void
send_sparse(const struct word *w, vref data, const struct layout *layout)
{
	uint32_t count = value_count(w->g, data);
	bool two = layout->second[0] != '\0';
	uint32_t next = 0;
	uint64_t size[RANK_MAX];
	size_t rank;

	if (value_kind(w->g, data) != VALUE_TUPLE)
		word_die(w, data, "data", "is not a tuple");
	if (two ? count != 4 : count != 3 && count != 4)
		word_die(w, data, "data", "has the wrong number of parts");
	if (!word_shape(w, value_item(w->g, data, two ? 3 : 2), "size", size,
	    &rank))
		return;
	send_part(w, value_item(w->g, data, next++), layout->first, false);
	if (two)
		send_part(w, value_item(w->g, data, next++), layout->second,
		    false);
	torch_component(w, value_item(w->g, data, next), "values");
	word_send_numbers(w, "size", DTYPE_I64, size, rank, false);
}

void
torch_rebuild_sparse(struct word *w)
{
	const struct layout *layout = read_layout(w, word_arg(w, 0));

	if (layout != NULL) {
		send_sparse(w, word_arg(w, 1), layout);
		return;
	}
	if (!word_is_opaque(w, word_arg(w, 0)) &&
	    value_kind(w->g, word_arg(w, 0)) != VALUE_GLOBAL)
		word_die(w, word_arg(w, 0), "layout", "is not one");
	word_leave_out(w, "unknown layout");
}

/* torch 1.9 to 1.13: the layout was an argument here as well. */
void
torch_rebuild_sparse_csr(struct word *w)
{
	send_sparse(w, word_arg(w, 1), &layouts[1]);
}

/* (buffer, sizes, strides, offsets), tensors all; in 1.13 offsets is a list. */
void
torch_rebuild_nested(struct word *w)
{
	static const char *const suffixes[] = { "values", "sizes", "strides",
		"offsets" };

	for (uint32_t i = 0; i < w->argc; i++)
		send_part(w, word_arg(w, i), suffixes[i], false);
}
