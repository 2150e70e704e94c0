/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary_names.c - vocabulary_knows(): the names of torch and numpy that
 * honest checkpoints hold.  Clean: what means tensors and plain data.  Unusual:
 * classes whose objects are kept as attributes and items (modules, optimizers).
 * What is not here is for the verdict to judge.
 */
#include "vocabulary.h"

#include <string.h>

#include "dtype.h"

struct known {
	const char *module;
	const char *names;	/* separated by a space each */
	enum verdict called;	/* UNDECIDED: only ever referred to */
};

#define CLEAN VERDICT_CLEAN
#define UNUSUAL VERDICT_UNUSUAL
#define NEVER VERDICT_UNDECIDED

static const struct known known[] = {
	{ "torch._utils", "_rebuild_tensor _rebuild_tensor_v2 "
	    "_rebuild_tensor_v3 _rebuild_parameter "
	    "_rebuild_parameter_with_state _rebuild_qtensor "
	    "_rebuild_sparse_tensor _rebuild_sparse_csr_tensor "
	    "_rebuild_nested_tensor _rebuild_meta_tensor_no_storage "
	    "_rebuild_wrapper_subclass _rebuild_device_tensor_from_numpy "
	    "_rebuild_device_tensor_from_cpu_tensor _rebuild_xla_tensor",
	    CLEAN },
	{ "torch._tensor", "_rebuild_from_type _rebuild_from_type_v2 Tensor",
	    CLEAN },
	{ "torch.tensor", "_rebuild_from_type _rebuild_from_type_v2 Tensor",
	    CLEAN },
	{ "torch.nn.parameter", "Parameter Buffer UninitializedParameter "
	    "UninitializedBuffer", CLEAN },
	{ "torch.nn", "Parameter", CLEAN },
	{ "torch.autograd", "Variable", CLEAN },
	{ "torch.autograd.variable", "Variable", CLEAN },
	{ "torch", "Size Tensor device FloatTensor DoubleTensor HalfTensor "
	    "BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor "
	    "ByteTensor BoolTensor", CLEAN },
	{ "torch.cuda", "FloatTensor DoubleTensor HalfTensor BFloat16Tensor "
	    "LongTensor IntTensor ShortTensor CharTensor ByteTensor "
	    "BoolTensor", CLEAN },
	/* Constants: their pickles are their names. */
	{ "torch", "per_tensor_affine per_channel_affine per_tensor_symmetric "
	    "per_channel_symmetric per_channel_affine_float_qparams "
	    "contiguous_format channels_last channels_last_3d preserve_format "
	    "strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc "
	    "jagged qint8 quint8 qint32", NEVER },
	{ "torch.serialization", "_get_layout", CLEAN },
	/* The bytes inside are a torch file, which is judged by itself. */
	{ "torch.storage", "_load_from_bytes", CLEAN },
	/* Modules pickled whole before torch 1.5 hold its result. */
	{ "torch.nn.backends.thnn", "_get_thnn_function_backend", UNUSUAL },
	{ "torch.jit._pickle", "build_intlist build_tensorlist "
	    "build_doublelist build_boollist build_tensor_from_id "
	    "restore_type_tag", CLEAN },
	{ "numpy", "ndarray dtype", CLEAN },
	{ "numpy", "float16 float32 float64 int8 int16 int32 int64 uint8 "
	    "uint16 uint32 uint64 bool bool_ complex64 complex128 float_ int_ "
	    "str_ bytes_ object_ void longlong ulonglong longdouble", NEVER },
	/* .metadata of a distributed checkpoint: dataclasses and an enum. */
	{ "torch.distributed.checkpoint.metadata", "Metadata "
	    "TensorStorageMetadata BytesStorageMetadata ChunkStorageMetadata "
	    "TensorProperties MetadataIndex StorageMeta "
	    "_MEM_FORMAT_ENCODING", CLEAN },
	{ "torch.distributed.checkpoint.filesystem", "_StorageInfo", CLEAN },
	{ "torch.distributed._shard.sharded_tensor.metadata",
	    "TensorProperties MEM_FORMAT_ENCODING", CLEAN },
	{ "joblib.numpy_pickle", "NumpyArrayWrapper", CLEAN },
	{ "sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper",
	    CLEAN },
	{ "numpy.core.multiarray", "_reconstruct scalar", CLEAN },
	{ "numpy._core.multiarray", "_reconstruct scalar", CLEAN },
	{ "numpy.core.numeric", "_frombuffer", CLEAN },
	{ "numpy._core.numeric", "_frombuffer", CLEAN },
	{ "jax._src.array", "_reconstruct_array", CLEAN },
};

/* Rooms of torch whose classes are objects in honest pickles.  A class is a
 * name in capitals; a function is not, and is no part of this. */
static const char class_rooms[][32] = {
	"torch.nn.modules", "torch.nn.parameter", "torch.nn.parallel",
	"torch.nn.quantized", "torch.nn.intrinsic", "torch.nn.utils",
	"torch.ao.nn", "torch.ao.quantization", "torch.quantization",
	/* Not all of torch.utils.data: loaders and pipes call what they are
	 * given, when they are iterated. */
	"torch.optim", "torch.distributions", "torch.utils.data.dataset",
	"torch.utils.data.distributed", "torch.utils.data.sampler",
	"torch.utils.hooks", "torch.torch_version", "torch.jit._script",
	"torch.distributed.checkpoint", "torch.distributed.device_mesh",
	"torch.distributed.fsdp", "torch.distributed.tensor",
	"torch.distributed._tensor", "torch.distributed._shard",
};

static bool
same(const char *at, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(at, text, len) == 0;
}

static bool
in_list(const char *list, const char *name, size_t len)
{
	while (*list != '\0') {
		size_t word = strcspn(list, " ");

		if (word == len && memcmp(list, name, len) == 0)
			return true;
		list += word;
		list += *list == ' ';
	}
	return false;
}

/* The room itself or a module below it. */
static bool
in_class_room(const char *module, size_t len)
{
	for (size_t i = 0; i < sizeof(class_rooms) / sizeof(class_rooms[0]);
	    i++) {
		size_t room = strlen(class_rooms[i]);

		if (len >= room && memcmp(module, class_rooms[i], room) == 0 &&
		    (len == room || module[room] == '.'))
			return true;
	}
	return false;
}

/* _?[A-Z][A-Za-z0-9_]* */
static bool
is_class_name(const char *name, size_t len)
{
	size_t i = len > 1 && name[0] == '_';

	if (i >= len || name[i] < 'A' || name[i] > 'Z')
		return false;
	for (; i < len; i++)
		if (!((name[i] >= 'A' && name[i] <= 'Z') ||
		    (name[i] >= 'a' && name[i] <= 'z') ||
		    (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
			return false;
	return true;
}

static bool
is_storage(const char *module, size_t module_len, const char *name,
    size_t name_len)
{
	return (same(module, module_len, "torch") ||
	    same(module, module_len, "torch.cuda") ||
	    same(module, module_len, "torch.storage")) &&
	    in_list("FloatStorage HalfStorage BFloat16Storage LongStorage "
	    "IntStorage DoubleStorage BoolStorage ByteStorage CharStorage "
	    "ShortStorage ComplexFloatStorage ComplexDoubleStorage "
	    "QInt8Storage QUInt8Storage QInt32Storage QUInt4x2Storage "
	    "QUInt2x4Storage UntypedStorage _UntypedStorage TypedStorage "
	    "_TypedStorage", name, name_len);
}

enum verdict
vocabulary_knows(const char *module, size_t module_len, const char *name,
    size_t name_len, bool called)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!same(module, module_len, known[i].module) ||
		    !in_list(known[i].names, name, name_len))
			continue;
		return called ? known[i].called : CLEAN;
	}
	if (is_storage(module, module_len, name, name_len))
		return called ? VERDICT_UNDECIDED : CLEAN;
	if (same(module, module_len, "torch") &&
	    dtype_by_torch(name, name_len) != NULL)
		return called ? VERDICT_UNDECIDED : CLEAN;
	if (in_class_room(module, module_len) && is_class_name(name, name_len))
		return UNUSUAL;
	return VERDICT_UNDECIDED;
}
