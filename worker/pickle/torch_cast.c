/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_cast.c - tensors of other devices, which torch keeps as an array or as
 * a tensor of the host and converts to a dtype when it loads them.  Source:
 * torch/_utils.py of 2.13 (_rebuild_device_tensor_from_numpy).  Nothing is
 * converted here: is there anything to convert?  Says no only when sure.
 */
#include "vocabulary_numpy.h"

/* _rebuild_parameter may stand round itself. */
#define DEPTH_MAX 8

static bool
is_utils(const struct word *w, const struct value *call, const char *name)
{
	return value_is_global(w->g, call->as.call.callable, "torch._utils",
	    name);
}

static bool
is_numpy_buffer(const struct word *w, vref v)
{
	return value_is_global(w->g, v, "numpy.core.numeric", "_frombuffer") ||
	    value_is_global(w->g, v, "numpy._core.numeric", "_frombuffer");
}

static const struct dtype *
dtype_of_array(const struct word *w, vref dtype)
{
	struct npy_dtype d;

	numpy_dtype_read(w, dtype, &d);
	return d.refused == NULL ? d.dtype : NULL;
}

static const struct dtype *
dtype_of_storage(const struct word *w, vref v)
{
	const struct dtype *d;

	if (value_kind(w->g, v) != VALUE_PERSID || !torch_storage_class(w->g,
	    value_item(w->g, graph_at(w->g, v)->as.ref, 1), &d))
		return NULL;
	return d;
}

/* Of the array or tensor that v is; NULL when that cannot be told. */
static const struct dtype *
dtype_of(const struct word *w, vref v)
{
	const struct value *call;
	vref args;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (value_kind(w->g, v) != VALUE_CALL)
			return NULL;
		call = graph_at(w->g, v);
		args = call->as.call.args;
		if (numpy_is_reconstruct(w->g, call->as.call.callable))
			return dtype_of_array(w, value_item(w->g,
			    call->as.call.state, 1 + (value_count(w->g,
			    call->as.call.state) == 5)));
		if (is_numpy_buffer(w, call->as.call.callable))
			return dtype_of_array(w, value_item(w->g, args, 1));
		if (is_utils(w, call, "_rebuild_tensor_v3"))
			return torch_dtype(w->g, value_item(w->g, args, 6));
		if (is_utils(w, call, "_rebuild_tensor_v2") ||
		    is_utils(w, call, "_rebuild_tensor"))
			return dtype_of_storage(w, value_item(w->g, args, 0));
		if (!is_utils(w, call, "_rebuild_parameter"))
			return NULL;
		v = value_item(w->g, args, 0);
	}
	return NULL;
}

bool
torch_keeps_dtype(const struct word *w)
{
	const struct dtype *to = torch_dtype(w->g, word_arg(w, 1));
	const struct dtype *from = dtype_of(w, word_arg(w, 0));

	return to != NULL && from != NULL && to->code == from->code;
}
