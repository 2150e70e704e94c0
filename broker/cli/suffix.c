/* SPDX-License-Identifier: Apache-2.0
 *
 * suffix.c - see suffix.h.  Here are suffixes that have one meaning alone:
 * .bin, .pt, .pth, .ckpt, .pkl, .model and .tar are used for everything.
 */
#include "suffix.h"

#include <string.h>
#include <strings.h>

static const struct {
	const char *suffix;
	const char *promise;
	const char *formats[3];	/* that keep it */
} suffixes[] = {
	{ ".safetensors", "safetensors", { "safetensors" } },
	{ ".gguf", "gguf", { "gguf" } },
	{ ".npy", "npy", { "npy" } },
	{ ".npz", "npz", { "npz" } },
	{ ".onnx", "onnx", { "onnx" } },
	{ ".msgpack", "flax-msgpack", { "flax-msgpack" } },
	{ ".joblib", "joblib", { "joblib", "pickle", "joblib-zfile" } },
	{ ".h5", "hdf5", { "hdf5" } },
	{ ".hdf5", "hdf5", { "hdf5" } },
	{ ".keras", "keras", { "keras", "zip" } },
	{ ".tflite", "tflite", { "tflite" } },
};

bool
suffix_is(const char *name, const char *end)
{
	size_t length = strlen(name);

	return length > strlen(end) &&
	    strcmp(name + length - strlen(end), end) == 0;
}

const char *
suffix_differs(const char *file, const char *format)
{
	size_t length = strlen(file);
	size_t n;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		n = strlen(suffixes[i].suffix);
		if (length <= n || strcasecmp(file + length - n,
		    suffixes[i].suffix) != 0)
			continue;
		for (size_t k = 0; k < 3 && suffixes[i].formats[k] != NULL; k++)
			if (strcmp(format, suffixes[i].formats[k]) == 0)
				return NULL;
		return suffixes[i].promise;
	}
	return NULL;
}

void
suffix_report(FILE *out, const char *file, const pfork_checkpoint *ckpt,
    const char *indent)
{
	const char *format = ckpt == NULL ? "" : pfork_checkpoint_format(ckpt);
	const char *promise = suffix_differs(file, format);

	if (ckpt == NULL || promise == NULL)
		return;
	fprintf(out, "%snote: by its name it is %s, by its content %s\n",
	    indent, promise, format[0] == '\0' ? "nothing known" : format);
}
