/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf.h - what the files of the GGUF reader share; for them alone.
 */
#ifndef WORKER_GGUF_H
#define WORKER_GGUF_H

#include "cursor.h"
#include "job.h"
#include "unique.h"

struct gguf {
	struct job *job;
	struct cursor c;
	bool big_endian;
	uint32_t version;
	uint64_t alignment;
	bool plain_names;	/* no tensor's is empty or holds a NUL */
};

/* Offset in the file of what is read next. */
uint64_t gguf_at(const struct gguf *g);
/* Numbers in the file's byte order. */
uint16_t gguf_u16(struct gguf *g);
uint32_t gguf_u32(struct gguf *g);
uint64_t gguf_u64(struct gguf *g);
/* A count or a length: 32 bits in version 1. */
uint64_t gguf_length(struct gguf *g);
/* In place; dies when the file ends before it does. */
const uint8_t *gguf_string(struct gguf *g, uint64_t *length);
/* Dies when a read went past the end. */
void gguf_whole(const struct gguf *g, uint64_t where);

/* gguf_values.c: so many keys and values; sets alignment. */
void gguf_values(struct gguf *g, uint64_t count);
/* gguf_tensors.c: so many infos, and the data behind them. */
void gguf_tensors(struct gguf *g, uint64_t count);

#endif
