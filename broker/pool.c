/* SPDX-License-Identifier: Apache-2.0
 *
 * pool.c - chunks of memory for a checkpoint's strings and small arrays, all
 * freed together.  Trusts its caller for the sizes: they have been judged.
 * Must never move what it has handed out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

/* One chunk holds some 600 names of 100 bytes; a larger request gets a chunk of
 * its own. */
#define CHUNK_BYTES ((size_t)64 * 1024)
#define ALIGN ((size_t)8)

static struct pool_chunk *
chunk_new(struct pool *p, size_t size)
{
	struct pool_chunk *chunk;

	chunk = malloc(sizeof(*chunk) + size);
	if (chunk == NULL)
		return NULL;
	chunk->size = size;
	chunk->used = 0;
	chunk->next = p->head;
	p->head = chunk;
	p->total += size;
	return chunk;
}

void *
pool_alloc(struct pool *p, size_t size)
{
	struct pool_chunk *chunk = p->head;
	void *at;

	if (size > PTRDIFF_MAX - CHUNK_BYTES)
		return NULL;
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (chunk == NULL || chunk->size - chunk->used < size) {
		chunk = chunk_new(p, size > CHUNK_BYTES ? size : CHUNK_BYTES);
		if (chunk == NULL)
			return NULL;
	}
	at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

char *
pool_text(struct pool *p, const uint8_t *at, size_t length)
{
	char *text;

	if (length == SIZE_MAX)
		return NULL;
	text = pool_alloc(p, length + 1);
	if (text == NULL)
		return NULL;
	if (length > 0)
		memcpy(text, at, length);
	text[length] = '\0';
	return text;
}

void
pool_free(struct pool *p)
{
	struct pool_chunk *next;

	for (struct pool_chunk *c = p->head; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	p->head = NULL;
	p->total = 0;
}
