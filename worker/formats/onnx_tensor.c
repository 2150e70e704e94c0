/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx_tensor.c - a TensorProto: dims, data_type, and its elements either as
 * raw_data (an extent), in one packed run of floats (an extent too), or as
 * varints, which are streamed.  Elements must fill the shape exactly, and stand
 * in the field that their type has.
 * Source: onnx 1.23, onnx/onnx.proto3 and onnx/numpy_helper.py (to_array).
 */
#include "onnx_tensor.h"

#include <string.h>

/* Fields of TensorProto. */
enum {
	DIMS = 1, DATA_TYPE = 2, SEGMENT = 3, FLOAT_DATA = 4, INT32_DATA = 5,
	STRING_DATA = 6, INT64_DATA = 7, NAME = 8, RAW_DATA = 9,
	DOUBLE_DATA = 10, UINT64_DATA = 11, EXTERNAL_DATA = 13,
	DATA_LOCATION = 14
};
#define ONCE(number) (1u << (number))
#define SINGULAR (ONCE(DATA_TYPE) | ONCE(SEGMENT) | ONCE(NAME) | \
	ONCE(RAW_DATA) | ONCE(DATA_LOCATION))

/* TensorProto.DataType: our dtype, and the field of its elements. */
static const struct type {
	uint8_t dtype;
	uint8_t field;
} types[] = {
	[1] = { DTYPE_F32, FLOAT_DATA },
	[2] = { DTYPE_U8, INT32_DATA },
	[3] = { DTYPE_I8, INT32_DATA },
	[4] = { DTYPE_U16, INT32_DATA },
	[5] = { DTYPE_I16, INT32_DATA },
	[6] = { DTYPE_I32, INT32_DATA },
	[7] = { DTYPE_I64, INT64_DATA },
	[8] = { DTYPE_NONE, STRING_DATA },
	[9] = { DTYPE_BOOL, INT32_DATA },
	[10] = { DTYPE_F16, INT32_DATA },
	[11] = { DTYPE_F64, DOUBLE_DATA },
	[12] = { DTYPE_U32, UINT64_DATA },
	[13] = { DTYPE_U64, UINT64_DATA },
	[14] = { DTYPE_C64, FLOAT_DATA },
	[15] = { DTYPE_C128, DOUBLE_DATA },
	[16] = { DTYPE_BF16, INT32_DATA },
	[17] = { DTYPE_F8_E4M3, INT32_DATA },
	[18] = { DTYPE_F8_E4M3FNUZ, INT32_DATA },
	[19] = { DTYPE_F8_E5M2, INT32_DATA },
	[20] = { DTYPE_F8_E5M2FNUZ, INT32_DATA },
	[21] = { DTYPE_U4, INT32_DATA },
	[22] = { DTYPE_I4, INT32_DATA },
	[23] = { DTYPE_F4, INT32_DATA },
	[24] = { DTYPE_F8_E8M0, INT32_DATA },
	[25] = { DTYPE_U2, INT32_DATA },
	[26] = { DTYPE_I2, INT32_DATA },
	[27] = { DTYPE_F6_E2M3, INT32_DATA },
	[28] = { DTYPE_F6_E3M2, INT32_DATA },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static void
add_dim(struct onnx *o, struct onnx_tensor *t, uint64_t *rank, uint64_t dim,
    const uint8_t *at)
{
	if (dim > INT64_MAX)
		onnx_bad(o, at, "onnx: a negative dimension");
	if (*rank < RANK_MAX)
		t->shape[*rank] = dim;
	++*rank;
}

static void
read_dims(struct onnx *o, struct onnx_tensor *t, uint64_t *rank,
    const struct pb_field *f)
{
	struct cursor c = pb_inside(f);

	if (f->wire == PB_VARINT) {
		add_dim(o, t, rank, f->value, f->at);
		return;
	}
	onnx_need_bytes(o, f);
	while (c.left > 0 && !c.bad)
		add_dim(o, t, rank, pb_varint(&c), f->at);
	if (c.bad)
		onnx_bad(o, f->at, "onnx: dims are cut short");
}

static void
read_data(struct onnx *o, struct onnx_tensor *t, const struct pb_field *f)
{
	if (t->raw || (t->runs > 0 && t->field != f->number))
		onnx_bad(o, f->at, "onnx: a tensor has its data twice");
	if (t->runs++ > 0)
		return;
	t->field = f->number;
	t->at = f->at;
	t->len = f->wire == PB_BYTES ? f->len : 0;
}

static void
read_field(struct onnx *o, struct onnx_tensor *t, uint64_t *rank,
    const struct pb_field *f)
{
	switch (f->number) {
	case DIMS:
		read_dims(o, t, rank, f);
		break;
	case DATA_TYPE:
	case DATA_LOCATION:
		if (f->wire != PB_VARINT)
			onnx_bad(o, f->at, "onnx: a number is none");
		if (f->number == DATA_TYPE)
			t->type = f->value;
		else
			t->external = f->value != 0;
		break;
	case SEGMENT:
		t->left_out = "it is a segment of a tensor";
		break;
	case NAME:
		onnx_need_bytes(o, f);
		t->name = f->at;
		t->name_len = f->len;
		break;
	case RAW_DATA:
		onnx_need_bytes(o, f);
		read_data(o, t, f);
		t->raw = true;
		break;
	case FLOAT_DATA:
	case INT32_DATA:
	case STRING_DATA:
	case INT64_DATA:
	case DOUBLE_DATA:
	case UINT64_DATA:
		read_data(o, t, f);
		break;
	case EXTERNAL_DATA:
		onnx_need_bytes(o, f);
		onnx_external_read(o, f, &t->far);
		break;
	default:
		break;
	}
}

static void
judge_type(const struct onnx *o, struct onnx_tensor *t)
{
	if (t->type == 0 || t->type >= TYPES)
		t->left_out = "its data type is not known";
	else if (types[t->type].dtype == DTYPE_NONE)
		t->left_out = "text is no tensor";
	else
		t->dtype = dtype_by_code(types[t->type].dtype);
	if (t->dtype != NULL && t->dtype->bits == 6 && !t->raw && t->runs > 0)
		t->left_out = "6-bit elements that are not packed";
	if (t->external && (o->job->flags & GO_PIECES) == 0)
		t->left_out = "its data is in another file";
}

/* Bytes that one value of the field makes. */
static unsigned
unit(const struct onnx_tensor *t)
{
	if (t->field == FLOAT_DATA)
		return 4;
	if (t->field == DOUBLE_DATA)
		return 8;
	return t->dtype->bits < 8 ? 1 : t->dtype->bits / 8u;
}

void
onnx_tensor_read(struct onnx *o, const struct pb_field *message,
    struct onnx_tensor *t)
{
	struct cursor c = pb_inside(message);
	struct pb_field f;
	uint64_t rank = 0;
	uint32_t seen = 0;

	memset(t, 0, sizeof(*t));
	t->message = message;
	while (onnx_next(o, &c, &f)) {
		if (f.number < 32 && (SINGULAR & seen & ONCE(f.number)) != 0)
			onnx_bad(o, f.at, "onnx: a tensor's field is there "
			    "twice");
		if (f.number < 32)
			seen |= ONCE(f.number);
		read_field(o, t, &rank, &f);
	}
	t->rank = rank <= RANK_MAX ? (size_t)rank : 0;
	if (rank > RANK_MAX)
		t->left_out = "it has more than 64 dimensions";
	if (t->external)
		onnx_external_need(o, t);
	judge_type(o, t);
	if (t->left_out != NULL)
		return;
	if (!shape_bytes(t->dtype, t->shape, t->rank, &t->nbytes))
		onnx_bad(o, message->at, "onnx: shape overflows");
	if (t->external) {
		onnx_external_judge(o, t);
		return;
	}
	if (!t->raw && t->runs > 0 && t->field != types[t->type].field)
		onnx_bad(o, t->at, "onnx: data in a field that its type does "
		    "not have");
	if ((t->raw || t->runs == 0) && t->len != t->nbytes)
		onnx_bad(o, t->runs == 0 ? message->at : t->at,
		    "onnx: the data does not fit the shape");
}

/* -------------------------------------------------------------- values -- */

struct values {
	struct onnx *o;
	const struct onnx_tensor *t;
	unsigned unit;
	uint64_t left;		/* bytes that the shape still wants */
	bool send;
	size_t used;
	uint8_t buffer[4096];
};

static void
put(struct values *v, uint64_t bits, const uint8_t *at)
{
	if (v->left < v->unit)
		onnx_bad(v->o, at, "onnx: the data does not fit the shape");
	v->left -= v->unit;
	if (!v->send)
		return;
	if (v->used + v->unit > sizeof(v->buffer)) {
		sink_data(v->o->job, v->buffer, v->used);
		v->used = 0;
	}
	for (unsigned i = 0; i < v->unit; i++)
		v->buffer[v->used++] = (uint8_t)(bits >> 8 * i);
}

/* A number of a field that is wider than the element: both ways to write it,
 * signed and not, mean the same bits, and anything beyond means nothing. */
static void
put_varint(struct values *v, uint64_t value, const uint8_t *at)
{
	unsigned bits = 8 * v->unit;
	int64_t low = bits < 64 ? -(INT64_C(1) << (bits - 1)) : INT64_MIN;

	if (bits < 64 && value >> bits != 0 && !(v->t->field == INT32_DATA &&
	    (int64_t)value < 0 && (int64_t)value >= low))
		onnx_bad(v->o, at, "onnx: a value that its type does not have");
	if (v->t->type == 9 && value > 1)
		onnx_bad(v->o, at, "onnx: a value that its type does not have");
	put(v, value, at);
}

static bool
is_fixed(const struct onnx_tensor *t)
{
	return t->field == FLOAT_DATA || t->field == DOUBLE_DATA;
}

static void
take_run(struct values *v, const struct pb_field *f)
{
	bool fixed = is_fixed(v->t);
	enum pb_wire wire = !fixed ? PB_VARINT :
	    v->unit == 4 ? PB_FIXED32 : PB_FIXED64;
	struct cursor c = pb_inside(f);

	if (f->wire == wire) {
		if (fixed)
			put(v, f->value, f->at);
		else
			put_varint(v, f->value, f->at);
		return;
	}
	onnx_need_bytes(v->o, f);
	while (c.left > 0 && !c.bad) {
		if (!fixed)
			put_varint(v, pb_varint(&c), f->at);
		else
			put(v, v->unit == 4 ? cursor_u32le(&c) :
			    cursor_u64le(&c), f->at);
	}
	if (c.bad)
		onnx_bad(v->o, f->at, "onnx: data is cut inside a value");
}

/* Once to judge, once to send. */
static void
walk_values(struct values *v)
{
	struct cursor c = pb_inside(v->t->message);
	struct pb_field f;

	while (pb_next(&c, &f))
		if (f.number == v->t->field)
			take_run(v, &f);
	if (v->left != 0)
		onnx_bad(v->o, v->t->at,
		    "onnx: the data does not fit the shape");
	if (v->used > 0)
		sink_data(v->o->job, v->buffer, v->used);
}

static uint32_t
make_storage(struct onnx *o, const struct onnx_tensor *t)
{
	struct values v;
	uint32_t storage;

	if (t->raw)
		return sink_extent(o->job, onnx_offset(o, t->at), t->len);
	if (t->runs == 0)
		return sink_stream(o->job, 0);
	v.o = o;
	v.t = t;
	v.unit = unit(t);
	v.left = t->nbytes;
	v.send = false;
	v.used = 0;
	walk_values(&v);
	if (is_fixed(t) && t->runs == 1 && t->len == t->nbytes)
		return sink_extent(o->job, onnx_offset(o, t->at), t->len);
	storage = sink_stream(o->job, t->nbytes);
	v.left = t->nbytes;
	v.send = true;
	walk_values(&v);
	return storage;
}

void
onnx_tensor_send(struct onnx *o, const struct onnx_tensor *t,
    const char *suffix)
{
	uint64_t strides[RANK_MAX];
	struct tensor_out out = {
		.path = { o->parts, o->path, suffix },
		.rank = t->rank, .shape = t->shape, .strides = strides,
		.where = onnx_offset(o, t->message->at)
	};

	if (t->left_out != NULL) {
		sink_skip(o->job, &out.path, VERDICT_CLEAN, out.where,
		    t->left_out);
		return;
	}
	if (t->external) {
		onnx_external_send(o, t, suffix);
		return;
	}
	if (!shape_strides(t->shape, t->rank, strides))
		onnx_bad(o, t->message->at, "onnx: strides overflow");
	out.dtype = t->dtype->code;
	out.storage = make_storage(o, t);
	sink_tensor(o->job, &out);
	sink_progress(o->job, out.where, o->job->size);
}

void
onnx_tensor(struct onnx *o, const struct pb_field *message, bool named)
{
	struct onnx_tensor t;

	onnx_tensor_read(o, message, &t);
	if (named)
		o->parts[o->path++] = onnx_part(o, t.name, t.name_len, "");
	onnx_tensor_send(o, &t, NULL);
	if (named)
		o->path--;
}
