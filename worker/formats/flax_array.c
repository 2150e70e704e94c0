/* SPDX-License-Identifier: Apache-2.0
 *
 * flax_array.c - see flax_array.h.  Source: flax 0.12, flax/serialization.py,
 * _ndarray_to_bytes and _ndarray_from_bytes.  The bytes are in C order and, as
 * flax reads them, little-endian.
 */
#include "flax_array.h"

#include <string.h>

/* No dtype that flax knows has a longer name. */
#define NAME_LONGEST 32

const struct dtype *
flax_dtype(const uint8_t *name, uint64_t length)
{
	const struct dtype *d;

	if (length > NAME_LONGEST)
		return NULL;
	/* numpy's names, and those of ml_dtypes, are torch's. */
	d = dtype_by_torch((const char *)name, (size_t)length);
	if (d == NULL || dtype_element_bytes(d) == 0 ||
	    (!d->safetensors && d->code != DTYPE_C128))
		return NULL;
	return d;
}

bool
flax_array_is(const struct mp_token *ext)
{
	struct cursor c;
	struct mp_token t;
	uint64_t rank;

	if (ext->kind != MP_EXT ||
	    (ext->type != FLAX_NDARRAY && ext->type != FLAX_SCALAR))
		return false;
	c = cursor_over(ext->at, (size_t)ext->len);
	if (!mp_next(&c, &t) || t.kind != MP_ARRAY || t.len != 3 ||
	    !mp_next(&c, &t) || t.kind != MP_ARRAY || t.len > RANK_MAX)
		return false;
	rank = t.len;
	for (uint64_t i = 0; i < rank; i++)
		if (!mp_next(&c, &t) || t.kind != MP_INT || t.i < 0)
			return false;
	return mp_next(&c, &t) && t.kind == MP_TEXT && t.len > 2 &&
	    t.len <= NAME_LONGEST && mp_next(&c, &t) && t.kind == MP_BYTES &&
	    c.left == 0;
}

static void __attribute__((noreturn))
bad(struct job *job, const uint8_t *at, const char *text)
{
	die(job, FAULT_FORMAT, (uint64_t)(at - job->map), text);
}

static void
read_shape(struct job *job, struct cursor *c, struct flax_array *a)
{
	const uint8_t *here = c->at;
	struct mp_token t;
	uint64_t rank;

	if (!mp_next(c, &t) || t.kind != MP_ARRAY)
		bad(job, here, "flax: an array without a shape");
	rank = t.len;
	for (uint64_t i = 0; i < rank; i++) {
		here = c->at;
		if (!mp_next(c, &t) || t.kind != MP_INT || t.i < 0)
			bad(job, here, "flax: a dimension that is none");
		if (i < RANK_MAX)
			a->shape[i] = (uint64_t)t.i;
	}
	a->rank = rank <= RANK_MAX ? (size_t)rank : 0;
	if (rank > RANK_MAX)
		a->left_out = "it has more than 64 dimensions";
}

void
flax_array_read(struct job *job, const struct mp_token *ext,
    struct flax_array *out)
{
	struct cursor c = cursor_over(ext->at, (size_t)ext->len);
	struct mp_token t;
	const uint8_t *here = c.at;
	uint64_t bytes;

	out->dtype = NULL;
	out->left_out = NULL;
	if (!mp_next(&c, &t) || t.kind != MP_ARRAY || t.len != 3)
		bad(job, here, "flax: an array is not three values");
	read_shape(job, &c, out);
	here = c.at;
	if (!mp_next(&c, &t) || (t.kind != MP_TEXT && t.kind != MP_BYTES))
		bad(job, here, "flax: an array without a dtype");
	out->dtype = flax_dtype(t.at, t.len);
	if (out->dtype == NULL)
		out->left_out = "its dtype is not one of a tensor here";
	here = c.at;
	if (!mp_next(&c, &t) || (t.kind != MP_BYTES && t.kind != MP_TEXT))
		bad(job, here, "flax: an array without bytes");
	out->at = t.at;
	out->len = t.len;
	if (c.left != 0)
		bad(job, c.at, "flax: bytes after an array");
	if (out->left_out != NULL)
		return;
	if (!shape_bytes(out->dtype, out->shape, out->rank, &bytes))
		bad(job, ext->at, "flax: shape overflows");
	if (bytes != out->len)
		bad(job, here, "flax: an array's bytes do not fit its shape");
}
