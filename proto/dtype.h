/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.h - the element types that a tensor may have, and the overflow-checked
 * arithmetic of shapes.  One closed table, shared by both sides; pure.
 * Codes are wire numbers: never reuse one.
 */
#ifndef PROTO_DTYPE_H
#define PROTO_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype_code {
	DTYPE_NONE = 0,
	DTYPE_BOOL = 1,
	DTYPE_U8 = 2,
	DTYPE_I8 = 3,
	DTYPE_I16 = 4,
	DTYPE_U16 = 5,
	DTYPE_F16 = 6,
	DTYPE_BF16 = 7,
	DTYPE_I32 = 8,
	DTYPE_U32 = 9,
	DTYPE_F32 = 10,
	DTYPE_F64 = 11,
	DTYPE_I64 = 12,
	DTYPE_U64 = 13,
	DTYPE_C64 = 14,
	DTYPE_C128 = 15,	/* torch.complex128 */
	DTYPE_C32 = 16,		/* torch.complex32 */
	DTYPE_F8_E5M2 = 17,
	DTYPE_F8_E4M3 = 18,
	DTYPE_F8_E5M2FNUZ = 19,
	DTYPE_F8_E4M3FNUZ = 20,
	DTYPE_F8_E8M0 = 21,
	DTYPE_F4 = 22,
	DTYPE_F6_E2M3 = 23,
	DTYPE_F6_E3M2 = 24,
	DTYPE_BITS8 = 25,	/* torch.bits8 and its sisters: opaque bytes */
	DTYPE_BITS16 = 26,
	DTYPE_BITS1X8 = 27,
	DTYPE_BITS2X4 = 28,
	DTYPE_BITS4X2 = 29,
	DTYPE_QU4X2 = 30,	/* torch.quint4x2: two elements a byte */
	DTYPE_QU2X4 = 31,	/* torch.quint2x4: four elements a byte */
	DTYPE_F4X2 = 32,	/* torch.float4_e2m1fn_x2: an element is a byte
				 * that holds two F4 values */
	/* ONNX and ml_dtypes: the first element in the lowest bits. */
	DTYPE_I4 = 33,
	DTYPE_U4 = 34,
	DTYPE_I2 = 35,
	DTYPE_U2 = 36,
	DTYPE_GGML = 64		/* and up: DTYPE_GGML + n is ggml's type n where
				 * that is one of blocks, which stay as they
				 * are (Q4_0, IQ2_XXS, MXFP4, ...) */
};

struct dtype {
	uint16_t code;
	uint16_t bits;		/* of one block */
	uint16_t block;		/* elements in one block; 1 for plain types */
	bool safetensors;	/* the name is one that safetensors has */
	/* No pointers, which would be relocated whenever a worker starts. */
	char name[16];
	char torch[18];		/* torch's name, empty when it has none */
};

/* NULL when there is no such dtype. */
const struct dtype *dtype_by_code(uint32_t code);
const struct dtype *dtype_by_name(const char *name, size_t length);
const struct dtype *dtype_by_torch(const char *name, size_t length);
/* Whole bytes an element, for types that views with strides may have; 0 for
 * sub-byte and block types, which must be contiguous. */
/*@ requires \valid_read(d);
  @ assigns \nothing; */
unsigned dtype_element_bytes(const struct dtype *d);

/* Each returns false on overflow or where a rule of the type is broken, and
 * then leaves *out alone.  shape_count: the product (1 for rank 0).
 * shape_bytes: bytes when contiguous (sub-byte types rounded up; block types
 * need a whole number of blocks in the last dimension).
 * shape_span: bytes from the first element to the end of the last one, 0 for an
 * empty tensor.  shape_strides: C order (0 elements: computed as if each
 * zero dimension were 1, as torch does); out holds rank numbers.
 * shape_is_contiguous: strides are C order, dimensions of size 1 ignored.
 * (64 is RANK_MAX; the comments with an @ are what `make prove` proves.) */
/*@ requires (rank == 0 || rank > 64 ||
  @     \valid_read(shape + (0 .. rank - 1))) && \valid(out);
  @ assigns *out;
  @ ensures \result != 0 ==> rank <= 64 && \initialized(out); */
bool shape_count(const uint64_t *shape, size_t rank, uint64_t *out);
/*@ requires (rank == 0 || rank > 64 ||
  @     \valid_read(shape + (0 .. rank - 1))) && \valid(out) &&
  @     \valid_read(d) && \separated(d, out);
  @ assigns *out;
  @ ensures \result != 0 ==> \initialized(out); */
bool shape_bytes(const struct dtype *d, const uint64_t *shape, size_t rank,
    uint64_t *out);
/*@ requires (rank == 0 || rank > 64 ||
  @     (\valid_read(shape + (0 .. rank - 1)) &&
  @     \valid_read(strides + (0 .. rank - 1)))) && \valid(out) &&
  @     \valid_read(d) && \separated(d, out);
  @ assigns *out;
  @ ensures \result != 0 ==> \initialized(out); */
bool shape_span(const struct dtype *d, const uint64_t *shape,
    const uint64_t *strides, size_t rank, uint64_t *out);
/*@ requires rank == 0 || rank > 64 ||
  @     (\valid_read(shape + (0 .. rank - 1)) &&
  @     \valid(out + (0 .. rank - 1)) &&
  @     \separated(shape + (0 .. rank - 1), out + (0 .. rank - 1)));
  @ assigns out[0 .. rank - 1]; */
bool shape_strides(const uint64_t *shape, size_t rank, uint64_t *out);
/*@ requires rank == 0 || (\valid_read(shape + (0 .. rank - 1)) &&
  @     \valid_read(strides + (0 .. rank - 1)));
  @ assigns \nothing; */
bool shape_is_contiguous(const uint64_t *shape, const uint64_t *strides,
    size_t rank);

#endif
