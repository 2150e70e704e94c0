/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx_sparse.c - a SparseTensorProto, as its parts: NAME.values, NAME.indices
 * and NAME.size.  Where the indices point is not judged: nothing here follows
 * them.
 * Source: onnx 1.23, onnx/onnx.proto3 (values 1, indices 2, dims 3).
 */
#include <string.h>

#include "onnx_tensor.h"

struct sparse {
	struct pb_field values;
	struct pb_field indices;
	uint64_t dims[RANK_MAX];
	uint64_t rank;
};

static void
take_dim(struct onnx *o, struct sparse *s, uint64_t dim, const uint8_t *at)
{
	if (dim > INT64_MAX)
		onnx_bad(o, at, "onnx: a negative dimension");
	if (s->rank >= RANK_MAX)
		onnx_bad(o, at, "onnx: a sparse tensor of over 64 dimensions");
	s->dims[s->rank++] = dim;
}

static void
take_message(struct onnx *o, struct pb_field *out, const struct pb_field *f)
{
	onnx_need_bytes(o, f);
	if (out->at != NULL)
		onnx_bad(o, f->at, "onnx: a tensor's field is there twice");
	*out = *f;
}

static void
read_sparse(struct onnx *o, const struct pb_field *message, struct sparse *s)
{
	struct cursor c = pb_inside(message);
	struct cursor dims;
	struct pb_field f;

	memset(s, 0, sizeof(*s));
	while (onnx_next(o, &c, &f)) {
		if (f.number == 1)
			take_message(o, &s->values, &f);
		if (f.number == 2)
			take_message(o, &s->indices, &f);
		if (f.number != 3)
			continue;
		if (f.wire == PB_VARINT) {
			take_dim(o, s, f.value, f.at);
			continue;
		}
		onnx_need_bytes(o, &f);
		dims = pb_inside(&f);
		while (dims.left > 0 && !dims.bad)
			take_dim(o, s, pb_varint(&dims), f.at);
		if (dims.bad)
			onnx_bad(o, f.at, "onnx: dims are cut short");
	}
	if (s->values.at == NULL || s->indices.at == NULL)
		onnx_bad(o, message->at,
		    "onnx: a sparse tensor without values or indices");
}

static void
send_size(struct onnx *o, const struct sparse *s, uint64_t where)
{
	static const uint64_t stride = 1;
	uint8_t bytes[8 * RANK_MAX];
	struct tensor_out out = {
		.path = { o->parts, o->path, "size" }, .dtype = DTYPE_I64,
		.rank = 1, .shape = &s->rank, .strides = &stride,
		.where = where
	};

	for (size_t i = 0; i < 8 * s->rank; i++)
		bytes[i] = (uint8_t)(s->dims[i / 8] >> 8 * (i % 8));
	out.storage = sink_stream(o->job, 8 * s->rank);
	if (s->rank > 0)
		sink_data(o->job, bytes, (size_t)(8 * s->rank));
	sink_tensor(o->job, &out);
}

void
onnx_sparse(struct onnx *o, const struct pb_field *message, bool named)
{
	struct sparse s;
	struct onnx_tensor t;

	read_sparse(o, message, &s);
	onnx_tensor_read(o, &s.values, &t);
	if (named)
		o->parts[o->path++] = onnx_part(o, t.name, t.name_len, "");
	onnx_tensor_send(o, &t, "values");
	onnx_tensor_read(o, &s.indices, &t);
	onnx_tensor_send(o, &t, "indices");
	send_size(o, &s, onnx_offset(o, message->at));
	if (named)
		o->path--;
}
