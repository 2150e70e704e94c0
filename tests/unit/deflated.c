/* SPDX-License-Identifier: Apache-2.0
 *
 * deflated.c - see deflated.h.  For tests alone.
 */
#include "deflated.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BLOCK_MAX 65535
#define NAME_ROOM 64

static void
put_bytes(uint8_t **out, size_t *length, size_t *room, const void *bytes,
    size_t size)
{
	if (*length + size > *room) {
		*room = 2 * (*length + size);
		*out = realloc(*out, *room);
		assert_non_null(*out);
	}
	if (size > 0)
		memcpy(*out + *length, bytes, size);
	*length += size;
}

static void
put(struct deflated *z, bool central, uint64_t value, unsigned width)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < width; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	if (central)
		put_bytes(&z->directory, &z->directory_length,
		    &z->directory_room, bytes, width);
	else
		put_bytes(&z->bytes, &z->length, &z->room, bytes, width);
}

/* Bit by bit would take seconds. */
static uint32_t
crc32_of(const uint8_t *at, size_t length)
{
	static uint32_t table[256];
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^
			    ((table[i] & 1) != 0 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < length; i++)
		crc = crc >> 8 ^ table[(crc ^ at[i]) & 0xff];
	return ~crc;
}

static size_t
packed_length(size_t length, size_t first)
{
	size_t blocks = 0;

	for (size_t done = 0; done < length || blocks == 0; blocks++)
		done += blocks == 0 && first != 0 ? first : BLOCK_MAX;
	return length + 5 * blocks;
}

/* RFC 1951, 3.2.4. */
static void
put_blocks(struct deflated *z, const uint8_t *at, size_t length, size_t first)
{
	size_t take = first != 0 ? first : BLOCK_MAX;

	for (;; at += take, length -= take, take = BLOCK_MAX) {
		if (take > length)
			take = length;
		put(z, false, take == length, 1);
		put(z, false, take, 2);
		put(z, false, ~(uint64_t)take, 2);
		put_bytes(&z->bytes, &z->length, &z->room, at, take);
		if (take == length)
			return;
	}
}

static void
add(struct deflated *z, const char *name, const void *bytes, size_t length,
    size_t packed, unsigned method)
{
	size_t header = z->length;
	uint32_t crc = crc32_of(bytes, length);

	for (int central = 0; central < 2; central++) {
		put(z, central, central ? 0x02014b50 : 0x04034b50, 4);
		if (central)
			put(z, central, 20, 2);
		put(z, central, 20, 2);
		put(z, central, 0x0800, 2);
		put(z, central, method, 2);
		put(z, central, 0, 4);
		put(z, central, crc, 4);
		put(z, central, packed, 4);
		put(z, central, length, 4);
		put(z, central, strlen(name), 2);
		put(z, central, 0, 2);
		if (central) {
			put(z, central, 0, 6);
			put(z, central, 0, 4);
			put(z, central, header, 4);
		}
		if (central)
			put_bytes(&z->directory, &z->directory_length,
			    &z->directory_room, name, strlen(name));
		else
			put_bytes(&z->bytes, &z->length, &z->room, name,
			    strlen(name));
	}
	z->count++;
	z->last = z->length;
}

void
deflated_add(struct deflated *z, const char *name, const void *bytes,
    size_t length, size_t first)
{
	add(z, name, bytes, length, packed_length(length, first), 8);
	put_blocks(z, bytes, length, first);
}

void
deflated_add_stored(struct deflated *z, const char *name, const void *bytes,
    size_t length)
{
	add(z, name, bytes, length, length, 0);
	put_bytes(&z->bytes, &z->length, &z->room, bytes, length);
}

uint8_t *
deflated_npy(size_t count, unsigned seed, size_t *length)
{
	char dict[DEFLATED_NPY_HEADER];
	uint8_t *bytes;
	int size;

	*length = DEFLATED_NPY_HEADER + count;
	bytes = malloc(*length);
	assert_non_null(bytes);
	memset(bytes, ' ', DEFLATED_NPY_HEADER);
	memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
	size = snprintf(dict, sizeof(dict), "{'descr': '|u1', "
	    "'fortran_order': False, 'shape': (%zu,), }", count);
	memcpy(bytes + 10, dict, (size_t)size);
	bytes[DEFLATED_NPY_HEADER - 1] = '\n';
	for (size_t i = 0; i < count; i++)
		bytes[DEFLATED_NPY_HEADER + i] = (uint8_t)(i * 7 + seed);
	return bytes;
}

void
deflated_add_npy(struct deflated *z, const char *name, size_t count,
    unsigned seed)
{
	size_t length;
	uint8_t *bytes = deflated_npy(count, seed, &length);

	deflated_add(z, name, bytes, length, DEFLATED_NPY_HEADER);
	free(bytes);
}

/* A protocol 2 dict; the words are torch's. */
void
deflated_add_torch(struct deflated *z, const size_t *sizes, unsigned count)
{
	char pickle[4096];
	char name[NAME_ROOM];
	size_t used = (size_t)snprintf(pickle, sizeof(pickle), "\x80\x02}(");
	uint8_t *bytes;

	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(pickle + used, sizeof(pickle) - used,
		    "S't%u'\nctorch._utils\n_rebuild_tensor_v2\n"
		    "((S'storage'\nctorch\nByteStorage\nS'%u'\nS'cpu'\n"
		    "I%zu\ntQI0\n(I%zu\nt(I1\ntI00\nccollections\n"
		    "OrderedDict\n(tRtR", i, i, sizes[i], sizes[i]);
	used += (size_t)snprintf(pickle + used, sizeof(pickle) - used, "u.");
	deflated_add(z, "m/data.pkl", pickle, used, 0);
	deflated_add(z, "m/version", "3\n", 2, 0);
	for (unsigned i = 0; i < count; i++) {
		bytes = malloc(sizes[i] + 1);
		assert_non_null(bytes);
		for (size_t k = 0; k < sizes[i]; k++)
			bytes[k] = (uint8_t)(k * 7 + i);
		snprintf(name, sizeof(name), "m/data/%u", i);
		deflated_add(z, name, bytes, sizes[i], 0);
		free(bytes);
	}
}

void
deflated_end(struct deflated *z)
{
	size_t at = z->length;

	put_bytes(&z->bytes, &z->length, &z->room, z->directory,
	    z->directory_length);
	put(z, false, 0x06054b50, 4);
	put(z, false, 0, 4);
	put(z, false, z->count, 2);
	put(z, false, z->count, 2);
	put(z, false, z->directory_length, 4);
	put(z, false, at, 4);
	put(z, false, 0, 2);
}

void
deflated_free(struct deflated *z)
{
	free(z->bytes);
	free(z->directory);
	memset(z, 0, sizeof(*z));
}
