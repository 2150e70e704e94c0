/* SPDX-License-Identifier: Apache-2.0
 *
 * dtype.c - the table of element types and the arithmetic of shapes.  Every
 * product and sum is overflow-checked; no number here is trusted.
 * Names and widths: safetensors' reference reader (its Dtype enum) and torch
 * 2.13's torch.dtype list.
 */
#include "dtype.h"

#include <string.h>

#include "limits.h"

#define GGML(type, elements, bytes, name) \
	{ DTYPE_GGML + (type), 8 * (bytes), elements, false, name, "" }

static const struct dtype dtypes[] = {
	{ DTYPE_BOOL, 8, 1, true, "BOOL", "bool" },
	{ DTYPE_U8, 8, 1, true, "U8", "uint8" },
	{ DTYPE_I8, 8, 1, true, "I8", "int8" },
	{ DTYPE_I16, 16, 1, true, "I16", "int16" },
	{ DTYPE_U16, 16, 1, true, "U16", "uint16" },
	{ DTYPE_F16, 16, 1, true, "F16", "float16" },
	{ DTYPE_BF16, 16, 1, true, "BF16", "bfloat16" },
	{ DTYPE_I32, 32, 1, true, "I32", "int32" },
	{ DTYPE_U32, 32, 1, true, "U32", "uint32" },
	{ DTYPE_F32, 32, 1, true, "F32", "float32" },
	{ DTYPE_F64, 64, 1, true, "F64", "float64" },
	{ DTYPE_I64, 64, 1, true, "I64", "int64" },
	{ DTYPE_U64, 64, 1, true, "U64", "uint64" },
	{ DTYPE_C64, 64, 1, true, "C64", "complex64" },
	{ DTYPE_C128, 128, 1, false, "C128", "complex128" },
	{ DTYPE_C32, 32, 1, false, "C32", "complex32" },
	{ DTYPE_F8_E5M2, 8, 1, true, "F8_E5M2", "float8_e5m2" },
	{ DTYPE_F8_E4M3, 8, 1, true, "F8_E4M3", "float8_e4m3fn" },
	{ DTYPE_F8_E5M2FNUZ, 8, 1, true, "F8_E5M2FNUZ", "float8_e5m2fnuz" },
	{ DTYPE_F8_E4M3FNUZ, 8, 1, true, "F8_E4M3FNUZ", "float8_e4m3fnuz" },
	{ DTYPE_F8_E8M0, 8, 1, true, "F8_E8M0", "float8_e8m0fnu" },
	{ DTYPE_F4, 4, 1, true, "F4", "" },
	{ DTYPE_F6_E2M3, 6, 1, true, "F6_E2M3", "" },
	{ DTYPE_F6_E3M2, 6, 1, true, "F6_E3M2", "" },
	{ DTYPE_BITS8, 8, 1, false, "BITS8", "bits8" },
	{ DTYPE_BITS16, 16, 1, false, "BITS16", "bits16" },
	{ DTYPE_BITS1X8, 8, 1, false, "BITS1X8", "bits1x8" },
	{ DTYPE_BITS2X4, 8, 1, false, "BITS2X4", "bits2x4" },
	{ DTYPE_BITS4X2, 8, 1, false, "BITS4X2", "bits4x2" },
	{ DTYPE_QU4X2, 4, 1, false, "QU4X2", "quint4x2" },
	{ DTYPE_QU2X4, 2, 1, false, "QU2X4", "quint2x4" },
	{ DTYPE_F4X2, 8, 1, false, "F4X2", "float4_e2m1fn_x2" },
	{ DTYPE_I4, 4, 1, false, "I4", "" },
	{ DTYPE_U4, 4, 1, false, "U4", "" },
	{ DTYPE_I2, 2, 1, false, "I2", "" },
	{ DTYPE_U2, 2, 1, false, "U2", "" },
	/* ggml, ggml.c (type_traits): elements and bytes of a block. */
	GGML(2, 32, 18, "Q4_0"),
	GGML(3, 32, 20, "Q4_1"),
	GGML(6, 32, 22, "Q5_0"),
	GGML(7, 32, 24, "Q5_1"),
	GGML(8, 32, 34, "Q8_0"),
	GGML(9, 32, 36, "Q8_1"),
	GGML(10, 256, 84, "Q2_K"),
	GGML(11, 256, 110, "Q3_K"),
	GGML(12, 256, 144, "Q4_K"),
	GGML(13, 256, 176, "Q5_K"),
	GGML(14, 256, 210, "Q6_K"),
	GGML(15, 256, 292, "Q8_K"),
	GGML(16, 256, 66, "IQ2_XXS"),
	GGML(17, 256, 74, "IQ2_XS"),
	GGML(18, 256, 98, "IQ3_XXS"),
	GGML(19, 256, 50, "IQ1_S"),
	GGML(20, 32, 18, "IQ4_NL"),
	GGML(21, 256, 110, "IQ3_S"),
	GGML(22, 256, 82, "IQ2_S"),
	GGML(23, 256, 136, "IQ4_XS"),
	GGML(29, 256, 56, "IQ1_M"),
	GGML(34, 256, 54, "TQ1_0"),
	GGML(35, 256, 66, "TQ2_0"),
	GGML(39, 32, 17, "MXFP4"),
	GGML(40, 64, 36, "NVFP4"),
	GGML(41, 128, 18, "Q1_0"),
	GGML(42, 64, 18, "Q2_0"),
};
#define DTYPES (sizeof(dtypes) / sizeof(dtypes[0]))

/* The plain types are in the order of their codes, without a gap; ggml's
 * blocks follow them, with gaps. */
const struct dtype *
dtype_by_code(uint32_t code)
{
	if (code > 0 && code <= DTYPE_U2)
		return &dtypes[code - 1];
	for (size_t i = DTYPE_U2; i < DTYPES; i++)
		if (dtypes[i].code == code)
			return &dtypes[i];
	return NULL;
}

static bool
same(const char *known, const char *name, size_t length)
{
	return length > 0 && strlen(known) == length &&
	    memcmp(known, name, length) == 0;
}

const struct dtype *
dtype_by_name(const char *name, size_t length)
{
	for (size_t i = 0; i < DTYPES; i++)
		if (same(dtypes[i].name, name, length))
			return &dtypes[i];
	return NULL;
}

const struct dtype *
dtype_by_torch(const char *name, size_t length)
{
	for (size_t i = 0; i < DTYPES; i++)
		if (same(dtypes[i].torch, name, length))
			return &dtypes[i];
	return NULL;
}

unsigned
dtype_element_bytes(const struct dtype *d)
{
	return d->block == 1 && d->bits % 8 == 0 ? d->bits / 8u : 0;
}

bool
shape_count(const uint64_t *shape, size_t rank, uint64_t *out)
{
	uint64_t count = 1;
	bool empty = false;

	if (rank > RANK_MAX)
		return false;
	/*@ loop invariant 0 <= i <= rank;
	  @ loop assigns i, count, empty;
	  @ loop variant rank - i; */
	for (size_t i = 0; i < rank; i++) {
		if (shape[i] > DIMENSION_MAX)
			return false;
		if (shape[i] == 0)
			empty = true;
		else if (__builtin_mul_overflow(count, shape[i], &count) ||
		    count > INT64_MAX) /* strides are signed for others */
			return false;
	}
	*out = empty ? 0 : count;
	return true;
}

bool
shape_bytes(const struct dtype *d, const uint64_t *shape, size_t rank,
    uint64_t *out)
{
	uint64_t count;
	uint64_t bits;

	if (!shape_count(shape, rank, &count))
		return false;
	if (d->block > 1 && (rank == 0 || shape[rank - 1] % d->block != 0))
		return false;
	if (d->block == 0 || /* no such row; the analyzer cannot see that */
	    __builtin_mul_overflow(count / d->block, (uint64_t)d->bits, &bits))
		return false;
	*out = bits / 8 + (bits % 8 != 0);
	return true;
}

bool
shape_span(const struct dtype *d, const uint64_t *shape,
    const uint64_t *strides, size_t rank, uint64_t *out)
{
	uint64_t count;
	uint64_t last = 0;
	uint64_t step;
	unsigned element = dtype_element_bytes(d);

	if (!shape_count(shape, rank, &count))
		return false;
	if (element == 0) {
		if (!shape_is_contiguous(shape, strides, rank))
			return false;
		return shape_bytes(d, shape, rank, out);
	}
	if (count == 0) {
		*out = 0;
		return true;
	}
	/*@ loop invariant 0 <= i <= rank;
	  @ loop assigns i, last, step;
	  @ loop variant rank - i; */
	for (size_t i = 0; i < rank; i++) {
		if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) ||
		    __builtin_add_overflow(last, step, &last))
			return false;
	}
	if (__builtin_add_overflow(last, 1, &last))
		return false;
	if (__builtin_mul_overflow(last, (uint64_t)element, &last))
		return false;
	*out = last;
	return true;
}

bool
shape_strides(const uint64_t *shape, size_t rank, uint64_t *out)
{
	uint64_t step = 1;

	if (rank > RANK_MAX)
		return false;
	/*@ loop invariant 0 <= i <= rank;
	  @ loop assigns i, step, out[0 .. rank - 1];
	  @ loop variant i; */
	for (size_t i = rank; i-- > 0;) {
		out[i] = step;
		if (shape[i] > 1 &&
		    __builtin_mul_overflow(step, shape[i], &step))
			return false;
	}
	return true;
}

bool
shape_is_contiguous(const uint64_t *shape, const uint64_t *strides, size_t rank)
{
	uint64_t step = 1;

	/*@ loop invariant 0 <= i <= rank;
	  @ loop assigns i;
	  @ loop variant rank - i; */
	for (size_t i = 0; i < rank; i++)
		if (shape[i] == 0)
			return true;
	/*@ loop invariant 0 <= i <= rank;
	  @ loop assigns i, step;
	  @ loop variant i; */
	for (size_t i = rank; i-- > 0;) {
		if (shape[i] == 1)
			continue;
		if (strides[i] != step ||
		    __builtin_mul_overflow(step, shape[i], &step))
			return false;
	}
	return true;
}
