/* SPDX-License-Identifier: Apache-2.0
 *
 * directory.c - see directory.h.  The files inside would each be named as a
 * part of something; a person who lists the directory wants to know of what.
 */
#include "directory.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#define NOT "no format that is read here: "
#define ORBAX "looks like an Orbax checkpoint; restore it with orbax and " \
	"save it with flax.serialization"

/* Names that only one writer makes; of two, both must be there. */
static const struct {
	const char *file;
	const char *beside;
	const char *text;
} marks[] = {
	{ "saved_model.pb", NULL, NOT "looks like a TensorFlow SavedModel; "
	    "convert it with tf2onnx where it can be trusted" },
	{ "saved_model.pbtxt", NULL, NOT "looks like a TensorFlow SavedModel; "
	    "convert it with tf2onnx where it can be trusted" },
	{ "_CHECKPOINT_METADATA", NULL, NOT ORBAX },
	{ "_METADATA", "manifest.ocdbt", NOT ORBAX },
	{ "_METADATA", "_sharding", NOT ORBAX },
	{ "manifest.ocdbt", "d", NOT "looks like an OCDBT database (Orbax); "
	    "restore it with orbax and save it with flax.serialization" },
	{ ".zarray", NULL, NOT "looks like a zarr array; zarr.open and "
	    "numpy.savez turn it into npz" },
	{ ".zgroup", NULL, NOT "looks like a zarr group; zarr.open and "
	    "numpy.savez turn it into npz" },
	{ "zarr.json", NULL, NOT "looks like zarr; zarr.open and numpy.savez "
	    "turn it into npz" },
	{ "Manifest.json", "Data/com.apple.CoreML", NOT "looks like Core ML; "
	    "coremltools reads it" },
};

static bool
has(const char *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int length = snprintf(path, sizeof(path), "%s/%s", directory, name);

	return length > 0 && (size_t)length < sizeof(path) &&
	    lstat(path, &st) == 0;
}

const char *
directory_looks_like(const char *path)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (has(path, marks[i].file) && (marks[i].beside == NULL ||
		    has(path, marks[i].beside)))
			return marks[i].text;
	return NULL;
}
