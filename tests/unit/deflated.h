/* SPDX-License-Identifier: Apache-2.0
 *
 * deflated.h - zip archives whose members are deflated and as large as a test
 * wants them, made without a compressor: deflate's own stored blocks.  For the
 * tests of what several workers inflate together.
 */
#ifndef TESTS_DEFLATED_H
#define TESTS_DEFLATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deflated {
	uint8_t *bytes;
	size_t length;
	size_t room;
	uint8_t *directory;
	size_t directory_length;
	size_t directory_room;
	unsigned count;
	size_t last;		/* where the last member's first block is */
};

/* The first block holds `first` bytes (0: as many as fit). */
void deflated_add(struct deflated *z, const char *name, const void *bytes,
    size_t length, size_t first);
/* As it is. */
void deflated_add_stored(struct deflated *z, const char *name,
    const void *bytes, size_t length);
/* NAME.npy: `count` bytes of U8, byte i of it (i * 7 + seed) modulo 256; its
 * header is a block of its own. */
void deflated_add_npy(struct deflated *z, const char *name, size_t count,
    unsigned seed);
/* The bytes of such a member; the caller frees them. */
uint8_t *deflated_npy(size_t count, unsigned seed, size_t *length);
#define DEFLATED_NPY_HEADER 128
/* m/data.pkl, a dict of tensors "t0", "t1", ... of U8 over the storages "0",
 * "1", ... of so many bytes. */
void deflated_add_torch(struct deflated *z, const size_t *sizes,
    unsigned count);
/* The directory; nothing can be added after it. */
void deflated_end(struct deflated *z);
void deflated_free(struct deflated *z);

#endif
