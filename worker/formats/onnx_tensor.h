/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx_tensor.h - one TensorProto, read and judged before it is sent.
 */
#ifndef WORKER_ONNX_TENSOR_H
#define WORKER_ONNX_TENSOR_H

#include "dtype.h"
#include "onnx_walk.h"

/* external_data: where in another file the elements are. */
struct onnx_far {
	uint32_t seen;			/* keys, a bit each */
	const uint8_t *file;
	uint64_t file_len;
	uint64_t offset;		/* 0 when it is not given */
	uint64_t length;		/* when it is */
};

struct onnx_tensor {
	const struct pb_field *message;
	const struct dtype *dtype;	/* NULL: see left_out */
	const char *left_out;
	const uint8_t *name;
	uint64_t name_len;
	uint64_t shape[RANK_MAX];
	size_t rank;
	uint64_t type;			/* TensorProto.DataType */
	uint64_t nbytes;
	bool external;
	bool raw;			/* at, len are raw_data's */
	uint32_t field;			/* else the one that has the data */
	uint32_t runs;			/* how often it is there */
	const uint8_t *at;		/* of the first run */
	uint64_t len;
	struct onnx_far far;
};

void onnx_tensor_read(struct onnx *o, const struct pb_field *message,
    struct onnx_tensor *t);
void onnx_tensor_send(struct onnx *o, const struct onnx_tensor *t,
    const char *suffix);

/* onnx_external.c: one pair of a key and a value; what must be there whoever
 * reads; all of them, judged (it may become left_out); the box. */
void onnx_external_read(struct onnx *o, const struct pb_field *message,
    struct onnx_far *far);
void onnx_external_need(const struct onnx *o, const struct onnx_tensor *t);
void onnx_external_judge(struct onnx *o, struct onnx_tensor *t);
void onnx_external_send(struct onnx *o, const struct onnx_tensor *t,
    const char *suffix);

#endif
