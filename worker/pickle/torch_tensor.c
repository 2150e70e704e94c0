/* SPDX-License-Identifier: Apache-2.0
 *
 * torch_tensor.c - a tensor as a window on a storage, and the calls that say
 * so: _rebuild_tensor, _v2, _v3 (torch/_utils.py, 2.13) and the state that
 * torch 0.1 set on a bare Tensor.  Nothing is sent from a number that was not
 * judged: every tensor's last element lies inside its storage.
 */
#include "vocabulary_word.h"

#include <string.h>

/* Keys and values in a tensor's metadata: torch writes two pairs at most. */
#define METADATA_MAX 64

const struct dtype *
torch_dtype(const struct graph *g, vref v)
{
	const struct value *global;
	const uint8_t *at;
	uint64_t len;

	if (value_kind(g, v) != VALUE_GLOBAL)
		return NULL;
	global = graph_at(g, v);
	if (!value_text(g, global->as.global.module, true, &at, &len) ||
	    len != 5 || memcmp(at, "torch", 5) != 0 ||
	    !value_text(g, global->as.global.name, true, &at, &len))
		return NULL;
	if (len == 4 && memcmp(at, "qint", 4) == 0)
		return NULL;
	return dtype_by_torch((const char *)at, (size_t)len);
}

bool
torch_geometry_read(const struct word *w, vref offset, vref size, vref stride,
    struct geometry *out)
{
	size_t strides;

	if (!word_natural(w, offset, "offset", &out->offset)) {
		word_leave_out(w, "its offset is an unknown object");
		return false;
	}
	if (!word_shape(w, size, "size", out->shape, &out->rank) ||
	    !word_shape(w, stride, "stride", out->strides, &strides))
		return false;
	if (strides != out->rank)
		word_die(w, stride, "stride", "differs in length from size");
	if (!shape_count(out->shape, out->rank, &out->count))
		word_die(w, size, "size", "overflows");
	return true;
}

/* Sub-byte elements stand in whole rows of whole bytes, or are not ours. */
static bool
packs(const struct dtype *d, const struct geometry *geometry)
{
	uint64_t row = geometry->rank == 0 ? 1 :
	    geometry->shape[geometry->rank - 1];

	return geometry->offset == 0 && row * d->bits % 8 == 0 &&
	    shape_is_contiguous(geometry->shape, geometry->strides,
	    geometry->rank);
}

/* Where in the storage the tensor starts, in bytes; dies when it does not end
 * there as well. */
static uint64_t
place(const struct word *w, const struct torch_storage *storage,
    const struct dtype *d, const struct geometry *geometry)
{
	unsigned element = dtype_element_bytes(d);
	uint64_t offset;
	uint64_t bytes;
	uint64_t span;
	uint64_t end;

	if (!shape_bytes(d, geometry->shape, geometry->rank, &bytes) ||
	    !shape_span(d, geometry->shape, geometry->strides, geometry->rank,
	    &span) ||
	    __builtin_mul_overflow(geometry->offset, (uint64_t)element,
	    &offset) ||
	    __builtin_add_overflow(offset, storage->first, &offset) ||
	    __builtin_add_overflow(offset, span, &end))
		word_die(w, VREF_MISSING, "tensor", "overflows");
	if (end > storage->bytes)
		word_die(w, VREF_MISSING, "tensor", "lies outside its storage");
	return offset;
}

/* One element of `parts` floats of `width` bytes with its sign bits as
 * the flags want them: conj turns the second part's, neg turns all. */
static void
turn_signs(uint8_t *element, unsigned width, unsigned parts, unsigned bits)
{
	for (unsigned i = 0; i < parts; i++) {
		bool turn = (bits & TORCH_NEG) != 0;

		if (i == 1 && (bits & TORCH_CONJ) != 0)
			turn = !turn;
		if (turn)
			element[(i + 1) * width - 1] ^= 0x80;
	}
}

/* Next index in C order; false after the last. */
static bool
step(uint64_t index[RANK_MAX], const struct geometry *geometry, uint64_t *at)
{
	for (size_t i = geometry->rank; i-- > 0;) {
		*at += geometry->strides[i];
		if (++index[i] < geometry->shape[i])
			return true;
		*at -= geometry->strides[i] * geometry->shape[i];
		index[i] = 0;
	}
	return false;
}

/* Streams the elements in C order with the signs turned. */
static void
stream_turned(const struct word *w, const uint8_t *first,
    const struct dtype *d, unsigned parts, const struct geometry *geometry,
    unsigned bits)
{
	unsigned element = dtype_element_bytes(d);
	uint8_t *chunk = word_chunk(w);
	uint64_t index[RANK_MAX] = { 0 };
	uint64_t at = 0;
	size_t used = 0;
	bool more;

	do {
		memcpy(chunk + used, first + at * element, element);
		turn_signs(chunk + used, element / parts, parts, bits);
		used += element;
		more = step(index, geometry, &at);
		if (used == WORD_CHUNK || !more) {
			sink_data(w->job, chunk, used);
			used = 0;
		}
	} while (more);
}

/* The lazy bits: the storage holds other numbers than the tensor means. */
static bool
send_turned(const struct word *w, const char *suffix,
    const struct torch_storage *storage, const struct dtype *d,
    const struct geometry *geometry, uint64_t offset, unsigned bits)
{
	bool complex = d->code == DTYPE_C32 || d->code == DTYPE_C64 ||
	    d->code == DTYPE_C128;
	bool real = d->code == DTYPE_F16 || d->code == DTYPE_BF16 ||
	    d->code == DTYPE_F32 || d->code == DTYPE_F64;
	struct geometry contiguous = *geometry;
	uint64_t bytes;
	struct tensor_out out = {
		.dtype = d->code,
		.rank = geometry->rank,
		.shape = geometry->shape,
		.strides = contiguous.strides,
	};

	if (!complex && (!real || (bits & TORCH_CONJ) != 0))
		word_die(w, VREF_MISSING, "metadata", "does not fit the dtype");
	if (storage->data == NULL || w->home->big_endian ||
	    !shape_bytes(d, geometry->shape, geometry->rank, &bytes) ||
	    !shape_strides(geometry->shape, geometry->rank,
	    contiguous.strides)) {
		word_leave_out(w, "its conjugate or negative bit cannot be "
		    "applied to bytes that are not at hand");
		return false;
	}
	out.storage = sink_stream(w->job, bytes);
	stream_turned(w, storage->data + offset, d, complex ? 2 : 1, geometry,
	    bits);
	word_send(w, &out, suffix);
	return true;
}

/* Nothing to point at: neither offset nor strides count. */
static void
send_empty(const struct word *w, const char *suffix, struct tensor_out out)
{
	uint64_t strides[RANK_MAX] = { 0 };

	/* torch_geometry_read has counted the elements: none overflows. */
	(void)shape_strides(out.shape, out.rank, strides);
	out.strides = strides;
	word_send(w, &out, suffix);
}

bool
torch_tensor_send(const struct word *w, const char *suffix,
    const struct torch_storage *storage, const struct dtype *d,
    const struct geometry *geometry, unsigned bits)
{
	struct tensor_out out = {
		.dtype = d->code,
		.rank = geometry->rank,
		.shape = geometry->shape,
		.strides = geometry->strides,
		.storage = storage->id,
	};

	if (geometry->count == 0) {
		send_empty(w, suffix, out);
		return true;
	}
	if (dtype_element_bytes(d) == 0 && !packs(d, geometry)) {
		word_leave_out(w, "elements under a byte that are not packed "
		    "in whole rows");
		return false;
	}
	out.offset = place(w, storage, d, geometry);
	if (bits != 0)
		return send_turned(w, suffix, storage, d, geometry, out.offset,
		    bits);
	word_send(w, &out, suffix);
	return true;
}

/* The dict of lazy bits; other keys (a backend's own) change no number.  torch
 * sets a bit whose key is there, whatever its value. */
static unsigned
read_metadata(const struct word *w, vref v)
{
	static const struct {
		const char *name;
		unsigned bit;
	} known[] = { { "conj", TORCH_CONJ }, { "neg", TORCH_NEG } };
	const struct value *dict;
	const uint8_t *at;
	uint64_t len;
	unsigned bits = 0;

	if (v == VREF_MISSING || v == VREF_NONE)
		return 0;
	if (value_kind(w->g, v) != VALUE_DICT)
		word_die(w, v, "metadata", "is not a dict");
	dict = graph_at(w->g, v);
	if (dict->as.seq.count > METADATA_MAX)
		word_die(w, v, "metadata", "is too large");
	for (uint32_t i = 0; i + 1 < dict->as.seq.count; i += 2) {
		if (word_is_opaque(w, dict->as.seq.at[i]))
			word_die(w, v, "metadata", "has a key that may be any");
		if (!value_text(w->g, dict->as.seq.at[i], true, &at, &len))
			continue;
		for (size_t k = 0; k < 2; k++) {
			if (len != strlen(known[k].name) ||
			    memcmp(at, known[k].name, len) != 0)
				continue;
			if (value_kind(w->g, dict->as.seq.at[i + 1]) !=
			    VALUE_BOOL)
				word_die(w, v, "metadata", "is not a bool");
			bits |= known[k].bit;
		}
	}
	return bits;
}

/* requires_grad is a bool (ints are taken by no torch), hooks are not ours. */
static void
check_grad(const struct word *w, vref v)
{
	if (value_kind(w->g, v) != VALUE_BOOL && !word_is_opaque(w, v))
		word_die(w, v, "requires_grad", "is not a bool");
}

/* (storage, offset, size, stride, ...), named as w->path and suffix say. */
static bool
send_rebuilt(const struct word *w, const char *suffix, const struct dtype *view,
    vref metadata)
{
	struct torch_storage storage;
	/* 1 KiB, of which rank numbers are written and read. */
	struct geometry geometry __attribute__((uninitialized));

	if (!torch_storage_read(w, word_arg(w, 0), view, &storage) ||
	    !torch_geometry_read(w, word_arg(w, 1), word_arg(w, 2),
	    word_arg(w, 3), &geometry))
		return false;
	if (view == NULL)
		view = storage.dtype;
	if (view == NULL)	/* untyped: torch takes it for bytes */
		view = dtype_by_code(DTYPE_U8);
	return torch_tensor_send(w, suffix, &storage, view, &geometry,
	    read_metadata(w, metadata));
}

static bool
rebuild_v2(const struct word *w, const char *suffix)
{
	if (w->argc > 4)
		check_grad(w, word_arg(w, 4));
	return send_rebuilt(w, suffix, NULL, word_arg(w, 6));
}

static bool
rebuild_v3(const struct word *w, const char *suffix)
{
	const struct dtype *d = torch_dtype(w->g, word_arg(w, 6));

	check_grad(w, word_arg(w, 4));
	if (d == NULL) {
		if (value_kind(w->g, word_arg(w, 6)) != VALUE_GLOBAL &&
		    !word_is_opaque(w, word_arg(w, 6)))
			word_die(w, word_arg(w, 6), "dtype", "is not one");
		word_leave_out(w, "unknown dtype");
		return false;
	}
	return send_rebuilt(w, suffix, d, word_arg(w, 7));
}

void
torch_rebuild_tensor(struct word *w)
{
	rebuild_v2(w, NULL);
}

void
torch_rebuild_tensor_v3(struct word *w)
{
	rebuild_v3(w, NULL);
}

/* Tensor.__setstate__: four parts are set_(storage, offset, size, stride); of
 * the five of a Variable the first is the tensor. */
void
torch_legacy_state(struct word *w)
{
	uint32_t parts = value_count(w->g, w->state);
	struct word set = *w;

	if (w->argc > 0 || value_kind(w->g, w->state) != VALUE_TUPLE)
		word_not_replaced(w);
	if (value_kind(w->g, w->state) == VALUE_TUPLE && parts == 4) {
		set.args = w->state;
		set.argc = parts;
		send_rebuilt(&set, NULL, NULL, VREF_MISSING);
		return;
	}
	if (value_kind(w->g, w->state) == VALUE_TUPLE && parts == 5) {
		w->inner = value_item(w->g, w->state, 0);
		return;
	}
	w->also = w->state;
	if (!word_attributes(w, w->state)) {
		word_leave_out(w, "its attributes may replace its data");
		return;
	}
	if (w->argc > 0 && word_is_opaque(w, word_arg(w, 0))) {
		w->inner = word_arg(w, 0);
		return;
	}
	word_leave_out(w, "a tensor object without data");
}

bool
torch_component(const struct word *w, vref v, const char *suffix)
{
	const struct value *call;
	struct word inside;
	vref callable;

	for (int depth = 0; depth < 8 && value_kind(w->g, v) == VALUE_CALL;
	    depth++) {
		call = graph_at(w->g, v);
		callable = call->as.call.callable;
		inside = word_inside(w, v, "_rebuild_tensor");
		if (!word_is_whole(&inside, call))
			break;
		if (value_is_global(w->g, callable, "torch._tensor",
		    "_rebuild_from_type_v2")) {
			if (!word_attributes(&inside, word_arg(&inside, 3)))
				break;
			callable = word_arg(&inside, 0);
			inside.args = word_arg(&inside, 2);
			inside.argc = value_count(w->g, inside.args);
		}
		if (value_is_global(w->g, callable, "torch._utils",
		    "_rebuild_tensor_v3") && inside.argc >= 7)
			return rebuild_v3(&inside, suffix);
		if ((value_is_global(w->g, callable, "torch._utils",
		    "_rebuild_tensor_v2") && inside.argc >= 6) ||
		    (value_is_global(w->g, callable, "torch._utils",
		    "_rebuild_tensor") && inside.argc == 4))
			return rebuild_v2(&inside, suffix);
		if (!value_is_global(w->g, callable, "torch._utils",
		    "_rebuild_parameter"))
			break;
		v = word_arg(&inside, 0);
	}
	if (!word_is_opaque(w, v))
		word_die(w, v, suffix, "is not a tensor");
	word_leave_out(w, "a part of it is an unknown object");
	return false;
}
