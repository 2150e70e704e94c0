/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_save.c - the safetensors writer: a checkpoint made from the bytes, each
 * message judged as the session does, is written, and read again by
 * strict_safetensors.c, which shares no code with the writer.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "fuzz_take.h"
#include "strict_safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t input[4096];

static const struct rules rules = {
	.limits = { .tensors = 40, .streamed_bytes = 1 << 14,
	    .contiguous_bytes = 1 << 16, .names_bytes = 1 << 16 },
	.input_size = sizeof(input) };

static void
open_input(struct source *s)
{
	static struct stat st;
	static int fd = -1;

	if (fd < 0) {
		for (size_t i = 0; i < sizeof(input); i++)
			input[i] = (uint8_t)(i * 7 + i / 256);
		fd = memfd_create("input", MFD_CLOEXEC);
		if (fd < 0 || write(fd, input, sizeof(input)) !=
		    sizeof(input) || fstat(fd, &st) != 0)
			abort();
	}
	*s = (struct source){ .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.size = sizeof(input), .device = st.st_dev,
		.inode = st.st_ino, .mtime = st.st_mtim,
		.ctime = st.st_ctim };
}

static bool
add_storage(struct take *t, struct totals *totals, pfork_checkpoint *c)
{
	struct wire_storage m = { .id = (uint32_t)totals->storages,
		.kind = 1 + take_under(t, 2), .length = take_u64(t),
		.offset = WIRE_NO_OFFSET };
	struct storage *s;

	if (m.kind == STORAGE_EXTENT)
		m.offset = take_u64(t);
	if (check_storage(&rules, totals, &m).code != PFORK_OK)
		return true;
	if (build_storage(c, &m) != BUILD_OK)
		return false;
	s = &c->storages[m.id];
	for (uint64_t i = 0; s->streamed && i < s->length; i++)
		s->bytes[i] = (uint8_t)(i * 13 + m.id);
	return true;
}

static struct wire_bytes
take_name(struct take *t)
{
	static const char *const names[] = { "__metadata__", "format",
		"picklefork.origin", "a", "a.b", "\"", "\\", "\x01", "\xc3\xa9",
		"\xf0\x9f\x98\x80", "\n" };
	unsigned which = take_u8(t);

	if (which >= sizeof(names) / sizeof(names[0]))
		return take_bytes(t, 12);
	return (struct wire_bytes){ (const uint8_t *)names[which],
		strlen(names[which]) };
}

static bool
add_tensor(struct take *t, struct totals *totals, pfork_checkpoint *c)
{
	uint64_t shape[4];
	uint64_t strides[4];
	struct wire_tensor m = { .name = take_name(t), .shape = shape,
		.strides = strides, .dtype = take_under(t, 34),
		.storage = take_under(t, 8), .rank = take_under(t, 5) };
	struct geometry g;

	m.stride_count = m.rank;
	for (size_t i = 0; i < m.rank; i++)
		shape[i] = take_u64(t);
	if (take_under(t, 2) == 0 || !shape_strides(shape, m.rank, strides))
		for (size_t i = 0; i < m.rank; i++)
			strides[i] = take_u64(t);
	m.offset = take_u64(t);
	if (check_tensor(&rules, totals, c->storages, &m, &g).code != PFORK_OK)
		return true;
	return build_tensor(c, &m, &g) == BUILD_OK;
}

static bool
add_alias(struct take *t, struct totals *totals, pfork_checkpoint *c)
{
	struct wire_alias m = { take_name(t), take_under(t, 16) };

	if (check_alias(&rules, totals, &m).code != PFORK_OK)
		return true;
	return build_alias(c, &m) == BUILD_OK;
}

static void
save_and_read(const pfork_checkpoint *c, uint32_t flags)
{
	static int out = -1;
	const pfork_save_options options = { .size = sizeof(options),
		.flags = flags };
	pfork_error err;
	uint8_t *bytes;
	off_t size;

	if (out < 0)
		out = memfd_create("output", MFD_CLOEXEC);
	if (lseek(out, 0, SEEK_SET) != 0 || ftruncate(out, 0) != 0)
		abort();
	if (pfork_save_safetensors(c, out, &options, &err) != PFORK_OK) {
		if (err.code != PFORK_E_UNSUPPORTED)
			__builtin_trap();
		return;
	}
	size = lseek(out, 0, SEEK_CUR);
	bytes = malloc((size_t)size);
	if (bytes == NULL || pread(out, bytes, (size_t)size, 0) != size)
		abort();
	strict_safetensors(c, input, bytes, (size_t)size, flags);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct take t = { data, size };
	struct totals totals = { 0 };
	uint32_t flags = take_under(&t, 4);
	pfork_checkpoint *c = checkpoint_new();
	bool good = c != NULL;

	if (!good)
		return 0;
	open_input(&c->source);
	strcpy(c->format, "torch-zip");
	while (good && t.left > 0) {
		uint8_t what = take_u8(&t);

		good = what < 60 ? add_storage(&t, &totals, c)
		    : what < 100 ? add_alias(&t, &totals, c)
		    : add_tensor(&t, &totals, c);
	}
	if (good)
		save_and_read(c, flags);
	pfork_checkpoint_unref(c);
	return 0;
}
