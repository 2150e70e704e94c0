/* SPDX-License-Identifier: Apache-2.0
 *
 * hand.c - see hand.h.
 */
#include "hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "build.h"

pfork_checkpoint *
hand_new(const void *bytes, size_t length)
{
	pfork_checkpoint *c = checkpoint_new();
	struct stat st;
	int fd = memfd_create("hand", MFD_CLOEXEC);

	assert_non_null(c);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	assert_int_equal(fstat(fd, &st), 0);
	c->source.fd = fd;
	c->source.size = length;
	c->source.device = st.st_dev;
	c->source.inode = st.st_ino;
	c->source.mtime = st.st_mtim;
	c->source.ctime = st.st_ctim;
	c->verdict = PFORK_CLEAN;
	strcpy(c->format, "torch-zip");
	return c;
}

uint32_t
hand_extent(pfork_checkpoint *c, uint64_t offset, uint64_t length)
{
	const struct wire_storage m = { (uint32_t)c->storage_count,
		STORAGE_EXTENT, length, offset };

	assert_int_equal(build_storage(c, &m), BUILD_OK);
	return m.id;
}

uint32_t
hand_stream(pfork_checkpoint *c, const void *bytes, size_t length)
{
	const struct wire_storage m = { (uint32_t)c->storage_count,
		STORAGE_STREAM, length, WIRE_NO_OFFSET };

	assert_int_equal(build_storage(c, &m), BUILD_OK);
	if (length > 0)
		memcpy(c->storages[m.id].bytes, bytes, length);
	return m.id;
}

void
hand_tensor(pfork_checkpoint *c, const char *name, const char *dtype,
    size_t rank, const uint64_t *shape, const uint64_t *strides,
    uint32_t storage, uint64_t offset)
{
	static const uint8_t kind = PATH_KEY;
	const struct wire_bytes text = { (const uint8_t *)name, strlen(name) };
	uint64_t c_order[RANK_MAX];
	struct geometry g = { .dtype = dtype_by_name(dtype, strlen(dtype)) };
	struct wire_tensor m = { .name = text, .path = &text, .path_count = 1,
		.path_kinds = { &kind, 1 }, .shape = shape, .rank = rank,
		.strides = strides, .stride_count = rank, .storage = storage,
		.offset = offset };

	assert_non_null(g.dtype);
	if (strides == NULL) {
		assert_true(shape_strides(shape, rank, c_order));
		m.strides = c_order;
	}
	m.dtype = g.dtype->code;
	assert_true(shape_bytes(g.dtype, shape, rank, &g.nbytes));
	assert_true(shape_span(g.dtype, shape, m.strides, rank, &g.span));
	g.contiguous = shape_is_contiguous(shape, m.strides, rank);
	assert_true(g.span == 0 ||
	    offset + g.span <= c->storages[storage].length);
	assert_int_equal(build_tensor(c, &m, &g), BUILD_OK);
}

void
hand_alias(pfork_checkpoint *c, const char *name, uint32_t target)
{
	struct alias_entry *a;

	c->aliases =
	    realloc(c->aliases, (c->alias_count + 1) * sizeof(*c->aliases));
	assert_non_null(c->aliases);
	a = &c->aliases[c->alias_count++];
	a->name = pool_text(&c->strings, (const uint8_t *)name, strlen(name));
	a->target = target;
	assert_int_equal(name_table_add(&c->names, a->name, target), 1);
}

uint8_t *
hand_expected(const pfork_tensor *t, const uint8_t *storage)
{
	size_t element = dtype_element_bytes(t->dtype);
	uint8_t *out = malloc(t->nbytes + 1);

	assert_non_null(out);
	if (element == 0) {
		memcpy(out, storage + t->offset, t->nbytes);
		return out;
	}
	for (uint64_t n = 0; n < pfork_tensor_elements(t); n++) {
		uint64_t rest = n;
		uint64_t at = 0;

		for (size_t d = t->rank; d-- > 0;) {
			at += rest % t->shape[d] * tensor_strides(t)[d];
			rest /= t->shape[d];
		}
		memcpy(out + n * element, storage + t->offset + at * element,
		    element);
	}
	return out;
}
