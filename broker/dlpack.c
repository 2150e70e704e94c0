/* SPDX-License-Identifier: Apache-2.0
 *
 * dlpack.c - a tensor as a DLManagedTensorVersioned, for frameworks in the same
 * process.  The structures are those of the DLPack specification, version 1.0,
 * written out here so that nothing needs its header.  Must never hand out
 * memory that a consumer may write to: the read-only flag is always set.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "error.h"

#define DLPACK_MAJOR 1
#define DLPACK_MINOR 0
#define DLPACK_CPU 1
#define DLPACK_READ_ONLY UINT64_C(1)

/* DLDataTypeCode of version 1.0.  The float8 codes came with 1.1, so a
 * consumer that asked for 1.0 would not know them. */
enum dlpack_code {
	DLPACK_INT = 0,
	DLPACK_UINT = 1,
	DLPACK_FLOAT = 2,
	DLPACK_BFLOAT = 4,
	DLPACK_COMPLEX = 5,
	DLPACK_BOOL = 6
};

struct dlpack_tensor {
	void *data;
	struct {
		int32_t type;
		int32_t id;
	} device;
	int32_t ndim;
	struct {
		uint8_t code;
		uint8_t bits;
		uint16_t lanes;
	} dtype;
	int64_t *shape;
	int64_t *strides;	/* in elements */
	uint64_t byte_offset;
};

struct dlpack_managed {
	struct {
		uint32_t major;
		uint32_t minor;
	} version;
	void *manager_ctx;
	void (*deleter)(struct dlpack_managed *self);
	uint64_t flags;
	struct dlpack_tensor dl_tensor;
};

/* What is handed out, with the numbers that it points to. */
struct export {
	struct dlpack_managed managed;
	int64_t numbers[2 * RANK_MAX];
};

/* -1: DLPack 1.0 has no such type. */
static int
type_code(const struct dtype *d)
{
	switch (d->code) {
	case DTYPE_I8:
	case DTYPE_I16:
	case DTYPE_I32:
	case DTYPE_I64:
		return DLPACK_INT;
	case DTYPE_U8:
	case DTYPE_U16:
	case DTYPE_U32:
	case DTYPE_U64:
		return DLPACK_UINT;
	case DTYPE_F16:
	case DTYPE_F32:
	case DTYPE_F64:
		return DLPACK_FLOAT;
	case DTYPE_BF16:
		return DLPACK_BFLOAT;
	case DTYPE_C32:
	case DTYPE_C64:
	case DTYPE_C128:
		return DLPACK_COMPLEX;
	case DTYPE_BOOL:
		return DLPACK_BOOL;
	default:
		return -1;
	}
}

static void
release(struct dlpack_managed *self)
{
	if (self == NULL)
		return;
	pfork_checkpoint_unref(self->manager_ctx);
	free(self);
}

/* The bytes are contiguous, so the strides are C order; given in full, since
 * DLPack 1.2 no longer allows NULL. */
static void
fill_tensor(struct export *e, const pfork_tensor *t, const void *data, int code)
{
	struct dlpack_tensor *d = &e->managed.dl_tensor;
	uint64_t strides[RANK_MAX];

	d->shape = e->numbers;
	d->strides = e->numbers + RANK_MAX;
	(void)shape_strides(t->shape, t->rank, strides);
	for (size_t i = 0; i < t->rank; i++) {
		d->shape[i] = (int64_t)t->shape[i];
		d->strides[i] = (int64_t)strides[i];
	}
	d->ndim = t->rank;
	/* The specification: NULL for a tensor of size zero. */
	d->data = t->nbytes == 0 ? NULL : (void *)(uintptr_t)data;
	d->device.type = DLPACK_CPU;
	d->dtype.code = (uint8_t)code;
	d->dtype.bits = (uint8_t)t->dtype->bits;
	d->dtype.lanes = 1;
}

enum pfork_code
pfork_tensor_dlpack(const pfork_tensor *t, void **out, pfork_error *err)
{
	struct export *e;
	const void *data;
	enum pfork_code code;
	int type;

	if (t == NULL || out == NULL)
		return error_set(err, PFORK_E_ARGS, 0, PFORK_NO_OFFSET,
		    "no tensor, or nowhere to put the export");
	type = type_code(t->dtype);
	if (type < 0)
		return error_set(err, PFORK_E_UNSUPPORTED, 0, PFORK_NO_OFFSET,
		    "DLPack 1.0 has no type for %s", t->dtype->name);
	code = pfork_tensor_data(t, &data, err);
	if (code != PFORK_OK)
		return code;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return error_set(err, PFORK_E_SYSTEM, ENOMEM, PFORK_NO_OFFSET,
		    "no memory for the export");
	e->managed.version.major = DLPACK_MAJOR;
	e->managed.version.minor = DLPACK_MINOR;
	e->managed.manager_ctx = pfork_checkpoint_ref(t->owner);
	e->managed.deleter = release;
	e->managed.flags = DLPACK_READ_ONLY;
	fill_tensor(e, t, data, type);
	*out = e;
	return PFORK_OK;
}
