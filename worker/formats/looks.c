/* SPDX-License-Identifier: Apache-2.0
 *
 * looks.c - see looks.h.  A person who gave us the wrong file wants to know
 * which one it was.  Looks at a few bytes; decides nothing.
 */
#include "looks.h"

#include <string.h>

#include "zip_parts.h"

#define NOT "no format that is read here: "

/* format: NULL for what no loader of checkpoints takes. */
static const struct magic {
	uint16_t offset;
	uint8_t length;
	const char *bytes;
	const char *format;
	const char *text;
} magics[] = {
	{ 0, 8, "\x89HDF\r\n\x1a\n", "hdf5",
	    NOT "looks like HDF5 (Keras .h5)" },
	{ 0, 4, "ggjt", "ggml", NOT "looks like GGML (before GGUF)" },
	{ 0, 2, "\x1f\x8b", "gzip", NOT "looks like gzip; unpack it first" },
	{ 0, 4, "\x28\xb5\x2f\xfd", "zstd",
	    NOT "looks like zstd; unpack it first" },
	{ 0, 6, "7z\xbc\xaf\x27\x1c", "7z", NOT "looks like 7-Zip" },
	{ 0, 6, "\xfd" "7zXZ\0", "xz", NOT "looks like xz; unpack it first" },
	{ 0, 3, "\x5d\0\0", "lzma", NOT "looks like LZMA; unpack it first" },
	{ 0, 2, "ZF", "joblib-zfile", NOT "looks like joblib before 0.9.3; "
	    "load and dump it with a newer one" },
	{ 0, 3, "BZh", "bzip2", NOT "looks like bzip2; unpack it first" },
	{ 0, 4, "\x04\x22\x4d\x18", "lz4",
	    NOT "looks like LZ4; unpack it first" },
	{ 0, 4, "Rar!", "rar", NOT "looks like RAR" },
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
	{ 257, 5, "ustar", "tar", NOT "looks like a tar archive" },
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
			return NOT "looks like a Keras model";
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
	if (i < length && (job->map[i] == '{' || job->map[i] == '['))
		return NOT "looks like JSON";
	if (i < length && job->map[i] == '<')
		return NOT "looks like HTML or XML (a web page?)";
	return NOT "looks like text";
}

const char *
looks_like(const struct job *job, const char **format)
{
	/* Whatever its members are called, something may load one of them. */
	*format = "zip";
	if (zip_is(job))
		return zip_looks_like(job);
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		*format = magics[i].format;
		if (has(job, magics[i].offset, magics[i].bytes,
		    magics[i].length))
			return magics[i].text;
	}
	*format = NULL;
	return text_looks_like(job);
}
