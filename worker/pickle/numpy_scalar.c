/* SPDX-License-Identifier: Apache-2.0
 *
 * numpy_scalar.c - numpy.core.multiarray.scalar(dtype, bytes): a plain number,
 * sent as a scalar where scalars are asked for, never as a tensor.
 */
#include "vocabulary_numpy.h"

#include <string.h>

static double
half(uint64_t bits)
{
	unsigned exponent = bits >> 10 & 0x1f;
	double value = (double)(bits & 0x3ff);

	if (exponent == 31)
		return value != 0 ? __builtin_nan("") : bits >> 15 ?
		    -__builtin_inf() : __builtin_inf();
	if (exponent != 0)
		value += 1024;
	/* 2^-24 units below exponent 1, doubling with each one above. */
	value /= 16777216.0;
	for (unsigned i = 1; i < exponent; i++)
		value *= 2;
	return bits >> 15 ? -value : value;
}

bool
numpy_scalar_value(const struct dtype *d, uint64_t bits, struct scalar_out *out)
{
	unsigned spare = 64 - d->bits % 64;
	float f;

	out->kind = SCALAR_INT;
	if (spare == 64)
		spare = 0;
	if (d->code == DTYPE_BOOL) {
		out->kind = SCALAR_BOOL;
		out->i = bits != 0;
	} else if (d->code == DTYPE_F64) {
		out->kind = SCALAR_FLOAT;
		memcpy(&out->f, &bits, sizeof(out->f));
	} else if (d->code == DTYPE_F32) {
		uint32_t low = (uint32_t)bits;

		out->kind = SCALAR_FLOAT;
		memcpy(&f, &low, sizeof(f));
		out->f = (double)f;
	} else if (d->code == DTYPE_BF16) {
		uint32_t low = (uint32_t)bits << 16;

		out->kind = SCALAR_FLOAT;
		memcpy(&f, &low, sizeof(f));
		out->f = (double)f;
	} else if (d->code == DTYPE_F16) {
		out->kind = SCALAR_FLOAT;
		out->f = half(bits);
	} else if (d->code == DTYPE_I8 || d->code == DTYPE_I16 ||
	    d->code == DTYPE_I32 || d->code == DTYPE_I64) {
		/* Arithmetic shift: the sign is carried down. */
		out->i = (int64_t)(bits << spare) >> spare;
	} else if (bits <= INT64_MAX && (d->code == DTYPE_U8 ||
	    d->code == DTYPE_U16 || d->code == DTYPE_U32 ||
	    d->code == DTYPE_U64)) {
		out->i = (int64_t)bits;
	} else {
		return false;
	}
	return true;
}

/* scalar(dtype, bytes): a plain number, sent only where scalars are asked. */
void
numpy_scalar(struct word *w)
{
	struct scalar_out out = { 0 };
	struct npy_bytes bytes;
	struct npy_dtype d;
	uint8_t raw[16] = { 0 };
	uint64_t bits = 0;
	size_t used;

	if ((w->job->flags & GO_SCALARS) == 0)
		return;
	numpy_dtype_read(w, word_arg(w, 0), &d);
	if (d.refused != NULL || !numpy_bytes_read(w, word_arg(w, 1), &bytes))
		return;
	if (bytes.count != dtype_element_bytes(d.dtype))
		word_die(w, word_arg(w, 1), "data", "differs in length");
	used = numpy_bytes_copy(&bytes, raw, sizeof(raw));
	if (used > 8)
		return;
	if (d.swapped)
		numpy_swap(raw, used, (unsigned)used);
	for (size_t i = used; i-- > 0;)
		bits = bits << 8 | raw[i];
	if (numpy_scalar_value(d.dtype, bits, &out))
		sink_scalar(w->job, w->path, &out);
}
