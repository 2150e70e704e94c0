/* SPDX-License-Identifier: Apache-2.0
 *
 * looks.c - see looks.h.  A person who gave us the wrong file wants to know
 * which one it was.  Looks at a few bytes; decides nothing.
 */
#include "looks.h"

#include <string.h>

#include "digit.h"
#include "protobuf_read.h"
#include "tar.h"
#include "zip_parts.h"

#define NOT "no format that is read here: "
#define GGML "looks like GGML (before GGUF); convert it with llama.cpp's " \
	"convert_llama_ggml_to_gguf.py"

#define HDF5 "looks like HDF5 (Keras .h5); save it as safetensors where it " \
	"can be trusted"
#define TORCH7 "looks like Torch7 (.t7); torchfile and numpy.savez turn it " \
	"into npz"
#define OCDBT "looks like a file of an Orbax checkpoint (OCDBT); restore it " \
	"with orbax and save it with flax.serialization"
#define TAR "looks like a tar archive; unpack it first"
#define OWN "; its own loader runs no code"

/* format: empty for what no loader of checkpoints takes.  No pointers: see
 * names_tables.h. */
static const struct magic {
	uint16_t offset;
	uint8_t length;
	char bytes[24];
	char format[20];
	char text[144];
} magics[] = {
	{ 0, 8, "\x89HDF\r\n\x1a\n", "hdf5", NOT HDF5 },
	/* Behind a user block; MATLAB 7.3 has one of 512 bytes. */
	{ 512, 8, "\x89HDF\r\n\x1a\n", "hdf5", NOT HDF5 },
	{ 1024, 8, "\x89HDF\r\n\x1a\n", "hdf5", NOT HDF5 },
	{ 2048, 8, "\x89HDF\r\n\x1a\n", "hdf5", NOT HDF5 },
	/* Words of 32 bits: 'ggml', 'ggmf', 'ggjt', 'ggla'. */
	{ 0, 4, "lmgg", "ggml", NOT GGML },
	{ 0, 4, "fmgg", "ggml", NOT GGML },
	{ 0, 4, "tjgg", "ggml", NOT GGML },
	{ 0, 4, "algg", "ggml", NOT GGML },
	/* TYPE_TORCH, its index, the length of "V 1"; in either form. */
	{ 0, 15, "\4\0\0\0\1\0\0\0\3\0\0\0V 1", "torch7",
	    NOT TORCH7 },
	{ 0, 9, "4\n1\n3\nV 1", "torch7", NOT TORCH7 },
	{ 4, 4, "TFL3", "tflite", NOT "looks like TensorFlow Lite; convert it "
	    "with tf2onnx --tflite" },
	{ 4, 4, "PTMF", "torch-mobile", NOT "looks like PyTorch Mobile's "
	    "flatbuffer (.ptl); save it again as TorchScript" },
	{ 4, 4, "ET12", "executorch", NOT "looks like ExecuTorch (.pte); take "
	    "the checkpoint that it was made of" },
	/* tensorstore's kvstore/ocdbt/format: manifest, two kinds of nodes. */
	{ 0, 4, "\x0c\xdb\x3a\x2a", "ocdbt", NOT OCDBT },
	{ 0, 4, "\x0c\xdb\x20\xde", "ocdbt", NOT OCDBT },
	{ 0, 4, "\x0c\xdb\x12\x34", "ocdbt", NOT OCDBT },
	{ 0, 8, "\x12\1\0\0\0\0\0\0", "mxnet", NOT "looks like MXNet "
	    "(.params); mxnet.nd.load and numpy.savez turn it into npz" },
	{ 0, 4, "binf", "xgboost", NOT "looks like XGBoost" OWN },
	{ 0, 4, "CBM1", "catboost", NOT "looks like CatBoost" OWN },
	{ 0, 13, "tree\nversion=", "lightgbm", NOT "looks like LightGBM" OWN },
	{ 0, 4, "\xba\x16\x4f\x2f", "fasttext", NOT "looks like fastText"
	    OWN },
	{ 0, 19, "MATLAB 5.0 MAT-file", "matlab", NOT "looks like MATLAB "
	    "(.mat); scipy.io.loadmat and numpy.savez turn it into npz" },
	{ 0, 8, "7767517\n", "ncnn", NOT "looks like ncnn; its weights are "
	    "beside it, and have no names" },
	{ 0, 13, "# xet version", "xet", "a Xet pointer, not the file itself: "
	    "fetch it with huggingface_hub" },
	{ 0, 2, "\x1f\x8b", "gzip", NOT "looks like gzip; unpack it first" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "zstd",
	    NOT "looks like zstd; unpack it first" },
	{ 0, 6, "7z\xbc\xaf\x27\x1c", "7z",
	    NOT "looks like 7-Zip; unpack it first" },
	{ 0, 6, "\xfd" "7zXZ\0", "xz", NOT "looks like xz; unpack it first" },
	{ 0, 3, "\x5d\0\0", "lzma", NOT "looks like LZMA; unpack it first" },
	{ 0, 2, "ZF", "joblib-zfile", NOT "looks like joblib before 0.9.3; "
	    "load and dump it with a newer one" },
	{ 0, 3, "BZh", "bzip2", NOT "looks like bzip2; unpack it first" },
	{ 0, 4, "\x04\x22\x4d\x18", "lz4",
	    NOT "looks like LZ4; unpack it first" },
	{ 0, 4, "LZIP", "lzip", NOT "looks like lzip; unpack it first" },
	{ 0, 2, "\x1f\x9d", "compress", NOT "looks like compress (.Z); "
	    "unpack it first" },
	{ 0, 4, "Rar!", "rar", NOT "looks like RAR; unpack it first" },
	{ 0, 4, "\x7f" "ELF", "", NOT "looks like a program (ELF)" },
	{ 0, 4, "\x89PNG", "", NOT "looks like a PNG image" },
	{ 0, 3, "\xff\xd8\xff", "", NOT "looks like a JPEG image" },
	{ 0, 5, "%PDF-", "", NOT "looks like a PDF document" },
	{ 0, 2, "MZ", "", NOT "looks like a Windows program" },
	{ 0, 2, "#!", "", NOT "looks like a script" },
	{ 0, 2, "\x78\x01", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\x5e", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\x9c", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\xda", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 23, "version https://git-lfs", "git-lfs",
	    "a Git LFS pointer, not the file itself: run 'git lfs pull'" },
	{ 257, 5, "ustar", "tar", NOT TAR },
};

static bool
has(const struct job *job, uint64_t offset, const void *bytes, size_t length)
{
	return job->size >= offset && job->size - offset >= length &&
	    memcmp(job->map + offset, bytes, length) == 0;
}

static bool
ends_with(const struct zip_peek *peek, const char *tail)
{
	size_t n = strlen(tail);

	return peek->name_len >= n &&
	    memcmp(peek->name + peek->name_len - n, tail, n) == 0;
}

/* What only one writer puts into a zip. */
static const struct member {
	const char *tail;
	const char *format;
	const char *text;
} members[] = {
	{ "model.weights.h5", "keras", NOT "looks like a Keras model: its "
	    "weights are HDF5; save them as safetensors where it can be "
	    "trusted" },
	{ "MAR-INF/MANIFEST.json", "torchserve", NOT "looks like a TorchServe "
	    "archive (.mar); unpack it and look at the model inside" },
	{ "/archive_format", "torch-export", NOT "looks like torch.export "
	    "(.pt2); save its state_dict as safetensors where it can be "
	    "trusted" },
};

static const char *
zip_looks_like(const struct job *job, const char **format)
{
	struct zip_peek peek;

	if (!zip_peek_open(job, &peek))
		return NOT "looks like a zip archive";
	while (zip_peek_next(&peek)) {
		if (ends_with(&peek, ".npy"))
			return NOT "looks like NumPy arrays (.npz)";
		for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
			if (!ends_with(&peek, members[i].tail))
				continue;
			*format = members[i].format;
			return members[i].text;
		}
		if (ends_with(&peek, "[Content_Types].xml"))
			return NOT "looks like an office document";
		if (ends_with(&peek, "META-INF/MANIFEST.MF"))
			return NOT "looks like a Java archive";
		if (ends_with(&peek, "data.pkl"))
			return NOT "a zip whose data.pkl is not in a directory "
			    "of its own";
	}
	return NOT "looks like a zip archive without a data.pkl";
}

/* ---------------------------------------------------------- beyond magic -- */

/* The last eight bytes of a table (tensorflow/core/lib/io/format.h). */
static bool
is_tensor_bundle(const struct job *job)
{
	return job->size >= 48 && has(job, job->size - 8,
	    "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
}

/* NVIDIA NeMo: a tar whose first member is its configuration. */
static bool
is_nemo(const struct job *job)
{
	return has(job, 257, "ustar", 5) &&
	    (has(job, 0, "model_config.yaml", 18) ||
	    has(job, 0, "./model_config.yaml", 20));
}

/* GraphDef's first field is a NodeDef: its name, and the name of an operation
 * (tensorflow/core/framework/graph.proto, node_def.proto). */
static bool
is_frozen_graph(const struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	struct pb_field f;
	struct cursor node;

	if (!pb_next(&c, &f) || f.number != 1 || f.wire != PB_BYTES)
		return false;
	node = pb_inside(&f);
	if (!pb_next(&node, &f) || f.number != 1 || f.wire != PB_BYTES ||
	    f.len == 0 || !pb_next(&node, &f) || f.number != 2 ||
	    f.wire != PB_BYTES || f.len < 2 || f.at[0] < 'A' ||
	    f.at[0] > 'Z')
		return false;
	for (uint64_t i = 0; i < f.len; i++)
		if (digit_value(f.at[i]) == DIGIT_NONE && f.at[i] != '_')
			return false;
	while (pb_next(&node, &f))
		if (f.number > 7)
			return false;
	return !node.bad;
}

/* A table whose first key is text: type, index, size; type, length, text. */
static bool
is_torch7_table(const struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	uint32_t type = cursor_u32le(&c);
	uint32_t index = cursor_u32le(&c);
	uint32_t size = cursor_u32le(&c);
	uint32_t key = cursor_u32le(&c);
	uint32_t length = cursor_u32le(&c);
	const uint8_t *text = cursor_bytes(&c, length);

	if (c.bad || type != 3 || index != 1 || size == 0 || size > 1000000 ||
	    key != 2 || length == 0 || length > 64)
		return false;
	for (uint32_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return false;
	return true;
}

/* A LoDTensor: versions and level 0, then a short description that begins with
 * its type (paddle/phi/core/framework/dense_tensor_serialize.cc). */
static bool
is_paddle_inference(const struct job *job)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	bool zero = cursor_u32le(&c) == 0 && cursor_u64le(&c) == 0 &&
	    cursor_u32le(&c) == 0;
	uint32_t length = cursor_u32le(&c);
	const uint8_t *described = cursor_bytes(&c, length);

	return !c.bad && zero && length >= 4 && length < 512 &&
	    described[0] == 0x08 && described[1] < 32 && described[2] == 0x10;
}

#define LOOK_FIELDS 4096

/* Protobuf has no magic: what the fields of the outermost message are. */
static const char *
protobuf_looks_like(const struct job *job, const char **format)
{
	struct cursor c = cursor_over(job->map, (size_t)job->size);
	struct pb_field f;
	uint32_t seen = 0;
	bool model = false;

	for (unsigned n = 0; n < LOOK_FIELDS && pb_next(&c, &f); n++) {
		if (f.wire != (f.number == 1 || f.number == 10 ? PB_VARINT :
		    PB_BYTES))
			return NULL;
		model = model || f.number >= 200;
		if (f.number < 32)
			seen |= UINT32_C(1) << f.number;
	}
	if (c.bad || c.left > 0 || (seen & 6) != 6)
		return NULL;
	if (model) {
		*format = "coreml";
		return NOT "looks like Core ML; coremltools reads it";
	}
	if (seen != 6)
		return NULL;
	*format = "saved-model";
	return NOT "looks like a TensorFlow SavedModel; convert it with "
	    "tf2onnx where it can be trusted";
}

static const char *
odd_looks_like(const struct job *job, const char **format)
{
	if (is_nemo(job)) {
		*format = "nemo";
		return NOT "looks like NeMo; unpack it and look at "
		    "model_weights.ckpt";
	}
	/* Of any age and any sum, as torch.load takes it. */
	if (tar_python_is(job)) {
		*format = "tar";
		return NOT TAR;
	}
	if (is_tensor_bundle(job)) {
		*format = "tensor-bundle";
		return NOT "looks like the index of a TensorFlow checkpoint; "
		    "convert it with tf2onnx";
	}
	if (is_torch7_table(job)) {
		*format = "torch7";
		return NOT TORCH7;
	}
	if (is_paddle_inference(job)) {
		*format = "paddle-inference";
		return NOT "looks like Paddle's inference parameters "
		    "(.pdiparams); save the state_dict as .pdparams";
	}
	if (is_frozen_graph(job)) {
		*format = "frozen-graph";
		return NOT "looks like a TensorFlow graph (.pb); convert it "
		    "with tf2onnx where it can be trusted";
	}
	return protobuf_looks_like(job, format);
}

static bool
holds(const uint8_t *at, size_t length, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= length; i++)
		if (memcmp(at + i, text, n) == 0)
			return true;
	return false;
}

/* In the first bytes of texts that belong to a checkpoint. */
static const struct {
	const char *text;
	const char *means;
} words[] = {
	{ "\"zarr_format\"", NOT "looks like a part of a zarr array (Orbax?); "
	    "restore it with orbax and save it with flax.serialization" },
	{ "\"tree_metadata\"", NOT "looks like a part of an Orbax checkpoint; "
	    "restore it with orbax and save it with flax.serialization" },
	{ "\"item_handlers\"", NOT "looks like a part of an Orbax checkpoint; "
	    "restore it with orbax and save it with flax.serialization" },
	{ "model_checkpoint_path:", NOT "looks like the list of TensorFlow "
	    "checkpoints; their tensors are beside it" },
	{ "<net name=", NOT "looks like OpenVINO; its weights are beside it" },
};

/* Text when the first bytes are; says which kind where one can tell. */
static const char *
text_looks_like(const struct job *job)
{
	size_t length = job->size < 512 ? (size_t)job->size : 512;
	size_t i = 0;

	for (size_t k = 0; k < length; k++)
		if (job->map[k] < ' ' && memchr("\t\n\r\f", job->map[k],
		    4) == NULL)
			return NOT "unknown";
	while (i < length && memchr(" \t\r\n", job->map[i], 4) != NULL)
		i++;
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		if (holds(job->map, length, words[k].text))
			return words[k].means;
	if (i < length && (job->map[i] == '{' || job->map[i] == '['))
		return NOT "looks like JSON";
	if (i < length && job->map[i] == '<')
		return NOT "looks like HTML or XML (a web page?)";
	return NOT "looks like text";
}

const char *
looks_like(const struct job *job, const char **format)
{
	const char *odd;

	/* Whatever its members are called, something may load one of them. */
	*format = "zip";
	if (zip_is(job))
		return zip_looks_like(job, format);
	odd = odd_looks_like(job, format);
	if (odd != NULL)
		return odd;
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		*format = magics[i].format[0] != '\0' ? magics[i].format :
		    NULL;
		if (has(job, magics[i].offset, magics[i].bytes,
		    magics[i].length))
			return magics[i].text;
	}
	*format = NULL;
	return text_looks_like(job);
}
