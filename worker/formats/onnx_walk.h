/* SPDX-License-Identifier: Apache-2.0
 *
 * onnx_walk.h - the walk of an ONNX model, and what its files share.
 */
#ifndef WORKER_ONNX_WALK_H
#define WORKER_ONNX_WALK_H

#include "protobuf_read.h"
#include "sink.h"
#include "unique.h"

struct onnx {
	struct job *job;
	struct onnx_frame *frames;
	struct path_part *parts;
	uint64_t depth;		/* of frames */
	size_t path;		/* parts in use */
	uint64_t fields;	/* seen so far */
	struct unique files;	/* with external data, that were noted */
};

uint64_t onnx_offset(const struct onnx *o, const uint8_t *at);
void onnx_bad(const struct onnx *o, const uint8_t *at, const char *text)
    __attribute__((noreturn));
/* pb_next, which dies at what is no field, and counts. */
bool onnx_next(struct onnx *o, struct cursor *c, struct pb_field *out);
/* A field that must be a message, a text or bytes. */
void onnx_need_bytes(const struct onnx *o, const struct pb_field *f);
/* The text of a name, judged to be UTF-8; an empty one is `otherwise`. */
struct path_part onnx_part(const struct onnx *o, const uint8_t *at,
    uint64_t len, const char *otherwise);

/* onnx_tensor.c.  named: under the path at hand and the tensor's own name;
 * otherwise under the path alone. */
void onnx_tensor(struct onnx *o, const struct pb_field *message, bool named);
/* onnx_sparse.c */
void onnx_sparse(struct onnx *o, const struct pb_field *message, bool named);

#endif
