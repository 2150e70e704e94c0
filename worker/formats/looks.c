/* SPDX-License-Identifier: Apache-2.0
 *
 * looks.c - see looks.h.  A person who gave us the wrong file wants to know
 * which one it was.  Looks at a few bytes; decides nothing.
 */
#include "looks.h"

#include <string.h>

#include "protobuf_read.h"
#include "zip_parts.h"

#define NOT "no format that is read here: "
#define GGML "looks like GGML (before GGUF); convert it with llama.cpp's " \
	"convert_llama_ggml_to_gguf.py"

/* format: NULL for what no loader of checkpoints takes. */
static const struct magic {
	uint16_t offset;
	uint8_t length;
	const char *bytes;
	const char *format;
	const char *text;
} magics[] = {
	{ 0, 8, "\x89HDF\r\n\x1a\n", "hdf5",
	    NOT "looks like HDF5 (Keras .h5); save it as safetensors where "
	    "it can be trusted" },
	/* Words of 32 bits: 'ggml', 'ggmf', 'ggjt', 'ggla'. */
	{ 0, 4, "lmgg", "ggml", NOT GGML },
	{ 0, 4, "fmgg", "ggml", NOT GGML },
	{ 0, 4, "tjgg", "ggml", NOT GGML },
	{ 0, 4, "algg", "ggml", NOT GGML },
	{ 0, 15, "\4\0\0\0\1\0\0\0\3\0\0\0V 1", "torch7",
	    NOT "looks like Torch7 (.t7); torchfile and numpy.savez turn it "
	    "into npz" },
	{ 4, 4, "TFL3", "tflite", NOT "looks like TensorFlow Lite; convert it "
	    "with tf2onnx --tflite" },
	{ 0, 4, "\x0c\xdb\x3a\x2a", "ocdbt", NOT "looks like a file of an "
	    "Orbax checkpoint (OCDBT); restore it with orbax and save it with "
	    "flax.serialization" },
	{ 0, 8, "\x12\1\0\0\0\0\0\0", "mxnet", NOT "looks like MXNet "
	    "(.params)" },
	{ 0, 4, "binf", "xgboost", NOT "looks like XGBoost; its own loader "
	    "runs no code" },
	{ 0, 8, "7767517\n", "ncnn", NOT "looks like ncnn" },
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
	{ 0, 4, "Rar!", "rar", NOT "looks like RAR; unpack it first" },
	{ 0, 4, "\x7f" "ELF", NULL, NOT "looks like a program (ELF)" },
	{ 0, 4, "\x89PNG", NULL, NOT "looks like a PNG image" },
	{ 0, 3, "\xff\xd8\xff", NULL, NOT "looks like a JPEG image" },
	{ 0, 5, "%PDF-", NULL, NOT "looks like a PDF document" },
	{ 0, 2, "MZ", NULL, NOT "looks like a Windows program" },
	{ 0, 2, "#!", NULL, NOT "looks like a script" },
	{ 0, 2, "\x78\x01", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\x5e", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\x9c", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 2, "\x78\xda", "zlib", NOT "looks like zlib data (joblib?)" },
	{ 0, 23, "version https://git-lfs", "git-lfs",
	    "a Git LFS pointer, not the file itself: run 'git lfs pull'" },
	{ 257, 5, "ustar", "tar", NOT "looks like a tar archive; "
	    "unpack it first" },
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

static const char *
zip_looks_like(const struct job *job)
{
	struct zip_peek peek;

	if (!zip_peek_open(job, &peek))
		return NOT "looks like a zip archive";
	while (zip_peek_next(&peek)) {
		if (ends_with(&peek, ".npy"))
			return NOT "looks like NumPy arrays (.npz)";
		if (ends_with(&peek, "model.weights.h5"))
			return NOT "looks like a Keras model: its weights are "
			    "HDF5; save them as safetensors where it can be "
			    "trusted";
		if (ends_with(&peek, "MAR-INF/MANIFEST.json"))
			return NOT "looks like a TorchServe archive (.mar); "
			    "unpack it and look at the model inside";
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
	if (is_tensor_bundle(job)) {
		*format = "tensor-bundle";
		return NOT "looks like the index of a TensorFlow checkpoint; "
		    "convert it with tf2onnx";
	}
	if (is_nemo(job)) {
		*format = "nemo";
		return NOT "looks like NeMo; unpack it and look at "
		    "model_weights.ckpt";
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
	if (holds(job->map, length, "\"zarr_format\""))
		return NOT "looks like a part of a zarr array (Orbax?); "
		    "restore it with orbax and save it with flax.serialization";
	if (holds(job->map, length, "<net name="))
		return NOT "looks like OpenVINO; its weights are beside it";
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
		return zip_looks_like(job);
	odd = odd_looks_like(job, format);
	if (odd != NULL)
		return odd;
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		*format = magics[i].format;
		if (has(job, magics[i].offset, magics[i].bytes,
		    magics[i].length))
			return magics[i].text;
	}
	*format = NULL;
	return text_looks_like(job);
}
